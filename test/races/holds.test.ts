// Holds and overbookings that meet: a patient has one hold with a doctor, a held time has one owner, and
// what is put over others never shares a lane.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { bookAppointment } from '#src/booking/book.ts'
import { confirmHold } from '#src/booking/holds.ts'
import { SlotTaken } from '#src/booking/refusals.ts'
import type { SignedInContext } from '#src/context.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Client, Reply } from '#test/support/client.ts'
import { signInAs } from '#test/support/network.ts'
import { holdClaim, onlyWaiter, whileHeld } from '#test/support/race-blocker.ts'
import { assertNoOverlap, claimsOf } from '#test/support/race-checks.ts'
import { makeRaceNetwork, opensAt, type RaceNetwork } from '#test/support/race-network.ts'
import { throughGate, until, waitingFor, withServers } from '#test/support/race-servers.ts'

const visitTypes = [{ durationMinutes: 20 }]

function hold(
  client: Client,
  network: RaceNetwork,
  wish: { patient: number; minute: number; doctor?: number; hold?: boolean },
): Promise<Reply> {
  return client.send('POST /appointments', {
    as: network.patients[wish.patient]!.as,
    body: {
      doctorId: network.doctorIds[wish.doctor ?? 0],
      startsAt: network.textAt(wish.minute),
      hold: wish.hold ?? true,
    },
  })
}

async function statusesOf(database: pg.Client, ids: string[]): Promise<string[]> {
  const { rows } = await database.query<{ status: string }>(
    'select status from appointment where id = any ($1::uuid[]) order by status',
    [ids],
  )
  return rows.map(({ status }) => status)
}

test('two holds of one patient with one doctor at once: both are granted and one is left', async () => {
  await withServers(2, async (servers) => {
    const { runtime, clients, database } = servers
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 12, visitTypes })
    for (let patient = 0; patient < 12; patient += 1) {
      const minutes = [opensAt + patient * 40, opensAt + patient * 40 + 20]
      const sends = minutes.map(
        (minute, index) => () => hold(clients[index]!, network, { patient, minute }),
      )
      const replies = await throughGate(servers, { waitersMin: 2 }, sends)
      for (const { status, body } of replies) assert.equal(status, 201, JSON.stringify(body))
      const ids = replies.map(({ body }) => String(body.id))
      assert.deepEqual(await statusesOf(database, ids), ['expired', 'held'])
      const claims = await claimsOf(database, [network.patients[patient]!.patientId])
      assert.equal(claims.length, 1)
    }
    await assertNoOverlap(database)
  })
})

test('two holds of one patient with two doctors at once are both kept', async () => {
  await withServers(2, async (servers) => {
    const { runtime, clients, database } = servers
    const network = await makeRaceNetwork(runtime, { doctors: 2, patients: 4, visitTypes })
    for (let patient = 0; patient < 4; patient += 1) {
      const minutes = [opensAt + patient * 40, opensAt + patient * 40 + 20]
      const sends = minutes.map(
        (minute, doctor) => () => hold(clients[doctor]!, network, { patient, minute, doctor }),
      )
      const replies = await throughGate(servers, { waitersMin: 2 }, sends)
      const ids = replies.map(({ body }) => String(body.id))
      assert.deepEqual(await statusesOf(database, ids), ['held', 'held'])
    }
  })
})

test('32 patients who want to hold or book the same time at once: one has it', async () => {
  await withServers(2, async (servers) => {
    const { runtime, clients, database } = servers
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 32, visitTypes })
    const sends = network.patients.map(
      (_, patient) => () =>
        hold(clients[patient % 2]!, network, {
          patient,
          minute: opensAt,
          hold: patient % 4 < 2,
        }),
    )
    const replies = await throughGate(servers, { waitersMin: 16 }, sends)
    assert.equal(replies.filter(({ status }) => status === 201).length, 1)
    for (const { status, body } of replies.filter((reply) => reply.status !== 201)) {
      assert.equal(status, 409)
      assert.equal(body.type, '/problems/slot-taken')
    }
    assert.equal((await claimsOf(database, network.doctorIds)).length, 1)
  })
})

test('one who books the time that they hold, twice at once, is booked once and holds nothing', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 16, visitTypes })
    const held = await Promise.all(
      network.patients.map(async (_, patient) => {
        const minute = opensAt + patient * 20
        const held = await hold(clients[0]!, network, { patient, minute })
        assert.equal(held.status, 201)
        const replies = await Promise.all(
          clients.map((client) => hold(client, network, { patient, minute, hold: false })),
        )
        assert.deepEqual(replies.map(({ status }) => status).sort(), [201, 409])
        return String(held.body.id)
      }),
    )
    assert.deepEqual(
      await statusesOf(database, held),
      held.map(() => 'expired'),
    )
    const patientIds = network.patients.map(({ patientId }) => patientId)
    assert.equal((await claimsOf(database, patientIds)).length, patientIds.length)
    await assertNoOverlap(database)
  })
})

