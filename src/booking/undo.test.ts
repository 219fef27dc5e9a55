import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { createBoard } from '#src/availability/board.ts'
import { createEventBus } from '#src/events/events.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  addDoctor,
  addRoom,
  changeClinic,
  changeDoctor,
  command,
  contextAt,
  contextLater,
  instantOf,
  makeVisit,
  openNetwork,
  storedClaims,
  storedStatus,
  storedVisit,
  takeTimeOff,
  type OpenNetwork,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { commandAppointment, noteOnAppointment } from './commands.ts'
import { rescheduleAppointment } from './reschedule.ts'
import { undoStep } from './undo.ts'

const { app, runtime } = await testVisita()

const plain = { requestedVersion: null, request: null }

/** A visit in a room, asked for where `isAsked`. */
async function roomVisit(isAsked: boolean) {
  const network = await openNetwork()
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, { as: network.people.admin, body })
  for (const name of ['One', 'Two']) await addRoom(network, name, 'exam')
  if (isAsked) await changeDoctor(network, { bookingMode: 'on_request' })
  const slots = await openSlots(app, network.doctorId)
  const visit = await makeVisit({ ...network, slots }, 20, { reason: 'A cough.' })
  return { ...visit, network: { ...network, slots } }
}

type Scene = Awaited<ReturnType<typeof roomVisit>>

interface UndoableStep {
  name: string
  isAsked?: boolean
  by: (scene: Scene) => string
  body?: (scene: Scene) => object
  after?: string[]
}

const desk = ({ network }: Scene) => network.people.deskHere
const undoable: UndoableStep[] = [
  { name: 'cancel', by: ({ as }) => as, body: () => ({ reason: 'I am well again.' }) },
  { name: 'cancel', by: desk },
  { name: 'cancel', isAsked: true, by: ({ as }) => as },
  { name: 'cancel', by: desk, after: ['check-in'] },
  {
    name: 'decline',
    isAsked: true,
    by: desk,
    body: ({ network }) => ({ reason: 'Ill.', proposedSlotIds: [network.slots[30]!.id] }),
  },
  { name: 'accept', isAsked: true, by: desk },
  {
    name: 'reschedule',
    by: ({ as }) => as,
    body: ({ network }) => ({ slotId: network.slots[9]!.id }),
  },
  { name: 'reschedule', by: desk, body: ({ network }) => ({ slotId: network.slots[9]!.id }) },
  {
    name: 'reschedule',
    isAsked: true,
    by: desk,
    body: ({ network }) => ({ slotId: network.slots[9]!.id }),
  },
  {
    name: 'reschedule',
    by: desk,
    body: ({ network }) => ({
      startsAt: network.slots[9]!.startsAt,
      overbook: { reason: 'Acute.' },
    }),
  },
  {
    name: 'reschedule',
    by: desk,
    after: ['check-in'],
    body: ({ network }) => ({ slotId: network.slots[40]!.id }),
  },
  {
    name: 'reschedule',
    isAsked: true,
    by: ({ as }) => as,
    after: ['accept'],
    body: ({ network }) => ({ slotId: network.slots[9]!.id }),
  },
  { name: 'check-in', by: desk },
  { name: 'start', by: desk, after: ['check-in'] },
  { name: 'complete', by: desk, after: ['check-in', 'start'] },
  { name: 'no-show', by: desk },
  { name: 'correct', by: desk, after: ['no-show'] },
  { name: 'correct', by: desk, after: ['check-in', 'start', 'complete'] },
]

