import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf, scheduleVersionOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { doctorsByIds } from './doctors.ts'

const { app, runtime } = await testVisita()

test('whose account a profile is of is shown to admins alone, and that it has none', async () => {
  const { people, doctorId, specialtyId } = await makeNetwork(runtime)
  const own = async (as: string) => (await call(app, 'GET /auth/me', { as })).body
  const { id: accountId } = await own(people.doctor)
  const { doctorId: otherDoctorId } = await own(people.otherDoctor)
  const shown = async (id: string, as?: string) =>
    (await call(app, `GET /doctors/${id}`, as === undefined ? {} : { as })).body.accountId
  assert.equal(await shown(doctorId, people.admin), accountId)
  for (const as of [people.doctor, people.deskHere, people.patient, undefined])
    assert.equal(await shown(doctorId, as), undefined)
  const listed = async (as: string) => {
    const { body } = await call(app, `GET /doctors?specialty=s-${specialtyId}`, { as })
    return body.items.find(({ id }: { id: string }) => id === doctorId).accountId
  }
  assert.deepEqual(
    [await listed(people.admin), await listed(people.deskHere)],
    [accountId, undefined],
  )
  await runtime.db
    .updateTable('doctor')
    .set({ account_id: null })
    .where('id', '=', otherDoctorId)
    .execute()
  assert.equal(await shown(otherDoctorId, people.admin), undefined)
})

test('a profile has its specialties, clinics and visit types, for anyone to read', async () => {
  const network = await makeNetwork(runtime)
  const { status, body, etag } = await call(app, `GET /doctors/${network.doctorId}`)
  assert.equal(status, 200)
  assert.equal(etag, '"1"')
  assert.deepEqual(body, {
    id: network.doctorId,
    name: 'Claire Moreau',
    specialties: [
      {
        id: network.specialtyId,
        code: `s-${network.specialtyId}`,
        name: `Specialty ${network.specialtyId}`,
      },
    ],
    languages: ['fr'],
    clinics: [{ id: network.clinicId, name: 'Canal', city: 'Paris', timeZone: 'Europe/Paris' }],
    visitTypes: [
      { id: network.visitTypeId, name: 'Consultation', durationMinutes: 30, mode: 'in_person' },
      { id: network.clinicVisitTypeId, name: 'Echo', durationMinutes: 30, mode: 'in_person' },
    ],
    acceptingNewPatients: true,
    status: 'bookable',
    bookingMode: 'instant',
    noticeMinutesMin: 60,
    horizonDays: 90,
    version: 1,
  })
})

test('profiles come in the order of their ids, without those that do not exist', async () => {
  const network = await makeNetwork(runtime)
  const other = await makeNetwork(runtime)
  const ids = [other.doctorId, newId(), network.doctorId]
  const rows = await doctorsByIds(runtime.db, ids)
  assert.deepEqual(
    rows.map((row) => row.id),
    [other.doctorId, network.doctorId],
  )
})

test('`me` is the own profile of a doctor, and nobody’s for anyone else', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const mine = await call(app, 'GET /doctors/me', { as: people.doctor })
  assert.equal(mine.body.id, doctorId)
  assert.equal((await call(app, 'GET /doctors/me')).status, 401)
  assert.equal((await call(app, 'GET /doctors/me', { as: people.patient })).status, 404)
  const changed = await call(app, 'PATCH /doctors/me', {
    as: people.doctor,
    body: { title: 'Dr.', languages: ['FR', 'pt-br'] },
  })
  assert.equal(changed.body.title, 'Dr.')
  assert.deepEqual(changed.body.languages, ['fr', 'pt-BR'])
})

test('an id that is no id is refused, and an unknown one is not found', async () => {
  const { people } = await makeNetwork(runtime)
  assert.deepEqual(pointersOf(await call(app, 'GET /doctors/you')), ['/id'])
  assert.equal((await call(app, `GET /doctors/${newId()}`)).status, 404)
  const patch = await call(app, `PATCH /doctors/${newId()}`, {
    as: people.admin,
    body: { bio: 'Away' },
  })
  assert.equal(patch.status, 404)
})

