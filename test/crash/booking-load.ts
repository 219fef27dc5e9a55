// Patients who book without end, each a time of their own, and remember what they were answered.

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { newId } from '#src/kernel/ids.ts'
import { addDays, localDateOf, systemClock } from '#src/kernel/time.ts'
import { openClient, type Client, type Reply } from '#test/support/client.ts'
import { until } from '#test/support/race-servers.ts'
import type { RunningVisita } from './running-visita.ts'

const password = 'four wet herons wait'
const visitsADay = 288

export interface Booking {
  as: string
  key: string
  body: { doctorId: string; startsAt: string }
}

export interface Answered extends Booking {
  reply: Reply
}

export interface BookingLoad {
  admin: string
  /** Every booking that was answered 201, in the order of the answers. */
  acknowledged: Answered[]
  /** The next booking of a patient, at a time that nobody else wants. */
  next(patient: number): Booking
  patientCount: number
}

/** Registers the first admin, and makes a clinic with one doctor who is there day and night. */
export async function prepareLoad(
  visita: RunningVisita,
  { patientCount }: { patientCount: number },
): Promise<BookingLoad> {
  const client = openClient(visita.url)
  const made = async (line: Parameters<Client['send']>[0], body: unknown, as?: string) => {
    const reply = await client.send(line, { as, body })
    assert.ok(reply.status < 300, `${line}: ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  const register = async (name: string, more: object = {}) => {
    const email = `${name}@example.org`
    const { accessToken } = await made('POST /auth/register', { email, password, name, ...more })
    return `Bearer ${accessToken}`
  }
  await until('the link for the first admin is printed', () => visita.adminCode !== null)
  const admin = await register('admin', { invitationCode: visita.adminCode })
  const clinic = await made(
    'POST /clinics',
    {
      name: 'Night Clinic',
      timeZone: 'Etc/UTC',
      address: { city: 'Reykjavik', country: 'Iceland' },
    },
    admin,
  )
  const visitType = await made(
    'POST /visit-types',
    { name: 'Short visit', durationMinutes: 5, mode: 'in_person' },
    admin,
  )
  const doctor = await made(
    'POST /doctors',
    { name: 'Nina Okafor', clinicIds: [clinic.id], visitTypeIds: [visitType.id] },
    admin,
  )
  await made(
    `PUT /doctors/${doctor.id}/hours`,
    {
      hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
        clinicId: clinic.id,
        weekday,
        from: '00:00',
        to: '24:00',
      })),
    },
    admin,
  )
  const patients = await Promise.all(
    Array.from({ length: patientCount }, (_, index) => register(`patient-${index}`)),
  )
  client.close()

  let count = 0
  const firstDate = addDays(localDateOf(systemClock(), 'Etc/UTC'), 2)
  return {
    admin,
    acknowledged: [],
    patientCount,
    next(patient) {
      const date = addDays(firstDate, Math.floor(count / visitsADay))
      const minute = (count % visitsADay) * 5
      count += 1
      const hours = String(Math.floor(minute / 60)).padStart(2, '0')
      const minutes = String(minute % 60).padStart(2, '0')
      return {
        as: patients[patient]!,
        key: newId(),
        body: { doctorId: doctor.id, startsAt: `${date}T${hours}:${minutes}:00Z` },
      }
    },
  }
}

export function send(client: Client, { as, key, body }: Booking): Promise<Reply> {
  return client.send('POST /appointments', { as, key, body })
}

/**
 * Books until the server is gone, and answers the bookings whose answers were lost. Any answer but a
 * success fails.
 */
export async function bookUntilGone(load: BookingLoad, url: string): Promise<Booking[]> {
  const client = openClient(url)
  const lost: Booking[] = []
  await Promise.all(
    Array.from({ length: load.patientCount }, async (_, patient) => {
      for (;;) {
        const booking = load.next(patient)
        let reply: Reply
        try {
          reply = await send(client, booking)
        } catch {
          lost.push(booking)
          return
        }
        assert.equal(reply.status, 201, JSON.stringify(reply.body))
        load.acknowledged.push({ ...booking, reply })
      }
    }),
  )
  client.close()
  return lost
}

/** Books until told to stop; a booking that is answered 503 is sent again, as its advice says. */
export async function bookThroughOutage(
  load: BookingLoad,
  { url, isOver }: { url: string; isOver: () => boolean },
): Promise<void> {
  const client = openClient(url)
  await Promise.all(
    Array.from({ length: load.patientCount }, async (_, patient) => {
      while (!isOver()) {
        const booking = load.next(patient)
        let reply = await send(client, booking)
        while (reply.status === 503) {
          assert.ok(Number(reply.headers['retry-after']) >= 0)
          await pause(50)
          reply = await send(client, booking)
        }
        assert.equal(reply.status, 201, JSON.stringify(reply.body))
        load.acknowledged.push({ ...booking, reply })
      }
    }),
  )
  client.close()
}

/** Fails unless the server has exactly the acknowledged bookings, and answers each of them again. */
export async function assertAllThere(load: BookingLoad, url: string): Promise<void> {
  const client = openClient(url)
  const stored: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`
    const { status, body }: Reply = await client.send(`GET /appointments?limit=100${query}`, {
      as: load.admin,
    })
    assert.equal(status, 200)
    for (const { id } of body.items) stored.push(id)
    cursor = body.nextCursor
  }
  assert.deepEqual(
    stored.toSorted(),
    load.acknowledged.map(({ reply }) => String(reply.body.id)).toSorted(),
  )
  // The last ones are those that a crash could have lost.
  const repeats = load.acknowledged.slice(-100).map(async (booking) => {
    const again = await send(client, booking)
    assert.deepEqual([again.status, again.body], [booking.reply.status, booking.reply.body])
  })
  await Promise.all(repeats)
  client.close()
}
