// Limits, on a real server and the tables that all processes share.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#src/app.ts'
import type { Runtime } from '#src/context.ts'
import { connect } from '#src/db/connect.ts'
import { newId } from '#src/kernel/ids.ts'
import { signInAs } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { createCounts } from './counts.ts'
import { limitClasses } from './limit-classes.ts'
import { keepCounts } from './limits.ts'
import { forgiveTry, takeTry } from './tries.ts'

const { app: wideApp, runtime: wide } = await testVisita()

const minute = 60_000

/** A process with the limits as they are, whose clock stands at the beginning of an hour of its own. */
let hours = 0
function strict(options: { trustedProxies?: string[] } = {}): Runtime & { now: number } {
  hours += 1
  const { trustedProxies = [] } = options
  const runtime = {
    ...wide,
    config: { ...wide.config, rateLimitFactor: 1, trustedProxies },
    now: wide.clock() - (wide.clock() % 3_600_000) + hours * 3_600_000,
    clock: () => runtime.now,
  }
  return runtime
}

async function serve(t: TestContext, runtime: Runtime) {
  const app = await createApp(runtime)
  t.after(() => app.close())
  const ask = (
    line: string,
    options: { from?: string; headers?: Record<string, string>; body?: object } = {},
  ) => {
    const [method = '', url = ''] = line.split(' ')
    return app.inject({
      method: method as 'GET',
      url,
      headers: options.headers ?? {},
      ...(options.from !== undefined && { remoteAddress: options.from }),
      ...(options.body !== undefined && { payload: options.body }),
    })
  }
  return { app, ask }
}

/** An IPv4 address that no other test has. */
let addresses = 0
function address(): string {
  addresses += 1
  return `198.51.100.${addresses}`
}

const wrong = { email: 'nobody' }

