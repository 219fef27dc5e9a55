import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** How much was asked for in a window of time, and when that ends. */
export interface Count {
  used: number
  window_ends_at: Instant
}

/** Counts one more of `subject`, up to `usedMax`, in the window that is open, else in a new one. */
export async function countOne(
  db: Queryable,
  count: { subject: Buffer; usedMax: number; now: Instant; windowEndsAt: Instant },
): Promise<Count> {
  const { subject, usedMax } = count
  const [now, windowEndsAt] = [formatUtc(count.now), formatUtc(count.windowEndsAt)]
  const { rows } = await sql<Count>`
    insert into request_count as known (subject, used, window_ends_at)
      values (${subject}, 1, ${windowEndsAt})
    on conflict (subject) do update set
      used = case when known.window_ends_at <= ${now} then 1
        else least(known.used + 1, ${usedMax}) end,
      window_ends_at = case when known.window_ends_at <= ${now} then excluded.window_ends_at
        else known.window_ends_at end
    returning used, window_ends_at`.execute(db)
  return rows[0]!
}

/**
 * Notes that the subject was there, until `windowEndsAt`. Nothing is written where it is noted until then, or
 * until less than `unlessWithin` milliseconds before.
 */
export async function keepCounted(
  db: Queryable,
  count: { subject: Buffer; windowEndsAt: Instant; unlessWithin: number },
): Promise<void> {
  const { subject, windowEndsAt, unlessWithin } = count
  await sql`
    insert into request_count as known (subject, used, window_ends_at)
      values (${subject}, 1, ${formatUtc(windowEndsAt)})
    on conflict (subject) do update set window_ends_at = excluded.window_ends_at
      where known.window_ends_at <= ${formatUtc(windowEndsAt - unlessWithin)}`.execute(db)
}

/** Takes back one that was counted in the window that is open. */
export async function uncountOne(
  db: Queryable,
  { subject, now }: { subject: Buffer; now: Instant },
): Promise<void> {
  await sql`
    update request_count set used = used - 1
      where subject = ${subject} and used > 0 and window_ends_at > ${formatUtc(now)}`.execute(db)
}

/** What was counted of a subject in the window that ends then. */
export interface Addition {
  subject: Buffer
  used: number
  windowEndsAt: Instant
}

/**
 * Adds to the counts of subjects, each named once; a window that is over is begun anew. Answers what all
 * have counted by now, by the subject in hexadecimal digits.
 */
export async function addCounts(
  db: Queryable,
  additions: readonly Addition[],
): Promise<Map<string, number>> {
  const subjects = additions.map(({ subject }) => subject)
  const used = additions.map((addition) => addition.used)
  const windowEnds = additions.map(({ windowEndsAt }) => formatUtc(windowEndsAt))
  const { rows } = await sql<{ subject: Buffer; used: number }>`
    insert into request_count as known (subject, used, window_ends_at)
      select * from unnest(${subjects}::bytea[], ${used}::integer[], ${windowEnds}::timestamptz[])
    on conflict (subject) do update set
      used = case when known.window_ends_at < excluded.window_ends_at then excluded.used
        when known.window_ends_at = excluded.window_ends_at then known.used + excluded.used
        else known.used end,
      window_ends_at = greatest(known.window_ends_at, excluded.window_ends_at)
    returning subject, used`.execute(db)
  return new Map(rows.map((row) => [row.subject.toString('hex'), row.used]))
}

/** Removes up to `limit` counts whose windows ended before; answers how many. */
export async function deleteCountsEndedBefore(
  db: Queryable,
  before: Instant,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from request_count where ctid = any (array(
      select ctid from request_count where window_ends_at < ${formatUtc(before)}
        limit ${limit} for update skip locked))`.execute(db)
  return Number(numAffectedRows ?? 0)
}
