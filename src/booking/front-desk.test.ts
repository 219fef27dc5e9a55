import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localDateOf } from '#src/kernel/time.ts'
import { call, pointersOf, signInAs, type Network } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  addRoom,
  auditOf,
  changeDoctor,
  command,
  contextAt,
  contextLater,
  instantOf,
  makePatientOf,
  makeVisit,
  openElsewhere,
  openNetwork,
  setExpiry,
  storedClaims,
  storedStatus,
  storedVisit,
  takeTimeOff,
  type OpenNetwork,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { findAppointment, presentAppointment } from './appointment.ts'
import { bookAppointment } from './book.ts'
import { commandAppointment } from './commands.ts'
import { bookWalkIn } from './walk-in.ts'

const { app, runtime } = await testVisita()

const minute = 60_000
const plain = { requestedVersion: null, request: null, reason: null }
const reason = 'Acute pain, Dr. Moreau agreed.'

/** Takes someone in at an instant of a day on which the doctor is there. */
async function walkIn(
  { people, doctorId }: Network,
  at: string | number,
  wish: { patientId?: string; overbook?: { reason: string }; visitTypeId?: string } = {},
) {
  const instant = typeof at === 'string' ? instantOf(at) : at
  const context = await contextAt(people.deskHere, instant)
  const patientId = wish.patientId ?? (await makePatient(runtime)).patientId
  const { id } = await bookWalkIn(context, { doctorId, ...wish, patientId }, null)
  return findAppointment(context, id)
}

/** Someone put over whatever there is at the slot with this index. */
async function overbook(network: OpenNetwork, index: number, by = network.people.deskHere) {
  const patient = await makePatient(runtime)
  const { status, body } = await book(app, by, {
    slotId: network.slots[index]!.id,
    patientId: patient.patientId,
    overbook: { reason },
  })
  assert.equal(status, 201, JSON.stringify(body))
  return { ...patient, id: body.id as string, body }
}

async function laneOf(id: string, calendarId: string): Promise<number | undefined> {
  return (await storedClaims(id)).find(({ calendar_id }) => calendar_id === calendarId)?.lane
}

test("someone without an appointment gets the doctor's next open time of today, without notice, and is there", async () => {
  const network = await openNetwork()
  await makeVisit(network, 19)
  await changeDoctor(network, { noticeMinutesMin: 24 * 60, bookingMode: 'on_request' })
  const slots = network.slots.slice(16, 32)
  const now = instantOf(slots[2]!.startsAt) + 5 * minute
  const visit = await walkIn(network, now)
  assert.equal(visit.status, 'arrived')
  assert.equal(visit.starts_at, instantOf(slots[4]!.startsAt))
  assert.equal(visit.overbooked_reason, null)
  assert.equal((await storedClaims(visit.id)).length, 2)
  const next = await walkIn(network, now)
  assert.equal(next.starts_at, instantOf(slots[5]!.startsAt))
})

test('a walk-in starts its life as checked in, and goes on from there', async () => {
  const network = await openNetwork()
  const { id } = await walkIn(network, network.slots[2]!.startsAt)
  assert.equal((await command(network.people.deskHere, id, 'start')).body.status, 'with_doctor')
  const history = await call(app, `GET /appointments/${id}/history`, {
    as: network.people.deskHere,
  })
  assert.deepEqual(
    history.body.items.map((step: { command: string; to: string }) => [step.command, step.to]),
    [
      ['walk-in', 'arrived'],
      ['start', 'with_doctor'],
    ],
  )
  assert.equal((await auditOf(id))[0]!.action, 'appointment.walk-in')
})

test('a walk-in for whom nothing is open today is told so, and is not put on another day', async () => {
  const network = await openNetwork()
  const { endsAt } = network.slots[15]!
  await assert.rejects(walkIn(network, instantOf(endsAt) + minute), (error) => {
    assert.ok(error instanceof Error && 'code' in error && 'members' in error)
    assert.equal(error.code, 'slot-taken')
    const { alternatives } = error.members as { alternatives: { startsAt: string }[] }
    assert.equal(alternatives.length, 3)
    return true
  })
  await takeTimeOff(network, { ...network.slots[0]!, endsAt })
  await assert.rejects(walkIn(network, network.slots[2]!.startsAt), { code: 'slot-taken' })
})

