import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { Context } from '#src/context.ts'
import { NotSignedIn } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { eventsOf } from '#test/support/account.ts'
import { call, type AnswerBody } from '#test/support/network.ts'
import { until, withServers } from '#test/support/race-servers.ts'
import { testVisita } from '#test/support/visita.ts'
import { authenticate } from './authenticate.ts'
import { createLinkSigner } from './link-signer.ts'
import { refreshSession, type SignedIn } from './sessions.ts'

const { app, runtime, databaseUrl, logged } = await testVisita()
const password = 'four wet herons wait'
const day = 86_400_000

async function someone(): Promise<AnswerBody> {
  const body = { email: `${newId()}@example.org`, password, name: 'Anna Berg' }
  const answer = await call(app, 'POST /auth/register', { body })
  assert.equal(answer.status, 201)
  return answer.body
}

function refresh(refreshToken: string) {
  return call(app, 'POST /auth/refresh', { body: { refreshToken } })
}

async function statusOfMe(accessToken: string): Promise<number> {
  return (await call(app, 'GET /auth/me', { as: `Bearer ${accessToken}` })).status
}

/** The context of nobody at a later time. */
function contextAfter(milliseconds: number): Context {
  const clock = () => runtime.clock() + milliseconds
  return { ...runtime, clock, actor: null, requestId: 'test', clientAddress: null }
}

test('a refresh token is exchanged for new ones, again and again', async () => {
  const { account, ...first } = await someone()
  const second = await refresh(first.refreshToken)
  assert.equal(second.status, 200)
  assert.deepEqual(second.body.account, account)
  assert.notEqual(second.body.refreshToken, first.refreshToken)
  assert.equal(await statusOfMe(second.body.accessToken), 200)
  const third = await refresh(second.body.refreshToken)
  assert.equal(third.status, 200)
})

test('a refresh token that comes back ends the session, of the thief and the robbed', async () => {
  const first = await someone()
  const second = (await refresh(first.refreshToken)).body
  assert.equal((await refresh(first.refreshToken)).status, 401)
  assert.equal((await refresh(second.refreshToken)).status, 401)
  assert.equal(await statusOfMe(first.accessToken), 401)
  assert.equal(await statusOfMe(second.accessToken), 401)
})

test('reuse is an event, once, of which its owner can be told', async () => {
  const first = await someone()
  await refresh(first.refreshToken)
  await Promise.all([refresh(first.refreshToken), refresh(first.refreshToken)])
  const accountId = first.account.id
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'session.reused')
    .execute()
  assert.deepEqual(
    events.filter(({ subjects }) => subjects['accountId'] === accountId),
    [{ subjects: { accountId } }],
  )
})

test('reuse ends that session alone, and is audited', async () => {
  const first = await someone()
  const elsewhere = await call(app, 'POST /auth/login', {
    body: { email: first.account.email, password },
  })
  await refresh(first.refreshToken)
  await refresh(first.refreshToken)
  assert.equal(await statusOfMe(elsewhere.body.accessToken), 200)
  const [sessionId] = first.refreshToken.split('.')
  const entry = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed'])
    .where('subject_id', '=', sessionId)
    .execute()
  assert.deepEqual(entry, [{ action: 'session.reuse', allowed: false }])
})

test('of two who refresh with one token at once, one at most gets through', async () => {
  const { refreshToken } = await someone()
  const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(refreshToken)))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((one, other) => one - other),
    [200, 401, 401, 401],
  )
})

test('the stored form of a refresh token does not work as one', async () => {
  const { refreshToken } = await someone()
  const [sessionId] = refreshToken.split('.')
  const { refresh_token_hash: hash } = await runtime.db
    .selectFrom('session')
    .select('refresh_token_hash')
    .where('id', '=', sessionId)
    .executeTakeFirstOrThrow()
  for (const text of [hash, Buffer.concat([hash, hash.subarray(0, 16)])])
    assert.equal((await refresh(`${sessionId}.${text.toString('base64url')}`)).status, 401)
  assert.equal((await refresh(refreshToken)).status, 200)
})

test('who knows the id of a session, and never had a token of it, cannot end it', async () => {
  const [{ account, refreshToken }, other] = [await someone(), await someone()]
  const [sessionId] = refreshToken.split('.')
  const [, othersSecret] = other.refreshToken.split('.')
  for (const secret of ['A'.repeat(64), '_'.repeat(64), othersSecret])
    assert.equal((await refresh(`${sessionId}.${secret}`)).status, 401)
  assert.deepEqual(await eventsOf(account.id, 'session.reused'), [])
  assert.equal((await refresh(refreshToken)).status, 200)
})

