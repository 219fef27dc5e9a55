import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBoard } from '#src/availability/board.ts'
import { createEventBus } from '#src/events/events.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  addRoom,
  auditOf,
  changeClinic,
  changeDoctor,
  command,
  contextLater,
  instantOf,
  makeVisit,
  openElsewhere,
  openNetwork,
  setExpiry,
  storedClaims,
  storedStatus,
  takeTimeOff,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { findAppointment, listAppointments } from './appointment.ts'
import { bookAppointment } from './book.ts'
import { commandAppointment } from './commands.ts'
import { confirmHold, renewHold } from './holds.ts'

const { app, runtime } = await testVisita()

const minute = 60_000
const plain = { requestedVersion: null, request: null }

test('a hold keeps its time for ten minutes from everyone else, like a booking', async () => {
  const network = await openNetwork()
  const slot = network.slots[3]!
  const { id, visit, patientId } = await makeVisit(network, 3, { hold: true })
  assert.equal(visit.status, 'held')
  const keptMinutes = (instantOf(visit.heldUntil) - instantOf(visit.createdAt)) / minute
  assert.ok(keptMinutes > 9.98 && keptMinutes < 10.02, String(keptMinutes))
  assert.equal(visit.answerBy, undefined)
  const ben = await makePatient(runtime)
  const lost = await book(app, ben.as, { slotId: slot.id })
  assert.equal(lost.body.type, '/problems/slot-taken')
  assert.equal(lost.body.alternatives.length, 3)
  const lostHold = await book(app, ben.as, { slotId: slot.id, hold: true })
  assert.equal(lostHold.body.type, '/problems/slot-taken')
  const open = await openSlots(app, network.doctorId)
  assert.ok(!open.some((one) => one.id === slot.id))
  const calendars = (await storedClaims(id)).map(({ calendar_id }) => calendar_id)
  assert.deepEqual(calendars, [network.doctorId, patientId].sort())
})

test('a patient who holds a time is busy then', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { as } = await makeVisit(network, 3, { hold: true })
  const { startsAt } = network.slots[3]!
  const answer = await book(app, as, { doctorId, startsAt })
  assert.equal(answer.body.type, '/problems/patient-busy')
})

test('a hold never lasts past the start of its visit', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { noticeMinutesMin: 0 })
  const { as } = await makePatient(runtime)
  const slot = network.slots[0]!
  const shortlyBefore = instantOf(slot.startsAt) - 4 * minute - runtime.clock()
  const context = await contextLater(as, shortlyBefore)
  const { id } = await bookAppointment(context, { slotId: slot.id, hold: true }, null)
  const { expires_at } = await findAppointment(context, id)
  assert.equal(expires_at, instantOf(slot.startsAt))
})

test('a hold can be renewed to fifteen minutes in all, and is never shortened', async () => {
  const network = await openNetwork()
  const { as, id, visit } = await makeVisit(network, 0, { hold: true })
  const since = instantOf(visit.createdAt)
  const keptAfter = async (minutes: number) => {
    const context = await contextLater(as, minutes * minute)
    await renewHold(context, id, plain)
    const { expires_at, version, sequence } = await findAppointment(context, id)
    assert.equal(sequence, 0, 'calendars need not hear of a longer hold')
    return { minutes: Math.round((expires_at! - since) / minute), version }
  }
  assert.deepEqual(await keptAfter(3), { minutes: 13, version: 2 })
  assert.deepEqual(await keptAfter(1), { minutes: 13, version: 2 })
  assert.deepEqual(await keptAfter(8), { minutes: 15, version: 3 })
  assert.deepEqual(await keptAfter(14), { minutes: 15, version: 3 })
  await assert.rejects(keptAfter(15.1), { code: 'hold-expired' })
  const claims = await storedClaims(id)
  const { expires_at } = await runtime.db
    .selectFrom('appointment')
    .select('expires_at')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  for (const claim of claims) assert.equal(claim.expires_at, expires_at)
})

