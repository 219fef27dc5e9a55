// People whom an account registers for itself, and what is known of patients beside their name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { addDays, formatUtc, localDateOf } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, signInAs, type Answer } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)
const { people } = network
const today = localDateOf(runtime.clock(), 'UTC')

function register(as: string, body: object): Promise<Answer> {
  return call(app, 'POST /patients', { as, body: { name: `Ben ${newId()}`, ...body } })
}

/** A date of birth so many years before today's month and day. */
function bornYearsAgo(years: number): string {
  return `${Number(today.slice(0, 4)) - years}-01-01`
}

test('an account registers children and people it cares for, lists them, and books for them', async () => {
  const parent = await makePatient(runtime)
  const birth = bornYearsAgo(6)
  const child = await register(parent.as, { relation: 'parent', dateOfBirth: birth })
  assert.equal(child.status, 201, JSON.stringify(child.body))
  const endsAt = `${Number(birth.slice(0, 4)) + 18}-01-01T00:00:00.000Z`
  assert.deepEqual(
    [child.body.relation, child.body.scope, child.body.endsAt],
    ['parent', 'manage', endsAt],
  )
  const ward = await register(parent.as, { relation: 'carer' })
  assert.deepEqual([ward.status, ward.body.endsAt], [201, undefined])
  const { items } = (await call(app, 'GET /patients', { as: parent.as })).body
  assert.deepEqual(
    items.map((one: Answer['body']) => [one.id, one.relation, one.scope, one.endsAt]),
    [
      [parent.patientId, 'self', 'manage', undefined],
      [child.body.id, 'parent', 'manage', endsAt],
      [ward.body.id, 'carer', 'manage', undefined],
    ],
  )
  await openEveryDay(app, network)
  const [slot] = await openSlots(app, network.doctorId)
  const visit = await book(app, parent.as, { slotId: slot!.id, patientId: child.body.id })
  assert.equal(visit.status, 201)
  const stranger = await makePatient(runtime)
  assert.equal((await call(app, `GET /patients/${child.body.id}`, stranger)).status, 404)
})

test('staff register people of their own too, whose records are no clinic’s', async () => {
  const { status, body } = await register(people.deskHere, { relation: 'carer' })
  assert.equal(status, 201)
  const { registered_by, registered_at_clinic_id } = await runtime.db
    .selectFrom('patient')
    .select(['registered_by', 'registered_at_clinic_id'])
    .where('id', '=', body.id)
    .executeTakeFirstOrThrow()
  assert.deepEqual([registered_by, registered_at_clinic_id], [null, null])
  assert.equal((await call(app, `GET /patients/${body.id}`, { as: people.doctor })).status, 404)
})

test('an account that came without a record of its own makes one, and only one', async () => {
  const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
  const answers = await Promise.all([1, 2, 3].map(() => register(as, { relation: 'self' })))
  const [made, ...others] = answers.toSorted((one, other) => one.status - other.status)
  assert.equal(made!.status, 201, JSON.stringify(made!.body))
  assert.deepEqual([made!.body.relation, made!.body.scope], ['self', 'manage'])
  for (const { status, body } of others)
    assert.deepEqual([status, body.type], [409, '/problems/conflict'])
  const { body: me } = await call(app, 'GET /auth/me', { as })
  assert.equal(me.patientId, made!.body.id)
  await openEveryDay(app, network)
  const [slot] = await openSlots(app, network.doctorId)
  const visit = await book(app, as, { slotId: slot!.id, patientId: me.patientId })
  assert.equal(visit.status, 201, JSON.stringify(visit.body))
  const patient = await makePatient(runtime)
  assert.equal((await register(patient.as, { relation: 'self' })).status, 409)
})

test('a child has a date of birth and is no grown-up, and the desk’s fields are the desk’s', async () => {
  const { as } = await makePatient(runtime)
  const cases: [object, string][] = [
    [{}, '/relation'],
    [{ relation: 'parent' }, '/dateOfBirth'],
    [{ relation: 'parent', dateOfBirth: bornYearsAgo(18) }, '/dateOfBirth'],
    [{ relation: 'parent', dateOfBirth: addDays(today, 2) }, '/dateOfBirth'],
    [{ relation: 'carer', clinicId: network.clinicId }, '/clinicId'],
    [{ relation: 'carer', despiteDuplicates: true }, '/despiteDuplicates'],
    [{ relation: 'self', clinicId: network.clinicId }, '/clinicId'],
    [{ relation: 'carer', scope: 'manage' }, '/scope'],
  ]
  for (const [body, pointer] of cases) {
    const answer = await register(as, body)
    assert.deepEqual([answer.status, pointersOf(answer)], [422, [pointer]], JSON.stringify(body))
  }
  assert.equal((await call(app, 'GET /patients', { as })).body.items.length, 1)
})