test('a walk-in gets no time that a full day or a full room leaves', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { dailyLimit: 1 })
  await makeVisit(network, 9)
  await assert.rejects(walkIn(network, network.slots[2]!.startsAt), { code: 'slot-taken' })
  await changeDoctor(network, { dailyLimit: null })
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, {
    as: network.people.admin,
    body: { roomKind: 'exam' },
  })
  await assert.rejects(walkIn(network, network.slots[2]!.startsAt), { code: 'slot-taken' })
})

test("a walk-in ends the patient's own hold with the doctor", async () => {
  const network = await openNetwork()
  const { id, patientId } = await makeVisit(network, 20, { hold: true })
  await walkIn(network, network.slots[2]!.startsAt, { patientId })
  assert.equal(await storedStatus(id), 'expired')
})

test('a walk-in who holds the next time is put there, also when the hold fills the day', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { dailyLimit: 1, noticeMinutesMin: 0 })
  const slot = network.slots[2]!
  const [held, now] = [5, 2].map((minutes) => instantOf(slot.startsAt) - minutes * minute)
  const { as, patientId } = await makePatient(runtime)
  const holding = await contextAt(as, held!)
  const { id } = await bookAppointment(holding, { slotId: slot.id, hold: true }, null)
  await assert.rejects(walkIn(network, now!), { code: 'slot-taken' })
  const visit = await walkIn(network, now!, { patientId })
  assert.equal(visit.starts_at, instantOf(slot.startsAt))
  assert.equal(await storedStatus(id), 'expired')
})

test('a walk-in that is overbooked begins this minute, over whoever is there', async () => {
  const network = await openNetwork()
  const booked = await makeVisit(network, 2)
  const now = instantOf(network.slots[2]!.startsAt) + 7 * minute + 13_000
  const visit = await walkIn(network, now, { overbook: { reason } })
  assert.equal(visit.status, 'arrived')
  assert.ok(Math.abs(visit.starts_at - now) < minute && visit.starts_at <= now + 1000)
  assert.equal(visit.starts_at % minute, 0)
  assert.equal(visit.overbooked_reason, reason)
  assert.equal(await laneOf(visit.id, network.doctorId), 1)
  assert.equal(await laneOf(booked.id, network.doctorId), 0)
  const again = await walkIn(network, now, { overbook: { reason } })
  assert.equal(await laneOf(again.id, network.doctorId), 2)
})

test('a walk-in over the API is answered with the visit, and repeated with its key once', async () => {
  const network = await openNetwork()
  const { patientId } = await makePatient(runtime)
  const { doctorId, people } = network
  const body = { doctorId, patientId, overbook: { reason }, reason: 'A cut.' }
  const options = { as: people.deskHere, body, key: 'walk-in-1' }
  const first = await call(app, 'POST /appointments/walk-in', options)
  assert.equal(first.status, 201)
  assert.equal(first.body.status, 'arrived')
  assert.equal(first.body.reason, 'A cut.')
  const again = await call(app, 'POST /appointments/walk-in', options)
  assert.equal(again.status, 201)
  assert.deepEqual(again.body, first.body)
  const busy = await call(app, 'POST /appointments/walk-in', { as: people.deskHere, body })
  assert.equal(busy.body.type, '/problems/patient-busy')
})

test("only the doctor and the clinic's staff receive people and overbook, for patients there are", async () => {
  const network = await openNetwork()
  const { people, doctorId, slots } = network
  const anna = await makePatient(runtime)
  const { patientId } = anna
  const overbooking = { overbook: { reason } }
  for (const as of [people.otherDoctor, people.deskElsewhere])
    for (const wish of [{}, overbooking]) {
      const body = { doctorId, patientId, ...wish }
      assert.equal((await call(app, 'POST /appointments/walk-in', { as, body })).status, 403)
      if ('overbook' in wish)
        assert.equal((await book(app, as, { ...body, startsAt: slots[2]!.startsAt })).status, 403)
    }
  const own = { doctorId, patientId, ...overbooking }
  assert.equal(
    (await call(app, 'POST /appointments/walk-in', { as: anna.as, body: own })).status,
    403,
  )
  const startsAt = slots[2]!.startsAt
  assert.equal((await book(app, anna.as, { ...own, startsAt })).status, 403)
  const { id } = await makeVisit(network, 5)
  const body = { startsAt, ...overbooking }
  assert.equal((await command(anna.as, id, 'reschedule', { body })).status, 404)
  const visit = await makeVisit(network, 6)
  assert.equal((await command(visit.as, visit.id, 'reschedule', { body })).status, 403)
  const unknown = { doctorId, patientId: network.clinicId, ...overbooking }
  for (const request of ['POST /appointments/walk-in', 'POST /appointments'] as const) {
    const nobody = { ...unknown, ...(request.endsWith('s') && { startsAt }) }
    const answer = await call(app, request, { as: people.deskHere, body: nobody })
    assert.equal(answer.status, 404)
    assert.deepEqual(pointersOf(answer), ['/patientId'])
  }
})

