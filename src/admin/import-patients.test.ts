import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { importCsv } from '../../test/support/csv.ts'
import { call, makeNetwork } from '../../test/support/network.ts'
import { testVisita } from '../../test/support/visita.ts'

const { app, runtime } = await testVisita()

let people = 0

/** A name, a telephone number and an address that nobody else has. */
function someone() {
  people += 1
  const own = newId().slice(-12)
  const digits = String(Number.parseInt(own.slice(-8), 16) % 100_000_000).padStart(8, '0')
  return { name: `Person ${own}`, phone: `+49 30 ${digits}`, email: `p.${own}@example.org`, own }
}

async function recordsNamed(part: string) {
  return runtime.db
    .selectFrom('patient')
    .selectAll()
    .where('name', 'like', `%${part}%`)
    .orderBy('id')
    .execute()
}

test('a line makes a record of the clinic, with all that it says', async () => {
  const { clinicId, people: staff } = await makeNetwork(runtime)
  const { name, phone, email, own } = someone()
  const text = [
    'name;date of birth;phone;email;locale;clinic;street;postal code;city;country;insurance number;emergency name;emergency phone;emergency relation',
    `${name};1984-07-19;${phone};${email};DE-de;${clinicId};Kanal 1;10115;Berlin;Germany;A 123;Jo;+49 30 1234567;brother`,
  ].join('\n')
  const { status, body } = await importCsv(app, 'patients', { as: staff.admin, text })
  assert.deepEqual([status, body.made, body.problems], [200, 1, []])
  const [row] = await recordsNamed(own)
  const { body: patient } = await call(app, `GET /patients/${row!.id}`, { as: staff.deskHere })
  assert.deepEqual(patient, {
    id: row!.id,
    name,
    phone,
    email,
    dateOfBirth: '1984-07-19',
    locale: 'de-DE',
    address: { street: 'Kanal 1', postalCode: '10115', city: 'Berlin', country: 'Germany' },
    insuranceNumber: 'A 123',
    emergencyContact: { name: 'Jo', phone: '+49 30 1234567', relation: 'brother' },
    version: 1,
  })
  const audited = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'details'])
    .where('subject_id', '=', row!.id)
    .where('action', '=', 'patient.create')
    .execute()
  assert.deepEqual(audited, [{ action: 'patient.create', details: { clinicId } }])
})

test('what is wrong with a line is told by its column, and the file is refused', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const { own } = someone()
  const text = [
    'name;dateOfBirth;phone;email;locale;clinic;emergencyName;despiteDuplicates',
    ';;;;;;;',
    `;1984-07-19;;;;;;`,
    `A ${own};19.07.1984;12;not@;;;;`,
    `B ${own};2984-07-19;;;;;;`,
    `C ${own};;;;not_a_tag!;Canale;;maybe`,
    `D ${own};;;;;;Jo;`,
  ].join('\n')
  for (const query of ['?dryRun=true', '']) {
    const { body } = await importCsv(app, `patients${query}`, { as: staff.admin, text })
    assert.deepEqual(
      body.problems.map(({ line, column }: { line: number; column: string }) => [line, column]),
      [
        [3, 'name'],
        [3, 'name'],
        [4, 'phone'],
        [4, 'email'],
        [4, 'dateOfBirth'],
        [5, 'dateOfBirth'],
        [6, 'clinic'],
        [6, 'despiteDuplicates'],
        [7, 'emergencyPhone'],
      ],
      JSON.stringify(body.problems),
    )
  }
  assert.deepEqual(await recordsNamed(own), [])
})

test('who is known, and who comes twice in the file, is a problem that names whom', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const as = staff.admin
  const known = someone()
  const { body: record } = await call(app, 'POST /patients', {
    as,
    body: { name: known.name, phone: known.phone, email: known.email, dateOfBirth: '1984-07-19' },
  })
  const fresh = someone()
  const text = [
    'name;dateOfBirth;phone;email',
    `Other name ${fresh.own};;;${known.email.toUpperCase()}`,
    `${known.name} Lee;1984-07-19;;`,
    `${known.name};1990-01-01;${known.phone.replace('+49 ', '0')};`,
    `${known.name};1991-01-01;;`,
    `${fresh.name};1951-02-03;${fresh.phone};`,
    `${fresh.name.toUpperCase()};1951-02-03;;`,
    `${fresh.name};1952-02-03;${fresh.phone};`,
    `Unlike ${fresh.own};1951-02-03;;`,
  ].join('\n')
  const { body } = await importCsv(app, 'patients?dryRun=true', { as, text })
  const problems = body.problems.map(({ line, detail }: { line: number; detail: string }) => [
    line,
    detail
      .match(/known already \((.*)\)|line (\d+)/)
      ?.slice(1)
      .find(Boolean),
  ])
  assert.deepEqual(problems, [
    [2, record.id],
    [3, record.id],
    [4, record.id],
    [7, '6'],
    [8, '6'],
  ])
  assert.equal(body.made, 3)
  const despite = text
    .split('\n')
    .map((line, index) => `${line};${index === 0 ? 'despiteDuplicates' : 'yes'}`)
    .join('\n')
  const all = await importCsv(app, 'patients', { as, text: despite })
  assert.deepEqual([all.status, all.body.made], [200, 8])
})

