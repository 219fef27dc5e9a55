import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf, signInAs } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const { people, clinicId, otherClinicId, doctorId } = await makeNetwork(runtime)

function register(as: string, body: object) {
  return call(app, 'POST /patients', { as, body })
}

/** A name that nobody else in these tests shares a word with. */
function uniqueName(): string {
  return `Zoë${newId().slice(-12)} Müller${newId().slice(-12)}`
}

function uniquePhone(): string {
  return `+33 6${String(Math.random()).slice(2, 10)}`
}

async function auditOf(action: string, subjectId: string | null) {
  return runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed', 'details'])
    .where('action', '=', action)
    .where('subject_id', 'is not distinct from', subjectId)
    .orderBy('seq')
    .execute()
}

test('the desk says in which language a person is written to, and corrects it', async () => {
  const made = await register(people.deskHere, { name: uniqueName(), locale: 'de-at' })
  assert.equal(made.status, 201)
  assert.equal(made.body.locale, 'de-AT')
  const path = `/patients/${made.body.id}`
  assert.equal((await call(app, `GET ${path}`, { as: people.deskHere })).body.locale, 'de-AT')
  const change = (locale: unknown) =>
    call(app, `PATCH ${path}`, { as: people.deskHere, body: { locale } })
  assert.equal((await change('ar')).body.locale, 'ar')
  const wrong = await change('not a language')
  assert.equal(wrong.status, 422)
  assert.deepEqual(pointersOf(wrong), ['/locale'])
  const cleared = await change(null)
  assert.equal(cleared.status, 200)
  assert.equal('locale' in cleared.body, false)
  const refused = await register(people.deskHere, { name: uniqueName(), locale: 'x' })
  assert.deepEqual(pointersOf(refused), ['/locale'])
})

test('the desk registers a person without an account, sees and corrects the record, and its colleagues do', async () => {
  const name = uniqueName()
  const email = `${newId()}@example.org`
  const made = await register(people.deskHere, {
    name: ` ${name} `,
    email,
    phone: '01 42 68 53 00',
  })
  assert.equal(made.status, 201)
  assert.equal(made.etag, '"1"')
  const { id } = made.body
  assert.deepEqual(made.body, { id, name, email, phone: '01 42 68 53 00', version: 1 })
  const colleague = await signInAs(runtime, { role: 'front_desk', clinicId })
  for (const as of [people.deskHere, colleague, people.admin])
    assert.equal((await call(app, `GET /patients/${id}`, { as })).status, 200)
  for (const as of [people.deskElsewhere, people.doctor, people.patient])
    assert.equal((await call(app, `GET /patients/${id}`, { as })).status, 404)

  const body = { dateOfBirth: '1984-07-19', phone: null }
  const changed = await call(app, `PATCH /patients/${id}`, { as: colleague, body, ifMatch: '"1"' })
  assert.equal(changed.status, 200)
  assert.deepEqual(changed.body, { id, name, email, dateOfBirth: '1984-07-19', version: 2 })
  const row = await runtime.db
    .selectFrom('patient')
    .select(['registered_by', 'registered_at_clinic_id'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  assert.equal(row.registered_at_clinic_id, clinicId)
  assert.ok(row.registered_by)
  assert.deepEqual(await auditOf('patient.create', id), [
    { action: 'patient.create', allowed: true, details: { clinicId } },
  ])
})

test('a record is the desk’s to change only until an account manages it', async () => {
  const { id } = (await register(people.deskHere, { name: uniqueName() })).body
  const { accountId } = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: id,
      relation: 'parent',
      scope: 'manage',
      created_at: '2026-01-01Z',
    })
    .execute()
  for (const as of [people.deskHere, people.admin]) {
    const changed = await call(app, `PATCH /patients/${id}`, { as, body: { phone: '01 42 68 53' } })
    assert.equal(changed.status, 403)
  }
})

test('a doctor registers for the own clinic, sees and corrects who was registered, and others do not', async () => {
  const made = await register(people.doctor, { name: uniqueName() })
  assert.equal(made.status, 201)
  const { id } = made.body
  const body = { phone: '01 42 68 53 00' }
  assert.equal((await call(app, `PATCH /patients/${id}`, { as: people.doctor, body })).status, 200)
  assert.equal((await call(app, `GET /patients/${id}`, { as: people.deskHere })).status, 200)
  assert.equal((await call(app, `GET /patients/${id}`, { as: people.otherDoctor })).status, 404)
})

