// What is old enough goes, whichever module's it is: that nothing is kept for longer than the settings say is
// this module's, and rows that nobody asks for any more are all that is deleted here.

import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Makes this transaction the only one that removes what is old; false when another one does. */
export async function lockRetention(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ is_locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('retention ' || current_schema(), 0))
      as is_locked`.execute(db)
  return rows[0]!.is_locked
}

/** Deletes up to `limit` events before `before` that every reader has read; answers how many. */
export async function purgeEvents(
  db: Queryable,
  { before, limit }: { before: Instant; limit: number },
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select purge_events(${formatUtc(before)}, ${limit}) as count`.execute(db)
  return rows[0]!.count
}

/** The tables from which rows go by age alone, and which of their rows are over at an instant. */
const isOver = {
  notification: (at) => sql`queued_at < ${at} and due_at is null`,
  session: (at) => sql`ended_at < ${at} or expires_at < ${at}`,
  account_link: (at) => sql`used_at < ${at} or expires_at < ${at}`,
  // A doctor's, a desk's: those that were used say by which one somebody came.
  invitation: (at) => sql`coalesce(used_at, revoked_at, expires_at) < ${at}`,
  access_invitation: (at) => sql`coalesce(used_at, expires_at) < ${at}`,
  patient_claim_link: (at) => sql`coalesce(used_at, expires_at) < ${at}`,
  waitlist_entry: (at) => sql`status <> 'waiting' and created_at < ${at}
    and not exists (select from appointment
      where appointment.id = waitlist_entry.appointment_id and appointment.ends_at >= ${at})`,
} satisfies Record<string, (at: string) => RawBuilder<unknown>>

export type AgingTable = keyof typeof isOver

/** Deletes up to `limit` rows of the table that were over before `before`; answers how many. */
export async function deleteOver(
  db: Queryable,
  { table, before, limit }: { table: AgingTable; before: Instant; limit: number },
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)} where ctid = any (array(
      select ctid from ${sql.table(table)} where ${isOver[table](formatUtc(before))}
      limit ${limit}))`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** A place among the records in the order of their age: the instant as the database writes it, and the id. */
export interface PatientPosition {
  created_at: string
  id: string
}

/**
 * Whether nobody has to do with the record since `before`: no account has access to it at `now`, it waits
 * for nothing, and its last visit is from before. What staff change in it counts for nothing.
 */
const isForgotten = ({ before, now }: { before: string; now: string }) => sql<boolean>`(
  not exists (select from patient_access
    where patient_id = patient.id and (ends_at is null or ends_at > ${now}))
  and not exists (select from appointment
    where patient_id = patient.id and ends_at >= ${before})
  and not exists (select from waitlist_entry
    where patient_id = patient.id and status = 'waiting'))`

/**
 * The next records after the position that were made before `before`, oldest first, at most `limit`, and
 * whether each is forgotten at `now`. Those that were erased are left out.
 */
export async function nextPatients(
  db: Queryable,
  options: { after: PatientPosition | null; before: Instant; now: Instant; limit: number },
): Promise<(PatientPosition & { is_forgotten: boolean })[]> {
  const { after, limit } = options
  const [before, now] = [formatUtc(options.before), formatUtc(options.now)]
  const { rows } = await sql<PatientPosition & { is_forgotten: boolean }>`
    select id, created_at::text, ${isForgotten({ before, now })} as is_forgotten
    from patient
    where erased_at is null and created_at < ${before}
      and (created_at, id) > (${after?.created_at ?? '-infinity'}::timestamptz,
        ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid)
    order by patient.created_at, id limit ${limit}`.execute(db)
  return rows
}

/** Whether the record, which the transaction has locked, is forgotten still. */
export async function isStillForgotten(
  db: Queryable,
  { patientId, ...options }: { patientId: string; before: Instant; now: Instant },
): Promise<boolean> {
  const [before, now] = [formatUtc(options.before), formatUtc(options.now)]
  const { rows } = await sql<{ is_forgotten: boolean }>`
    select ${isForgotten({ before, now })} as is_forgotten from patient where id = ${patientId}`.execute(
    db,
  )
  return rows[0]?.is_forgotten ?? false
}
