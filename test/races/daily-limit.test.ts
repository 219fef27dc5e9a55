// A doctor who sees so many patients a day and no more, wanted by many at once.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Reply } from '#test/support/client.ts'
import { appointmentsOf } from '#test/support/race-checks.ts'
import { makeRaceNetwork, opensAt, type RaceNetwork } from '#test/support/race-network.ts'
import { withServers } from '#test/support/race-servers.ts'

const clientCount = 32

/** Each patient wants a time of their own, so that nothing but the limit is in the way. */
function bookAll(network: RaceNetwork, clients: Client[]): Promise<Reply[]> {
  return Promise.all(
    network.patients.map(({ as }, index) =>
      clients[index % clients.length]!.send('POST /appointments', {
        as,
        body: { doctorId: network.doctorIds[0], startsAt: network.textAt(opensAt + index * 10) },
      }),
    ),
  )
}

for (const dailyLimit of [1, 3])
  test(`32 patients who want a doctor with a daily limit of ${dailyLimit} at once: that many are booked, and a cancelled visit makes room for one`, async () => {
    await withServers(2, async ({ runtime, clients, client, database }) => {
      const network = await makeRaceNetwork(runtime, {
        doctors: 1,
        patients: clientCount,
        visitTypes: [{ durationMinutes: 10 }],
        dailyLimit,
      })
      const booked: { as: string; id: string }[] = []
      for (const [round, room] of [dailyLimit, 0, 1, 1].entries()) {
        const replies = await bookAll(network, clients)
        const won = replies.flatMap(({ status, body }, index) =>
          status === 201 ? [{ as: network.patients[index]!.as, id: String(body.id) }] : [],
        )
        assert.equal(won.length, room)
        booked.push(...won)
        for (const { status, body } of replies.filter((reply) => reply.status !== 201)) {
          assert.equal(status, 409, JSON.stringify(body))
          const problem = String(body.type)
          assert.match(problem, /slot-taken|patient-busy/)
          const offered: string[] = (body.alternatives ?? []).map(
            ({ startsAt }: { startsAt: string }) => startsAt.slice(0, 10),
          )
          // Which of the two servers answers may not know yet that the day has filled up.
          if (room === 0) assert.ok(!offered.includes(network.date), 'a full day was offered')
        }
        assert.equal((await appointmentsOf(database, network.doctorIds)).length, dailyLimit)
        // The second round finds the day as the first one left it.
        if (round === 0) continue
        const gone = booked.shift()!
        const path = `POST /appointments/${gone.id}/cancel` as const
        assert.equal((await client.send(path, { as: gone.as, body: {} })).status, 200)
      }
    })
  })
