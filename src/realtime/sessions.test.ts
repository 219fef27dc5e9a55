// Sockets end with their sessions, live through a database that is away, and are told of what other
// processes do.

import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { startVisita } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { transact } from '#src/events/events.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { withServers } from '#test/support/race-servers.ts'
import { call, signInAs } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { listenWith, openSocket } from './test-socket.ts'

const { app, runtime, databaseUrl } = await testVisita()
const { db } = runtime
const { url } = await listenWith(runtime)

test('a socket closes within a second of its session, and the others of the account stay', async () => {
  const ends: [what: string, end: (session: { as: string; id: string }) => Promise<unknown>][] = [
    ['signed out', ({ as }) => call(app, 'POST /auth/logout', { as })],
    [
      'revoked',
      ({ id }) =>
        db
          .updateTable('session')
          .set({ ended_at: formatUtc(runtime.clock()) })
          .where('id', '=', id)
          .execute(),
    ],
    [
      'run out',
      ({ id }) =>
        db
          .updateTable('session')
          .set({ expires_at: formatUtc(runtime.clock()) })
          .where('id', '=', id)
          .execute(),
    ],
  ]
  for (const [what, end] of ends) {
    const { as } = await makePatient(runtime)
    const bystander = await openSocket(url, (await makePatient(runtime)).as)
    const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
    const client = await openSocket(url, as)
    await client.subscribe('a', { topic: 'appointments' })
    await end({ as, id: bearer!.sessionId })
    const endedAt = performance.now()
    assert.equal(await client.closed, 4401, what)
    assert.ok(performance.now() - endedAt < 1000, `${what}: ${performance.now() - endedAt} ms`)
    bystander.send({ type: 'ping' })
    assert.equal((await bystander.next()).type, 'pong')
    await bystander.close()
  }
})

test('the sockets of an account that is disabled close within a second', async () => {
  const { as, accountId } = await makePatient(runtime)
  const clients = [await openSocket(url, as), await openSocket(url, as)]
  await db.updateTable('account').set({ status: 'disabled' }).where('id', '=', accountId).execute()
  const disabledAt = performance.now()
  for (const { closed } of clients) assert.equal(await closed, 4401)
  assert.ok(performance.now() - disabledAt < 1000)
})

test('staff who lack the second factor that the network asks for have no sockets', async () => {
  const as = await signInAs(runtime, { role: 'admin' })
  const patient = await openSocket(url, (await makePatient(runtime)).as)
  const client = await openSocket(url, as)
  const set = (isNeeded: boolean) =>
    db.updateTable('network_settings').set({ second_factor_for_staff: isNeeded }).execute()
  await set(true)
  try {
    const setAt = performance.now()
    assert.equal(await client.closed, 4401)
    assert.ok(performance.now() - setAt < 1000)
    const next = await openSocket(url, null)
    next.send({ type: 'authenticate', accessToken: as.slice('Bearer '.length) })
    assert.equal(await next.closed, 4401)
    patient.send({ type: 'ping' })
    assert.equal((await patient.next()).type, 'pong')
  } finally {
    await set(false)
  }
  const after = await openSocket(url, as)
  for (const socket of [after, patient]) await socket.close()
})

test('a subscription asked for after the session has ended closes the socket', async () => {
  const patient = await makePatient(runtime)
  const slow = await listenWith(runtime, { sessionCheckMilliseconds: 3_600_000 })
  const client = await openSocket(slow.url, patient.as)
  await call(app, 'POST /auth/logout', { as: patient.as })
  client.send({ type: 'subscribe', id: 'a', topic: 'appointments' })
  assert.equal(await client.closed, 4401)
})

test('an access to a patient that runs out is one no longer', async () => {
  const parent = await makePatient(runtime)
  const child = await makePatient(runtime, 'Ben Berg')
  let passed = 0
  const clock = () => runtime.clock() + passed
  const hour = 3_600_000
  await db
    .insertInto('patient_access')
    .values({
      account_id: parent.accountId,
      patient_id: child.patientId,
      relation: 'parent',
      scope: 'book',
      created_at: formatUtc(runtime.clock()),
      ends_at: formatUtc(runtime.clock() + hour),
    })
    .execute()
  const quick = await listenWith({ ...runtime, clock }, { sessionCheckMilliseconds: 5 })
  const client = await openSocket(quick.url, parent.as)
  await client.subscribe('a', { topic: 'appointments' })
  const note = async () => {
    await transact({ ...runtime, actor: null }, async (tx) => {
      tx.append({ type: 'appointment.noted', subjects: { patientId: child.patientId } })
      tx.append({ type: 'appointment.last', subjects: { patientId: parent.patientId } })
    })
    return (await client.until(({ event }) => event === 'appointment.last')).length
  }
  assert.equal(await note(), 2)
  passed = hour + 1000
  while ((await note()) === 2);
  await client.close()
})