test('who signs in too often from one address is refused, told until when, and served again then', async (t) => {
  const runtime = strict()
  const { ask } = await serve(t, runtime)
  const from = address()
  runtime.now += 20_500
  for (let left = 19; left >= 0; left -= 1) {
    const answer = await ask('POST /api/v1/auth/login', { from, body: wrong })
    assert.equal(answer.statusCode, 422)
    assert.equal(
      answer.headers['ratelimit'],
      `"sign-in";r=${left};t=40, "sign-in-hour";r=${180 + left};t=3580`,
    )
    assert.equal(
      answer.headers['ratelimit-policy'],
      '"sign-in";q=20;w=60, "sign-in-hour";q=200;w=3600',
    )
    assert.equal(answer.headers['retry-after'], undefined)
  }
  const refused = await ask('POST /api/v1/auth/login', { from, body: wrong })
  assert.equal(refused.statusCode, 429)
  assert.equal(refused.headers['retry-after'], '40')
  assert.match(
    String(refused.headers['ratelimit']),
    /^"sign-in";r=0;t=40, "sign-in-hour";r=180;t=3580$/,
  )
  const problem = refused.json()
  assert.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded')
  assert.deepEqual(problem['violated-policies'], ['sign-in'])
  assert.equal(problem.retryAfterSeconds, 40)
  assert.equal(
    (await ask('POST /api/v1/auth/login', { from: address(), body: wrong })).statusCode,
    422,
  )
  assert.equal((await ask('GET /api/v1/clinics', { from })).statusCode, 200)

  runtime.now += 40_000 - 501
  assert.equal((await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode, 429)
  runtime.now += 501
  assert.equal((await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode, 422)
})

test('two hundred sign-ins from one address are what an hour allows, however slowly they come', async (t) => {
  const runtime = strict()
  const { ask } = await serve(t, runtime)
  const from = address()
  const statuses: number[] = []
  for (let number = 0; number < 202; number += 1) {
    if (number % 15 === 0) runtime.now += minute
    statuses.push((await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode)
  }
  assert.deepEqual(
    statuses,
    statuses.map((_status, index) => (index < 200 ? 422 : 429)),
  )
  runtime.now += 3_600_000
  assert.equal((await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode, 422)
})

test('a token does not widen what an address may sign in', async (t) => {
  const runtime = strict()
  const { ask } = await serve(t, runtime)
  const from = address()
  const statuses: number[] = []
  for (let number = 0; number < 24; number += 1) {
    const authorization = await signInAs(runtime, { role: 'patient' })
    const answer = await ask('POST /api/v1/auth/login', {
      from,
      headers: { authorization },
      body: wrong,
    })
    statuses.push(answer.statusCode)
  }
  assert.equal(statuses.filter((status) => status === 422).length, 20)
  assert.equal(statuses.filter((status) => status === 429).length, 4)
})

test('one address does not pass as many: IPv6 counts by /64, and by no spelling', async (t) => {
  const { ask } = await serve(t, strict())
  const statuses: number[] = []
  for (let number = 0; number < 30; number += 1) {
    const end = number.toString(16)
    const from = [
      `2001:db8:77:1::${end}`,
      `2001:0DB8:0077:0001:${end}::`,
      `2001:db8:77:1:0:0:192.0.2.${number}`,
    ][number % 3]!
    statuses.push((await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode)
  }
  assert.equal(statuses.filter((status) => status === 422).length, 20)
  const [plain, mapped] = ['203.0.113.50', '::ffff:203.0.113.50']
  for (let number = 0; number < 20; number += 1)
    await ask('POST /api/v1/auth/login', { from: number % 2 === 0 ? plain : mapped, body: wrong })
  for (const from of [plain, mapped, '::ffff:cb00:7132'])
    assert.equal(
      (await ask('POST /api/v1/auth/login', { from, body: wrong })).statusCode,
      429,
      from,
    )
})

test('whom X-Forwarded-For names counts when a trusted proxy says so, and nobody else', async (t) => {
  const from = address()
  const sendFrom = async (ask: Awaited<ReturnType<typeof serve>>['ask']) => {
    const statuses: number[] = []
    for (let number = 0; number < 25; number += 1) {
      const headers = {
        'x-forwarded-for': `203.0.113.${100 + number}`,
        'x-real-ip': `10.0.0.${number}`,
      }
      statuses.push(
        (await ask('POST /api/v1/auth/login', { from, headers, body: wrong })).statusCode,
      )
    }
    return statuses.filter((status) => status === 429).length
  }
  assert.equal(await sendFrom((await serve(t, strict())).ask), 5)
  const trusting = strict({ trustedProxies: [from] })
  const { ask } = await serve(t, trusting)
  assert.equal(await sendFrom(ask), 0)
  // What the client wrote itself stands before what the proxy adds.
  for (let number = 0; number < 25; number += 1) {
    const headers = { 'x-forwarded-for': `10.9.8.${number}, 203.0.113.99` }
    const { statusCode } = await ask('POST /api/v1/auth/login', { from, headers, body: wrong })
    assert.equal(statusCode, number < 20 ? 422 : 429)
  }
})

test('who is signed in counts for the account, and whoever shares the address is not kept out', async (t) => {
  const runtime = strict()
  const { ask } = await serve(t, runtime)
  const from = address()
  const [busy, other] = [
    await signInAs(runtime, { role: 'patient' }),
    await signInAs(runtime, { role: 'patient' }),
  ]
  const post = (authorization: string, sender = from) =>
    ask('POST /api/v1/waitlist', { from: sender, headers: { authorization }, body: {} })
  for (let number = 0; number < 300; number += 1)
    assert.equal((await post(busy)).statusCode, 422, String(number))
  assert.equal((await post(busy)).statusCode, 429)
  assert.equal((await post(busy, address())).statusCode, 429)
  assert.equal((await post(other)).statusCode, 422)
  assert.equal((await ask('POST /api/v1/waitlist', { from, body: {} })).statusCode, 401)
})

test('a bad token counts for the address, which a good one still gets through from', async (t) => {
  const runtime = strict()
  const { ask } = await serve(t, runtime)
  const from = address()
  const good = await signInAs(runtime, { role: 'patient' })
  const post = (authorization: string) =>
    ask('POST /api/v1/waitlist', { from, headers: { authorization }, body: {} })
  for (let number = 0; number < 300; number += 1)
    assert.equal((await post(`Bearer ${good.slice(7, -8)}${number}`)).statusCode, 401)
  assert.equal((await post('Bearer x')).statusCode, 429)
  assert.equal((await ask('POST /api/v1/waitlist', { from, body: {} })).statusCode, 429)
  assert.equal((await post(good)).statusCode, 422)
})

test('what operators watch is never limited, and everything else tells where one stands', async (t) => {
  const { app, ask } = await serve(t, strict())
  for (const url of ['/healthz', '/readyz', '/metrics']) {
    const { headers } = await ask(`GET ${url}`)
    assert.equal(headers['ratelimit'], undefined)
    assert.equal(headers['ratelimit-policy'], undefined)
  }
  const from = address()
  const paths = ['/docs', '/docs/static/index.css', '/redoc', '/openapi.json', '/nothing', '/join']
  let left = 1200
  for (const url of [...paths, '/api/v1/clinics', '/api/v1/appointments']) {
    left -= 1
    const { headers, statusCode } = await ask(`GET ${url}`, { from })
    assert.match(
      String(headers['ratelimit']),
      new RegExp(`^"read";r=${left};t=60$`),
      `${url} ${statusCode}`,
    )
  }
  assert.equal(app.counts.size(), 1)
})

test('processes share their limits', async (t) => {
  const runtime = strict()
  const [one, other] = [await serve(t, runtime), await serve(t, runtime)]
  const from = address()
  let served = 0
  for (let number = 0; number < 40; number += 1) {
    const { ask } = number % 2 === 0 ? one : other
    const { statusCode } = await ask('POST /api/v1/auth/login', { from, body: wrong })
    if (statusCode === 422) served += 1
  }
  assert.equal(served, 20)

  const search = ({ ask }: typeof one) => ask('GET /api/v1/slots', { from })
  for (let number = 0; number < 250; number += 1) await search(one)
  await one.app.counts.share()
  for (let number = 0; number < 38; number += 1)
    assert.notEqual((await search(other)).statusCode, 429)
  await other.app.counts.share()
  const { headers } = await search(other)
  assert.match(String(headers['ratelimit']), /^"search";r=11;/)
  for (let number = 0; number < 11; number += 1)
    assert.notEqual((await search(other)).statusCode, 429)
  assert.equal((await search(other)).statusCode, 429)
})

test('what is far from its limit is written nowhere, and what is written names nobody', async (t) => {
  const runtime = strict()
  const { app, ask } = await serve(t, runtime)
  const from = address()
  const rows = async () => {
    const all = await wide.db.selectFrom('request_count').selectAll().execute()
    const begunAt = runtime.now
    return all.filter(({ window_ends_at: at }) => at > begunAt && at <= begunAt + 3_600_000)
  }
  for (let number = 0; number < 100; number += 1) await ask('GET /api/v1/clinics', { from })
  await app.counts.share()
  assert.deepEqual(await rows(), [])
  for (let number = 0; number < 50; number += 1) await ask('GET /api/v1/clinics', { from })
  await app.counts.share()
  await ask('POST /api/v1/auth/login', { from, body: { email: 'anna@example.org', password: 'x' } })
  const written = await rows()
  const used = written.map((row) => row.used).toSorted((one, other) => other - one)
  assert.deepEqual(used.slice(0, 3), [150, 1, 1])
  for (const { subject } of written) {
    assert.equal(subject.length, 32)
    const text = subject.toString('latin1')
    assert.ok(!text.includes(from) && !text.includes('anna'))
  }
})

test('old counts are removed', async () => {
  const runtime = strict()
  const subject = newId()
  await takeTry(
    { ...runtime, config: wide.config },
    { name: 'test', subject, max: 1, windowSeconds: 60 },
  )
  const hash = wide.links.hashOf(`test ${subject}`)
  const isThere = async () => {
    const found = wide.db.selectFrom('request_count').select('used').where('subject', '=', hash)
    return (await found.executeTakeFirst()) !== undefined
  }
  const clean = async () => {
    const ending = new AbortController()
    const keeping = keepCounts(runtime, ending.signal)
    ending.abort()
    await keeping
  }
  await clean()
  assert.ok(await isThere())
  runtime.now += minute + 1
  await clean()
  assert.ok(!(await isThere()))
})

test('a flood of addresses does not fill the memory', async () => {
  const runtime = strict()
  const counts = createCounts(runtime, 1000)
  for (let number = 0; number < 20_000; number += 1)
    counts.takeHere(limitClasses.read, `address ${number}`)
  assert.equal(counts.size(), 1000)
  runtime.now += 2 * minute
  counts.takeHere(limitClasses.read, 'address')
  assert.equal(counts.size(), 1)
  await counts.close()
})

test('while the database is away, limits hold in each process and keep nobody out', async () => {
  const { db, pool } = connect({
    url: 'postgres://nobody@127.0.0.1:1/none',
    schema: 'public',
    poolSize: 2,
    onLost: () => {},
  })
  const counts = createCounts({ ...strict(), db })
  for (let number = 0; number < 20; number += 1)
    assert.equal((await counts.take(limitClasses['sign-in'], 'somewhere')).refusedBy, null)
  assert.equal((await counts.take(limitClasses['sign-in'], 'somewhere')).refusedBy?.name, 'sign-in')
  for (let number = 0; number < 300; number += 1)
    assert.equal(counts.takeHere(limitClasses.search, 'somewhere').refusedBy, null)
  await counts.share()
  assert.equal(counts.takeHere(limitClasses.search, 'somewhere').refusedBy?.name, 'search')
  await counts.close()
  await pool.end()
})

test('of tries at the same time exactly as many pass as are allowed, and again in the next window', async () => {
  const runtime = strict()
  const tries = { name: 'test', subject: newId(), max: 5, windowSeconds: 600 }
  const passing = async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, () => takeTry(runtime, tries)),
    )
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.equal(outcome.reason.members.retryAfterSeconds, 600)
    return outcomes.filter(({ status }) => status === 'fulfilled').length
  }
  assert.equal(await passing(), 5)
  runtime.now += 599_999
  await assert.rejects(takeTry(runtime, tries), { code: 'too-many-requests' })
  runtime.now += 1
  assert.equal(await passing(), 5)
  await takeTry(runtime, { ...tries, subject: newId() })
  await takeTry(runtime, { ...tries, name: 'other' })
})

test('a try that was forgiven is not counted', async () => {
  const runtime = strict()
  const tries = { name: 'test', subject: newId(), max: 3, windowSeconds: 600 }
  for (let number = 0; number < 10; number += 1) {
    await takeTry(runtime, tries)
    await forgiveTry(runtime, tries)
  }
  for (let number = 0; number < 3; number += 1) await takeTry(runtime, tries)
  await assert.rejects(takeTry(runtime, tries), { code: 'too-many-requests' })
  await forgiveTry(runtime, tries)
  await assert.rejects(takeTry(runtime, tries), { code: 'too-many-requests' })
})

test('the first try that does not pass is noted, and no other of its window', async () => {
  const runtime = strict()
  const tries = { name: 'test', subject: newId(), max: 3, windowSeconds: 600 }
  let noted = 0
  const note = async () => void (noted += 1)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 9 }, () => takeTry(runtime, tries, note)),
  )
  assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 6)
  assert.equal(noted, 1)
  runtime.now += 600_000
  for (let number = 0; number < 5; number += 1) await takeTry(runtime, tries, note).catch(() => {})
  assert.equal(noted, 2)
})

test('what is counted while a window ends does not count in the next one', async () => {
  const runtime = strict()
  const counts = createCounts(runtime)
  const limitClass = limitClasses['sign-in']
  const subject = newId()
  for (let number = 0; number < 15; number += 1) await counts.take(limitClass, subject)
  let late: ReturnType<typeof counts.take> | undefined
  await runtime.db.transaction().execute(async (db) => {
    await db
      .selectFrom('request_count')
      .select('used')
      .where('subject', '=', runtime.links.hashOf(`sign-in ${subject}`))
      .forUpdate()
      .execute()
    // It waits for the row, and the window ends meanwhile.
    late = counts.take(limitClass, subject)
    runtime.now += minute
    const { standings } = counts.takeHere(limitClass, subject)
    assert.equal(standings[0]?.remaining, 19)
  })
  assert.equal((await late)?.refusedBy, null)
  assert.equal(counts.takeHere(limitClass, subject).standings[0]?.remaining, 18)
  await counts.close()
})

test('the factor of the configuration widens every limit', async () => {
  const answer = await wideApp.inject('/api/v1/clinics')
  assert.equal(answer.headers['ratelimit-policy'], '"read";q=1200000;w=60')
})
