import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { importCsv } from '../../test/support/csv.ts'
import { call, makeNetwork, scheduleVersionOf, signInAs } from '../../test/support/network.ts'
import { testVisita } from '../../test/support/visita.ts'

const { app, runtime } = await testVisita()

/** A network, and a word that makes the names of the test's doctors its own. */
async function scene() {
  const network = await makeNetwork(runtime)
  return { ...network, as: network.people.admin, own: newId().slice(-12) }
}

function csv(...rows: string[][]): string {
  return rows.map((row) => row.join(';')).join('\n')
}

async function doctorsNamed(part: string) {
  const rows = await runtime.db
    .selectFrom('doctor')
    .select(['id', 'name', 'version'])
    .where('name', 'like', `%${part}%`)
    .orderBy('id')
    .execute()
  return rows
}

async function invitationsOf(doctorId: string) {
  return runtime.db
    .selectFrom('invitation')
    .select(['email', 'role'])
    .where('doctor_id', '=', doctorId)
    .execute()
}

test('a line makes a profile with all that it says', async () => {
  const { as, own, clinicId, specialtyId, visitTypeId, clinicVisitTypeId } = await scene()
  const text = csv(
    ['name', 'title', 'designation', 'specialties', 'clinics', 'visit types', 'languages'].concat([
      'e-mail',
      'phone',
      'bio',
      'accepting new patients',
      'booking mode',
    ]),
    [`Ines ${own}`, 'Dr.', 'Head', `s-${specialtyId}`, clinicId]
      .concat(`${visitTypeId}|${clinicVisitTypeId}`, 'FR|en', `ines.${own}@example.org`)
      .concat('+33 1 42 68 53 00', '"Hearts; and more"', 'No', 'on-request'),
  )
  const { status, body } = await importCsv(app, 'doctors', { as, text })
  assert.deepEqual([status, body.made, body.invited, body.problems], [200, 1, 0, []])
  const [made] = await doctorsNamed(own)
  const { body: doctor } = await call(app, `GET /doctors/${made!.id}`, { as })
  assert.deepEqual(
    {
      ...doctor,
      specialties: doctor.specialties.map(({ id }: { id: string }) => id),
      clinics: doctor.clinics.map(({ id }: { id: string }) => id),
      visitTypes: doctor.visitTypes.map(({ name }: { name: string }) => name),
    },
    {
      id: made!.id,
      title: 'Dr.',
      name: `Ines ${own}`,
      designation: 'Head',
      specialties: [specialtyId],
      languages: ['fr', 'en'],
      phone: '+33 1 42 68 53 00',
      email: `ines.${own}@example.org`,
      bio: 'Hearts; and more',
      clinics: [clinicId],
      visitTypes: ['Consultation', 'Echo'],
      acceptingNewPatients: false,
      status: 'bookable',
      bookingMode: 'on_request',
      noticeMinutesMin: doctor.noticeMinutesMin,
      horizonDays: doctor.horizonDays,
      version: 1,
    },
  )
})

test('a dry run tells every problem by line and column, and writes nothing', async () => {
  const { as, own, clinicId, specialtyId, otherClinicVisitTypeId } = await scene()
  const text = csv(
    ['name', 'specialties', 'clinics', 'visitTypes', 'languages', 'email', 'phone'].concat([
      'acceptingNewPatients',
      'bookingMode',
      'invite',
    ]),
    [`Good ${own}`, '', clinicId, '', '', `good.${own}@example.org`, '', '', '', 'yes'],
    ['', '', '', '', '', '', '', '', '', ''].with(5, 'nameless@example.org'),
    [`Bad ${own}`, `s-${specialtyId}x|nothing`, 'Canale', otherClinicVisitTypeId, 'french!'].concat(
      ['bad@', '12', 'perhaps', 'sometimes', 'yes'],
    ),
    [`Uninvitable ${own}`, '', clinicId, '', '', '', '', '', '', 'yes'],
    [`Good again ${own}`, '', clinicId, '', '', `GOOD.${own}@example.org`, '', '', '', ''],
  )
  const { status, body } = await importCsv(app, 'doctors?dryRun=true', { as, text })
  assert.equal(status, 200)
  assert.deepEqual(
    body.problems.map(({ line, column }: { line: number; column?: string }) => [line, column]),
    [
      [3, 'name'],
      [4, 'specialties'],
      [4, 'specialties'],
      [4, 'clinics'],
      [4, 'languages'],
      [4, 'acceptingNewPatients'],
      [4, 'visitTypes'],
      [4, 'phone'],
      [4, 'email'],
      [4, 'bookingMode'],
      [5, 'invite'],
      [6, 'email'],
    ],
  )
  const detailOf = (line: number, column: string) =>
    body.problems.find(
      (one: { line: number; column?: string }) => one.line === line && one.column === column,
    ).detail
  assert.match(
    detailOf(4, 'specialties'),
    new RegExp(`^"s-${specialtyId}x" is no specialty; the nearest known is "s-${specialtyId}"`),
  )
  assert.match(detailOf(4, 'clinics'), /the nearest known is "Canal"/)
  assert.match(detailOf(4, 'email'), /^email must be an e-mail address/)
  assert.equal(detailOf(6, 'email'), 'Line 2 is about this doctor already.')
  assert.deepEqual(
    [body.dryRun, body.lines, body.made, body.invited, body.problemCount],
    [true, 5, 1, 1, 12],
  )
  assert.deepEqual(await doctorsNamed(own), [])
})

