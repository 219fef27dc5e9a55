import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)
const { people } = network

interface Person {
  as: string
  accountId: string
  patientId: string
}

async function someone(name = 'Anna Berg'): Promise<Person> {
  const body = { email: `${newId()}@example.org`, password: 'four wet herons wait', name }
  const answer: AnswerBody = (await call(app, 'POST /auth/register', { body })).body
  const { id, patientId } = answer.account
  return { as: `Bearer ${answer.accessToken}`, accountId: id, patientId }
}

/** Hours from now at which the next appointment of these tests starts, so that none overlap. */
let hours = 0

async function appointment(patientId: string, status: AppointmentStatus): Promise<void> {
  hours += 1
  const startsAt = runtime.clock() + hours * 3_600_000
  const isOpen = status === 'held' || status === 'requested'
  await runtime.db
    .insertInto('appointment')
    .values({
      id: newId(),
      status,
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      patient_id: patientId,
      visit_type_id: network.visitTypeId,
      room_id: null,
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(startsAt + 1_800_000),
      time_zone: 'Europe/Paris',
      local_starts_at: '2026-11-24 10:40:00',
      reason: null,
      booked_by: null,
      cancelled_reason: null,
      expires_at: isOpen ? formatUtc(startsAt) : null,
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
}

async function access(
  who: Person,
  patientId: string,
  scope: 'book' | 'see' | 'manage',
  endsAt?: string,
) {
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: who.accountId,
      patient_id: patientId,
      relation: 'parent',
      scope,
      created_at: '2026-01-01Z',
      ends_at: endsAt ?? null,
    })
    .execute()
}

async function statusOfReading(patientId: string, as?: string): Promise<number> {
  const answer = await call(app, `GET /patients/${patientId}`, as === undefined ? {} : { as })
  return answer.status
}

test('a patient is known to the own account and to admins, and to a stranger does not exist', async () => {
  const { as, patientId } = await someone()
  assert.equal(await statusOfReading(patientId, as), 200)
  assert.equal(await statusOfReading(patientId, people.admin), 200)
  assert.equal(await statusOfReading(patientId), 401)
  const strangers = [people.patient, people.doctor, people.otherDoctor, people.deskHere]
  for (const stranger of [...strangers, (await someone()).as])
    assert.equal(await statusOfReading(patientId, stranger), 404)
  assert.equal(await statusOfReading(newId(), people.admin), 404)
})

test('with an appointment, its doctor and its front desk know the patient, and no others do', async () => {
  for (const status of ['confirmed', 'requested', 'arrived', 'completed', 'no_show'] as const) {
    const { patientId } = await someone()
    await appointment(patientId, status)
    assert.equal(await statusOfReading(patientId, people.doctor), 200, status)
    assert.equal(await statusOfReading(patientId, people.deskHere), 200, status)
    for (const stranger of [people.otherDoctor, people.deskElsewhere, people.patient])
      assert.equal(await statusOfReading(patientId, stranger), 404, status)
  }
})

test('what never became a visit or was called off shows the patient to nobody', async () => {
  for (const status of ['held', 'expired', 'declined', 'cancelled'] as const) {
    const { patientId } = await someone()
    await appointment(patientId, status)
    assert.equal(await statusOfReading(patientId, people.doctor), 404, status)
    assert.equal(await statusOfReading(patientId, people.deskHere), 404, status)
  }
})

test('who acts for others finds them in pages, until the access ends', async () => {
  const parent = await someone()
  const [child, ward, former] = [await someone('Child'), await someone('Ward'), await someone()]
  await access(parent, child.patientId, 'manage')
  await access(parent, ward.patientId, 'see', '2999-01-01Z')
  await access(parent, former.patientId, 'manage', '2026-01-02Z')
  const expected = [parent.patientId, child.patientId, ward.patientId].toSorted()

  const found: string[] = []
  let path = '/patients?limit=2'
  for (let page = 0; page < 2; page += 1) {
    const { items, nextCursor } = (await call(app, `GET ${path}`, { as: parent.as })).body
    found.push(...items.map(({ id }: { id: string }) => id))
    assert.equal(nextCursor === null, page === 1)
    path = `/patients?limit=2&cursor=${nextCursor}`
  }
  assert.deepEqual(found, expected)
  assert.equal(await statusOfReading(ward.patientId, parent.as), 200)
  assert.equal(await statusOfReading(former.patientId, parent.as), 404)
  const forged = await call(app, 'GET /patients?cursor=e30', { as: parent.as })
  assert.equal(forged.status, 422)
})

