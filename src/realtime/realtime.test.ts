import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import { createEventBus, transact, type Subjects } from '#src/events/events.ts'
import { limitClasses } from '#src/http/limit-classes.ts'
import { newId } from '#src/kernel/ids.ts'
import { makeNetwork } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { listenWith, openSocket } from './test-socket.ts'

const { app: main, runtime, databaseUrl } = await testVisita()
const { app, url } = await listenWith(runtime)

/** The answer to a request that wants a WebSocket: the status, or 101. */
async function statusOf(
  headers: Record<string, string> = {},
  path = '/api/v1/realtime',
): Promise<number> {
  const sent = request(new URL(path, url.replace('ws', 'http')), {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  })
  sent.end()
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode!)
    })
    sent.on('upgrade', (answer, socket) => {
      socket.destroy()
      resolve(answer.statusCode!)
    })
  })
}

async function metric(name: string): Promise<number> {
  const { body } = await app.inject('/metrics')
  const line = body.split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1] ?? 0)
}

test('a plain request is told to come with a WebSocket', async () => {
  const answer = await main.inject('/api/v1/realtime')
  assert.equal(answer.statusCode, 426)
  assert.equal(answer.headers.upgrade, 'websocket')
  assert.match(String(answer.headers.connection), /upgrade/i)
  assert.equal(answer.json().type, '/problems/upgrade-required')
})

test('a browser of another site is refused, and one of this site or a native app is not', async () => {
  assert.equal(await statusOf(), 101)
  assert.equal(await statusOf({ origin: 'http://visita.test' }), 101)
  const { config } = runtime
  const elsewhere = { ...runtime, config: { ...config, corsOrigins: ['https://app.example'] } }
  const other = await listenWith(elsewhere)
  for (const origin of ['https://evil.example', 'http://visita.test.evil.example', 'null', ''])
    assert.equal(await statusOf({ origin }), 403, origin)
  const allowed = await openSocket(other.url, null, { origin: 'https://app.example' })
  await allowed.close()
  const local = { ...runtime, config: { ...config, publicUrl: 'http://127.0.0.1:3000' } }
  const demo = await listenWith(local)
  await (await openSocket(demo.url, null, { origin: 'http://localhost:3000' })).close()
  for (const origin of ['http://localhost:3001', 'https://localhost:3000', 'http://local:3000'])
    assert.equal(await statusOf({ origin }, demo.url.replace('ws', 'http')), 403, origin)
})

test('an address that opens sockets without end is refused until the next minute', async () => {
  const atMinute = runtime.clock() - (runtime.clock() % 60_000)
  let now = atMinute
  const config = { ...runtime.config, rateLimitFactor: 1 }
  const strict = await listenWith({ ...runtime, config, clock: () => now })
  const here = strict.url.replace('ws', 'http')
  const { counts } = strict.app
  while (counts.takeHere(limitClasses.socket, '127.0.0.1').standings[0]!.remaining > 1);
  assert.equal(await statusOf({}, here), 101)
  assert.equal(await statusOf({}, here), 429)
  now = atMinute + 60_000
  assert.equal(await statusOf({}, here), 101)
})

test('no other path takes a WebSocket, and other upgrades are ignored', async () => {
  for (const path of ['/', '/api/v1/realtime/', '/api/v1/realtime?token=x', '/healthz'])
    assert.equal(await statusOf({}, path), 404, path)
  assert.equal(await statusOf({ upgrade: 'h2c' }, '/healthz'), 200)
  assert.equal(await statusOf({ 'sec-websocket-version': '12' }), 400)
})

test('a socket says who it is first, in time and truly', async () => {
  const { as } = await makePatient(runtime)
  const token = as.slice('Bearer '.length)
  const firsts: [first: string, code: number][] = [
    [JSON.stringify({ type: 'authenticate', accessToken: token.slice(0, -3) }), 4401],
    [JSON.stringify({ type: 'authenticate', accessToken: 'x\n' }), 4401],
    [JSON.stringify({ type: 'authenticate' }), 4400],
    [JSON.stringify({ type: 'ping' }), 4400],
    [JSON.stringify({ type: 'subscribe', id: 'a', topic: 'notifications' }), 4400],
    ['nonsense', 4400],
    ['', 4400],
    ['[]', 4400],
    ['x'.repeat(5000), 1009],
  ]
  for (const [first, code] of firsts) {
    const client = await openSocket(url, null)
    client.socket.send(first)
    assert.equal(await client.closed, code, first.slice(0, 60))
  }
  const binary = await openSocket(url, null)
  binary.socket.send(Buffer.from('{}'))
  assert.equal(await binary.closed, 4400)
  const hasty = await listenWith(runtime, { authenticateMilliseconds: 20 })
  assert.equal(await (await openSocket(hasty.url, null)).closed, 4401)
})

