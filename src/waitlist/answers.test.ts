import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  auditOf,
  changeClinic,
  changeDoctor,
  command,
  contextAt,
  instantOf,
  storedClaims,
  storedStatus,
  storedVisit,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  answer,
  dateIn,
  entryOf,
  free,
  fullNetwork,
  must,
  tomorrowAt,
  waitWith,
  workAt,
  type FullNetwork,
  type Waiting,
} from '#test/support/waitlist.ts'
import { takeOffer } from './answers.ts'
import { leaveWaitlist } from './entries.ts'
import { offerOfEntry } from './offer-queries.ts'
import { settleOffer } from './outcome.ts'

const { app, runtime } = await testVisita()
const minute = 60_000
const noon = await tomorrowAt()
const held = { appointmentId: null, request: null }

test('a visit made up through the waitlist does not let its maker hand out the record', async () => {
  const network = await fullNetwork()
  const { deskHere } = network.people
  const colleague = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
  const person = { name: `Zoë ${newId()}`, dateOfBirth: '1984-07-19' }
  const registered = { as: network.people.deskElsewhere, body: person }
  const { body: patient } = await must(call(app, 'POST /patients', registered))
  const { doctorId, clinicId, visitTypeId } = network
  const wish = { patientId: patient.id, doctorId, clinicId, visitTypeId }
  const { body: entry } = await must(call(app, 'POST /waitlist', { as: deskHere, body: wish }))
  await workAt(noon)
  const { body: visit } = await must(call(app, `POST /waitlist/${entry.id}/take`, { as: deskHere }))
  assert.equal(
    (await call(app, `GET /appointments/${visit.id}`, { as: deskHere })).body.isOffer,
    undefined,
  )
  assert.equal((await command(colleague, visit.id, 'check-in')).status, 200)
  const link = await call(app, `POST /patients/${patient.id}/claim-links`, { as: deskHere })
  assert.equal(link.status, 403)
})

test('a refusal that is sent again is answered, also to those who saw the entry by the offer alone', async () => {
  const network = await fullNetwork()
  const other = await fullNetwork()
  await changeDoctor(other, {
    visitTypeIds: [other.visitTypeId, network.visitTypeId],
    specialtyIds: [network.specialtyId],
  })
  const slots = await openSlots(
    app,
    other.doctorId,
    `to=${await dateIn(20)}&visitTypeId=${network.visitTypeId}`,
  )
  const patient = await makePatient(runtime)
  const { body: visit } = await must(book(app, patient.as, { slotId: slots.at(-1)!.id }))
  await changeDoctor(other, { status: 'paused' })
  const wish = {
    appointmentId: visit.id,
    specialtyId: network.specialtyId,
    clinicId: network.clinicId,
  }
  const { body: entry } = await must(call(app, 'POST /waitlist', { as: patient.as, body: wish }))
  await free(network, 0)
  await workAt(noon)
  const desk = { ...patient, visitId: visit.id, entryId: entry.id, as: network.people.deskHere }
  for (const time of ['first', 'second']) {
    const refused = await answer(desk, 'refuse', { key: 'refusal' })
    assert.equal(refused.status, 200, `${time}: ${JSON.stringify(refused.body)}`)
  }
})

/** A patient who is offered the first near time. */
async function offered(
  wish: Record<string, unknown> = {},
): Promise<Waiting & { network: FullNetwork; offerId: string }> {
  const network = await fullNetwork()
  const waiting = await waitWith(network, 0, wish)
  await free(network, 0)
  await workAt(noon)
  const { offer } = await entryOf(waiting)
  return { ...waiting, network, offerId: offer.appointmentId }
}