test('a time is held for fifteen minutes in all, however often it is held again', async () => {
  const network = await openNetwork()
  const { as } = await makePatient(runtime)
  const wish = { slotId: network.slots[0]!.id }
  const since = runtime.clock()
  const keptAfter = async (minutes: number) => {
    const context = await contextLater(as, minutes * minute)
    const { id } = await bookAppointment(context, { ...wish, hold: true }, null)
    const { expires_at } = await findAppointment(context, id)
    for (const claim of await storedClaims(id)) assert.equal(claim.expires_at, expires_at)
    return Math.round((expires_at! - since) / minute)
  }
  const kept = []
  for (const minutes of [0, 4, 9, 14]) kept.push(await keptAfter(minutes))
  assert.deepEqual(kept, [10, 14, 15, 15])
  const ben = await makePatient(runtime)
  await bookAppointment(await contextLater(ben.as, 15.1 * minute), wish, null)
})

test('another time is held for ten minutes, whatever was held before', async () => {
  const network = await openNetwork()
  const { as } = await makeVisit(network, 0, { hold: true })
  const context = await contextLater(as, 9 * minute)
  const wish = { slotId: network.slots[3]!.id, hold: true }
  const { id } = await bookAppointment(context, wish, null)
  const { expires_at, created_at } = await findAppointment(context, id)
  assert.equal(expires_at! - created_at, 10 * minute)
})

test('a renewed hold blocks others for as long as it says', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 0, { hold: true })
  await renewHold(await contextLater(as, 4 * minute), id, plain)
  const ben = await makePatient(runtime)
  const wish = { slotId: network.slots[0]!.id }
  await assert.rejects(bookAppointment(await contextLater(ben.as, 12 * minute), wish, null), {
    code: 'slot-taken',
  })
  await bookAppointment(await contextLater(ben.as, 14.1 * minute), wish, null)
})

test("a new hold replaces the patient's other hold with the same doctor, and not that with another", async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const [elsewhere] = await openSlots(app, doctorId)
  const { as, id } = await makeVisit(network, 5, { hold: true })
  const other = await book(app, as, { slotId: elsewhere!.id, hold: true })
  const second = await book(app, as, { slotId: network.slots[7]!.id, hold: true })
  assert.equal(second.status, 201)
  assert.equal((await call(app, `GET /appointments/${id}`, { as })).body.status, 'expired')
  assert.deepEqual(await storedClaims(id), [])
  assert.equal(await storedStatus(other.body.id), 'held')
  const ben = await makePatient(runtime)
  assert.equal((await book(app, ben.as, { slotId: network.slots[5]!.id })).status, 201)
})

test('a new hold may overlap the hold that it replaces', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 5, { hold: true })
  const again = await book(app, as, { slotId: network.slots[5]!.id, hold: true })
  assert.equal(again.status, 201)
  assert.equal(await storedStatus(id), 'expired')
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, {
    as: network.people.admin,
    body: { stepMinutes: 10 },
  })
  const overlapping = (await openSlots(app, network.doctorId)).find(({ startsAt }) =>
    startsAt.includes('T09:00'),
  )
  assert.ok(overlapping)
  const startsAt = new Date(instantOf(network.slots[5]!.startsAt) + 10 * minute).toISOString()
  const shifted = await book(app, as, { doctorId: network.doctorId, startsAt, hold: true })
  assert.equal(shifted.status, 201, JSON.stringify(shifted.body))
})

test('booking the time that one holds uses the hold up', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const booked = await book(app, as, { slotId: network.slots[2]!.id })
  assert.equal(booked.status, 201, JSON.stringify(booked.body))
  assert.equal(booked.body.status, 'confirmed')
  assert.notEqual(booked.body.id, id)
  assert.equal(await storedStatus(id), 'expired')
})

