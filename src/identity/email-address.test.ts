import assert from 'node:assert/strict'
import { test } from 'node:test'
import { transact } from '#src/events/events.ts'
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
import { askForNewEmail, sendVerification, useNewEmail, verifyEmail } from './email-address.ts'
import { endSessionsFor } from './operator.ts'
import { disableAccount, enableAccount } from './standing.ts'

const { app, runtime } = await testVisita()
const day = 86_400_000

function me(as: string) {
  return call(app, 'GET /auth/me', { as })
}

function wish(as: string, email: string, secret = password) {
  return call(app, 'POST /auth/change-email', { as, body: { password: secret, email } })
}

function confirm(token: string, as?: string) {
  return call(app, 'POST /auth/change-email/confirm', { as, body: { token } })
}

function verify(token: string) {
  return call(app, 'POST /auth/verify-email', { body: { token } })
}

test('who registers gets a link that shows that the address is theirs, good once', async () => {
  const { accountId, as } = await registered()
  assert.equal((await me(as)).body.emailVerified, false)
  const [subjects] = await eventsOf(accountId, 'account.registered')
  const token = await tokenOf(accountId, 'verify_email')
  assert.equal(runtime.links.idOf('verify_email', token), subjects!.accountLinkId)
  assert.equal((await verify(token)).status, 204)
  assert.equal((await me(as)).body.emailVerified, true)
  assert.deepEqual(await eventsOf(accountId, 'account.email-verified'), [{ accountId }])
  assert.equal((await verify(token)).body.type, '/problems/invalid-link')
})

test('a link to confirm an address ends after seven days', async () => {
  const { accountId } = await registered()
  const token = await tokenOf(accountId, 'verify_email')
  await assert.rejects(verifyEmail(await strangersContext({ later: 7 * day }), { token }), {
    code: 'invalid-link',
  })
  await verifyEmail(await strangersContext({ later: 6.9 * day }), { token })
})

test('who has lost the link has another one sent, until the address is confirmed', async () => {
  const { accountId, as } = await registered()
  const first = await tokenOf(accountId, 'verify_email')
  assert.equal((await call(app, 'POST /auth/verify-email/send', { as })).status, 202)
  const second = await tokenOf(accountId, 'verify_email')
  assert.notEqual(second, first)
  assert.equal((await verify(first)).status, 422)
  assert.equal((await verify(second)).status, 204)
  const again = await call(app, 'POST /auth/verify-email/send', { as })
  assert.equal(again.body.type, '/problems/wrong-state')
  assert.equal((await call(app, 'POST /auth/verify-email/send')).status, 401)
})

test('an account has at most five such mails sent in an hour', async () => {
  const { as } = await registered()
  const actor = await authenticate(runtime, as)
  const context = { ...(await strangersContext()), actor: actor! }
  for (let round = 0; round < 5; round += 1) await sendVerification(context)
  await assert.rejects(sendVerification(context), { code: 'too-many-requests' })
})

test('the address changes when the link at the new one is opened, and not before', async () => {
  const { accountId, email, as } = await registered()
  const { body: elsewhere } = await signIn(email)
  const next = `Next.${email}`
  assert.equal((await wish(as, next)).status, 202)
  assert.equal((await me(as)).body.email, email)
  const token = await tokenOf(accountId, 'change_email')
  assert.equal((await confirm(token, as)).status, 204)
  const account = (await me(as)).body
  assert.equal(account.email, next)
  assert.equal(account.emailVerified, true)
  // Everyone else who was signed in is not any more.
  assert.equal((await me(`Bearer ${elsewhere.accessToken}`)).status, 401)
  assert.equal((await signIn(email)).status, 401)
  assert.equal((await signIn(next)).status, 200)
  const [subjects] = await eventsOf(accountId, 'account.email-changed')
  assert.equal(subjects!.accountId, accountId)
  const link = await runtime.db
    .selectFrom('account_link')
    .select(['email', 'former_email'])
    .where('id', '=', subjects!.accountLinkId!)
    .executeTakeFirst()
  assert.deepEqual(link, { email: next, former_email: email })
  assert.equal((await confirm(token)).status, 422)
})

test('opening the link to another’s address never makes one the other, nor the other’s session one’s own', async () => {
  const [asking, opening] = [await registered(), await registered()]
  const next = `next.${asking.email}`
  await wish(asking.as, next)
  const token = await tokenOf(asking.accountId, 'change_email')
  assert.equal((await confirm(token, opening.as)).status, 204)
  const openersAccount = (await me(opening.as)).body
  assert.equal(openersAccount.id, opening.accountId)
  assert.equal(openersAccount.email, opening.email)
  assert.equal((await me(asking.as)).status, 401)
  const { body } = await signIn(next)
  assert.equal(body.account.id, asking.accountId)
})