test('taking an offer moves the visit: same id, the old time free, nothing held any more', async () => {
  const anna = await offered()
  const { network } = anna
  const before = await call(app, `GET /appointments/${anna.visitId}`, { as: anna.as })
  const taken = await answer(anna, 'take', { body: { appointmentId: anna.offerId } })
  assert.equal(taken.status, 200, JSON.stringify(taken.body))
  assert.equal(taken.body.id, anna.visitId)
  assert.equal(taken.body.status, 'confirmed')
  assert.equal(taken.body.startsAt, network.near[0]!.startsAt)
  assert.equal(taken.body.sequence, before.body.sequence + 1)
  assert.deepEqual(
    (await storedClaims(anna.visitId)).map(({ calendar_id }) => calendar_id),
    [network.doctorId, anna.patientId].sort(),
  )
  assert.deepEqual(await storedClaims(anna.offerId), [])
  assert.equal(await storedStatus(anna.offerId), 'expired')
  const entry = await entryOf(anna)
  assert.equal(entry.status, 'fulfilled')
  assert.equal(entry.appointmentId, anna.visitId)

  const ben = await makePatient(runtime)
  await must(book(app, ben.as, { slotId: network.far[0]!.id }))
  assert.equal((await answer(anna, 'take')).body.type, '/problems/wrong-state')
  const actions = (await auditOf(anna.entryId)).map(({ action }) => action)
  assert.ok(actions.includes('waitlist.take'))
})

test('the notice for changes does not bind who takes an offer', async () => {
  const anna = await offered()
  await changeClinic(anna.network, { change_notice_minutes_min: 525_600 })
  const { near } = anna.network
  const moved = await command(anna.as, anna.visitId, 'reschedule', {
    body: { slotId: near[1]!.id },
  })
  assert.equal(moved.body.type, '/problems/too-late')
  assert.equal((await answer(anna, 'take')).status, 200)
})

test('what the doctor agreed to stays agreed, and a request stays a request', async () => {
  const anna = await offered()
  await changeDoctor(anna.network, { bookingMode: 'on_request' })
  assert.equal((await answer(anna, 'take')).body.status, 'confirmed')

  const network = await fullNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const ben = await waitWith(network, 0)
  await free(network, 0)
  await workAt(noon)
  const { body } = await answer(ben, 'take')
  assert.equal(body.status, 'requested')
  assert.equal(body.startsAt, network.near[0]!.startsAt)
})

test('an offer that has run out cannot be taken', async () => {
  const anna = await offered()
  const context = await contextAt(anna.as, noon + 20 * minute)
  const late = takeOffer(context, anna.entryId, held)
  await assert.rejects(late, { code: 'hold-expired' })
  const inTime = { ...context, clock: () => noon + 20 * minute - 1 }
  assert.equal((await takeOffer(inTime, anna.entryId, held)).id, anna.visitId)
})

test('an offer that ran out and was given to the next is not taken from them', async () => {
  const anna = await offered()
  const ben = await waitWith(anna.network, 1)
  await workAt(noon + 21 * minute)
  assert.equal((await entryOf(ben)).status, 'offered')
  const lost = await answer(anna, 'take')
  assert.equal(lost.body.type, '/problems/hold-expired')
  assert.equal((await answer(ben, 'take')).status, 200)
})

test('an offer that was taken while someone noted that it ran out is taken', async () => {
  const anna = await offered()
  const meant = { entryId: anna.entryId, appointmentId: anna.offerId, now: noon }
  const row = (await offerOfEntry(runtime.db, meant))!
  const context = await contextAt(anna.as, noon)
  await settleOffer(context, row, { outcome: 'expired', isHeld: false })
  assert.equal((await answer(anna, 'take')).body.type, '/problems/hold-expired')
  await settleOffer(context, row, { outcome: 'taken', isHeld: false })
  await settleOffer(context, row, { outcome: 'expired', isHeld: false })
  assert.equal((await entryOf(anna)).status, 'fulfilled')
})

test('a taking whose process died before it was written down is found', async () => {
  const anna = await offered()
  await must(answer(anna, 'take'))
  await runtime.db
    .updateTable('waitlist_offer')
    .set({ outcome: null })
    .where('appointment_id', '=', anna.offerId)
    .execute()
  await runtime.db
    .updateTable('waitlist_entry')
    .set({ status: 'waiting' })
    .where('id', '=', anna.entryId)
    .execute()
  await workAt(noon + minute)
  assert.equal((await entryOf(anna)).status, 'fulfilled')
})