test('booking another time with the doctor ends the hold', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  assert.equal((await book(app, as, { slotId: network.slots[9]!.id })).status, 201)
  assert.equal(await storedStatus(id), 'expired')
  const ben = await makePatient(runtime)
  assert.equal((await book(app, ben.as, { slotId: network.slots[2]!.id })).status, 201)
})

test("a booking that is refused leaves the patient's hold as it is", async () => {
  const network = await openNetwork()
  await makeVisit(network, 9)
  const { as, id } = await makeVisit(network, 2, { hold: true })
  assert.equal((await book(app, as, { slotId: network.slots[9]!.id })).status, 409)
  assert.equal(await storedStatus(id), 'held')
  assert.equal((await command(as, id, 'confirm-hold')).status, 200)
})

test('a hold is no obstacle to a booking by the same patient, also on a day that it fills', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { dailyLimit: 1 })
  const { as } = await makeVisit(network, 2, { hold: true })
  const ben = await makePatient(runtime)
  const full = await book(app, ben.as, { slotId: network.slots[9]!.id })
  assert.equal(full.body.type, '/problems/slot-taken')
  const other = await book(app, as, { slotId: network.slots[9]!.id })
  assert.equal(other.status, 201, JSON.stringify(other.body))
})

test("a patient's own hold is no obstacle to moving a visit to the held time, and is used up", async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  const held = await book(app, as, { slotId: network.slots[9]!.id, hold: true })
  const body = { slotId: network.slots[9]!.id }
  const moved = await command(as, id, 'reschedule', { body })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  assert.equal(await storedStatus(held.body.id), 'expired')
})

test('a hold past its time is shown as expired and gives its time to the next, with no job run', async () => {
  const network = await openNetwork()
  const slotId = network.slots[4]!.id
  const { as, id } = await makeVisit(network, 4, { hold: true })
  const ben = await makePatient(runtime)
  const justBefore = await contextLater(ben.as, 9.9 * minute)
  await assert.rejects(bookAppointment(justBefore, { slotId }, null), { code: 'slot-taken' })
  const later = await contextLater(as, 10.1 * minute)
  assert.equal((await findAppointment(later, id)).status, 'expired')
  const list = await listAppointments(later, { filter: {}, after: null, limit: 20 })
  assert.deepEqual(
    list.map(({ status }) => status),
    ['expired'],
  )
  assert.equal(await storedStatus(id), 'held')
  await bookAppointment(await contextLater(ben.as, 10.1 * minute), { slotId }, null)
  assert.equal(await storedStatus(id), 'expired')
})

test('a hold past its time is listed as open again, with no job run', async () => {
  const network = await openNetwork()
  const slot = network.slots[4]!
  const { id } = await makeVisit(network, 4, { hold: true })
  await setExpiry(id, runtime.clock() - 1)
  runtime.board.doctors.forget(network.doctorId)
  const open = await openSlots(app, network.doctorId)
  assert.ok(open.some((one) => one.id === slot.id))
})

test('a hold is confirmed once, and keeps its id and its time', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const body = { reason: 'Knee pain.' }
  const confirmed = await command(as, id, 'confirm-hold', { body, key: 'one' })
  assert.equal(confirmed.status, 200)
  assert.equal(confirmed.body.id, id)
  assert.equal(confirmed.body.status, 'confirmed')
  assert.equal(confirmed.body.startsAt, network.slots[2]!.startsAt)
  assert.equal(confirmed.body.reason, 'Knee pain.')
  assert.equal(confirmed.body.heldUntil, undefined)
  for (const claim of await storedClaims(id)) assert.equal(claim.expires_at, null)
  const again = await command(as, id, 'confirm-hold', { body, key: 'one' })
  assert.deepEqual(again.body, confirmed.body)
  const otherKey = await command(as, id, 'confirm-hold', { body, key: 'two' })
  assert.equal(otherKey.body.type, '/problems/wrong-state')
})

