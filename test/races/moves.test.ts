// Visits that change their times while others want the same ones: a move takes the new time and frees
// the old one, or nothing happens at all.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { createBoard } from '#src/availability/board.ts'
import { rescheduleAppointment } from '#src/booking/reschedule.ts'
import type { SignedInContext } from '#src/context.ts'
import { createEventBus } from '#src/events/events.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { newId } from '#src/kernel/ids.ts'
import { addDays, formatInstant, resolveLocal } from '#src/kernel/time.ts'
import type { Client, Reply } from '#test/support/client.ts'
import { onlyWaiter, whileHeld } from '#test/support/race-blocker.ts'
import { assertNoOverlap, claimsOf } from '#test/support/race-checks.ts'
import { makeRaceNetwork, opensAt, type RaceNetwork } from '#test/support/race-network.ts'
import { until, waitingFor, withServers } from '#test/support/race-servers.ts'

interface Visit {
  as: string
  id: string
}

async function bookAt(
  client: Client,
  network: RaceNetwork,
  { patient, startsAt, hold = false }: { patient: number; startsAt: string; hold?: boolean },
): Promise<Visit> {
  const { as } = network.patients[patient]!
  const body = { doctorId: network.doctorIds[0], startsAt, hold }
  const { status, body: answered } = await client.send('POST /appointments', { as, body })
  assert.equal(status, 201, JSON.stringify(answered))
  return { as, id: String(answered.id) }
}

function move(client: Client, { as, id }: Visit, body: object, key?: string): Promise<Reply> {
  return client.send(`POST /appointments/${id}/reschedule`, { as, body, key })
}

interface StoredVisit {
  id: string
  status: string
  startsAt: number
  version: number
  /** One for each calendar that its row says it takes, with the times that it should have. */
  missingClaims: number
  claims: number
}

/** The visits of the network's doctors, each compared with what it has claimed. */
async function storedVisits(database: pg.Client, network: RaceNetwork): Promise<StoredVisit[]> {
  const { rows } = await database.query<StoredVisit>(
    `select id, status, version, (extract(epoch from starts_at) * 1000)::float8 as "startsAt",
       (select count(*)::int from claim where appointment_id = appointment.id) as claims,
       (select count(*)::int from unnest(array_remove(array[doctor_id, patient_id, room_id], null))
          as wanted where not exists (select from claim
            where appointment_id = appointment.id and calendar_id = wanted
              and during @> tstzrange(starts_at, ends_at))) as "missingClaims"
     from appointment where doctor_id = any ($1::uuid[]) order by id`,
    [network.doctorIds],
  )
  return rows
}

/** Fails unless each visit has claimed what it takes, and what is off nothing. */
async function assertClaimed(database: pg.Client, network: RaceNetwork): Promise<void> {
  const visits = await storedVisits(database, network)
  for (const visit of visits) {
    const isOff = ['cancelled', 'declined', 'expired'].includes(visit.status)
    if (isOff) assert.equal(visit.claims, 0, JSON.stringify(visit))
    else assert.equal(visit.missingClaims, 0, JSON.stringify(visit))
  }
  await assertNoOverlap(database)
}

test('two visits that want each other’s time, 200 times on two servers: none loses its time, and nobody waits for the other', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 2,
      visitTypes: [{ durationMinutes: 20 }],
    })
    const at = (index: number) => network.textAt(opensAt + index * 20)
    // Two visits and three places; in each second round the third place is wanted too.
    const places = [0, 1]
    const visits = await Promise.all(
      places.map((place, patient) =>
        bookAt(clients[0]!, network, { patient, startsAt: at(place) }),
      ),
    )
    let moves = 0
    for (let round = 0; round < 200; round += 1) {
      const free = [0, 1, 2].find((place) => !places.includes(place))!
      const isCrossing = round % 2 === 0
      const wanted = [places[1]!, isCrossing ? places[0]! : free]
      const replies = await Promise.all(
        visits.map((visit, index) =>
          move(clients[(index + round) % 2]!, visit, { startsAt: at(wanted[index]!) }),
        ),
      )
      for (const [index, { status, body }] of replies.entries()) {
        assert.ok(status === 200 || status === 409, JSON.stringify(body))
        if (status === 200) {
          assert.equal(body.startsAt, at(wanted[index]!))
          places[index] = wanted[index]!
          moves += 1
        }
      }
      if (isCrossing) assert.ok(replies.every(({ status }) => status === 409))
      assert.notEqual(places[0], places[1])
      const stored = await storedVisits(database, network)
      for (const [index, { id }] of visits.entries()) {
        const visit = stored.find((one) => one.id === id)!
        assert.equal(visit.startsAt, network.at(opensAt + places[index]! * 20))
        assert.deepEqual([visit.claims, visit.missingClaims], [2, 0])
      }
    }
    assert.ok(moves > 50, `only ${moves} moves to a free place`)
    await assertNoOverlap(database)
  })
})

