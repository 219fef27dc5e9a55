import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { Cursor } from './queries.ts'

export interface ReaderRow extends Cursor {
  /** The database has not come to where the reader stands: it was restored from another one. */
  is_ahead: boolean
}

/** Where the reader stands, its row locked; undefined while another process reads. */
export async function lockReader(db: Queryable, name: string): Promise<ReaderRow | undefined> {
  const { rows } = await sql<ReaderRow>`
    select xid::text, seq::text, xid > pg_snapshot_xmax(pg_current_snapshot()) as is_ahead
    from event_reader where name = ${name}
    for update skip locked`.execute(db)
  return rows[0]
}

export interface WaitingEvent {
  seq: string
  type: string
  /** How long ago it happened, in seconds. */
  age: number
}

/** The first event that the reader has not read, other than of its own making; undefined for none. */
export async function firstUnread(
  db: Queryable,
  { name, now }: { name: string; now: Instant },
): Promise<WaitingEvent | undefined> {
  const { rows } = await sql<WaitingEvent>`
    select event.seq::text, event.type,
      extract(epoch from ${formatUtc(now)}::timestamptz - event.occurred_at)::float8 as age
    from event_reader join event
      on (event.xid, event.seq) > (event_reader.xid, event_reader.seq)
    where name = ${name} and event.type <> 'notification.added'
    order by event.xid, event.seq limit 1`.execute(db)
  return rows[0]
}

export async function moveReader(db: Queryable, name: string, { xid, seq }: Cursor): Promise<void> {
  await db.updateTable('event_reader').set({ xid, seq }).where('name', '=', name).execute()
}
