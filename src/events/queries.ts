import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** What an event is about, by the ids that are concerned. */
export interface Subjects {
  appointmentId?: string
  clinicId?: string
  doctorId?: string
  patientId?: string
  /** The record that was merged into that of `patientId`. */
  formerPatientId?: string
  roomId?: string | null
  visitTypeId?: string
  /** Where the appointment was before it moved. */
  formerDoctorId?: string
  formerClinicId?: string
  formerRoomId?: string
  /** That of the appointment after the step. */
  version?: number
  accountId?: string
  invitationId?: string
  messageId?: string
  accountLinkId?: string
  accessInvitationId?: string
}

export interface NewEvent {
  type: string
  subjects: Subjects
}

/** A place in the order of commits, after which everything is still unread. */
export interface Cursor {
  xid: string
  seq: string
}

export interface StoredEvent extends NewEvent, Cursor {
  origin: string
  actorId: string | null
  occurredAt: Instant
}

export async function insertEvents(
  db: Queryable,
  options: { origin: string; actorId: string | null; occurredAt: Instant; events: NewEvent[] },
): Promise<void> {
  await db
    .insertInto('event')
    .values(
      options.events.map((event) => ({
        origin: options.origin,
        type: event.type,
        subjects: JSON.stringify(event.subjects),
        actor_id: options.actorId,
        occurred_at: formatUtc(options.occurredAt),
      })),
    )
    .execute()
}

/** Where a reader starts that wants all that commits from now on. */
export async function currentCursor(db: Queryable): Promise<Cursor> {
  const { rows } = await sql<Cursor>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xid, '0' as seq`.execute(db)
  return rows[0]!
}

/**
 * The next events after the cursor in commit-safe order. Only rows below the oldest running
 * transaction are taken: one that runs still may commit with a lower number.
 */
export async function eventsAfter(
  db: Queryable,
  cursor: Cursor,
  limit: number,
): Promise<StoredEvent[]> {
  const { rows } = await sql<StoredEvent>`
    select xid::text, seq::text, origin, type, subjects, actor_id as "actorId",
      occurred_at as "occurredAt" from event
    where (xid, seq) > (${cursor.xid}::xid8, ${cursor.seq}::bigint)
      and xid < pg_snapshot_xmin(pg_current_snapshot())
    order by event.xid, event.seq limit ${limit}`.execute(db)
  return rows
}

/** When the first event after the cursor happened, held back or not; null when there is none. */
export async function oldestUnread(db: Queryable, { xid, seq }: Cursor): Promise<Instant | null> {
  const { rows } = await sql<{ occurredAt: Instant }>`
    select occurred_at as "occurredAt" from event
    where (xid, seq) > (${xid}::xid8, ${seq}::bigint)
    order by event.xid, event.seq limit 1`.execute(db)
  return rows[0]?.occurredAt ?? null
}