test('an overbooking says why, is on record, and is shown as such: the reason to staff alone', async () => {
  const network = await openNetwork()
  const { deskHere, doctor } = network.people
  await makeVisit(network, 2)
  const { id, as, body, patientId } = await overbook(network, 2)
  assert.equal(body.status, 'confirmed')
  assert.equal(body.isOverbooked, true)
  assert.equal(body.overbookedReason, reason)
  for (const [caller, seen] of [
    [doctor, reason],
    [deskHere, reason],
    [as, undefined],
  ] as const)
    for (const path of [`/appointments/${id}`, '/appointments']) {
      const answer = await call(app, `GET ${path}`, { as: caller })
      const shown = (answer.body.items ?? [answer.body]).find(
        (one: { id: string }) => one.id === id,
      )
      assert.equal(shown.isOverbooked, true)
      assert.equal(shown.overbookedReason, seen)
    }
  const [entry] = await auditOf(id)
  assert.equal(entry!.action, 'appointment.book')
  assert.deepEqual(entry!.details, { doctorId: network.doctorId, patientId, overbooked: true })
  const startsAt = network.slots[2]!.startsAt
  const mute = { doctorId: network.doctorId, startsAt, patientId }
  for (const overbooking of [{}, { reason: '' }, { reason: '   ' }, null]) {
    const answer = await book(app, deskHere, { ...mute, overbook: overbooking })
    assert.equal(answer.status, 422, JSON.stringify(overbooking))
  }
})

test('a move into an overbooking and out of it is on record', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  await makeVisit(network, 2)
  const { id } = await makeVisit(network, 9)
  const over = { startsAt: network.slots[2]!.startsAt, overbook: { reason } }
  const moved = await command(deskHere, id, 'reschedule', { body: over })
  assert.equal(moved.body.overbookedReason, reason)
  assert.equal(await laneOf(id, network.doctorId), 1)
  const back = await command(deskHere, id, 'reschedule', { body: { slotId: network.slots[9]!.id } })
  assert.equal(back.body.isOverbooked, undefined)
  assert.equal(await laneOf(id, network.doctorId), 0)
  const details = (await auditOf(id)).map((entry) => entry.details)
  assert.deepEqual(details.slice(1), [{ overbooked: true }, { overbooked: false }])
})

test('staff may overbook outside of hours, in a time off and over the daily limit, not in the past', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  await changeDoctor(network, { dailyLimit: 1, status: 'paused' })
  await takeTimeOff(network, network.slots[3]!)
  const evening = new Date(instantOf(network.slots[15]!.startsAt) + 4 * 3_600_000).toISOString()
  const patients = [await makePatient(runtime), await makePatient(runtime)]
  for (const [index, startsAt] of [evening, network.slots[3]!.startsAt].entries()) {
    const { patientId } = patients[index]!
    const wish = { doctorId: network.doctorId, patientId, startsAt, overbook: { reason } }
    assert.equal((await book(app, deskHere, wish)).status, 201)
  }
  const { patientId } = patients[0]!
  const wish = { doctorId: network.doctorId, patientId, overbook: { reason } }
  for (const startsAt of [
    '2020-01-01T10:00:00Z',
    '9999-12-31T23:59:00Z',
    new Date(instantOf(evening) + 1000).toISOString(),
  ])
    assert.deepEqual(pointersOf(await book(app, deskHere, { ...wish, startsAt })), ['/startsAt'])
})

