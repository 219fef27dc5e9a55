import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { addDays, localDateOf } from '#src/kernel/time.ts'
import {
  call,
  makeNetwork,
  pointersOf,
  scheduleVersionOf,
  type Answer,
} from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

const today = localDateOf(runtime.clock(), 'Europe/Paris')

test('hours, openings and time off are the doctor’s, their desk’s and the admins’ alone', async () => {
  const { doctorId, clinicId, people } = await makeNetwork(runtime)
  const unknown = newId()
  const calls = [
    ['GET', 'hours', undefined, 200],
    ['PUT', 'hours', { hours: [] }, 200],
    ['GET', 'openings', undefined, 200],
    ['POST', 'openings', { clinicId, date: today, from: '20:00', to: '21:00' }, 201],
    ['DELETE', `openings/${unknown}`, undefined, 404],
    ['GET', 'time-off', undefined, 200],
    ['POST', 'time-off', { startsAt: '2031-01-01T00:00:00Z', endsAt: '2031-01-02T00:00:00Z' }, 201],
    ['DELETE', `time-off/${unknown}`, undefined, 404],
  ] as const
  for (const [method, path, body, expected] of calls) {
    const line = `${method} ${path}`
    const statusFor = async (as?: string, id = doctorId) => {
      const answer = await call(app, `${method} /doctors/${id}/${path}`, { as, body })
      return answer.status
    }
    for (const role of ['admin', 'doctor', 'deskHere'] as const)
      assert.equal(await statusFor(people[role]), expected, `${line} as ${role}`)
    for (const role of ['otherDoctor', 'deskElsewhere', 'patient'] as const)
      assert.equal(await statusFor(people[role]), 403, `${line} as ${role}`)
    assert.equal(await statusFor(), 401, `${line} as nobody`)
    assert.equal(await statusFor(people.doctor, 'me'), expected, `${line} as me`)
    assert.equal(await statusFor(people.admin, 'me'), 404, `${line} as an admin's me`)
    assert.equal(await statusFor(people.admin, unknown), 404, `${line} of nobody`)
    assert.equal(await statusFor(people.admin, 'you'), 422, `${line} of no id`)
  }
})

test('the week that is put is the week that is read, and the one before is gone', async () => {
  const { clinicId, visitTypeId, people } = await makeNetwork(runtime)
  const put = (hours: object[]) =>
    call(app, 'PUT /doctors/me/hours', { as: people.doctor, body: { hours } })
  await put([{ clinicId, weekday: 7, from: '00:00', to: '24:00' }])
  const hours = [
    { clinicId, weekday: 1, from: '09:00', to: '12:00', visitTypeIds: [visitTypeId] },
    { clinicId, weekday: 1, from: '11:00', to: '17:00' },
    {
      clinicId,
      weekday: 5,
      from: '22:00',
      to: '06:00',
      validFrom: '2026-12-01',
      validUntil: '2027-02-28',
    },
  ]
  const answer = await put(hours)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, { hours })
  const read = await call(app, 'GET /doctors/me/hours', { as: people.deskHere })
  assert.equal(read.status, 404)
  const { body, etag } = await call(app, 'GET /doctors/me/hours', { as: people.doctor })
  assert.deepEqual(body, { hours })
  assert.equal(etag, answer.etag)
})