test('who registers names one of the own clinics, or has only one', async () => {
  const busy = await signInAs(runtime, { role: 'front_desk', clinicId })
  const { accountId } = (await runtime.tokens.verify(busy.slice(7), runtime.clock()))!
  const created_at = '2026-01-01Z'
  await runtime.db
    .insertInto('membership')
    .values({ account_id: accountId, clinic_id: otherClinicId, role: 'front_desk', created_at })
    .execute()
  const cases: [string, object, number][] = [
    [busy, {}, 422],
    [busy, { clinicId: otherClinicId }, 201],
    [people.deskHere, { clinicId: otherClinicId }, 422],
    [people.doctor, { clinicId: otherClinicId }, 422],
    [people.admin, { clinicId: otherClinicId }, 201],
    [people.admin, { clinicId: newId() }, 422],
    [people.admin, {}, 201],
  ]
  for (const [as, body, status] of cases) {
    const answer = await register(as, { name: uniqueName(), ...body })
    assert.equal(answer.status, status, JSON.stringify(body))
    if (status === 422) assert.deepEqual(pointersOf(answer), ['/clinicId'])
  }
  const byPatient = await register(people.patient, { name: uniqueName() })
  assert.deepEqual([byPatient.status, pointersOf(byPatient)], [422, ['/relation']])
})

test('someone who seems to be known is not registered twice unless on purpose', async () => {
  const name = uniqueName()
  const [first = '', last = ''] = name.split(' ')
  const swapped = `${last.toUpperCase().normalize('NFD')}, ${first}`
  const phone = '+33 1 42 68 53 07'
  const email = `${newId()}@example.org`
  const dateOfBirth = '1951-02-03'
  const { id } = (await register(people.deskHere, { name, phone, email, dateOfBirth })).body
  const candidate = { id, name, dateOfBirth, phoneEndsWith: '5307', hasAccount: false }
  const known = [
    { name: swapped, dateOfBirth },
    { name: `Dr. ${first} Petra ${last}`, dateOfBirth },
    { name: last, dateOfBirth },
    { name, phone: '01.42.68.53.07' },
    { name: uniqueName(), email: email.toUpperCase() },
  ]
  for (const body of known) {
    const answer = await register(people.deskHere, body)
    assert.equal(answer.status, 409, JSON.stringify(body))
    assert.equal(answer.body.type, '/problems/possible-duplicates')
    assert.deepEqual(answer.body.candidates, [candidate])
  }
  const unknown = [
    { name, dateOfBirth: '1951-02-04' },
    { name: uniqueName(), phone, dateOfBirth },
    { name: `Anna Petra ${last}`, phone, dateOfBirth },
    { name },
  ]
  for (const body of unknown) assert.equal((await register(people.deskHere, body)).status, 201)
  const despite = { name, dateOfBirth, despiteDuplicates: true }
  assert.equal((await register(people.deskHere, despite)).status, 201)
  const sameNamed = await runtime.db
    .selectFrom('patient')
    .select('id')
    .where('name', '=', name)
    .execute()
  assert.equal(sameNamed.length, 4)
  const refused = await auditOf('patient.create', null)
  assert.ok(refused.some(({ allowed, details }) => !allowed && details['found'] !== undefined))
  assert.ok(!JSON.stringify(refused).includes(first))
})

test('names that are joined or split differently are one person’s', async () => {
  const [one, other] = uniqueName().split(' ')
  const spellings = [
    `${one}-${other} O’Brien`,
    `${one} ${other} OBrien`,
    `${one}${other} o'brien`,
    `O’Brien ${other} ${one}`,
  ]
  const dateOfBirth = '1951-02-05'
  const [first, ...others] = spellings
  assert.equal((await register(people.deskHere, { name: first, dateOfBirth })).status, 201)
  for (const name of others)
    assert.equal((await register(people.deskHere, { name, dateOfBirth })).status, 409, name)
})

test('of whom the one who registers does not see, the answer tells only what was typed and is so', async () => {
  const name = uniqueName()
  const [first = '', last = ''] = name.split(' ')
  const person = {
    name: `${first} Petra ${last}`,
    phone: '+33 1 42 68 53 08',
    email: `${newId()}@example.org`,
    dateOfBirth: '1951-02-06',
  }
  const { id } = (await register(people.deskHere, person)).body
  const { email, dateOfBirth } = person
  const cases: [object, object][] = [
    [{ name: 'x', email }, {}],
    [{ name: first, email }, {}],
    [{ name: first, email, phone: '+33 1 42 68 53 09', dateOfBirth: '1951-02-07' }, {}],
    [{ name: first, dateOfBirth }, { dateOfBirth }],
    [{ name: first, phone: '0142685308' }, { phoneEndsWith: '5308' }],
    [{ name, email }, { name: person.name }],
    [
      { name, phone: '0142685308', dateOfBirth },
      { name: person.name, phoneEndsWith: '5308', dateOfBirth },
    ],
  ]
  for (const [body, told] of cases)
    for (const as of [people.deskElsewhere, people.doctor]) {
      const answer = await register(as, body)
      assert.equal(answer.status, 409, JSON.stringify(body))
      assert.deepEqual(answer.body.candidates, [{ id, hasAccount: false, ...told }])
    }
  const here = await register(people.deskHere, { name: 'x', email })
  const whole = { id, name: person.name, phoneEndsWith: '5308', dateOfBirth, hasAccount: false }
  assert.deepEqual(here.body.candidates, [whole])
})

