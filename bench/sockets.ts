// `node bench/sockets.ts [sockets]`: what open sockets cost, and how fast events reach them.
//
// Starts a Visita on a throw-away database in a process of its own, and in another one clients with 5,000
// sockets, each of another account and with three subscriptions. Prints
//
// - by how much the memory of the server's process grew, and what is in use of it for each socket;
// - how long it took all of them to connect, authenticate and subscribe;
// - the time from the commit of an event to its arrival at each of its 50 sockets, for events that the
//   server itself committed and for those of another process, which it finds by looking;
// - what one look at the sessions of all sockets takes, one at an event table without news, and all of
//   what the server does while nothing happens.
//
// Server and clients need a file descriptor for each socket: see `ulimit -n`.

import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { openRuntime, startVisita } from '#src/app.ts'
import { loadConfig, type Config } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { currentCursor, eventsAfter } from '#src/events/queries.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { realtimeLimits } from '#src/realtime/limits.ts'
import { endedSessions } from '#src/realtime/queries.ts'

const socketsPerDoctor = 50
const eventsOfEachKind = 200
const eventPauseMilliseconds = 30

/** The same for all processes, so that what one signs the other believes. */
const key = process.env['BENCH_KEY'] ?? randomBytes(32).toString('base64url')

/** What one client needs. */
interface Ticket {
  accessToken: string
  doctorId: string
}

/** Which event, and when on the clock of this machine. */
type Happening = [number: number, at: number]

/** What a process that was started says. */
interface Report {
  url?: string
  databaseUrl?: string
  connectedMilliseconds?: number
  arrivals?: Happening[]
  committed?: Happening[]
  /** Of the process as the system counts it, and what is in use of it; in bytes. */
  memory?: number
  used?: number
  cpuMicroseconds?: number
}

/** What it is asked to do. */
interface Order {
  connect?: { url: string; tickets: Ticket[] }
  commit?: { doctorIds: string[]; first: number }
  report?: true
}

function machineNow(): number {
  return performance.timeOrigin + performance.now()
}

function answerOrders(answer: (order: Order) => Promise<Report>): void {
  process.on('message', (order) => {
    void answer(order as Order).then((report) => process.send?.(report))
  })
}

// ── The clients' process ─────────────────────────────────────────────────────────────────────────

function runClients(): void {
  const arrivals: Happening[] = []
  answerOrders(async ({ connect }) => {
    if (!connect) return { arrivals }
    const { url, tickets } = connect
    const startedAt = machineNow()
    // So many strangers may come from one address.
    const atOnce = realtimeLimits.addressStrangersMax
    for (let index = 0; index < tickets.length; index += atOnce)
      await Promise.all(
        tickets.slice(index, index + atOnce).map((ticket) => openClient(url, ticket, arrivals)),
      )
    return { connectedMilliseconds: machineNow() - startedAt }
  })
}

function openClient(url: string, ticket: Ticket, arrivals: Happening[]): Promise<void> {
  const { accessToken, doctorId } = ticket
  const socket = new WebSocket(url, { perMessageDeflate: false })
  let subscribed = 0
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      for (const message of [
        { type: 'authenticate', accessToken },
        { type: 'subscribe', id: 'appointments', topic: 'appointments' },
        { type: 'subscribe', id: 'notifications', topic: 'notifications' },
        { type: 'subscribe', id: 'open-times', topic: 'open-times', doctorId },
      ])
        socket.send(JSON.stringify(message))
    })
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; clinicId?: string }
      if (message.type === 'subscribed' && (subscribed += 1) === 3) resolve()
      // The clinic stands for the number of the event, the one field that a test may choose freely.
      if (message.type === 'event') arrivals.push([Number(message.clinicId), machineNow()])
    })
    socket.on('close', (code) => reject(new Error(`A socket was closed: ${code}.`)))
    socket.on('error', reject)
  })
}

// ── The server's process ─────────────────────────────────────────────────────────────────────────