test('rules that do not fit are pointed at, and the week stays as it was', async () => {
  const { clinicId, otherClinicId, otherClinicVisitTypeId, people } = await makeNetwork(runtime)
  const rule = { clinicId, weekday: 1, from: '09:00', to: '17:00' }
  const put = (hours: object[], more = {}) =>
    call(app, 'PUT /doctors/me/hours', { as: people.doctor, body: { hours, ...more } })
  await put([rule])
  assert.deepEqual(
    pointersOf(
      await put([
        rule,
        { ...rule, clinicId: otherClinicId },
        { ...rule, visitTypeIds: [otherClinicVisitTypeId] },
        { ...rule, from: '10:00', to: '10:00' },
      ]),
    ),
    ['/hours/1/clinicId', '/hours/2/visitTypeIds/0', '/hours/3/to'],
  )
  assert.deepEqual(
    pointersOf(
      await put(
        [
          { ...rule, weekday: 0 },
          { ...rule, weekday: 8 },
          { ...rule, from: '9:00' },
          { ...rule, to: '24:01' },
          { ...rule, validFrom: '2027-02-29' },
          { ...rule, visitTypeIds: [] },
          { ...rule, room: 'A' },
          { clinicId, weekday: 1, from: '09:00' },
        ],
        { replace: true },
      ),
    ).toSorted(),
    [
      '/hours/0/weekday',
      '/hours/1/weekday',
      '/hours/2/from',
      '/hours/3/to',
      '/hours/4/validFrom',
      '/hours/5/visitTypeIds',
      '/hours/6/room',
      '/hours/7/to',
      '/replace',
    ],
  )
  assert.deepEqual(pointersOf(await put(Array.from({ length: 201 }, () => rule))), ['/hours'])
  const { body } = await call(app, 'GET /doctors/me/hours', { as: people.doctor })
  assert.deepEqual(body.hours, [rule])
})

test('two hundred rules are taken', async () => {
  const { clinicId, visitTypeId, people } = await makeNetwork(runtime)
  const rule = { clinicId, weekday: 1, from: '09:00', to: '17:00', visitTypeIds: [visitTypeId] }
  const body = { hours: Array.from({ length: 200 }, () => rule) }
  const answer = await call(app, 'PUT /doctors/me/hours', { as: people.doctor, body })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.hours.length, 200)
})

test('a week based on an old version of the schedule is refused', async () => {
  const { clinicId, people } = await makeNetwork(runtime)
  const put = (ifMatch: string) =>
    call(app, 'PUT /doctors/me/hours', { as: people.doctor, body: { hours: [] }, ifMatch })
  const { etag } = await call(app, 'GET /doctors/me/hours', { as: people.doctor })
  const opening = { clinicId, date: today, from: '09:00', to: '10:00' }
  await call(app, 'POST /doctors/me/openings', { as: people.doctor, body: opening })
  assert.equal((await put(etag)).status, 412)
  const fresh = await call(app, 'GET /doctors/me/hours', { as: people.doctor })
  assert.equal((await put(fresh.etag)).status, 200)
})

test('each change raises the schedule’s version once and is told; a refused one is not', async () => {
  const { doctorId, clinicId, people } = await makeNetwork(runtime)
  const heard: string[] = []
  runtime.events.subscribe((event) => {
    if (event.subjects.doctorId === doctorId) heard.push(event.type)
  })
  const before = await scheduleVersionOf(runtime, doctorId)
  const as = people.deskHere
  const path = `/doctors/${doctorId}`
  await call(app, `PUT ${path}/hours`, { as, body: { hours: [] } })
  const opening = await call(app, `POST ${path}/openings`, {
    as,
    body: { clinicId, date: today, from: '09:00', to: '10:00' },
  })
  const timeOff = await call(app, `POST ${path}/time-off`, {
    as,
    body: { startsAt: '2031-01-01T00:00:00Z', endsAt: '2031-01-02T00:00:00Z' },
  })
  const gone = await call(app, `DELETE ${path}/openings/${opening.body.id}`, { as })
  assert.equal(gone.status, 204)
  await call(app, `DELETE ${path}/time-off/${timeOff.body.id}`, { as })
  assert.equal(await scheduleVersionOf(runtime, doctorId), before + 5)
  await call(app, `DELETE ${path}/time-off/${timeOff.body.id}`, { as })
  await call(app, `POST ${path}/openings`, {
    as,
    body: { clinicId, date: '2020-01-01', from: '09:00', to: '10:00' },
  })
  assert.equal(await scheduleVersionOf(runtime, doctorId), before + 5)
  assert.deepEqual(
    heard,
    Array.from({ length: 5 }, () => 'doctor.schedule-changed'),
  )
})

