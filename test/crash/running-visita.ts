// The real program as an operator runs it: a process of its own on a data directory of its own, which
// can be killed and started again.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { openRuntime, type OpenRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { until } from '#test/support/race-servers.ts'
import { freshDatabase } from '#test/support/visita.ts'

const programs = fileURLToPath(new URL('../../src/', import.meta.url))

export interface RunningVisita {
  url: string
  /** The code in the first admin's link, when it printed one. */
  adminCode: string | null
  /** The sentences for the operator so far. */
  said: () => string
  /** Sends the signal and waits for the end; answers the exit code, null when a signal ended it. */
  end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>
  process: ChildProcess
}

/** The program that works beside servers. */
export type RunningWorker = Pick<RunningVisita, 'said' | 'end' | 'process'>

export interface Site {
  start(): Promise<RunningVisita>
  startWorker(): Promise<RunningWorker>
  /**
   * A runtime of this process on the database of the running program, for making and looking at what
   * cannot be had through the API. It must end before the program does.
   */
  withRuntime<Result>(work: (opened: OpenRuntime) => Promise<Result>): Promise<Result>
  /** The process id of the embedded database's server. */
  postmasterPid(): Promise<number>
  /** Ends what still runs, and fails when the program left a process behind. */
  close(): Promise<void>
}

/** A place for Visita to run at, on the embedded database unless TEST_DATABASE_URL is set. */
async function makeSite(settings: Record<string, string>): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'visita-crash-'))
  // Root's database server runs as another user, who must get in.
  await chmod(directory, 0o711)
  const dataDirectory = join(directory, 'data')
  const server = process.env['TEST_DATABASE_URL']
  const database = server ? await freshDatabase(server) : null
  const env = {
    PATH: process.env['PATH'] ?? '',
    PORT: '0',
    LOG_LEVEL: 'error',
    RATE_LIMIT_FACTOR: '1000',
    DATA_DIR: dataDirectory,
    ...settings,
    ...(database && {
      DATABASE_URL: database.url,
      TOKEN_SIGNING_KEY: randomBytes(32).toString('base64url'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
    }),
  }
  const children: ChildProcess[] = []
  const postmasterPid = async () =>
    Number.parseInt(await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8'), 10)
  const run = (name: string) => {
    // Its working directory has no .env.
    const child = spawn(process.execPath, [join(programs, name)], {
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    children.push(child)
    return child
  }
  return {
    start: async () => listening(run('main.ts')),
    startWorker: async () => started(run('worker.ts'), /^Visita works/m),
    async withRuntime(work) {
      const opened = await openRuntime({
        config: loadConfig({ envFile: null, env }),
        log: pino({ level: 'silent' }),
      })
      try {
        return await work(opened)
      } finally {
        await opened.close()
      }
    },
    postmasterPid,
    async close() {
      const running = children.filter(isAlive)
      try {
        for (const child of running) await endOf(child, 'SIGKILL')
        // One that had to be killed just now could not end its database: its test has failed already.
        if (running.length === 0)
          await until('no process is left behind', async () => {
            return (await processesNaming(directory)).length === 0
          })
      } finally {
        for (const pid of await processesNaming(directory)) process.kill(pid, 'SIGKILL')
        await database?.drop()
        await rm(directory, { recursive: true, force: true, maxRetries: 5 })
      }
    },
  }
}

/** Runs `work` at a site of its own, with these variables besides, and ends what it started. */
export async function atSite(
  work: (site: Site) => Promise<void>,
  settings: Record<string, string> = {},
): Promise<void> {
  const site = await makeSite(settings)
  try {
    await work(site)
  } finally {
    await site.close()
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
  return child.exitCode
}

async function listening(child: ChildProcess): Promise<RunningVisita> {
  const listens = /listens on (http:\S+)\. /
  const running = await started(child, listens)
  const { said } = running
  return {
    ...running,
    url: listens.exec(said())?.[1] ?? '',
    get adminCode() {
      return /\/join#(\w+)/.exec(said())?.[1] ?? null
    },
  }
}

/** The program once it has said that it is ready. */
async function started(child: ChildProcess, ready: RegExp): Promise<RunningWorker> {
  assert.ok(child.stderr)
  const lines: string[] = []
  let exited = false
  child.once('exit', () => {
    exited = true
  })
  createInterface(child.stderr).on('line', (line) => void lines.push(line))
  const said = () => lines.join('\n')
  await until('it is ready', () => ready.test(said()) || exited)
  assert.ok(!exited, `it did not start: ${said()}`)
  return { said, end: (signal) => endOf(child, signal), process: child }
}

/** The processes that have this text in their command line, where /proc tells. */
async function processesNaming(text: string): Promise<number[]> {
  const found: number[] = []
  for (const name of existsSync('/proc/self') ? await readdir('/proc') : []) {
    const command = /^\d+$/.test(name)
      ? await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
      : ''
    if (command.includes(text)) found.push(Number(name))
  }
  return found
}