test('who registers someone that is known already is not told, and at once no more than 20 are made', async () => {
  const name = `Zoë ${newId()}`
  const person = { name, dateOfBirth: bornYearsAgo(40), email: `${newId()}@example.org` }
  const { as } = await makePatient(runtime)
  assert.equal((await register(people.deskHere, person)).status, 201)
  assert.equal((await register(as, { ...person, relation: 'carer' })).status, 201)
  const answers = await Promise.all(
    Array.from({ length: 24 }, () => register(as, { relation: 'carer' })),
  )
  assert.equal(answers.filter(({ status }) => status === 201).length, 19)
  assert.equal(answers.filter(({ body }) => body.type === '/problems/conflict').length, 5)
})

const contact = {
  address: { street: '14 quai de Valmy', postalCode: '75010', city: 'Paris', country: 'France' },
  insuranceNumber: '2 84 07 75 116 001 42',
  emergencyContact: { name: 'Paul Berg', phone: '+33 1 42 68 53 09', relation: 'Brother' },
}

function shown({ address, insuranceNumber, emergencyContact }: Answer['body']) {
  return { address, insuranceNumber, emergencyContact }
}

test('address, insurance number and emergency contact are kept, changed by parts, and taken out', async () => {
  const made = await register(people.deskHere, { ...contact, dateOfBirth: '1984-07-19' })
  assert.deepEqual([made.status, shown(made.body)], [201, contact])
  const path = `/patients/${made.body.id}` as const
  const change = async (body: object) =>
    (await call(app, `PATCH ${path}`, { as: people.deskHere, body })).body
  const moved = await change({ address: { street: ' 2 rue Bichat ', country: null } })
  const { country: _country, ...rest } = contact.address
  assert.deepEqual(shown(moved), { ...contact, address: { ...rest, street: '2 rue Bichat' } })
  const emergencyContact = { name: 'Ines Roy', phone: '+33 1 42 68 53 10' }
  assert.deepEqual((await change({ emergencyContact })).emergencyContact, emergencyContact)
  const none = { address: null, insuranceNumber: null, emergencyContact: null }
  const nothing = { address: undefined, insuranceNumber: undefined, emergencyContact: undefined }
  assert.deepEqual(shown(await change(none)), nothing)
  assert.deepEqual(shown((await call(app, `GET ${path}`, { as: people.deskHere })).body), nothing)
})

test('only those who see the whole record see address, insurance number and emergency contact', async () => {
  const own = await makePatient(runtime)
  const changed = await call(app, `PATCH /patients/${own.patientId}`, { as: own.as, body: contact })
  assert.equal(changed.status, 200)
  const elsewhere = await makeNetwork(runtime)
  await openEveryDay(app, elsewhere)
  const [slot] = await openSlots(app, elsewhere.doctorId)
  const desk = elsewhere.people.deskHere
  const visit = await book(app, desk, { slotId: slot!.id, patientId: own.patientId })
  assert.equal(visit.status, 201)
  const { body } = await call(app, `GET /patients/${own.patientId}`, { as: desk })
  assert.deepEqual(Object.keys(body).toSorted(), ['id', 'name', 'phone', 'version'])
  const whole = await call(app, `GET /patients/${own.patientId}`, { as: people.admin })
  assert.deepEqual(shown(whole.body), contact)
  const details = await runtime.db
    .selectFrom('audit_entry')
    .select('details')
    .where('subject_id', '=', own.patientId)
    .where('action', '=', 'patient.change')
    .executeTakeFirstOrThrow()
  assert.deepEqual(details.details, {
    fields: ['address', 'insuranceNumber', 'emergencyContact'],
  })
})

test('an erased record is found by no search and changed by nobody', async () => {
  const name = `Ada ${newId()}`
  const dateOfBirth = '1984-07-19'
  const { body: person } = await register(people.deskHere, { name, dateOfBirth })
  const search = async (as: string) =>
    (await call(app, 'POST /patients/search', { as, body: { q: name, dateOfBirth } })).body.items
  assert.equal((await search(people.deskHere)).length, 1)
  await runtime.db
    .updateTable('patient')
    .set({ erased_at: formatUtc(runtime.clock()) })
    .where('id', '=', person.id)
    .execute()
  for (const as of [people.deskHere, people.admin]) {
    assert.deepEqual(await search(as), [])
    const body = { phone: '+33 1 42 68 53 01' }
    assert.equal((await call(app, `PATCH /patients/${person.id}`, { as, body })).status, 403)
    const link = await call(app, `POST /patients/${person.id}/claim-links`, { as, body: {} })
    assert.equal(link.status, 403)
  }
  assert.equal((await register(people.deskHere, { name, dateOfBirth })).status, 201)
})
