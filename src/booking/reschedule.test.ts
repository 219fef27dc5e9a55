import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  addRoom,
  auditOf,
  changeClinic,
  changeDoctor,
  command,
  contextAt,
  contextLater,
  instantOf,
  makePatientOf,
  makeVisit,
  openElsewhere,
  openNetwork,
  storedClaims,
  storedVisit,
  takeTimeOff,
  type OpenNetwork,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { findAppointment } from './appointment.ts'
import { commandAppointment } from './commands.ts'
import { rescheduleAppointment } from './reschedule.ts'

const { app, runtime } = await testVisita()

const minute = 60_000
const plain = { requestedVersion: null, request: null }

function move(
  as: string,
  id: string,
  body: object,
  headers: { ifMatch?: string; key?: string } = {},
) {
  return command(as, id, 'reschedule', { body, ...headers })
}

async function isOpen(network: OpenNetwork, index: number): Promise<boolean> {
  const open = await openSlots(app, network.doctorId)
  return open.some(({ id }) => id === network.slots[index]!.id)
}

test('a moved visit keeps its id, has the new time, and its old time is free at once', async () => {
  const network = await openNetwork()
  const { as, id, visit } = await makeVisit(network, 2)
  const body = { slotId: network.slots[9]!.id, reason: 'I have to work that day.' }
  const moved = await move(as, id, body)
  assert.equal(moved.status, 200)
  assert.equal(moved.body.id, id)
  assert.equal(moved.body.startsAt, network.slots[9]!.startsAt)
  assert.equal(moved.body.endsAt, network.slots[9]!.endsAt)
  assert.equal(moved.body.sequence, visit.sequence + 1)
  assert.equal(moved.body.version, visit.version + 1)
  assert.equal(moved.etag, '"2"')
  assert.deepEqual([await isOpen(network, 2), await isOpen(network, 9)], [true, false])
  const ben = await makePatient(runtime)
  assert.equal((await book(app, ben.as, { slotId: network.slots[2]!.id })).status, 201)
  const lost = await book(app, ben.as, { slotId: network.slots[9]!.id })
  assert.equal(lost.body.type, '/problems/slot-taken')
})

test('the patient is free at the old time and busy at the new one', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { as, id } = await makeVisit(network, 2)
  await move(as, id, { slotId: network.slots[9]!.id })
  const [old, now] = [network.slots[2]!, network.slots[9]!]
  assert.equal(
    (await book(app, as, { doctorId, startsAt: now.startsAt })).body.type,
    '/problems/patient-busy',
  )
  assert.equal((await book(app, as, { doctorId, startsAt: old.startsAt })).status, 201)
})

test('a visit moves to a time that overlaps its own old one', async () => {
  const network = await openNetwork()
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, {
    as: network.people.admin,
    body: { stepMinutes: 10, roomKind: 'exam' },
  })
  await addRoom(network, 'Only', 'exam')
  const { as, id, visit } = await makeVisit(network, 2)
  const startsAt = new Date(instantOf(visit.startsAt) + 10 * minute).toISOString()
  const moved = await move(as, id, { startsAt })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  assert.equal(instantOf(moved.body.startsAt), instantOf(startsAt))
  assert.equal(moved.body.room.name, 'Only')
  assert.equal((await storedClaims(id)).length, 3)
})

test('a visit that is moved to where it is does not change', async () => {
  const network = await openNetwork()
  const { as, id, visit, etag } = { ...(await makeVisit(network, 2)), etag: '"1"' }
  for (const body of [{ slotId: network.slots[2]!.id }, { startsAt: visit.startsAt }]) {
    const answer = await move(as, id, body, { ifMatch: etag })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, visit)
  }
  const { body } = await call(app, `GET /appointments/${id}/history`, { as })
  assert.equal(body.items.length, 1)
})