test('two moves into each other’s time of processes that know of neither: the database refuses both and lets none wait', async () => {
  await withServers(1, async ({ runtime, client, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 2,
      visitTypes: [{ durationMinutes: 20 }],
    })
    const places = [network.textAt(opensAt), network.textAt(opensAt + 20)]
    const movers = await Promise.all(
      places.map(async (startsAt, patient) => {
        const { as, id } = await bookAt(client, network, { patient, startsAt })
        const actor = (await authenticate(runtime, as))!
        const board = createBoard({ ...runtime, events: createEventBus() })
        const context: SignedInContext = {
          ...runtime,
          board,
          actor,
          requestId: 'test',
          clientAddress: null,
        }
        return { context, id }
      }),
    )
    for (let round = 0; round < 200; round += 1) {
      for (const { context } of movers)
        for (const doctor of (await context.board.doctors.get(network.doctorIds)).values())
          doctor.claims = []
      const outcomes = await Promise.allSettled(
        movers.map(({ context, id }, index) =>
          rescheduleAppointment(context, id, {
            body: { startsAt: places[1 - index]! },
            requestedVersion: null,
            request: null,
          }),
        ),
      )
      for (const outcome of outcomes) {
        assert.equal(outcome.status, 'rejected')
        assert.equal(outcome.reason.code, 'slot-taken')
      }
    }
    const stored = await storedVisits(database, network)
    assert.deepEqual(
      stored.map(({ version }) => version),
      [1, 1],
    )
    await assertClaimed(database, network)
  })
})

test('24 visits that want the same time at once: one has it, the others keep theirs', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 24,
      visitTypes: [{ durationMinutes: 10 }],
    })
    const visits = await Promise.all(
      network.patients.map((_, patient) =>
        bookAt(clients[patient % 2]!, network, {
          patient,
          startsAt: network.textAt(opensAt + patient * 10),
        }),
      ),
    )
    const wanted = network.textAt(opensAt + 300)
    const replies = await Promise.all(
      visits.map((visit, index) => move(clients[index % 2]!, visit, { startsAt: wanted })),
    )
    assert.equal(replies.filter(({ status }) => status === 200).length, 1)
    const stored = await storedVisits(database, network)
    for (const [index, { status, body }] of replies.entries()) {
      const visit = stored.find(({ id }) => id === visits[index]!.id)!
      if (status === 200) {
        assert.equal(visit.startsAt, network.at(opensAt + 300))
      } else {
        assert.equal(body.type, '/problems/slot-taken', JSON.stringify(body))
        assert.equal(visit.startsAt, network.at(opensAt + index * 10))
        assert.equal(visit.version, 1)
      }
    }
    await assertClaimed(database, network)
  })
})

test('two moves and a booking into a day with one place left: one wins, twenty times', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    for (let round = 0; round < 20; round += 1) {
      const dailyLimit = 1 + (round % 2)
      const network = await makeRaceNetwork(runtime, {
        doctors: 1,
        patients: 4,
        visitTypes: [{ durationMinutes: 20 }],
        dailyLimit,
      })
      const on = (day: number, minute: number) =>
        formatInstant(
          resolveLocal('Europe/Paris', addDays(network.date, day), minute)!,
          'Europe/Paris',
        )
      const visits = await Promise.all(
        [1, 2].map((day) =>
          bookAt(clients[0]!, network, { patient: day, startsAt: on(day, opensAt) }),
        ),
      )
      if (dailyLimit === 2)
        await bookAt(clients[1]!, network, { patient: 3, startsAt: on(0, opensAt + 300) })
      const replies = await Promise.all([
        move(clients[0]!, visits[0]!, { startsAt: on(0, opensAt) }),
        move(clients[1]!, visits[1]!, { startsAt: on(0, opensAt + 20) }),
        clients[round % 2]!.send('POST /appointments', {
          as: network.patients[0]!.as,
          body: { doctorId: network.doctorIds[0], startsAt: on(0, opensAt + 40) },
        }),
      ])
      const won = replies.filter(({ status }) => status < 300)
      assert.equal(won.length, 1, JSON.stringify(replies.map(({ body }) => body)))
      for (const { status, body } of replies.filter((reply) => !won.includes(reply))) {
        assert.equal(status, 409)
        assert.equal(body.type, '/problems/slot-taken')
      }
      await assertClaimed(database, network)
    }
  })
})