test('undo leads exactly back from each step that can be undone', async (t) => {
  for (const { name, isAsked = false, by, body, after = [] } of undoable)
    await t.test([isAsked ? 'a request:' : 'a visit:', ...after, name].join(' '), async () => {
      const scene = await roomVisit(isAsked)
      for (const earlier of after)
        assert.equal((await command(desk(scene), scene.id, earlier)).status, 200)
      const as = by(scene)
      const before = await storedVisit(scene.id)
      const shown = await call(app, `GET /appointments/${scene.id}`, { as })
      const done = await command(as, scene.id, name, { body: body?.(scene) ?? {} })
      assert.equal(done.status, 200, JSON.stringify(done.body))
      assert.notDeepEqual(await storedVisit(scene.id), before)
      const undone = await command(as, scene.id, 'undo')
      assert.equal(undone.status, 200, JSON.stringify(undone.body))
      assert.deepEqual(await storedVisit(scene.id), before)
      const { version, sequence } = shown.body
      const expected = { ...shown.body, version: version + 2, sequence: sequence + 2 }
      assert.deepEqual(undone.body, expected)
      assert.deepEqual((await call(app, `GET /appointments/${scene.id}`, { as })).body, expected)
    })
})

test('undo of a move gives the room back that the visit had', async () => {
  const network = await openNetwork()
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, { as: network.people.admin, body })
  await addRoom(network, 'One', 'exam')
  const slots = await openSlots(app, network.doctorId)
  const visits = []
  for (let index = 0; index < 8; index += 1)
    visits.push(await makeVisit({ ...network, slots }, index))
  // About half of them would begin with this one now.
  await addRoom(network, 'Two', 'exam')
  for (const { as, id } of visits) {
    const before = await storedVisit(id)
    const moved = await command(as, id, 'reschedule', { body: { slotId: slots[40]!.id } })
    assert.equal(moved.status, 200)
    assert.equal((await command(as, id, 'undo')).body.room.name, 'One')
    assert.deepEqual(await storedVisit(id), before)
  }
})

test('a step can be undone for sixty seconds', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  await assert.rejects(undoStep(await contextLater(as, 60_500), id, plain), { code: 'too-late' })
  assert.equal(await storedStatus(id), 'cancelled')
  await undoStep(await contextLater(as, 59_000), id, plain)
  assert.equal(await storedStatus(id), 'confirmed')
})

test('a step is undone by the account that made it, and by no other', async () => {
  const network = await openNetwork()
  const { doctor, admin, otherDoctor } = network.people
  const colleague = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  for (const other of [doctor, admin, colleague])
    assert.equal((await command(other, id, 'undo')).status, 403)
  assert.equal((await command(otherDoctor, id, 'undo')).status, 404)
  assert.equal((await command(as, id, 'undo')).status, 200)
  await command(colleague, id, 'check-in')
  for (const other of [as, network.people.deskHere])
    assert.equal((await command(other, id, 'undo')).status, 403)
  assert.equal((await command(colleague, id, 'undo')).body.status, 'confirmed')
})

test('only the last step is undone, and once', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { id } = await makeVisit(network, 2)
  await command(deskHere, id, 'check-in')
  await command(deskHere, id, 'start')
  assert.equal((await command(deskHere, id, 'undo')).body.status, 'arrived')
  const twice = await command(deskHere, id, 'undo')
  assert.equal(twice.status, 409)
  assert.equal(twice.body.type, '/problems/wrong-state')
})

test('a repeated undo is answered as it first was', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  const key = newId()
  const first = await command(as, id, 'undo', { key })
  assert.equal(first.status, 200)
  assert.deepEqual((await command(as, id, 'undo', { key })).body, first.body)
})

test('nothing is undone where nothing was done: a booking, a hold, a request', async () => {
  const network = await openNetwork()
  const booked = await makeVisit(network, 2)
  const held = await makeVisit(network, 3, { hold: true })
  const confirmed = await makeVisit(network, 4, { hold: true })
  await command(confirmed.as, confirmed.id, 'confirm-hold')
  const givenUp = await makeVisit(network, 5, { hold: true })
  await command(givenUp.as, givenUp.id, 'cancel', { body: {} })
  for (const { as, id } of [booked, held, confirmed, givenUp]) {
    const answer = await command(as, id, 'undo')
    assert.equal(answer.body.type, '/problems/wrong-state')
  }
})

