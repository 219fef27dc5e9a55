import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { auditOf, command } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  dateIn,
  entryOf,
  free,
  fullNetwork,
  must,
  tomorrowAt,
  waitWith,
  workAt,
} from '#test/support/waitlist.ts'

const { app, runtime } = await testVisita()

function join(as: string, body: object) {
  return call(app, 'POST /waitlist', { as, body })
}

test('a wish is kept as it was said', async () => {
  const network = await fullNetwork()
  const wish = {
    clinicId: network.clinicId,
    weekdays: [1, 3],
    from: '08:00',
    to: '24:00',
    fromDate: await dateIn(2),
    untilDate: await dateIn(20),
  }
  const anna = await waitWith(network, 0, { ...wish, weekdays: [3, 1] })
  const { id, createdAt, ...entry } = await entryOf(anna)
  assert.deepEqual(entry, {
    status: 'waiting',
    patientId: anna.patientId,
    appointmentId: anna.visitId,
    visitTypeId: network.visitTypeId,
    doctorId: network.doctorId,
    ...wish,
  })
  assert.ok(createdAt)
  const actions = (await auditOf(id)).map(({ action }) => action)
  assert.deepEqual(actions, ['waitlist.join', 'waitlist.read'])
})

test('a wish that nothing can fulfil is refused with the field that is wrong', async () => {
  const network = await fullNetwork()
  const { visitTypeId, doctorId, specialtyId, otherClinicId } = network
  const anna = await makePatient(runtime)
  const { body: visit } = await must(book(app, anna.as, { slotId: network.far[0]!.id }))
  const appointmentId = visit.id
  const wrongs: [object, string][] = [
    [{ appointmentId, from: '10:00', to: '10:00' }, '/to'],
    [{ appointmentId, to: '00:00' }, '/to'],
    [{ appointmentId, from: '24:00' }, '/to'],
    [{ appointmentId, fromDate: '2030-01-02', untilDate: '2030-01-01' }, '/untilDate'],
    [{ appointmentId, untilDate: '2020-01-01' }, '/untilDate'],
    [{ appointmentId, fromDate: '2099-01-01' }, '/fromDate'],
    [{ appointmentId, patientId: newId() }, '/patientId'],
    [{ appointmentId, visitTypeId: newId() }, '/visitTypeId'],
    [{ appointmentId, doctorId, specialtyId }, '/specialtyId'],
    [{ appointmentId, doctorId: newId() }, '/doctorId'],
    [{ appointmentId, specialtyId: newId() }, '/specialtyId'],
    [{ appointmentId, clinicId: otherClinicId }, '/clinicId'],
    [{ appointmentId, untilDate: await dateIn(740) }, '/untilDate'],
    [{ appointmentId, weekdays: [] }, '/weekdays'],
    [{ appointmentId, weekdays: [8] }, '/weekdays/0'],
    [{ doctorId }, '/visitTypeId'],
    [{ visitTypeId }, '/doctorId'],
    [{ visitTypeId, doctorId, untilDate: '2020-01-01' }, '/untilDate'],
    [{ visitTypeId: network.otherClinicVisitTypeId, doctorId }, '/visitTypeId'],
    [{ visitTypeId: newId(), specialtyId }, '/visitTypeId'],
    [{ visitTypeId, specialtyId, clinicId: otherClinicId }, '/clinicId'],
    [{ visitTypeId, doctorId: newId() }, '/doctorId'],
    [{ visitTypeId, doctorId, fromDate: await dateIn(740) }, '/fromDate'],
    [{ visitTypeId, doctorId, untilDate: await dateIn(740) }, '/untilDate'],
  ]
  for (const [body, pointer] of wrongs) {
    const answer = await join(anna.as, body)
    assert.equal(answer.status, 422, JSON.stringify([body, answer.body]))
    assert.deepEqual(pointersOf(answer), [pointer])
  }
})

test('one waits once for a visit, and once for a first one', async () => {
  const network = await fullNetwork()
  const { doctorId, visitTypeId } = network
  const anna = await waitWith(network, 0)
  const again = await join(anna.as, { appointmentId: anna.visitId, weekdays: [1] })
  assert.equal(again.body.type, '/problems/conflict')
  await must(join(anna.as, { doctorId, visitTypeId }))
  assert.equal((await join(anna.as, { doctorId, visitTypeId })).status, 409)
  await call(app, `DELETE /waitlist/${anna.entryId}`, { as: anna.as })
  await must(join(anna.as, { appointmentId: anna.visitId, weekdays: [1] }))
})

test('a visit that is off cannot be earlier', async () => {
  const network = await fullNetwork()
  const anna = await makePatient(runtime)
  const { body } = await must(book(app, anna.as, { slotId: network.far[0]!.id }))
  await must(command(anna.as, body.id, 'cancel'))
  const answer = await join(anna.as, { appointmentId: body.id })
  assert.equal(answer.body.type, '/problems/wrong-state')
  assert.equal(answer.body.appointmentStatus, 'cancelled')
})