test('a token that comes back ends the session also when the signing key has changed since', async () => {
  const { refreshToken } = await someone()
  const next = (await refresh(refreshToken)).body
  const keys = ['c'.repeat(43), runtime.config.tokenSigningKey!]
  const rotated = { ...contextAfter(0), links: createLinkSigner(keys) }
  await assert.rejects(refreshSession(rotated, refreshToken), NotSignedIn)
  assert.equal((await refresh(next.refreshToken)).status, 401)
})

test('an exchange of tokens neither waits nor fails because it cannot be remembered from where', async () => {
  const { account, refreshToken } = await someone()
  const context = { ...contextAfter(0), clientAddress: '192.0.2.21' }
  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  try {
    // Whoever writes there waits until the commit, and then finds no such table.
    await owner.query('begin; alter table request_count rename to request_count_away')
    let signedIn: SignedIn | undefined
    void refreshSession(context, refreshToken).then((done) => (signedIn = done))
    await until('tokens are answered', () => signedIn !== undefined)
    const message = 'a network could not be remembered'
    assert.ok(!logged().includes(message))
    await owner.query('commit')
    await until('it is logged', () => logged().includes(message))
    assert.ok(!logged().includes(account.email))
  } finally {
    await owner.query('rollback; alter table if exists request_count_away rename to request_count')
    await owner.end()
  }
})

test('text that is no refresh token is refused', async () => {
  for (const token of ['', 'x', `${newId()}.short`, `${newId()}.${'A'.repeat(64)}`])
    assert.equal((await refresh(token)).status, 401)
  assert.equal((await call(app, 'POST /auth/refresh')).status, 401)
})

test('who stays away longer than the configured days must sign in again', async () => {
  const first = await someone()
  const days = runtime.config.refreshTokenDays
  const second = await refreshSession(contextAfter(days * day - 60_000), first.refreshToken)
  await assert.rejects(
    refreshSession(contextAfter(days * 2 * day), second.refreshToken),
    NotSignedIn,
  )
})

test('signing out voids access and refresh token at once', async () => {
  const { account, accessToken, refreshToken } = await someone()
  const answer = await call(app, 'POST /auth/logout', { as: `Bearer ${accessToken}` })
  assert.equal(answer.status, 204)
  assert.equal(await statusOfMe(accessToken), 401)
  assert.equal((await refresh(refreshToken)).status, 401)
  assert.deepEqual(await eventsOf(account.id, 'sessions.ended'), [{ accountId: account.id }])
})

test('who has a refresh token alone can sign out too', async () => {
  const { accessToken, refreshToken } = await someone()
  const answer = await call(app, 'POST /auth/logout', { body: { refreshToken } })
  assert.equal(answer.status, 204)
  assert.equal(await statusOfMe(accessToken), 401)
  assert.equal((await call(app, 'POST /auth/logout')).status, 401)
})

test('one session of an account ends without the others', async () => {
  const first = await someone()
  const body = { email: first.account.email, password }
  const { body: second } = await call(app, 'POST /auth/login', { body })
  await call(app, 'POST /auth/logout', { as: `Bearer ${second.accessToken}` })
  assert.equal(await statusOfMe(first.accessToken), 200)
})

test('a change of role acts at once, whatever the token says', async () => {
  const { account, accessToken } = await someone()
  const actor = await authenticate(runtime, `Bearer ${accessToken}`)
  assert.equal(actor?.role, 'patient')
  assert.deepEqual(actor?.patientIds, [account.patientId])
  const { db } = runtime
  await db.updateTable('account').set({ role: 'admin' }).where('id', '=', account.id).execute()
  assert.equal((await authenticate(runtime, `Bearer ${accessToken}`))?.role, 'admin')
})

test('access that is over or for looking alone is not among what an account acts for', async () => {
  const { account, accessToken } = await someone()
  const [ended, seen, carer] = [await someone(), await someone(), await someone()]
  const row = { account_id: account.id, relation: 'carer' as const, created_at: '2026-01-01Z' }
  await runtime.db
    .insertInto('patient_access')
    .values([
      { ...row, patient_id: ended.account.patientId, scope: 'manage', ends_at: '2026-01-02Z' },
      { ...row, patient_id: seen.account.patientId, scope: 'see' },
      { ...row, patient_id: carer.account.patientId, scope: 'book', ends_at: '2999-01-01Z' },
    ])
    .execute()
  const actor = await authenticate(runtime, `Bearer ${accessToken}`)
  const expected = new Set([account.patientId, carer.account.patientId])
  assert.deepEqual(new Set(actor?.patientIds), expected)
})