test('an overbooking does not put the patient into two places at once', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const doctorId = await addDoctor(network)
  const { patientId } = await makeVisit(network, 2)
  const startsAt = network.slots[2]!.startsAt
  for (const doctor of [network.doctorId, doctorId]) {
    const wish = { doctorId: doctor, patientId, startsAt, overbook: { reason } }
    const answer = await book(app, deskHere, wish)
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/patient-busy')
  }
  await assert.rejects(
    walkIn({ ...network, doctorId }, startsAt, { patientId, overbook: { reason } }),
    { code: 'patient-busy' },
  )
})

test('an ordinary booking is refused over an overbooked visit, also when the visit below it is gone', async () => {
  const network = await openNetwork()
  const below = await makeVisit(network, 2)
  const above = await overbook(network, 2)
  await command(below.as, below.id, 'cancel', { body: {} })
  assert.equal(await laneOf(above.id, network.doctorId), 1)
  const open = await openSlots(app, network.doctorId)
  assert.ok(!open.some(({ id }) => id === network.slots[2]!.id))
  const ben = await makePatient(runtime)
  for (const hold of [true, false]) {
    const answer = await book(app, ben.as, { slotId: network.slots[2]!.id, hold })
    assert.equal(answer.body.type, '/problems/slot-taken')
  }
  const other = await makeVisit(network, 9)
  const body = { slotId: network.slots[2]!.id }
  const moved = await command(other.as, other.id, 'reschedule', { body })
  assert.equal(moved.body.type, '/problems/slot-taken')
  const { deskHere } = network.people
  await command(deskHere, above.id, 'cancel', { body: {} })
  assert.equal((await book(app, ben.as, body)).status, 201)
})

test('the database refuses an ordinary visit over an overbooked one, whatever memory says', async () => {
  const network = await openNetwork()
  const below = await makeVisit(network, 2)
  await overbook(network, 2)
  await command(below.as, below.id, 'cancel', { body: {} })
  const [doctor] = (await runtime.board.doctors.get([network.doctorId])).values()
  doctor!.claims = []
  const ben = await makePatient(runtime)
  const answer = await book(app, ben.as, { slotId: network.slots[2]!.id })
  assert.equal(answer.body.type, '/problems/slot-taken')
})

test('an overbooking takes the first lane that is free for all of its time', async () => {
  const network = await openNetwork()
  const { doctorId } = network
  const free = await overbook(network, 2)
  assert.equal(await laneOf(free.id, doctorId), 0)
  const above = await overbook(network, 2)
  const top = await overbook(network, 2)
  assert.deepEqual([await laneOf(above.id, doctorId), await laneOf(top.id, doctorId)], [1, 2])
  await command(network.people.deskHere, above.id, 'cancel', { body: {} })
  const between = await overbook(network, 2)
  assert.equal(await laneOf(between.id, doctorId), 1)
})

test('the tenth visit over one time is the last', async () => {
  const network = await openNetwork()
  for (let lane = 0; lane < 10; lane += 1) {
    const { id } = await overbook(network, 2)
    assert.equal(await laneOf(id, network.doctorId), lane)
  }
  const { patientId } = await makePatient(runtime)
  const wish = { slotId: network.slots[2]!.id, patientId, overbook: { reason } }
  const answer = await book(app, network.people.deskHere, wish)
  assert.equal(answer.body.type, '/problems/slot-taken')
  await assert.rejects(walkIn(network, network.slots[2]!.startsAt, { overbook: { reason } }), {
    code: 'slot-taken',
  })
})

test('an overbooking shares a room when none is free, and takes a free one first', async () => {
  const network = await openNetwork()
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, {
    as: network.people.admin,
    body: { roomKind: 'exam' },
  })
  await addRoom(network, 'One', 'exam')
  await addRoom(network, 'Two', 'exam')
  const slots = await openSlots(app, network.doctorId)
  const rooms = []
  const { visit } = await makeVisit({ ...network, slots }, 2)
  rooms.push(visit.room.name)
  rooms.push((await overbook({ ...network, slots }, 2)).body.room.name)
  assert.deepEqual(rooms.sort(), ['One', 'Two'])
  const shared = await overbook({ ...network, slots }, 2)
  assert.ok(rooms.includes(shared.body.room.name))
  assert.equal((await storedClaims(shared.id)).length, 3)
})