test('strangers do not learn of an entry, and put nobody on the waitlist', async () => {
  const network = await fullNetwork()
  const { people, doctorId, visitTypeId } = network
  const [anna, eve] = [await waitWith(network, 0), await makePatient(runtime)]
  await free(network, 0)
  await workAt(await tomorrowAt())
  for (const as of [eve.as, people.otherDoctor, people.deskElsewhere]) {
    const path = `/waitlist/${anna.entryId}` as const
    for (const request of [
      `GET ${path}`,
      `DELETE ${path}`,
      `POST ${path}/take`,
      `POST ${path}/refuse`,
    ] as const)
      assert.equal((await call(app, request, { as })).status, 404, request)
    assert.equal((await join(as, { appointmentId: anna.visitId })).status, 404)
    const list = await call(app, 'GET /waitlist', { as })
    assert.deepEqual(list.body.items, [])
    const wish = { doctorId, visitTypeId, patientId: anna.patientId }
    assert.match(String((await join(as, wish)).status), /403|404/)
  }
  const denied = (await auditOf(anna.entryId)).filter(({ allowed }) => !allowed)
  assert.equal(denied.length, 12)
  assert.equal((await entryOf(anna)).status, 'offered')
})

test('the staff of the visit join, see, take and refuse for their patients', async () => {
  const network = await fullNetwork()
  const { people, clinicId, doctorId } = network
  const anna = await makePatient(runtime)
  const { body: visit } = await must(book(app, anna.as, { slotId: network.far[0]!.id }))
  const { body: entry } = await must(join(people.deskHere, { appointmentId: visit.id }))
  assert.equal(entry.patientId, anna.patientId)
  await free(network, 0)
  await workAt(await tomorrowAt())
  for (const as of [people.doctor, people.deskHere, anna.as]) {
    const path = `GET /waitlist?status=offered&clinicId=${clinicId}&patientId=${anna.patientId}`
    const { body } = await must(call(app, path as 'GET /', { as }))
    assert.deepEqual(
      body.items.map(({ id }: { id: string }) => id),
      [entry.id],
    )
  }
  await must(call(app, `POST /waitlist/${entry.id}/refuse`, { as: people.doctor }))
  await free(network, 1)
  await workAt((await tomorrowAt()) + 1000)
  const taken = await must(call(app, `POST /waitlist/${entry.id}/take`, { as: people.deskHere }))
  assert.equal(taken.body.id, visit.id)
  assert.equal(taken.body.doctorId, doctorId)
})

test('the list goes on where a page ended, longest waiting first', async () => {
  const network = await fullNetwork()
  const waiting = [
    await waitWith(network, 0),
    await waitWith(network, 1),
    await waitWith(network, 2),
  ]
  const as = network.people.doctor
  const first = await must(call(app, 'GET /waitlist?limit=2', { as }))
  const path = `GET /waitlist?limit=2&cursor=${first.body.nextCursor}` as const
  const second = await must(call(app, path, { as }))
  assert.deepEqual(
    [...first.body.items, ...second.body.items].map(({ id }: { id: string }) => id),
    waiting.map(({ entryId }) => entryId),
  )
  assert.equal(second.body.nextCursor, null)
  const none = await must(call(app, 'GET /waitlist?status=fulfilled', { as }))
  assert.deepEqual(none.body.items, [])
})

test('who no longer waits is listed when asked for', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  await must(call(app, `DELETE /waitlist/${anna.entryId}`, { as: anna.as }))
  const waiting = await must(call(app, 'GET /waitlist', { as: anna.as }))
  assert.deepEqual(waiting.body.items, [])
  const ended = await must(call(app, 'GET /waitlist?status=ended', { as: anna.as }))
  assert.equal(ended.body.items[0].id, anna.entryId)
})

test("a visit's entry is its own clinic's; the doctor's other clinic sees it while one of its times is held, and cannot end it", async () => {
  const network = await fullNetwork()
  const { people, doctorId, otherClinicId } = network
  await runtime.db
    .insertInto('doctor_clinic')
    .values({ doctor_id: doctorId, clinic_id: otherClinicId })
    .execute()
  runtime.board.doctors.forget(doctorId)
  const anna = await waitWith(network, 0)
  const as = people.deskElsewhere
  const path = `/waitlist/${anna.entryId}` as const
  for (const request of [`GET ${path}`, `DELETE ${path}`] as const)
    assert.equal((await call(app, request, { as })).status, 404)

  const date = await dateIn(6)
  await must(
    call(app, 'POST /doctors/me/openings', {
      as: people.doctor,
      body: { clinicId: otherClinicId, date, from: '10:00', to: '10:30' },
    }),
  )
  await workAt(await tomorrowAt())
  const seen = await must(call(app, `GET ${path}`, { as }))
  assert.equal(seen.body.offer.slot.clinicId, otherClinicId)
  const left = await call(app, `DELETE ${path}`, { as })
  assert.equal(left.body.type, '/problems/not-allowed')
  const denied = (await auditOf(anna.entryId)).filter(({ allowed }) => !allowed)
  assert.deepEqual(
    denied.map(({ action }) => action),
    ['waitlist.read', 'waitlist.leave', 'waitlist.leave'],
  )
  const refused = await must(call(app, `POST ${path}/refuse`, { as }))
  assert.equal(refused.body.status, 'waiting')
  assert.equal((await call(app, `GET ${path}`, { as })).status, 404)
  await must(call(app, `DELETE ${path}`, { as: people.deskHere }))
})

test("who waits for a doctor at any clinic is seen at the doctor's clinics, and who waits for a specialty is not", async () => {
  const network = await fullNetwork()
  const { people, doctorId, specialtyId, visitTypeId } = network
  const anna = await makePatient(runtime)
  const { body: byDoctor } = await must(join(anna.as, { doctorId, visitTypeId }))
  const { body: bySpecialty } = await must(join(anna.as, { specialtyId, visitTypeId }))
  const as = people.deskHere
  assert.equal((await call(app, `GET /waitlist/${bySpecialty.id}`, { as })).status, 404)
  await must(call(app, `DELETE /waitlist/${byDoctor.id}`, { as }))
})