test('sessions are looked at while accesses that ran out take long to be read', async () => {
  const parent = await makePatient(runtime)
  const child = await makePatient(runtime, 'Ben Berg')
  const now = runtime.clock()
  await db
    .insertInto('patient_access')
    .values({
      account_id: parent.accountId,
      patient_id: child.patientId,
      relation: 'parent',
      scope: 'book',
      created_at: formatUtc(now),
      ends_at: formatUtc(now + 3_600_000),
    })
    .execute()
  let passed = 0
  const clock = () => runtime.clock() + passed
  const later = await listenWith({ ...runtime, clock })
  const client = await openSocket(later.url, parent.as)
  await client.subscribe('a', { topic: 'appointments' })
  const leaving = await openSocket(later.url, child.as)
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  await owner.query('begin')
  await owner.query('lock table patient_access in access exclusive mode')
  passed = 3_601_000
  // Once someone waits for the lock, the access is being read.
  const waiting = 'select count(*)::int as count from pg_locks where not granted'
  while ((await owner.query<{ count: number }>(waiting)).rows[0]!.count === 0);
  await db
    .updateTable('session')
    .set({ ended_at: formatUtc(runtime.clock()) })
    .where('account_id', '=', child.accountId)
    .execute()
  const endedAt = performance.now()
  assert.equal(await leaving.closed, 4401)
  const took = performance.now() - endedAt
  await owner.query('rollback')
  await owner.end()
  assert.ok(took < 1000, `${took} ms`)
  await client.close()
})

test('subscriptions that are asked for at once read once who asks', async () => {
  const { as } = await makePatient(runtime)
  let count = 0
  const counting = db.withPlugin({
    transformQuery({ node }) {
      count += 1
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const counted = await listenWith(
    { ...runtime, db: counting },
    { sessionCheckMilliseconds: 3_600_000 },
  )
  const client = await openSocket(counted.url, null)
  client.send({ type: 'authenticate', accessToken: as.slice('Bearer '.length) })
  for (let round = 0; round < 20; round += 1) {
    client.send({ type: 'subscribe', id: 'a', topic: 'notifications' })
    client.send({ type: 'unsubscribe', id: 'a' })
  }
  client.send({ type: 'ping' })
  await client.until(({ type }) => type === 'pong')
  // One to authenticate and two to subscribe; again if what was sent did not arrive at once.
  assert.ok(count >= 3 && count <= 9, `${count} queries`)
  await call(app, 'POST /auth/logout', { as })
  client.send({ type: 'subscribe', id: 'a', topic: 'notifications' })
  assert.equal(await client.closed, 4401, 'and what is asked for later reads it again')
})

test('a booking on one process is told to a socket of another', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  await withServers(2, async ({ clients, url: first }) => {
    const client = await openSocket(`${first.replace('http', 'ws')}/api/v1/realtime`, patient.as)
    await client.subscribe('a', { topic: 'appointments' })
    await client.subscribe('o', { topic: 'open-times', doctorId: network.doctorId })
    const { status, body } = await clients[1]!.send('POST /appointments', {
      as: patient.as,
      body: { slotId: network.slots[0]!.id },
    })
    const bookedAt = performance.now()
    assert.equal(status, 201)
    const told = [await client.next(), await client.next()]
    assert.ok(performance.now() - bookedAt < 1000)
    assert.deepEqual(
      told.map(({ id, event, appointmentId }) => [id, event, appointmentId]).toSorted(),
      [
        ['a', 'appointment.confirmed', body.id],
        ['o', 'open-times.changed', undefined],
      ],
    )
    await client.close()
  })
})

/** A way to the database that can be closed and opened again. */
async function openProxy() {
  const { host, port, user, password, database } = new pg.Client(databaseUrl)
  const open = new Set<Socket>()
  let isAway = false
  const server = createServer((client) => {
    const upstream = host.startsWith('/')
      ? connect(`${host}/.s.PGSQL.${port}`)
      : connect(port, host)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
    if (isAway) client.destroy()
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  return {
    url: `postgresql://${user}:${password}@127.0.0.1:${address.port}/${database}?sslmode=disable`,
    setAway(away: boolean) {
      isAway = away
      if (away) for (const socket of open) socket.destroy()
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('sockets live through a database that is away, and are told what happened meanwhile', async () => {
  const proxy = await openProxy()
  const visita = await startVisita({
    config: {
      ...loadConfig({
        envFile: null,
        env: { DATA_DIR: runtime.config.dataDirectory, DATABASE_URL: proxy.url },
      }),
      port: 0,
      encryptionKey: runtime.config.encryptionKey,
      tokenSigningKey: runtime.config.tokenSigningKey,
    },
    log: pino({ level: 'silent' }),
  })
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  const client = await openSocket(`${visita.url.replace('http', 'ws')}/api/v1/realtime`, patient.as)
  await client.subscribe('a', { topic: 'appointments' })
  proxy.setAway(true)
  const answer = await call(app, 'POST /appointments', {
    as: patient.as,
    body: { slotId: network.slots[0]!.id },
  })
  client.send({ type: 'ping' })
  assert.equal((await client.next()).type, 'pong')
  proxy.setAway(false)
  assert.equal((await client.next()).appointmentId, answer.body.id)
  await client.close()
  await visita.close()
  await proxy.close()
})
