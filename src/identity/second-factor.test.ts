import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact } from '#src/events/events.ts'
import { servedActor } from '#src/http/request.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, signInAs, type AnswerBody } from '#test/support/network.ts'
import { until } from '#test/support/race-servers.ts'
import { testVisita } from '#test/support/visita.ts'
import { lockAccount } from './account-link-queries.ts'
import { makeAccountLink } from './account-links.ts'
import { authenticate } from './authenticate.ts'
import {
  beginSecondFactor,
  confirmSecondFactor,
  disableSecondFactor,
  renewRecoveryCodes,
  resetSecondFactor,
} from './second-factor.ts'
import { putUnconfirmedFactor } from './second-factor-queries.ts'
import { signIn } from './sign-in.ts'

const { app, runtime } = await testVisita()
const password = 'four wet herons wait'
const step = 30_000
/** The first instant of a step, so that a test's own steps begin where those of the codes do. */
const start = Math.ceil(runtime.clock() / step) * step

/** Nobody's context, `steps` steps of 30 seconds after the start. */
function after(steps: number): Context {
  return {
    ...runtime,
    clock: () => start + steps * step,
    actor: null,
    requestId: 'test',
    clientAddress: '192.0.2.7',
  }
}

interface Someone {
  email: string
  accountId: string
  /** The Authorization header of the first session. */
  as: string
  /** The context of the first session, so many steps after the start. */
  at: (steps: number) => Promise<SignedInContext>
}

async function someone(): Promise<Someone> {
  const email = `${newId()}@example.org`
  const { body } = await call(app, 'POST /auth/register', {
    body: { email, password, name: 'Anna Berg' },
  })
  const as = `Bearer ${body.accessToken}`
  const at = async (steps: number) => ({
    ...after(steps),
    actor: (await authenticate(runtime, as))!,
  })
  return { email, accountId: body.account.id, as, at }
}

function codeAt(secret: string, steps: number): string {
  return TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: start + steps * step })
}

/** A code that is wrong for some steps about the start. */
function wrongCodeOf(secret: string): string {
  const right = new Set(Array.from({ length: 80 }, (_, index) => codeAt(secret, index - 10)))
  return ['000000', '000001', '000002', '000003'].find((code) => !right.has(code))!
}

/** Someone whose factor was put in force by the code of step 0. */
async function someoneWithFactor() {
  const who = await someone()
  const { secret } = await beginSecondFactor(await who.at(0), { password })
  const recoveryCodes = await confirmSecondFactor(await who.at(0), { code: codeAt(secret, 0) })
  return { ...who, secret, recoveryCodes }
}

function signInWith(who: { email: string }, steps: number, code?: string) {
  const credentials = { email: who.email, password, ...(code !== undefined && { code }) }
  return signIn(after(steps), credentials)
}

/** The code of the refusal, or 'done'. */
function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => {
      assert.ok(error instanceof Refusal, String(error))
      return error.code
    },
  )
}

async function sessionCount(accountId: string): Promise<number> {
  const sessions = await runtime.db
    .selectFrom('session')
    .select('id')
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .execute()
  return sessions.length
}

async function eventsOf(accountId: string): Promise<string[]> {
  const events = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where('type', '<>', 'account.registered')
    .orderBy('seq')
    .execute()
  return events
    .filter(({ subjects }) => subjects['accountId'] === accountId)
    .map(({ type }) => type)
}

async function whileStaffNeedOne(work: () => Promise<void>): Promise<void> {
  const set = (isNeeded: boolean) =>
    runtime.db.updateTable('network_settings').set({ second_factor_for_staff: isNeeded }).execute()
  await set(true)
  try {
    await work()
  } finally {
    await set(false)
  }
}

test('codes are those of RFC 6238, appendix B', () => {
  const secret = Secret.fromLatin1('12345678901234567890')
  const vectors: [seconds: number, code: string][] = [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ]
  for (const [seconds, code] of vectors)
    assert.equal(TOTP.generate({ secret, digits: 8, timestamp: seconds * 1000 }), code)
})