test('one visit that is moved to many times at once has one of them, and the others are free', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 1,
      visitTypes: [{ durationMinutes: 20, roomKind: 'exam' }],
      rooms: { kind: 'exam', count: 2 },
    })
    const visit = await bookAt(clients[0]!, network, {
      patient: 0,
      startsAt: network.textAt(opensAt),
    })
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        move(clients[index % 2]!, visit, { startsAt: network.textAt(opensAt + 20 + index * 20) }),
      ),
    )
    for (const { status, body } of replies) assert.equal(status, 200, JSON.stringify(body))
    const versions = replies.map(({ body }) => Number(body.version))
    assert.equal(new Set(versions).size, 12, 'two moves were one step')
    const last = replies.find(({ body }) => body.version === 13)!
    const [stored] = await storedVisits(database, network)
    assert.equal(network.textAt((stored!.startsAt - network.at(0)) / 60_000), last.body.startsAt)
    assert.equal(stored!.claims, 3)
    assert.equal((await claimsOf(database, network.doctorIds)).length, 1)
    await assertClaimed(database, network)
  })
})

test('100 requests to move with one key at once are one move with equal answers', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 1,
      visitTypes: [{ durationMinutes: 20 }],
    })
    const visit = await bookAt(clients[0]!, network, {
      patient: 0,
      startsAt: network.textAt(opensAt),
    })
    const key = newId()
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        move(clients[index % 2]!, visit, { startsAt: network.textAt(opensAt + 60) }, key),
      ),
    )
    for (const { status, body } of replies) {
      assert.equal(status, 200, JSON.stringify(body))
      assert.deepEqual(body, replies[0]!.body)
    }
    const [stored] = await storedVisits(database, network)
    assert.equal(stored!.version, 2)
  })
})

test('a visit that is moved and cancelled at once is cancelled and has no time, old or new', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 12,
      visitTypes: [{ durationMinutes: 20 }],
    })
    await Promise.all(
      network.patients.map(async (_, patient) => {
        const startsAt = network.textAt(opensAt + patient * 40)
        const visit = await bookAt(clients[0]!, network, { patient, startsAt })
        const [moved, cancelled] = await Promise.all([
          move(clients[0]!, visit, { startsAt: network.textAt(opensAt + 20 + patient * 40) }),
          clients[1]!.send(`POST /appointments/${visit.id}/cancel`, { as: visit.as, body: {} }),
        ])
        assert.equal(cancelled.status, 200, JSON.stringify(cancelled.body))
        if (moved.status !== 200) assert.equal(moved.body.type, '/problems/wrong-state')
      }),
    )
    for (const { status } of await storedVisits(database, network))
      assert.equal(status, 'cancelled')
    await assertClaimed(database, network)
  })
})

test('a freed time that is wanted back by undo and by someone else goes to one of them', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 24,
      visitTypes: [{ durationMinutes: 20 }],
    })
    await Promise.all(
      Array.from({ length: 12 }, async (_, patient) => {
        const startsAt = network.textAt(opensAt + patient * 20)
        const visit = await bookAt(clients[0]!, network, { patient, startsAt })
        await clients[1]!.send(`POST /appointments/${visit.id}/cancel`, { as: visit.as, body: {} })
        const [undone, booked] = await Promise.all([
          clients[0]!.send(`POST /appointments/${visit.id}/undo`, { as: visit.as }),
          clients[1]!.send('POST /appointments', {
            as: network.patients[12 + patient]!.as,
            body: { doctorId: network.doctorIds[0], startsAt },
          }),
        ])
        const statuses = [undone.status, booked.status]
        assert.ok(
          [String([200, 409]), String([409, 201])].includes(String(statuses)),
          JSON.stringify([undone.body, booked.body]),
        )
      }),
    )
    await assertClaimed(database, network)
  })
})