test('an admin adds a doctor who never signs in, and nobody else adds doctors', async () => {
  const network = await makeNetwork(runtime)
  const body = {
    title: 'Dr.',
    name: ' Amara Okafor ',
    specialtyIds: [network.specialtyId],
    clinicIds: [network.clinicId, network.otherClinicId],
    visitTypeIds: [network.visitTypeId, network.otherClinicVisitTypeId],
    dailyLimit: 12,
  }
  const made = await call(app, 'POST /doctors', { as: network.people.admin, body })
  assert.equal(made.status, 201)
  assert.equal(made.body.name, 'Amara Okafor')
  assert.equal(made.body.dailyLimit, 12)
  assert.deepEqual(
    made.body.clinics.map(({ city }: { city: string }) => city),
    ['Paris', 'Marseille'],
  )
  assert.equal(made.body.visitTypes.length, 2)
  for (const role of ['doctor', 'deskHere', 'patient'] as const)
    assert.equal((await call(app, 'POST /doctors', { as: network.people[role], body })).status, 403)
  assert.equal((await call(app, 'POST /doctors', { body })).status, 401)
})

test('every id of a new doctor that does not fit is pointed at', async () => {
  const network = await makeNetwork(runtime)
  const answer = await call(app, 'POST /doctors', {
    as: network.people.admin,
    body: {
      name: 'Amara Okafor',
      clinicIds: [network.clinicId, newId()],
      specialtyIds: [newId()],
      visitTypeIds: [network.visitTypeId, network.otherClinicVisitTypeId, newId()],
    },
  })
  assert.equal(answer.status, 422)
  assert.deepEqual(pointersOf(answer), [
    '/clinicIds/1',
    '/specialtyIds/0',
    '/visitTypeIds/1',
    '/visitTypeIds/2',
  ])
})

test('unknown, wrong and impossible fields are refused by name and change nothing', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const answer = await call(app, `PATCH /doctors/${doctorId}`, {
    as: people.admin,
    body: {
      accountId: newId(),
      name: ' ',
      status: 'retired',
      noticeMinutesMin: -1,
      horizonDays: '90',
      dailyLimit: 0,
      acceptingNewPatients: null,
    },
  })
  assert.equal(answer.status, 422)
  assert.deepEqual(pointersOf(answer).toSorted(), [
    '/acceptingNewPatients',
    '/accountId',
    '/dailyLimit',
    '/horizonDays',
    '/name',
    '/noticeMinutesMin',
    '/status',
  ])
  const languages = await call(app, `PATCH /doctors/${doctorId}`, {
    as: people.admin,
    body: { languages: ['fr', 'french!'] },
  })
  assert.deepEqual(pointersOf(languages), ['/languages/1'])
  const empty = await call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body: {} })
  assert.equal(empty.status, 422)
  const text = await call(app, `PATCH /doctors/${doctorId}`, {
    as: people.admin,
    body: { bio: 'nothing\u0000here' },
  })
  assert.equal(text.status, 422)
  assert.equal((await call(app, `GET /doctors/${doctorId}`)).body.version, 1)
})

test('the doctor and the desk of their clinic change the profile, strangers do not', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const statusFor = async (as: string) =>
    (await call(app, `PATCH /doctors/${doctorId}`, { as, body: { bio: 'In Paris.' } })).status
  for (const role of ['admin', 'doctor', 'deskHere'] as const)
    assert.equal(await statusFor(people[role]), 200)
  for (const role of ['otherDoctor', 'deskElsewhere', 'patient'] as const)
    assert.equal(await statusFor(people[role]), 403)
})

test('clinics and specialties of a doctor are an admin’s to change', async () => {
  const { doctorId, clinicId, specialtyId, people } = await makeNetwork(runtime)
  for (const role of ['doctor', 'deskHere'] as const)
    for (const body of [{ clinicIds: [clinicId] }, { specialtyIds: [specialtyId] }])
      assert.equal(
        (await call(app, `PATCH /doctors/${doctorId}`, { as: people[role], body })).status,
        403,
      )
  const answer = await call(app, `PATCH /doctors/${doctorId}`, {
    as: people.admin,
    body: { specialtyIds: [] },
  })
  assert.deepEqual(answer.body.specialties, [])
})

