// Calendars besides the doctor's: a patient is in one place at a time, a room holds one visit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { holdClaim, onlyWaiter, whileHeld } from '#test/support/race-blocker.ts'
import { assertNoOverlap, claimsOf } from '#test/support/race-checks.ts'
import { makeRaceNetwork, opensAt } from '#test/support/race-network.ts'
import { throughGate, until, waitingFor, withServers } from '#test/support/race-servers.ts'

test('one patient who books overlapping times of two doctors at once: one is booked, the other refused as patient-busy', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 2,
      patients: 16,
      visitTypes: [
        { durationMinutes: 20, stepMinutes: 20 },
        { durationMinutes: 30, stepMinutes: 10 },
      ],
    })
    const wishes = await Promise.all(
      network.patients.map(async ({ as, patientId }, index) => {
        const minute = opensAt + index * 20
        const replies = await Promise.all(
          [minute, minute + 10].map((wanted, doctor) =>
            clients[(index + doctor) % 2]!.send('POST /appointments', {
              as,
              body: {
                doctorId: network.doctorIds[doctor],
                visitTypeId: network.visitTypeIds[doctor],
                startsAt: network.textAt(wanted),
              },
            }),
          ),
        )
        return { patientId, replies }
      }),
    )
    for (const { patientId, replies } of wishes) {
      const claims = await claimsOf(database, [patientId])
      assert.equal(claims.length, 1)
      const refused = replies.filter(({ status }) => status !== 201)
      assert.equal(refused.length, 1)
      assert.equal(refused[0]?.status, 409)
      // The visits with the first doctor only touch each other; with the second they overlap too.
      const isWithFirst = replies[0] === refused[0]
      assert.match(
        String(refused[0]?.body.type),
        isWithFirst ? /patient-busy/ : /patient-busy|slot-taken/,
      )
    }
    await assertNoOverlap(database)
  })
})

test('patients who send the same wish four times at once: each is booked once, and no two requests lock each other out', async () => {
  await withServers(2, async (servers) => {
    const { runtime, clients, database } = servers
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 6,
      visitTypes: [{ durationMinutes: 30, roomKind: 'ultrasound' }],
      rooms: { kind: 'ultrasound', count: 1 },
    })
    for (const round of [0, 1, 2]) {
      const send = (patient: number, time: number) =>
        clients[time % 2]!.send('POST /appointments', {
          as: network.patients[patient]!.as,
          body: {
            doctorId: network.doctorIds[0],
            startsAt: network.textAt(opensAt + (round * 6 + patient) * 30 - round * 30),
          },
        })
      const sends = network.patients.flatMap((_, patient) =>
        [0, 1, 2, 3].map((time) => () => send(patient, time)),
      )
      const replies = await throughGate(servers, { waitersMin: 20 }, sends)
      for (const { status, body } of replies)
        assert.ok(status === 201 || status === 409, JSON.stringify(body))
    }
    const claims = await claimsOf(database, network.doctorIds)
    // The first time of a round is the last one of the round before.
    assert.equal(claims.length, 16)
    await assertNoOverlap(database)
  })
})

test('bookings take their calendars in one order, so that none holds one while it waits for another that is held in turn', async () => {
  await withServers(1, async ({ runtime, client, database }) => {
    // In any other order, one of these would sooner or later begin with the calendar that is held.
    for (const held of ['patient', 'room', 'patient', 'room', 'patient', 'room']) {
      const network = await makeRaceNetwork(runtime, {
        doctors: 1,
        patients: 3,
        visitTypes: [{ durationMinutes: 30, roomKind: 'ultrasound' }],
        rooms: { kind: 'ultrasound', count: 1 },
      })
      const { doctorIds, patients, clinicId } = network
      const room = await runtime.db
        .selectFrom('room')
        .select('id')
        .where('clinic_id', '=', clinicId)
        .executeTakeFirstOrThrow()
      const book = (patient: number) =>
        client.send('POST /appointments', {
          as: patients[patient]!.as,
          body: { doctorId: doctorIds[0], startsAt: network.textAt(opensAt) },
        })
      // Both come after the doctor's in every order of ids, since they were made later.
      const calendarId = held === 'room' ? room.id : patients[0]!.patientId
      assert.ok(calendarId > doctorIds[0]!)
      await whileHeld(
        (blocker) => holdClaim(blocker, network, { calendarId, minute: opensAt }),
        async (blockerPid, release) => {
          const one = book(0)
          const onePid = await onlyWaiter(database, blockerPid)
          const other = book(held === 'room' ? 1 : 0)
          let waiting: number[] = []
          await until('the second booking waits too', async () => {
            waiting = await waitingFor(database, onePid)
            return waiting.length > 0 || (await waitingFor(database, blockerPid)).length > 1
          })
          assert.equal(waiting.length, 1, 'the second did not wait for the first')
          await release()
          assert.equal((await one).status, 201)
          assert.equal((await other).status, 409)
        },
      )
    }
  })
})

test('two doctors who need the only room at once: one visit is booked, and with two rooms both are', async () => {
  await withServers(2, async ({ runtime, clients, database }) => {
    for (const count of [1, 2]) {
      const network = await makeRaceNetwork(runtime, {
        doctors: 2,
        patients: 24,
        visitTypes: [{ durationMinutes: 30, bufferAfterMinutes: 10, roomKind: 'ultrasound' }],
        rooms: { kind: 'ultrasound', count },
      })
      // Three times that don't overlap; eight patients for each, four with each doctor.
      const replies = await Promise.all(
        network.patients.map(({ as }, index) =>
          clients[index % 2]!.send('POST /appointments', {
            as,
            key: newId(),
            body: {
              doctorId: network.doctorIds[Math.floor(index / 2) % 2],
              startsAt: network.textAt(opensAt + (index % 3) * 40),
            },
          }),
        ),
      )
      assert.equal(replies.filter(({ status }) => status === 201).length, 3 * count)
      for (const { status, body } of replies.filter((reply) => reply.status !== 201)) {
        assert.equal(status, 409, JSON.stringify(body))
        assert.equal(body.type, '/problems/slot-taken')
      }
      const rooms = await runtime.db
        .selectFrom('room')
        .select('id')
        .where('clinic_id', '=', network.clinicId)
        .execute()
      const claims = await claimsOf(
        database,
        rooms.map(({ id }) => id),
      )
      assert.equal(claims.length, 3 * count)
    }
    await assertNoOverlap(database)
  })
})
