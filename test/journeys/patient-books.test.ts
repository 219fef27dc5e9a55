// The main job from an empty database to a kept appointment, over HTTP, as everyone concerned sees it.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { startVisita, type Visita } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { firstAdminInvitation } from '#src/identity/first-admin.ts'
import { addDays, localDateOf, weekdayOf, type LocalDate } from '#src/kernel/time.ts'
import { openClient, type Client, type Reply } from '#test/support/client.ts'
import type { AnswerBody } from '#test/support/network.ts'
import { slowOpenSlots } from '#test/support/slow-open-slots.ts'
import { testVisita } from '#test/support/visita.ts'

const timeZone = 'Europe/Paris'
const password = 'four wet herons wait'
const noticeMinutes = 60
const horizonDays = 90

/** Visita with a schema of its own beside the other tests', in which there is nobody yet. */
async function withEmptyVisita(
  work: (story: { visita: Visita; client: Client; database: pg.Client }) => Promise<void>,
): Promise<void> {
  const { databaseUrl, runtime } = await testVisita()
  const schema = `journey_${randomBytes(4).toString('hex')}`
  const config = {
    ...loadConfig({
      envFile: null,
      env: {
        DATA_DIR: runtime.config.dataDirectory,
        DATABASE_URL: databaseUrl,
        DATABASE_SCHEMA: schema,
        DATABASE_POOL_SIZE: '4',
        TOKEN_SIGNING_KEY: randomBytes(32).toString('base64url'),
        ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
      },
    }),
    port: 0,
  }
  const visita = await startVisita({ config, log: pino({ level: 'silent' }) })
  const client = openClient(visita.url)
  const database = new pg.Client({
    connectionString: databaseUrl,
    options: `-c search_path=${schema},public -c TimeZone=UTC`,
  })
  await database.connect()
  try {
    await work({ visita, client, database })
  } finally {
    client.close()
    await database.end()
    await visita.close()
  }
}

/** The next Monday that is not this week's. */
function mondayAhead(now: number): LocalDate {
  const date = addDays(localDateOf(now, timeZone), 7)
  return addDays(date, (8 - weekdayOf(date)) % 7)
}

