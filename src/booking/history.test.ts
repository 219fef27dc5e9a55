import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  auditOf,
  changeDoctor,
  command,
  contextLater,
  instantOf,
  makePatientOf,
  makeVisit,
  openNetwork,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { bookAppointment } from './book.ts'
import { expireWhatIsDue } from './housekeeping.ts'

const { app, runtime } = await testVisita()

const minute = 60_000

interface Step {
  version: number
  at: string
  command: string
  from?: string
  to: string
  startsAt: string
  doctorId: string
  by: { role: string; name?: string }
  reason?: string
  overbooked?: boolean
  overbookedReason?: string
}

async function historyOf(as: string, id: string): Promise<Step[]> {
  const { status, body } = await call(app, `GET /appointments/${id}/history`, { as })
  assert.equal(status, 200, JSON.stringify(body))
  return body.items
}

/** Gives the holder of the header a name of their own. */
async function nameAccount(as: string, name: string): Promise<void> {
  const { actor } = await contextLater(as, 0)
  await runtime.db.updateTable('account').set({ name }).where('id', '=', actor.accountId).execute()
}

test('each step is there, oldest first: what, who, when, why, and where the visit was then', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { deskHere, doctor } = network.people
  await nameAccount(deskHere, 'Dora Desk')
  await nameAccount(doctor, 'Claire Moreau')
  const { as, id } = await makeVisit(network, 2)
  await nameAccount(as, 'Anna Berg')
  const [first, second, third] = [2, 9, 12].map((index) => network.slots[index]!.startsAt)
  const reason = 'I have to work that day.'
  await command(as, id, 'reschedule', { body: { startsAt: second, reason } })
  await command(doctor, id, 'check-in')
  await command(doctor, id, 'correct', { body: { reason: 'It was someone else.' } })
  await command(deskHere, id, 'reschedule', { body: { doctorId, startsAt: third } })
  await command(as, id, 'cancel', { body: { reason: 'I am well.' } })
  const steps = await historyOf(deskHere, id)
  const seen = steps.map((step) => [
    step.version,
    step.command,
    step.from,
    step.to,
    step.startsAt,
    step.doctorId,
    step.by,
    step.reason,
  ])
  const anna = { role: 'patient', name: 'Anna Berg' }
  const claire = { role: 'doctor', name: 'Claire Moreau' }
  const dora = { role: 'front_desk', name: 'Dora Desk' }
  const one = network.doctorId
  assert.deepEqual(seen, [
    [1, 'book', undefined, 'confirmed', first, one, anna, undefined],
    [2, 'reschedule', 'confirmed', 'confirmed', second, one, anna, reason],
    [3, 'check-in', 'confirmed', 'arrived', second, one, claire, undefined],
    [4, 'correct', 'arrived', 'confirmed', second, one, claire, 'It was someone else.'],
    [5, 'reschedule', 'confirmed', 'confirmed', third, doctorId, dora, undefined],
    [6, 'cancel', 'confirmed', 'cancelled', third, doctorId, anna, 'I am well.'],
  ])
  for (const { at } of steps) assert.ok(Math.abs(instantOf(at) - runtime.clock()) < minute)
  const times = steps.map(({ at }) => instantOf(at))
  assert.deepEqual(
    times,
    times.toSorted((earlier, later) => earlier - later),
  )
})

test("patients learn the doctor's name and their own, and not those of the desk's people and admins", async () => {
  const network = await openNetwork()
  const { deskHere, doctor, admin } = network.people
  await nameAccount(deskHere, 'Dora Desk')
  await nameAccount(admin, 'Ada Admin')
  await nameAccount(doctor, 'Claire Moreau')
  const { as, id } = await makeVisit(network, 2)
  await nameAccount(as, 'Anna Berg')
  await command(deskHere, id, 'check-in')
  await command(doctor, id, 'start')
  await command(admin, id, 'complete')
  const by = (await historyOf(as, id)).map((step) => step.by)
  assert.deepEqual(by, [
    { role: 'patient', name: 'Anna Berg' },
    { role: 'front_desk' },
    { role: 'doctor', name: 'Claire Moreau' },
    { role: 'admin' },
  ])
})

test('patients are not told of notes, nor why a visit was overbooked', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const anna = await makePatient(runtime)
  const { body } = await book(app, deskHere, {
    slotId: network.slots[2]!.id,
    patientId: anna.patientId,
    overbook: { reason: 'Acute pain.' },
  })
  const note = { as: deskHere, body: { staffNote: 'Deaf.' } }
  await call(app, `PATCH /appointments/${body.id}`, note)
  const forStaff = await historyOf(deskHere, body.id)
  assert.deepEqual(
    forStaff.map((step) => [step.command, step.overbookedReason]),
    [
      ['book', 'Acute pain.'],
      ['note', 'Acute pain.'],
    ],
  )
  const forPatient = await historyOf(anna.as, body.id)
  assert.deepEqual(
    forPatient.map((step) => [step.command, step.overbooked, step.overbookedReason]),
    [['book', true, undefined]],
  )
  assert.doesNotMatch(JSON.stringify([forStaff, forPatient]), /Deaf/)
})

