// Everything that happens to appointments at once, on processes of their own as an operator runs them:
// what the clients were answered and what the database holds must fit. RACE_TEST_SECONDS=60 and
// RACE_TEST_SERVERS=1 give the figures of a longer race.

import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { atSite } from '#test/crash/running-visita.ts'
import { openClient } from '#test/support/client.ts'
import { clockDrift, makeMix, runMix } from './mix.ts'
import { checkMix } from './mix-checker.ts'
import { readContent } from './mix-content.ts'
import { makeMixNetwork } from './mix-network.ts'
import type { MixRecord } from './mix-records.ts'

const seconds = Number(process.env['RACE_TEST_SECONDS'] ?? 3)
const serverCount = Number(process.env['RACE_TEST_SERVERS'] ?? 2)
const seed = Number(process.env['RACE_TEST_SEED'] ?? Math.floor(Math.random() * 1e9))
const clientCount = 64
const patientCount = 48
const memoryLagMax = serverCount > 1 ? 1500 : 0

test(`64 clients who book, hold, move, cancel and overbook for ${seconds} s on ${serverCount} servers: every answer fits the history, every refusal had its reason, and claims are as designed`, async (t) => {
  t.diagnostic(`seed ${seed}`)
  await atSite(async (site) => {
    const servers = [await site.start()]
    while (servers.length < serverCount) servers.push(await site.start())
    const network = await site.withRuntime(({ runtime }) =>
      makeMixNetwork(runtime, { patients: patientCount, days: 4 }),
    )
    const mix = makeMix(network, { clients: clientCount, seed })
    const clients = servers.map(({ url }) => openClient(url))
    const endsAt = performance.now() + seconds * 1000
    await runMix(mix, { servers: clients, isOver: () => performance.now() > endsAt })
    for (const client of clients) client.close()
    assert.deepEqual(mix.lost, [])
    report(t, mix.records)

    await site.withRuntime(async ({ databaseUrl }) => {
      const database = new pg.Client({ connectionString: databaseUrl })
      await database.connect()
      try {
        const content = await readContent(database, network.clinicId)
        const clockTolerance = 3 + clockDrift()
        const checked = checkMix(mix.records, content, { memoryLagMax, clockTolerance })
        t.diagnostic(
          `memory lagged by at most ${Math.round(checked.memoryLag)} ms; ${await deadlocks(database)} deadlocks, none for a client`,
        )
        assert.deepEqual(checked.violations.slice(0, 10), [])
      } finally {
        await database.end()
      }
    })
    for (const server of servers) assert.equal(await server.end('SIGTERM'), 0)
  })
})

async function deadlocks(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]!.deadlocks)
}

/** Prints how many requests of each kind there were, how they were answered and how long they took. */
function report(t: TestContext, records: readonly MixRecord[]): void {
  const line = (name: string, some: readonly MixRecord[]) => {
    const times = some
      .map(({ sentAt, answeredAt }) => answeredAt - sentAt)
      .sort((one, other) => one - other)
    const at = (part: number) => Math.round(times[Math.floor((times.length - 1) * part)]!)
    const outcomes = Object.entries(
      Object.groupBy(some, ({ status, problem }) => problem ?? status),
    )
      .map(([outcome, ones]) => `${outcome} ${ones!.length}`)
      .sort()
    t.diagnostic(
      `${name}: ${some.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms; ${outcomes.join(', ')}`,
    )
  }
  line('all', records)
  for (const [kind, some] of Map.groupBy(records, (record) => record.kind)) line(kind, some)
  const load = loadavg().map((one) => one.toFixed(1))
  t.diagnostic(`${Math.round(records.length / seconds)} requests a second; load ${load.join(' ')}`)
}
