import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import {
  eventsOf,
  password,
  registered,
  signIn,
  strangersContext,
  tokenOf,
  tokensOf,
} from '#test/support/account.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { authenticate } from './authenticate.ts'
import { askForNewEmail, useNewEmail } from './email-address.ts'
import { askForReset, resetPassword } from './forgotten-password.ts'

const { app, runtime, logged } = await testVisita()
const newPassword = 'nine dry otters nap'
const minute = 60_000

function forget(email: string) {
  return call(app, 'POST /auth/forgot-password', { body: { email } })
}

function reset(token: string, secret = newPassword) {
  return call(app, 'POST /auth/reset-password', { body: { token, password: secret } })
}

/** The word of the link that was made when its owner said that the password is forgotten. */
async function forgotten(email: string, accountId: string): Promise<string> {
  assert.equal((await forget(email)).status, 202)
  return tokenOf(accountId, 'reset_password')
}

test('who has forgotten the password chooses a new one by the link, which ends every session', async () => {
  const { accountId, email, as, refreshToken } = await registered()
  const token = await forgotten(` ${email.toUpperCase()} `, accountId)
  assert.equal((await reset(token)).status, 204)
  assert.equal((await call(app, 'GET /auth/me', { as })).status, 401)
  assert.equal((await call(app, 'POST /auth/refresh', { body: { refreshToken } })).status, 401)
  assert.equal((await signIn(email)).status, 401)
  const { body } = await signIn(email, newPassword)
  // Who reads the mail has the address.
  assert.equal(body.account.emailVerified, true)
  for (const type of ['account.password-changed', 'account.email-verified', 'sessions.ended'])
    assert.deepEqual(await eventsOf(accountId, type), [{ accountId }], type)
})