test('what time alone ended was ended by nobody', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const swept = await makeVisit(network, 20)
  const inTheWay = await makeVisit(network, 21, { hold: true })
  const replaced = await makeVisit(network, 22, { hold: true })
  await book(app, replaced.as, { slotId: network.slots[23]!.id, hold: true })
  const ben = await makePatient(runtime)
  const later = await contextLater(ben.as, 11 * minute)
  await bookAppointment(later, { slotId: network.slots[21]!.id }, null)
  await expireWhatIsDue({ ...runtime, clock: () => instantOf(swept.visit.answerBy) + minute })
  for (const { as, id } of [swept, inTheWay, replaced]) {
    const [, last] = await historyOf(as, id)
    assert.equal(last!.command, 'expire')
    assert.equal(last!.to, 'expired')
    assert.deepEqual(last!.by, { role: 'system' })
  }
})

test('the history is for those who may see the appointment, and reading it is on record', async () => {
  const network = await openNetwork()
  const { otherDoctor, deskElsewhere, doctor } = network.people
  const { as, id } = await makeVisit(network, 2)
  const ben = await makePatient(runtime)
  for (const stranger of [ben.as, otherDoctor, deskElsewhere]) {
    const answer = await call(app, `GET /appointments/${id}/history`, { as: stranger })
    assert.equal(answer.status, 404)
  }
  await historyOf(as, id)
  await historyOf(doctor, id)
  const reads = (await auditOf(id)).filter(({ action }) => action === 'appointment.read')
  assert.deepEqual(
    reads.map(({ allowed }) => allowed),
    [false, false, false, true, true],
  )
})

test('whoever comes with an old version learns who changed the visit and when', async () => {
  const network = await openNetwork()
  const { deskHere, doctor } = network.people
  await nameAccount(deskHere, 'Dora Desk')
  await nameAccount(doctor, 'Claire Moreau')
  const { as, id } = await makeVisit(network, 2)
  const stale = (by: string, name: string) => command(by, id, name, { body: {}, ifMatch: '"1"' })
  await command(deskHere, id, 'check-in')
  const refused = await stale(doctor, 'no-show')
  assert.equal(refused.status, 412)
  assert.equal(refused.body.type, '/problems/stale-version')
  assert.equal(refused.body.version, 2)
  assert.deepEqual(refused.body.changedBy, { role: 'front_desk', name: 'Dora Desk' })
  const [, checkedIn] = await historyOf(doctor, id)
  assert.equal(refused.body.changedAt, checkedIn!.at)
  assert.deepEqual((await stale(as, 'cancel')).body.changedBy, { role: 'front_desk' })
  await command(doctor, id, 'start')
  const later = await stale(as, 'cancel')
  assert.equal(later.body.version, 3)
  assert.deepEqual(later.body.changedBy, { role: 'doctor', name: 'Claire Moreau' })
})

test('a hold, its confirmation and an undone step are steps like others', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  await command(as, id, 'renew-hold')
  await command(as, id, 'confirm-hold')
  await command(as, id, 'cancel', { body: {} })
  await command(as, id, 'undo')
  const steps = await historyOf(as, id)
  assert.deepEqual(
    steps.map((step) => [step.command, step.from, step.to]),
    [
      ['hold', undefined, 'held'],
      ['renew-hold', 'held', 'held'],
      ['confirm-hold', 'held', 'confirmed'],
      ['cancel', 'confirmed', 'cancelled'],
      ['undo', 'cancelled', 'confirmed'],
    ],
  )
})

test('the times of each step are those of the clinic where the visit was then', async () => {
  const network = await openNetwork()
  await runtime.db
    .updateTable('clinic')
    .set({ time_zone: 'America/New_York' })
    .where('id', '=', network.otherClinicId)
    .execute()
  runtime.board.clinics.forget(network.otherClinicId)
  const there = await openSlots(app, await addDoctor(network, network.otherClinicId))
  const { as, id, visit } = await makeVisit(network, 2)
  const [to] = there
  await command(network.people.admin, id, 'reschedule', { body: { slotId: to!.id } })
  const steps = await historyOf(as, id)
  assert.deepEqual(
    steps.map(({ startsAt }) => startsAt),
    [visit.startsAt, to!.startsAt],
  )
  const offsets = steps.map(({ at }) => at.slice(-6))
  assert.deepEqual(offsets, [visit.createdAt.slice(-6), offsets[1]])
  assert.notEqual(offsets[0], offsets[1])
})

test('staff whose visit it is are told in its history what a patient is told', async () => {
  const network = await openNetwork()
  const { deskHere, doctor, admin } = network.people
  await nameAccount(admin, 'Ada Admin')
  const patientId = await makePatientOf(deskHere)
  const { body: visit } = await book(app, admin, {
    slotId: network.slots[2]!.id,
    patientId,
    overbook: { reason: 'Shouts.' },
  })
  const note = { as: doctor, body: { staffNote: 'Deaf.' } }
  await call(app, `PATCH /appointments/${visit.id}`, note)
  const steps = await historyOf(deskHere, visit.id)
  assert.deepEqual(
    steps.map(({ command: name, by, overbooked, overbookedReason }) => [
      name,
      by,
      overbooked,
      overbookedReason,
    ]),
    [['book', { role: 'admin' }, true, undefined]],
  )
})