test('an access token ends by the clock, and a header that is none is refused', async () => {
  const { accessToken } = await someone()
  assert.equal(await authenticate(runtime, undefined), null)
  assert(await authenticate(contextAfter(9 * 60_000), `bearer ${accessToken}`))
  await assert.rejects(
    authenticate(contextAfter(11 * 60_000), `Bearer ${accessToken}`),
    NotSignedIn,
  )
  for (const header of [
    '',
    'Bearer',
    accessToken,
    `Basic ${accessToken}`,
    `Bearer a ${accessToken}`,
  ])
    await assert.rejects(authenticate(runtime, header), NotSignedIn)
})

const cookieName = '__Secure-visita-refresh'

function post(path: string, options: { cookie?: string; body?: object }) {
  return app.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    ...(options.cookie !== undefined && { headers: { cookie: options.cookie } }),
    payload: options.body ?? {},
  })
}

test('in cookie mode scripts never see the refresh token, and it works until signing out', async () => {
  const { account } = await someone()
  const credentials = { email: account.email, password, session: 'cookie' }
  const signedIn = await post('/auth/login', { body: credentials })
  assert.equal(signedIn.statusCode, 200)
  assert.equal(signedIn.headers['cache-control'], 'no-store')
  assert.equal('refreshToken' in signedIn.json(), false)
  const header = String(signedIn.headers['set-cookie'])
  for (const part of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/api/v1/auth'])
    assert(header.split('; ').includes(part), part)
  const maxAge = runtime.config.refreshTokenDays * 86_400
  assert(header.startsWith(`${cookieName}=`) && header.includes(`Max-Age=${maxAge}`))

  const cookie = `theme=dark; ${header.split(';')[0]}`
  const refreshed = await post('/auth/refresh', { cookie })
  assert.equal(refreshed.statusCode, 200)
  assert.equal('refreshToken' in refreshed.json(), false)
  const nextCookie = String(refreshed.headers['set-cookie']).split(';')[0] ?? ''
  assert.notEqual(nextCookie, header.split(';')[0])

  const signedOut = await post('/auth/logout', { cookie: nextCookie })
  assert.equal(signedOut.statusCode, 204)
  assert.match(String(signedOut.headers['set-cookie']), /Max-Age=0;/)
  assert.equal((await post('/auth/refresh', { cookie: nextCookie })).statusCode, 401)
  assert.equal(await statusOfMe(refreshed.json().accessToken), 401)
})

function sessionsOf(accessToken: string, query = '') {
  return call(app, `GET /auth/sessions${query}`, { as: `Bearer ${accessToken}` })
}

async function signInWith(email: string, userAgent?: string): Promise<AnswerBody> {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/auth/login',
    payload: { email, password },
    headers: userAgent === undefined ? {} : { 'user-agent': userAgent },
  })
  assert.equal(answer.statusCode, 200)
  return answer.json()
}

test('an account sees where it is signed in, page by page, and which session asks', async () => {
  const first = await someone()
  const second = await signInWith(first.account.email, 'Phone/1.0')
  const third = await signInWith(first.account.email, 'Browser/2.0')
  await refresh(second.refreshToken)
  const { body } = await sessionsOf(third.accessToken)
  assert.deepEqual(
    body.items.map((session: AnswerBody) => [session.userAgent, session.isCurrent]).slice(0, 2),
    [
      ['Browser/2.0', true],
      ['Phone/1.0', false],
    ],
  )
  assert.equal(body.items.length, 3)
  const [browser, phone] = body.items
  assert.equal(browser.lastUsedAt, browser.createdAt)
  assert.ok(phone.lastUsedAt > phone.createdAt)
  const page = await sessionsOf(third.accessToken, '?limit=2')
  const rest = await sessionsOf(third.accessToken, `?limit=2&cursor=${page.body.nextCursor}`)
  assert.deepEqual([...page.body.items, ...rest.body.items], body.items)
  assert.equal(rest.body.nextCursor, null)
})

test('what a browser calls itself is kept as one short line', async () => {
  const { account } = await someone()
  const { accessToken } = await signInWith(
    account.email,
    `Evil\t\u0085\u00adAgent ${'x'.repeat(300)}`,
  )
  const [{ userAgent }] = (await sessionsOf(accessToken)).body.items
  assert.equal(userAgent, `EvilAgent ${'x'.repeat(190)}`)
  const silent = await signInWith(account.email, ' \t ')
  assert.equal((await sessionsOf(silent.accessToken)).body.items[0].userAgent, null)
})

