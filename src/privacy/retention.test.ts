import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient } from '#test/support/patient.ts'
import { pidOf, until } from '#test/support/race-servers.ts'
import { openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { nextPatients, type PatientPosition } from './retention-queries.ts'
import { removeWhatIsOver } from './retention.ts'

const { runtime, databaseUrl } = await testVisita()
const { db } = runtime
const day = 86_400_000
const ago = (days: number) => formatUtc(runtime.clock() - days * day)

async function insertEvent(days: number): Promise<string> {
  const { seq } = await db
    .insertInto('event')
    .values({ origin: newId(), type: 'test.old', subjects: '{}', occurred_at: ago(days) })
    .returning('seq')
    .executeTakeFirstOrThrow()
  return seq
}

async function isThere(seq: string): Promise<boolean> {
  const row = await db.selectFrom('event').select('seq').where('seq', '=', seq).executeTakeFirst()
  return row !== undefined
}

/** All readers have read everything, or nothing since so many rows. */
async function moveReaders(to: 'end' | 'start'): Promise<void> {
  await sql`update event_reader set xid = ${to === 'end' ? sql`pg_current_xact_id()` : sql`'1'::xid8`},
    seq = ${to === 'end' ? '9223372036854775807' : '0'}::bigint`.execute(db)
}

test('events go when they are old and every reader has read them, and never before', async () => {
  const before = await db.selectFrom('event_reader').selectAll().execute()
  const [old, recent] = [await insertEvent(91), await insertEvent(89)]
  await moveReaders('start')
  await removeWhatIsOver(runtime)
  assert.deepEqual([await isThere(old), await isThere(recent)], [true, true])
  await moveReaders('end')
  await removeWhatIsOver(runtime)
  assert.deepEqual([await isThere(old), await isThere(recent)], [false, true])
  for (const { name, xid, seq } of before)
    await db.updateTable('event_reader').set({ xid, seq }).where('name', '=', name).execute()
})

test('nobody has recent events removed, whatever they ask for', async () => {
  const recent = await insertEvent(6)
  await moveReaders('end')
  await sql`select purge_events(now() + interval '1 year', 1000)`.execute(db)
  assert.equal(await isThere(recent), true)
})

test('the functions that erase are for the application alone, and find their own tables', async () => {
  const { rows } = await sql<{ name: string; settings: string[]; is_public: boolean }>`
    select proname as name, proconfig as settings,
      has_function_privilege('public', oid, 'execute') as is_public
    from pg_proc where prosecdef and pronamespace = current_schema()::regnamespace order by 1`.execute(
    db,
  )
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['erase_patient', 'purge_events', 'rename_merged_actor'],
  )
  for (const { name, settings, is_public: isPublic } of rows) {
    assert.match(settings.join(), /^search_path=pg_catalog, .+, pg_temp$/, name)
    assert.equal(isPublic, false, name)
  }
})

test('what has ended is removed when its time is over', async () => {
  const { accountId } = await makePatient(runtime)
  const session = async (days: number) => {
    const id = newId()
    await db
      .insertInto('session')
      .values({
        id,
        account_id: accountId,
        refresh_token_hash: randomBytes(32),
        created_at: ago(400),
        expires_at: ago(-1),
        ended_at: ago(days),
      })
      .execute()
    return id
  }
  const notification = async (days: number, due_at: string | null) => {
    const id = newId()
    await db
      .insertInto('notification')
      .values({
        id,
        kind: 'account',
        channel: 'email',
        account_id: accountId,
        side: 'patient',
        topic: `test:${id}`,
        details: '{}',
        status: due_at === null ? 'sent' : 'queued',
        queued_at: ago(days),
        due_at,
      })
      .execute()
    return id
  }
  const sessions = [await session(91), await session(89)]
  const notifications = [
    await notification(366, null),
    await notification(364, null),
    await notification(366, ago(-1)),
  ]
  await removeWhatIsOver(runtime)
  const kept = await db.selectFrom('session').select('id').where('id', 'in', sessions).execute()
  assert.deepEqual(kept, [{ id: sessions[1] }])
  const left = await db
    .selectFrom('notification')
    .select('id')
    .where('id', 'in', notifications)
    .orderBy('id')
    .execute()
  assert.deepEqual(left, [{ id: notifications[1] }, { id: notifications[2] }])
})