test('what is asked before the answer to authenticating is answered after it', async () => {
  const { as } = await makePatient(runtime)
  const client = await openSocket(url, null)
  client.send({ type: 'authenticate', accessToken: as.slice('Bearer '.length) })
  client.send({ type: 'subscribe', id: 'a', topic: 'appointments' })
  client.send({ type: 'ping' })
  const types = [await client.next(), await client.next(), await client.next()].map(
    ({ type }) => type,
  )
  assert.deepEqual(types, ['ready', 'subscribed', 'pong'])
  await client.close()
})

test('a wrong message is refused with its id, and the socket stays open', async () => {
  const { as } = await makePatient(runtime)
  const client = await openSocket(url, as)
  const wrong: [message: unknown, id: string | undefined, code: string, detail: RegExp][] = [
    ['text', undefined, 'invalid-request', /must be an object/],
    [{ type: 'dance', id: 'a' }, 'a', 'invalid-request', /\/type must be one of/],
    [{ type: 'subscribe', id: 'a', topic: 'x' }, 'a', 'invalid-request', /\/topic must be one/],
    [{ type: 'subscribe', topic: 'notifications' }, undefined, 'invalid-request', /\/id/],
    [{ type: 'subscribe', id: '', topic: 'notifications' }, undefined, 'invalid-request', /\/id/],
    [{ type: 'subscribe', id: 'a', topic: 'open-times' }, 'a', 'invalid-request', /\/doctorId/],
    [
      { type: 'subscribe', id: 'a', topic: 'open-times', doctorId: 'x' },
      'a',
      'invalid-request',
      /\/doctorId must be a UUID/,
    ],
    [
      { type: 'subscribe', id: 'a', topic: 'clinic-day', clinicId: newId(), date: '2026-02-30' },
      'a',
      'invalid-request',
      /\/date/,
    ],
    [
      { type: 'subscribe', id: 'a', topic: 'notifications', accountId: newId() },
      'a',
      'invalid-request',
      /\/accountId is not a field/,
    ],
    [
      { type: 'subscribe', id: 'a', topic: 'notifications', after: 'yesterday' },
      'a',
      'invalid-request',
      /\/after must be a cursor/,
    ],
    [
      { type: 'subscribe', id: 'a', topic: 'open-times', doctorId: newId() },
      'a',
      'not-found',
      /no such doctor/,
    ],
    [{ type: 'unsubscribe', id: 'a' }, 'a', 'not-found', /no such subscription/],
    [{ type: 'authenticate', accessToken: 'x' }, undefined, 'conflict', /already/],
  ]
  for (const [message, id, code, detail] of wrong) {
    client.send(message)
    const answer = await client.next()
    assert.deepEqual([answer.type, answer.id, answer.code], ['refused', id, code])
    assert.match(answer.detail, detail)
  }
  client.socket.send('{')
  assert.equal((await client.next()).code, 'malformed-request')
  client.send({ type: 'ping' })
  assert.equal((await client.next()).type, 'pong')
  await client.close()
})

test('a subscription is there once, and no more than so many are', async () => {
  const { as } = await makePatient(runtime)
  const small = await listenWith(runtime, { subscriptionsMax: 2 })
  const client = await openSocket(small.url, as)
  assert.equal((await client.subscribe('a', { topic: 'appointments' })).type, 'subscribed')
  assert.equal((await client.subscribe('a', { topic: 'notifications' })).code, 'conflict')
  assert.equal((await client.subscribe('b', { topic: 'appointments' })).code, 'conflict')
  assert.equal((await client.subscribe('b', { topic: 'notifications' })).type, 'subscribed')
  assert.equal((await client.subscribe('c', { topic: 'notifications' })).code, 'too-many')
  client.send({ type: 'unsubscribe', id: 'a' })
  assert.deepEqual(await client.next(), { type: 'unsubscribed', id: 'a' })
  assert.equal((await client.subscribe('c', { topic: 'appointments' })).type, 'subscribed')
  await client.close()
})

test('the same topic is the same in whichever order its fields stand', async () => {
  const { doctorId } = await makeNetwork(runtime)
  const client = await openSocket(url, (await makePatient(runtime)).as)
  client.send({ type: 'subscribe', id: 'a', topic: 'open-times', doctorId })
  assert.equal((await client.next()).type, 'subscribed')
  client.send({ doctorId, topic: 'open-times', id: 'b', type: 'subscribe' })
  assert.equal((await client.next()).code, 'conflict')
  await client.close()
})

