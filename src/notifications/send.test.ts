import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import ICAL from 'ical.js'
import { createSmtpSender } from '#src/delivery/smtp.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { startMailServer, type ParsedMail } from '#test/support/mail-server.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { ledgerOf, skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import { command, makeVisit, openNetwork } from '#test/support/visits.ts'
import { sendDue, type Sending } from './send.ts'

const { runtime } = await testVisita()
const server = await startMailServer()
const from = 'North Clinics <visits@example.org>'
const mail = createSmtpSender({ url: server.url, from })

after(async () => {
  mail.close()
  await server.close()
})

beforeEach(async () => {
  server.refuse(() => null)
  await skipEarlierNews()
})

const minute = 60_000

/** This process with mail, so many milliseconds from now. */
function later(milliseconds = 0): Sending {
  return {
    ...runtime,
    clock: () => runtime.clock() + milliseconds,
    config: { ...runtime.config, mail: { ...runtime.config.mail, from } },
    senders: { mail, sms: null },
  }
}

async function sendAll(milliseconds = 0): Promise<void> {
  while ((await sendDue(later(milliseconds))) > 0);
}

function mailsTo(address: string): ParsedMail[] {
  return server.received.filter(({ envelope }) => envelope.to.includes(address))
}

function addressOf(accountId: string): string {
  return `${accountId}@example.org`
}

function eventIn({ email }: ParsedMail) {
  const file = email.attachments.find(({ mimeType }) => mimeType === 'text/calendar')!
  const text =
    typeof file.content === 'string' ? file.content : new TextDecoder().decode(file.content)
  const calendar = new ICAL.Component(ICAL.parse(text) as [])
  const event = calendar.getFirstSubcomponent('vevent')!
  return {
    method: String(calendar.getFirstPropertyValue('method')),
    uid: String(event.getFirstPropertyValue('uid')),
    sequence: Number(event.getFirstPropertyValue('sequence')),
    start: String(event.getFirstPropertyValue('dtstart')),
  }
}

test('a visit is mailed as an invitation, moved by a later one, and called off by the last', async () => {
  const network = await openNetwork()
  const { id, accountId, as } = await makeVisit(network, 0)
  await tellEverything()
  await sendAll()
  await command(as, id, 'reschedule', { body: { slotId: network.slots[5]!.id } })
  await tellEverything()
  await sendAll()
  assert.equal(mailsTo(addressOf(accountId)).length, 1, 'the move can still be undone')
  await sendAll(2 * minute)
  await command(network.people.deskHere, id, 'cancel', { body: { reason: 'CANARY-REASON' } })
  await tellEverything()
  await sendAll(2 * minute)

  const mails = mailsTo(addressOf(accountId))
  const events = mails.map(eventIn)
  assert.deepEqual(
    events.map(({ method }) => method),
    ['REQUEST', 'REQUEST', 'CANCEL'],
  )
  assert.ok(events.every(({ uid }) => uid === id))
  assert.ok(events[0]!.sequence < events[1]!.sequence)
  assert.ok(events[1]!.sequence < events[2]!.sequence)
  assert.notEqual(events[0]!.start, events[1]!.start)
  assert.ok(mails.every(({ raw }) => !raw.includes('CANARY')))
  const rows = (await ledgerOf(id)).filter(
    (row) => row.channel === 'email' && row.account_id === accountId,
  )
  assert.deepEqual(
    rows.map(({ status, kind, address }) => [status, kind, address]),
    ['confirmed', 'moved', 'cancelled'].map((kind) => ['sent', kind, addressOf(accountId)]),
  )
  assert.ok(rows.every(({ sent_at, provider_id }) => sent_at !== null && provider_id !== null))
})

test('one whose mail is refused keeps nobody else from theirs, and has it written down', async () => {
  const network = await openNetwork()
  const visits = await Promise.all([0, 1, 2].map((index) => makeVisit(network, index)))
  const [unknown, full, fine] = visits.map(({ accountId }) => addressOf(accountId))
  server.refuse((address, step) => {
    if (step !== 'RCPT TO') return null
    return address === unknown ? 550 : address === full ? 452 : null
  })
  await tellEverything()
  await sendAll()
  assert.equal(mailsTo(fine!).length, 1)
  const rows = await Promise.all(
    visits.map(async ({ id }) => (await ledgerOf(id)).find((row) => row.channel === 'email')!),
  )
  assert.deepEqual(
    rows.map(({ status }) => status),
    ['failed', 'queued', 'sent'],
  )
  assert.match(rows[0]!.status_reason!, /550/)
  assert.ok(!rows[0]!.status_reason!.includes('@'), 'no address stands in the reason')
  assert.ok(rows[1]!.due_at! > runtime.clock(), 'the full one is tried again later')

  server.refuse(() => null)
  await sendAll(10 * minute)
  assert.equal(mailsTo(full!).length, 1)
  assert.equal(mailsTo(unknown!).length, 0)
})