test('an optional field is taken away by null', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const patch = (body: object) =>
    call(app, `PATCH /doctors/${doctorId}`, { as: people.doctor, body })
  assert.equal((await patch({ dailyLimit: 5, phone: '+33 1 42 68 53 00' })).body.dailyLimit, 5)
  const { body } = await patch({ dailyLimit: null, phone: null })
  assert.equal('dailyLimit' in body, false)
  assert.equal('phone' in body, false)
})

test('a change based on an old version is refused, and the current one is told', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const patch = (ifMatch: string) =>
    call(app, `PATCH /doctors/${doctorId}`, { as: people.doctor, body: { bio: 'Hello' }, ifMatch })
  const first = await patch('"1"')
  assert.equal(first.status, 200)
  assert.equal(first.etag, '"2"')
  const stale = await patch('"1"')
  assert.equal(stale.status, 412)
  assert.equal(stale.body.version, 2)
  assert.equal((await patch('two')).status, 422)
})

test('what open times depend on raises the schedule’s version, a new bio does not', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const before = await scheduleVersionOf(runtime, doctorId)
  await call(app, `PATCH /doctors/${doctorId}`, { as: people.doctor, body: { bio: 'Hello' } })
  assert.equal(await scheduleVersionOf(runtime, doctorId), before)
  const heard: string[] = []
  runtime.events.subscribe((event) => {
    if (event.subjects.doctorId === doctorId) heard.push(event.type)
  })
  for (const body of [
    { status: 'paused' },
    { bookingMode: 'on_request' },
    { noticeMinutesMin: 0 },
    { horizonDays: 30 },
    { dailyLimit: null },
    { acceptingNewPatients: false },
    { visitTypeIds: [] },
  ])
    await call(app, `PATCH /doctors/${doctorId}`, { as: people.doctor, body })
  assert.equal(await scheduleVersionOf(runtime, doctorId), before + 7)
  assert.deepEqual(
    heard,
    Array.from({ length: 7 }, () => 'doctor.schedule-changed'),
  )
})

test('leaving a clinic takes its hours, openings and visit types along, and no others', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, clinicId, otherClinicId, people } = network
  const patch = (body: object) =>
    call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body })
  await patch({
    clinicIds: [clinicId, otherClinicId],
    visitTypeIds: [network.visitTypeId, network.clinicVisitTypeId, network.otherClinicVisitTypeId],
  })
  const rule = { doctor_id: doctorId, weekday: 1, from_minute: 540, to_minute: 1020 }
  const both = [network.visitTypeId, network.clinicVisitTypeId]
  await runtime.db
    .insertInto('weekly_hours')
    .values([
      { ...rule, id: newId(), clinic_id: clinicId },
      { ...rule, id: newId(), clinic_id: otherClinicId },
      { ...rule, id: newId(), clinic_id: otherClinicId, weekday: 2, visit_type_ids: both },
      {
        ...rule,
        id: newId(),
        clinic_id: otherClinicId,
        visit_type_ids: [network.clinicVisitTypeId],
      },
    ])
    .execute()
  await runtime.db
    .insertInto('opening')
    .values({
      id: newId(),
      doctor_id: doctorId,
      clinic_id: clinicId,
      opens_on: '2027-01-04',
      from_minute: 540,
      to_minute: 600,
    })
    .execute()
  const { body } = await patch({ clinicIds: [otherClinicId] })
  assert.deepEqual(
    body.visitTypes.map(({ id }: { id: string }) => id),
    [network.visitTypeId, network.otherClinicVisitTypeId],
  )
  const { body: week } = await call(app, `GET /doctors/${doctorId}/hours`, { as: people.admin })
  assert.deepEqual(week.hours, [
    { clinicId: otherClinicId, weekday: 1, from: '09:00', to: '17:00' },
    {
      clinicId: otherClinicId,
      weekday: 2,
      from: '09:00',
      to: '17:00',
      visitTypeIds: [network.visitTypeId],
    },
  ])
  const openings = await call(app, `GET /doctors/${doctorId}/openings`, { as: people.admin })
  assert.deepEqual(openings.body.items, [])
})

