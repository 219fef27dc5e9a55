import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createSmtpSender } from '#src/delivery/smtp.ts'
import type { TextMessage } from '#src/delivery/delivery.ts'
import { parseInstant } from '#src/kernel/time.ts'
import { startMailServer } from '#test/support/mail-server.ts'
import { call } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import { addRoom, changeDoctor, command, openNetwork } from '#test/support/visits.ts'
import { languages } from './facts.ts'
import { remind } from './remind.ts'
import { sendDue } from './send.ts'

const { runtime, app, logged } = await testVisita()
const server = await startMailServer()
const from = 'North Clinics <visits@example.org>'
const mail = createSmtpSender({ url: server.url, from })

after(async () => {
  mail.close()
  await server.close()
})

const canary = 'CANARYBIRD'

test('no mail, text message, list, event or log line tells why someone comes', async () => {
  await skipEarlierNews()
  const network = await openNetwork()
  const { clinicId, doctorId, visitTypeId, people } = network
  await runtime.db
    .updateTable('specialty')
    .set({ name: `${canary} of ${network.specialtyId}` })
    .where('id', '=', network.specialtyId)
    .execute()
  await addRoom(network, `${canary} room`, 'echo')
  await runtime.db
    .updateTable('visit_type')
    .set({
      name: `${canary} examination`,
      instructions: `Bring your ${canary}.`,
      room_kind: 'echo',
    })
    .where('id', '=', visitTypeId)
    .execute()
  await changeDoctor(network, { bookingMode: 'on_request' })
  runtime.board.doctors.forget(doctorId)
  const texts: TextMessage[] = []
  const sms = {
    name: 'a phone that is at hand',
    send: async (message: TextMessage) => {
      texts.push(message)
      return { providerId: null }
    },
    deliveryOf: null,
    close: () => {},
  }
  const senders = { mail, sms }
  let now = runtime.clock()
  const work = async () => {
    await tellEverything(() => now)
    const sending = {
      ...runtime,
      clock: () => now,
      config: { ...runtime.config, mail: { ...runtime.config.mail, from } },
      senders,
    }
    while ((await sendDue(sending)) > 0);
  }

  const patients = []
  for (const [index, language] of languages.entries()) {
    const patient = await makePatient(runtime)
    patients.push(patient)
    await runtime.db
      .updateTable('account')
      .set({ locale: language, phone: '+33612345678' })
      .where('id', '=', patient.accountId)
      .execute()
    const visits: string[] = []
    for (const offset of [0, 1, 2]) {
      const { body, status } = await book(app, patient.as, {
        slotId: network.slots[40 + 6 * index + 2 * offset]!.id,
        reason: `My ${canary} hurts.`,
      })
      assert.equal(status, 201, JSON.stringify(body))
      visits.push(body.id)
    }
    const [kept, declined, cancelled] = visits
    await work()
    await call(app, `PATCH /appointments/${kept}`, {
      as: people.deskHere,
      body: { staffNote: `${canary} again` },
    })
    await command(people.doctor, kept!, 'accept')
    await command(people.doctor, cancelled!, 'accept')
    await command(people.doctor, declined!, 'decline', {
      body: { reason: `No ${canary} here.` },
    })
    await call(app, `POST /appointments/${kept}/messages`, {
      as: patient.as,
      body: { text: `About my ${canary}` },
    })
    await call(app, `POST /appointments/${kept}/messages`, {
      as: people.deskHere,
      body: { text: `Your ${canary} is fine` },
    })
    now += 3 * 60_000
    await work()
    await command(people.doctor, cancelled!, 'cancel', {
      body: { reason: `The ${canary} is closed.` },
    })
    await command(patient.as, kept!, 'reschedule', {
      body: { slotId: network.slots[41 + 6 * index]!.id },
    })
    now += 3 * 60_000
    await work()
  }
  await runtime.db.deleteFrom('clock_mark').where('name', '=', 'reminders').execute()
  await remind({ ...runtime, clock: () => now })
  now = parseInstant(network.slots[40]!.startsAt)! - 60 * 60_000
  await remind({ ...runtime, clock: () => now, senders })
  await work()

  const kinds = await runtime.db
    .selectFrom('notification')
    .innerJoin('appointment', 'appointment.id', 'notification.appointment_id')
    .select(['kind', 'channel', 'notification.status'])
    .where('clinic_id', '=', clinicId)
    .execute()
  for (const kind of ['requested', 'confirmed', 'declined', 'moved', 'cancelled', 'message'])
    assert.ok(
      kinds.some((row) => row.kind === kind && row.channel === 'email' && row.status === 'sent'),
      `${kind} was mailed`,
    )
  const mails = server.received.map(({ raw, email }) => [
    raw,
    email.subject,
    email.text,
    email.html,
    ...email.attachments.map(({ content }) =>
      typeof content === 'string' ? content : new TextDecoder().decode(content),
    ),
  ])
  assert.ok(mails.length >= 12)
  const ledger = await runtime.db.selectFrom('notification').selectAll().execute()
  const events = await runtime.db.selectFrom('event').selectAll().execute()
  const audit = await runtime.db.selectFrom('audit_entry').selectAll().execute()
  const lists = []
  for (const { as } of patients) lists.push((await call(app, 'GET /notifications', { as })).body)
  for (const place of [mails, texts, ledger, events, audit, lists, logged()])
    assert.ok(!JSON.stringify(place).includes(canary))
})
