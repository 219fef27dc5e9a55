import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, signInAs, type Answer } from '#test/support/network.ts'
import { book, makePatient, type TestPatient } from '#test/support/patient.ts'
import { auditOf, command, makeVisit, openNetwork } from '#test/support/visits.ts'
import type { OpenNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime, databaseUrl } = await testVisita()
const { db } = runtime
const at = () => formatUtc(runtime.clock())

/** Someone without an account whom the desk here registers. */
async function registered(
  { people }: OpenNetwork,
  person: Record<string, unknown> = {},
): Promise<string> {
  const body = { name: `Anna ${newId()}`, despiteDuplicates: true, ...person }
  const answer = await call(app, 'POST /patients', { as: people.deskHere, body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

function merge(
  as: string,
  patientId: string,
  duplicateId: string,
  more: Record<string, unknown> = {},
): Promise<Answer> {
  return call(app, `POST /patients/${patientId}/merge`, { as, body: { duplicateId, ...more } })
}

async function bookFor(network: OpenNetwork, patientId: string, index: number): Promise<string> {
  const answer = await book(app, network.people.deskHere, {
    slotId: network.slots[index]!.id,
    patientId,
  })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

/** The tables and columns of uuids in which the id stands, but for what only ever gets rows. */
async function placesOf(id: string): Promise<string[]> {
  const { rows: columns } = await sql<{ table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = current_schema() and data_type = 'uuid'
      and table_name not in ('event', 'audit_entry')`.execute(db)
  const places: string[] = []
  for (const { table, column } of columns) {
    const { rows } = await sql`
      select from ${sql.table(table)} where ${sql.ref(column)} = ${id} limit 1`.execute(db)
    if (rows.length > 0) places.push(`${table}.${column}`)
  }
  return places.toSorted()
}

test('every table that refers to patients is one that merging moves', async () => {
  const { rows: columns } = await sql<{ table: string; column: string }>`
    select relname as "table", attname as "column"
    from pg_constraint
    join pg_class on pg_class.oid = conrelid
    join pg_attribute on attrelid = conrelid and attnum = any (conkey)
    where contype = 'f' and confrelid = 'patient'::regclass and relnamespace = current_schema()::regnamespace
    union
    select table_name, column_name from information_schema.columns
    where table_schema = current_schema() and column_name like '%patient%id'`.execute(db)
  assert.ok(columns.length >= 8)
  const { rows } = await sql<{ source: string }>`
    select prosrc as source from pg_proc where proname = 'merge_patients'`.execute(db)
  for (const { table, column } of columns)
    assert.match(
      rows[0]!.source,
      new RegExp(`update ${table} set ${column} = p_kept\\b`),
      `merge_patients leaves ${table}.${column} alone`,
    )
})

test('everything of the duplicate is of the patient afterwards, and nothing is of nobody', async () => {
  const network = await openNetwork()
  const kept = await registered(network, { dateOfBirth: '1984-07-19', phone: '+33 1 42 68 53 00' })
  const duplicate = await makePatient(runtime)
  const keptVisit = await bookFor(network, kept, 0)
  const { body: visit } = await book(app, duplicate.as, { slotId: network.slots[1]!.id })
  const { body: asPatient } = await book(app, duplicate.as, { slotId: network.slots[3]!.id })
  const id = duplicate.patientId
  await db
    .updateTable('patient')
    .set({ city: 'Paris', email: 'anna@example.org', phone: '+33 1 00 00 00 00' })
    .where('id', '=', id)
    .execute()
  await call(app, 'POST /waitlist', {
    as: duplicate.as,
    body: { appointmentId: visit.id, from: '22:00' },
  })
  await call(app, 'POST /calendar-feeds', { as: duplicate.as, body: { patientId: id } })
  await db
    .insertInto('medical_entry')
    .values({
      id: newId(),
      patient_id: id,
      kind: 'note',
      content: Buffer.from('x'),
      author_side: 'patient',
      recorded_at: at(),
    })
    .execute()
  await db
    .insertInto('notification')
    .values({
      id: newId(),
      kind: 'reminder',
      channel: 'email',
      patient_id: id,
      side: 'patient',
      topic: `test:${newId()}`,
      status: 'skipped',
      queued_at: at(),
      details: '{}',
    })
    .execute()
  for (const used_at of [at(), null])
    await db
      .insertInto('patient_claim_link')
      .values({
        id: newId(),
        patient_id: id,
        code_hash: randomBytes(32),
        created_at: at(),
        expires_at: at(),
        used_at,
      })
      .execute()
  for (const used_at of [at(), null])
    await db
      .insertInto('access_invitation')
      .values({
        id: newId(),
        patient_id: id,
        email: 'carer@example.org',
        relation: 'carer',
        scope: 'see',
        invited_by: duplicate.accountId,
        created_at: at(),
        expires_at: at(),
        used_at,
      })
      .execute()
  // As someone without an account does by a link in a mail.
  await sql`insert into appointment_event select (jsonb_populate_record(step, jsonb_build_object(
      'version', 2, 'actor_id', ${id}::uuid, 'command', 'cancel'))).*
    from appointment_event as step where appointment_id = ${asPatient.id}`.execute(db)
  await db.updateTable('appointment').set({ version: 2 }).where('id', '=', asPatient.id).execute()

  const places = await placesOf(id)
  const answer = await merge(network.people.admin, kept, id)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.deepEqual(await placesOf(id), [])
  const after = await placesOf(kept)
  assert.deepEqual(
    places.filter((place) => !after.includes(place)),
    [],
  )
  const invitations = await db
    .selectFrom('access_invitation')
    .select('used_at')
    .where('patient_id', '=', kept)
    .execute()
  assert.deepEqual([invitations.length, invitations[0]!.used_at !== null], [1, true])
  assert.equal(answer.body.phone, '+33 1 42 68 53 00')
  assert.equal(answer.body.email, 'anna@example.org')
  const seen = await call(app, 'GET /appointments', { as: duplicate.as })
  assert.deepEqual(
    new Set(seen.body.items.map((item: { id: string }) => item.id)),
    new Set([keptVisit, visit.id, asPatient.id]),
  )
  const history = await call(app, `GET /appointments/${asPatient.id}/history`, { as: duplicate.as })
  assert.deepEqual(
    history.body.items.map((step: { command: string; by: { role: string } }) => [
      step.command,
      step.by.role,
    ]),
    [
      ['book', 'patient'],
      ['cancel', 'patient'],
      ['merge', 'admin'],
    ],
  )
  const events = await db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where(sql<boolean>`subjects ->> 'patientId' = ${kept} and type ~ '^(patient|access)'`)
    .orderBy('seq')
    .execute()
  assert.deepEqual(events.slice(-2), [
    { type: 'patient.merged', subjects: { patientId: kept, formerPatientId: id } },
    { type: 'access.granted', subjects: { accountId: duplicate.accountId, patientId: kept } },
  ])
  assert.deepEqual(
    (await auditOf(id)).filter(({ action }) => action === 'patient.delete').length,
    1,
  )
})

test('of two accesses of one account the wider holds', async () => {
  const network = await openNetwork()
  const [kept, duplicate] = [await registered(network), await registered(network)]
  const { accountId } = await makePatient(runtime)
  const access = { account_id: accountId, created_at: at() }
  await db
    .insertInto('patient_access')
    .values([
      { ...access, patient_id: kept, relation: 'carer', scope: 'see' },
      { ...access, patient_id: duplicate, relation: 'parent', scope: 'manage' },
    ])
    .execute()
  assert.equal((await merge(network.people.admin, kept, duplicate)).status, 200)
  assert.deepEqual(await accessesTo(kept), [`${accountId} parent manage`])
})

/** Who has access to the record, and who had. */
async function accessesTo(patientId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('patient_access')
    .selectAll()
    .where('patient_id', '=', patientId)
    .execute()
  return rows
    .map((row) => {
      const isOver = row.ends_at !== null && row.ends_at <= runtime.clock()
      return `${row.account_id} ${row.relation} ${row.scope}${isOver ? ' over' : ''}`
    })
    .toSorted()
}

test('what was access once is so after merging, and of two accesses the open one holds', async () => {
  const network = await openNetwork()
  const [kept, duplicate] = [await registered(network), await registered(network)]
  const access = { created_at: at(), relation: 'carer', scope: 'manage' } as const
  const open = { ...access, scope: 'see', ends_at: null } as const
  const over = { ...access, ends_at: at(), end_noted_at: at() } as const
  const [former, again, still] = [
    await makePatient(runtime),
    await makePatient(runtime),
    await makePatient(runtime),
  ].map(({ accountId }) => accountId) as [string, string, string]
  await db
    .insertInto('patient_access')
    .values([
      { ...over, account_id: former, patient_id: duplicate },
      { ...over, account_id: again, patient_id: kept },
      { ...open, account_id: again, patient_id: duplicate },
      { ...open, account_id: still, patient_id: kept },
      { ...over, account_id: still, patient_id: duplicate },
    ])
    .execute()
  assert.equal((await merge(network.people.admin, kept, duplicate)).status, 200)
  assert.deepEqual(
    await accessesTo(kept),
    [`${former} carer manage over`, `${again} carer see`, `${still} carer see`].toSorted(),
  )
  const { rows } = await sql<{ type: string; account: string }>`
    select type, subjects ->> 'accountId' as account from event
    where subjects ->> 'patientId' = ${kept} and type like 'access.%'`.execute(db)
  assert.deepEqual(rows, [{ type: 'access.granted', account: again }])
})

test('no parent gets the record of an adult by merging a child’s into it', async () => {
  const network = await openNetwork()
  const kept = await registered(network, { dateOfBirth: '1984-07-19' })
  const duplicate = await registered(network)
  const { accountId, as } = await makePatient(runtime)
  await db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: duplicate,
      relation: 'parent',
      scope: 'manage',
      created_at: at(),
    })
    .execute()
  assert.equal((await call(app, `GET /patients/${duplicate}`, { as })).status, 200)
  assert.equal((await merge(network.people.deskHere, kept, duplicate)).status, 200)
  assert.equal((await call(app, `GET /patients/${kept}`, { as })).status, 404)
  const { rows } = await sql<{ type: string }>`
    select type from event where subjects ->> 'accountId' = ${accountId}
      and subjects ->> 'patientId' = ${kept} order by seq`.execute(db)
  assert.deepEqual(
    rows.map(({ type }) => type),
    ['access.granted', 'access.changed'],
  )
})

test('no desk lets an account that only looks into a record that another one manages', async () => {
  const network = await openNetwork()
  const { deskHere, admin } = network.people
  for (const isManagedKept of [true, false]) {
    const [managed, dummy] = [await registered(network), await registered(network)]
    const [owner, onlooker] = [await makePatient(runtime), await makePatient(runtime)]
    const access = { created_at: at(), relation: 'carer' } as const
    await db
      .insertInto('patient_access')
      .values([
        { ...access, patient_id: managed, account_id: owner.accountId, scope: 'manage' },
        { ...access, patient_id: dummy, account_id: onlooker.accountId, scope: 'see' },
      ])
      .execute()
    const [kept, duplicate] = isManagedKept ? [managed, dummy] : [dummy, managed]
    assert.equal((await merge(deskHere, kept, duplicate)).status, 403)
    assert.equal((await merge(admin, kept, duplicate)).status, 200)
  }
})

test('visits that overlap are listed, and nothing changes', async () => {
  const network = await openNetwork()
  const [kept, duplicate] = [await registered(network), await registered(network)]
  const { startsAt } = network.slots[0]!
  const visits = [await bookFor(network, kept, 0)]
  const overbooked = await book(app, network.people.deskHere, {
    doctorId: network.doctorId,
    clinicId: network.clinicId,
    visitTypeId: network.visitTypeId,
    startsAt,
    patientId: duplicate,
    overbook: { reason: 'In pain.' },
  })
  assert.equal(overbooked.status, 201, JSON.stringify(overbooked.body))
  visits.push(overbooked.body.id)
  const before = [await placesOf(kept), await placesOf(duplicate)]
  const answer = await merge(network.people.deskHere, kept, duplicate)
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/records-clash')
  assert.deepEqual(
    new Set(answer.body.visits.map((one: { appointmentId: string }) => one.appointmentId)),
    new Set(visits),
  )
  assert.deepEqual([await placesOf(kept), await placesOf(duplicate)], before)
  assert.equal((await command(network.people.deskHere, visits[1]!, 'cancel')).status, 200)
  assert.equal((await merge(network.people.deskHere, kept, duplicate)).status, 200)
})

test('a differing date of birth is refused until someone insists', async () => {
  const network = await openNetwork()
  const kept = await registered(network, { dateOfBirth: '1984-07-19' })
  const duplicate = await registered(network, { dateOfBirth: '1984-09-17' })
  const { admin } = network.people
  assert.equal((await merge(admin, kept, duplicate)).body.type, '/problems/conflict')
  const answer = await merge(admin, kept, duplicate, { despiteDateOfBirth: true })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.dateOfBirth, '1984-07-19')
})

test('records of two people with accounts of their own are not merged', async () => {
  const network = await openNetwork()
  const [one, other] = [await makePatient(runtime), await makePatient(runtime)]
  const answer = await merge(network.people.admin, one.patientId, other.patientId)
  assert.equal(answer.body.type, '/problems/conflict')
  assert.notDeepEqual(await placesOf(other.patientId), [])
})

test('who merges vouches for both, and an admin alone joins what accounts manage', async () => {
  const network = await openNetwork()
  const { people } = network
  const kept = await registered(network)
  const elsewhere = await registered({
    ...network,
    people: { ...people, deskHere: people.deskElsewhere },
  })
  assert.equal((await merge(people.deskHere, kept, elsewhere)).status, 404)
  assert.equal((await merge(people.deskElsewhere, kept, elsewhere)).status, 404)
  assert.equal((await merge(people.doctor, kept, elsewhere)).status, 403)
  assert.deepEqual(
    (await auditOf(kept)).filter(({ allowed }) => !allowed).map(({ action }) => action),
    ['patient.merge', 'patient.merge', 'mergePatients'],
  )

  // Seen whole by the visit that the patient booked, but registered by nobody here.
  const visit = await makeVisit(network, 0)
  assert.equal((await merge(people.deskHere, kept, visit.patientId)).status, 403)

  const managed = await registered(network)
  const other: TestPatient = await makePatient(runtime)
  for (const [patient_id, account_id] of [
    [kept, visit.accountId],
    [managed, other.accountId],
  ])
    await db
      .insertInto('patient_access')
      .values({
        patient_id: patient_id!,
        account_id: account_id!,
        relation: 'parent',
        scope: 'manage',
        created_at: at(),
      })
      .execute()
  assert.equal((await merge(people.deskHere, kept, managed)).status, 403)
  assert.equal((await merge(people.admin, kept, managed)).status, 200)
})

test('a stranger’s merge is refused without waiting for who works on the records', async () => {
  const network = await openNetwork()
  const [kept, duplicate] = [await registered(network), await registered(network)]
  const working = new pg.Client({ connectionString: databaseUrl })
  await working.connect()
  try {
    await working.query('begin')
    await working.query('select from patient where id = any ($1) for update', [[kept, duplicate]])
    assert.equal((await merge(network.people.deskElsewhere, kept, duplicate)).status, 404)
  } finally {
    await working.end()
  }
})

test('an account of two desks merges what both registered, and no link to either opens it', async () => {
  const network = await openNetwork()
  const kept = await registered(network, { dateOfBirth: '1984-07-19' })
  const duplicate = await registered(network)
  const { deskHere } = network.people
  const link = await call(app, `POST /patients/${kept}/claim-links`, { as: deskHere, body: {} })
  assert.equal(link.status, 201)
  assert.equal((await merge(deskHere, kept, duplicate)).status, 200)
  const claimed = await call(app, 'POST /patients/claims', {
    as: await signInAs(runtime, { role: 'patient' }),
    body: { code: link.body.code, dateOfBirth: '1984-07-19' },
  })
  assert.equal(claimed.status, 422)
})