test("a note of the staff's does not stand in the way of undoing the step before it", async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  const body = { staffNote: 'Rang us first.' }
  await call(app, `PATCH /appointments/${id}`, { as: network.people.deskHere, body })
  assert.equal((await command(as, id, 'undo')).body.status, 'confirmed')
  const read = await call(app, `GET /appointments/${id}`, { as: network.people.deskHere })
  assert.equal(read.body.staffNote, 'Rang us first.')
  const deskCannot = await command(network.people.deskHere, id, 'undo')
  assert.equal(deskCannot.status, 403)
})

test('a freed time that someone else has taken is not claimed again, and nothing changes', async () => {
  const network = await openNetwork()
  const freeing: [string, object][] = [
    ['cancel', {}],
    ['reschedule', { slotId: network.slots[9]!.id }],
  ]
  for (const [index, [name, body]] of freeing.entries()) {
    const { as, id } = await makeVisit(network, 2 + index)
    await command(as, id, name, { body })
    const ben = await makePatient(runtime)
    const taken = await book(app, ben.as, { slotId: network.slots[2 + index]!.id })
    assert.equal(taken.status, 201)
    const before = await storedVisit(id)
    const answer = await command(as, id, 'undo')
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/slot-taken')
    assert.equal(answer.body.alternatives.length, 3)
    assert.deepEqual(await storedVisit(id), before)
  }
})

test('a cancelled visit does not come back where the patient has another by now', async () => {
  const network = await openNetwork()
  const doctorId = await addDoctor(network)
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  await book(app, as, { doctorId, startsAt: network.slots[2]!.startsAt })
  assert.equal((await command(as, id, 'undo')).body.type, '/problems/patient-busy')
  assert.equal(await storedStatus(id), 'cancelled')
})

test('undo leads no visit into a time off that was committed in between, nor over a daily limit', async () => {
  const network = await openNetwork()
  const off = await makeVisit(network, 2)
  await command(off.as, off.id, 'cancel', { body: {} })
  await takeTimeOff(network, network.slots[2]!)
  const answer = await command(off.as, off.id, 'undo')
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/slot-taken')

  const full = await makeVisit(network, 5)
  await command(full.as, full.id, 'cancel', { body: {} })
  await makeVisit(network, 6)
  await changeDoctor(network, { dailyLimit: 1 })
  assert.equal((await command(full.as, full.id, 'undo')).body.type, '/problems/slot-taken')
  for (const { id } of [off, full]) {
    assert.equal(await storedStatus(id), 'cancelled')
    assert.deepEqual(await storedClaims(id), [])
  }
})

test('a step that left the time alone is undone in a time off too', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { id } = await makeVisit(network, 2)
  await command(deskHere, id, 'check-in')
  await takeTimeOff(network, network.slots[2]!)
  assert.equal((await command(deskHere, id, 'undo')).body.status, 'confirmed')
})

test('the notice that binds patients does not bind their undo', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  await command(as, id, 'cancel', { body: {} })
  const body = { noticeMinutesMin: 7 * 24 * 60, acceptingNewPatients: false, horizonDays: 1 }
  await changeDoctor(network, body)
  assert.equal((await command(as, id, 'undo')).status, 200)
})

test('a cancellation is undone although the visit has begun meanwhile', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { id, visit } = await makeVisit(network, 2)
  const startsAt = instantOf(visit.startsAt)
  const cancel = { ...plain, command: 'cancel', reason: 'No show?' } as const
  await commandAppointment(await contextAt(deskHere, startsAt - 20_000), id, cancel)
  await undoStep(await contextAt(deskHere, startsAt + 20_000), id, plain)
  assert.equal(await storedStatus(id), 'confirmed')
})

