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
import { formatUtc } from '#src/kernel/time.ts'
import { withServers } from '#test/support/race-servers.ts'
import { call } from '#test/support/network.ts'
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
  const endsAt = runtime.clock() + 700
  await db
    .insertInto('patient_access')
    .values({
      account_id: parent.accountId,
      patient_id: child.patientId,
      relation: 'parent',
      scope: 'book',
      created_at: formatUtc(runtime.clock()),
      ends_at: formatUtc(endsAt),
    })
    .execute()
  const quick = await listenWith(runtime, { sessionCheckMilliseconds: 5 })
  const client = await openSocket(quick.url, parent.as)
  await client.subscribe('a', { topic: 'appointments' })
  const note = async () => {
    const { transact } = await import('#src/events/events.ts')
    await transact({ ...runtime, actor: null }, async (tx) => {
      tx.append({ type: 'appointment.noted', subjects: { patientId: child.patientId } })
      tx.append({ type: 'appointment.last', subjects: { patientId: parent.patientId } })
    })
    return (await client.until(({ event }) => event === 'appointment.last')).length
  }
  assert.equal(await note(), 2)
  let told = 2
  while (told === 2) {
    assert.ok(runtime.clock() < endsAt + 5000)
    told = await note()
  }
  assert.ok(runtime.clock() >= endsAt)
  await client.close()
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
