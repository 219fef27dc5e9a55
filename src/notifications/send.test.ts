import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import ICAL from 'ical.js'
import { Undeliverable } from '#src/delivery/delivery.ts'
import { createSmtpSender } from '#src/delivery/smtp.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { startMailServer, type ParsedMail } from '#test/support/mail-server.ts'
import { call } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { until } from '#test/support/race-servers.ts'
import { ledgerOf, skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  changeDoctor,
  command,
  contextLater,
  makeVisit,
  openNetwork,
} from '#test/support/visits.ts'
import { keepSending, sendDue, type Sending } from './send.ts'

const { runtime, app } = await testVisita()
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

test('what became of a visit is never followed by older news of it', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 40)
  await tellEverything()
  server.refuse(() => 451)
  await sendAll()
  await command(network.people.deskHere, id, 'cancel', { body: { reason: 'The doctor is ill.' } })
  await tellEverything()
  server.refuse(() => null)
  await sendAll(2 * minute)
  await sendAll(60 * minute)
  assert.deepEqual(
    mailsTo(addressOf(accountId)).map((one) => eventIn(one).method),
    ['CANCEL'],
  )
})

test('who was told as staff, and is no longer, is not written to as a patient', async () => {
  const network = await openNetwork()
  const { db } = runtime
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { actor } = await contextLater(network.people.deskHere, 0)
  await db
    .insertInto('notification_preference')
    .values({ account_id: actor.accountId, kind: 'requested', channel: 'email', wanted: true })
    .execute()
  await makeVisit(network, 0)
  await tellEverything()
  await db
    .updateTable('membership')
    .set({ clinic_id: network.otherClinicId })
    .where('account_id', '=', actor.accountId)
    .execute()
  await sendAll()
  assert.equal(mailsTo(addressOf(actor.accountId)).length, 0)
  const { body } = await call(app, 'GET /notifications', { as: network.people.deskHere })
  assert.ok(!JSON.stringify(body.items).includes('Anna'), JSON.stringify(body.items))
})

test('a receptionist whose child is the patient is written to as a parent', async () => {
  const network = await openNetwork()
  const child = await makePatient(runtime)
  const { actor } = await contextLater(network.people.deskHere, 0)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: actor.accountId,
      patient_id: child.patientId,
      relation: 'parent',
      scope: 'manage',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  await book(app, child.as, { slotId: network.slots[0]!.id })
  await tellEverything()
  await sendAll()
  const [received] = mailsTo(addressOf(actor.accountId))
  assert.equal(eventIn(received!).method, 'REQUEST')
})

test('a message that takes long holds up no other, of its channel or another', async () => {
  const network = await openNetwork()
  const slow = await makeVisit(network, 0)
  const fine = await makeVisit(network, 1)
  await tellEverything()
  const ending = new AbortController()
  let finish = () => {}
  const hanging = new Promise<void>((resolve) => {
    finish = resolve
  })
  const sending = later()
  const working = keepSending(
    {
      ...sending,
      senders: {
        mail: {
          ...mail,
          async send(message) {
            if (message.to.address === addressOf(slow.accountId)) await hanging
            return mail.send(message)
          },
        },
        sms: null,
      },
    },
    'email',
    ending.signal,
  )
  const arrived = (accountId: string) =>
    until('the mail came', () => mailsTo(addressOf(accountId)).length === 1)
  await arrived(fine.accountId)
  const next = await makeVisit(network, 2)
  await tellEverything()
  await arrived(next.accountId)
  assert.equal(mailsTo(addressOf(slow.accountId)).length, 0)
  ending.abort()
  finish()
  await working
  assert.equal(mailsTo(addressOf(slow.accountId)).length, 1, 'what is under way is finished')
})

test('a provider that cannot say what became of a message is asked a few times and then no more', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 0)
  await tellEverything()
  let asked = 0
  const senders = {
    mail: {
      ...mail,
      deliveryOf: async () => {
        asked += 1
        throw new Error('The provider does not know us any more.')
      },
    },
    sms: null,
  }
  for (let hours = 0; hours < 72; hours += 1)
    while ((await sendDue({ ...later(hours * 60 * minute), senders })) > 0);
  assert.ok(asked <= 5, `it was asked ${asked} times`)
  const row = (await ledgerOf(id)).find(({ channel }) => channel === 'email')!
  assert.deepEqual([row.status, row.due_at], ['sent', null])
})

test('what the provider says of a message stands in the ledger', async () => {
  const network = await openNetwork()
  const [one, other] = [await makeVisit(network, 0), await makeVisit(network, 1)]
  await tellEverything()
  const sent = new Map<string, string>()
  const senders = {
    mail: {
      ...mail,
      async send(message: Parameters<typeof mail.send>[0]) {
        const accepted = await mail.send(message)
        sent.set(accepted.providerId!, message.to.address)
        return accepted
      },
      deliveryOf: async (providerId: string) =>
        sent.get(providerId) === addressOf(one.accountId)
          ? ('delivered' as const)
          : ('failed' as const),
    },
    sms: null,
  }
  await sendDue({ ...later(), senders })
  await sendDue({ ...later(2 * minute), senders })
  const statusOf = async (id: string) => {
    const row = (await ledgerOf(id)).find(({ channel }) => channel === 'email')!
    return [row.status, row.delivered_at !== null, row.failed_at !== null, row.due_at]
  }
  assert.deepEqual(await statusOf(one.id), ['delivered', true, false, null])
  assert.deepEqual(await statusOf(other.id), ['failed', false, true, null])
})

test('a message that another process has sent does not become a failed one', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 0)
  await tellEverything()
  const senders = {
    mail: {
      ...mail,
      // The lease runs out while this one is refused, and another process sends it.
      async send(): Promise<never> {
        await sendAll(2 * minute)
        throw new Undeliverable('The mail server refused the recipient (550).')
      },
    },
    sms: null,
  }
  await sendDue({ ...later(), senders })
  const row = (await ledgerOf(id)).find(({ channel }) => channel === 'email')!
  assert.equal(row.status, 'sent')
})

test('a change from a visit in person to one by video is told', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  await tellEverything()
  await sendAll()
  await runtime.db
    .updateTable('visit_type')
    .set({ mode: 'video', video_link: 'https://video.example.org/room' })
    .where('id', '=', network.clinicVisitTypeId)
    .execute()
  runtime.board.visitTypes.forget(network.clinicVisitTypeId)
  const moved = await command(network.people.deskHere, id, 'reschedule', {
    body: { startsAt: network.slots[0]!.startsAt, visitTypeId: network.clinicVisitTypeId },
  })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  await tellEverything()
  await sendAll(2 * minute)
  const [, change] = mailsTo(addressOf(accountId))
  assert.match(change!.email.text!, /video\.example\.org/)
})

test('what a colleague answered is no news to a doctor who has read the patient', async () => {
  const network = await openNetwork()
  const { id, as } = await makeVisit(network, 40)
  const { accountId } = (await contextLater(network.people.doctor, 0)).actor
  const write = (by: string) =>
    call(app, `POST /appointments/${id}/messages`, { as: by, body: { text: 'Hello.' } })
  await write(as)
  await tellEverything()
  server.refuse(() => 451)
  await sendAll(3 * minute)
  server.refuse(() => null)
  await call(app, `POST /appointments/${id}/messages/read`, {
    as: network.people.doctor,
    body: {},
  })
  await write(network.people.deskHere)
  await tellEverything()
  await sendAll(10 * minute)
  assert.equal(mailsTo(addressOf(accountId)).length, 0)
})
