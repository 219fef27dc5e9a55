import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import type { Database } from '#src/db/connect.ts'
import { newId } from '#src/kernel/ids.ts'
import { ownDatabase, type OwnDatabase } from '#test/support/own-database.ts'
import { testVisita } from '#test/support/visita.ts'
import { record } from './audit.ts'
import { countAuditRowsAfter, isAuditAhead, lastSeal } from './seal-queries.ts'
import { keepSealing, sealNext } from './seal.ts'
import { verifyAudit } from './verify.ts'

const { runtime, databaseUrl } = await testVisita()
const { clock } = runtime

/** An audit of the test's own, whose owner is stopped by no trigger. */
async function ownAudit(t: TestContext): Promise<OwnDatabase> {
  const own = await ownDatabase(t)
  await own.owner.query('alter table audit_entry disable trigger user')
  await own.owner.query('alter table audit_seal disable trigger user')
  return own
}

function writeRow(db: Database, action = 'doctor.update'): Promise<void> {
  const context = { clock, actor: null, requestId: 'test' }
  const details = { text: 'a "b"\n[é]', count: 1 }
  return record(context, db, { action, subjectType: 'doctor', subjectId: newId(), details })
}

/** Seals all there is, which a transaction elsewhere on the server may hold up for a moment. */
async function sealAll(db: Database, limit: number): Promise<void> {
  for (;;) {
    while ((await sealNext({ db, clock }, { limit })) > 0);
    const seal = await lastSeal(db)
    if ((await countAuditRowsAfter(db, seal?.to ?? { xid: '0', seq: '0' })) === 0) return
    await turn()
  }
}

/** Seven rows under three seals. */
async function sealedAudit(t: TestContext): Promise<OwnDatabase & { hash: string }> {
  const audit = await ownAudit(t)
  for (let count = 0; count < 7; count += 1) await writeRow(audit.db)
  await sealAll(audit.db, 3)
  const { lastHash, ...report } = await verifyAudit(audit.db)
  assert.deepEqual(report, {
    seals: 3,
    rows: 7,
    unsealed: 0,
    unsealedSince: null,
    faults: [],
    faultCount: 0,
  })
  return { ...audit, hash: lastHash! }
}

async function faultsIn(db: Database, ...expect: string[]) {
  const { faults, faultCount } = await verifyAudit(db, { expect })
  assert.equal(faultCount, faults.length)
  return faults.map(({ what, seal }) => ({ what, seal }))
}

async function faultIn(db: Database, ...expect: string[]) {
  return (await faultsIn(db, ...expect))[0] ?? null
}

test('each column of a row is sealed: whatever its owner changes is found', async (t) => {
  const { db, owner } = await sealedAudit(t)
  const changes = [
    "occurred_at = occurred_at + interval '1 microsecond'",
    `actor_id = '${newId()}'`,
    "action = 'doctor.read'",
    "subject_type = 'patient'",
    'subject_id = null',
    'allowed = not allowed',
    "request_id = ''",
    `details = '{}'`,
  ]
  for (const change of changes) {
    await owner.query('create temporary table kept as select * from audit_entry where seq = 5')
    await owner.query(`update audit_entry set ${change} where seq = 5`)
    assert.deepEqual(await faultIn(db), { what: 'changed', seal: '2' }, change)
    await owner.query('delete from audit_entry where seq = 5')
    await owner.query('insert into audit_entry overriding system value select * from kept')
    await owner.query('drop table kept')
    assert.equal(await faultIn(db), null)
  }
})

test('a row that was taken out is found, and so is one that was slipped in', async (t) => {
  const { db, owner } = await sealedAudit(t)
  await owner.query('create temporary table kept as select * from audit_entry where seq = 4')
  await owner.query('delete from audit_entry where seq = 4')
  assert.deepEqual(await faultIn(db), { what: 'missing', seal: '2' })
  await owner.query('insert into audit_entry overriding system value select * from kept')
  await owner.query("update kept set seq = 1000, action = 'doctor.read'")
  await owner.query('insert into audit_entry overriding system value select * from kept')
  assert.deepEqual(await faultIn(db), { what: 'added', seal: '2' })
})

test('a seal that was changed or taken out is found', async (t) => {
  const { db, owner } = await sealedAudit(t)
  const changes = [
    "hash = sha256('x')",
    'to_seq = to_seq + 1',
    'rows = rows + 1',
    "sealed_at = sealed_at - interval '1 day'",
  ]
  for (const change of changes) {
    await owner.query('create temporary table kept as select * from audit_seal where seq = 2')
    await owner.query(`update audit_seal set ${change} where seq = 2`)
    assert.equal((await faultIn(db))?.seal, '2', change)
    await owner.query('delete from audit_seal where seq = 2')
    assert.deepEqual(await faultIn(db), { what: 'added', seal: '3' })
    await owner.query('insert into audit_seal overriding system value select * from kept')
    await owner.query('drop table kept')
    assert.equal(await faultIn(db), null)
  }
})

test('seals that were made anew fit, and are found by a hash that was noted before', async (t) => {
  const { db, owner, hash } = await sealedAudit(t)
  await writeRow(db)
  await sealAll(db, 3)
  assert.equal(await faultIn(db, hash), null)
  assert.equal(await faultIn(db, ` ${hash.toUpperCase()}\n`), null)
  await owner.query("update audit_entry set action = 'nothing' where seq = 2")
  await owner.query('delete from audit_seal')
  await sealAll(db, 3)
  assert.equal(await faultIn(db), null)
  assert.deepEqual(await faultIn(db, hash), { what: 'rebuilt', seal: null })
  const { lastHash } = await verifyAudit(db)
  assert.deepEqual(await faultsIn(db, lastHash!, hash), [{ what: 'rebuilt', seal: null }])
})