async function runServer(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const directory = process.argv[3]!
  const visita = await startVisita({
    config: configOf({ DATA_DIR: directory }),
    log: pino({ level: 'silent' }),
    embedded: { ephemeral: true, durable: false },
  })
  process.once('disconnect', () => void visita.close())
  answerOrders(async ({ commit }) => {
    if (commit) return { committed: await commitEvents(visita.runtime, commit) }
    for (let round = 0; round < 5; round += 1) {
      collectGarbage()
      await delay(100)
    }
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { memory: rss, used: heapUsed + external, cpuMicroseconds: user + system }
  })
  process.send?.({ url: visita.url, databaseUrl: visita.databaseUrl })
}

/** Commits events one after the other, each for the sockets of one doctor. */
async function commitEvents(
  runtime: Runtime,
  { doctorIds, first }: { doctorIds: string[]; first: number },
): Promise<Happening[]> {
  const committed: Happening[] = []
  for (let index = 0; index < eventsOfEachKind; index += 1) {
    const number = first + index
    await transact({ ...runtime, actor: null }, async (tx) =>
      tx.append({
        type: 'doctor.schedule-changed',
        subjects: {
          doctorId: doctorIds[index % doctorIds.length]!,
          clinicId: String(number),
        },
      }),
    )
    committed.push([number, machineNow()])
    await delay(eventPauseMilliseconds * (1 + Math.random()))
  }
  return committed
}

// ── The process that measures ────────────────────────────────────────────────────────────────────

function configOf(env: Record<string, string>): Config {
  return {
    ...loadConfig({
      envFile: null,
      env: { ...env, TOKEN_SIGNING_KEY: key, ENCRYPTION_KEY: key, RATE_LIMIT_FACTOR: '1000' },
    }),
    port: 0,
  }
}

/** Accounts with a session and a record each, and a doctor for every few of them. */
async function makeTickets(runtime: Runtime, count: number): Promise<Ticket[]> {
  const now = runtime.clock()
  const created_at = formatUtc(now)
  const expires_at = formatUtc(now + 86_400_000)
  const people = Array.from({ length: count }, () => ({
    accountId: newId(),
    sessionId: newId(),
    patientId: newId(),
  }))
  const doctorIds = Array.from({ length: Math.ceil(count / socketsPerDoctor) }, newId)
  const inParts = async <Row>(rows: Row[], insert: (part: Row[]) => Promise<unknown>) => {
    for (let index = 0; index < rows.length; index += 1000)
      await insert(rows.slice(index, index + 1000))
  }
  const { db } = runtime
  await inParts(doctorIds, (part) =>
    db
      .insertInto('doctor')
      .values(part.map((id) => ({ id, name: 'Claire Moreau', created_at })))
      .execute(),
  )
  await inParts(people, (part) =>
    db
      .insertInto('account')
      .values(
        part.map(({ accountId: id }) => ({
          id,
          email: `${id}@example.org`,
          password_hash: 'none',
          name: 'Anna Berg',
          role: 'patient' as const,
          created_at,
        })),
      )
      .execute(),
  )
  await inParts(people, (part) =>
    db
      .insertInto('session')
      .values(
        part.map(({ sessionId: id, accountId: account_id }) => ({
          id,
          account_id,
          refresh_token_hash: randomBytes(32),
          created_at,
          expires_at,
        })),
      )
      .execute(),
  )
  await inParts(people, (part) =>
    db
      .insertInto('patient')
      .values(part.map(({ patientId: id }) => ({ id, name: 'Anna Berg', created_at })))
      .execute(),
  )
  await inParts(people, (part) =>
    db
      .insertInto('patient_access')
      .values(
        part.map(({ accountId: account_id, patientId: patient_id }) => ({
          account_id,
          patient_id,
          relation: 'self' as const,
          scope: 'manage' as const,
          created_at,
        })),
      )
      .execute(),
  )
  return Promise.all(
    people.map(async ({ accountId, sessionId }, index) => ({
      accessToken: (await runtime.tokens.issue({ accountId, sessionId, role: 'patient', now }))
        .accessToken,
      doctorId: doctorIds[index % doctorIds.length]!,
    })),
  )
}

function nextReport(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const fail = (code: number | null) => reject(new Error(`A process ended with ${code}.`))
    child.once('exit', fail)
    child.once('message', (message) => {
      child.removeListener('exit', fail)
      resolve(message as Report)
    })
  })
}