test('over HTTP: a factor is set up, asked for, and removed', async () => {
  const { email, as } = await someone()
  const begun = await call(app, 'POST /auth/second-factor', { as, body: { password } })
  assert.equal(begun.status, 201)
  const uri = new URL(begun.body.uri)
  assert.equal(`${uri.protocol}//${uri.host}`, 'otpauth://totp')
  assert.equal(decodeURIComponent(uri.pathname), `/Visita:${email}`)
  assert.equal(uri.searchParams.get('issuer'), 'Visita')
  assert.equal(uri.searchParams.get('secret'), begun.body.secret)
  const secret = Secret.fromBase32(begun.body.secret)
  assert.equal(secret.bytes.length, 20)
  const codeOf = (steps: number) =>
    TOTP.generate({ secret, timestamp: runtime.clock() + steps * step })

  const before = await call(app, 'POST /auth/login', { body: { email, password } })
  assert.equal(before.status, 200)
  assert.equal(before.body.account.secondFactor, false)
  const confirmed = await call(app, 'POST /auth/second-factor/confirm', {
    as,
    body: { code: codeOf(0) },
  })
  assert.equal(confirmed.status, 200)
  assert.equal(new Set(confirmed.body.recoveryCodes).size, 10)
  const other = `Bearer ${before.body.accessToken}`
  assert.equal((await call(app, 'GET /auth/me', { as: other })).status, 401)
  const me = await call(app, 'GET /auth/me', { as })
  assert.equal(me.body.secondFactor, true)
  assert.equal('needsSecondFactor' in me.body, false)

  const without = await call(app, 'POST /auth/login', { body: { email, password } })
  assert.deepEqual([without.status, without.body.type], [401, '/problems/second-factor-needed'])
  const wrong = await call(app, 'POST /auth/login', {
    body: { email, password, code: wrongCodeOf(begun.body.secret) },
  })
  assert.deepEqual([wrong.status, wrong.body.type], [401, '/problems/bad-credentials'])
  assert.match(wrong.body.detail, /code is wrong/)
  const right = await call(app, 'POST /auth/login', { body: { email, password, code: codeOf(1) } })
  assert.equal(right.status, 200)

  const disabled = await call(app, 'POST /auth/second-factor/disable', {
    as,
    body: { password, code: confirmed.body.recoveryCodes[0] },
  })
  assert.equal(disabled.status, 204)
  const after = await call(app, 'POST /auth/login', { body: { email, password } })
  assert.equal(after.status, 200)
})

test('the secret is stored encrypted for its account alone, and recovery codes as hashes', async () => {
  const { accountId, secret, recoveryCodes } = await someoneWithFactor()
  const row = await runtime.db
    .selectFrom('second_factor')
    .select('secret')
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  assert.ok(!row.secret.toString('latin1').includes(secret))
  assert.equal(runtime.vault.open(row.secret, `second_factor ${accountId}`), secret)
  assert.throws(() => runtime.vault.open(row.secret, `second_factor ${newId()}`))
  const hashes = await runtime.db
    .selectFrom('recovery_code')
    .select('code_hash')
    .where('account_id', '=', accountId)
    .execute()
  assert.equal(hashes.length, 10)
  for (const { code_hash: hash } of hashes) {
    assert.equal(hash.length, 32)
    for (const code of recoveryCodes) assert.ok(!hash.includes(code.replaceAll('-', '')))
  }
})

test('there is no session before the second factor', async () => {
  const who = await someoneWithFactor()
  assert.equal(await outcomeOf(signInWith(who, 3)), 'second-factor-needed')
  assert.equal(await outcomeOf(signInWith(who, 3, wrongCodeOf(who.secret))), 'bad-credentials')
  assert.equal(await sessionCount(who.accountId), 1)
  await signInWith(who, 3, codeAt(who.secret, 3))
  assert.equal(await sessionCount(who.accountId), 2)
})

test('a code works once, and none of before works after it', async () => {
  const who = await someoneWithFactor()
  const codes = (steps: number) => codeAt(who.secret, steps)
  assert.equal(await outcomeOf(signInWith(who, 0, codes(0))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 5, codes(6))), 'done')
  assert.equal(await outcomeOf(signInWith(who, 5, codes(6))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 6, codes(5))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 7, codes(7))), 'done')
})

test('a clock may be one step off, and no more', async () => {
  const who = await someoneWithFactor()
  const spaced = codeAt(who.secret, 4).replace(/(?=...$)/, ' ')
  assert.equal(await outcomeOf(signInWith(who, 6, codeAt(who.secret, 4))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 2, codeAt(who.secret, 4))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 5, spaced)), 'done')
  assert.equal(await outcomeOf(signInWith(who, 5, codeAt(who.secret, 6))), 'done')
})