test('a request to take that is sent again gets its answer again', async () => {
  const anna = await offered()
  const key = newId()
  const first = await must(answer(anna, 'take', { key }))
  const again = await must(answer(anna, 'take', { key }))
  assert.deepEqual(again.body, first.body)
  const other = await answer(anna, 'take', { key, body: { appointmentId: anna.offerId } })
  assert.equal(other.body.type, '/problems/idempotency-key-reused')
})

test('a refusal that is sent again does not refuse the next offer', async () => {
  const anna = await offered()
  const key = newId()
  await must(answer(anna, 'refuse', { key }))
  await must(answer(anna, 'refuse', { key }))
  await free(anna.network, 1)
  await workAt(noon + 2 * minute)
  const { offer } = await entryOf(anna)
  assert.equal(offer.slot.startsAt, anna.network.near[1]!.startsAt)
  const again = await must(answer(anna, 'refuse', { key }))
  assert.equal(again.body.offer.appointmentId, offer.appointmentId)
  const unseen = await answer(anna, 'take', { body: { appointmentId: anna.offerId } })
  assert.equal(unseen.body.type, '/problems/wrong-state')
})

test('cancelling the held appointment refuses the offer', async () => {
  const anna = await offered()
  await must(command(anna.as, anna.offerId, 'cancel'))
  await workAt(noon + minute)
  const entry = await entryOf(anna)
  assert.equal(entry.status, 'waiting')
  assert.equal((await answer(anna, 'take')).body.type, '/problems/wrong-state')
})

test('a doctor who falls ill after the offer is not visited', async () => {
  const anna = await offered()
  const { network } = anna
  const { startsAt, endsAt } = network.near[0]!
  await must(
    call(app, `POST /doctors/me/time-off`, {
      as: network.people.doctor,
      body: { startsAt, endsAt },
    }),
  )
  const lost = await answer(anna, 'take')
  assert.equal(lost.body.type, '/problems/slot-taken')
  assert.equal((await storedVisit(anna.visitId)).starts_at, instantOf(network.far[0]!.startsAt))
})

test('a time that cannot be taken any more is let go, and whoever tried is offered another at once', async () => {
  const anna = await offered()
  const { network, offerId } = anna
  const { startsAt, endsAt } = network.near[0]!
  await must(
    call(app, `POST /doctors/me/time-off`, {
      as: network.people.doctor,
      body: { startsAt, endsAt },
    }),
  )
  assert.equal((await answer(anna, 'take')).body.type, '/problems/slot-taken')
  assert.equal(await storedStatus(offerId), 'expired')
  assert.equal((await entryOf(anna)).status, 'waiting')
  await free(network, 1)
  await workAt(noon + 2 * minute)
  assert.equal((await entryOf(anna)).offer.slot.startsAt, network.near[1]!.startsAt)
})

test('whoever takes an offer and undoes that waits on, and is not offered the same again', async () => {
  const anna = await offered()
  await must(answer(anna, 'take'))
  await must(command(anna.as, anna.visitId, 'undo'))
  await workAt(noon + 3 * minute)
  assert.equal((await entryOf(anna)).status, 'waiting')
  await free(anna.network, 1)
  await workAt(noon + 5 * minute)
  assert.equal((await entryOf(anna)).offer.slot.startsAt, anna.network.near[1]!.startsAt)
  // What was undone once does not open the entry again.
  await must(answer(anna, 'take'))
  await workAt(noon + 6 * minute)
  assert.equal((await entryOf(anna)).status, 'fulfilled')
})

test('whoever takes an offer and then moves the visit elsewhere does not wait any more', async () => {
  const anna = await offered()
  await must(answer(anna, 'take'))
  const slotId = anna.network.far[5]!.id
  await must(command(anna.as, anna.visitId, 'reschedule', { body: { slotId } }))
  await workAt(noon + 3 * minute)
  assert.equal((await entryOf(anna)).status, 'fulfilled')
})

