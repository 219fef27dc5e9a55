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

/**
 * Uses an invitation up, if it is open and good for this e-mail address. Of two who do so at once,
 * the second waits for the row's lock and then finds it used. The first admin's invitation, which
 * nobody made, is over as soon as there is an admin.
 */
export async function consumeInvitation(
  db: Queryable,
  { codeHash, email, now }: { codeHash: Buffer; email: string; now: Instant },
): Promise<InvitationRow | undefined> {
  return db
    .updateTable('invitation')
    .set({ used_at: formatUtc(now) })
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .where(sql<SqlBool>`(invitation.email is null or lower(invitation.email) = lower(${email}))`)
    .where(
      sql<SqlBool>`(invitation.role <> 'admin' or invitation.invited_by is not null
        or not exists (select from account where account.role = 'admin'))`,
    )
    .returning(['id', 'role', 'clinic_id as clinicId', 'doctor_id as doctorId'])
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
