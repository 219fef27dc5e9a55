import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, pointersOf, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime, logged } = await testVisita()
const password = 'four wet herons wait'

async function someone(): Promise<{ email: string; account: AnswerBody }> {
  const email = `Anna.${newId()}@example.org`
  const answer = await call(app, 'POST /auth/register', {
    body: { email, password, name: 'Anna Berg' },
  })
  assert.equal(answer.status, 201)
  return { email, account: answer.body.account }
}

function signIn(email: string, secret = password) {
  return call(app, 'POST /auth/login', { body: { email, password: secret } })
}

test('who knows the password signs in, however the e-mail address is written', async () => {
  const { email, account } = await someone()
  for (const written of [email, email.toLowerCase(), ` ${email.toUpperCase()} `]) {
    const answer = await signIn(written)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body.account, account)
    assert.equal(answer.body.tokenType, 'Bearer')
    assert.equal(answer.body.expiresIn, 600)
    const me = await call(app, 'GET /auth/me', { as: `Bearer ${answer.body.accessToken}` })
    assert.deepEqual(me.body, account)
  }
})

test('a wrong password and an unknown e-mail address get one and the same answer', async () => {
  const { email } = await someone()
  const { requestId: _one, ...known } = (await signIn(email, 'not the password')).body
  const { requestId: _other, ...unknown } = (await signIn(`no.${email}`)).body
  assert.equal(known.status, 401)
  assert.equal(known.type, '/problems/bad-credentials')
  assert.deepEqual(unknown, known)
})

test('an unknown e-mail address takes as long to refuse as a wrong password', async () => {
  const { email } = await someone()
  const shortest = { known: Number.POSITIVE_INFINITY, unknown: Number.POSITIVE_INFINITY }
  let ratio = 0
  // A busy machine blurs each try, but cannot make the shortest of many shorter.
  for (let round = 0; round < 40 && (ratio < 0.5 || ratio > 2); round += 1) {
    for (const kind of ['known', 'unknown'] as const) {
      const startedAt = performance.now()
      await signIn(kind === 'known' ? email : `no.${email}`, 'not the password')
      shortest[kind] = Math.min(shortest[kind], performance.now() - startedAt)
    }
    ratio = shortest.unknown / shortest.known
  }
  assert(ratio >= 0.5 && ratio <= 2, `the ratio is ${ratio}`)
})

test('a disabled account cannot sign in, and is not told why', async () => {
  const { email, account } = await someone()
  const { body: tokens } = await signIn(email)
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', account.id)
    .execute()
  const answer = await signIn(email)
  assert.equal(answer.status, 401)
  assert.equal(answer.body.type, '/problems/bad-credentials')
  const me = await call(app, 'GET /auth/me', { as: `Bearer ${tokens.accessToken}` })
  assert.equal(me.status, 401)
  const refreshed = await call(app, 'POST /auth/refresh', {
    body: { refreshToken: tokens.refreshToken },
  })
  assert.equal(refreshed.status, 401)
})

test('a sign-in with fields missing, wrong or unknown is refused by their names', async () => {
  const cases: [unknown, string[]][] = [
    [{ email: 'anna@example.org' }, ['/password']],
    [{ email: 7, password }, ['/email']],
    [{ email: 'nobody', password }, ['/email']],
    [{ email: 'anna@example.org', password, session: 'forever' }, ['/session']],
    [{ email: 'anna@example.org', password, role: 'admin' }, ['/role']],
  ]
  for (const [body, pointers] of cases) {
    const answer = await call(app, 'POST /auth/login', { body })
    assert.equal(answer.status, 422)
    assert.deepEqual(pointersOf(answer), pointers)
  }
})

test('sign-ins leave audit rows, right and wrong, with ids alone', async () => {
  const { email, account } = await someone()
  await signIn(email)
  await signIn(email, 'not the password')
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['allowed', 'details'])
    .where('action', '=', 'account.sign-in')
    .where('subject_id', '=', account.id)
    .orderBy('seq')
    .execute()
  assert.deepEqual(rows, [
    { allowed: true, details: {} },
    { allowed: false, details: {} },
  ])
})

test('neither log nor audit holds an e-mail address, a name, a password or a token', async () => {
  const email = `canary-${newId()}@example.org`
  const body = { email, password: 'canary password 1', name: 'Canary Person' }
  const { body: registered } = await call(app, 'POST /auth/register', { body })
  const { body: signedIn } = await signIn(email, body.password)
  await signIn(email, 'canary wrong password')
  await call(app, 'GET /auth/me', { as: `Bearer ${signedIn.accessToken}` })
  await call(app, 'POST /auth/refresh', { body: { refreshToken: signedIn.refreshToken } })
  const { rows } = await runtime.db
    .selectFrom('audit_entry')
    .select('details')
    .execute()
    .then((entries) => ({ rows: JSON.stringify(entries) }))
  for (const text of [logged(), rows]) {
    assert.doesNotMatch(text, /canary/i)
    for (const token of [registered.accessToken, signedIn.accessToken, signedIn.refreshToken])
      assert(!text.includes(token))
  }
})