test('whoever may see an offer and not answer it leaves an audit row of what was asked', async () => {
  const network = await fullNetwork()
  const { people, specialtyId, otherClinicId } = network
  const colleagueId = await addDoctor(network)
  await runtime.db
    .updateTable('doctor_clinic')
    .set({ clinic_id: otherClinicId })
    .where('doctor_id', '=', colleagueId)
    .execute()
  runtime.board.doctors.forget(colleagueId)
  const anna = await waitWith(network, 0, { specialtyId })
  await must(
    call(app, `POST /doctors/${colleagueId}/openings`, {
      as: people.admin,
      body: { clinicId: otherClinicId, date: await dateIn(4), from: '10:00', to: '10:30' },
    }),
  )
  await workAt(noon)
  assert.equal((await entryOf(anna)).offer.slot.doctorId, colleagueId)
  for (const name of ['take', 'refuse'] as const) {
    const denied = await call(app, `POST /waitlist/${anna.entryId}/${name}`, {
      as: people.deskHere,
    })
    assert.equal(denied.body.type, '/problems/not-allowed')
  }
  const denied = (await auditOf(anna.entryId)).filter(({ allowed }) => !allowed)
  assert.deepEqual(
    denied.map(({ action }) => action),
    ['waitlist.take', 'waitlist.refuse'],
  )
})

test('whoever leaves lets the offered time go at once, and leaving again changes nothing', async () => {
  const anna = await offered()
  const ben = await makePatient(runtime)
  const { near } = anna.network
  assert.equal((await book(app, ben.as, { slotId: near[0]!.id })).status, 409)
  const left = await call(app, `DELETE /waitlist/${anna.entryId}`, { as: anna.as })
  assert.equal(left.status, 204)
  await must(book(app, ben.as, { slotId: near[0]!.id }))
  assert.equal((await entryOf(anna)).status, 'ended')
  await leaveWaitlist(await contextAt(anna.as, noon), anna.entryId)
})

test('whoever leaves after the visit was called off lets the offered time go too', async () => {
  const anna = await offered()
  await must(command(anna.as, anna.visitId, 'cancel'))
  await must(call(app, `DELETE /waitlist/${anna.entryId}`, { as: anna.as }))
  assert.equal(await storedStatus(anna.offerId), 'expired')
  const ben = await makePatient(runtime)
  await must(book(app, ben.as, { slotId: anna.network.near[0]!.id }))
})

test('someone without a visit waits for a first one, and taking books it', async () => {
  const network = await fullNetwork()
  const { doctorId, visitTypeId } = network
  const patient = await makePatient(runtime)
  const wish = { doctorId, visitTypeId, untilDate: network.near[0]!.startsAt.slice(0, 10) }
  const { body } = await must(call(app, 'POST /waitlist', { as: patient.as, body: wish }))
  const anna = { ...patient, visitId: '', entryId: body.id }
  await free(network, 0)
  await workAt(noon)
  const { offer } = await entryOf(anna)
  const taken = await must(answer(anna, 'take'))
  assert.equal(taken.body.id, offer.appointmentId)
  assert.equal(taken.body.status, 'confirmed')
  assert.deepEqual(
    (await storedClaims(taken.body.id)).map(({ calendar_id }) => calendar_id),
    [doctorId, anna.patientId].sort(),
  )
  const entry = await entryOf(anna)
  assert.equal(entry.status, 'fulfilled')
  assert.equal(entry.appointmentId, taken.body.id)
})

test('a patient who is elsewhere by now is told so, and still has the offer', async () => {
  const network = await fullNetwork()
  const { doctorId, visitTypeId } = network
  const anna = await offered()
  const { startsAt } = anna.network.near[0]!
  await free(network, 0)
  await must(book(app, anna.as, { doctorId, visitTypeId, startsAt }))
  assert.equal((await answer(anna, 'take')).body.type, '/problems/patient-busy')
  assert.equal((await entryOf(anna)).status, 'offered')
})

test('what is told others of an offer names no more than ids', async () => {
  const anna = await offered()
  await must(answer(anna, 'refuse'))
  const events = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where('type', 'like', 'waitlist.%')
    .orderBy('seq')
    .execute()
  const own = events.filter(({ subjects }) => subjects['appointmentId'] === anna.offerId)
  const { doctorId, clinicId } = anna.network
  const subjects = { appointmentId: anna.offerId, doctorId, clinicId, patientId: anna.patientId }
  assert.deepEqual(own, [
    { type: 'waitlist.offered', subjects },
    { type: 'waitlist.refused', subjects },
  ])
})