test('an overbooked visit keeps that mark when it is noted on, checked in and seen', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  await makeVisit(network, 2)
  const { id } = await overbook(network, 2)
  for (const name of ['check-in', 'start', 'complete'])
    assert.equal((await command(deskHere, id, name)).body.overbookedReason, reason)
  assert.equal(await laneOf(id, network.doctorId), 1)
})

test('a visit goes from its check-in to its end, and each step can be corrected later', async () => {
  const network = await openNetwork()
  const { deskHere, doctor } = network.people
  const { as, id, visit } = await makeVisit(network, 2)
  const way: [string, string, string][] = [
    [deskHere, 'check-in', 'arrived'],
    [doctor, 'start', 'with_doctor'],
    [doctor, 'complete', 'completed'],
    [deskHere, 'correct', 'with_doctor'],
    [deskHere, 'correct', 'arrived'],
    [deskHere, 'correct', 'confirmed'],
    [deskHere, 'no-show', 'no_show'],
    [deskHere, 'correct', 'arrived'],
  ]
  for (const [index, [by, name, status]] of way.entries()) {
    const answer = await command(by, id, name)
    assert.equal(answer.body.status, status, JSON.stringify(answer.body))
    assert.equal(answer.body.version, index + 2)
    assert.equal(answer.body.startsAt, visit.startsAt)
    const seen = await call(app, `GET /appointments/${id}`, { as })
    assert.equal(seen.body.status, status)
  }
  assert.equal((await storedClaims(id)).length, 2)
})

test('visits that took place or were missed keep their time', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const seen = await makeVisit(network, 2)
  for (const name of ['check-in', 'start', 'complete']) await command(deskHere, seen.id, name)
  const missed = await makeVisit(network, 3)
  await command(deskHere, missed.id, 'no-show')
  const ben = await makePatient(runtime)
  for (const index of [2, 3]) {
    const answer = await book(app, ben.as, { slotId: network.slots[index]!.id })
    assert.equal(answer.body.type, '/problems/slot-taken')
  }
})

test('the steps of the day are the staff’s alone', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  for (const name of ['accept', 'decline', 'check-in', 'start', 'complete', 'no-show', 'correct']) {
    assert.equal((await command(as, id, name)).status, 403, name)
    for (const stranger of [network.people.otherDoctor, network.people.deskElsewhere])
      assert.equal((await command(stranger, id, name)).status, 404, name)
  }
  assert.equal(await storedStatus(id), 'confirmed')
})

test('the note for staff is seen by staff alone: in the visit, in lists, in the history', async () => {
  const network = await openNetwork()
  const { deskHere, doctor, otherDoctor } = network.people
  const { as, id } = await makeVisit(network, 2)
  const staffNote = 'Needs the ground floor.'
  const noted = await call(app, `PATCH /appointments/${id}`, { as: deskHere, body: { staffNote } })
  assert.equal(noted.status, 200)
  assert.equal(noted.body.staffNote, staffNote)
  assert.equal(noted.etag, '"2"')
  assert.equal(noted.body.sequence, 0, 'calendars need not hear of a note')
  for (const [caller, seen] of [
    [doctor, staffNote],
    [as, undefined],
  ] as const) {
    const one = await call(app, `GET /appointments/${id}`, { as: caller })
    assert.equal(one.body.staffNote, seen)
    const list = await call(app, 'GET /appointments', { as: caller })
    assert.equal(list.body.items[0].staffNote, seen)
    const history = await call(app, `GET /appointments/${id}/history`, { as: caller })
    assert.equal(history.body.items.length, caller === as ? 1 : 2)
    assert.ok(!JSON.stringify(history.body).includes(staffNote))
  }
  const moved = await command(as, id, 'reschedule', { body: { slotId: network.slots[9]!.id } })
  assert.equal(moved.body.staffNote, undefined)
  for (const [caller, status] of [
    [as, 403],
    [otherDoctor, 404],
  ] as const)
    for (const value of [null, 'Mine.']) {
      const body = { staffNote: value }
      assert.equal(
        (await call(app, `PATCH /appointments/${id}`, { as: caller, body })).status,
        status,
      )
    }
  const removed = await call(app, `PATCH /appointments/${id}`, {
    as: doctor,
    body: { staffNote: null },
  })
  assert.equal(removed.body.staffNote, undefined)
})