test('an account has so many sockets, a process too, and who sends too much is cut off', async () => {
  const { as } = await makePatient(runtime)
  const narrow = await listenWith(runtime, { accountSocketsMax: 2, socketsMax: 3 })
  const first = await openSocket(narrow.url, as)
  const second = await openSocket(narrow.url, as)
  const third = await openSocket(narrow.url, null)
  third.send({ type: 'authenticate', accessToken: as.slice('Bearer '.length) })
  assert.equal(await third.closed, 4429)
  const other = await openSocket(narrow.url, (await makePatient(runtime)).as)
  const fourth = await openSocket(narrow.url, null)
  assert.equal(await fourth.closed, 1013)
  await second.close()
  for (let count = 0; count < 130; count += 1) first.send({ type: 'ping' })
  assert.equal(await first.closed, 4429)
  await other.close()
  const guarded = await listenWith(runtime, { strangersMax: 1 })
  const stranger = await openSocket(guarded.url, null)
  assert.equal(await (await openSocket(guarded.url, null)).closed, 1013)
  await stranger.close()
  await (await openSocket(guarded.url, as)).close()
})

test('who does not answer a ping is cut off, and who does hears the heartbeat', async () => {
  const { as } = await makePatient(runtime)
  const brisk = await listenWith(runtime, { heartbeatMilliseconds: 30 })
  const client = await openSocket(brisk.url, as)
  await client.subscribe('a', { topic: 'appointments' })
  for (let beats = 0; beats < 4; beats += 1) {
    const beat = await client.next()
    assert.equal(beat.type, 'heartbeat')
    assert.match(beat.cursor, /^\w+\.\w+$/)
  }
  await client.close()
  // A bare connection that completes the handshake and then says who it is by hand, but never pongs.
  const { hostname, port } = new URL(brisk.url)
  const bare = connect(Number(port), hostname)
  await once(bare, 'connect')
  bare.write(
    'GET /api/v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(bare, 'data')
  const text = Buffer.from(
    JSON.stringify({ type: 'authenticate', accessToken: as.slice('Bearer '.length) }),
  )
  const length = Buffer.alloc(2)
  length.writeUInt16BE(text.length)
  bare.write(Buffer.concat([Buffer.from([0x81, 0xfe]), length, Buffer.alloc(4), text]))
  bare.resume()
  await once(bare, 'close')
})

test('who stops reading is cut off before it fills the memory, and others are told on', async () => {
  const patient = await makePatient(runtime)
  const events = createEventBus()
  const position = { xid: '1', seq: '0' }
  events.reading.passOn({ batch: [], position, isEnd: true })
  const busy = await listenWith({ ...runtime, events }, { batchesMax: 1000 })
  const reading = await openSocket(busy.url, patient.as)
  const lazy = await openSocket(busy.url, patient.as)
  await reading.subscribe('a', { topic: 'appointments' })
  await lazy.subscribe('a', { topic: 'appointments' })
  lazy.socket.pause()
  const subjects: Subjects = {
    appointmentId: newId(),
    doctorId: newId(),
    clinicId: newId(),
    patientId: patient.patientId,
  }
  let seq = 0
  const cutOff = async () => {
    const { body } = await busy.app.inject('/metrics')
    return body.includes('realtime_sockets_closed_total{reason="slow"} 1')
  }
  while (!(await cutOff())) {
    assert.ok(seq < 500_000, 'it is cut off in the end')
    const batch = Array.from({ length: 500 }, () => ({
      xid: '1',
      seq: String((seq += 1)),
      origin: newId(),
      actorId: null,
      occurredAt: runtime.clock(),
      type: 'appointment.noted',
      subjects,
    }))
    events.reading.passOn({ batch, position: batch.at(-1)!, isEnd: true })
    for (let count = 0; count < batch.length; count += 1) await reading.next()
  }
  lazy.socket.resume()
  await lazy.closed
  reading.send({ type: 'ping' })
  assert.equal((await reading.next()).type, 'pong')
  await reading.close()
})

test('a server that closes says so, and waits for nobody who does not listen', async () => {
  const { as } = await makePatient(runtime)
  const ending = await listenWith(runtime, { closeMilliseconds: 50 })
  const client = await openSocket(ending.url, as)
  const deaf = await openSocket(ending.url, as)
  const stranger = await openSocket(ending.url, null)
  deaf.socket.pause()
  await ending.app.close()
  assert.equal(await client.closed, 1001)
  assert.equal(await stranger.closed, 1001)
  deaf.socket.resume()
  await deaf.closed
})

test('who sends much before it is known who that is, is cut off, and who subscribes at once is not', async () => {
  const { as } = await makePatient(runtime)
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  await owner.query('begin')
  // Keeps the server from finding out who is there, as a database does that is away.
  await owner.query('lock table session in access exclusive mode')
  const authenticate = { type: 'authenticate', accessToken: as.slice('Bearer '.length) }
  const greedy = await openSocket(url, null)
  const hasty = await openSocket(url, null)
  greedy.send(authenticate)
  for (let count = 0; count < 10; count += 1) greedy.send({ type: 'ping', x: 'x'.repeat(4000) })
  hasty.send(authenticate)
  const id = (index: number) => String(index).padStart(64, 'x')
  for (let index = 0; index < 50; index += 1)
    hasty.send({ type: 'subscribe', id: id(index), topic: 'open-times', doctorId: newId() })
  const code = await greedy.closed
  await owner.query('rollback')
  await owner.end()
  assert.equal(code, 4429)
  assert.equal((await hasty.next()).type, 'ready')
  for (let index = 0; index < 50; index += 1)
    assert.deepEqual([(await hasty.next()).code], ['not-found'])
  await hasty.close()
})

test('from one address come so many strangers, by the word of a trusted proxy alone', async () => {
  const { as } = await makePatient(runtime)
  const config = { ...runtime.config, trustedProxies: ['127.0.0.1'] }
  const behind = await listenWith({ ...runtime, config }, { addressStrangersMax: 2 })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const http = behind.url.replace('ws', 'http')
  const strangers = [
    await openSocket(behind.url, null, from('2001:db8::1')),
    await openSocket(behind.url, null, from('2001:db8::2')),
  ]
  assert.equal(await statusOf(from('2001:db8::3'), http), 429)
  assert.equal(await statusOf(from('2001:db8:0:1::3'), http), 101)
  await strangers[0]!.close()
  const known = await openSocket(behind.url, as, from('2001:db8::1'))
  const third = await openSocket(behind.url, null, from('2001:db8::4'))
  assert.equal(await statusOf(from('2001:db8::5'), http), 429)
  for (const socket of [strangers[1]!, known, third]) await socket.close()
  const direct = await listenWith(runtime, { addressStrangersMax: 1 })
  const stranger = await openSocket(direct.url, null, from('203.0.113.1'))
  assert.equal(await statusOf(from('203.0.113.2'), direct.url.replace('ws', 'http')), 429)
  await stranger.close()
})

test('a wrong frame closes the socket, which is counted, and nothing is told to it any more', async () => {
  const { as } = await makePatient(runtime)
  const frames: [frame: number[], code: number][] = [
    [[0x83, 0x80, 0, 0, 0, 0], 1002],
    [[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], 1007],
    [[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], 1009],
  ]
  const stern = await listenWith(runtime, { closeMilliseconds: 3_600_000 })
  for (const [frame, code] of frames) {
    const client = await openSocket(stern.url, as)
    await client.subscribe('a', { topic: 'notifications' })
    // Whoever does not read sends no goodbye, so that the socket does not close yet.
    client.socket.pause()
    // Ws sends no wrong frames by itself.
    // oxlint-disable-next-line typescript/no-explicit-any, no-underscore-dangle
    ;(client.socket as any)._socket.write(Buffer.from(frame))
    const counted = `realtime_sockets_closed_total{reason="${code}"} 1`
    let text = ''
    for (let looks = 0; !text.includes(counted); looks += 1) {
      assert.ok(looks < 500, counted)
      await setImmediate()
      text = (await stern.app.inject('/metrics')).body
    }
    assert.match(text, /realtime_subscriptions 0\n/, 'it has no subscription any more')
    client.socket.resume()
    assert.equal(await client.closed, code)
  }
})

test('an event that an older transaction holds back makes the reader late', async () => {
  const { as, accountId } = await makePatient(runtime)
  const client = await openSocket(url, as)
  await client.subscribe('a', { topic: 'notifications' })
  const older = new pg.Client({ connectionString: databaseUrl })
  await older.connect()
  await older.query('begin')
  await older.query('select pg_current_xact_id()')
  const anHourAgo = runtime.clock() - 3_600_000
  await transact({ ...runtime, clock: () => anHourAgo, actor: null }, async (tx) =>
    tx.append({ type: 'notification.added', subjects: { accountId } }),
  )
  const lag = await metric('event_reader_lag_seconds')
  await older.query('rollback')
  await older.end()
  assert.ok(lag >= 3600 && lag < 3660, `${lag}`)
  assert.equal((await client.next()).event, 'notification.added')
  assert.ok((await metric('event_reader_lag_seconds')) < 5)
  await client.close()
})

test('open sockets are no requests in flight, and are measured', async () => {
  const { as } = await makePatient(runtime)
  const before = await metric('realtime_sockets')
  const client = await openSocket(url, as)
  await client.subscribe('a', { topic: 'notifications' })
  assert.equal(await metric('http_requests_in_flight'), 1, 'the one that asks')
  assert.equal(await metric('realtime_sockets'), before + 1)
  assert.equal(await metric('realtime_subscriptions'), 1)
  assert.ok((await metric('event_reader_lag_seconds')) < 5)
  await client.close()
})