test('patients move until the notice that the clinic wants, and staff always', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 120 })
  const { as, id, visit } = await makeVisit(network, 20)
  const startsAt = instantOf(visit.startsAt)
  assert.equal(instantOf(visit.changeableUntil), startsAt - 120 * minute)
  const body = { slotId: network.slots[30]!.id }
  const late = await contextAt(as, startsAt - 119 * minute)
  await assert.rejects(rescheduleAppointment(late, id, { ...plain, body }), (error) => {
    assert.ok(error instanceof Error && 'code' in error && 'members' in error)
    assert.equal(error.code, 'too-late')
    assert.deepEqual(error.members, { changeableUntil: visit.changeableUntil })
    return true
  })
  const inTime = await contextAt(as, startsAt - 121 * minute)
  await rescheduleAppointment(inTime, id, { ...plain, body })
  const desk = await contextAt(network.people.deskHere, startsAt + 60 * minute)
  const evenLater = { slotId: network.slots[31]!.id }
  await rescheduleAppointment(desk, id, { ...plain, body: evenLater })
  assert.equal((await findAppointment(desk, id)).starts_at, instantOf(network.slots[31]!.startsAt))
})

test('a patient who is too late to move learns until when and whom to call', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 30 * 24 * 60 })
  const { as, id, visit } = await makeVisit(network, 2)
  const answer = await move(as, id, { slotId: network.slots[9]!.id })
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/too-late')
  assert.equal(answer.body.changeableUntil, visit.changeableUntil)
  assert.equal((await command(as, id, 'cancel', { body: {} })).body.type, '/problems/too-late')
  const deleted = await call(app, `DELETE /appointments/${id}`, { as })
  assert.equal(deleted.body.changeableUntil, visit.changeableUntil)
  assert.equal((await findAppointment(await contextLater(as, 0), id)).status, 'confirmed')
})

test("patients don't move a visit to another doctor, nor to another type of visit", async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const [elsewhere] = await openSlots(app, doctorId)
  const { as, id, visit } = await makeVisit(network, 2)
  const echo = await openSlots(app, network.doctorId, `visitTypeId=${network.clinicVisitTypeId}`)
  const { startsAt } = network.slots[9]!
  for (const body of [{ slotId: elsewhere!.id }, { doctorId, startsAt }]) {
    const answer = await move(as, id, body)
    assert.equal(answer.status, 403, JSON.stringify(answer.body))
  }
  const otherType = await move(as, id, { slotId: echo[9]!.id })
  assert.equal(otherType.status, 422)
  assert.deepEqual(pointersOf(otherType), ['/slotId'])
  const { clinicVisitTypeId: visitTypeId } = network
  const named = await move(as, id, { startsAt, visitTypeId })
  assert.equal(named.status, 422)
  assert.deepEqual((await call(app, `GET /appointments/${id}`, { as })).body, visit)
  assert.ok((await auditOf(id)).some(({ allowed }) => !allowed))
})

test("a visit that a patient moves keeps its type, even one the doctor doesn't offer first", async () => {
  const network = await openNetwork()
  const { clinicVisitTypeId } = network
  const echo = await openSlots(app, network.doctorId, `visitTypeId=${clinicVisitTypeId}`)
  const { as, id } = await makeVisit({ ...network, slots: echo }, 2)
  const moved = await move(as, id, { startsAt: network.slots[9]!.startsAt })
  assert.equal(moved.body.visitTypeId, clinicVisitTypeId)
})

test('a visit whose type the doctor no longer offers does not become another one', async () => {
  const network = await openNetwork()
  const { clinicVisitTypeId, visitTypeId } = network
  const echo = await openSlots(app, network.doctorId, `visitTypeId=${clinicVisitTypeId}`)
  const { as, id } = await makeVisit({ ...network, slots: echo }, 2)
  await changeDoctor(network, { visitTypeIds: [visitTypeId] })
  const answer = await move(as, id, { startsAt: network.slots[9]!.startsAt })
  assert.equal(answer.status, 422, JSON.stringify(answer.body))
})

test('staff move a visit to another doctor of their clinic, who then sees it', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { id, as, patientId } = await makeVisit(network, 2)
  const { startsAt } = network.slots[9]!
  const moved = await move(network.people.deskHere, id, { doctorId, startsAt })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  assert.equal(moved.body.doctorId, doctorId)
  assert.equal(moved.body.doctor.name, 'Ines Roy')
  assert.equal(moved.body.visitTypeId, network.visitTypeId)
  const calendars = (await storedClaims(id)).map(({ calendar_id }) => calendar_id)
  assert.deepEqual(calendars, [doctorId, patientId].sort())
  assert.ok(await isOpen(network, 2))
  const formerDoctor = network.people.doctor
  assert.equal((await call(app, `GET /appointments/${id}`, { as: formerDoctor })).status, 404)
  assert.equal((await call(app, `GET /appointments/${id}`, { as })).status, 200)
})

