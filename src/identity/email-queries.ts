import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Notes that the address of the account is its owner's; false when that was known. */
export async function markEmailVerified(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set({ email_verified_at: formatUtc(now) })
    .where('id', '=', accountId)
    .where('email_verified_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Gives the account an address that was just shown to be its owner's. Where the former one was too, the
 * account is its owner's since then: a second factor that they set up in between is theirs.
 */
export async function updateEmail(
  db: Queryable,
  { accountId, email, now }: { accountId: string; email: string; now: Instant },
): Promise<void> {
  await db
    .updateTable('account')
    .set({
      email,
      email_verified_at: sql<string>`coalesce(email_verified_at, ${formatUtc(now)}::timestamptz)`,
    })
    .where('id', '=', accountId)
    .execute()
}