test('openings are listed by date from yesterday on, or from the date that is asked for', async () => {
  const { doctorId, clinicId, visitTypeId, people } = await makeNetwork(runtime)
  const post = (date: string, from: string, to: string) =>
    call(app, 'POST /doctors/me/openings', {
      as: people.doctor,
      body: { clinicId, date, from, to, visitTypeIds: [visitTypeId] },
    })
  const later = await post(addDays(today, 30), '22:00', '02:00')
  const sooner = await post(addDays(today, 2), '09:00', '12:00')
  const sameDay = await post(addDays(today, 2), '14:00', '18:00')
  const past = { doctor_id: doctorId, clinic_id: clinicId, from_minute: 0, to_minute: 60 }
  await runtime.db
    .insertInto('opening')
    .values({ ...past, id: newId(), opens_on: addDays(today, -2) })
    .execute()
  const list = async (query: string) =>
    (await call(app, `GET /doctors/me/openings${query}`, { as: people.doctor })).body
  const all = await list('')
  assert.deepEqual(all, { items: [sooner.body, sameDay.body, later.body], nextCursor: null })
  assert.deepEqual((await list(`?from=${addDays(today, 3)}`)).items, [later.body])
  assert.equal((await list(`?from=${addDays(today, -9)}`)).items.length, 4)
  const first = await list('?limit=1')
  assert.deepEqual(first.items, [sooner.body])
  const rest = await list(`?limit=2&cursor=${first.nextCursor}`)
  assert.deepEqual(rest, { items: [sameDay.body, later.body], nextCursor: null })
})

test('an opening that cannot be is refused by its field', async () => {
  const { clinicId, otherClinicId, otherClinicVisitTypeId, people } = await makeNetwork(runtime)
  const opening = { clinicId, date: today, from: '09:00', to: '10:00' }
  const faults = async (change: object) =>
    pointersOf(
      await call(app, 'POST /doctors/me/openings', {
        as: people.doctor,
        body: { ...opening, ...change },
      }),
    )
  assert.deepEqual(await faults({ clinicId: otherClinicId }), ['/clinicId'])
  assert.deepEqual(await faults({ date: '2027-02-30' }), ['/date'])
  assert.deepEqual(await faults({ date: addDays(today, -1) }), ['/date'])
  assert.deepEqual(await faults({ date: '9999-01-01' }), ['/date'])
  assert.deepEqual(await faults({ to: '09:00' }), ['/to'])
  assert.deepEqual(await faults({ from: '24:00' }), ['/from'])
  assert.deepEqual(await faults({ visitTypeIds: [otherClinicVisitTypeId] }), ['/visitTypeIds/0'])
  assert.deepEqual(await faults({ weekday: 1 }), ['/weekday'])
})

test('an opening or time off of another doctor is not found', async () => {
  const { clinicId, people } = await makeNetwork(runtime)
  const opening = await call(app, 'POST /doctors/me/openings', {
    as: people.doctor,
    body: { clinicId, date: today, from: '09:00', to: '10:00' },
  })
  const { status } = await call(app, `DELETE /doctors/me/openings/${opening.body.id}`, {
    as: people.otherDoctor,
  })
  assert.equal(status, 404)
  const { body } = await call(app, 'GET /doctors/me/openings', { as: people.doctor })
  assert.equal(body.items.length, 1)
})

test('time off is taken in any offset and shown in that of the doctor’s first clinic', async () => {
  const { people } = await makeNetwork(runtime)
  const post = (body: object) => call(app, 'POST /doctors/me/time-off', { as: people.doctor, body })
  const summer = await post({
    startsAt: '2030-07-01T08:00:00-04:00',
    endsAt: '2031-01-01T00:00:00Z',
    note: 'Sabbatical',
  })
  assert.equal(summer.status, 201)
  // The list does not say again whom it affected.
  const listed = ({ body: { affected: _visits, affectedCount: _count, ...timeOff } }: Answer) =>
    timeOff
  assert.equal(summer.body.startsAt, '2030-07-01T14:00:00+02:00')
  assert.equal(summer.body.endsAt, '2031-01-01T01:00:00+01:00')
  const short = await post({ startsAt: '2030-06-01T10:00:00Z', endsAt: '2030-06-01T10:05:00Z' })
  const list = async (query: string) =>
    (await call(app, `GET /doctors/me/time-off${query}`, { as: people.doctor })).body
  assert.deepEqual((await list('')).items, [listed(short), listed(summer)])
  assert.deepEqual((await list('?from=2030-06-01T12:05:00%2B02:00')).items, [listed(summer)])
  const first = await list('?limit=1')
  assert.deepEqual((await list(`?cursor=${first.nextCursor}`)).items, [listed(summer)])
})