test('records that nobody had to do with for years are erased when the network says so', async () => {
  const makeRecord = async (days: number) => {
    const { patientId } = await makePatient(runtime)
    await db
      .updateTable('patient')
      .set({ created_at: ago(days) })
      .where('id', '=', patientId)
      .execute()
    return patientId
  }
  const forgotten = await makeRecord(11 * 366)
  const recent = await makeRecord(9 * 365)
  const managed = await makeRecord(11 * 366)
  await db.deleteFrom('patient_access').where('patient_id', 'in', [forgotten, recent]).execute()
  const erased = async () => {
    const rows = await db
      .selectFrom('patient')
      .select('id')
      .where('id', 'in', [forgotten, recent, managed])
      .where('erased_at', 'is not', null)
      .execute()
    return rows.map(({ id }) => id)
  }
  await removeWhatIsOver(runtime)
  assert.deepEqual(await erased(), [])
  await db.updateTable('network_settings').set({ keep_patients_years: 10 }).execute()
  await removeWhatIsOver(runtime)
  await db.updateTable('network_settings').set({ keep_patients_years: null }).execute()
  assert.deepEqual(await erased(), [forgotten])
})

test('one process at a time removes what is over', async () => {
  const old = await insertEvent(91)
  await moveReaders('end')
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      "select pg_advisory_lock(hashtextextended('retention ' || current_schema(), 0))",
    )
    await db.updateTable('network_settings').set({ keep_patients_years: 10 }).execute()
    const position = { created_at: ago(11 * 366), id: newId() }
    assert.deepEqual(await removeWhatIsOver(runtime, position), position)
    assert.equal(await isThere(old), true)
  } finally {
    await db.updateTable('network_settings').set({ keep_patients_years: null }).execute()
    await client.end()
  }
  await removeWhatIsOver(runtime)
  assert.equal(await isThere(old), false)
})

test('a record that somebody books for meanwhile stays, and the others go all the same', async () => {
  const { doctorId, clinicId, visitTypeId } = await openNetwork()
  const forgotten: string[] = []
  for (const days of [13 * 366, 12 * 366, 11 * 366]) {
    const { patientId } = await makePatient(runtime)
    forgotten.push(patientId)
    await db
      .updateTable('patient')
      .set({ created_at: ago(days) })
      .where('id', '=', patientId)
      .execute()
  }
  await db.deleteFrom('patient_access').where('patient_id', 'in', forgotten).execute()
  const booking = new pg.Client({ connectionString: databaseUrl })
  await booking.connect()
  try {
    await db.updateTable('network_settings').set({ keep_patients_years: 10 }).execute()
    await booking.query('begin')
    await booking.query(
      `insert into appointment (id, status, doctor_id, clinic_id, patient_id, visit_type_id, starts_at,
         ends_at, time_zone, local_starts_at, created_at)
       values ($1, 'confirmed', $2, $3, $4, $5, now() + '1 day', now() + '25 hours', 'Europe/Paris',
         now(), now())`,
      [newId(), doctorId, clinicId, forgotten[0], visitTypeId],
    )
    const pid = await pidOf(booking)
    const removing = removeWhatIsOver(runtime)
    await until('the removal waits for the booking', async () => {
      const waiting = await db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ count: number }>`
          select count(*)::integer as count from pg_stat_activity
          where ${pid} = any (pg_blocking_pids(pid))`.execute(tx)
        return rows[0]!.count
      })
      return waiting > 0
    })
    await booking.query('commit')
    await removing
  } finally {
    await booking.end()
    await db.updateTable('network_settings').set({ keep_patients_years: null }).execute()
  }
  const erased = await db
    .selectFrom('patient')
    .select('id')
    .where('id', 'in', forgotten)
    .where('erased_at', 'is not', null)
    .orderBy('created_at')
    .execute()
  assert.deepEqual(
    erased.map(({ id }) => id),
    forgotten.slice(1),
  )
})

test('a run goes on where the one before it stopped, and looks at no record that is younger', async (t) => {
  const { db: own, owner } = await ownDatabase(t)
  await owner.query(
    `insert into patient (id, name, created_at)
     select gen_random_uuid(), 'Anna', now() - case when place <= 5000 then interval '11 years'
       else interval '1 year' end from generate_series(1, 6000) as place`,
  )
  const asked = { before: runtime.clock() - 10 * 366 * day, now: runtime.clock(), limit: 2000 }
  const seen = new Set<string>()
  let after: PatientPosition | null = null
  do {
    const rows: PatientPosition[] = await nextPatients(own, { ...asked, after })
    for (const { id } of rows) seen.add(id)
    after = rows.at(-1) ?? null
  } while (after !== null)
  assert.equal(seen.size, 5000)
  await sql`update network_settings set keep_patients_years = 10`.execute(own)
  const last = { created_at: 'infinity', id: newId() }
  assert.equal(await removeWhatIsOver({ ...runtime, db: own }, last), null)
  const { rows } = await owner.query('select from patient where erased_at is not null')
  assert.equal(rows.length, 0)
})