test('of two who sign in with one code at once, one gets in', async () => {
  const who = await someoneWithFactor()
  const [recoveryCode] = who.recoveryCodes
  for (const code of [codeAt(who.secret, 3), recoveryCode!]) {
    const outcomes = await Promise.all([1, 2, 3].map(() => outcomeOf(signInWith(who, 3, code))))
    assert.deepEqual(outcomes.toSorted(), ['bad-credentials', 'bad-credentials', 'done'])
  }
})

test('after five wrong codes none is taken for 15 minutes, also of those sent at once', async () => {
  const who = await someoneWithFactor()
  const wrong = wrongCodeOf(who.secret)
  const outcomes = await Promise.all(
    Array.from({ length: 9 }, () => outcomeOf(signInWith(who, 0, wrong))),
  )
  assert.deepEqual(outcomes.toSorted(), [
    ...Array.from({ length: 5 }, () => 'bad-credentials'),
    ...Array.from({ length: 4 }, () => 'too-many-requests'),
  ])
  const late = signInWith(who, 29, codeAt(who.secret, 29))
  await assert.rejects(late, (error: unknown) => {
    assert.ok(error instanceof Refusal)
    assert.equal(error.code, 'too-many-requests')
    assert.equal(error.members['retryAfterSeconds'], 30)
    return true
  })
  assert.equal(await outcomeOf(signInWith(who, 30, codeAt(who.secret, 30))), 'done')
})

test('each lock in a row is twice as long, up to a day, and told to the owner; a right code ends the row', async () => {
  const who = await someoneWithFactor()
  const wrong = wrongCodeOf(who.secret)
  const lockAt = async (steps: number): Promise<number> => {
    for (let time = 0; time < 5; time += 1)
      assert.equal(await outcomeOf(signInWith(who, steps, wrong)), 'bad-credentials')
    const refused = await signInWith(who, steps, wrong).catch((error: unknown) => error)
    assert.ok(refused instanceof Refusal && refused.code === 'too-many-requests')
    return Number(refused.members['retryAfterSeconds'])
  }
  const hour = 3600
  const expected = [hour / 4, hour / 2, hour, 2 * hour, 4 * hour, 8 * hour, 16 * hour, 24 * hour]
  let steps = 1
  for (const seconds of [...expected, 24 * hour]) {
    assert.equal(await lockAt(steps), seconds)
    steps += seconds / 30
  }
  const told = async () =>
    (await eventsOf(who.accountId)).filter((type) => type === 'account.second-factor-locked')
  assert.equal((await told()).length, 9)
  const audited = await runtime.db
    .selectFrom('audit_entry')
    .select('allowed')
    .where('subject_id', '=', who.accountId)
    .where('action', '=', 'second-factor.lock')
    .execute()
  assert.deepEqual(new Set(audited.map(({ allowed }) => allowed)), new Set([false]))
  assert.equal(audited.length, 9)
  assert.equal(await outcomeOf(signInWith(who, steps, codeAt(who.secret, steps))), 'done')
  // A code that was used up before is a wrong one too, also the one that locks.
  for (let time = 0; time < 5; time += 1)
    await outcomeOf(signInWith(who, steps, codeAt(who.secret, steps)))
  assert.equal((await told()).length, 10)
  const again = await signInWith(who, steps, wrong).catch((error: unknown) => error)
  assert.ok(again instanceof Refusal)
  assert.equal(again.members['retryAfterSeconds'], hour / 4)
})

test('a recovery code signs in while the codes of the app are locked, and wrong ones lock nothing', async () => {
  const who = await someoneWithFactor()
  const outcomes = await Promise.all(
    Array.from({ length: 12 }, () => outcomeOf(signInWith(who, 1, 'AAAA-AAAA-AAAA'))),
  )
  assert.deepEqual(new Set(outcomes), new Set(['bad-credentials']))
  assert.equal(await outcomeOf(signInWith(who, 1, codeAt(who.secret, 1))), 'done')
  for (let time = 0; time < 5; time += 1)
    await outcomeOf(signInWith(who, 2, wrongCodeOf(who.secret)))
  assert.equal(await outcomeOf(signInWith(who, 2, codeAt(who.secret, 2))), 'too-many-requests')
  assert.equal(await outcomeOf(signInWith(who, 2, who.recoveryCodes[0])), 'done')
  assert.equal(await outcomeOf(signInWith(who, 2, codeAt(who.secret, 2))), 'done')
})

