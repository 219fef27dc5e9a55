// One Visita on a real database for all tests of a process: the embedded server in a temporary
// folder, or a database of its own on the server of TEST_DATABASE_URL. Tests share it, so each makes
// its own clinic, doctors and patients.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { createApp, openRuntime, type OpenRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'

export interface TestVisita {
  runtime: Runtime
  app: App
  /** Of the owner, who may look at and change anything. */
  databaseUrl: string
  /** Everything that was logged so far. */
  logged: () => string
}

let started: Promise<TestVisita> | undefined
let stop: (() => Promise<void>) | undefined

after(() => stop?.())

/** The one Visita of this process; started when it is first asked for, ended after the last test. */
export function testVisita(): Promise<TestVisita> {
  started ??= start()
  return started
}

async function start(): Promise<TestVisita> {
  const visita = await startSeparate()
  stop = visita.stop
  return visita
}

/** A Visita with a database of its own, for a test that changes what all share; `stop` ends it. */
export async function startSeparate(): Promise<TestVisita & { stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'visita-test-'))
  const server = process.env['TEST_DATABASE_URL']
  const database = server ? await freshDatabase(server) : null
  const lines: string[] = []
  const config = loadConfig({
    envFile: null,
    env: {
      DATA_DIR: directory,
      PUBLIC_URL: 'http://visita.test',
      DOCTOR_INVITATION_CODE: 'let-me-in-2026',
      LOG_LEVEL: 'info',
      TOKEN_SIGNING_KEY: randomBytes(32).toString('base64url'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
      RATE_LIMIT_FACTOR: '1000',
      DATABASE_POOL_SIZE: '16',
      ...(database ? { DATABASE_URL: database.url } : {}),
    },
  })
  const opened: OpenRuntime = await openRuntime({
    config,
    log: pino({ level: 'info', base: null }, { write: (line: string) => void lines.push(line) }),
    embedded: { ephemeral: true, durable: false },
  })
  const app = await createApp(opened.runtime)
  return {
    async stop() {
      await app.close()
      await opened.close()
      await database?.drop()
      await rm(directory, { recursive: true, force: true })
    },
    runtime: opened.runtime,
    app,
    databaseUrl: opened.databaseUrl,
    logged: () => lines.join(''),
  }
}

/** A new, empty database on a server that is not ours. */
export async function freshDatabase(
  server: string,
): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `visita_test_${randomBytes(6).toString('hex')}`
  const run = async (statement: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await run(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => run(`drop database ${name} with (force)`) }
}