test('after a seal that does not fit the later ones are looked at too', async (t) => {
  const { db, owner, hash } = await sealedAudit(t)
  await owner.query("update audit_entry set action = 'nothing' where seq = 2")
  await owner.query('delete from audit_entry where seq = 7')
  assert.deepEqual(await faultsIn(db, hash), [
    { what: 'changed', seal: '1' },
    { what: 'missing', seal: '3' },
  ])
  const { seals, rows } = await verifyAudit(db)
  assert.deepEqual({ seals, rows }, { seals: 1, rows: 3 })
})

test('rows are told to be unsealed since the first of them when all seals were taken out', async (t) => {
  const { db, owner } = await sealedAudit(t)
  await owner.query('delete from audit_seal')
  const { rows } = await owner.query<{ at: string }>(
    'select (extract(epoch from min(occurred_at)) * 1000)::bigint as at from audit_entry',
  )
  const { unsealed, unsealedSince, faultCount } = await verifyAudit(db)
  assert.deepEqual(
    { unsealed, unsealedSince, faultCount },
    { unsealed: 7, unsealedSince: Number(rows[0]!.at), faultCount: 0 },
  )
})

test('a row that commits late with a lower number is sealed once, in the order of commits', async (t) => {
  const { db, owner } = await ownAudit(t)
  await owner.query('begin')
  await owner.query(
    `insert into audit_entry (occurred_at, action, subject_type, allowed)
     values (now(), 'slow', 'doctor', true)`,
  )
  await writeRow(db, 'quick')
  assert.equal(await sealNext({ db, clock }), 0)
  const { unsealed, faultCount } = await verifyAudit(db)
  assert.deepEqual({ unsealed, faultCount }, { unsealed: 1, faultCount: 0 })
  await owner.query('commit')
  await sealAll(db, 1)
  const { rows } = await owner.query('select to_seq from audit_seal order by seq')
  assert.deepEqual(rows, [{ to_seq: '1' }, { to_seq: '2' }])
  assert.equal(await faultIn(db), null)
})

test('of many processes that seal at once, one does, while rows are written', async (t) => {
  const { db } = await ownAudit(t)
  const writers = Array.from({ length: 60 }, () => writeRow(db))
  const sealers = Array.from({ length: 40 }, () => sealNext({ db, clock }, { limit: 2 }))
  await Promise.all([...writers, ...sealers])
  await sealAll(db, 2)
  const { rows, unsealed, faultCount } = await verifyAudit(db)
  assert.deepEqual({ rows, unsealed, faultCount }, { rows: 60, unsealed: 0, faultCount: 0 })
})

test('a process that is killed while it seals leaves no half a seal, and the next one goes on', async (t) => {
  const { db, owner } = await sealedAudit(t)
  await writeRow(db)
  await owner.query('begin')
  await owner.query(
    "select pg_advisory_xact_lock(hashtextextended('audit seal ' || current_schema(), 0))",
  )
  await owner.query(
    "insert into audit_seal (to_xid, to_seq, rows, hash, sealed_at) values ('1', 1, 1, 'x', now())",
  )
  assert.equal(await sealNext({ db, clock }), 0)
  const { rows } = await owner.query<{ id: number }>('select pg_backend_pid() as id')
  const killer = new pg.Client(databaseUrl)
  await killer.connect()
  owner.on('error', () => {})
  await killer.query('select pg_terminate_backend($1)', [rows[0]!.id])
  await killer.end()
  await sealAll(db, 3)
  const report = await verifyAudit(db)
  assert.deepEqual(
    { seals: report.seals, rows: report.rows, faultCount: report.faultCount },
    { seals: 4, rows: 8, faultCount: 0 },
  )
})

test('an audit that was restored into a server with fewer transactions is left as it is', async (t) => {
  const { db, owner } = await sealedAudit(t)
  await owner.query(
    'update audit_seal set to_xid = ((to_xid::text)::bigint + 1000000000)::text::xid8 where seq = 3',
  )
  await writeRow(db)
  assert.equal(await sealNext({ db, clock }), 0)
  assert.equal(await isAuditAhead(db), true)
})

test('an audit is ahead by its seals or by its rows, and one that is empty or this server\u2019s is not', async (t) => {
  const { db, owner } = await ownAudit(t)
  assert.equal(await isAuditAhead(db), false)
  await writeRow(db)
  assert.equal(await isAuditAhead(db), false)
  await owner.query('update audit_entry set xid = ((xid::text)::bigint + 1000000000)::text::xid8')
  assert.equal(await isAuditAhead(db), true)
})

test('the newest hash is logged, for logs that are kept elsewhere', async (t) => {
  const { db, hash } = await sealedAudit(t)
  const ending = new AbortController()
  const line = await new Promise<string>((resolve) => {
    const log = pino({ level: 'info', base: null }, { write: resolve })
    void keepSealing({ db, clock, log }, ending.signal)
  })
  ending.abort()
  assert.partialDeepStrictEqual(JSON.parse(line), { msg: 'audit sealed', hash, seal: '3' })
})