test('an account ends its own sessions, one or all, and those of nobody else', async () => {
  const first = await someone()
  const [second, third] = [
    await signInWith(first.account.email),
    await signInWith(first.account.email),
  ]
  const stranger = await someone()
  const idOf = ({ refreshToken }: AnswerBody) => refreshToken.split('.')[0]
  const end = (who: AnswerBody, path: string) =>
    call(app, `DELETE /auth/sessions${path}`, { as: `Bearer ${who.accessToken}` })

  assert.equal((await end(stranger, `/${idOf(first)}`)).status, 404)
  assert.equal((await end(third, `/${idOf(first)}`)).status, 204)
  assert.equal((await end(third, `/${idOf(first)}`)).status, 404)
  assert.equal(await statusOfMe(first.accessToken), 401)
  assert.equal((await refresh(first.refreshToken)).status, 401)
  assert.equal(await statusOfMe(second.accessToken), 200)

  assert.equal((await end(third, '?except=current')).status, 204)
  assert.deepEqual(
    [await statusOfMe(second.accessToken), await statusOfMe(third.accessToken)],
    [401, 200],
  )
  assert.equal((await end(third, '')).status, 204)
  assert.equal(await statusOfMe(third.accessToken), 401)
  assert.equal(await statusOfMe(stranger.accessToken), 200)

  const { id: accountId } = first.account
  const ended = await runtime.db
    .selectFrom('audit_entry')
    .select(['subject_id', 'actor_id'])
    .where('action', '=', 'session.end')
    .where('actor_id', '=', accountId)
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    ended.map((row) => row.subject_id),
    [first, second, third].map(idOf),
  )
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'sessions.ended')
    .where('actor_id', '=', accountId)
    .execute()
  assert.deepEqual(
    events.map(({ subjects }) => subjects),
    [{ accountId }, { accountId }, { accountId }],
  )
})

test('a session ends 90 days after it began, however often its tokens are exchanged', async () => {
  let { refreshToken } = await someone()
  for (const days of [29, 58, 87]) {
    const next = await refreshSession(contextAfter(days * day), refreshToken)
    refreshToken = next.refreshToken
  }
  const almost = await refreshSession(contextAfter(90 * day - 60_000), refreshToken)
  await assert.rejects(
    refreshSession(contextAfter(90 * day + 60_000), almost.refreshToken),
    NotSignedIn,
  )
  await assert.rejects(
    authenticate(contextAfter(90 * day + 60_000), `Bearer ${almost.accessToken}`),
    NotSignedIn,
  )
})

test('what ends a session or changes a role on one process acts on all at the next request', async () => {
  await withServers(2, async ({ clients, runtime: here }) => {
    const [one, other] = clients
    assert.ok(one && other)
    const email = `${newId()}@example.org`
    const body = { email, password, name: 'Anna Berg' }
    const signedIn: AnswerBody[] = [(await one.send('POST /auth/register', { body })).body]
    for (const client of [one, other, one])
      signedIn.push((await client.send('POST /auth/login', { body: { email, password } })).body)
    const [first, second, third, fourth] = signedIn.map(
      ({ accessToken }) => `Bearer ${accessToken}`,
    )
    const statusOf = async (as: string | undefined, path = '/auth/me') =>
      (await other.send(`GET ${path}` as 'GET /', { as })).status
    for (const as of [first, second, third, fourth]) assert.equal(await statusOf(as), 200)

    await one.send('POST /auth/logout', { as: first, body: {} })
    assert.equal(await statusOf(first), 401)
    const [sessionId] = signedIn[1].refreshToken.split('.')
    await one.send(`DELETE /auth/sessions/${sessionId}`, { as: fourth })
    assert.equal(await statusOf(second), 401)
    await one.send('DELETE /auth/sessions?except=current', { as: fourth })
    assert.equal(await statusOf(third), 401)
    assert.equal(await statusOf(fourth), 200)

    const accountId: string = signedIn[0].account.id
    const change = (values: { role: 'admin' } | { status: 'disabled' }) =>
      here.db.updateTable('account').set(values).where('id', '=', accountId).execute()
    assert.equal(await statusOf(fourth, '/admin/delivery'), 403)
    await change({ role: 'admin' })
    assert.equal(await statusOf(fourth, '/admin/delivery'), 200)
    await change({ status: 'disabled' })
    assert.equal(await statusOf(fourth), 401)
    const { refreshToken } = signedIn[3]
    assert.equal((await other.send('POST /auth/refresh', { body: { refreshToken } })).status, 401)
  })
})