test('time off that makes no sense is refused by its field', async () => {
  const { people } = await makeNetwork(runtime)
  const faults = async (body: object) =>
    pointersOf(await call(app, 'POST /doctors/me/time-off', { as: people.doctor, body }))
  const startsAt = '2030-01-01T10:00:00Z'
  assert.deepEqual(await faults({ startsAt, endsAt: startsAt }), ['/endsAt'])
  assert.deepEqual(await faults({ startsAt, endsAt: '2030-01-01T10:30:00+01:00' }), ['/endsAt'])
  assert.deepEqual(await faults({ startsAt, endsAt: '2034-01-01T10:00:00Z' }), ['/endsAt'])
  assert.deepEqual(await faults({ startsAt, endsAt: '2030-02-30T10:00:00Z' }), ['/endsAt'])
  assert.deepEqual(await faults({ startsAt, endsAt: '2030-02-01T10:00:00' }), ['/endsAt'])
  assert.deepEqual(
    await faults({ startsAt: '2020-01-01T00:00:00Z', endsAt: '2020-01-02T00:00:00Z' }),
    ['/endsAt'],
  )
  assert.deepEqual(await faults({ startsAt }), ['/endsAt'])
  assert.deepEqual(await faults({ startsAt, endsAt: '2030-02-01T10:00:00Z', reason: 'x' }), [
    '/reason',
  ])
})

test('a doctor who works nowhere has time off in UTC', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  await call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body: { clinicIds: [] } })
  const body = { startsAt: '2030-07-01T00:00:00+02:00', endsAt: '2030-07-02T00:00:00+02:00' }
  const answer = await call(app, 'POST /doctors/me/time-off', { as: people.doctor, body })
  assert.equal(answer.body.startsAt, '2030-06-30T22:00:00+00:00')
})

test('the front desk changes hours and openings at its own clinic alone', async () => {
  const { doctorId, clinicId, otherClinicId, people } = await makeNetwork(runtime)
  const clinicIds = [clinicId, otherClinicId]
  await call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body: { clinicIds } })
  const rule = (at: string, from: string) => ({ clinicId: at, weekday: 1, from, to: '17:00' })
  const path = `/doctors/${doctorId}/hours` as const
  const both = { hours: [rule(clinicId, '08:00'), rule(otherClinicId, '12:00')] }
  assert.equal((await call(app, `PUT ${path}`, { as: people.doctor, body: both })).status, 200)

  const own = { hours: [rule(clinicId, '09:00')] }
  const put = await call(app, `PUT ${path}`, { as: people.deskHere, body: own })
  assert.deepEqual(put.body.hours, own.hours)
  const all = await call(app, `GET ${path}`, { as: people.doctor })
  assert.deepEqual(all.body.hours, [rule(clinicId, '09:00'), rule(otherClinicId, '12:00')])
  const foreign = await call(app, `PUT ${path}`, { as: people.deskHere, body: both })
  assert.deepEqual(pointersOf(foreign), ['/hours/1/clinicId'])

  const opening = { clinicId: otherClinicId, date: today, from: '20:00', to: '21:00' }
  const openings = `/doctors/${doctorId}/openings` as const
  const added = await call(app, `POST ${openings}`, { as: people.deskElsewhere, body: opening })
  const remove = (as: string) => call(app, `DELETE ${openings}/${added.body.id}`, { as })
  assert.equal((await remove(people.deskHere)).status, 404)
  assert.equal((await remove(people.deskElsewhere)).status, 204)
})