test("nobody moves a visit to a doctor who is not theirs to book, and a stranger's not at all", async () => {
  const network = await openNetwork()
  const other = await openNetwork()
  const colleague = await addDoctor(network)
  const { id } = await makeVisit(network, 2)
  const { people, slots } = network
  const elsewhere = { doctorId: other.doctorId, startsAt: other.slots[9]!.startsAt }
  assert.equal((await move(people.deskHere, id, elsewhere)).status, 403)
  const toColleague = { doctorId: colleague, startsAt: slots[9]!.startsAt }
  assert.equal((await move(people.doctor, id, toColleague)).status, 403)
  const ben = await makePatient(runtime)
  for (const stranger of [ben.as, people.otherDoctor, people.deskElsewhere])
    assert.equal((await move(stranger, id, { slotId: slots[9]!.id })).status, 404)
  const refused = (await auditOf(id)).filter(({ allowed }) => !allowed)
  assert.equal(refused.length, 5)
  assert.equal((await storedVisit(id)).doctor_id, network.doctorId)
})

test("a patient's move is a request where the doctor wants to be asked, a staff's is not", async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 20)
  await changeDoctor(network, { bookingMode: 'on_request' })
  const moved = await move(as, id, { slotId: network.slots[30]!.id })
  assert.equal(moved.body.status, 'requested')
  assert.ok(moved.body.answerBy)
  for (const claim of await storedClaims(id)) assert.ok(claim.expires_at)
  const answered = await move(network.people.doctor, id, { slotId: network.slots[31]!.id })
  assert.equal(answered.body.status, 'confirmed')
  assert.equal(answered.body.answerBy, undefined)
  for (const claim of await storedClaims(id)) assert.equal(claim.expires_at, null)
})

test('a visit does not move to a taken time, keeps its own, and others are offered', async () => {
  const network = await openNetwork()
  await makeVisit(network, 9)
  const { as, id } = await makeVisit(network, 2)
  const before = await storedVisit(id)
  for (const caller of [as, network.people.deskHere]) {
    const answer = await move(caller, id, { slotId: network.slots[9]!.id })
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/slot-taken')
    assert.equal(answer.body.alternatives.length, 3)
    const alternative = await move(caller, id, { slotId: answer.body.alternatives[0].id })
    assert.equal(alternative.status, 200)
    assert.equal((await move(caller, id, { slotId: network.slots[2]!.id })).status, 200)
  }
  assert.deepEqual(await storedVisit(id), before)
})

test('a visit does not move to where the patient has another', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { as, id } = await makeVisit(network, 2)
  const before = await storedVisit(id)
  const { startsAt } = network.slots[9]!
  assert.equal((await book(app, as, { doctorId, startsAt })).status, 201)
  const answer = await move(as, id, { startsAt })
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/patient-busy')
  assert.deepEqual(await storedVisit(id), before)
})

test('a visit does not move to a time that was never offered', async () => {
  const network = await openNetwork()
  const { as, id, visit } = await makeVisit(network, 2)
  await takeTimeOff(network, network.slots[9]!)
  const odd = new Date(instantOf(visit.startsAt) + minute).toISOString()
  for (const [body, pointer] of [
    [{ slotId: network.slots[9]!.id }, '/slotId'],
    [{ startsAt: odd }, '/startsAt'],
    [{ startsAt: '2020-01-01T10:00:00Z' }, '/startsAt'],
    [{ reason: 'Later, please.' }, '/slotId'],
    [{ slotId: 'AAAA' }, '/slotId'],
  ] as const)
    assert.deepEqual(pointersOf(await move(as, id, body)), [pointer], JSON.stringify(body))
  assert.equal((await storedVisit(id)).status, 'confirmed')
})

test("patients can't move into the notice that the doctor wants, staff can", async () => {
  const network = await openNetwork()
  await changeDoctor(network, { noticeMinutesMin: 4 * 24 * 60 })
  const later = await openSlots(app, network.doctorId)
  const { as, id } = await makeVisit({ ...network, slots: later }, 2)
  const body = { slotId: network.slots[9]!.id }
  assert.equal((await move(as, id, body)).body.type, '/problems/not-offered')
  assert.equal((await move(network.people.deskHere, id, body)).status, 200)
})

