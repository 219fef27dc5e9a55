import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface StandingRow {
  id: string
  role: Role
  status: 'active' | 'disabled' | 'erased'
}

/**
 * The account and all active admins, locked in the order of their ids, so that of two changes that would
 * leave no admin the second one sees the first.
 */
export async function lockAccountAndAdmins(
  db: Queryable,
  accountId: string,
): Promise<StandingRow[]> {
  return db
    .selectFrom('account')
    .select(['id', 'role', 'status'])
    .where((account) =>
      account.or([
        account('id', '=', accountId),
        account.and([account('role', '=', 'admin'), account('status', '=', 'active')]),
      ]),
    )
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
}

export async function updateStatus(
  db: Queryable,
  { accountId, status }: { accountId: string; status: 'active' | 'disabled' },
): Promise<void> {
  await db.updateTable('account').set({ status }).where('id', '=', accountId).execute()
}

export async function updateRole(
  db: Queryable,
  { accountId, role }: { accountId: string; role: Role },
): Promise<void> {
  await db.updateTable('account').set({ role }).where('id', '=', accountId).execute()
}

/** Revokes the open invitations that the account made, and answers their ids. */
export async function revokeInvitationsOf(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<string[]> {
  const rows = await db
    .updateTable('invitation')
    .set({ revoked_at: formatUtc(now) })
    .where('invited_by', '=', accountId)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
