// What a visit or a wait shows of a patient whom someone else registered, and what it does not give.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, signInAs, type Answer } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { contextLater } from '#test/support/visits.ts'
import { findVisiblePatient } from './queries.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)
const elsewhere = await makeNetwork(runtime)
await openEveryDay(app, network)
await openEveryDay(app, elsewhere)
const { people, doctorId } = elsewhere
const password = 'four wet herons wait'
const dateOfBirth = '1984-07-19'

interface Person {
  id: string
  name: string
  phone: string
  email: string
}

/** Someone whom the first clinic registered. */
async function registered(): Promise<Person> {
  const person = {
    name: `Zoë ${newId()}`,
    phone: '+33 1 42 68 53 00',
    email: `${newId()}@example.org`,
  }
  const body = { ...person, dateOfBirth, despiteDuplicates: true }
  const { status, body: made } = await call(app, 'POST /patients', {
    as: network.people.deskHere,
    body,
  })
  assert.equal(status, 201)
  return { ...person, id: made.id }
}

/** Each booking has a time of its own, after the first of the day, which the patients have elsewhere. */
let booked = 1

/** Books for them at the other clinic. */
async function bookedBy(as: string, patientId: string): Promise<string> {
  const slots = await openSlots(app, doctorId)
  const slot = slots[booked++ % slots.length]
  const answer = await book(app, as, { slotId: slot!.id, patientId })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

/** Receives them there, as if they had come. */
async function receivedBy(as: string, patientId: string): Promise<string> {
  const answer = await call(app, 'POST /appointments/walk-in', {
    as,
    body: {
      doctorId,
      clinicId: elsewhere.clinicId,
      visitTypeId: elsewhere.visitTypeId,
      patientId,
      overbook: { reason: 'Stands at the desk.' },
    },
  })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  assert.equal(answer.body.status, 'arrived')
  return answer.body.id
}

function step(as: string, appointmentId: string, command: string): Promise<Answer> {
  return call(app, `POST /appointments/${appointmentId}/${command}`, { as, body: {} })
}

function see(as: string, { id }: Person): Promise<Answer> {
  return call(app, `GET /patients/${id}`, { as })
}

function makeLink(as: string, { id }: Person): Promise<Answer> {
  return call(app, `POST /patients/${id}/claim-links`, { as })
}

function change(as: string, { id }: Person): Promise<Answer> {
  return call(app, `PATCH /patients/${id}`, { as, body: { phone: '+33 1 42 68 53 01' } })
}

const staffElsewhere = [
  ['front desk', people.deskHere],
  ['doctor', people.doctor],
] as const

for (const [who, as] of staffElsewhere)
  test(`a ${who} who knows only an e-mail address gets no link to the record and no date of birth`, async () => {
    const person = await registered()
    const secret = 'A matter between the first clinic and the patient.'
    const [slot] = await openSlots(app, network.doctorId)
    const theirs = { slotId: slot!.id, patientId: person.id, reason: secret }
    assert.equal((await book(app, network.people.deskHere, theirs)).status, 201)

    const probe = { name: 'x', email: person.email }
    const refused = await call(app, 'POST /patients', { as, body: probe })
    assert.deepEqual(refused.body.candidates, [{ id: person.id, hasAccount: false }])

    // Booked: whom to call, and nothing more.
    const { id, name, phone, email } = person
    const booked = await bookedBy(as, id)
    assert.deepEqual((await see(as, person)).body, { id, name, phone, email, version: 1 })
    assert.equal((await makeLink(as, person)).status, 403)
    assert.equal((await change(as, person)).status, 403)
    // Cancelled: not even that.
    assert.equal((await step(as, booked, 'cancel')).status, 200)
    for (const answer of [await see(as, person), await makeLink(as, person)])
      assert.equal(answer.status, 404)
    // A visit that was made up alone, to its end.
    const visit = await receivedBy(as, id)
    for (const command of ['start', 'complete'])
      assert.equal((await step(as, visit, command)).status, 200)
    assert.equal((await makeLink(as, person)).status, 403)

    // Whatever they have by now is no code.
    const links = await runtime.db
      .selectFrom('patient_claim_link')
      .select('id')
      .where('patient_id', '=', id)
      .execute()
    assert.deepEqual(links, [])
    const claim = { code: 'GUESSED0GUESSED0GUESSED0GUESSED0', dateOfBirth }
    const register = { email: `${newId()}@example.org`, password, name: 'Mallory', claim }
    assert.equal((await call(app, 'POST /auth/register', { body: register })).status, 422)
    // The clinic that registered the person makes one.
    assert.equal((await makeLink(network.people.deskHere, person)).status, 201)
    const denied = await runtime.db
      .selectFrom('audit_entry')
      .select('seq')
      .where('subject_id', '=', id)
      .where('action', '=', 'patient.claim-link')
      .where('allowed', '=', false)
      .execute()
    assert.equal(denied.length, 3)
  })

test('a visit that staff booked shows how to reach the patient, on the list too, and lets nobody change it', async () => {
  const person = await registered()
  const { id, name, phone, email } = person
  await bookedBy(people.deskHere, id)
  for (const as of [people.deskHere, people.doctor]) {
    assert.deepEqual((await see(as, person)).body, { id, name, phone, email, version: 1 })
    const { items } = (await call(app, 'POST /patients/search', { as, body: { q: name } })).body
    const { nextVisitAt, ...found } = items[0]
    assert.ok(nextVisitAt)
    assert.deepEqual(found, { id, name, phone, email, hasAccount: false, version: 1 })
    assert.equal((await change(as, person)).status, 403)
  }
  for (const as of [people.otherDoctor, people.deskElsewhere])
    assert.equal((await see(as, person)).status, 404)
})

test('who has come is seen in full, kept by the desk, and gets a link from those who did not do it all', async () => {
  const person = await registered()
  const colleague = await signInAs(runtime, { role: 'front_desk', clinicId: elsewhere.clinicId })
  await receivedBy(people.deskHere, person.id)
  for (const as of [people.deskHere, colleague, people.doctor])
    assert.equal((await see(as, person)).body.dateOfBirth, dateOfBirth)
  assert.equal((await change(people.doctor, person)).status, 403)
  assert.equal((await change(people.deskHere, person)).status, 200)
  assert.equal((await makeLink(people.deskHere, person)).status, 403)
  for (const as of [colleague, people.doctor])
    assert.equal((await makeLink(as, person)).status, 201)
  for (const as of [people.otherDoctor, people.deskElsewhere])
    assert.equal((await makeLink(as, person)).status, 404)
})

test('who receives those whom a colleague booked does not count as two', async () => {
  const person = await registered()
  const visit = await bookedBy(people.doctor, person.id)
  assert.equal((await step(people.deskHere, visit, 'check-in')).status, 200)
  assert.equal((await makeLink(people.deskHere, person)).status, 403)
  assert.equal((await makeLink(people.doctor, person)).status, 403)
  const colleague = await signInAs(runtime, { role: 'front_desk', clinicId: elsewhere.clinicId })
  assert.equal((await makeLink(colleague, person)).status, 201)
})

test('a visit that staff booked for someone with an account shows the contact alone', async () => {
  const { as, patientId } = await makePatient(runtime, `Zoë ${newId()}`)
  await call(app, `PATCH /patients/${patientId}`, { as, body: { dateOfBirth } })
  await bookedBy(people.deskHere, patientId)
  for (const staff of [people.deskHere, people.doctor]) {
    const seen = await call(app, `GET /patients/${patientId}`, { as: staff })
    assert.equal(seen.status, 200)
    assert.equal(seen.body.dateOfBirth, undefined)
  }
})

test('a visit that the patient’s own account booked shows the whole record until it is called off', async () => {
  const { as, patientId } = await makePatient(runtime, `Zoë ${newId()}`)
  await call(app, `PATCH /patients/${patientId}`, { as, body: { dateOfBirth } })
  const visit = await bookedBy(as, patientId)
  for (const staff of [people.deskHere, people.doctor]) {
    const seen = await call(app, `GET /patients/${patientId}`, { as: staff })
    assert.equal(seen.body.dateOfBirth, dateOfBirth)
  }
  assert.equal((await step(as, visit, 'cancel')).status, 200)
  for (const staff of [people.deskHere, people.doctor])
    assert.equal((await call(app, `GET /patients/${patientId}`, { as: staff })).status, 404)
})

test('who waits for a visit at the clinic or with the doctor can be reached, until the wait is over', async () => {
  const [byClinic, byVisit] = [await registered(), await registered()]
  const visit = await bookedBy(people.deskHere, byVisit.id)
  const entry = {
    visit_type_id: elsewhere.visitTypeId,
    status: 'waiting' as const,
    created_at: formatUtc(runtime.clock()),
  }
  await runtime.db
    .insertInto('waitlist_entry')
    .values([
      {
        ...entry,
        id: newId(),
        patient_id: byClinic.id,
        specialty_id: elsewhere.specialtyId,
        clinic_id: elsewhere.clinicId,
      },
      { ...entry, id: newId(), patient_id: byVisit.id, doctor_id: doctorId, appointment_id: visit },
    ])
    .execute()
  await runtime.db
    .updateTable('appointment')
    .set({ status: 'held', expires_at: formatUtc(runtime.clock() + 60_000) })
    .where('id', '=', visit)
    .execute()
  for (const { id, name, phone, email } of [byClinic, byVisit]) {
    const answer = await call(app, `GET /patients/${id}`, { as: people.deskHere })
    assert.deepEqual(answer.body, { id, name, phone, email, version: 1 })
    assert.equal((await call(app, `GET /patients/${id}`, { as: people.deskElsewhere })).status, 404)
  }
  assert.equal((await see(people.doctor, byVisit)).status, 200)
  assert.equal((await see(people.doctor, byClinic)).status, 404)
  for (const person of [byClinic, byVisit]) {
    assert.equal((await makeLink(people.deskHere, person)).status, 403)
    assert.equal((await change(people.deskHere, person)).status, 403)
  }
  await runtime.db
    .updateTable('waitlist_entry')
    .set({ status: 'ended' })
    .where('patient_id', 'in', [byClinic.id, byVisit.id])
    .execute()
  for (const person of [byClinic, byVisit])
    assert.equal((await see(people.deskHere, person)).status, 404)
})

test('who waits for a doctor alone can be reached, and is found, by the desks of the doctor', async () => {
  const person = await registered()
  const body = { patientId: person.id, doctorId, visitTypeId: elsewhere.visitTypeId }
  const as = people.deskHere
  assert.equal((await call(app, 'POST /waitlist', { as, body })).status, 201)
  assert.equal((await see(as, person)).status, 200)
  const found = await call(app, 'POST /patients/search', { as, body: { q: person.name } })
  assert.deepEqual(
    found.body.items.map(({ id }: Person) => id),
    [person.id],
  )
  assert.equal((await see(people.deskElsewhere, person)).status, 404)
})

test('a name stuffed with others, and digits other than the last, tell nothing of a stranger', async () => {
  const person = { name: `Zoltan Quixano ${newId()}`, phone: '+33 1 42 68 53 99', dateOfBirth }
  const registering = { as: network.people.deskHere, body: person }
  assert.equal((await call(app, 'POST /patients', registering)).status, 201)
  const stuffed = `Anna Maria Peter Karin Eva ${person.name}`
  const made = await call(app, 'POST /patients', {
    as: people.deskHere,
    body: { name: stuffed, dateOfBirth },
  })
  assert.equal(made.status, 201)
  const { body } = await call(app, 'POST /patients/search', {
    as: people.deskHere,
    body: { q: person.name, dateOfBirth, phone: '+33142' },
  })
  const stranger = body.items.find(({ name }: Person) => name === person.name)
  assert.ok(stranger)
  assert.equal(stranger.phoneEndsWith, undefined)
})

test('a doctor of several clinics says which of them registers', async () => {
  const several = await makeNetwork(runtime)
  const { people: staff, clinicId, otherClinicId } = several
  await call(app, `PATCH /doctors/${several.doctorId}`, {
    as: staff.admin,
    body: { clinicIds: [clinicId, otherClinicId] },
  })
  const body = { name: `Zoë ${newId()}`, dateOfBirth }
  const refused = await call(app, 'POST /patients', { as: staff.doctor, body })
  assert.deepEqual(pointersOf(refused), ['/clinicId'])
  const made = await call(app, 'POST /patients', { as: staff.doctor, body: { ...body, clinicId } })
  assert.equal(made.status, 201)
})

test('who registered a patient at a clinic and left it sees and does no more', async () => {
  const leaving = await makeNetwork(runtime)
  const desk = await signInAs(runtime, { role: 'front_desk', clinicId: leaving.clinicId })
  const { doctor } = leaving.people
  const made: [string, Person][] = []
  for (const as of [desk, doctor]) {
    const body = { name: `Zoë ${newId()}`, dateOfBirth }
    made.push([as, { ...body, ...(await call(app, 'POST /patients', { as, body })).body }])
  }
  for (const [as, person] of made)
    assert.deepEqual(
      [(await see(as, person)).status, (await makeLink(as, person)).status],
      [200, 201],
    )
  const { accountId } = (await runtime.tokens.verify(desk.slice(7), runtime.clock()))!
  await runtime.db.deleteFrom('membership').where('account_id', '=', accountId).execute()
  await runtime.db.deleteFrom('doctor_clinic').where('doctor_id', '=', leaving.doctorId).execute()
  for (const [as, person] of made) {
    for (const answer of [
      await see(as, person),
      await makeLink(as, person),
      await change(as, person),
    ])
      assert.equal(answer.status, 404)
    const body = { q: person.name }
    assert.deepEqual((await call(app, 'POST /patients/search', { as, body })).body.items, [])
  }
})

test('claiming is an event with ids alone', async () => {
  const person = await registered()
  const { code } = (await makeLink(network.people.deskHere, person)).body
  const { as, accountId } = await makePatient(runtime)
  const body = { code, dateOfBirth, relation: 'carer' }
  assert.equal((await call(app, 'POST /patients/claims', { as, body })).status, 200)
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'patient.claimed')
    .execute()
  const claimed = events.find(({ subjects }) => subjects.patientId === person.id)
  assert.deepEqual(claimed?.subjects, { patientId: person.id, accountId })
  const secrets = [person.name, person.email, code, dateOfBirth]
  for (const secret of secrets) assert.ok(!JSON.stringify(events).includes(secret))
})

test('whether a record is shown whole is looked at once, however many columns it has', async () => {
  const person = await registered()
  await bookedBy(people.deskHere, person.id)
  const { actor } = await contextLater(people.doctor, 0)
  const reads = await runtime.db.transaction().execute(async (db) => {
    const scans = async () => {
      const { rows } = await sql<{ count: number }>`
        select (seq_scan + coalesce(idx_scan, 0))::integer as count from pg_stat_xact_user_tables
        where relid = 'appointment'::regclass`.execute(db)
      return rows[0]!.count
    }
    const before = await scans()
    const patientId = person.id
    assert.ok(await findVisiblePatient(db, { patientId, actor, now: runtime.clock() }))
    return (await scans()) - before
  })
  // Once for what is shown, once for whether anything is, once for who may vouch.
  assert.ok(reads <= 3, `${reads} looks at the visits`)
})