test('a hold that is confirmed many times at once is confirmed once, and with one key each is told so', async () => {
  await withServers(2, async ({ runtime, clients }) => {
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 2, visitTypes })
    for (const [patient, key] of [undefined, newId()].entries()) {
      const held = await hold(clients[0]!, network, { patient, minute: opensAt + patient * 60 })
      const path = `POST /appointments/${held.body.id}/confirm-hold` as const
      const { as } = network.patients[patient]!
      const replies = await Promise.all(
        Array.from({ length: 24 }, (_, index) =>
          clients[index % 2]!.send(path, { as, key, body: {} }),
        ),
      )
      const confirmed = replies.filter(({ status }) => status === 200)
      assert.equal(confirmed.length, key === undefined ? 1 : 24)
      for (const { body } of confirmed) assert.deepEqual(body, confirmed[0]!.body)
      for (const { status, body } of replies.filter((reply) => reply.status !== 200))
        assert.deepEqual([status, body.type], [409, '/problems/wrong-state'])
    }
  })
})

test('a hold that runs out while it is confirmed and someone else books: one of the two has the time', async () => {
  await withServers(1, async ({ runtime, client, database }) => {
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 24, visitTypes })
    const contextAt = async (patient: number, instant: Instant): Promise<SignedInContext> => ({
      ...runtime,
      actor: (await authenticate(runtime, network.patients[patient]!.as))!,
      requestId: 'test',
      clientAddress: null,
      clock: () => instant,
    })
    for (let round = 0; round < 24; round += 1) {
      const minute = opensAt + round * 20
      const startsAt = network.textAt(minute)
      const held = await hold(client, network, { patient: round, minute })
      const id = String(held.body.id)
      const { expires_at: expiresAt } = await runtime.db
        .selectFrom('appointment')
        .select('expires_at')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      const other = (round + 12) % 24
      const confirm = async () =>
        confirmHold(await contextAt(round, expiresAt! - 1), id, {
          reason: null,
          requestedVersion: null,
          request: null,
        })
      const book = async () =>
        bookAppointment(
          await contextAt(other, expiresAt! + 1),
          { doctorId: network.doctorIds[0]!, startsAt },
          null,
        )
      const [confirmed, booked] = await (round % 2 === 0
        ? Promise.allSettled([confirm(), book()])
        : Promise.allSettled([book(), confirm()]).then((outcomes) => outcomes.toReversed()))
      const fulfilled = [confirmed!, booked!].map(({ status }) => status === 'fulfilled')
      assert.deepEqual(fulfilled.toSorted(), [false, true])
      const refused = [confirmed!, booked!].find(({ status }) => status === 'rejected')
      assert.ok(refused?.status === 'rejected')
      assert.equal(refused.reason.code, fulfilled[0] ? 'slot-taken' : 'hold-expired')
    }
    assert.equal((await claimsOf(database, network.doctorIds)).length, 24)
    await assertNoOverlap(database)
  })
})

test('eight overbookings of one time at once all take place, each in a lane of its own', async () => {
  await withServers(2, async (servers) => {
    const { runtime, clients, database } = servers
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 9,
      visitTypes: [{ durationMinutes: 20, roomKind: 'exam' }],
      rooms: { kind: 'exam', count: 1 },
    })
    const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
    const wish = { doctorId: network.doctorIds[0], startsAt: network.textAt(opensAt) }
    const sends = network.patients.map(({ patientId, as: patient }, index) => () => {
      const client = clients[index % 2]!
      // One ordinary booking is in the race too; whether it comes first is chance.
      if (index === 8) return client.send('POST /appointments', { as: patient, body: wish })
      const body = { ...wish, patientId, overbook: { reason: 'Acute.' } }
      return client.send('POST /appointments', { as, body })
    })
    // Overbookings of one doctor go one by one: the first at the gate holds up the others.
    const replies = await throughGate(servers, { waitersMin: 1 }, sends)
    const [ordinary, ...others] = replies.toReversed()
    for (const { status, body } of others) assert.equal(status, 201, JSON.stringify(body))
    assert.ok([201, 409].includes(ordinary!.status), JSON.stringify(ordinary!.body))
    const { rows } = await database.query<{ calendar_id: string; lanes: number[] }>(
      `select calendar_id, array_agg(lane order by lane) as lanes from claim
       where calendar_id = $1 or calendar_id in (select id from room where clinic_id = $2)
       group by calendar_id`,
      [network.doctorIds[0], network.clinicId],
    )
    const lanes = Array.from({ length: ordinary!.status === 201 ? 9 : 8 }, (_, lane) => lane)
    assert.equal(rows.length, 2)
    for (const row of rows) assert.deepEqual(row.lanes, lanes)
    await assertNoOverlap(database)
  })
})

