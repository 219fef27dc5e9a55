import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { testVisita } from '#test/support/visita.ts'
import { record } from './audit.ts'

const { runtime, databaseUrl } = await testVisita()
const context = { ...runtime, actor: null, requestId: 'test' }
const subjectId = newId()
const entry = { action: 'doctor.update', subjectType: 'doctor', subjectId }

test('the application cannot change, delete or truncate what was audited', async () => {
  await record(context, runtime.db, entry)
  for (const statement of [
    sql`update audit_entry set action = 'nothing'`,
    sql`delete from audit_entry`,
    sql`truncate audit_entry`,
  ])
    await assert.rejects(statement.execute(runtime.db), { code: '42501' })
})

test('the owner of the tables is stopped by a trigger', async () => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (const statement of ['update audit_entry set action = action', 'delete from audit_entry'])
      await assert.rejects(client.query(statement), /append-only/)
  } finally {
    await client.end()
  }
})
