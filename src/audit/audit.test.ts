import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { createApp } from '#src/app.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { record } from './audit.ts'

const { app, runtime, databaseUrl } = await testVisita()
const context = { ...runtime, actor: null, requestId: 'test', clientAddress: null }
const subjectId = newId()
const entry = { action: 'doctor.update', subjectType: 'doctor', subjectId }
const tables = ['audit_entry', 'audit_seal']

test('the application cannot change, delete or truncate what was audited', async () => {
  await record(context, runtime.db, entry)
  for (const table of tables.map((name) => sql.table(name)))
    for (const statement of [
      sql`update ${table} set seq = default`,
      sql`delete from ${table}`,
      sql`truncate ${table}`,
    ])
      await assert.rejects(statement.execute(runtime.db), { code: '42501' })
})

test('the owner of the tables is stopped by a trigger', async () => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (const table of tables)
      for (const statement of [
        `update ${table} set seq = default`,
        `delete from ${table}`,
        `truncate ${table}`,
      ])
        await assert.rejects(client.query(statement), /append-only/)
  } finally {
    await client.end()
  }
})

test('who is signed in and refused by role is on record, with the operation and what it was about', async () => {
  const { people, clinicId } = await makeNetwork(runtime)
  const { as, accountId, patientId } = await makePatient(runtime)
  const refusals = [
    ['GET /admin/audit', 'listAudit', 'network', null],
    [`POST /admin/users/${accountId}/disable`, 'disableUser', 'account', accountId],
    [`PATCH /clinics/${clinicId}`, 'updateClinic', 'clinic', clinicId],
    [`POST /admin/patients/${patientId}/erase`, 'erasePatient', 'patient', patientId],
    ['GET /admin/users/no-id', 'getUser', 'account', null],
  ] as const
  for (const [request] of refusals) {
    assert.equal((await call(app, request, { as })).status, 403)
    assert.equal((await call(app, request, {})).status, 401)
  }
  const refused = () =>
    runtime.db
      .selectFrom('audit_entry')
      .select(['action', 'subject_type', 'subject_id'])
      .where('actor_id', '=', accountId)
      .where('allowed', '=', false)
      .orderBy('seq')
      .execute()
  assert.deepEqual(
    (await refused()).map((row) => Object.values(row)),
    refusals.map(([, ...written]) => written),
  )
  const { status, body } = await call(
    app,
    `GET /admin/audit?action=listAudit&actorId=${accountId}`,
    { as: people.admin },
  )
  assert.deepEqual([status, body.items.length, body.items[0].allowed], [200, 1, false])
})

test('whoever still lacks a second factor is refused on record too', async (t) => {
  const { db } = await ownDatabase(t)
  const own = { ...runtime, db }
  const { people, doctorId } = await makeNetwork(own)
  await db.updateTable('network_settings').set({ second_factor_for_staff: true }).execute()
  const ownApp = await createApp(own)
  t.after(() => ownApp.close())
  const request = `GET /doctors/${doctorId}/hours` as const
  const answer = await call(ownApp, request, { as: people.doctor })
  assert.equal(answer.body.type, '/problems/second-factor-required')
  const rows = await db
    .selectFrom('audit_entry')
    .select(['action', 'subject_type', 'subject_id', 'allowed'])
    .execute()
  assert.deepEqual(rows, [
    { action: 'getDoctorHours', subject_type: 'doctor', subject_id: doctorId, allowed: false },
  ])
})