test('an overbooking waits for an ordinary booking that is under way, and is put over it', async () => {
  await withServers(1, async ({ runtime, client, database }) => {
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 3, visitTypes })
    const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
    const doctorId = network.doctorIds[0]!
    const minute = opensAt + 60
    await whileHeld(
      (blocker) => holdClaim(blocker, network, { calendarId: doctorId, minute }),
      async (blockerPid, release) => {
        const booking = hold(client, network, { patient: 0, minute, hold: false })
        const bookingPid = await onlyWaiter(database, blockerPid)
        let isAnswered = false
        const overbooking = client
          .send('POST /appointments', {
            as,
            body: {
              doctorId,
              startsAt: network.textAt(minute),
              patientId: network.patients[1]!.patientId,
              overbook: { reason: 'Acute.' },
            },
          })
          .finally(() => {
            isAnswered = true
          })
        await until(
          'the overbooking waits, or is answered',
          async () => isAnswered || (await waitingFor(database, bookingPid)).length > 0,
        )
        assert.equal(isAnswered, false, 'the overbooking did not wait')
        await release()
        const replies = await Promise.all([booking, overbooking])
        for (const { status, body } of replies) assert.equal(status, 201, JSON.stringify(body))
        const ids = replies.map(({ body }) => String(body.id))
        const { rows } = await database.query<{ lane: number }>(
          `select lane from claim where calendar_id = $1
           order by array_position($2::uuid[], appointment_id)`,
          [doctorId, ids],
        )
        assert.deepEqual(
          rows.map(({ lane }) => lane),
          [0, 1],
        )
      },
    )
  })
})

for (const { where, doctors } of [
  { where: 'with the doctor', doctors: { below: 0, over: 0, ordinary: 0 } },
  { where: 'in the room', doctors: { below: 0, over: 1, ordinary: 2 } },
])
  test(`an ordinary booking waits for an overbooking that is under way, and is refused by it, though nobody is below it ${where} any more`, async () => {
    await withServers(1, async ({ runtime, client, database }) => {
      const network = await makeRaceNetwork(runtime, {
        doctors: 3,
        patients: 3,
        visitTypes: [{ durationMinutes: 20, ...(where === 'in the room' && { roomKind: 'exam' }) }],
        rooms: { kind: 'exam', count: 1 },
      })
      const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
      const startsAt = network.textAt(opensAt)
      const below = await hold(client, network, {
        patient: 0,
        minute: opensAt,
        doctor: doctors.below,
      })
      assert.equal(below.status, 201)
      // When the hold is over, and nobody has written that down.
      const later = runtime.clock() + 11 * 60_000
      const context = {
        ...runtime,
        actor: (await authenticate(runtime, network.patients[2]!.as))!,
        requestId: 'test',
        clientAddress: null,
        clock: () => later,
      }
      await whileHeld(
        async (blocker) => void (await blocker.query('lock table audit_entry in share mode')),
        async (blockerPid, release) => {
          const overbooking = client.send('POST /appointments', {
            as,
            body: {
              doctorId: network.doctorIds[doctors.over],
              startsAt,
              patientId: network.patients[1]!.patientId,
              overbook: { reason: 'Acute.' },
            },
          })
          const overbookingPid = await onlyWaiter(database, blockerPid)
          const wish = { doctorId: network.doctorIds[doctors.ordinary]!, startsAt }
          const booking = bookAppointment(context, wish, null).then(
            () => 'booked',
            (error: unknown) => (error instanceof SlotTaken ? 'taken' : error),
          )
          await until('the booking waits for either', async () => {
            const waiters = await Promise.all(
              [blockerPid, overbookingPid].map((pid) => waitingFor(database, pid)),
            )
            return waiters.flat().some((pid) => pid !== overbookingPid)
          })
          await release()
          assert.equal((await overbooking).status, 201)
          assert.equal(await booking, 'taken')
        },
      )
    })
  })

test('ordinary bookings above overbooked visits are refused while the visits below are cancelled', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, { doctors: 1, patients: 36, visitTypes })
    const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const minute = opensAt + index * 20
        const below = await hold(clients[0]!, network, { patient: index, minute, hold: false })
        const over = await clients[0]!.send('POST /appointments', {
          as,
          body: {
            doctorId: network.doctorIds[0],
            startsAt: network.textAt(minute),
            patientId: network.patients[12 + index]!.patientId,
            overbook: { reason: 'Acute.' },
          },
        })
        assert.equal(over.status, 201, JSON.stringify(over.body))
        const [cancelled, booked] = await Promise.all([
          clients[0]!.send(`POST /appointments/${below.body.id}/cancel`, { as, body: {} }),
          hold(clients[1]!, network, { patient: 24 + index, minute, hold: false }),
        ])
        assert.equal(cancelled.status, 200)
        assert.equal(booked.status, 409, JSON.stringify(booked.body))
      }),
    )
    assert.equal((await claimsOf(database, network.doctorIds)).length, 12)
  })
})
