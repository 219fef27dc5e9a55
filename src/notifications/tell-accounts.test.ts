import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { createSmtpSender } from '#src/delivery/smtp.ts'
import { transact } from '#src/events/events.ts'
import { endSessionsFor, makeResetLinkFor } from '#src/identity/operator.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { password, registered, strangersContext, tokenOf } from '#test/support/account.ts'
import { startMailServer, type ParsedMail } from '#test/support/mail-server.ts'
import { call, makeNetwork } from '#test/support/network.ts'
import { skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import { notices, type Notice } from './notice.ts'
import { sendDue } from './send.ts'

const { runtime, app, logged } = await testVisita()
const server = await startMailServer()
const from = 'North Clinics <visits@example.org>'
const mail = createSmtpSender({ url: server.url, from })
const network = await makeNetwork(runtime)

after(async () => {
  mail.close()
  await server.close()
})

beforeEach(skipEarlierNews)

/** Tells what happened and sends what is due, as at that time from now. */
async function tellAndSend(later = 0): Promise<void> {
  const clock = () => runtime.clock() + later
  await tellEverything(clock)
  await send(later)
}

async function send(later = 0): Promise<void> {
  const config = { ...runtime.config, mail: { ...runtime.config.mail, from } }
  const clock = () => runtime.clock() + later
  const sending = { ...runtime, clock, config, senders: { mail, sms: null } }
  while ((await sendDue(sending)) > 0);
}

function mailsTo(address: string): ParsedMail[] {
  return server.received.filter(({ envelope }) => envelope.to.includes(address))
}

function subjectsTo(address: string): (string | undefined)[] {
  return mailsTo(address).map(({ email }) => email.subject)
}

/** What the account was told, as "channel notice status". */
async function toldTo(accountId: string): Promise<string[]> {
  const rows = await runtime.db
    .selectFrom('notification')
    .select(['channel', 'details', 'status'])
    .where('account_id', '=', accountId)
    .where('kind', '=', 'account')
    .execute()
  return rows
    .map(({ channel, details, status }) => `${channel} ${details['notice']} ${status}`)
    .toSorted()
}

/** An account that has been told of its registration already. */
async function known() {
  const account = await registered()
  await skipEarlierNews()
  return account
}

async function append(type: string, subjects: Record<string, string>, actorId?: string) {
  const context = {
    ...(await strangersContext()),
    ...(actorId && { actor: { accountId: actorId } }),
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the actor only the id is read
  await transact(context as never, async (tx) => tx.append({ type, subjects }))
}

test('who registers is welcomed with a link that confirms the address, as long as that is of use', async () => {
  const [one, other] = [await registered(), await registered()]
  const token = await tokenOf(other.accountId, 'verify_email')
  await call(app, 'POST /auth/verify-email', { body: { token } })
  await tellAndSend()
  const [welcome] = mailsTo(one.email)
  const link = `http://visita.test/verify-email#${await tokenOf(one.accountId, 'verify_email')}`
  assert.equal(welcome!.email.subject, 'Welcome')
  assert.ok(welcome!.email.text?.includes(link))
  assert.ok(welcome!.email.html?.includes(link))
  const [verified] = mailsTo(other.email)
  assert.equal(verified!.email.subject, 'Welcome')
  assert.doesNotMatch(verified!.email.text ?? '', /verify-email|confirm/)
})

test('the link to a new password is mailed once, and not at all when it is used or replaced before', async () => {
  const [one, used, late] = [await known(), await known(), await known()]
  for (const { email } of [one, one, used, late, { email: `no.${one.email}` }])
    assert.equal((await call(app, 'POST /auth/forgot-password', { body: { email } })).status, 202)
  await tellEverything()
  const body = {
    token: await tokenOf(used.accountId, 'reset_password'),
    password: 'nine dry otters nap',
  }
  assert.equal((await call(app, 'POST /auth/reset-password', { body })).status, 204)
  await runtime.db
    .updateTable('account_link')
    .set({ expires_at: formatUtc(runtime.clock()) })
    .where('account_id', '=', late.accountId)
    .execute()
  await send()
  assert.deepEqual(subjectsTo(one.email), ['Choose a new password'])
  const link = `http://visita.test/reset-password#${await tokenOf(one.accountId, 'reset_password')}`
  assert.ok(mailsTo(one.email)[0]!.email.text?.includes(link))
  assert.deepEqual(subjectsTo(late.email), [])
  await tellAndSend()
  assert.deepEqual(subjectsTo(used.email), ['Your password has been changed'])
  assert.deepEqual(subjectsTo(`no.${one.email}`), [])
  // The app's list is for who is signed in, and has no use for a link.
  assert.deepEqual(await toldTo(one.accountId), ['email reset_password sent'])
})

test('a new address gets the link, the present one is told, and the former one afterwards', async () => {
  const { accountId, email, as } = await known()
  const next = `next.${email}`
  await call(app, 'POST /auth/change-email', { as, body: { password, email: next } })
  await tellAndSend()
  assert.deepEqual(subjectsTo(next), ['Confirm your new e-mail address'])
  assert.deepEqual(subjectsTo(email), ['A change of your e-mail address was asked for'])
  const [asking] = mailsTo(next)
  const token = await tokenOf(accountId, 'change_email')
  assert.ok(asking!.email.text?.includes(`http://visita.test/change-email#${token}`))
  // The address may be anyone's: it is told neither who asked nor what they are called.
  assert.doesNotMatch(asking!.raw, /Anna|Berg/)
  assert.ok(!asking!.raw.includes(accountId))
  assert.doesNotMatch(mailsTo(email)[0]!.email.text ?? '', /change-email#/)
  assert.equal(
    (await call(app, 'POST /auth/change-email/confirm', { body: { token } })).status,
    204,
  )
  await tellAndSend()
  assert.deepEqual(subjectsTo(email).at(-1), 'Your e-mail address has been changed')
  assert.equal(mailsTo(next).length, 1)
  assert.doesNotMatch(mailsTo(email).at(-1)!.raw, /next\./)
})

test('an address that someone has gets no mail when another account wants it, and the asker no hint', async () => {
  const [asking, other] = [await known(), await known()]
  await call(app, 'POST /auth/change-email', {
    as: asking.as,
    body: { password, email: other.email },
  })
  await tellAndSend()
  assert.deepEqual(subjectsTo(other.email), [])
  assert.deepEqual(subjectsTo(asking.email), ['A change of your e-mail address was asked for'])
})

test('what happens to an account is told by mail and in the app, whatever it chose', async () => {
  const { accountId, email, as } = await known()
  const kinds = ['requested', 'confirmed', 'message', 'reminder'].map((kind) => ({
    kind,
    email: false,
  }))
  await call(app, 'PATCH /notifications/preferences', {
    as,
    body: { kinds, quietHours: { from: '00:00', to: '23:59', timeZone: 'UTC' } },
  })
  const events: Record<string, Notice> = {
    'account.password-changed': 'password_changed',
    'account.second-factor-on': 'second_factor_on',
    'account.second-factor-off': 'second_factor_off',
    'account.second-factor-locked': 'second_factor_locked',
    'account.recovery-code-used': 'recovery_code_used',
    'account.recovery-codes-renewed': 'recovery_codes_renewed',
    'account.calendar-feed-made': 'calendar_feed_made',
    'account.role-changed': 'role_changed',
    'session.reused': 'session_reused',
    'access.granted': 'access_granted',
    'access.ended': 'access_ended',
  }
  for (const type of Object.keys(events)) await append(type, { accountId, patientId: newId() })
  await tellAndSend()
  const told = await toldTo(accountId)
  for (const notice of Object.values(events))
    for (const channel of ['email', 'in_app'])
      assert.ok(told.includes(`${channel} ${notice} sent`), `${channel} ${notice}`)
  assert.equal(mailsTo(email).length, Object.keys(events).length)
  const { body } = await call(app, 'GET /notifications', { as })
  assert.ok(
    body.items.some(({ title }: { title: string }) => title === 'Your password has been changed'),
  )
})

test('who makes a calendar feed is told, and with a new password that feeds go on', async () => {
  const { email, as } = await known()
  const { patientId } = (await call(app, 'GET /auth/me', { as })).body
  const made = await call(app, 'POST /calendar-feeds', { as, body: { patientId } })
  assert.equal(made.status, 201)
  const body = { password, newPassword: 'nine dry otters nap' }
  assert.equal((await call(app, 'POST /auth/change-password', { as, body })).status, 204)
  await tellAndSend()
  const mailOf = (subject: string) => mailsTo(email).find((one) => one.email.subject === subject)
  const feed = mailOf('A calendar feed of your account was made')
  assert.ok(feed)
  // The address is secret, and stays in the answer that told it.
  assert.ok(!feed.raw.includes(made.body.id) && !feed.raw.includes(made.body.url))
  const text = mailOf('Your password has been changed')?.email.text ?? ''
  assert.match(text.replaceAll(/\s+/g, ' '), /go on doing so\. You can end each of them/)
})

test('who takes or gives up an access by themselves is not told of it', async () => {
  const { accountId } = await known()
  for (const type of ['access.granted', 'access.ended'])
    await append(type, { accountId, patientId: newId() }, accountId)
  await tellEverything()
  assert.deepEqual(await toldTo(accountId), [])
})

test('the end of an access is told with its day, and one that lasts after all is not', async () => {
  const [one, other] = [await known(), await known()]
  const patientId = newId()
  const created_at = formatUtc(runtime.clock())
  await runtime.db
    .insertInto('patient')
    .values({ id: patientId, name: 'Léa Berg', created_at })
    .execute()
  await runtime.db
    .insertInto('patient_access')
    .values([
      {
        account_id: one.accountId,
        patient_id: patientId,
        relation: 'parent',
        scope: 'manage',
        created_at,
        ends_at: '2027-03-09T00:00:00Z',
      },
      {
        account_id: other.accountId,
        patient_id: patientId,
        relation: 'carer',
        scope: 'book',
        created_at,
      },
    ])
    .execute()
  for (const { accountId } of [one, other]) await append('access.ending', { accountId, patientId })
  await tellAndSend()
  const [ending] = mailsTo(one.email)
  assert.match(ending!.email.text ?? '', /ends on 9 March 2027\./)
  assert.doesNotMatch(ending!.raw, /Léa|L=C3=A9a/)
  assert.deepEqual(mailsTo(other.email), [])
})

test('whoever is put to a front desk is told which, and who joins by an invitation is only welcomed', async () => {
  const { clinicId, people } = network
  const { accountId, email } = await known()
  await append('membership.added', { accountId, clinicId }, newId())
  await append('membership.removed', { accountId, clinicId }, newId())
  await tellAndSend()
  // They are sent at once, and come in any order.
  const texts = mailsTo(email).map((one) => one.email.text ?? '')
  for (const pattern of [
    /added to the front desk of Canal\./,
    /taken off the front desk of Canal\./,
  ])
    assert.ok(
      texts.some((text) => pattern.test(text)),
      String(pattern),
    )
  const { body: invitation } = await call(app, 'POST /invitations', {
    as: people.admin,
    body: { role: 'front_desk', clinicId },
  })
  const joining = `${newId()}@example.org`
  await call(app, 'POST /auth/register', {
    body: { email: joining, password, name: 'Noor', invitationCode: invitation.code },
  })
  await tellAndSend()
  assert.deepEqual(subjectsTo(joining), ['Welcome'])
})

test('a disabled account is told that it is and nothing else, until it is told that it works again', async () => {
  const { accountId, email } = await known()
  await append('account.password-changed', { accountId })
  await tellEverything()
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', accountId)
    .execute()
  await append('account.disabled', { accountId })
  await append('account.role-changed', { accountId })
  await tellAndSend()
  assert.deepEqual(subjectsTo(email), ['Your account has been disabled'])
  await runtime.db
    .updateTable('account')
    .set({ status: 'active' })
    .where('id', '=', accountId)
    .execute()
  await append('account.enabled', { accountId })
  await tellAndSend()
  assert.deepEqual(subjectsTo(email), [
    'Your account has been disabled',
    'Your account works again',
  ])
})

test('whoever is offered an access gets the link, and none when it was taken back', async () => {
  const { as, accountId } = await known()
  const me = await call(app, 'GET /auth/me', { as })
  const { patientId } = me.body
  const invite = async (email: string) => {
    const body = { email, relation: 'carer', scope: 'book' }
    const answer = await call(app, `POST /patients/${patientId}/access`, { as, body })
    assert.equal(answer.status, 201)
    return answer.body.id
  }
  const [kept, withdrawn] = [`${newId()}@example.org`, `${newId()}@example.org`]
  const id = await invite(kept)
  const gone = await invite(withdrawn)
  await tellEverything()
  await call(app, `DELETE /patients/${patientId}/access-invitations/${gone}`, { as })
  await send()
  const [offer] = mailsTo(kept)
  const link = `http://visita.test/access#${runtime.links.tokenOf('access', id)}`
  assert.ok(offer!.email.text?.includes(link))
  assert.doesNotMatch(offer!.raw, /Anna|Berg/)
  assert.ok(!offer!.raw.includes(accountId) && !offer!.raw.includes(patientId))
  assert.deepEqual(mailsTo(withdrawn), [])
})

test('an invitation that was taken back is not mailed any more', async () => {
  const email = `${newId()}@example.org`
  const { body } = await call(app, 'POST /invitations', {
    as: network.people.admin,
    body: { role: 'admin', email },
  })
  await tellEverything()
  await call(app, `DELETE /invitations/${body.id}`, { as: network.people.admin })
  await send()
  assert.deepEqual(mailsTo(email), [])
})

test('a link that the operator makes is mailed as well', async () => {
  const { email } = await known()
  await endSessionsFor(runtime, email)
  const { link } = await makeResetLinkFor(runtime, email)
  await tellAndSend()
  assert.ok(mailsTo(email).some((one) => one.email.text?.includes(link)))
})

test('no word of a link stands in the ledger, an event or a log line', async () => {
  const { accountId, email, as } = await registered()
  await call(app, 'POST /auth/forgot-password', { body: { email } })
  await call(app, 'POST /auth/change-email', { as, body: { password, email: `next.${email}` } })
  await tellAndSend()
  const written = JSON.stringify([
    await runtime.db.selectFrom('notification').selectAll().execute(),
    await runtime.db.selectFrom('event').selectAll().execute(),
    logged(),
  ])
  for (const purpose of ['verify_email', 'reset_password', 'change_email'] as const)
    assert.ok(!written.includes(await tokenOf(accountId, purpose)), purpose)
  assert.equal(new Set(notices).size, notices.length)
})