test('a change of the address under way ends, and no reset, when the factor or its codes change', async () => {
  const linksOf = async (accountId: string) => {
    const links = runtime.db.selectFrom('account_link').select('purpose')
    const rows = await links
      .where('account_id', '=', accountId)
      .where('purpose', '<>', 'verify_email')
      .orderBy('purpose')
      .execute()
    return rows.map(({ purpose }) => purpose)
  }
  const both = ['change_email', 'reset_password']
  const who = await someone()
  const makeLinks = async () => {
    for (const purpose of ['change_email', 'reset_password'] as const)
      await transact(after(0), (tx) => makeAccountLink(after(0), tx, { ...who, purpose }))
    assert.deepEqual(await linksOf(who.accountId), both)
  }
  await makeLinks()
  const { secret } = await beginSecondFactor(await who.at(0), { password })
  assert.deepEqual(await linksOf(who.accountId), both)
  await confirmSecondFactor(await who.at(0), { code: codeAt(secret, 0) })
  assert.deepEqual(await linksOf(who.accountId), ['reset_password'])
  await makeLinks()
  await renewRecoveryCodes(await who.at(1), { password, code: codeAt(secret, 1) })
  assert.deepEqual(await linksOf(who.accountId), ['reset_password'])
  await makeLinks()
  await disableSecondFactor(await who.at(2), { password, code: codeAt(secret, 2) })
  assert.deepEqual(await linksOf(who.accountId), ['reset_password'])
})

test('a right code forgives the wrong ones before it, and after a lock counting begins anew', async () => {
  const who = await someoneWithFactor()
  const wrong = wrongCodeOf(who.secret)
  const fail = async (steps: number, times: number) => {
    for (let time = 0; time < times; time += 1)
      assert.equal(await outcomeOf(signInWith(who, steps, wrong)), 'bad-credentials')
  }
  await fail(1, 4)
  assert.equal(await outcomeOf(signInWith(who, 1, codeAt(who.secret, 1))), 'done')
  await fail(2, 4)
  assert.equal(await outcomeOf(signInWith(who, 2, who.recoveryCodes[0])), 'done')
  await fail(3, 5)
  assert.equal(await outcomeOf(signInWith(who, 3, wrong)), 'too-many-requests')
  await fail(34, 4)
  assert.equal(await outcomeOf(signInWith(who, 34, codeAt(who.secret, 34))), 'done')
})

test('a recovery code works once, however it is copied, and its owner can be told', async () => {
  const who = await someoneWithFactor()
  const [first, second] = who.recoveryCodes
  const byHand = first!.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o')
  assert.equal(await outcomeOf(signInWith(who, 3, byHand)), 'done')
  assert.equal(await outcomeOf(signInWith(who, 3, first)), 'bad-credentials')
  const stranger = await someoneWithFactor()
  assert.equal(await outcomeOf(signInWith(stranger, 3, second)), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 3, second)), 'done')
  assert.deepEqual(
    (await eventsOf(who.accountId)).filter((type) => type === 'account.recovery-code-used').length,
    2,
  )
})

test('new recovery codes take a password and a code, and void the former ones', async () => {
  const who = await someoneWithFactor()
  const renew = async (steps: number, change: { password: string; code: string }) =>
    renewRecoveryCodes(await who.at(steps), change)
  const code = codeAt(who.secret, 2)
  assert.equal(await outcomeOf(renew(2, { password: 'wrong', code })), 'bad-credentials')
  const wrong = { password, code: wrongCodeOf(who.secret) }
  assert.equal(await outcomeOf(renew(2, wrong)), 'bad-credentials')
  await signInWith(who, 1, who.recoveryCodes[9])
  const codes = await renew(2, { password, code })
  assert.equal(await sessionCount(who.accountId), 1)
  assert.equal((await eventsOf(who.accountId)).at(-1), 'account.recovery-codes-renewed')
  assert.equal(new Set([...codes, ...who.recoveryCodes]).size, 20)
  assert.equal(await outcomeOf(signInWith(who, 3, who.recoveryCodes[0])), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 3, codes[0])), 'done')
})

