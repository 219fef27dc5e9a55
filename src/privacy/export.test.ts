import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { auditOf, command, openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { accountAuditItems, recordAuditItems } from './export-queries.ts'

const { app, runtime } = await testVisita()
const { db } = runtime
const at = () => formatUtc(runtime.clock())

/** Where in the export the rows of a table are. */
const exported: Record<string, string> = {
  access_invitation: 'records[].accesses',
  account: 'account',
  account_link: 'links',
  appointment: 'records[].visits',
  appointment_event: 'records[].visits[].history',
  audit_entry: 'whoLooked, records[].whoLooked',
  calendar_feed: 'calendarFeeds',
  invitation: 'invitations',
  medical_entry: 'records[].medicalHistory',
  message: 'messagesWritten, records[].visits[].messages',
  message_read: 'messagesRead',
  notification: 'notifications, records[].notifications',
  notification_preference: 'preferences',
  patient: 'records',
  patient_access: 'accesses, records[].accesses',
  patient_claim_link: 'records[].claimLinks',
  quiet_hours: 'quietHours',
  recovery_code: 'secondFactor',
  second_factor: 'secondFactor',
  session: 'sessions',
  waitlist_entry: 'records[].waitlist',
  waitlist_offer: 'records[].waitlist[].offers',
}

/** What is left out, and why. */
const leftOut: Record<string, string> = {
  claim: 'the times of the visits once more',
  event: 'ids of what is exported, for other processes, and gone after some months',
  idempotency_key: 'ids of what is exported, and gone after a day',
}

/** The tables with a row in which one of the ids stands, in any column. */
async function tablesAbout(ids: string[]): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'r'`.execute(db)
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql`
      select from ${sql.table(name)} as row
      where exists (select from unnest(${ids}::text[]) as id where position(id in row::text) > 0)
      limit 1`.execute(db)
    if (rows.length > 0) found.push(name)
  }
  return found.toSorted()
}

test('whatever there is about a person is in the export, or said to be left out with its reason', async () => {
  const network = await openNetwork()
  const { people, slots } = network
  const patient = await makePatient(runtime)
  const { accountId, patientId, as } = patient
  const visit = await book(app, as, { slotId: slots[1]!.id, reason: 'canary-reason' })
  assert.equal(visit.status, 201)
  const appointmentId = visit.body.id
  await command(people.deskHere, appointmentId, 'check-in')
  await call(app, `PATCH /appointments/${appointmentId}`, {
    as: people.deskHere,
    body: { staffNote: 'canary-staff-note' },
  })
  const later = await book(app, as, { slotId: slots[9]!.id })
  const messages = `/appointments/${appointmentId}/messages`
  await call(app, `POST ${messages}`, { as: people.doctor, body: { text: 'canary-from-doctor' } })
  await call(app, `POST ${messages}`, { as, body: { text: 'canary-to-doctor' } })
  await call(app, `POST ${messages}/read`, { as, body: {} })
  const wait = { appointmentId: later.body.id, from: '22:00' }
  const entry = await call(app, 'POST /waitlist', { as, body: wait })
  assert.equal(entry.status, 201)
  await call(app, 'POST /calendar-feeds', { as, body: { patientId } })
  await call(app, 'PATCH /notifications/preferences', {
    as,
    body: {
      kinds: [{ kind: 'reminder', email: false, sms: true }],
      quietHours: { from: '22:00', to: '07:00', timeZone: 'Europe/Paris' },
    },
  })
  const history = await call(app, `POST /patients/${patientId}/medical-history`, {
    as,
    body: { kind: 'allergy', text: 'canary-penicillin' },
  })
  assert.equal(history.status, 201, JSON.stringify(history.body))
  const [offer] = await db
    .selectFrom('appointment')
    .select(['doctor_id', 'starts_at'])
    .where('id', '=', appointmentId)
    .execute()
  await db
    .insertInto('waitlist_offer')
    .values({
      appointment_id: appointmentId,
      entry_id: entry.body.id,
      doctor_id: offer!.doctor_id,
      starts_at: formatUtc(offer!.starts_at),
      offered_at: at(),
      expires_at: at(),
      outcome: 'expired',
    })
    .execute()
  const dates = { created_at: at(), expires_at: at() }
  await db
    .insertInto('access_invitation')
    .values({
      ...dates,
      id: newId(),
      patient_id: patientId,
      email: 'canary-carer@example.org',
      relation: 'carer',
      scope: 'see',
      invited_by: accountId,
    })
    .execute()
  await db
    .insertInto('patient_claim_link')
    .values({ ...dates, id: newId(), patient_id: patientId, code_hash: randomBytes(32) })
    .execute()
  await db
    .insertInto('account_link')
    .values({
      ...dates,
      id: newId(),
      account_id: accountId,
      purpose: 'verify_email',
      email: 'canary-link@example.org',
    })
    .execute()
  await db
    .insertInto('invitation')
    .values({
      ...dates,
      id: newId(),
      code_hash: randomBytes(32),
      role: 'doctor',
      used_by: accountId,
      email: 'canary-invited@example.org',
    })
    .execute()
  await db
    .insertInto('second_factor')
    .values({
      account_id: accountId,
      secret: Buffer.from('canary-secret'),
      created_at: at(),
      confirmed_at: at(),
    })
    .execute()
  await db
    .insertInto('recovery_code')
    .values({ account_id: accountId, code_hash: randomBytes(32) })
    .execute()
  for (const whom of [{ account_id: accountId }, { patient_id: patientId }])
    await db
      .insertInto('notification')
      .values({
        ...whom,
        id: newId(),
        kind: 'reminder',
        channel: 'email',
        side: 'patient',
        topic: `test:${newId()}`,
        details: '{}',
        status: 'sent',
        address: 'canary-address@example.org',
        queued_at: at(),
      })
      .execute()

  const answer = await call(app, 'GET /me/export', { as })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const tables = await tablesAbout([accountId, patientId, appointmentId, later.body.id])
  assert.deepEqual(
    tables.filter((name) => !(name in exported) && !(name in leftOut)),
    [],
  )
  assert.deepEqual(
    Object.keys(exported).filter((name) => !tables.includes(name)),
    [],
    'the fixture has rows in all of them',
  )

  const text = JSON.stringify(answer.body)
  const words = 'reason from-doctor to-doctor penicillin carer link invited address'.split(' ')
  for (const word of words) assert.match(text, new RegExp(`canary-${word}`))
  assert.doesNotMatch(text, /canary-staff-note|canary-secret|password|refresh_token|code_hash/)
  const { body } = answer
  for (const path of Object.values(exported).flatMap((paths) => paths.split(', '))) {
    let values: unknown[] = [body]
    for (const key of path.replaceAll('[]', '').split('.'))
      values = values.flatMap((value) => (value as Record<string, unknown>)[key] ?? [])
    assert.ok(values.length > 0, `${path} is empty`)
  }
  const looked = body.records[0].whoLooked.find(
    (one: { action: string }) => one.action === 'appointment.check-in',
  )
  assert.deepEqual([looked.by, looked.clinics], ['front_desk', ['Canal']])
  assert.ok(!text.includes('Someone here'))
  assert.deepEqual(
    (await auditOf(patientId)).filter(({ action }) => action === 'patient.export').length,
    1,
  )
})

test('an export is a file, and all visits are one calendar by query and by Accept', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  const visits: string[] = []
  for (const index of [0, 3])
    visits.push((await book(app, patient.as, { slotId: network.slots[index]!.id })).body.id)
  for (const request of [
    { url: '/api/v1/me/export?format=ics', headers: {} },
    { url: '/api/v1/me/export', headers: { accept: 'text/calendar' } },
  ]) {
    const { url } = request
    const headers = { ...request.headers, authorization: patient.as }
    const answer = await app.inject({ url, headers })
    assert.equal(answer.statusCode, 200)
    assert.match(String(answer.headers['content-type']), /^text\/calendar/)
    assert.equal(answer.headers['content-disposition'], 'attachment; filename="visita-visits.ics"')
    for (const id of visits) assert.match(answer.body, new RegExp(`UID:${id}`))
  }
  const json = await app.inject({
    url: '/api/v1/me/export',
    headers: { authorization: patient.as },
  })
  assert.equal(json.headers['content-disposition'], 'attachment; filename="visita-export.json"')
})

test('who manages a record exports it, who looks or books does not, and a stranger learns nothing', async () => {
  const [owner, other] = [await makePatient(runtime), await makePatient(runtime)]
  const request = `GET /me/export?patientId=${owner.patientId}` as const
  assert.equal((await call(app, request, { as: other.as })).status, 404)
  const access = { account_id: other.accountId, patient_id: owner.patientId, created_at: at() }
  await db
    .insertInto('patient_access')
    .values({ ...access, relation: 'carer', scope: 'book', granted_by: owner.accountId })
    .execute()
  assert.equal((await call(app, request, { as: other.as })).status, 403)
  await db
    .updateTable('patient_access')
    .set({ scope: 'manage' })
    .where('account_id', '=', other.accountId)
    .execute()
  const { body } = await call(app, request, { as: other.as })
  assert.deepEqual([body.account, body.records.length], [undefined, 1])
  assert.equal(body.records[0].id, owner.patientId)
  const givers = body.records[0].accesses.map((one: { givenBy?: string }) => one.givenBy)
  assert.deepEqual(givers, [undefined, 'Someone'])
  assert.deepEqual(
    (await auditOf(owner.patientId)).map(({ action, allowed }) => [action, allowed]),
    [
      ['patient.export', false],
      ['patient.export', false],
      ['patient.export', true],
    ],
  )
})

test('who looked at a record that was merged into this one is told too', async () => {
  const network = await openNetwork()
  const { people } = network
  const patient = await makePatient(runtime)
  const ids: string[] = []
  for (const name of [`Anna ${newId()}`, `Anna ${newId()}`]) {
    const body = { name, despiteDuplicates: true }
    ids.push((await call(app, 'POST /patients', { as: people.deskHere, body })).body.id)
  }
  const [first, second] = ids as [string, string]
  assert.equal((await call(app, `GET /patients/${first}`, { as: people.admin })).status, 200)
  for (const [kept, duplicateId] of [
    [second, first],
    [patient.patientId, second],
  ] as const) {
    const request = `POST /patients/${kept}/merge` as const
    assert.equal(
      (await call(app, request, { as: people.admin, body: { duplicateId } })).status,
      200,
    )
  }
  const { body } = await call(app, 'GET /me/export', { as: patient.as })
  const looked = body.records[0].whoLooked.map(
    (one: { id: string; action: string; by: string }) => `${one.id} ${one.action} ${one.by}`,
  )
  assert.ok(looked.includes(`${first} patient.read admin`), looked.join())
  assert.ok(looked.includes(`${second} patient.create front_desk`), looked.join())
})

test('an export does not read the whole audit', async (t) => {
  const { db: own, owner } = await ownDatabase(t)
  const [accountId, patientId] = [newId(), newId()]
  await owner.query(
    `insert into audit_entry (occurred_at, action, subject_type, subject_id, allowed)
     select now(), 'patient.read',
       (array['patient', 'account', 'session', 'appointment', 'waitlist-entry'])[1 + place % 5],
       gen_random_uuid(), true from generate_series(1, 50000) as place`,
  )
  await owner.query('analyze')
  await own.transaction().execute(async (tx) => {
    assert.deepEqual(await recordAuditItems(tx, { patientId, accountId }), [])
    assert.deepEqual(await accountAuditItems(tx, accountId), [])
    const { rows } = await sql<{ scans: number }>`
      select seq_scan::integer as scans from pg_stat_xact_user_tables
      where relid = 'audit_entry'::regclass`.execute(tx)
    assert.deepEqual(rows, [{ scans: 0 }])
  })
})
