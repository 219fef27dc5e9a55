import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export async function insertMembership(
  db: Queryable,
  membership: { accountId: string; clinicId: string; createdAt: Instant },
): Promise<void> {
  await db
    .insertInto('membership')
    .values({
      account_id: membership.accountId,
      clinic_id: membership.clinicId,
      role: 'front_desk',
      created_at: formatUtc(membership.createdAt),
    })
    .execute()
}

export async function deleteMembership(
  db: Queryable,
  { accountId, clinicId }: { accountId: string; clinicId: string },
): Promise<void> {
  await db
    .deleteFrom('membership')
    .where('account_id', '=', accountId)
    .where('clinic_id', '=', clinicId)
    .execute()
}