test('the room follows the visit', async () => {
  const network = await openNetwork()
  const { visitTypeId, people } = network
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
  await addRoom(network, 'Only', 'exam')
  const doctorId = await addDoctor(network)
  const slots = await openSlots(app, network.doctorId)
  const { as, id } = await makeVisit({ ...network, slots }, 2)
  const openElsewhere = async (startsAt: string) => {
    const open = await openSlots(app, doctorId)
    return open.some((slot) => slot.startsAt === startsAt)
  }
  const [old, wanted] = [slots[2]!.startsAt, slots[9]!.startsAt]
  assert.equal(await openElsewhere(old), false)
  const moved = await move(as, id, { startsAt: wanted })
  assert.equal(moved.body.room.name, 'Only')
  assert.deepEqual([await openElsewhere(old), await openElsewhere(wanted)], [true, false])
  assert.equal((await storedClaims(id)).length, 3)
  const ben = await makePatient(runtime)
  const taken = await move(as, id, { startsAt: slots[12]!.startsAt })
  assert.equal(taken.status, 200)
  const booked = await book(app, ben.as, { doctorId, startsAt: wanted })
  assert.equal(booked.status, 201)
  const lost = await move(as, id, { startsAt: wanted })
  assert.equal(lost.body.type, '/problems/slot-taken')
})

for (const dailyLimit of [1, 2])
  test(`a day with its ${dailyLimit} visits takes no other visit, and lets its own move within it`, async () => {
    const network = await openNetwork()
    await changeDoctor(network, { dailyLimit })
    const own = []
    for (let index = 0; index < dailyLimit; index += 1) own.push(await makeVisit(network, index))
    const other = await makeVisit(network, 20)
    const { as, id } = own[0]!
    const within = await move(as, id, { slotId: network.slots[9]!.id })
    assert.equal(within.status, 200, JSON.stringify(within.body))
    const into = await move(other.as, other.id, { slotId: network.slots[5]!.id })
    assert.equal(into.body.type, '/problems/slot-taken')
    assert.ok(
      into.body.alternatives.every(
        (slot: { startsAt: string }) =>
          !slot.startsAt.startsWith(network.slots[5]!.startsAt.slice(0, 10)),
      ),
    )
    const away = await move(as, id, { slotId: network.slots[40]!.id })
    assert.equal(away.status, 200)
    const now = await move(other.as, other.id, { slotId: network.slots[5]!.id })
    assert.equal(now.status, 200, JSON.stringify(now.body))
  })

test('a move that is based on an old version is refused, with who changed the visit and when', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  const { deskHere } = network.people
  await move(deskHere, id, { slotId: network.slots[9]!.id })
  const stale = await move(as, id, { slotId: network.slots[12]!.id }, { ifMatch: '"1"' })
  assert.equal(stale.status, 412)
  assert.equal(stale.body.version, 2)
  assert.deepEqual(stale.body.changedBy, { role: 'front_desk' })
  assert.ok(Math.abs(instantOf(stale.body.changedAt) - runtime.clock()) < minute)
  assert.equal((await storedVisit(id)).status, 'confirmed')
  const fresh = await move(as, id, { slotId: network.slots[12]!.id }, { ifMatch: '"2"' })
  assert.equal(fresh.status, 200)
  const staff = await move(deskHere, id, { slotId: network.slots[9]!.id }, { ifMatch: '"2"' })
  assert.deepEqual(staff.body.changedBy, { role: 'patient', name: 'Someone' })
})

test('a repeated move is answered as it first was, whatever has happened to the visit since', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { as, id } = await makeVisit(network, 2)
  const key = newId()
  const body = { slotId: network.slots[9]!.id }
  const first = await move(as, id, body, { key, ifMatch: '"1"' })
  const { startsAt } = network.slots[12]!
  await move(network.people.deskHere, id, { doctorId, startsAt })
  const again = await move(as, id, body, { key, ifMatch: '"1"' })
  assert.deepEqual(again.body, first.body)
  assert.equal(again.etag, '"2"')
  await command(network.people.deskHere, id, 'check-in')
  await command(network.people.deskHere, id, 'start')
  assert.deepEqual((await move(as, id, body, { key })).body, first.body)
  assert.equal((await storedVisit(id)).doctor_id, doctorId)
  const reused = await move(as, id, { slotId: network.slots[14]!.id }, { key })
  assert.equal(reused.status, 422)
  assert.deepEqual(pointersOf(reused), ['/idempotency-key'])
})