test('an address that someone has is answered as any other, and cannot be got', async () => {
  const [asking, other] = [await registered(), await registered()]
  const free = await wish(asking.as, `free.${asking.email}`)
  const taken = await wish(asking.as, other.email.toUpperCase())
  assert.deepEqual(taken, free)
  const token = await tokenOf(asking.accountId, 'change_email')
  const answer = await confirm(token)
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/email-taken')
  assert.equal((await me(asking.as)).body.email, asking.email)
  assert.equal((await me(other.as)).body.email, other.email)
  assert.equal((await signIn(other.email)).body.account.id, other.accountId)
})

test('of two accounts that get the same new address at once, one has it', async () => {
  const askers = [await registered(), await registered()]
  const next = `both.${askers[0]!.email}`
  for (const { as } of askers) assert.equal((await wish(as, next)).status, 202)
  const tokens = await Promise.all(
    askers.map(({ accountId }) => tokenOf(accountId, 'change_email')),
  )
  const answers = await Promise.all(tokens.map((token) => confirm(token)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [204, 409])
})

test('the password is asked for, and the present address is no new one', async () => {
  const { accountId, email, as } = await registered()
  const denied = await wish(as, `next.${email}`, 'not the password')
  assert.equal(denied.body.type, '/problems/bad-credentials')
  assert.deepEqual(pointersOf(await wish(as, email.toUpperCase())), ['/email'])
  assert.deepEqual(pointersOf(await wish(as, 'nobody')), ['/email'])
  assert.deepEqual(await tokensOf(accountId, 'change_email'), [])
})

test('a link to change the address ends after a day, and when the password is chosen anew', async () => {
  const { accountId, email, as } = await registered()
  await wish(as, `next.${email}`)
  const token = await tokenOf(accountId, 'change_email')
  await assert.rejects(useNewEmail(await strangersContext({ later: day }), { token }), {
    code: 'invalid-link',
  })
  const body = { password, newPassword: 'nine dry otters nap' }
  assert.equal((await call(app, 'POST /auth/change-password', { as, body })).status, 204)
  assert.equal((await confirm(token)).status, 422)
})

test('at most three mails an hour go to an address that someone names as their new one', async () => {
  const next = `next.${(await registered()).email}`
  const made = []
  for (let round = 0; round < 4; round += 1) {
    const { accountId, as } = await registered()
    const actor = await authenticate(runtime, as)
    await askForNewEmail(
      { ...(await strangersContext()), actor: actor! },
      { password, email: next },
    )
    made.push((await tokensOf(accountId, 'change_email')).length)
  }
  assert.deepEqual(made, [1, 1, 1, 0])
})

async function disableAndEnable(accountId: string): Promise<void> {
  const context = await strangersContext()
  await transact(context, (tx) => disableAccount(context, tx, accountId))
  await transact(context, (tx) => enableAccount(context, tx, accountId))
}

test('nobody who is signed in takes the link from the owner by which they choose a new password', async () => {
  const { accountId, email, as } = await registered()
  await call(app, 'POST /auth/forgot-password', { body: { email } })
  const token = await tokenOf(accountId, 'reset_password')
  const newPassword = 'nine dry otters nap'
  await call(app, 'POST /auth/change-password', { as, body: { password, newPassword } })
  await call(app, 'DELETE /auth/sessions?except=current', { as })
  assert.equal((await call(app, 'DELETE /auth/sessions', { as })).status, 204)
  const body = { token, password: 'six old badgers dig' }
  assert.equal((await call(app, 'POST /auth/reset-password', { body })).status, 204)
  assert.equal((await signIn(email, body.password)).status, 200)
})

test('a link to a new password ends when the account is disabled', async () => {
  const { accountId, email } = await registered()
  await call(app, 'POST /auth/forgot-password', { body: { email } })
  await disableAndEnable(accountId)
  assert.deepEqual(await tokensOf(accountId, 'reset_password'), [])
})

test('a change of the address under way ends when the account is signed out everywhere or disabled', async () => {
  const ways: Record<string, (who: { as: string; email: string; accountId: string }) => unknown> = {
    owner: ({ as }) => call(app, 'DELETE /auth/sessions', { as }),
    elsewhere: ({ as }) => call(app, 'DELETE /auth/sessions?except=current', { as }),
    operator: ({ email }) => endSessionsFor(runtime, email),
    admin: ({ accountId }) => disableAndEnable(accountId),
  }
  for (const [what, end] of Object.entries(ways)) {
    const who = await registered()
    await wish(who.as, `next.${who.email}`)
    const token = await tokenOf(who.accountId, 'change_email')
    await end(who)
    assert.equal((await confirm(token)).status, 422, what)
    assert.equal((await signIn(who.email)).status, 200, what)
  }
})
