import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SignedInContext } from '#src/context.ts'
import { eventsOf, password, registered, signIn, strangersContext } from '#test/support/account.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { authenticate } from './authenticate.ts'
import { requirePassword } from './password-change.ts'

const { app, runtime } = await testVisita()
const newPassword = 'nine dry otters nap'

function change(as: string, body: object) {
  return call(app, 'POST /auth/change-password', { as, body })
}

async function signedInContext(as: string, clientAddress: string): Promise<SignedInContext> {
  const actor = await authenticate(runtime, as)
  assert.ok(actor)
  return { ...(await strangersContext({ clientAddress })), actor }
}

test('who knows the password chooses a new one, which ends the other sessions and is told', async () => {
  const { accountId, email, as } = await registered()
  const { body: elsewhere } = await signIn(email)
  assert.equal((await change(as, { password, newPassword })).status, 204)
  assert.equal((await call(app, 'GET /auth/me', { as })).status, 200)
  const other = `Bearer ${elsewhere.accessToken}`
  assert.equal((await call(app, 'GET /auth/me', { as: other })).status, 401)
  const { refreshToken } = elsewhere
  assert.equal((await call(app, 'POST /auth/refresh', { body: { refreshToken } })).status, 401)
  assert.equal((await signIn(email)).status, 401)
  assert.equal((await signIn(email, newPassword)).status, 200)
  assert.deepEqual(await eventsOf(accountId, 'account.password-changed'), [{ accountId }])
})

test('a wrong password changes nothing, and the refusal names the field and leaves an audit row', async () => {
  const { accountId, email, as } = await registered()
  const answer = await change(as, { password: 'not the password', newPassword })
  assert.equal(answer.status, 401)
  assert.equal(answer.body.type, '/problems/bad-credentials')
  assert.deepEqual(pointersOf(answer), ['/password'])
  assert.equal((await signIn(email)).status, 200)
  const denied = await runtime.db
    .selectFrom('audit_entry')
    .select('action')
    .where('subject_id', '=', accountId)
    .where('allowed', '=', false)
    .execute()
  assert.deepEqual(denied, [{ action: 'account.password-check' }])
})

test('a new password that is poor, or the present one, is refused by its field', async () => {
  const { email, as } = await registered()
  for (const poor of ['password123', email, 'Anna Berg', 'visita2026', password])
    assert.deepEqual(pointersOf(await change(as, { password, newPassword: poor })), [
      '/newPassword',
    ])
  assert.equal((await signIn(email)).status, 200)
})

test('of two changes at once with the same old password one succeeds', async () => {
  const { email, as } = await registered()
  const wishes = [newPassword, 'six old badgers dig']
  const answers = await Promise.all(
    wishes.map((wish) => change(as, { password, newPassword: wish })),
  )
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [204, 401])
  // Its session goes on, and the password that it sent is not the present one any more.
  const lost = answers.find(({ status }) => status === 401)!
  assert.equal(lost.body.type, '/problems/bad-credentials')
  assert.deepEqual(pointersOf(lost), ['/password'])
  const signIns = await Promise.all(wishes.map(async (wish) => (await signIn(email, wish)).status))
  assert.deepEqual(
    signIns,
    answers.map(({ status }) => (status === 204 ? 200 : 401)),
  )
})

test('ten wrong passwords of one who is signed in, and none is taken for a while', async () => {
  const { as } = await registered()
  const context = await signedInContext(as, '192.0.2.61')
  const outcomes = await Promise.all(
    Array.from({ length: 13 }, () =>
      requirePassword(context, 'not the password').catch((error: { code: string }) => error.code),
    ),
  )
  assert.equal(outcomes.filter((code) => code === 'bad-credentials').length, 10)
  assert.equal(outcomes.filter((code) => code === 'too-many-requests').length, 3)
  await assert.rejects(requirePassword(context, password), { code: 'too-many-requests' })
  const denied = await runtime.db
    .selectFrom('audit_entry')
    .select('details')
    .where('subject_id', '=', context.actor.accountId)
    .where('allowed', '=', false)
    .execute()
  assert.deepEqual(
    denied.filter(({ details }) => 'limit' in details),
    [{ details: { limit: 'password' } }],
  )
})

test('a password that could not be looked at is no wrong one', async () => {
  const { accountId, as } = await registered()
  const context = await signedInContext(as, '192.0.2.63')
  const account = runtime.db.selectFrom('account').select('password_hash')
  const { password_hash: stored } = await account
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  const store = (hash: string) =>
    runtime.db.updateTable('account').set({ password_hash: hash }).where('id', '=', accountId)
  await store('damaged').execute()
  for (let round = 0; round < 11; round += 1)
    await assert.rejects(requirePassword(context, password), /damaged/)
  await store(stored).execute()
  await requirePassword(context, password)
})

test('right passwords do not count as tries', async () => {
  const { as } = await registered()
  const context = await signedInContext(as, '192.0.2.62')
  for (let round = 0; round < 11; round += 1) await requirePassword(context, password)
})

test('the owner changes name, phone and language, and nothing that is not the owner’s to change', async () => {
  const { accountId, as } = await registered()
  const body = { name: ' Anna Berg-Weiss ', phone: '+33 1 42 68 53 00', locale: 'de-at' }
  const { status, body: account } = await call(app, 'PATCH /auth/me', { as, body })
  assert.equal(status, 200)
  assert.equal(account.name, 'Anna Berg-Weiss')
  assert.equal(account.phone, body.phone)
  const row = await runtime.db
    .selectFrom('account')
    .select(['locale', 'role', 'status'])
    .where('id', '=', accountId)
    .executeTakeFirst()
  assert.deepEqual(row, { locale: 'de-AT', role: 'patient', status: 'active' })
  assert.deepEqual(await eventsOf(accountId, 'account.changed'), [{ accountId }])
  const cleared = await call(app, 'PATCH /auth/me', { as, body: { phone: null } })
  assert.equal('phone' in cleared.body, false)
  const same = await call(app, 'PATCH /auth/me', { as, body: {} })
  assert.deepEqual([same.status, same.body], [200, cleared.body])
  // Nothing was changed, so nobody is told of it.
  assert.equal((await eventsOf(accountId, 'account.changed')).length, 2)
  assert.equal(cleared.body.name, 'Anna Berg-Weiss')
  for (const field of ['role', 'email', 'id', 'status', 'emailVerified', 'clinicIds', 'password'])
    assert.equal(
      (await call(app, 'PATCH /auth/me', { as, body: { [field]: 'admin' } })).status,
      422,
    )
  for (const wrong of [{ name: ' ' }, { locale: 'not a tag' }])
    assert.equal((await call(app, 'PATCH /auth/me', { as, body: wrong })).status, 422)
})