test('a visit type that staff alone may book is shown to staff alone', async () => {
  const { doctorId, clinicId, visitTypeId, clinicVisitTypeId, people } = await makeNetwork(runtime)
  await runtime.db
    .updateTable('visit_type')
    .set({ who_may_book: 'staff' })
    .where('clinic_id', '=', clinicId)
    .execute()
  const idsFor = async (as?: string) => {
    const { body } = await call(app, `GET /doctors/${doctorId}`, { as })
    return body.visitTypes.map(({ id }: { id: string }) => id)
  }
  for (const as of [undefined, people.patient, people.otherDoctor, people.deskElsewhere])
    assert.deepEqual(await idsFor(as), [visitTypeId])
  for (const as of [people.doctor, people.deskHere, people.admin])
    assert.deepEqual(await idsFor(as), [visitTypeId, clinicVisitTypeId])
})

test('a copy of a profile is never confirmed when a name in it may have changed', async () => {
  const { doctorId, clinicId } = await makeNetwork(runtime)
  await runtime.db
    .updateTable('clinic')
    .set({ name: 'Canal and Bank' })
    .where('id', '=', clinicId)
    .execute()
  const answer = await app.inject({
    url: `/api/v1/doctors/${doctorId}`,
    headers: { 'if-none-match': '"1"' },
  })
  assert.equal(answer.statusCode, 200)
  assert.match(answer.body, /Canal and Bank/)
})

test('a doctor who leaves their last clinic keeps the visit types of the network', async () => {
  const { doctorId, visitTypeId, people } = await makeNetwork(runtime)
  const { body } = await call(app, `PATCH /doctors/${doctorId}`, {
    as: people.admin,
    body: { clinicIds: [] },
  })
  assert.deepEqual(body.clinics, [])
  assert.deepEqual(
    body.visitTypes.map(({ id }: { id: string }) => id),
    [visitTypeId],
  )
})

test('admins keep the list of specialties, in which codes and names are unique', async () => {
  const { people } = await makeNetwork(runtime)
  const name = `Épilepsie ${newId()}`
  const made = await call(app, 'POST /specialties', { as: people.admin, body: { name } })
  assert.equal(made.status, 201)
  assert.match(made.body.code, /^epilepsie-[0-9a-f-]+$/)
  const twin = await call(app, 'POST /specialties', { as: people.admin, body: { name } })
  assert.equal(twin.status, 409)
  const unnamed = await call(app, 'POST /specialties', { as: people.admin, body: { name: '心臓' } })
  assert.deepEqual(pointersOf(unnamed), ['/code'])
  const path = `PATCH /specialties/${made.body.id}` as const
  const renamed = await call(app, path, { as: people.admin, body: { name: `New ${name}` } })
  assert.deepEqual(renamed.body, { ...made.body, name: `New ${name}` })
  const body = { name: 'Mine' }
  assert.equal((await call(app, path, { as: people.doctor, body })).status, 403)
  assert.equal((await call(app, 'POST /specialties', { as: people.deskHere, body })).status, 403)
  const unknown = await call(app, `PATCH /specialties/${newId()}`, { as: people.admin, body })
  assert.equal(unknown.status, 404)
})

test('the pages of specialties hold each once, by name', async () => {
  await Promise.all([makeNetwork(runtime), makeNetwork(runtime), makeNetwork(runtime)])
  const ids: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body } = await call(app, `GET /specialties?limit=2${cursor && `&cursor=${cursor}`}`)
    ids.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  const all = await runtime.db.selectFrom('specialty').select('id').orderBy('name').execute()
  assert.deepEqual(
    ids,
    all.map(({ id }) => id),
  )
  assert.deepEqual(pointersOf(await call(app, 'GET /specialties?cursor=nonsense')), ['/cursor'])
})
