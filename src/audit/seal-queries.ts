import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Cursor } from '#src/events/queries.ts'
import type { Instant } from '#src/kernel/time.ts'

/** An audit row with each column as text, as it is sealed. */
export interface SealedRow extends Cursor {
  /** In UTC with microseconds. */
  occurredAt: string
  actorId: string | null
  action: string
  subjectType: string
  subjectId: string | null
  allowed: boolean
  requestId: string | null
  details: string
}

export interface SealRow {
  seq: string
  to: Cursor
  rows: number
  hash: Buffer
  /** In UTC with microseconds. */
  sealedAt: string
}

const utcMicroseconds = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

/** One process seals at a time: true for the one that may until its transaction ends. */
export async function lockSealing(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('audit seal ' || current_schema(), 0))
      as locked`.execute(db)
  return rows[0]!.locked
}

interface SealColumns extends Omit<SealRow, 'to'> {
  toXid: string
  toSeq: string
}

const sealColumns = sql`seq::text, to_xid::text as "toXid", to_seq::text as "toSeq", rows, hash,
  to_char(sealed_at at time zone 'UTC', ${sql.lit(utcMicroseconds)}) as "sealedAt"`

function sealOf({ toXid, toSeq, ...seal }: SealColumns): SealRow {
  return { ...seal, to: { xid: toXid, seq: toSeq } }
}

/** The newest seal. */
export async function lastSeal(db: Queryable): Promise<SealRow | undefined> {
  const { rows } = await sql<SealColumns>`
    select ${sealColumns} from audit_seal order by audit_seal.seq desc limit 1`.execute(db)
  return rows[0] && sealOf(rows[0])
}

/**
 * Whether the newest row or seal stands where the transactions of the database have not come yet: it was
 * restored from a server that had made more of them.
 */
export async function isAuditAhead(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ isAhead: boolean }>`
    select coalesce(greatest(
        (select xid from audit_entry order by xid desc, seq desc limit 1),
        (select to_xid from audit_seal order by seq desc limit 1))
      >= pg_snapshot_xmax(pg_current_snapshot()), false) as "isAhead"`.execute(db)
  return rows[0]!.isAhead
}

/** The seals after the one numbered `after` up to the one numbered `to`, in order. */
export async function sealsAfter(
  db: Queryable,
  { after, to, limit }: { after: string; to: string; limit: number },
): Promise<SealRow[]> {
  const { rows } = await sql<SealColumns>`
    select ${sealColumns} from audit_seal
    where seq > ${after}::bigint and seq <= ${to}::bigint
    order by audit_seal.seq limit ${limit}`.execute(db)
  return rows.map(sealOf)
}

/**
 * The audit rows after `after` in the order of commits, up to `to` where it is given, else as far as no
 * transaction that still runs can add one before them.
 */
export async function auditRowsAfter(
  db: Queryable,
  { after, to, limit }: { after: Cursor; to: Cursor | null; limit: number },
): Promise<SealedRow[]> {
  const end = to
    ? sql`(xid, seq) <= (${to.xid}::xid8, ${to.seq}::bigint)`
    : sql`xid < pg_snapshot_xmin(pg_current_snapshot())`
  const { rows } = await sql<SealedRow>`
    select xid::text, seq::text,
      to_char(occurred_at at time zone 'UTC', ${sql.lit(utcMicroseconds)}) as "occurredAt",
      actor_id as "actorId", action, subject_type as "subjectType", subject_id as "subjectId", allowed,
      request_id as "requestId", details::text
    from audit_entry
    where (xid, seq) > (${after.xid}::xid8, ${after.seq}::bigint) and ${end}
    order by audit_entry.xid, audit_entry.seq limit ${limit}`.execute(db)
  return rows
}

/** How many audit rows there are after it, those that are not committed in order yet included. */
export async function countAuditRowsAfter(db: Queryable, after: Cursor): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) from audit_entry
    where (xid, seq) > (${after.xid}::xid8, ${after.seq}::bigint)`.execute(db)
  return Number(rows[0]!.count)
}

/** When the first row happened that no seal covers; null when there is none. */
export async function oldestUnsealed(db: Queryable): Promise<Instant | null> {
  const { rows } = await sql<{ occurredAt: Instant }>`
    select occurred_at as "occurredAt" from audit_entry
    where (xid, seq) > (
      coalesce((select to_xid from audit_seal order by seq desc limit 1), '0'::xid8),
      coalesce((select to_seq from audit_seal order by seq desc limit 1), 0))
    order by xid, seq limit 1`.execute(db)
  return rows[0]?.occurredAt ?? null
}

export async function insertSeal(db: Queryable, seal: Omit<SealRow, 'seq'>): Promise<void> {
  await db
    .insertInto('audit_seal')
    .values({
      to_xid: seal.to.xid,
      to_seq: seal.to.seq,
      rows: seal.rows,
      hash: seal.hash,
      sealed_at: seal.sealedAt,
    })
    .execute()
}