test('a repeated request that found nothing to do does nothing later either', async () => {
  const network = await openNetwork()
  const { as, id, visit } = await makeVisit(network, 2)
  const [moveKey, cancelKey] = [newId(), newId()]
  const body = { slotId: network.slots[2]!.id }
  const first = await move(as, id, body, { key: moveKey })
  assert.deepEqual(first.body, visit)
  await move(network.people.deskHere, id, { slotId: network.slots[9]!.id })
  assert.deepEqual((await move(as, id, body, { key: moveKey })).body, visit)
  assert.equal((await storedVisit(id)).starts_at, instantOf(network.slots[9]!.startsAt))

  await command(as, id, 'cancel', { body: {} })
  const cancelled = await command(as, id, 'cancel', { body: {}, key: cancelKey })
  await command(as, id, 'undo')
  assert.deepEqual(
    (await command(as, id, 'cancel', { body: {}, key: cancelKey })).body,
    cancelled.body,
  )
  assert.equal((await storedVisit(id)).status, 'confirmed')
})

test('a visit that is over, called off or only held does not move', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const body = { slotId: network.slots[9]!.id }
  const held = await makeVisit(network, 1, { hold: true })
  const cancelled = await makeVisit(network, 2)
  await command(cancelled.as, cancelled.id, 'cancel', { body: {} })
  const missed = await makeVisit(network, 3)
  await command(deskHere, missed.id, 'no-show')
  for (const { id } of [held, cancelled, missed]) {
    const answer = await move(deskHere, id, body)
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/wrong-state')
  }
})

test('whoever is there already stays checked in for the day, and not for another', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { as, id } = await makeVisit(network, 2)
  await command(deskHere, id, 'check-in')
  assert.equal((await move(as, id, { slotId: network.slots[9]!.id })).status, 403)
  const sameDay = await move(deskHere, id, { slotId: network.slots[9]!.id })
  assert.equal(sameDay.body.status, 'arrived')
  const otherDay = await move(deskHere, id, { slotId: network.slots[25]!.id })
  assert.equal(otherDay.body.status, 'confirmed')
})

test('staff who cancel when the patient no longer could say why', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 30 * 24 * 60 })
  const { deskHere, doctor } = network.people
  const [one, other] = [await makeVisit(network, 2), await makeVisit(network, 3)]
  const silent = await call(app, `DELETE /appointments/${one.id}`, { as: deskHere })
  assert.equal(silent.status, 422)
  const posting = await command(doctor, other.id, 'cancel', { body: {} })
  assert.equal(posting.status, 422)
  for (const refused of [silent, posting]) assert.deepEqual(pointersOf(refused), ['/reason'])
  const reason = 'The doctor is ill.'
  const deleted = await call(app, `DELETE /appointments/${one.id}`, {
    as: deskHere,
    body: { reason },
  })
  assert.equal(deleted.body.status, 'cancelled')
  const posted = await command(doctor, other.id, 'cancel', { body: { reason } })
  assert.equal(posted.body.cancelledReason, reason)
  const seen = await call(app, `GET /appointments/${one.id}`, { as: one.as })
  assert.equal(seen.body.cancelledReason, reason)
})

test('patients cancel until the notice is reached; a request or a hold they give up at any time', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 120 })
  const { as, id, visit } = await makeVisit(network, 20)
  const cancel = { ...plain, command: 'cancel', reason: null } as const
  const startsAt = instantOf(visit.startsAt)
  await assert.rejects(
    commandAppointment(await contextAt(as, startsAt - 119 * minute), id, cancel),
    { code: 'too-late' },
  )
  await commandAppointment(await contextAt(as, startsAt - 121 * minute), id, cancel)
  await changeClinic(network, { change_notice_minutes_min: 30 * 24 * 60 })
  const held = await makeVisit(network, 3, { hold: true })
  assert.equal((await command(held.as, held.id, 'cancel', { body: {} })).status, 200)
  await changeDoctor(network, { bookingMode: 'on_request' })
  const requested = await makeVisit(network, 3)
  assert.equal((await command(requested.as, requested.id, 'cancel', { body: {} })).status, 200)
})

