import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Ends up to `limit` holds and requests past their time that nobody else is ending. */
export async function expireDue(
  db: Queryable,
  options: { now: Instant; origin: string; limit: number },
): Promise<void> {
  const now = formatUtc(options.now)
  await sql`
    select end_appointments(array(select id from appointment where expires_at <= ${now}
      order by id limit ${options.limit} for update skip locked), null, ${now}, ${options.origin})`.execute(
    db,
  )
}

/** Removes up to `limit` claims that ended before `before`; answers how many. */
export async function deleteClaimsEndedBefore(
  db: Queryable,
  before: Instant,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from claim where ctid = any (array(
      select ctid from claim where upper(during) < ${formatUtc(before)} limit ${limit}))`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0)
}

/** Removes up to `limit` idempotency keys made before `before`; answers how many. */
export async function deleteKeysMadeBefore(
  db: Queryable,
  before: Instant,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from idempotency_key where ctid = any (array(
      select ctid from idempotency_key where created_at < ${formatUtc(before)} limit ${limit}))`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0)
}
