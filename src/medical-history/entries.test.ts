import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { auditOf, command, contextLater, makeVisit, openNetwork } from '#test/support/visits.ts'
import { entriesMax, medicalHistoryOf } from './entries.ts'

const { app, runtime, databaseUrl, logged } = await testVisita()

function read({ as, patientId }: Pick<TestPatient, 'as' | 'patientId'>, query = '') {
  return call(app, `GET /patients/${patientId}/medical-history?${query}`, { as })
}

function add({ as, patientId }: Pick<TestPatient, 'as' | 'patientId'>, body: unknown) {
  return call(app, `POST /patients/${patientId}/medical-history`, { as, body })
}

function correct(
  { as, patientId }: Pick<TestPatient, 'as' | 'patientId'>,
  entryId: string,
  body: unknown,
) {
  return call(app, `POST /patients/${patientId}/medical-history/${entryId}/correct`, { as, body })
}

const texts = (answer: { body: { items: { text?: string }[] } }) =>
  answer.body.items.map(({ text }) => text)

test('an entry is told as it was written, with its author and its time', async () => {
  const patient = await makePatient(runtime)
  const written = {
    kind: 'allergy',
    text: 'Penicillin',
    details: { reaction: 'Rash', severity: 'severe', since: '2019-03' },
  }
  const before = runtime.clock()
  const { status, body } = await add(patient, { ...written, text: ' Penicillin\n' })
  assert.equal(status, 201)
  const { id, recordedAt } = body
  assert.deepEqual(body, {
    id,
    recordedAt,
    ...written,
    isReadable: true,
    takesBack: false,
    author: { side: 'patient', name: 'Someone' },
    corrects: null,
    correctedBy: null,
  })
  assert.ok(formatUtc(before) <= recordedAt && recordedAt <= formatUtc(runtime.clock()))
  assert.deepEqual((await read(patient)).body, { items: [body], nextCursor: null })
})

test('a doctor signs by name and profile, and the patient reads it', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 0)
  const { doctor } = network.people
  const { body } = await add(
    { ...patient, as: doctor },
    { kind: 'medicine', text: 'Bisoprolol', details: { dose: '2.5 mg in the morning' } },
  )
  assert.deepEqual(body.author, {
    side: 'doctor',
    name: 'Claire Moreau',
    doctorId: network.doctorId,
  })
  assert.deepEqual((await read(patient)).body.items, [body])
})

test('what a doctor wrote keeps its author when the doctor has left and the account has ended', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 0)
  const { doctor, admin } = network.people
  const { body } = await add({ ...patient, as: doctor }, { kind: 'note', text: 'Rest' })
  const { actor } = await contextLater(doctor, 0)
  const by = { side: 'doctor', name: 'Claire Moreau', doctorId: network.doctorId }
  await command(patient.as, patient.id, 'cancel')
  const left = await call(app, `DELETE /doctors/${network.doctorId}`, { as: admin })
  assert.equal(left.status, 204, JSON.stringify(left.body))
  assert.deepEqual((await read(patient)).body.items, [body])
  await sql`select erase_account(${actor.accountId}, 'none')`.execute(runtime.db)
  assert.deepEqual((await read(patient)).body.items[0].author, by)
})

test('the newest comes first, page by page, and a kind alone when it is asked for', async () => {
  const patient = await makePatient(runtime)
  const kinds = ['condition', 'allergy', 'medicine', 'note', 'condition']
  for (const [index, kind] of kinds.entries()) await add(patient, { kind, text: `${index}` })
  assert.deepEqual(texts(await read(patient)), ['4', '3', '2', '1', '0'])
  assert.deepEqual(texts(await read(patient, 'kind=condition')), ['4', '0'])
  const pages = []
  let cursor = ''
  do {
    const { body } = await read(patient, `limit=2${cursor}`)
    pages.push(body.items.map(({ text }: { text: string }) => text))
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  assert.deepEqual(pages, [['4', '3'], ['2', '1'], ['0']])
})

test('what was corrected stays, and is read by who asks for it', async () => {
  const patient = await makePatient(runtime)
  const { body: first } = await add(patient, { kind: 'note', text: 'Penicilin' })
  const { body: second } = await correct(patient, first.id, {
    kind: 'allergy',
    text: 'Penicillin',
    reason: 'Misspelled',
  })
  assert.deepEqual(
    [second.kind, second.corrects, second.reason],
    ['allergy', first.id, 'Misspelled'],
  )
  assert.deepEqual((await read(patient)).body.items, [second])
  const { status, body: third } = await correct(patient, second.id, {
    takeBack: true,
    reason: 'It was an intolerance.',
  })
  assert.equal(status, 201)
  assert.deepEqual([third.takesBack, third.text, third.kind], [true, undefined, 'allergy'])
  assert.deepEqual((await read(patient)).body.items, [])
  assert.deepEqual((await read(patient, 'corrected=true')).body.items, [
    third,
    { ...second, correctedBy: third.id },
    { ...first, correctedBy: second.id },
  ])
  const again = await correct(patient, third.id, { text: 'Penicillin' })
  assert.equal(again.status, 409)
})

test('an entry that is taken back without a reason says nothing', async () => {
  const patient = await makePatient(runtime)
  const { body } = await add(patient, { kind: 'note', text: 'Wrong person' })
  const taken = await correct(patient, body.id, { takeBack: true })
  assert.equal(taken.status, 201)
  const { content } = await runtime.db
    .selectFrom('medical_entry')
    .select('content')
    .where('id', '=', taken.body.id)
    .executeTakeFirstOrThrow()
  assert.equal(content, null)
})

test('of eight who correct one entry at once, one does and the others are told', async () => {
  const patient = await makePatient(runtime)
  const { body } = await add(patient, { kind: 'note', text: 'First' })
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      correct(patient, body.id, { text: `Version ${index}` }),
    ),
  )
  const statuses = answers.map(({ status }) => status).toSorted()
  assert.deepEqual(statuses, [201, ...Array.from({ length: 7 }, () => 409)])
  const refused = answers.find(({ status }) => status === 409)
  assert.equal(refused?.body.type, '/problems/conflict')
  assert.equal((await read(patient)).body.items.length, 1)
})