test('a patient finds a cardiologist for Monday and books; who wants the same time takes another; a cancelled time is open again', async () => {
  await withEmptyVisita(async ({ visita, client, database }) => {
    const { runtime } = visita
    const succeed = async (
      line: Parameters<Client['send']>[0],
      sending: Parameters<Client['send']>[1] = {},
    ): Promise<AnswerBody> => {
      const reply = await client.send(line, sending)
      assert.ok(reply.status < 300, `${line}: ${reply.status} ${JSON.stringify(reply.body)}`)
      return reply.body
    }
    const join = async (person: { name: string; email: string; [more: string]: unknown }) => {
      const { accessToken, account } = await succeed('POST /auth/register', {
        body: { password, ...person },
      })
      return { as: `Bearer ${accessToken}`, account }
    }

    // The first admin follows the link of the start, and sets the clinic up.
    const invitation = await firstAdminInvitation(runtime)
    assert.ok(invitation)
    const admin = await join({
      name: 'Ada Admin',
      email: 'ada@example.org',
      invitationCode: invitation.code,
    })
    assert.equal(admin.account.role, 'admin')
    const { as } = admin
    const cardiology = await succeed('POST /specialties', { as, body: { name: 'Cardiology' } })
    const clinic = await succeed('POST /clinics', {
      as,
      body: {
        name: 'Clinique du Canal',
        timeZone,
        address: { street: '14 quai de Valmy', city: 'Paris', country: 'France' },
        phone: '+33 1 42 68 53 00',
      },
    })
    const rule = { durationMinutes: 30, bufferBeforeMinutes: 0, bufferAfterMinutes: 10 }
    const visitType = await succeed('POST /visit-types', {
      as,
      body: {
        ...rule,
        stepMinutes: 20,
        name: 'First consultation',
        mode: 'in_person',
        instructions: 'Bring your last ECG.',
      },
    })
    const profile = await succeed('POST /doctors', {
      as,
      body: {
        title: 'Dr.',
        name: 'Nina Okafor',
        phone: '+33 1 42 68 53 11',
        specialtyIds: [cardiology.id],
        clinicIds: [clinic.id],
        visitTypeIds: [visitType.id],
        noticeMinutesMin: noticeMinutes,
        horizonDays,
      },
    })

    // The doctor takes the profile over by an invitation, and says when she is there.
    const { code } = await succeed('POST /invitations', {
      as,
      body: { role: 'doctor', doctorId: profile.id, email: 'nina@example.org' },
    })
    const doctor = await join({
      name: 'Nina Okafor',
      email: 'nina@example.org',
      role: 'doctor',
      invitationCode: code,
    })
    assert.equal(doctor.account.doctorId, profile.id)
    const stretches = [
      { from: '09:00', to: '12:00', fromMinute: 540, toMinute: 720 },
      { from: '14:00', to: '17:30', fromMinute: 840, toMinute: 1050 },
    ]
    const weekdays = [1, 2, 3, 5]
    await succeed('PUT /doctors/me/hours', {
      as: doctor.as,
      body: {
        hours: weekdays.flatMap((weekday) =>
          stretches.map(({ from, to }) => ({ clinicId: clinic.id, weekday, from, to })),
        ),
      },
    })
    const monday = mondayAhead(runtime.clock())
    const tuesday = addDays(monday, 1)
    await succeed(`POST /clinics/${clinic.id}/closures`, {
      as,
      body: { startsOn: tuesday, endsOn: tuesday, from: '15:00', name: 'Staff meeting' },
    })

    const [from, to] = [addDays(monday, -3), addDays(monday, 10)]
    /** The open times as listed, which must be those that the slow reference finds. */
    const openTimes = async (): Promise<AnswerBody[]> => {
      const path = `GET /doctors/${profile.id}/availability?from=${from}&to=${to}` as const
      const { days } = await succeed(path)
      assert.equal(days.length, 14)
      const slots: AnswerBody[] = days.flatMap((day: AnswerBody) => day.slots)
      const claims = await database.query<{ startsAt: number; endsAt: number }>(
        `select extract(epoch from lower(during))::float8 * 1000 as "startsAt",
           extract(epoch from upper(during))::float8 * 1000 as "endsAt"
         from claim where calendar_id = $1`,
        [profile.id],
      )
      const expected = slowOpenSlots({
        schedule: {
          hours: weekdays.flatMap((weekday) =>
            stretches.map(({ fromMinute, toMinute }) => ({
              clinicId: clinic.id,
              weekday,
              fromMinute,
              toMinute,
              validFrom: null,
              validUntil: null,
              visitTypeIds: null,
            })),
          ),
          openings: [],
          timeOff: [],
          paused: false,
        },
        clinic: {
          clinicId: clinic.id,
          timeZone,
          closures: [{ startsOn: tuesday, startMinute: 900, endsOn: tuesday, endMinute: 1440 }],
        },
        visitType: { id: visitType.id, ...rule, stepMinutes: 20 },
        from,
        to,
        claims: claims.rows,
        rooms: null,
        fullDates: [],
        earliest: runtime.clock() + noticeMinutes * 60_000,
        latest: runtime.clock() + (horizonDays + 1) * 86_400_000,
      })
      const open = [...expected].filter(([, state]) => state === 'open').map(([at]) => at)
      assert.ok(open.length > 50)
      assert.deepEqual(
        slots.map(({ startsAt }) => Date.parse(startsAt)),
        open.toSorted((one, other) => one - other),
      )
      return slots
    }

    // Anna finds the doctor by specialty and date, and books the second time.
    const anna = await join({
      name: 'Anna Berg',
      email: 'anna@example.org',
      phone: '+33 6 12 34 56 78',
    })
    const found = await succeed(`GET /doctors?specialty=cardiology&date=${monday}`)
    assert.deepEqual(
      found.items.map(({ id }: { id: string }) => id),
      [profile.id],
    )
    assert.deepEqual((await succeed('GET /doctors?specialty=dermatology')).items, [])
    const listed = await openTimes()
    const [, wanted] = found.items[0].firstOpenTimes
    assert.ok(String(wanted.startsAt).startsWith(`${monday}T09:20:00+0`))
    assert.ok(listed.some(({ id }) => id === wanted.id))
    const booked = await succeed('POST /appointments', {
      as: anna.as,
      key: 'annas-first-visit',
      body: { slotId: wanted.id, reason: 'Palpitations.' },
    })
    assert.equal(booked.status, 'confirmed')
    assert.equal(booked.startsAt, wanted.startsAt)
    assert.equal(booked.doctor.phone, '+33 1 42 68 53 11')
    assert.equal(booked.clinic.address.street, '14 quai de Valmy')
    assert.equal(booked.visitType.instructions, 'Bring your last ECG.')
    const isListed = (slots: AnswerBody[]) => slots.some(({ id }) => id === wanted.id)
    assert.equal(isListed(await openTimes()), false)

    // Ben wants the same time, is refused, and takes the first time that he is offered.
    const ben = await join({
      name: 'Ben Ito',
      email: 'ben@example.org',
      phone: '+33 6 98 76 54 32',
    })
    const refused: Reply = await client.send('POST /appointments', {
      as: ben.as,
      body: { slotId: wanted.id },
    })
    assert.equal(refused.status, 409)
    assert.equal(refused.body.type, '/problems/slot-taken')
    assert.equal(refused.body.alternatives.length, 3)
    const [alternative] = refused.body.alternatives
    const bens = await succeed('POST /appointments', {
      as: ben.as,
      body: { slotId: alternative.id },
    })
    assert.equal(bens.startsAt, alternative.startsAt)
    await openTimes()

    // The doctor sees both with their contact, each patient only the own visit.
    const seenBy = async (person: { as: string }) =>
      (await succeed('GET /appointments', { as: person.as })).items
    const day: AnswerBody[] = await seenBy(doctor)
    assert.deepEqual(
      day.map(({ patient: { name, phone, email }, startsAt }) => ({
        name,
        phone,
        email,
        startsAt,
      })),
      [
        {
          name: 'Anna Berg',
          phone: '+33 6 12 34 56 78',
          email: 'anna@example.org',
          startsAt: booked.startsAt,
        },
        {
          name: 'Ben Ito',
          phone: '+33 6 98 76 54 32',
          email: 'ben@example.org',
          startsAt: bens.startsAt,
        },
      ].sort((one, other) => (one.startsAt < other.startsAt ? -1 : 1)),
    )
    assert.deepEqual(
      (await seenBy(anna)).map(({ id }: { id: string }) => id),
      [booked.id],
    )
    assert.equal((await client.send(`GET /appointments/${booked.id}`, { as: ben.as })).status, 404)

    // Anna cancels, and her time can be had again.
    const cancelled = await succeed(`POST /appointments/${booked.id}/cancel`, {
      as: anna.as,
      body: { reason: 'I have found an earlier time.' },
    })
    assert.equal(cancelled.status, 'cancelled')
    assert.equal(isListed(await openTimes()), true)
    const carla = await join({ name: 'Carla Diaz', email: 'carla@example.org' })
    const carlas = await succeed('POST /appointments', {
      as: carla.as,
      body: { doctorId: profile.id, startsAt: wanted.startsAt },
    })
    assert.equal(carlas.status, 'confirmed')
    assert.equal(isListed(await openTimes()), false)
  })
})