test('a confirmed hold has not expired when its ten minutes are over', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  await command(as, id, 'confirm-hold')
  const later = await contextLater(as, 20 * minute)
  assert.equal((await findAppointment(later, id)).status, 'confirmed')
})

test('a hold that has expired is not confirmed, nor renewed', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const later = await contextLater(as, 10.1 * minute)
  const code = 'hold-expired'
  await assert.rejects(confirmHold(later, id, { ...plain, reason: null }), { code })
  await assert.rejects(renewHold(later, id, plain), { code })
  await setExpiry(id, runtime.clock() - 1)
  const answer = await command(as, id, 'confirm-hold')
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/hold-expired')
})

test('confirming a hold with a doctor who wants to be asked makes a request', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { as, id } = await makeVisit(network, 20, { hold: true })
  const { body } = await command(as, id, 'confirm-hold')
  assert.equal(body.status, 'requested')
  assert.equal(body.heldUntil, undefined)
  assert.ok(instantOf(body.answerBy) > runtime.clock() + 20 * minute)
  for (const claim of await storedClaims(id)) assert.ok(claim.expires_at)
  const byDesk = await makeVisit(network, 22, { hold: true })
  const answer = await command(network.people.deskHere, byDesk.id, 'confirm-hold')
  assert.equal(answer.body.status, 'confirmed')
})

test('a hold in a time off that was committed meanwhile is not confirmed', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  await takeTimeOff(network, network.slots[2]!)
  const refused = await command(as, id, 'confirm-hold')
  assert.equal(refused.status, 409, JSON.stringify(refused.body))
  assert.equal(refused.body.type, '/problems/slot-taken')
  assert.ok(refused.body.alternatives.length > 0)
  assert.equal(await storedStatus(id), 'held')
})

test('a hold within a notice that was lengthened meanwhile can still be confirmed', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  await changeDoctor(network, { noticeMinutesMin: 7 * 24 * 60, acceptingNewPatients: false })
  const answer = await command(as, id, 'confirm-hold')
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
})

test('a held time that the desk overbooks is still the holder’s', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { dailyLimit: 1 })
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const ben = await makePatient(runtime)
  const overbooked = await book(app, network.people.deskHere, {
    slotId: network.slots[2]!.id,
    patientId: ben.patientId,
    overbook: { reason: 'Acute pain.' },
  })
  assert.equal(overbooked.status, 201)
  const answer = await command(as, id, 'confirm-hold')
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal((await storedClaims(id))[0]!.lane, 0)
})

test('a held time that the desk overbooks is the holder’s also where memory is behind both', async () => {
  const network = await openNetwork()
  const deaf = createBoard({ ...runtime, events: createEventBus() })
  await deaf.doctors.get([network.doctorId])
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const ben = await makePatient(runtime)
  const overbooked = await book(app, network.people.deskHere, {
    slotId: network.slots[2]!.id,
    patientId: ben.patientId,
    overbook: { reason: 'Acute pain.' },
  })
  assert.equal(overbooked.status, 201)
  const elsewhere = { ...(await contextLater(as, 0)), board: deaf, events: createEventBus() }
  await confirmHold(elsewhere, id, { ...plain, reason: null })
  assert.equal(await storedStatus(id), 'confirmed')
})

test('a hold is confirmed with the room and the buffer that such visits need by now', async () => {
  const network = await openNetwork()
  const { people, visitTypeId, doctorId } = network
  const held = await makeVisit(network, 2, { hold: true })
  const tight = await makeVisit(network, 5, { hold: true })
  await makeVisit(network, 6)
  await addRoom(network, 'One', 'exam')
  const body = { roomKind: 'exam', bufferAfterMinutes: 30 }
  await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
  const confirmed = await command(held.as, held.id, 'confirm-hold')
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
  assert.equal(confirmed.body.room.name, 'One')
  assert.equal((await storedClaims(held.id)).length, 3)
  const open = await openSlots(app, doctorId)
  assert.ok(!open.some(({ startsAt }) => startsAt === network.slots[3]!.startsAt))
  const refused = await command(tight.as, tight.id, 'confirm-hold')
  assert.equal(refused.body.type, '/problems/slot-taken')
  assert.equal(await storedStatus(tight.id), 'held')
})