test('each side corrects its own entries and not those of the other', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 1)
  const doctor = { ...patient, as: network.people.doctor }
  const own = (await add(patient, { kind: 'note', text: 'I smoke.' })).body
  const theirs = (await add(doctor, { kind: 'condition', text: 'Hypertension' })).body
  assert.equal((await correct(doctor, own.id, { text: 'Stopped' })).status, 403)
  assert.equal((await correct(patient, theirs.id, { takeBack: true })).status, 403)
  assert.equal((await correct(doctor, theirs.id, { text: 'Hypertension, grade 2' })).status, 201)
  assert.equal((await correct(patient, own.id, { text: 'I stopped.' })).status, 201)
  assert.deepEqual(texts(await read(patient)), ['I stopped.', 'Hypertension, grade 2'])
})

test('an entry of another patient is none of this one', async () => {
  const [patient, other] = [await makePatient(runtime), await makePatient(runtime)]
  const { body } = await add(other, { kind: 'note', text: 'Mine' })
  assert.equal((await correct(patient, body.id, { text: 'Ours' })).status, 404)
  assert.equal((await correct(patient, newId(), { text: 'Ours' })).status, 404)
  assert.deepEqual(texts(await read(other)), ['Mine'])
})

test('details that do not go with the kind, and beginnings that are none, are refused by name', async () => {
  const patient = await makePatient(runtime)
  const refused: [Record<string, unknown>, string][] = [
    [{ kind: 'note', text: 'x', details: { since: '2019' } }, '/details/since'],
    [{ kind: 'medicine', text: 'x', details: { severity: 'mild' } }, '/details/severity'],
    [{ kind: 'condition', text: 'x', details: { dose: '1' } }, '/details/dose'],
    [{ kind: 'condition', text: 'x', details: { since: '2019-02-30' } }, '/details/since'],
    [{ kind: 'condition', text: 'x', details: { since: '2099' } }, '/details/since'],
    [{ kind: 'condition', text: 'x', details: { since: '1849' } }, '/details/since'],
    [{ kind: 'condition', text: ' ' }, '/text'],
    [{ kind: 'condition', text: 'x'.repeat(2001) }, '/text'],
    [{ kind: 'illness', text: 'x' }, '/kind'],
    [{ kind: 'note', text: 'x', authorId: newId() }, '/authorId'],
  ]
  for (const [body, pointer] of refused) {
    const answer = await add(patient, body)
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.deepEqual(pointersOf(answer), [pointer])
  }
  const { body } = await add(patient, { kind: 'note', text: 'x'.repeat(2000) })
  for (const [correction, pointer] of [
    [{ reason: 'Why not' }, '/text'],
    [{ takeBack: true, text: 'x' }, '/takeBack'],
    [{ takeBack: true, kind: 'note' }, '/takeBack'],
    [{ takeBack: false }, '/takeBack'],
  ] as const) {
    const answer = await correct(patient, body.id, correction)
    assert.equal(answer.status, 422, JSON.stringify(correction))
    assert.deepEqual(pointersOf(answer), [pointer])
  }
})

test('each side writes a thousand entries at most, and can still correct them', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 2)
  const { body } = await add(patient, { kind: 'note', text: 'First' })
  await sql`insert into medical_entry (id, patient_id, kind, content, author_side, recorded_at)
    select gen_random_uuid(), patient_id, kind, content, author_side, recorded_at
    from medical_entry, generate_series(2, ${entriesMax - 1}::integer)
    where patient_id = ${patient.patientId}`.execute(runtime.db)
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => add(patient, { kind: 'note', text: 'More' })),
  )
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [
    201,
    ...Array.from({ length: 15 }, () => 409),
  ])
  assert.equal((await correct(patient, body.id, { text: 'Second' })).status, 201)
  const doctor = { ...patient, as: network.people.doctor }
  assert.equal((await add(doctor, { kind: 'note', text: 'Seen' })).status, 201)
})