test('a request whose time to be answered ran out meanwhile does not come back', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  await changeClinic(network, { request_lapses_minutes: 15 })
  const { id } = await makeVisit(network, 20)
  const { doctor } = network.people
  const decline = { ...plain, command: 'decline', reason: null } as const
  await commandAppointment(await contextLater(doctor, 14.5 * 60_000), id, decline)
  await assert.rejects(undoStep(await contextLater(doctor, 15.1 * 60_000), id, plain), {
    code: 'too-late',
  })
  await undoStep(await contextLater(doctor, 14.9 * 60_000), id, plain)
  assert.equal(await storedStatus(id), 'requested')
})

async function overbookedVisit(network: OpenNetwork, index: number) {
  const { patientId, as } = await makePatient(runtime)
  const { body } = await book(app, network.people.deskHere, {
    slotId: network.slots[index]!.id,
    patientId,
    overbook: { reason: 'Acute pain.' },
  })
  return { as, id: body.id as string }
}

test('an overbooked visit comes back over the other one', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  await makeVisit(network, 2)
  const { id } = await overbookedVisit(network, 2)
  const before = await storedVisit(id)
  for (const [name, body] of [
    ['cancel', { reason: 'Sent home.' }],
    ['reschedule', { slotId: network.slots[9]!.id }],
  ] as const) {
    await command(deskHere, id, name, { body })
    if (name === 'reschedule') assert.equal((await storedVisit(id)).overbooked_reason, null)
    const undone = await command(deskHere, id, 'undo')
    assert.equal(undone.status, 200, JSON.stringify(undone.body))
    assert.equal(undone.body.isOverbooked, true)
    assert.deepEqual(await storedVisit(id), before)
  }
})

test('a visit comes back under the one that was put over it, and not over one that came later', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const { id } = await makeVisit(network, 2)
  await overbookedVisit(network, 2)
  const before = await storedVisit(id)
  await command(deskHere, id, 'cancel', { body: { reason: 'Sent home.' } })
  const undone = await command(deskHere, id, 'undo')
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
  assert.deepEqual(await storedVisit(id), before)
  await command(deskHere, id, 'cancel', { body: { reason: 'Sent home after all.' } })
  await overbookedVisit(network, 2)
  const refused = await command(deskHere, id, 'undo')
  assert.equal(refused.body.type, '/problems/slot-taken')
})

test('undo is not refused because memory is behind another process', async () => {
  const network = await openNetwork()
  const { as, id } = await makeVisit(network, 2)
  const deaf = createBoard({ ...runtime, events: createEventBus() })
  const elsewhere = { ...(await contextLater(as, 0)), board: deaf, events: createEventBus() }
  const body = { slotId: network.slots[9]!.id }
  await rescheduleAppointment(elsewhere, id, { ...plain, body })
  runtime.board.doctors.forget(network.doctorId)
  const ben = await makePatient(runtime)
  const other = await book(app, ben.as, { slotId: network.slots[2]!.id })
  assert.equal(other.status, 201)
  deaf.doctors.forget(network.doctorId)
  await deaf.doctors.get([network.doctorId])
  await call(app, `DELETE /appointments/${other.body.id}`, { as: ben.as })
  await undoStep(elsewhere, id, plain)
  assert.equal((await storedVisit(id)).starts_at, instantOf(network.slots[2]!.startsAt))
})

test('a note on a visit of someone else does not undo anything', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 2)
  const context = await contextLater(network.people.deskHere, 0)
  await noteOnAppointment(context, id, { staffNote: 'Deaf.', requestedVersion: null })
  await assert.rejects(undoStep(context, id, plain), { code: 'wrong-state' })
})

test('a visit comes back under the one that was put over it and shares its room', async () => {
  const network = await openNetwork()
  const body = { roomKind: 'exam' }
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, { as: network.people.admin, body })
  await addRoom(network, 'Only', 'exam')
  const { as, id } = await makeVisit(network, 2)
  const before = await storedVisit(id)
  const { id: above } = await overbookedVisit(network, 2)
  assert.equal((await storedVisit(above)).room_id, before.room_id)
  await command(as, id, 'cancel', { body: {} })
  const undone = await command(as, id, 'undo')
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
  assert.deepEqual(await storedVisit(id), before)
})