test('a note that is based on an old version is refused', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { as, id } = await makeVisit(network, 2)
  const note = (staffNote: string, ifMatch: string) =>
    call(app, `PATCH /appointments/${id}`, { as: deskHere, body: { staffNote }, ifMatch })
  assert.equal((await note('One.', '"1"')).status, 200)
  const stale = await note('Two.', '"1"')
  assert.equal(stale.status, 412)
  assert.equal(stale.body.version, 2)
  assert.deepEqual(stale.body.changedBy, { role: 'front_desk', name: 'Someone' })
  assert.equal((await note('Two.', '"2"')).body.staffNote, 'Two.')
  // Patients are not told of notes, so none stands in their way.
  assert.equal((await call(app, `DELETE /appointments/${id}`, { as, ifMatch: '"1"' })).status, 200)
})

test('a note on a visit that was called off leaves it as it is', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: { reason: 'I am well again.' } })
  const body = { staffNote: 'Rang us.' }
  const noted = await call(app, `PATCH /appointments/${id}`, { as: deskHere, body })
  assert.equal(noted.body.cancelledReason, 'I am well again.')
  assert.equal(noted.body.status, 'cancelled')
  assert.deepEqual(await storedClaims(id), [])
})

test('a note on a request that has lapsed, unwritten as yet, is kept', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { deskHere } = network.people
  const { id } = await makeVisit(network, 20)
  await setExpiry(id, runtime.clock() - 1)
  const body = { staffNote: 'Nobody answered.' }
  const noted = await call(app, `PATCH /appointments/${id}`, { as: deskHere, body })
  assert.equal(noted.status, 200, JSON.stringify(noted.body))
  assert.equal(noted.body.staffNote, body.staffNote)
  const read = await call(app, `GET /appointments/${id}`, { as: deskHere })
  assert.equal(read.body.status, 'expired')
})

test("a doctor books a patient's next visit, confirmed at once", async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request', noticeMinutesMin: 7 * 24 * 60 })
  const { patientId, as } = await makePatient(runtime)
  const wish = { slotId: network.slots[2]!.id, patientId }
  const booked = await book(app, network.people.doctor, wish)
  assert.equal(booked.body.status, 'confirmed')
  const own = await call(app, 'GET /appointments', { as })
  assert.equal(own.body.items.length, 1)
})

test('a desk of two clinics receives at the one where the doctor is', async () => {
  const network = await openNetwork()
  const desk = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
  const patient = await makePatient(runtime)
  const context = await contextAt(desk, instantOf(network.slots[2]!.startsAt))
  const wish = { doctorId: network.doctorId, patientId: patient.patientId }
  await assert.rejects(bookWalkIn(context, { ...wish, clinicId: network.otherClinicId }, null), {
    code: 'not-offered',
  })
  const { id } = await bookWalkIn(context, { ...wish, clinicId: network.clinicId }, null)
  const row = await findAppointment(context, id)
  assert.equal(row.clinic_id, network.clinicId)
  const date = localDateOf(row.starts_at, row.time_zone)
  assert.ok(presentAppointment(row, context.actor).startsAt.startsWith(date))
})

test('an overbooked visit below which a hold expired keeps everyone else out', async () => {
  const network = await openNetwork()
  const held = await makeVisit(network, 2, { hold: true })
  const above = await overbook(network, 2)
  assert.equal(await laneOf(above.id, network.doctorId), 1)
  const ben = await makePatient(runtime)
  const later = await contextLater(ben.as, 11 * minute)
  await assert.rejects(bookAppointment(later, { slotId: network.slots[2]!.id }, null), {
    code: 'slot-taken',
  })
  const tooLate = { ...plain, command: 'cancel' } as const
  await assert.rejects(
    commandAppointment(await contextLater(held.as, 11 * minute), held.id, tooLate),
    { code: 'wrong-state' },
  )
  assert.equal((await storedVisit(above.id)).status, 'confirmed')
})