test('a move, a confirmation and an undo wait for a time off that is under way, and are refused by it', async (t) => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const [client, elsewhere] = [clients[0]!, clients[1]!]
    const wanted = opensAt + 120
    const steps: Record<string, (network: RaceNetwork) => Promise<() => Promise<Reply>>> = {
      async 'a move'(network) {
        const startsAt = network.textAt(opensAt)
        const visit = await bookAt(client, network, { patient: 0, startsAt })
        return () => move(client, visit, { startsAt: network.textAt(wanted) })
      },
      async 'a confirmation'(network) {
        const startsAt = network.textAt(wanted)
        const { as, id } = await bookAt(client, network, { patient: 0, startsAt, hold: true })
        return () => client.send(`POST /appointments/${id}/confirm-hold`, { as, body: {} })
      },
      async 'an undo'(network) {
        const startsAt = network.textAt(wanted)
        const { as, id } = await bookAt(client, network, { patient: 0, startsAt })
        await client.send(`POST /appointments/${id}/cancel`, { as, body: {} })
        return () => client.send(`POST /appointments/${id}/undo`, { as })
      },
    }
    for (const [name, prepare] of Object.entries(steps))
      await t.test(name, async () => {
        const network = await makeRaceNetwork(runtime, {
          doctors: 1,
          patients: 1,
          visitTypes: [{ durationMinutes: 20 }],
        })
        const step = await prepare(network)
        await whileHeld(
          async (blocker) => void (await blocker.query('lock table audit_entry in share mode')),
          async (blockerPid, release) => {
            const changing = elsewhere.send(`POST /doctors/${network.doctorIds[0]}/time-off`, {
              as: network.admin,
              body: { startsAt: network.textAt(wanted), endsAt: network.textAt(wanted + 60) },
            })
            const changePid = await onlyWaiter(database, blockerPid)
            let isAnswered = false
            const stepping = step().finally(() => {
              isAnswered = true
            })
            await until(
              'the step waits for the time off, or is answered',
              async () => isAnswered || (await waitingFor(database, changePid)).length > 0,
            )
            assert.equal(isAnswered, false, 'the step did not wait')
            await release()
            assert.equal((await changing).status, 201)
            const refused = await stepping
            assert.ok([409, 422].includes(refused.status), JSON.stringify(refused.body))
          },
        )
        const visits = await storedVisits(database, network)
        const inside = visits.filter(
          ({ status, startsAt }) => status === 'confirmed' && startsAt === network.at(wanted),
        )
        assert.deepEqual(inside, [])
      })
  })
})

test('moves of many visits with rooms, between doctors and days, leave each with exactly what it takes', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 3,
      patients: 16,
      visitTypes: [
        { durationMinutes: 20, bufferAfterMinutes: 10, stepMinutes: 10, roomKind: 'exam' },
      ],
      rooms: { kind: 'exam', count: 2 },
    })
    const times = Array.from({ length: 10 }, (_, index) => network.textAt(opensAt + index * 10))
    let moves = 0
    await Promise.all(
      network.patients.map(async ({ as }, patient) => {
        const startsAt = network.textAt(opensAt + 180 + patient * 10)
        const first = await clients[patient % 2]!.send('POST /appointments', {
          as,
          body: { doctorId: network.doctorIds[patient % 3], startsAt },
        })
        if (first.status !== 201) return
        for (let round = 0; round < 12; round += 1) {
          const chance = patient * 31 + round * 17
          const { status, body } = await move(
            clients[chance % 2]!,
            { as: network.admin, id: String(first.body.id) },
            {
              doctorId: network.doctorIds[chance % 3],
              startsAt: times[chance % times.length],
              ...(chance % 7 === 0 && { overbook: { reason: 'Acute.' } }),
            },
          )
          assert.ok(status === 200 || status === 409, JSON.stringify(body))
          if (status === 200) moves += 1
        }
      }),
    )
    assert.ok(moves > 20, `only ${moves} moves`)
    await assertClaimed(database, network)
    for (const visit of await storedVisits(database, network)) assert.equal(visit.claims, 3)
  })
})