test('the same file again changes nothing, with people of whom no more than a name is known too', async () => {
  const { clinicId, people: staff } = await makeNetwork(runtime)
  const as = staff.admin
  const { name, phone, email, own } = someone()
  const text = [
    'name;dateOfBirth;phone;email;clinic;despiteDuplicates',
    `${name};1984-07-19;${phone};${email};${clinicId};`,
    `Bare ${own};;;;;`,
    `Bare ${own};;;;${clinicId};`,
    `Short ${own};;1234567;;;`,
    `Twin ${own};2001-01-01;;;;yes`,
    `Twin ${own};2001-01-01;;;;yes`,
  ].join('\n')
  const first = await importCsv(app, 'patients', { as, text })
  assert.deepEqual([first.status, first.body.made], [200, 6])
  const before = await recordsNamed(own)
  const again = await importCsv(app, 'patients', { as, text })
  assert.deepEqual([again.status, again.body.made, again.body.unchanged], [200, 0, 6])
  assert.deepEqual(await recordsNamed(own), before)
})

test('a line that is there again word for word is a problem, unless it says that it is somebody else', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const as = staff.admin
  const { own } = someone()
  const text = (despite: string) =>
    [
      'name;phone;dateOfBirth;despiteDuplicates',
      `Bare ${own};;;`,
      `Short ${own};12345;;`,
      `Bare ${own};;;${despite}`,
      `Short ${own};12345;;${despite}`,
      `Bare ${own};54321;;`,
      `Born ${own};;1990-01-01;`,
      `Born ${own};;1990-01-01;${despite}`,
    ].join('\n')
  const refused = await importCsv(app, 'patients', { as, text: text('') })
  assert.equal(refused.status, 422)
  assert.deepEqual(
    refused.body.problems.map(({ line, detail }: { line: number; detail: string }) => [
      line,
      detail.match(/^This is line (\d) again/)?.[1],
    ]),
    [
      [4, '2'],
      [5, '3'],
      [8, '7'],
    ],
  )
  const made = await importCsv(app, 'patients', { as, text: text('yes') })
  assert.deepEqual([made.status, made.body.made], [200, 7])
})

test('a person of the file and one whom a desk registers meanwhile are not both made', async () => {
  const { clinicId, people: staff } = await makeNetwork(runtime)
  const { name, own } = someone()
  const text = `name;dateOfBirth\n${name};1984-07-19`
  const body = { name, dateOfBirth: '1984-07-19', clinicId }
  const answers = await Promise.all([
    importCsv(app, 'patients', { as: staff.admin, text }),
    ...[1, 2, 3].map(() => call(app, 'POST /patients', { as: staff.deskHere, body })),
    importCsv(app, 'patients', { as: staff.admin, text }),
  ])
  // A second import of the very record is no problem.
  assert.ok(answers.every(({ status }) => [200, 201, 409, 422].includes(status)))
  assert.equal((await recordsNamed(own)).length, 1)
})

test('a cell that a spreadsheet would take for a formula is kept as it is', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const { own } = someone()
  const text = `name;street\n=cmd ${own};@SUM(1+1)`
  const { status } = await importCsv(app, 'patients', { as: staff.admin, text })
  assert.equal(status, 200)
  const [row] = await recordsNamed(own)
  assert.deepEqual([row?.name, row?.street], [`=cmd ${own}`, '@SUM(1+1)'])
})

test('more than 1,000 problems are counted and not listed', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const text = `name;email\n${'Anna;wrong\n'.repeat(1200)}`
  const { body } = await importCsv(app, 'patients?dryRun=true', { as: staff.admin, text })
  assert.deepEqual([body.problems.length, body.problemCount, body.lines], [1000, 1200, 1200])
})

test('people who share a made-up date of birth take no longer for it', async () => {
  const { people: staff } = await makeNetwork(runtime)
  const { own } = someone()
  const lines = Array.from({ length: 2000 }, (_, index) => `Maria W${index} ${own};1900-01-01`)
  const text = `name;dateOfBirth\n${lines.join('\n')}`
  const { body } = await importCsv(app, 'patients?dryRun=true', { as: staff.admin, text })
  assert.deepEqual([body.made, body.problemCount], [2000, 0])
})