test('readings, writings and refusals are on record, with no word of what they say', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 3)
  const desk = { ...patient, as: network.people.deskHere }
  const entry = (await add(patient, { kind: 'note', text: 'Sleeps badly' })).body
  const later = (await correct(patient, entry.id, { text: 'Sleeps well' })).body
  await read(patient)
  assert.equal((await read(desk)).status, 403)
  assert.equal((await add(desk, { kind: 'note', text: 'Sleeps badly' })).status, 403)
  assert.equal((await correct(desk, later.id, { takeBack: true })).status, 403)
  assert.equal((await read({ ...patient, as: network.people.deskElsewhere })).status, 404)
  const rows = await auditOf(patient.patientId)
  assert.deepEqual(
    rows
      .filter(({ action }) => action.startsWith('medical-history.'))
      .map(({ action, allowed, details }) => ({ action, allowed, details })),
    [
      {
        action: 'medical-history.add',
        allowed: true,
        details: { entryId: entry.id, side: 'patient' },
      },
      {
        action: 'medical-history.correct',
        allowed: true,
        details: { entryId: later.id, side: 'patient', corrects: entry.id },
      },
      { action: 'medical-history.read', allowed: true, details: { ids: [later.id] } },
      { action: 'medical-history.read', allowed: false, details: {} },
      { action: 'medical-history.add', allowed: false, details: {} },
      { action: 'medical-history.correct', allowed: false, details: {} },
      { action: 'medical-history.read', allowed: false, details: {} },
    ],
  )
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'medical-history.changed')
    .execute()
  const { patientId } = patient
  assert.deepEqual(
    events.filter(({ subjects }) => subjects['patientId'] === patientId),
    [{ subjects: { patientId } }, { subjects: { patientId } }],
  )
})

test('nothing that an entry says stands in any table or in the log', async () => {
  const network = await openNetwork()
  const patient = await makeVisit(network, 4)
  const word = `Canary${newId().replaceAll('-', '')}`
  const details = { dose: `${word} drops` }
  const { body } = await add(patient, { kind: 'medicine', text: word, details })
  await correct(patient, body.id, { text: `${word} twice`, reason: `${word} was wrong` })
  const doctor = { ...patient, as: network.people.doctor }
  await add(doctor, { kind: 'allergy', text: word, details: { reaction: word } })
  await add(doctor, { kind: 'allergy', text: word, details: { dose: word } })
  assert.match(JSON.stringify((await read(patient)).body), new RegExp(word))
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    assert.ok(tables.length > 30)
    const hexadecimal = Buffer.from(word).toString('hex')
    for (const { name } of tables) {
      const { rows } = await client.query<{ found: boolean }>(
        `select exists (select from ${name} as row
           where row::text ilike '%' || $1 || '%' or row::text ilike '%' || $2 || '%') as found`,
        [word, hexadecimal],
      )
      assert.equal(rows[0]!.found, false, name)
    }
  } finally {
    await client.end()
  }
  assert.ok(!logged().includes(word))
})

test('one entry whose key is lost or that was tampered with leaves the others readable', async () => {
  const patient = await makePatient(runtime)
  const { body: lost } = await add(patient, { kind: 'note', text: 'Lost' })
  const { body: swapped } = await add(patient, { kind: 'note', text: 'Swapped' })
  await add(patient, { kind: 'note', text: 'There' })
  await sql`update medical_entry set content = set_byte(content, 3, get_byte(content, 3) # 1)
    where id = ${lost.id}`.execute(runtime.db)
  // What was sealed for one row does not open in another one.
  await sql`update medical_entry set content = (
      select content from medical_entry as other where patient_id = ${patient.patientId}
      order by recorded_at desc limit 1)
    where id = ${swapped.id}`.execute(runtime.db)
  const { status, body } = await read(patient)
  assert.equal(status, 200)
  assert.deepEqual(
    body.items.map(({ text, isReadable }: { text?: string; isReadable: boolean }) => [
      text,
      isReadable,
    ]),
    [
      ['There', true],
      [undefined, false],
      [undefined, false],
    ],
  )
  assert.match(logged(), new RegExp(`"entryId":"${lost.id}"`))
})

test('the export has every entry with what was corrected, oldest first', async () => {
  const patient = await makePatient(runtime)
  const { body } = await add(patient, { kind: 'note', text: 'First' })
  await correct(patient, body.id, { text: 'Second' })
  const context = await contextLater(patient.as, 0)
  const entries = await medicalHistoryOf(context, runtime.db, patient.patientId)
  assert.deepEqual(
    entries.map(({ content }) => content),
    [{ text: 'First' }, { text: 'Second' }],
  )
})

test('answers about a history are kept by no cache', async () => {
  const patient = await makePatient(runtime)
  const url = `/api/v1/patients/${patient.patientId}/medical-history`
  const answer = await app.inject({ url, headers: { authorization: patient.as } })
  assert.equal(answer.headers['cache-control'], 'no-store')
})