test('setting up takes the password, and counts by the last secret and its code alone', async () => {
  const who = await someone()
  const context = await who.at(0)
  const begin = (secret: string) => beginSecondFactor(context, { password: secret })
  const confirm = (code: string) => confirmSecondFactor(context, { code })
  assert.equal(await outcomeOf(confirm('123456')), 'conflict')
  assert.equal(await outcomeOf(begin('wrong')), 'bad-credentials')
  const { secret: former } = await begin(password)
  const { secret } = await begin(password)
  assert.notEqual(secret, former)
  assert.equal(await outcomeOf(confirm(codeAt(former, 0))), 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 0)), 'done')
  await confirm(codeAt(secret, 0))
  assert.equal(await outcomeOf(signInWith(who, 0)), 'second-factor-needed')
  assert.equal(await outcomeOf(begin(password)), 'conflict')
  assert.equal(await outcomeOf(confirm(codeAt(secret, 1))), 'conflict')
})

test('removing it takes password and code, ends the other sessions, and is told and audited', async () => {
  const who = await someoneWithFactor()
  await signInWith(who, 1, codeAt(who.secret, 1))
  assert.equal(await sessionCount(who.accountId), 2)
  const disable = async (change: { password: string; code: string }) =>
    disableSecondFactor(await who.at(2), change)
  const code = codeAt(who.secret, 2)
  assert.equal(await outcomeOf(disable({ password: 'wrong', code })), 'bad-credentials')
  assert.equal(
    await outcomeOf(disable({ password, code: wrongCodeOf(who.secret) })),
    'bad-credentials',
  )
  assert.equal(await outcomeOf(disable({ password, code })), 'done')
  assert.equal(await outcomeOf(disable({ password, code })), 'conflict')
  assert.equal(await sessionCount(who.accountId), 1)
  assert.equal(await outcomeOf(signInWith(who, 3)), 'done')
  assert.deepEqual(await eventsOf(who.accountId), [
    'account.second-factor-on',
    'sessions.ended',
    'account.second-factor-off',
  ])
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed'])
    .where('subject_id', '=', who.accountId)
    .where('action', 'like', 'second-factor.%')
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    rows.map(({ action, allowed }) => `${action} ${allowed}`),
    [
      'second-factor.begin true',
      'second-factor.confirm true',
      'second-factor.disable false',
      'second-factor.disable true',
    ],
  )
})

test('an operator removes a factor that was lost, and all sessions with it', async () => {
  const who = await someoneWithFactor()
  const context = after(1)
  const reset = () => transact(context, (tx) => resetSecondFactor(context, tx, who.accountId))
  assert.equal(await reset(), true)
  assert.equal(await reset(), false)
  assert.equal(await sessionCount(who.accountId), 0)
  assert.equal(await outcomeOf(signInWith(who, 2)), 'done')
  assert.equal((await eventsOf(who.accountId)).at(-1), 'account.second-factor-off')
})

test('when the network comes to ask staff for it, live sessions are asked at the next request', async () => {
  const [admin, patient] = [
    await signInAs(runtime, { role: 'admin' }),
    await signInAs(runtime, { role: 'patient' }),
  ]
  const status = async (as: string) => (await call(app, 'GET /appointments', { as })).status
  assert.deepEqual([await status(admin), await status(patient)], [200, 200])
  await whileStaffNeedOne(async () => {
    const refused = await call(app, 'GET /appointments', { as: admin })
    assert.deepEqual([refused.status, refused.body.type], [403, '/problems/second-factor-required'])
    assert.equal(await status(patient), 200)
    const me = await call(app, 'GET /auth/me', { as: admin })
    assert.deepEqual([me.body.secondFactor, me.body.needsSecondFactor], [false, true])
  })
  assert.equal(await status(admin), 200)
})

test('staff who were asked for it set it up, go on, and cannot remove it', async () => {
  const who = await someone()
  await runtime.db
    .updateTable('account')
    .set({ role: 'admin' })
    .where('id', '=', who.accountId)
    .execute()
  await whileStaffNeedOne(async () => {
    assert.equal((await call(app, 'GET /appointments', { as: who.as })).status, 403)
    const { secret } = await beginSecondFactor(await who.at(0), { password })
    assert.equal((await call(app, 'GET /appointments', { as: who.as })).status, 403)
    await confirmSecondFactor(await who.at(0), { code: codeAt(secret, 0) })
    assert.equal((await call(app, 'GET /appointments', { as: who.as })).status, 200)
    const code = codeAt(secret, 1)
    const disable = async () => disableSecondFactor(await who.at(1), { password, code })
    assert.equal(await outcomeOf(disable()), 'not-allowed')
    await runtime.db
      .updateTable('account')
      .set({ role: 'patient' })
      .where('id', '=', who.accountId)
      .execute()
    assert.equal(await outcomeOf(disable()), 'done')
  })
})

