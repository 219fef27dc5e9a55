import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call } from '#test/support/network.ts'
import { writeNotification } from '#test/support/notifications.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  auditOf,
  contextLater,
  makePatientOf,
  makeVisit,
  openNetwork,
} from '#test/support/visits.ts'
import { maskAddress, readDelivery } from './ledger.ts'

const { app, runtime } = await testVisita()

test('staff see whom a visit was told to, when, how, and what became of it', async () => {
  const network = await openNetwork()
  const { people } = network
  const { id, accountId, patientId } = await makeVisit(network, 0)
  const doctor = (await contextLater(people.doctor, 0)).actor.accountId
  const now = runtime.clock()
  const at = (seconds: number) => formatUtc(now + seconds * 1000)
  await writeNotification(runtime, {
    account_id: accountId,
    appointment_id: id,
    channel: 'email',
    kind: 'reminder',
    status: 'delivered',
    queued_at: at(1),
    sent_at: at(2),
    delivered_at: at(3),
    confirmed_at: at(60),
    address: 'anna.berg@example.org',
  })
  await writeNotification(runtime, {
    patient_id: patientId,
    appointment_id: id,
    channel: 'sms',
    status: 'failed',
    status_reason: 'there is no such number',
    queued_at: at(4),
    sent_at: null,
    failed_at: at(5),
    address: '+33612345689',
  })
  await writeNotification(runtime, {
    account_id: doctor,
    side: 'doctor',
    appointment_id: id,
    queued_at: at(6),
    sent_at: at(6),
    read_at: at(7),
  })
  for (const as of [people.doctor, people.deskHere, people.admin]) {
    const { status, body } = await call(app, `GET /appointments/${id}/notifications`, { as })
    assert.equal(status, 200)
    const [reminder, failure, inApp] = body.items
    assert.equal(body.items.length, 3)
    assert.deepEqual(
      [reminder.recipient, reminder.channel, reminder.status, reminder.address],
      [{ name: 'Someone', side: 'patient' }, 'email', 'delivered', 'a…@example.org'],
    )
    assert.ok(reminder.queuedAt < reminder.sentAt && reminder.sentAt < reminder.deliveredAt)
    assert.match(reminder.confirmedAt, /\+0[12]:00$/)
    assert.deepEqual(
      [failure.recipient.name, failure.status, failure.statusReason, failure.address],
      ['Anna Berg', 'failed', 'there is no such number', '+33 … 89'],
    )
    assert.equal(failure.sentAt, undefined)
    assert.deepEqual(
      [inApp.recipient, inApp.channel, inApp.address],
      [{ name: 'Someone', side: 'doctor' }, 'in_app', undefined],
    )
    assert.ok(inApp.readAt)
  }
})

test('nobody but the staff of a visit sees whom it was told to, and each look is on record', async () => {
  const network = await openNetwork()
  const { people } = network
  const { id, as } = await makeVisit(network, 1)
  const look = async (header: string, visit = id) =>
    (await call(app, `GET /appointments/${visit}/notifications`, { as: header })).status
  assert.equal(await look(as), 403)
  assert.equal(await look(people.patient), 403)
  for (const stranger of [people.otherDoctor, people.deskElsewhere])
    assert.equal(await look(stranger), 404)
  assert.equal(await look(people.admin, newId()), 404)
  assert.equal(await look(people.deskHere), 200)
  const looks = (await auditOf(id)).filter(({ action }) => action.endsWith('notifications.read'))
  assert.deepEqual(
    looks.map(({ allowed }) => allowed),
    [false, false, true],
  )
})

test('a doctor does not see the staff’s side of a visit of their own', async () => {
  const network = await openNetwork()
  const { people } = network
  const { id } = await makeVisit(network, 2)
  const patientId = await makePatientOf(people.deskHere)
  await runtime.db
    .updateTable('appointment')
    .set({ patient_id: patientId })
    .where('id', '=', id)
    .execute()
  const { status } = await call(app, `GET /appointments/${id}/notifications`, {
    as: people.deskHere,
  })
  assert.equal(status, 403)
})

test('an address is shown so far that those who know it recognise it', () => {
  assert.equal(maskAddress('anna.berg@example.org'), 'a…@example.org')
  assert.equal(maskAddress('a@example.org'), 'a…@example.org')
  assert.equal(maskAddress('"a@b"@example.org'), '"…@example.org')
  assert.equal(maskAddress('+33 6 12 34 56 89'), '+33 … 89')
  assert.equal(maskAddress('1234'), '…')
})

test('admins learn what waits and what failed, and that nothing is set up', async () => {
  const network = await openNetwork()
  const { id, patientId } = await makeVisit(network, 3)
  const admin = await contextLater(network.people.admin, 0)
  const now = runtime.clock()
  const before = await readDelivery(admin)
  const row = { patient_id: patientId, appointment_id: id, channel: 'email' as const }
  const queuedAt = now - 25 * 3_600_000
  await writeNotification(runtime, {
    ...row,
    status: 'queued',
    sent_at: null,
    queued_at: formatUtc(queuedAt),
    due_at: formatUtc(now),
  })
  for (const hours of [1, 23, 25])
    await writeNotification(runtime, {
      ...row,
      status: 'failed',
      failed_at: formatUtc(now - hours * 3_600_000),
    })
  const after = await readDelivery(admin)
  assert.equal(after.email.transport, null)
  assert.equal(after.email.waiting, before.email.waiting + 1)
  assert.equal(after.email.failedLastDay, before.email.failedLastDay + 2)
  assert.ok((after.email.oldestWaitingAt ?? '') <= formatUtc(queuedAt))
  assert.match(after.warnings.join(' '), /No e-mail is sent/)
  const mail = { name: 'SMTP', send: async () => ({ providerId: null }), deliveryOf: null }
  const senders = { mail: { ...mail, close: () => {} }, sms: null }
  const setUp = await readDelivery({ ...admin, senders })
  assert.equal(setUp.email.transport, 'SMTP')
  assert.match(setUp.warnings.join(' '), /E-mail: something has waited .* E-mail: \d+ failed/)
  await runtime.db.deleteFrom('notification').where('patient_id', '=', patientId).execute()
  const answer = await call(app, 'GET /admin/delivery', { as: network.people.admin })
  assert.equal(answer.status, 200)
})