test('a file with a problem is refused with the same list, and nothing of it is imported', async () => {
  const { as, own } = await scene()
  const text = csv(['name', 'email'], [`One ${own}`, ''], [`Two ${own}`, 'wrong'])
  const dry = await importCsv(app, 'doctors?dryRun=true', { as, text })
  const { status, body } = await importCsv(app, 'doctors', { as, text })
  assert.deepEqual([status, body.type], [422, '/problems/invalid-request'])
  assert.deepEqual(body.problems, dry.body.problems)
  assert.match(body.errors[0].detail, /^Line 3, email: email must be/)
  assert.deepEqual(await doctorsNamed(own), [])
})

test('the same file again changes nothing, not even a version, and invites nobody twice', async () => {
  const { as, own, clinicId, visitTypeId } = await scene()
  const text = csv(
    ['name', 'clinics', 'visitTypes', 'languages', 'email', 'invite', 'acceptingNewPatients'],
    [`Ada ${own}`, clinicId, visitTypeId, 'en|fr', `ada.${own}@example.org`, 'yes', 'no'],
    [`Bea ${own}`, clinicId, visitTypeId, '', '', '', ''],
  )
  const first = await importCsv(app, 'doctors', { as, text })
  assert.deepEqual([first.body.made, first.body.invited], [2, 1])
  const before = await doctorsNamed(own)
  assert.deepEqual(await invitationsOf(before[0]!.id), [
    { email: `ada.${own}@example.org`, role: 'doctor' },
  ])
  const again = await importCsv(app, 'doctors', { as, text })
  assert.deepEqual(
    [again.status, again.body.made, again.body.changed, again.body.unchanged, again.body.invited],
    [200, 0, 0, 2, 0],
  )
  assert.deepEqual(await doctorsNamed(own), before)
  assert.equal((await invitationsOf(before[0]!.id)).length, 1)
})

test('an address that has an account already is a problem of who is to be invited by it', async () => {
  const { as, own } = await scene()
  const email = `eve.${own}@example.org`
  await call(app, 'POST /auth/register', {
    body: { email, password: 'four wet herons wait', name: 'Eve' },
  })
  const rows = [
    ['name', 'email', 'invite'],
    [`Eve ${own}`, email.toUpperCase()],
  ]
  const { body } = await importCsv(app, 'doctors?dryRun=true', {
    as,
    text: csv(rows[0]!, [...rows[1]!, 'yes']),
  })
  assert.deepEqual(
    body.problems.map(({ line, column }: { line: number; column: string }) => [line, column]),
    [[2, 'invite']],
  )
  const made = await importCsv(app, 'doctors', { as, text: csv(rows[0]!, [...rows[1]!, 'no']) })
  assert.deepEqual([made.status, made.body.made], [200, 1])
})

test('who has an account is not invited', async () => {
  const { as, own } = await scene()
  const text = csv(['name', 'email', 'invite'], [`Eve ${own}`, `eve.${own}@example.org`, 'yes'])
  await importCsv(app, 'doctors', { as, text: text.replace(';yes', ';no') })
  const [eve] = await doctorsNamed(own)
  await signInAs(runtime, { role: 'doctor', doctorId: eve!.id })
  const { body } = await importCsv(app, 'doctors', { as, text })
  assert.deepEqual([body.unchanged, body.invited], [1, 0])
  assert.deepEqual(await invitationsOf(eve!.id), [])
})

