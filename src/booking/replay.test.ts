import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call } from '#test/support/network.ts'
import { makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  changeDoctor,
  command,
  makeVisit,
  openNetwork,
  storedVisit,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

/** A network whose other clinic is in New York, with a doctor there and what is open with them. */
async function farNetwork() {
  const network = await openNetwork()
  await runtime.db
    .updateTable('clinic')
    .set({ time_zone: 'America/New_York' })
    .where('id', '=', network.otherClinicId)
    .execute()
  runtime.board.clinics.forget(network.otherClinicId)
  const doctorId = await addDoctor(network, network.otherClinicId)
  return { ...network, there: await openSlots(app, doctorId) }
}

function note(as: string, id: string, staffNote: string) {
  return call(app, `PATCH /appointments/${id}`, { as, body: { staffNote } })
}

test('a repeated booking is answered as the first one was, wherever the visit is by now and whatever was noted', async () => {
  const network = await farNetwork()
  const { admin } = network.people
  const { patientId } = await makePatient(runtime)
  const body = { slotId: network.slots[2]!.id, patientId }
  const booking = { as: admin, body, key: newId() }
  const first = await call(app, 'POST /appointments', booking)
  assert.equal(first.status, 201)
  const to = { slotId: network.there[6]!.id }
  const moved = await command(admin, first.body.id, 'reschedule', { body: to })
  assert.equal(moved.body.timeZone, 'America/New_York')
  await note(admin, first.body.id, 'Needs the ground floor.')
  const again = await call(app, 'POST /appointments', booking)
  assert.deepEqual(again, first)
})

test('a repeated step is answered as the first one was, without what was noted since', async () => {
  const network = await openNetwork()
  const { deskHere, doctor } = network.people
  const { id } = await makeVisit(network, 2)
  await note(deskHere, id, 'Deaf.')
  const key = newId()
  const first = await command(deskHere, id, 'check-in', { body: {}, key })
  assert.equal(first.body.staffNote, 'Deaf.')
  await note(doctor, id, 'Deaf, and in a hurry.')
  await command(doctor, id, 'start')
  assert.deepEqual(await command(deskHere, id, 'check-in', { body: {}, key }), first)
})

test('a repeated hold shows the reason that it was held with', async () => {
  const network = await openNetwork()
  const { as } = await makePatient(runtime)
  const body = { slotId: network.slots[2]!.id, hold: true, reason: 'A cough.' }
  const holding = { as, body, key: newId() }
  const first = await call(app, 'POST /appointments', holding)
  const confirmed = await command(as, first.body.id, 'confirm-hold', { body: { reason: 'Fever.' } })
  assert.equal(confirmed.body.reason, 'Fever.')
  const again = await call(app, 'POST /appointments', holding)
  assert.equal(again.body.reason, 'A cough.')
  assert.deepEqual(again, first)
})

test('a repeated refusal of a request proposes the same times, also when it was taken back since', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { deskHere } = network.people
  const { id } = await makeVisit(network, 20)
  const body = { reason: 'Away.', proposedSlotIds: [network.slots[30]!.id] }
  const key = newId()
  const first = await command(deskHere, id, 'decline', { body, key })
  assert.equal(first.body.proposedSlots.length, 1)
  await command(deskHere, id, 'undo')
  assert.deepEqual(await command(deskHere, id, 'decline', { body, key }), first)
  await command(deskHere, id, 'decline', { body: { proposedSlotIds: [network.slots[31]!.id] } })
  assert.deepEqual(await command(deskHere, id, 'decline', { body, key }), first)
})

test('staff who lost sight of a visit since are answered as before, for what they asked before alone', async () => {
  const network = await farNetwork()
  const { deskHere, otherDoctor, admin } = network.people
  const { id } = await makeVisit(network, 2)
  const key = newId()
  const first = await command(deskHere, id, 'check-in', { body: {}, key })
  assert.equal(first.status, 200)
  const to = { slotId: network.there[40]!.id }
  assert.equal((await command(admin, id, 'reschedule', { body: to })).body.status, 'confirmed')
  assert.equal((await call(app, `GET /appointments/${id}`, { as: deskHere })).status, 404)
  assert.deepEqual(await command(deskHere, id, 'check-in', { body: {}, key }), first)
  assert.equal((await command(deskHere, id, 'check-in', { body: {}, key: newId() })).status, 404)
  assert.equal((await command(otherDoctor, id, 'check-in', { body: {}, key })).status, 404)
  const reused = await command(deskHere, id, 'check-in', { body: { reason: 'Late.' }, key })
  assert.equal(reused.body.type, '/problems/idempotency-key-reused')
  assert.equal((await storedVisit(id)).status, 'confirmed')
})
