// The mix of a race as the load on a program that is killed: everything that was asked is remembered,
// and what got no answer is asked again.

import assert from 'node:assert/strict'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { openClient } from '#test/support/client.ts'
import { clockDrift, makeMix, runMix, sendLostAgain, type Mix } from '#test/races/mix.ts'
import { checkMix } from '#test/races/mix-checker.ts'
import { readContent } from '#test/races/mix-content.ts'
import { makeMixNetwork } from '#test/races/mix-network.ts'
import type { Site } from './running-visita.ts'

/** Clients of a new network at the site's program, each of whose requests has an Idempotency-Key. */
export async function prepareLoad(site: Site, { clients }: { clients: number }): Promise<Mix> {
  const network = await site.withRuntime(({ runtime }) =>
    makeMixNetwork(runtime, { patients: clients, days: 20 }),
  )
  const seed = Math.floor(Math.random() * 1e9)
  return makeMix(network, { clients, seed, keyedShare: 1, toleratesBusy: true })
}

/** How many steps were acknowledged. */
export function acknowledged({ records }: Mix): number {
  return records.filter(({ answer }) => answer !== null).length
}

/** Runs the mix until told to stop, or until the server is gone. */
export async function runLoad(mix: Mix, url: string, isOver: () => boolean): Promise<void> {
  const client = openClient(url)
  await runMix(mix, { servers: [client], isOver })
  client.close()
}

/** Asks again, with the same keys, what was not answered. */
export async function askAgain(mix: Mix, url: string): Promise<void> {
  const client = openClient(url)
  await sendLostAgain(mix, client)
  client.close()
}

/**
 * Fails unless every acknowledged step is in the database, every step there was acknowledged, each
 * appointment's claims are those of its status, and the last answers are given again as they were.
 */
export async function assertAllThere(mix: Mix, site: Site, url: string): Promise<void> {
  assert.deepEqual(mix.lost, [])
  const { violations } = await site.withRuntime(async ({ databaseUrl }) => {
    const database = new pg.Client({ connectionString: databaseUrl })
    await database.connect()
    try {
      const content = await readContent(database, mix.network.clinicId)
      return checkMix(mix.records, content, {
        memoryLagMax: 0,
        clockTolerance: 3 + clockDrift(),
      })
    } finally {
      await database.end()
    }
  })
  assert.deepEqual(violations.slice(0, 10), [])
  const client = openClient(url)
  // The last ones are those that a crash could have lost.
  const last = mix.records.filter(({ answer }) => answer !== null).slice(-100)
  await Promise.all(
    last.map(async ({ line, as, key, requestedVersion, body, status, answer }) => {
      const ifMatch = requestedVersion ?? undefined
      const again = await client.send(line, { as, key: key ?? undefined, ifMatch, body })
      assert.deepEqual(
        [again.status, again.body.id, again.body.version, again.body.status],
        [status, answer?.id, answer?.version, answer?.status],
      )
    }),
  )
  client.close()
}

/** A booking that nobody else wants the time of, on a date after those of the mix. */
export function bookingApart({ network }: Mix, index: number) {
  const patient = network.patients[index % network.patients.length]!
  return {
    as: patient.as,
    key: newId(),
    body: {
      doctorId: network.doctorIds[1],
      visitTypeId: network.visitTypeIds[0],
      startsAt: network.textAt((network.days + index) * 1440 + 600),
    },
  }
}
