import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '#src/context.ts'
import { NotSignedIn } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { authenticate } from './authenticate.ts'
import { refreshSession } from './sessions.ts'

const { app, runtime } = await testVisita()
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
  return { ...runtime, clock, actor: null, requestId: 'test' }
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
  assert.equal((await refresh(`${sessionId}.${hash.toString('base64url')}`)).status, 401)
})

test('text that is no refresh token is refused', async () => {
  for (const token of ['', 'x', `${newId()}.short`, `${newId()}.${'A'.repeat(43)}`])
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
  const { accessToken, refreshToken } = await someone()
  const answer = await call(app, 'POST /auth/logout', { as: `Bearer ${accessToken}` })
  assert.equal(answer.status, 204)
  assert.equal(await statusOfMe(accessToken), 401)
  assert.equal((await refresh(refreshToken)).status, 401)
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
    ...(options.body !== undefined && { payload: options.body }),
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