test('the account that manages a record changes it, clears fields, and gets the new version', async () => {
  const { as, patientId } = await someone()
  const changed = await app.inject({
    method: 'PATCH',
    url: `/api/v1/patients/${patientId}`,
    headers: { authorization: as, 'if-match': '"1"' },
    payload: { name: ' Anna Sjöberg ', phone: '+33 1 42 68 53 01', dateOfBirth: '1984-07-19' },
  })
  assert.equal(changed.statusCode, 200)
  assert.equal(changed.headers['etag'], '"2"')
  const { email, ...patient } = changed.json()
  assert(email)
  assert.deepEqual(patient, {
    id: patientId,
    name: 'Anna Sjöberg',
    phone: '+33 1 42 68 53 01',
    dateOfBirth: '1984-07-19',
    relation: 'self',
    scope: 'manage',
    version: 2,
  })
  const body = { phone: null, email: null, dateOfBirth: null }
  const cleared = await call(app, `PATCH /patients/${patientId}`, { as, body })
  const access = { relation: 'self', scope: 'manage' }
  assert.deepEqual(cleared.body, { id: patientId, name: 'Anna Sjöberg', ...access, version: 3 })
})

test('a change based on an old version is refused and changes nothing', async () => {
  const { as, patientId } = await someone()
  const options = { as, ifMatch: '"1"' }
  const changes = ['Anna One', 'Anna Two', 'Anna Three'].map((name) =>
    call(app, `PATCH /patients/${patientId}`, { ...options, body: { name } }),
  )
  const statuses = (await Promise.all(changes)).map(({ status }) => status)
  assert.deepEqual(
    statuses.toSorted((one, other) => one - other),
    [200, 412, 412],
  )
  const { body } = await call(app, `GET /patients/${patientId}`, { as })
  assert.equal(body.version, 2)
})

test('who may only look, book or treat changes no record', async () => {
  const { patientId } = await someone()
  await appointment(patientId, 'confirmed')
  const [looks, books] = [await someone(), await someone()]
  await access(looks, patientId, 'see')
  await access(books, patientId, 'book')
  const body = { name: 'Somebody Else' }
  for (const as of [looks.as, books.as, people.doctor, people.deskHere, people.admin])
    assert.equal((await call(app, `PATCH /patients/${patientId}`, { as, body })).status, 403)
  for (const as of [people.patient, people.otherDoctor, people.deskElsewhere])
    assert.equal((await call(app, `PATCH /patients/${patientId}`, { as, body })).status, 404)
  const { name } = (await call(app, `GET /patients/${patientId}`, { as: books.as })).body
  assert.equal(name, 'Anna Berg')
})

test('a change with wrong or unknown fields is refused by their names', async () => {
  const { as, patientId } = await someone()
  const cases: [object, string[]][] = [
    [{ name: null }, ['/name']],
    [{ name: ' ' }, ['/name']],
    [{ email: 'nobody' }, ['/email']],
    [{ phone: 5 }, ['/phone']],
    [{ dateOfBirth: '2001-02-29' }, ['/dateOfBirth']],
    [{ dateOfBirth: '2999-01-01' }, ['/dateOfBirth']],
    [{ dateOfBirth: '0999-01-01' }, ['/dateOfBirth']],
    [{ version: 7 }, ['/version']],
    [{ id: newId() }, ['/id']],
  ]
  for (const [body, pointers] of cases) {
    const answer = await call(app, `PATCH /patients/${patientId}`, { as, body })
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.deepEqual([...new Set(pointersOf(answer))], pointers)
  }
  assert.equal((await call(app, `PATCH /patients/${patientId}`, { as, body: {} })).status, 422)
})

test('reading a record leaves an audit row, refused ones too, without personal data', async () => {
  const { as, patientId } = await someone()
  await call(app, `GET /patients/${patientId}`, { as })
  await call(app, `GET /patients/${patientId}`, { as: people.patient })
  await call(app, `PATCH /patients/${patientId}`, { as: people.patient, body: { name: 'Mallory' } })
  await call(app, `PATCH /patients/${patientId}`, { as, body: { name: 'Anna Sjöberg' } })
  const entries = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed', 'details'])
    .where('subject_id', '=', patientId)
    .where('action', '<>', 'patient.create')
    .orderBy('seq')
    .execute()
  assert.deepEqual(entries, [
    { action: 'patient.read', allowed: true, details: {} },
    { action: 'patient.read', allowed: false, details: {} },
    { action: 'patient.change', allowed: false, details: {} },
    { action: 'patient.change', allowed: true, details: { fields: ['name'] } },
  ])
})