test('a link to a new password is good once, also for two at the same moment', async () => {
  const { accountId, email } = await registered()
  const token = await forgotten(email, accountId)
  const wishes = [newPassword, 'six old badgers dig', 'two red foxes run']
  const answers = await Promise.all(wishes.map((wish) => reset(token, wish)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [204, 422, 422])
  const won = wishes[answers.findIndex(({ status }) => status === 204)]
  assert.equal((await signIn(email, won)).status, 200)
  const again = await reset(token, 'ten shy wolves hum')
  assert.equal(again.body.type, '/problems/invalid-link')
  assert.deepEqual(pointersOf(again), ['/token'])
})

test('a link to a new password ends after an hour', async () => {
  const { accountId, email } = await registered()
  const token = await forgotten(email, accountId)
  const late = await strangersContext({ later: 61 * minute })
  await assert.rejects(resetPassword(late, { token, password: newPassword }), {
    code: 'invalid-link',
  })
  const inTime = await strangersContext({ later: 59 * minute })
  await resetPassword(inTime, { token, password: newPassword })
})

test('a second link takes the place of the first', async () => {
  const { accountId, email } = await registered()
  const first = await forgotten(email, accountId)
  const second = await forgotten(email, accountId)
  assert.notEqual(first, second)
  assert.equal((await reset(first)).status, 422)
  assert.equal((await reset(second)).status, 204)
  const asks = await Promise.all(Array.from({ length: 4 }, () => forget(email)))
  assert.deepEqual(new Set(asks.map(({ status }) => status)), new Set([202]))
  // The one that was used, and one that is open.
  assert.equal((await tokensOf(accountId, 'reset_password')).length, 2)
})

test('a link for one purpose, of someone else’s key, or of a changed address opens nothing', async () => {
  const { accountId, email, as } = await registered()
  const token = await forgotten(email, accountId)
  const verify = await tokenOf(accountId, 'verify_email')
  const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`
  for (const wrong of [verify, forged, token.slice(1), 'x', '%00'])
    assert.equal((await reset(wrong)).status, 422, wrong)
  assert.equal((await call(app, 'POST /auth/verify-email', { body: { token } })).status, 422)
  await call(app, 'POST /auth/change-email', {
    as,
    body: { password, email: `new.${email}` },
  })
  const change = await tokenOf(accountId, 'change_email')
  const confirm = await call(app, 'POST /auth/change-email/confirm', { body: { token: change } })
  assert.equal(confirm.status, 204)
  // It was mailed to an address that is not the account's any more.
  assert.equal((await reset(token)).status, 422)
})

test('a poor password is refused and leaves the link open', async () => {
  const { accountId, email } = await registered()
  const token = await forgotten(email, accountId)
  for (const poor of ['password123', 'Anna Berg', email])
    assert.deepEqual(pointersOf(await reset(token, poor)), ['/password'])
  assert.equal((await reset(token)).status, 204)
})

test('a disabled account gets no link, and one from before opens nothing', async () => {
  const { accountId, email } = await registered()
  const token = await forgotten(email, accountId)
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', accountId)
    .execute()
  assert.equal((await reset(token)).status, 422)
  assert.equal((await forget(email)).status, 202)
  assert.deepEqual(await tokensOf(accountId, 'reset_password'), [token])
})

/** A factor that is put in force a second from now, or so many milliseconds. */
function putFactor(accountId: string, later = 1000) {
  const at = formatUtc(runtime.clock() + later)
  return runtime.db
    .insertInto('second_factor')
    .values({ account_id: accountId, secret: Buffer.from('x'), created_at: at, confirmed_at: at })
    .execute()
}

async function verify(accountId: string): Promise<void> {
  const body = { token: await tokenOf(accountId, 'verify_email') }
  assert.equal((await call(app, 'POST /auth/verify-email', { body })).status, 204)
}

test('the second factor stays in force after a reset', async () => {
  const { accountId, email } = await registered()
  await verify(accountId)
  await putFactor(accountId)
  assert.equal((await reset(await forgotten(email, accountId))).status, 204)
  const answer = await signIn(email, newPassword)
  assert.equal(answer.body.type, '/problems/second-factor-needed')
})

test('a factor that a stranger set up goes when the owner of the address first shows that it is theirs', async () => {
  const { accountId, email } = await registered()
  await putFactor(accountId, 0)
  assert.equal((await reset(await forgotten(email, accountId))).status, 204)
  assert.equal((await signIn(email, newPassword)).status, 200)
  assert.deepEqual(await eventsOf(accountId, 'account.second-factor-off'), [{ accountId }])
})

test('a factor that a stranger set up goes also when the owner has confirmed the address since', async () => {
  const { accountId, email } = await registered()
  await putFactor(accountId, 0)
  await verify(accountId)
  assert.equal((await reset(await forgotten(email, accountId))).status, 204)
  assert.equal((await signIn(email, newPassword)).status, 200)
  assert.deepEqual(await eventsOf(accountId, 'account.second-factor-off'), [{ accountId }])
})

test('a factor that the owner set up stays in force after a change of the address and a reset', async () => {
  const { accountId, email, as } = await registered()
  await verify(accountId)
  await putFactor(accountId, 1)
  const next = `next.${email}`
  await call(app, 'POST /auth/change-email', { as, body: { password, email: next } })
  const token = await tokenOf(accountId, 'change_email')
  await useNewEmail(await strangersContext({ later: minute }), { token })
  assert.equal((await reset(await forgotten(next, accountId))).status, 204)
  const answer = await signIn(next, newPassword)
  assert.equal(answer.body.type, '/problems/second-factor-needed')
})

test('strangers who name an address as their new one use up no mail by which its owner gets in again', async () => {
  const { accountId, email } = await registered()
  for (let round = 0; round < 4; round += 1) {
    const actor = await authenticate(runtime, (await registered()).as)
    const context = { ...(await strangersContext()), actor: actor! }
    await askForNewEmail(context, { password, email })
  }
  await askForReset(await strangersContext({ clientAddress: '192.0.2.130' }), { email })
  assert.equal((await reset(await tokenOf(accountId, 'reset_password'))).status, 204)
})

/** A context that notes which statements it ran, and how many transactions it committed. */
async function recorded(clientAddress: string): Promise<{ context: Context; ran: string[] }> {
  const ran: string[] = []
  const executor = runtime.db.getExecutor()
  const db = runtime.db.withPlugin({
    transformQuery({ node, queryId }) {
      ran.push(executor.compileQuery(node, queryId).sql)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  return { context: { ...(await strangersContext({ clientAddress })), db }, ran }
}

test('a known, an unknown and a disabled address are answered after the same statements and one commit', async () => {
  const [known, disabled] = [await registered(), await registered()]
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', disabled.accountId)
    .execute()
  const lists: string[][] = []
  const events: unknown[] = []
  runtime.events.subscribe((event) => void events.push(event.type))
  for (const email of [known.email, `no.${known.email}`, disabled.email]) {
    const { context, ran } = await recorded('192.0.2.41')
    events.length = 0
    await askForReset(context, { email })
    assert.deepEqual(events, ['account.link-made'])
    lists.push(ran)
  }
  assert.ok(lists[0]!.length >= 7)
  for (const list of lists) assert.deepEqual(list, lists[0])
  assert.equal((await tokensOf(known.accountId, 'reset_password')).length, 1)
})

test('a known and an unknown address get one and the same answer', async () => {
  const { email } = await registered()
  const answers = [await forget(email), await forget(`no.${email}`)]
  assert.deepEqual(answers[0], answers[1])
  assert.deepEqual(answers[0]!.body, null)
})

test('at most three links an hour go to one address, and whoever asks again is not told so', async () => {
  const { accountId, email } = await registered()
  let made = ''
  for (let round = 0; round < 5; round += 1) {
    const context = await strangersContext({ clientAddress: `192.0.2.${100 + round}` })
    await askForReset(context, { email })
    const token = await tokenOf(accountId, 'reset_password')
    assert.equal(token === made, round >= 3)
    made = token
  }
  const anHourLater = await strangersContext({ later: 61 * minute, clientAddress: '192.0.2.110' })
  await askForReset(anHourLater, { email })
  assert.notEqual(await tokenOf(accountId, 'reset_password'), made)
})

test('one place has at most twenty mails sent in an hour, and is told so', async () => {
  const context = await strangersContext({ clientAddress: '192.0.2.120' })
  for (let round = 0; round < 20; round += 1)
    await askForReset(context, { email: `${newId()}@example.org` })
  await assert.rejects(askForReset(context, { email: `${newId()}@example.org` }), {
    code: 'too-many-requests',
  })
})

test('neither log, event nor audit holds the address, the password or the word of the link', async () => {
  const { accountId, email } = await registered()
  const token = await forgotten(email, accountId)
  await forget(`canary.${email}`)
  await reset(token, 'canary password 1')
  const rows = JSON.stringify([
    await runtime.db.selectFrom('audit_entry').selectAll().execute(),
    await runtime.db.selectFrom('event').selectAll().execute(),
  ])
  for (const text of [logged(), rows])
    for (const secret of ['canary', email, token]) assert.ok(!text.includes(secret))
})
