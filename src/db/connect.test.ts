import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { testVisita } from '#test/support/visita.ts'
import { connect } from './connect.ts'
import { refusalOf } from './constraints.ts'
import { withRetry } from './retry.ts'

const { runtime, databaseUrl } = await testVisita()

test('a statement is prepared once and used again, whatever its values', async () => {
  await runtime.db.connection().execute(async (db) => {
    const count = async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int from pg_prepared_statements where statement like '%once_only%'`.execute(
        db,
      )
      return rows[0]!.count
    }
    for (const value of [1, 2, 3]) await sql`select ${value}::int as once_only`.execute(db)
    assert.equal(await count(), 2) // the statement itself, and the one that counts
  })
})

test('instants come as milliseconds, dates as text, in whichever zone the server stands', async () => {
  const { rows } = await sql<{ at: number; day: string; local: string }>`
    select '2026-11-24 10:40:00.123+01'::timestamptz as at, '2026-11-24'::date as day,
      '2026-11-24 10:40'::timestamp as local`.execute(runtime.db)
  assert.deepEqual(rows[0], {
    at: Date.UTC(2026, 10, 24, 9, 40, 0, 123),
    day: '2026-11-24',
    local: '2026-11-24 10:40:00',
  })
})

test('a connection that breaks costs a retry, not an answer', async () => {
  const lost: Error[] = []
  const { db, pool } = connect({
    url: databaseUrl,
    schema: 'public',
    poolSize: 2,
    onLost: (error) => lost.push(error),
  })
  let tries = 0
  const answer = await withRetry(async () => {
    tries += 1
    if (tries === 1) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(db)
    const { rows } = await sql<{ one: number }>`select 1 as one`.execute(db)
    return rows[0]!.one
  })
  await pool.end()
  assert.equal(answer, 1)
  assert.equal(tries, 2)
})

test('a violated constraint becomes the refusal it stands for, and an unknown one none', async () => {
  const code = `twice-${runtime.events.origin}`
  const insert = (id: string, name: string) =>
    sql`insert into specialty (id, code, name) values (${id}, ${code}, ${name})`.execute(runtime.db)
  await insert('019a9b5e-0000-7000-8000-000000000001', `${code} one`)
  const error = await insert('019a9b5e-0000-7000-8000-000000000002', `${code} two`).catch(
    (thrown: unknown) => thrown,
  )
  assert.equal(refusalOf(error)?.code, 'conflict')
  assert.equal(refusalOf(new Error('a bug')), null)
})