test('a long list of names finds nobody who is called by one of them', async () => {
  const [first, last] = uniqueName().split(' ')
  const dateOfBirth = '1951-02-08'
  await register(people.deskHere, { name: `${first} ${last}`, dateOfBirth })
  const name = `Anna ${first} Maria Wilhelmina Petra`
  assert.equal((await register(people.deskElsewhere, { name, dateOfBirth })).status, 201)
})

test('who works at no clinic any more registers nobody, and asks in vain', async () => {
  const leftId = newId()
  const created_at = '2026-01-01Z'
  await runtime.db.insertInto('doctor').values({ id: leftId, name: 'Left', created_at }).execute()
  const person = { name: uniqueName(), dateOfBirth: '1951-02-09' }
  await register(people.deskHere, person)
  for (const as of [
    await signInAs(runtime, { role: 'doctor', doctorId: leftId }),
    await signInAs(runtime, { role: 'front_desk' }),
  ])
    assert.equal((await register(as, person)).status, 403)
})

test('at most five candidates are named, those born on the day first', async () => {
  const name = uniqueName()
  const phone = uniquePhone()
  const dateOfBirth = '1960-06-06'
  for (let count = 0; count < 5; count += 1)
    await register(people.deskHere, { name, phone, despiteDuplicates: true })
  const born = { name, dateOfBirth, despiteDuplicates: true }
  const { id } = (await register(people.deskHere, born)).body
  const answer = await register(people.deskHere, { name, phone, dateOfBirth })
  assert.equal(answer.body.candidates.length, 5)
  assert.equal(answer.body.candidates[0].id, id)
})

test('a person who is registered twice at once is registered once', async () => {
  for (let round = 0; round < 5; round += 1) {
    const body = { name: uniqueName(), dateOfBirth: '1970-01-01' }
    const answers = await Promise.all(
      [people.deskHere, people.deskElsewhere, people.doctor, people.admin].map((as) =>
        register(as, body),
      ),
    )
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other)
    assert.deepEqual(statuses, [201, 409, 409, 409])
  }
})

test('a person who is registered at once by other words, another number or address is registered once', async () => {
  const { deskHere, deskElsewhere } = people
  for (let round = 0; round < 6; round += 1) {
    const name = uniqueName()
    const [phone, email] = [uniquePhone(), `${newId()}@example.org`]
    const swapped = `Dr. ${name.split(' ').toReversed().join(', ')}`
    const pairs = [
      [
        { name, dateOfBirth: '1970-01-02' },
        { name: swapped, dateOfBirth: '1970-01-02' },
      ],
      [
        { name, phone },
        { name: swapped, phone: phone.replace('+33 ', '0') },
      ],
      [
        { name, email },
        { name: uniqueName(), email: email.toUpperCase() },
      ],
    ]
    for (const [one, other] of pairs) {
      const answers = await Promise.all([register(deskHere, one!), register(deskElsewhere, other!)])
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
      assert.deepEqual(statuses, [201, 409], JSON.stringify(other))
    }
  }
})

test('registering is an event with ids alone', async () => {
  const { id } = (await register(people.deskHere, { name: uniqueName() })).body
  const events = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where(sql<string>`subjects ->> 'patientId'`, '=', id)
    .execute()
  assert.deepEqual(events, [{ type: 'patient.registered', subjects: { patientId: id, clinicId } }])
})

test('a registration with wrong or unknown fields is refused by their names', async () => {
  const cases: [object, string][] = [
    [{ name: ' ' }, '/name'],
    [{ dateOfBirth: '2999-01-01' }, '/dateOfBirth'],
    [{ dateOfBirth: '1849-12-31' }, '/dateOfBirth'],
    [{ phone: 'call me' }, '/phone'],
    [{ email: 'nobody' }, '/email'],
    [{ despiteDuplicates: false }, '/despiteDuplicates'],
    [{ doctorId }, '/doctorId'],
  ]
  for (const [body, pointer] of cases) {
    const answer = await register(people.deskHere, { name: uniqueName(), ...body })
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.deepEqual([...new Set(pointersOf(answer))], [pointer])
  }
})
