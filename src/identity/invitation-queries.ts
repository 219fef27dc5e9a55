import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export type InvitedRole = 'doctor' | 'front_desk' | 'admin'

export interface InvitationRow {
  id: string
  role: InvitedRole
  clinicId: string | null
  doctorId: string | null
}

/** How often an invitation for one e-mail address may be tried with others before it is void. */
const triesMax = 5

export async function insertInvitation(
  db: Queryable,
  invitation: InvitationRow & {
    codeHash: Buffer
    email: string | null
    invitedBy: string | null
    createdAt: Instant
    expiresAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('invitation')
    .values({
      id: invitation.id,
      code_hash: invitation.codeHash,
      role: invitation.role,
      email: invitation.email,
      clinic_id: invitation.clinicId,
      doctor_id: invitation.doctorId,
      invited_by: invitation.invitedBy,
      created_at: formatUtc(invitation.createdAt),
      expires_at: formatUtc(invitation.expiresAt),
    })
    .execute()
}

/** Keeps the account as it is until the transaction ends; false unless it is an active admin's. */
export async function shareInviter(db: Queryable, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('account')
    .select('id')
    .where('id', '=', accountId)
    .where('status', '=', 'active')
    .where('role', '=', 'admin')
    .forShare()
    .executeTakeFirst()
  return row !== undefined
}

/** That an invitation can be used. The first admin's, which nobody made, is over with the first admin. */
function isOpen(now: Instant) {
  return sql<SqlBool>`(used_at is null and revoked_at is null and expires_at > ${formatUtc(now)}
    and (invitation.role <> 'admin' or invitation.invited_by is not null
      or not exists (select from account where account.role = 'admin')))`
}

/**
 * Tries an open invitation with an e-mail address, and counts the try when it is for another one; the last
 * that is allowed revokes it. Answers whether it is for this address; undefined when none that is open has
 * this code.
 */
export async function tryInvitation(
  db: Queryable,
  { codeHash, email, now }: { codeHash: Buffer; email: string; now: Instant },
): Promise<{ isRight: boolean } | undefined> {
  const isRight = sql<boolean>`(invitation.email is null or lower(invitation.email) = lower(${email}))`
  return db
    .updateTable('invitation')
    .set({
      tries: sql<number>`tries + case when ${isRight} then 0 else 1 end`,
      revoked_at: sql`case when not ${isRight} and tries + 1 >= ${triesMax}
        then ${formatUtc(now)}::timestamptz end`,
    })
    .where('code_hash', '=', codeHash)
    .where(isOpen(now))
    .returning(isRight.as('isRight'))
    .executeTakeFirst()
}

/**
 * Uses an invitation up, if it is open and good for this e-mail address. Of two who do so at once,
 * the second waits for the row's lock and then finds it used.
 */
export async function consumeInvitation(
  db: Queryable,
  { codeHash, email, now }: { codeHash: Buffer; email: string; now: Instant },
): Promise<(InvitationRow & { isForEmail: boolean }) | undefined> {
  return db
    .updateTable('invitation')
    .set({ used_at: formatUtc(now) })
    .where('code_hash', '=', codeHash)
    .where(isOpen(now))
    .where(sql<SqlBool>`(invitation.email is null or lower(invitation.email) = lower(${email}))`)
    .returning(['id', 'role', 'clinic_id as clinicId', 'doctor_id as doctorId'])
    .returning(sql<boolean>`(invitation.email is not null)`.as('isForEmail'))
    .executeTakeFirst()
}

/** Notes who used the invitation, once that account's row is there to refer to. */
export async function markInvitationUser(
  db: Queryable,
  { invitationId, accountId }: { invitationId: string; accountId: string },
): Promise<void> {
  await db
    .updateTable('invitation')
    .set({ used_by: accountId })
    .where('id', '=', invitationId)
    .execute()
}

/** Deletes the unused invitations of a first admin, which are those that nobody made. */
export async function deleteFirstAdminInvitations(db: Queryable): Promise<void> {
  await db
    .deleteFrom('invitation')
    .where('role', '=', 'admin')
    .where('invited_by', 'is', null)
    .where('used_at', 'is', null)
    .execute()
}

/** Whether the doctor has an account already; undefined when there is no such doctor. */
export async function doctorHasAccount(
  db: Queryable,
  doctorId: string,
): Promise<boolean | undefined> {
  const row = await db
    .selectFrom('doctor')
    .select('account_id')
    .where('id', '=', doctorId)
    .executeTakeFirst()
  return row && row.account_id !== null
}

/** The account that has the address; undefined when none has. */
export async function accountIdOfEmail(db: Queryable, email: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('account')
    .select('id')
    .where(sql<SqlBool>`lower(account.email) = lower(${email})`)
    .executeTakeFirst()
  return row?.id
}
