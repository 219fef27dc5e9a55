// Processes of Visita that listen on this machine and share the tests' database, and what must hold
// after whatever raced on them.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startVisita, type RuntimeOptions } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import { openClient, type Client } from './client.ts'
import { testVisita } from './visita.ts'

export interface RaceServers {
  /** The runtime of the first, for making networks with. */
  runtime: Runtime
  /** One client for each server. */
  clients: Client[]
  /** The first of them. */
  client: Client
  /** Where the first listens. */
  url: string
  /** A connection of its own, with the owner's rights. */
  database: pg.Client
}

/**
 * Runs `work` on `count` servers and ends them. Fails when one of them met a deadlock, or wrote an
 * error to its log.
 */
export async function withServers(
  count: number,
  work: (servers: RaceServers) => Promise<void>,
): Promise<void> {
  const visita = await testVisita()
  const name = `race-${randomBytes(6).toString('hex')}`
  const lines: string[] = []
  const log = pino(
    { level: 'error', base: null },
    { write: (line: string) => void lines.push(line) },
  )
  const separator = visita.databaseUrl.includes('?') ? '&' : '?'
  const { encryptionKey, tokenSigningKey } = visita.runtime.config
  const config = {
    ...loadConfig({
      envFile: null,
      env: {
        DATA_DIR: visita.runtime.config.dataDirectory,
        DATABASE_URL: `${visita.databaseUrl}${separator}application_name=${name}`,
        DATABASE_POOL_SIZE: '24',
        RATE_LIMIT_FACTOR: '1000',
      },
    }),
    port: 0,
    encryptionKey,
    tokenSigningKey,
  }
  const database = new pg.Client({ connectionString: visita.databaseUrl })
  await database.connect()
  try {
    const deadlocksBefore = await deadlocks(database)
    const logBefore = await databaseLog(visita.runtime)
    await runOn({ count, config, log, database }, work)
    // What a server process counted is visible once it has gone.
    await until('the connections of the race are gone', async () => {
      const { rows } = await database.query(
        'select from pg_stat_activity where application_name = $1',
        [name],
      )
      return rows.length === 0
    })
    assert.equal(await deadlocks(database), deadlocksBefore, 'there were deadlocks')
    const logged = (await databaseLog(visita.runtime)).slice(logBefore.length)
    assert.doesNotMatch(logged, /deadlock detected/)
    assert.deepEqual(lines, [])
  } finally {
    await database.end()
  }
}

async function runOn(
  { count, database, ...options }: RuntimeOptions & { count: number; database: pg.Client },
  work: (servers: RaceServers) => Promise<void>,
): Promise<void> {
  const started = await Promise.all(Array.from({ length: count }, () => startVisita(options)))
  const clients = started.map(({ url }) => openClient(url))
  try {
    const [first, client] = [started[0]!, clients[0]!]
    await work({ runtime: first.runtime, clients, client, url: first.url, database })
  } finally {
    for (const client of clients) client.close()
    await Promise.all(started.map((server) => server.close()))
  }
}

async function deadlocks(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]!.deadlocks)
}

/** The log of the embedded server; empty for one that is not ours. */
async function databaseLog({ config }: Runtime): Promise<string> {
  if (config.database.url !== null) return ''
  return readFile(join(config.dataDirectory, 'postgres.log'), 'utf8')
}

/** Waits until the condition holds, and fails when it does not within 30 s. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) assert.fail(`It did not come true that ${what}.`)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** The server processes that wait for a lock which the process `pid` holds. */
export async function waitingFor(database: pg.Client, pid: number): Promise<number[]> {
  const { rows } = await database.query<{ pid: number }>(
    'select distinct pid from pg_locks where not granted and $1::int = any (pg_blocking_pids(pid))',
    [pid],
  )
  return rows.map((row) => row.pid)
}

/**
 * Makes bookings meet where only the database's constraints can tell them apart: none writes anything
 * until `waitersMin` of them have found their time free, or all that are not answered yet have.
 */
export async function throughGate<Result>(
  { database }: Pick<RaceServers, 'database'>,
  { waitersMin }: { waitersMin: number },
  sends: (() => Promise<Result>)[],
): Promise<Result[]> {
  await database.query('begin')
  await database.query('lock table appointment in share row exclusive mode')
  const pid = await pidOf(database)
  let answered = 0
  const sent = Promise.all(
    sends.map((send) =>
      send().finally(() => {
        answered += 1
      }),
    ),
  )
  try {
    await until('the bookings wait at the gate', async () => {
      const { length: waiters } = await waitingFor(database, pid)
      return waiters >= waitersMin || waiters + answered >= sends.length
    })
  } finally {
    await database.query('commit')
  }
  return sent
}

/** The server process of a connection. */
export async function pidOf(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}
