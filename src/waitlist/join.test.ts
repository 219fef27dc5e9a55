import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { addDays } from '#src/kernel/time.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { dateIn, entryOf, fullNetwork, must, tomorrowAt, workAt } from '#test/support/waitlist.ts'

const { app, runtime } = await testVisita()

function join(as: string, body: object, key?: string) {
  return call(app, 'POST /waitlist', { as, body, ...(key !== undefined && { key }) })
}

/** What was denied with these details. */
async function deniedJoins(patientId: string) {
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['subject_id', 'allowed', 'details'])
    .where('action', '=', 'waitlist.join')
    .where('allowed', '=', false)
    .execute()
  return rows.filter(({ details }) => (details as { patientId?: string }).patientId === patientId)
}

async function entriesOf(patientId: string) {
  return runtime.db
    .selectFrom('waitlist_entry')
    .select(['id', 'status', 'clinic_id'])
    .where('patient_id', '=', patientId)
    .execute()
}

test('a front desk that names a specialty alone puts its patients on for its own clinic, and looks after them', async () => {
  const { people, clinicId, specialtyId, visitTypeId } = await fullNetwork()
  const { patientId } = await makePatient(runtime)
  const as = people.deskHere
  const joined = await join(as, { patientId, specialtyId, visitTypeId })
  assert.equal(joined.status, 201, JSON.stringify(joined.body))
  assert.equal(joined.body.clinicId, clinicId)
  const list = await must(call(app, `GET /waitlist?patientId=${patientId}` as 'GET /', { as }))
  assert.equal(list.body.items[0].id, joined.body.id)
  await must(call(app, `DELETE /waitlist/${joined.body.id}`, { as }))
})

test('a front desk of several clinics says for which', async () => {
  const network = await fullNetwork()
  const { people, clinicId, otherClinicId, specialtyId, visitTypeId } = network
  const { account_id } = await runtime.db
    .selectFrom('membership')
    .select('account_id')
    .where('clinic_id', '=', clinicId)
    .executeTakeFirstOrThrow()
  await runtime.db
    .insertInto('membership')
    .values({
      account_id,
      clinic_id: otherClinicId,
      role: 'front_desk',
      created_at: '2026-01-01T00:00:00Z',
    })
    .execute()
  const { patientId } = await makePatient(runtime)
  const wish = { patientId, specialtyId, visitTypeId }
  assert.deepEqual(pointersOf(await join(people.deskHere, wish)), ['/clinicId'])
  assert.equal((await join(people.deskHere, { ...wish, clinicId })).status, 201)
})

test('nobody makes an entry that they would not see: nothing is stored, and the denied one is on record', async () => {
  const { people, specialtyId, visitTypeId, doctorId } = await fullNetwork()
  const { patientId } = await makePatient(runtime)
  const denied = await join(people.doctor, { patientId, specialtyId, visitTypeId })
  assert.equal(denied.body.type, '/problems/not-allowed')
  const stranger = await makePatient(runtime)
  const other = await join(stranger.as, { patientId, doctorId, visitTypeId })
  assert.equal(other.body.type, '/problems/not-found')
  assert.deepEqual(await entriesOf(patientId), [])
  const rows = await deniedJoins(patientId)
  assert.deepEqual(
    rows.map(({ subject_id }) => subject_id),
    [null, null],
  )
  assert.equal((await join(people.doctor, { patientId, doctorId, visitTypeId })).status, 201)
})

test('a request to join that is sent again gets its entry again, also at once', async () => {
  const { doctorId, visitTypeId, far } = await fullNetwork()
  const anna = await makePatient(runtime)
  const wish = { doctorId, visitTypeId }
  const key = newId()
  const [one, twin] = await Promise.all([join(anna.as, wish, key), join(anna.as, wish, key)])
  assert.deepEqual([one.status, twin.status], [201, 201])
  assert.equal(one.body.id, twin.body.id)
  assert.equal((await join(anna.as, wish, key)).body.id, one.body.id)
  const other = await join(anna.as, { ...wish, weekdays: [1] }, key)
  assert.equal(other.body.type, '/problems/idempotency-key-reused')
  assert.equal((await entriesOf(anna.patientId)).length, 1)

  const visit = await must(book(app, anna.as, { slotId: far[0]!.id }))
  const later = newId()
  const body = { appointmentId: visit.body.id }
  const { body: entry } = await must(join(anna.as, body, later))
  await must(call(app, `DELETE /appointments/${visit.body.id}`, { as: anna.as }))
  assert.equal((await join(anna.as, body, later)).body.id, entry.id)
})