for (const [name, replace] of [
  ['a booking', (as: string, slotId: string) => book(app, as, { slotId })],
  ['another hold', (as: string, slotId: string) => book(app, as, { slotId, hold: true })],
  [
    'a move',
    async (as: string, slotId: string, visitId: string) =>
      command(as, visitId, 'reschedule', { body: { slotId } }),
  ],
] as const)
  test(`the room of a hold is free at once when ${name} at another clinic uses the hold up`, async () => {
    const network = await openNetwork()
    const { people, visitTypeId } = network
    const there = await openElsewhere(network)
    const { as } = await makePatient(runtime)
    const { body: visit } = await book(app, as, { slotId: there[0]!.id })
    const body = { roomKind: 'exam' }
    await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
    for (const clinicId of [network.clinicId, network.otherClinicId])
      await addRoom({ ...network, clinicId }, 'Only', 'exam')
    const colleague = await addDoctor(network)
    const isOpen = async () => {
      const open = await openSlots(app, colleague)
      return open.some(({ startsAt }) => startsAt === network.slots[2]!.startsAt)
    }
    assert.ok(await isOpen())
    await book(app, as, { slotId: network.slots[2]!.id, hold: true })
    assert.ok(!(await isOpen()))
    const answer = await replace(as, there[2]!.id, visit.id)
    assert.ok([200, 201].includes(answer.status), JSON.stringify(answer.body))
    assert.ok(await isOpen())
  })

test('a held room is the one that the confirmed visit has', async () => {
  const network = await openNetwork()
  const { visitTypeId, people } = network
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
  for (const name of ['One', 'Two', 'Three']) await addRoom(network, name, 'exam')
  const slots = await openSlots(app, network.doctorId)
  const { as, id, visit } = await makeVisit({ ...network, slots }, 2, { hold: true })
  const confirmed = await command(as, id, 'confirm-hold')
  assert.equal(confirmed.body.room.name, visit.room.name)
  assert.equal((await storedClaims(id)).length, 3)
})

test("a stranger neither confirms, renews nor gives up someone's hold", async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  const ben = await makePatient(runtime)
  const { people } = network
  for (const stranger of [ben.as, people.otherDoctor, people.deskElsewhere])
    for (const name of ['confirm-hold', 'renew-hold', 'cancel'])
      assert.equal((await command(stranger, id, name)).status, 404, name)
  assert.equal(await storedStatus(id), 'held')
  const refused = (await auditOf(id)).filter(({ allowed }) => !allowed)
  assert.equal(refused.length, 9)
  assert.equal((await command(as, id, 'cancel')).body.status, 'cancelled')
})

test('a hold that is given up frees its time at once', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  assert.equal((await call(app, `DELETE /appointments/${id}`, { as })).body.status, 'cancelled')
  const ben = await makePatient(runtime)
  assert.equal((await book(app, ben.as, { slotId: network.slots[2]!.id })).status, 201)
})

test('a hold cannot be an overbooking', async () => {
  const network = await openNetwork()
  const { patientId } = await makePatient(runtime)
  const answer = await book(app, network.people.deskHere, {
    slotId: network.slots[2]!.id,
    patientId,
    hold: true,
    overbook: { reason: 'Acute pain.' },
  })
  assert.equal(answer.status, 422)
  assert.deepEqual(pointersOf(answer), ['/hold'])
})

test("a request lapses after the clinic's time for it, and never later than the visit", async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  await changeClinic(network, { request_lapses_minutes: 90 })
  const { visit } = await makeVisit(network, 30)
  const lapsesMinutes = (instantOf(visit.answerBy) - instantOf(visit.createdAt)) / minute
  assert.ok(lapsesMinutes > 89.9 && lapsesMinutes < 90.1, String(lapsesMinutes))
  await changeClinic(network, { request_lapses_minutes: 43_200 })
  const late = await makeVisit(network, 1)
  assert.equal(late.visit.answerBy, late.visit.startsAt)
})