function ask(child: ChildProcess, order: Order): Promise<Report> {
  const report = nextReport(child)
  child.send(order)
  return report
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

function summary(values: number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
  return `median ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, most ${at(1).toFixed(1)} ms (${sorted.length})`
}

async function timed(rounds: number, work: () => Promise<unknown>): Promise<string> {
  const taken: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    await work()
    taken.push(performance.now() - began)
  }
  return summary(taken)
}

async function measure(
  count: number,
  processes: { server: ChildProcess; clients: ChildProcess; runtime: Runtime; url: string },
): Promise<void> {
  const { server, clients, runtime } = processes
  const tickets = await makeTickets(runtime, count)
  const doctorIds = [...new Set(tickets.map(({ doctorId }) => doctorId))]
  // What a first request loads is no cost of the sockets.
  await fetch(`${processes.url}/readyz`)
  const before = await ask(server, { report: true })
  const url = `${processes.url.replace('http', 'ws')}/api/v1/realtime`
  const { connectedMilliseconds = 0 } = await ask(clients, { connect: { url, tickets } })
  console.log(
    `${count} sockets connected and subscribed in ${(connectedMilliseconds / 1000).toFixed(1)} s`,
  )
  const after = await ask(server, { report: true })
  const grown = (after.memory ?? 0) - (before.memory ?? 0)
  const used = (after.used ?? 0) - (before.used ?? 0)
  console.log(
    `memory: ${megabytes(before.memory ?? 0)} before, ${megabytes(grown)} more; in use ${megabytes(used)} more, ${(used / count / 1000).toFixed(1)} kB a socket`,
  )
  const { committed: own = [] } = await ask(server, { commit: { doctorIds, first: 0 } })
  const others = await commitEvents(runtime, { doctorIds, first: eventsOfEachKind })
  await delay(1000)
  const { arrivals = [] } = await ask(clients, { report: true })
  const expected = (own.length + others.length) * socketsPerDoctor
  console.log(`events that arrived: ${arrivals.length} of ${expected}`)
  for (const [whose, committed] of [
    ['the server itself', own],
    ['another process', others],
  ] as const) {
    const committedAt = new Map(committed)
    const delays = arrivals.flatMap(([number, at]) =>
      committedAt.has(number) ? [at - committedAt.get(number)!] : [],
    )
    console.log(`an event of ${whose}: ${summary(delays)}`)
  }
  const { db, clock } = runtime
  const sessions = await db.selectFrom('session').select('id').execute()
  const sessionIds = sessions.map(({ id }) => id)
  const look = () => endedSessions(db, { sessionIds, now: clock() })
  console.log(`a look at all sessions: ${await timed(50, look)}`)
  const cursor = await currentCursor(db)
  console.log(
    `a look at an event table without news: ${await timed(500, () => eventsAfter(db, cursor, 500))}`,
  )
  const { cpuMicroseconds: busyBefore = 0 } = await ask(server, { report: true })
  const restedFrom = performance.now()
  await delay(20_000)
  const rested = (performance.now() - restedFrom) * 1000
  // The collecting of garbage before each report is in it, at the end of either.
  const { cpuMicroseconds: busyAfter = 0 } = await ask(server, { report: true })
  console.log(
    `the server while nothing happens: ${(((busyAfter - busyBefore) / rested) * 100).toFixed(1)} % of a core`,
  )
}

async function run(count: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'visita-bench-'))
  const env = { ...process.env, BENCH_KEY: key }
  const server = fork(import.meta.filename, ['server', directory], { env })
  const clients = fork(import.meta.filename, ['clients'], { env })
  try {
    const { url = '', databaseUrl = '' } = await nextReport(server)
    const opened = await openRuntime({
      config: configOf({ DATA_DIR: directory, DATABASE_URL: databaseUrl }),
      log: pino({ level: 'silent' }),
    })
    try {
      await measure(count, { server, clients, runtime: opened.runtime, url })
    } finally {
      await opened.close()
    }
  } finally {
    clients.disconnect()
    clients.kill('SIGKILL')
    const ended = once(server, 'exit')
    server.disconnect()
    await ended
    await rm(directory, { recursive: true, force: true })
  }
}

if (process.argv[2] === 'clients') runClients()
else if (process.argv[2] === 'server') await runServer()
else await run(Number(process.argv[2] ?? 5000))