test('an ordinary visit gets no room that an overbooked one shares, whatever memory says and though nobody is below', async () => {
  const network = await openNetwork()
  const { people, visitTypeId, clinicId } = network
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body })
  await addRoom(network, 'One', 'exam')
  const doctorId = await addDoctor(network)
  const below = await makeVisit(network, 2)
  const above = await overbook(network, 2)
  await command(people.deskHere, below.id, 'cancel', { body: {} })
  const [clinic] = (await runtime.board.clinics.get([clinicId])).values()
  for (const room of clinic!.rooms) room.claims = []
  const ben = await makePatient(runtime)
  const wish = { doctorId, startsAt: network.slots[2]!.startsAt }
  assert.equal((await book(app, ben.as, wish)).body.type, '/problems/slot-taken')
  await command(people.deskHere, above.id, 'cancel', { body: {} })
  assert.equal((await book(app, ben.as, wish)).status, 201)
})

test('who overbooks a doctor of several of their clinics says at which', async () => {
  const network = await openNetwork()
  await openElsewhere(network)
  const { doctorId, otherClinicId: clinicId, people } = network
  const { startsAt } = network.slots[2]!
  for (const as of [people.admin, people.doctor])
    for (const request of ['POST /appointments', 'POST /appointments/walk-in'] as const) {
      const { patientId } = await makePatient(runtime)
      const isWalkIn = request.endsWith('walk-in')
      const wish = { doctorId, patientId, overbook: { reason }, ...(!isWalkIn && { startsAt }) }
      const vague = await call(app, request, { as, body: wish })
      assert.equal(vague.status, 422)
      assert.deepEqual(pointersOf(vague), ['/clinicId'])
      const clear = await call(app, request, { as, body: { ...wish, clinicId } })
      assert.equal(clear.status, 201, JSON.stringify(clear.body))
      assert.equal(clear.body.clinicId, clinicId)
    }
  // At one of them alone there is no doubt.
  const visit = await overbook(network, 4, people.deskHere)
  assert.equal(visit.body.clinicId, network.clinicId)
})

test('whoever is refused to book, hold, overbook or receive someone is on record', async () => {
  const network = await openNetwork()
  const { doctorId, people } = network
  const [slot] = network.slots
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const { patientId } = anna
  const { actor: desk } = await contextLater(people.deskElsewhere, 0)
  const wish = { slotId: slot!.id, patientId }
  const statuses: number[] = []
  for (const as of [ben.as, people.deskElsewhere])
    for (const more of [{}, { hold: true }, { overbook: { reason } }])
      statuses.push((await book(app, as, { ...wish, ...more })).status)
  for (const more of [{}, { overbook: { reason } }]) {
    const body = { doctorId, patientId, ...more }
    const options = { as: people.deskElsewhere, body }
    statuses.push((await call(app, 'POST /appointments/walk-in', options)).status)
  }
  assert.deepEqual(statuses, [404, 404, 404, 403, 403, 403, 403, 403])
  const entries = await auditOf(patientId)
  const tried = ['book', 'hold', 'book'].map((name) => `appointment.${name}`)
  assert.deepEqual(
    entries.map(({ action, actor_id, allowed }) => [action, actor_id, allowed]),
    [
      ...tried.map((action) => [action, ben.accountId, false]),
      ...[...tried, 'appointment.walk-in', 'appointment.walk-in'].map((action) => [
        action,
        desk.accountId,
        false,
      ]),
    ],
  )
})

test('staff see and write no notes about their own visit', async () => {
  const network = await openNetwork()
  const { deskHere, doctor } = network.people
  const patientId = await makePatientOf(deskHere)
  const { body: visit } = await book(app, deskHere, { slotId: network.slots[2]!.id, patientId })
  const path = `/appointments/${visit.id}`
  const body = { staffNote: 'Call security if she shouts.' }
  assert.equal((await call(app, `PATCH ${path}`, { as: doctor, body })).status, 200)
  const read = await call(app, `GET ${path}`, { as: deskHere })
  assert.equal(read.status, 200)
  const list = await call(app, `GET /appointments?patientId=${patientId}`, { as: deskHere })
  const history = await call(app, `GET ${path}/history`, { as: deskHere })
  const step = await command(deskHere, visit.id, 'check-in')
  for (const answer of [read, list, history, step])
    assert.doesNotMatch(JSON.stringify(answer.body), /staffNote|security|"note"/)
  const rewritten = { as: deskHere, body: { staffNote: null } }
  assert.equal((await call(app, `PATCH ${path}`, rewritten)).status, 403)
  const seen = await call(app, `GET ${path}`, { as: doctor })
  assert.equal(seen.body.staffNote, body.staffNote)
})