test('a request that has lapsed is neither accepted nor declined', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id } = await makeVisit(network, 30)
  await setExpiry(id, runtime.clock() - 1)
  for (const name of ['accept', 'decline']) {
    const answer = await command(network.people.doctor, id, name)
    assert.equal(answer.body.type, '/problems/wrong-state')
  }
})

test('an accepted request stays when the time for its answer is over', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id, as } = await makeVisit(network, 30)
  await command(network.people.doctor, id, 'accept')
  const later = await contextLater(as, 49 * 60 * minute)
  assert.equal((await findAppointment(later, id)).status, 'confirmed')
  for (const claim of await storedClaims(id)) assert.equal(claim.expires_at, null)
})

test('a declined request frees its time and tells the patient why and what else is open', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id, as } = await makeVisit(network, 30)
  const proposed = [network.slots[33]!, network.slots[34]!]
  const body = {
    reason: 'I am in theatre that day.',
    proposedSlotIds: proposed.map((slot) => slot.id),
  }
  const declined = await command(network.people.doctor, id, 'decline', { body })
  assert.equal(declined.body.status, 'declined')
  assert.deepEqual(await storedClaims(id), [])
  const seen = await call(app, `GET /appointments/${id}`, { as })
  assert.equal(seen.body.cancelledReason, 'I am in theatre that day.')
  assert.deepEqual(seen.body.proposedSlots, proposed)
  const chosen = await book(app, as, { slotId: seen.body.proposedSlots[0].id })
  assert.equal(chosen.status, 201)
})

test('a time that overlaps the declined one can be proposed instead', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id } = await makeVisit(network, 30)
  const echo = await openSlots(app, network.doctorId, `visitTypeId=${network.clinicVisitTypeId}`)
  await call(app, `PATCH /visit-types/${network.clinicVisitTypeId}`, {
    as: network.people.admin,
    body: { durationMinutes: 45 },
  })
  const { startsAt } = network.slots[30]!
  const free = await openSlots(app, network.doctorId, `visitTypeId=${network.clinicVisitTypeId}`)
  assert.ok(echo.length > free.length)
  const body = { proposedSlotIds: [network.slots[30]!.id] }
  const answer = await command(network.people.doctor, id, 'decline', { body })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.proposedSlots[0].startsAt, startsAt)
})

test('a time that is not open is not proposed, and the problem names which', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id } = await makeVisit(network, 30)
  await makeVisit(network, 33)
  const open = network.slots[34]!.id
  for (const [proposedSlotIds, pointer] of [
    [[open, network.slots[33]!.id], '/proposedSlotIds/1'],
    [['AAAA', open], '/proposedSlotIds/0'],
  ] as const) {
    const body = { proposedSlotIds }
    const answer = await command(network.people.doctor, id, 'decline', { body })
    assert.equal(answer.status, 422)
    assert.deepEqual(pointersOf(answer), [pointer])
  }
  assert.equal(await storedStatus(id), 'requested')
})

test('a lapsed request frees its time for the step that follows', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const lapsed = await makeVisit(network, 30)
  const moving = await makeVisit(network, 31)
  await setExpiry(lapsed.id, runtime.clock() - 1)
  runtime.board.doctors.forget(network.doctorId)
  const body = { slotId: network.slots[30]!.id }
  const answer = await command(moving.as, moving.id, 'reschedule', { body })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(await storedStatus(lapsed.id), 'expired')
})

test('what has lapsed is cancelled by nobody', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2, { hold: true })
  await assert.rejects(
    commandAppointment(await contextLater(as, 11 * minute), id, {
      ...plain,
      command: 'cancel',
      reason: null,
    }),
    { code: 'wrong-state' },
  )
})