function operationsOf(document: AnswerBody): string[] {
  return Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

test('who lacks it is let into nothing but the paths below /auth, and is a stranger elsewhere', async () => {
  const { body: document } = await app
    .inject({ url: '/openapi.json' })
    .then((answer) => ({ body: answer.json() }))
  await whileStaffNeedOne(async () => {
    for (const operation of operationsOf(document)) {
      const [method = '', path = ''] = operation.split(' ')
      const { security, responses } = document.paths[path][method.toLowerCase()]
      const answer = await app.inject({
        method: method as 'GET',
        url: path.replaceAll(/\{\w+\}/g, newId()),
        // Anew each time, since some end the session.
        headers: { authorization: await signInAs(runtime, { role: 'admin' }) },
      })
      const isOpen = security.length === 0 || path.startsWith('/api/v1/auth/')
      if (isOpen) assert.notEqual(answer.statusCode, 403, operation)
      else {
        assert.equal(answer.statusCode, 403, operation)
        assert.ok('403' in responses, operation)
      }
    }
  })
})

test('who lacks it is nobody to what is open to all, and can sign out', async () => {
  const as = await signInAs(runtime, { role: 'admin' })
  await whileStaffNeedOne(async () => {
    const actor = await authenticate(runtime, as)
    assert.equal(actor?.needsSecondFactor, true)
    assert.equal(servedActor(actor, { audience: 'public' }), null)
    assert.equal(servedActor(actor, { audience: 'public', withoutSecondFactor: true }), actor)
    const signedOut = await call(app, 'POST /auth/logout', { as, body: {} })
    assert.equal(signedOut.status, 204)
    assert.equal((await call(app, 'GET /auth/me', { as })).status, 401)
  })
})

function someoneWaitsFor(db: Queryable): Promise<void> {
  return until('someone waits for the account', async () => {
    const { rows } = await sql`select from pg_locks
      where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))`.execute(db)
    return rows.length > 0
  })
}

test('a code confirms the secret that it was made of, not one that came in between', async () => {
  const who = await someone()
  const { accountId } = who
  const { secret } = await beginSecondFactor(await who.at(0), { password })
  let outcome = Promise.resolve('')
  await runtime.db.transaction().execute(async (db) => {
    await lockAccount(db, accountId)
    outcome = outcomeOf(confirmSecondFactor(await who.at(0), { code: codeAt(secret, 0) }))
    await someoneWaitsFor(db)
    await putUnconfirmedFactor(db, { accountId, secret: Buffer.from('another'), now: start })
  })
  assert.equal(await outcome, 'bad-credentials')
  assert.equal(await outcomeOf(signInWith(who, 1)), 'done')
})

test('a sign-in that began before a password or factor changed comes to nothing', async () => {
  type Change = (db: Queryable, accountId: string) => Promise<unknown>
  const update =
    (values: { password_hash: string } | { status: 'disabled' }): Change =>
    (db, id) =>
      db.updateTable('account').set(values).where('id', '=', id).execute()
  const changes: [what: string, change: Change][] = [
    ['password', update({ password_hash: 'x' })],
    ['status', update({ status: 'disabled' })],
    [
      'factor',
      (db, id) =>
        db
          .insertInto('second_factor')
          .values({
            account_id: id,
            secret: Buffer.from('x'),
            created_at: '2026-01-01Z',
            confirmed_at: '2026-01-01Z',
          })
          .execute(),
    ],
  ]
  for (const [what, change] of changes) {
    const who = await someone()
    let outcome = Promise.resolve('')
    await runtime.db.transaction().execute(async (db) => {
      await lockAccount(db, who.accountId)
      outcome = outcomeOf(signInWith(who, 0))
      await someoneWaitsFor(db)
      await change(db, who.accountId)
    })
    assert.equal(await outcome, 'bad-credentials', what)
    assert.equal(await sessionCount(who.accountId), 1, what)
  }
})