test('staff cancel the visit of someone who is there, the patient cannot', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { as, id } = await makeVisit(network, 2)
  await command(deskHere, id, 'check-in')
  const refused = await command(as, id, 'cancel', { body: {} })
  assert.equal(refused.status, 403)
  const cancelled = await command(deskHere, id, 'cancel', { body: { reason: 'She had to go.' } })
  assert.equal(cancelled.body.status, 'cancelled')
  assert.deepEqual(await storedClaims(id), [])
})

test("staff move their own visit as a patient to where they are no staff: not to another doctor, nor past the doctor's rules", async () => {
  const network = await openNetwork()
  const { deskHere, deskElsewhere } = network.people
  const patientId = await makePatientOf(deskHere)
  const there = await openElsewhere(network)
  const { body: visit } = await book(app, deskHere, { slotId: network.slots[20]!.id, patientId })
  const doctorId = await addDoctor(network, network.otherClinicId)
  const [withOther] = await openSlots(app, doctorId)
  assert.equal((await move(deskHere, visit.id, { slotId: withOther!.id })).status, 403)
  await changeDoctor(network, { bookingMode: 'on_request', acceptingNewPatients: false })
  const moved = await move(deskHere, visit.id, { slotId: there[6]!.id })
  assert.equal(moved.body.status, 'requested', JSON.stringify(moved.body))
  assert.equal(moved.body.clinicId, network.otherClinicId)
  const accepted = await command(deskElsewhere, visit.id, 'accept')
  assert.equal(accepted.body.status, 'confirmed')
  const back = await move(deskHere, visit.id, { slotId: network.slots[21]!.id })
  assert.equal(back.body.status, 'requested', 'where the visit is now they are a patient')

  await changeDoctor(network, { noticeMinutesMin: 7 * 24 * 60 })
  const tooSoon = await move(deskHere, visit.id, { slotId: there[6]!.id })
  assert.equal(tooSoon.body.type, '/problems/not-offered')
})

test('staff who have checked in for their own visit do not move it to where they are no staff', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const patientId = await makePatientOf(deskHere)
  const there = await openElsewhere(network)
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { body: visit } = await book(app, deskHere, { slotId: network.slots[2]!.id, patientId })
  await command(deskHere, visit.id, 'check-in')
  const before = await storedVisit(visit.id)
  assert.equal((await move(deskHere, visit.id, { slotId: there[6]!.id })).status, 403)
  assert.deepEqual(await storedVisit(visit.id), before)
})

test('a visit that is moved to a start alone stays at its clinic, overbooked or not', async () => {
  const network = await openNetwork()
  const { clinicId, otherClinicId, people, slots } = network
  const there = await openElsewhere(network)
  for (const [clinic, [booked, between]] of [
    [clinicId, slots],
    [otherClinicId, there],
  ] as const) {
    const { as } = await makePatient(runtime)
    const { body: visit } = await book(app, as, { slotId: booked!.id })
    const instant = (instantOf(booked!.startsAt) + instantOf(between!.startsAt)) / 2
    const startsAt = new Date(instant).toISOString()
    const body = { startsAt, overbook: { reason: 'Acute pain.' } }
    const moved = await move(people.admin, visit.id, body)
    assert.equal(moved.status, 200, JSON.stringify(moved.body))
    assert.equal(moved.body.clinicId, clinic)
  }
  const { as, id } = await makeVisit(network, 4)
  const { startsAt } = there[2]!
  const refused = await move(as, id, { startsAt })
  assert.deepEqual(pointersOf(refused), ['/startsAt'])
  const moved = await move(as, id, { startsAt, clinicId: otherClinicId })
  assert.equal(moved.body.clinicId, otherClinicId, JSON.stringify(moved.body))
})

test('patients move a visit of a type that staff alone may book', async () => {
  const network = await openNetwork()
  const { people, clinicVisitTypeId: visitTypeId, doctorId } = network
  const body = { whoMayBook: 'staff' }
  await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
  const { as, patientId } = await makePatient(runtime)
  const { startsAt } = network.slots[2]!
  const wish = { doctorId, visitTypeId, startsAt, patientId }
  assert.equal((await book(app, as, wish)).body.type, '/problems/not-offered')
  const { body: visit } = await book(app, people.deskHere, wish)
  const moved = await move(as, visit.id, { startsAt: network.slots[9]!.startsAt })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  assert.equal(moved.body.visitTypeId, visitTypeId)
})
