import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '#src/context.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { register as registerAt } from '#src/patients/registration.ts'
import { call, pointersOf, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { sessionDaysMax } from './session-lengths.ts'
import { refreshSession } from './sessions.ts'
import { signIn as signInAt } from './sign-in.ts'

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

test('sign-ins leave audit rows, right and wrong, with ids alone, and only who was right acted', async () => {
  const { email, account } = await someone()
  await signIn(email)
  await signIn(email, 'not the password')
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['actor_id', 'allowed', 'details'])
    .where('action', '=', 'account.sign-in')
    .where('subject_id', '=', account.id)
    .orderBy('seq')
    .execute()
  assert.deepEqual(rows, [
    { actor_id: account.id, allowed: true, details: {} },
    { actor_id: null, allowed: false, details: {} },
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

/** A context in which the limits are those of a real network, and the statements that it ran. */
function recorded(clientAddress: string): { context: Context; statements: string[] } {
  const statements: string[] = []
  const executor = runtime.db.getExecutor()
  const db = runtime.db.withPlugin({
    transformQuery({ node, queryId }) {
      statements.push(executor.compileQuery(node, queryId).sql)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const config = { ...runtime.config, rateLimitFactor: 1 }
  return {
    context: { ...runtime, db, config, actor: null, requestId: 'test', clientAddress },
    statements,
  }
}

test('a wrong password and an unknown or disabled account are refused after the same statements', async () => {
  const [known, disabled, secured] = [await someone(), await someone(), await someone()]
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', disabled.account.id)
    .execute()
  await runtime.db
    .insertInto('second_factor')
    .values({
      account_id: secured.account.id,
      secret: Buffer.from('x'),
      created_at: '2026-01-01Z',
      confirmed_at: '2026-01-01Z',
    })
    .execute()
  const cases = [
    { email: `no.${known.email}`, password },
    { email: known.email, password: 'not the password' },
    { email: disabled.email, password },
    { email: secured.email, password: 'not the password', code: '123456' },
  ]
  const ran: string[][] = []
  for (const credentials of cases) {
    const { context, statements } = recorded('192.0.2.1')
    await assert.rejects(signInAt(context, credentials), { code: 'bad-credentials' })
    ran.push(statements)
  }
  assert.equal(ran[0]!.length, 5)
  for (const statements of ran) assert.deepEqual(statements, ran[0])
})

function outcomeOf(context: Context, email: string, secret: string): Promise<string> {
  return signInAt(context, { email, password: secret }).then(
    () => 'done',
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  )
}

test('ten wrong passwords for an address from one network, known or not, and none is taken for a while', async () => {
  const { email } = await someone()
  const { context } = recorded('192.0.2.2')
  for (const address of [email, `no.${email}`]) {
    const outcomes = await Promise.all(
      Array.from({ length: 14 }, () => outcomeOf(context, address, 'not the password')),
    )
    assert.equal(outcomes.filter((code) => code === 'bad-credentials').length, 10)
    assert.equal(outcomes.filter((code) => code === 'too-many-requests').length, 4)
  }
  // However it is written, and also with the right password; but not for those elsewhere.
  assert.equal(await outcomeOf(context, ` ${email.toUpperCase()}`, password), 'too-many-requests')
  assert.equal(await outcomeOf(recorded('192.0.2.3').context, email, password), 'done')
  const later = { ...context, clock: () => runtime.clock() + 15 * 60_000 }
  assert.equal(await outcomeOf(later, email, password), 'done')
})

test('right passwords are no tries', async () => {
  const { email } = await someone()
  const { context } = recorded('192.0.2.4')
  for (let time = 0; time < 12; time += 1)
    assert.equal(await outcomeOf(context, email, password), 'done')
})

test('strangers in many networks stop each other, and never keep out whoever was there before', async () => {
  const { email } = await someone()
  const home = recorded('2001:db8:1:2::/64').context
  assert.equal(await outcomeOf(home, email, password), 'done')
  // Ten hosts with ten tries each.
  for (let host = 0; host < 10; host += 1) {
    const { context } = recorded(`198.51.100.${host}`)
    await Promise.all(
      Array.from({ length: 10 }, () => outcomeOf(context, email, 'not the password')),
    )
  }
  const elsewhere = recorded('203.0.113.5').context
  assert.equal(await outcomeOf(elsewhere, email, password), 'too-many-requests')
  assert.equal(await outcomeOf(home, email, password), 'done')
  const later = { ...elsewhere, clock: () => runtime.clock() + 15 * 60_000 }
  assert.equal(await outcomeOf(later, email, password), 'done')
})

const dayMilliseconds = 86_400_000

/** The same context so many days later. */
function later(context: Context, days: number): Context {
  return { ...context, clock: () => runtime.clock() + days * dayMilliseconds }
}

/** Uses up the tries that all networks have together, as at that day. */
async function floodFrom(network: string, { email, days }: { email: string; days: number }) {
  for (let host = 0; host < 11; host += 1) {
    const context = later(recorded(`${network}.${host}`).context, days)
    await Promise.all(
      Array.from({ length: 10 }, () => outcomeOf(context, email, 'not the password')),
    )
  }
}

test('from where an account was signed in is remembered anew each time, and longer than a session lives', async () => {
  const { email } = await someone()
  const home = recorded('192.0.2.11').context
  for (const days of [0, 40])
    assert.equal(await outcomeOf(later(home, days), email, password), 'done')
  const lastDay = 40 + sessionDaysMax + 1
  await floodFrom('198.18.1', { email, days: lastDay })
  const elsewhere = later(recorded('203.0.113.6').context, lastDay)
  assert.equal(await outcomeOf(elsewhere, email, password), 'too-many-requests')
  assert.equal(await outcomeOf(later(home, lastDay), email, password), 'done')
})

test('strangers do not keep out who registered, or exchanged tokens, where they are', async () => {
  const email = `${newId()}@example.org`
  const [home, cafe] = [recorded('192.0.2.12').context, recorded('192.0.2.13').context]
  const { refreshToken } = await registerAt(home, { email, password, name: 'Anna Berg' })
  await refreshSession(cafe, refreshToken)
  await floodFrom('198.18.2', { email, days: 0 })
  const elsewhere = recorded('203.0.113.7').context
  assert.equal(await outcomeOf(elsewhere, email, password), 'too-many-requests')
  for (const context of [home, cafe])
    assert.equal(await outcomeOf(context, email, password), 'done')
})

test('right passwords give strangers no tries back that were not counted', async () => {
  const { email } = await someone()
  const home = recorded('192.0.2.14').context
  assert.equal(await outcomeOf(home, email, password), 'done')
  await floodFrom('198.18.3', { email, days: 0 })
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, () => outcomeOf(home, email, password)),
  )
  assert.deepEqual(new Set(outcomes), new Set(['done']))
  const elsewhere = recorded('203.0.113.8').context
  assert.equal(await outcomeOf(elsewhere, email, password), 'too-many-requests')
})

test('that no password is taken for a while is audited once, with the account where there is one', async () => {
  const { email, account } = await someone()
  const { context } = recorded('192.0.2.15')
  const limitRows = async (since: string) => {
    const rows = await runtime.db
      .selectFrom('audit_entry')
      .select(['subject_id', 'allowed', 'details'])
      .where('action', '=', 'account.sign-in')
      .where('request_id', '=', since)
      .execute()
    return rows.filter(({ details }) => JSON.stringify(details).includes('limit'))
  }
  for (const [address, subjectId] of [
    [email, account.id],
    [`no.${email}`, null],
  ] as const) {
    const requestId = newId()
    for (let time = 0; time < 14; time += 1)
      await outcomeOf({ ...context, requestId }, address, 'not the password')
    assert.deepEqual(await limitRows(requestId), [
      { subject_id: subjectId, allowed: false, details: { limit: 'wrong-passwords' } },
    ])
  }
})