test('a patient waits for ten visits at most, however many are asked for at once', async () => {
  const { people, doctorId, visitTypeId, far } = await fullNetwork()
  const anna = await makePatient(runtime)
  const visits: string[] = []
  for (const { id } of far.slice(0, 11)) {
    const slot = await must(book(app, anna.as, { slotId: id }))
    visits.push(slot.body.id)
  }
  const answers = await Promise.all(visits.map((appointmentId) => join(anna.as, { appointmentId })))
  const refused = answers.filter(({ status }) => status !== 201)
  assert.deepEqual(
    refused.map(({ body }) => body.type),
    ['/problems/conflict'],
  )
  const { patientId } = anna
  const more = await join(people.deskHere, { patientId, doctorId, visitTypeId })
  assert.equal(more.body.type, '/problems/conflict')
  const entry = (await entriesOf(patientId))[0]!
  await must(call(app, `DELETE /waitlist/${entry.id}`, { as: anna.as }))
  assert.equal((await join(anna.as, { doctorId, visitTypeId })).status, 201)
})

test('one waits for a first visit for a year, unless another date is named', async () => {
  const { doctorId, specialtyId, visitTypeId } = await fullNetwork()
  const anna = await makePatient(runtime)
  const { body } = await must(join(anna.as, { doctorId, visitTypeId }))
  assert.equal(body.untilDate, addDays(await dateIn(0), 365))
  const fromDate = await dateIn(400)
  const late = await must(join(anna.as, { specialtyId, visitTypeId, fromDate }))
  assert.equal(late.body.untilDate, addDays(fromDate, 365))
})

test('the wait for a first visit ends once the patient has one, and not with one of another kind or before', async () => {
  const network = await fullNetwork()
  const { doctorId, specialtyId, visitTypeId, clinicVisitTypeId, far } = network
  const anna = await makePatient(runtime)
  await must(book(app, anna.as, { slotId: far[0]!.id }))
  // Nothing before the near day is open, and the far one is not asked for.
  const common = { untilDate: await dateIn(6) }
  const entryIds: string[] = []
  for (const wish of [
    { doctorId, visitTypeId },
    { specialtyId, visitTypeId },
    { doctorId, visitTypeId: clinicVisitTypeId },
  ])
    entryIds.push((await must(join(anna.as, { ...wish, ...common }))).body.id)
  const statuses = () =>
    Promise.all(
      entryIds.map(async (entryId) => (await entryOf({ ...anna, visitId: '', entryId })).status),
    )
  await workAt(await tomorrowAt())
  assert.deepEqual(await statuses(), ['waiting', 'waiting', 'waiting'])
  const cancelled = await must(book(app, anna.as, { slotId: far[1]!.id }))
  await must(call(app, `DELETE /appointments/${cancelled.body.id}`, { as: anna.as }))
  await workAt(await tomorrowAt())
  assert.deepEqual(await statuses(), ['waiting', 'waiting', 'waiting'])
  await must(book(app, anna.as, { slotId: far[2]!.id }))
  await workAt(await tomorrowAt())
  assert.deepEqual(await statuses(), ['ended', 'ended', 'waiting'])
})

test('the wait ends when nobody is left who offers such visits', async () => {
  const network = await fullNetwork()
  const { doctorId, visitTypeId, clinicVisitTypeId, people } = network
  const anna = await makePatient(runtime)
  const untilDate = await dateIn(6)
  const entryIds: string[] = []
  for (const wish of [
    { doctorId, visitTypeId, untilDate },
    { doctorId, visitTypeId: clinicVisitTypeId, untilDate },
  ])
    entryIds.push((await must(join(anna.as, wish))).body.id)
  await must(
    call(app, `PATCH /doctors/${doctorId}`, {
      as: people.admin,
      body: { visitTypeIds: [visitTypeId] },
    }),
  )
  await workAt(await tomorrowAt())
  const [kept, ended] = await Promise.all(
    entryIds.map((entryId) => entryOf({ ...anna, visitId: '', entryId })),
  )
  assert.equal(kept!.status, 'waiting')
  assert.equal(ended!.status, 'ended')
})