test('processes that send at the same time send each mail once', async () => {
  const network = await openNetwork()
  const visits = await Promise.all(
    Array.from({ length: 12 }, (_, index) => makeVisit(network, index)),
  )
  await tellEverything()
  await Promise.all(Array.from({ length: 6 }, () => sendAll()))
  for (const { accountId } of visits) assert.equal(mailsTo(addressOf(accountId)).length, 1)
})

test('a mail whose sender died is sent again after the lease, with the same Message-ID', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  await tellEverything()
  const broken = later()
  const dying: Sending = {
    ...broken,
    senders: {
      mail: {
        ...mail,
        async send(message) {
          await mail.send(message)
          return new Promise(() => {})
        },
      },
      sms: null,
    },
  }
  void sendDue(dying)
  while (mailsTo(addressOf(accountId)).length === 0)
    await new Promise((resolve) => void setImmediate(resolve))
  await sendAll()
  assert.equal(mailsTo(addressOf(accountId)).length, 1, 'the lease still holds')
  await sendAll(2 * minute)
  const [one, two, ...more] = mailsTo(addressOf(accountId))
  assert.equal(more.length, 0)
  assert.equal(one!.email.messageId, two!.email.messageId)
  assert.equal((await ledgerOf(id)).find((row) => row.channel === 'email')!.status, 'sent')
})

test('without a transport messages wait, and go once there is one unless they are of no use then', async () => {
  const network = await openNetwork()
  const soon = await makeVisit(network, 0)
  const far = await makeVisit(network, 40)
  await tellEverything()
  assert.equal(await sendDue(runtime), 0)
  const status = async (id: string) =>
    (await ledgerOf(id)).find((row) => row.channel === 'email')!.status
  assert.equal(await status(soon.id), 'queued')
  await sendAll(2 * 24 * 60 * minute)
  assert.equal(await status(soon.id), 'skipped')
  assert.equal(await status(far.id), 'sent')
})

test('whoever may no longer act for the patient is not written to any more', async () => {
  const network = await openNetwork()
  const { id, accountId, patientId } = await makeVisit(network, 0)
  await tellEverything()
  await runtime.db
    .updateTable('patient_access')
    .set({ ends_at: formatUtc(runtime.clock() - 1000) })
    .where('patient_id', '=', patientId)
    .execute()
  await sendAll()
  assert.equal(mailsTo(addressOf(accountId)).length, 0)
  assert.equal((await ledgerOf(id)).find((row) => row.channel === 'email')!.status, 'withdrawn')
})

test('people are written to in their language', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  await runtime.db
    .updateTable('account')
    .set({ locale: 'de-AT' })
    .where('id', '=', patient.accountId)
    .execute()
  const { app } = await testVisita()
  await book(app, patient.as, { slotId: network.slots[0]!.id })
  await tellEverything()
  await sendAll()
  const [received] = mailsTo(addressOf(patient.accountId))
  assert.match(received!.email.subject!, /^Bestätigt: /)
})

test('quiet hours hold a mail back until they end', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 40)
  await tellEverything()
  await sendAll()
  const minuteNow = Math.floor(runtime.clock() / minute) % 1440
  await runtime.db
    .insertInto('quiet_hours')
    .values({
      account_id: accountId,
      from_minute: (minuteNow + 1380) % 1440,
      to_minute: (minuteNow + 120) % 1440,
      time_zone: 'UTC',
    })
    .execute()
  await command(network.people.deskHere, id, 'cancel', { body: { reason: 'The doctor is ill.' } })
  await tellEverything()
  const count = () => mailsTo(addressOf(accountId)).length
  await sendAll(30 * minute)
  assert.equal(count(), 1)
  await sendAll(121 * minute)
  assert.equal(count(), 2)
})
