import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Whether the subject was counted in a window that is still open. */
export async function isCounted(
  db: Queryable,
  { subject, now }: { subject: Buffer; now: Instant },
): Promise<boolean> {
  const row = await db
    .selectFrom('request_count')
    .select('used')
    .where('subject', '=', subject)
    .where('window_ends_at', '>', sql<Instant>`${formatUtc(now)}`)
    .executeTakeFirst()
  return row !== undefined
}
