// Calendars besides the doctor's: a patient is in one place at a time, a room holds one visit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { assertNoOverlap, claimsOf } from '#test/support/race-checks.ts'
import { makeRaceNetwork, opensAt } from '#test/support/race-network.ts'
import { withServers } from '#test/support/race-servers.ts'

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
