// The running server of an embedded database: finding it, starting it, reaching it, ending it.

import type { ChildProcess } from 'node:child_process'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { messageOf } from '#src/kernel/errors.ts'
import { lastLines, superuser } from './embedded-cluster.ts'
import type { StartProgram } from './embedded-guard.ts'
import type { Place } from './embedded-place.ts'
import { codeOf, EmbeddedRefused } from './embedded-refused.ts'
import { makeSocketDirectory, port, removeSocketDirectory, socketName } from './embedded-socket.ts'

const execute = promisify(execFile)

/** Recovery after a power cut replays what the last checkpoint left, which can take minutes. */
const startSecondsMax = 600
const orphansSecondsMax = 30
const stopSecondsMax = 60
const logBytesMax = 10_000_000

interface PostmasterFile {
  pid: number
  socketDirectory: string
}

/** What the server says of itself in its directory; null when none has started, or it ended properly. */
async function readPostmasterFile(place: Place): Promise<PostmasterFile | null> {
  const text = await readFile(join(place.cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , , socketDirectory] = text.split('\n')
  if (!pid || !socketDirectory) return null
  // Another container may know the same directory by another path.
  const own = existsSync(join(place.cluster, socketName))
  return { pid: Number(pid), socketDirectory: own ? place.cluster : socketDirectory }
}

/** Whether that process is the server of this directory, and not one that was given its number later. */
async function isServer(pid: number, place: Place): Promise<boolean> {
  return (await commandOf(pid)).includes(`-D ${place.cluster} `)
}

async function commandOf(pid: number): Promise<string> {
  if (!Number.isInteger(pid) || pid <= 0) return ''
  if (process.platform === 'linux') {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return command.replaceAll('\0', ' ')
  }
  const listed = await execute('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => null)
  return listed?.stdout ?? ''
}

/** A connection that is open, or why there is none: 'later' while the server starts or stops. */
type Reached = Client | 'later' | 'nobody'

/**
 * Tries once to connect to the server, as the superuser.
 *
 * @throws EmbeddedRefused when a server answers that does not know the password.
 */
export async function tryReach(
  place: Place,
  password: string,
): Promise<{ client: Client; socketDirectory: string } | 'later' | 'nobody'> {
  const running = await readPostmasterFile(place)
  if (!running) return 'nobody'
  const reached = await connect(running.socketDirectory, password)
  return reached instanceof Client
    ? { client: reached, socketDirectory: running.socketDirectory }
    : reached
}

async function connect(socketDirectory: string, password: string): Promise<Reached> {
  const client = new Client({
    host: socketDirectory,
    port,
    user: superuser,
    password,
    database: 'postgres',
    ssl: false,
    application_name: 'visita presence',
    connectionTimeoutMillis: 5000,
    query_timeout: 60_000,
    options: '-c idle_session_timeout=0',
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    void client.end().catch(() => {})
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'nobody'
    if (code === '28P01' || code === '28000') {
      throw new EmbeddedRefused(
        `The database in ${socketDirectory} does not take the password that was kept for it (${messageOf(error)}): restore visita-passwords.json from a backup of that directory.`,
      )
    }
    if (code === 'EACCES') {
      throw new EmbeddedRefused(
        `The running database may not be reached (${messageOf(error)}): start Visita as the user who started it.`,
      )
    }
    if (isTemporary(code)) return 'later'
    throw error
  }
}

/** Starting or stopping (57P0x), out of connections, a full queue, or cut off before an answer. */
function isTemporary(code: string): boolean {
  return /^(57P0[1-3]|53300|EAGAIN|ECONNRESET|EPIPE|)$/.test(code)
}

export interface LaunchOptions {
  programs: string
  durable: boolean
  throwAway: boolean
  start: StartProgram
}

const settings = {
  listen_addresses: '',
  port: String(port),
  unix_socket_permissions: '0700',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  idle_in_transaction_session_timeout: '60s',
  // Statements and the details of errors hold patients' data, which must not reach a log.
  log_destination: 'stderr',
  logging_collector: 'off',
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  cluster_name: 'visita',
}

const fleetingSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/** Files in the directory go with it; shared memory of a killed server would stay. */
const throwAwaySettings = { dynamic_shared_memory_type: 'mmap' }

/**
 * Connects to the server, starting one if none runs. The start lock must be held. `launch` is asked
 * for how to start only when it has to be.
 *
 * @throws EmbeddedRefused with the last lines of the server's log when it does not start.
 */
export async function reachServer(
  place: Place,
  password: string,
  launch: () => Promise<LaunchOptions>,
): Promise<{ client: Client; socketDirectory: string; launched: boolean }> {
  const startedAt = performance.now()
  const secondsPassed = () => (performance.now() - startedAt) / 1000
  let child: ChildProcess | null = null
  let logStart = 0
  while (secondsPassed() < startSecondsMax) {
    const reached = await tryReach(place, password)
    if (typeof reached === 'object') return { ...reached, launched: child !== null }
    const running = await readPostmasterFile(place)
    if (child && (child.exitCode !== null || child.signalCode !== null)) {
      // The reason is read before the next attempt adds to the log.
      const said = await readFrom(place.logFile, logStart)
      const again =
        (await removeStaleLocks(place)) ||
        (said.includes('is still in use') && secondsPassed() < orphansSecondsMax)
      if (!again) {
        throw new EmbeddedRefused(
          `The database in ${place.cluster} does not start; its log (${place.logFile}) says why: ${lastLines(said)}`,
        )
      }
      child = null
      await sleep(20)
    } else if (
      !child &&
      reached === 'nobody' &&
      !(running && (await isServer(running.pid, place)))
    ) {
      logStart = await sizeOf(place.logFile)
      child = await launchServer(place, await launch())
    } else {
      await sleep(child ? 5 : 20)
    }
  }
  throw new EmbeddedRefused(
    `The database in ${place.cluster} did not answer within ${startSecondsMax / 60} minutes: look into ${place.logFile}.`,
  )
}

async function launchServer(place: Place, options: LaunchOptions): Promise<ChildProcess> {
  const socketDirectory = await makeSocketDirectory(place.cluster, place.user)
  const all = {
    ...settings,
    unix_socket_directories: `"${socketDirectory}"`,
    ...(options.durable ? {} : fleetingSettings),
    ...(options.throwAway ? throwAwaySettings : {}),
  }
  if ((await sizeOf(place.logFile)) > logBytesMax)
    await rename(place.logFile, `${place.logFile}.old`)
  const log = await open(place.logFile, 'a', 0o600)
  try {
    const child = await options.start({
      file: join(options.programs, 'bin', 'postgres'),
      parameters: [
        '-D',
        place.cluster,
        ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      user: place.user,
      output: log.fd,
    })
    child.unref()
    return child
  } finally {
    await log.close()
  }
}

/**
 * Removes the lock files of a server that is gone and whose process id is another program's now, which
 * PostgreSQL takes for the server. Answers whether there were any. Backends which outlived their server
 * still keep a new one from starting, by the shared memory that they hold.
 */
async function removeStaleLocks(place: Place): Promise<boolean> {
  const running = await readPostmasterFile(place)
  const socketDirectory = running?.socketDirectory ?? place.cluster
  let removed = false
  for (const file of [
    join(place.cluster, 'postmaster.pid'),
    join(socketDirectory, `${socketName}.lock`),
  ]) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const pid = Number(text.split('\n')[0])
    if (text === '' || (await isServer(pid, place))) continue
    await rm(file, { force: true })
    removed = true
  }
  return removed
}

/**
 * Ends the server and waits until it is gone: 'orderly' closes every connection and writes everything
 * out, 'at once' leaves that to nobody. The start lock must be held.
 */
export async function endServer(place: Place, how: 'orderly' | 'at once'): Promise<void> {
  const running = await readPostmasterFile(place)
  if (!running || !(await isServer(running.pid, place))) return
  process.kill(running.pid, how === 'orderly' ? 'SIGINT' : 'SIGQUIT')
  const giveUpAt = performance.now() + stopSecondsMax * 1000
  while (performance.now() < giveUpAt) {
    if (!(await isServer(running.pid, place))) break
    await sleep(5)
  }
  await removeSocketDirectory(place.cluster, running.socketDirectory)
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null)
  return found?.size ?? 0
}

async function readFrom(file: string, position: number): Promise<string> {
  const contents = await readFile(file).catch(() => Buffer.alloc(0))
  return contents.subarray(Math.min(position, contents.length)).toString('utf8')
}