test('what a line says of a doctor who is there is changed, and empty cells change nothing', async () => {
  const { as, own, clinicId, visitTypeId, clinicVisitTypeId, specialtyId } = await scene()
  const email = `ada.${own}@example.org`
  const header = ['name', 'title', 'clinics', 'visitTypes', 'specialties', 'email', 'bio']
  const full = [`Ada ${own}`, 'Dr.', clinicId, visitTypeId, `s-${specialtyId}`, email, 'Hearts']
  await importCsv(app, 'doctors', { as, text: csv(header, full) })
  const [ada] = await doctorsNamed(own)
  const version = await scheduleVersionOf(runtime, ada!.id)
  const text = csv(header, [`Ada M. ${own}`, '', '', `Consultation|echo`, '', email, ''])
  const { body } = await importCsv(app, 'doctors', { as, text })
  assert.equal(body.problemCount, 0, JSON.stringify(body.problems))
  assert.deepEqual([body.made, body.changed], [0, 1])
  const { body: doctor } = await call(app, `GET /doctors/${ada!.id}`, { as })
  assert.deepEqual(
    [doctor.name, doctor.title, doctor.bio, doctor.clinics.length, doctor.specialties.length],
    [`Ada M. ${own}`, 'Dr.', 'Hearts', 1, 1],
  )
  const ids = new Set(doctor.visitTypes.map(({ id }: { id: string }) => id))
  assert.ok(ids.has(visitTypeId) && ids.has(clinicVisitTypeId))
  assert.ok((await scheduleVersionOf(runtime, ada!.id)) > version)
})

test('without an address the name and a clinic tell who is meant; namesakes elsewhere are others', async () => {
  const { as, own, clinicId, otherClinicId } = await scene()
  const line = (clinic: string, phone: string, email = '') =>
    csv(['name', 'clinics', 'phone', 'email'], [`Kim ${own}`, clinic, phone, email])
  await importCsv(app, 'doctors', { as, text: line(clinicId, '+33 1 11 11 11 11') })
  const elsewhere = await importCsv(app, 'doctors', {
    as,
    text: line(otherClinicId, '+33 1 22 22 22 22'),
  })
  assert.equal(elsewhere.body.made, 1)
  const there = await importCsv(app, 'doctors', {
    as,
    text: line(clinicId, '+33 1 33 33 33 33', `kim.${own}@example.org`),
  })
  assert.deepEqual([there.body.made, there.body.changed], [0, 1])
  const both = await importCsv(app, 'doctors', {
    as,
    text: line(`${clinicId}|${otherClinicId}`, '+33 1 44 44 44 44'),
  })
  assert.equal(both.status, 422)
  assert.match(both.body.problems[0].detail, /2 doctors may be meant/)
  assert.equal((await doctorsNamed(own)).length, 2)
})

test('two who import the same file at once make each doctor once', async () => {
  const { as, own } = await scene()
  const text = csv(['name'], ...Array.from({ length: 20 }, (_, index) => [`Jo${index} ${own}`]))
  const answers = await Promise.all([1, 2, 3].map(() => importCsv(app, 'doctors', { as, text })))
  assert.deepEqual(
    answers.map(({ body }) => body.made).toSorted((one, other) => other - one),
    [20, 0, 0],
  )
  assert.equal((await doctorsNamed(own)).length, 20)
})

test('an import leaves an audit row, a refused one too, that holds nothing of the file', async () => {
  const { as, own } = await scene()
  const text = csv(['name', 'email'], [`Ada ${own}`, 'wrong'])
  await importCsv(app, 'doctors', { as, text })
  await importCsv(app, 'doctors?dryRun=true', { as, text })
  await importCsv(app, 'doctors', { as, text: text.replace('wrong', '') })
  const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed', 'details'])
    .where('actor_id', '=', bearer!.accountId)
    .where('subject_type', '=', 'import')
    .orderBy('seq')
    .execute()
  assert.deepEqual(rows, [
    { action: 'import.doctors', allowed: false, details: { lines: 1 } },
    { action: 'import.doctors', allowed: true, details: { lines: 1, dryRun: true } },
    {
      action: 'import.doctors',
      allowed: true,
      details: { lines: 1, made: 1, changed: 0, unchanged: 0, invited: 0 },
    },
  ])
})

test('a body that is no text, too large or of another kind is refused', async () => {
  const { as } = await scene()
  const send = (payload: Buffer | string, type = 'text/csv') =>
    app.inject({
      method: 'POST',
      url: '/api/v1/admin/import/doctors',
      headers: { authorization: as, 'content-type': type },
      payload,
    })
  assert.equal((await send(Buffer.from([0xff, 0xfe, 0x41]))).statusCode, 400)
  assert.equal((await send('name\nAnna\0')).statusCode, 422)
  assert.equal((await send('{"name": "Anna"}', 'application/json')).statusCode, 415)
  assert.equal((await send(Buffer.alloc(6 * 1024 * 1024, 'x'))).statusCode, 413)
})
