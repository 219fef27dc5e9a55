import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { InvitedRole } from './invitation-queries.ts'

export type InvitationStatus = 'open' | 'used' | 'expired' | 'revoked'

export interface ListedInvitation {
  id: string
  role: InvitedRole
  status: InvitationStatus
  email: string | null
  clinicId: string | null
  doctorId: string | null
  createdAt: Instant
  expiresAt: Instant
  usedAt: Instant | null
}

/** The place of a row in the list. */
export interface InvitationPosition {
  createdAt: Instant
  id: string
}

/** A page of the invitations with the status, or of all, newest first. */
export async function invitationsNewestFirst(
  db: Queryable,
  page: {
    status: InvitationStatus | null
    now: Instant
    limit: number
    after: InvitationPosition | null
  },
): Promise<ListedInvitation[]> {
  const { status, now, limit, after } = page
  const statusNow = sql<InvitationStatus>`case
    when used_at is not null then 'used' when revoked_at is not null then 'revoked'
    when expires_at <= ${formatUtc(now)} then 'expired' else 'open' end`
  return db
    .selectFrom('invitation')
    .select([
      'id',
      'role',
      statusNow.as('status'),
      'email',
      'clinic_id as clinicId',
      'doctor_id as doctorId',
      'created_at as createdAt',
      'expires_at as expiresAt',
      'used_at as usedAt',
    ])
    .$if(status !== null, (query) => query.where(statusNow, '=', status!))
    .$if(after !== null, (query) =>
      query.where(
        sql<boolean>`(created_at, id) < (${formatUtc(after!.createdAt)}::timestamptz, ${after!.id}::uuid)`,
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Revokes an invitation that nobody has used; what was revoked before stays so. */
export async function revokeUnused(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('invitation')
    .set({ revoked_at: sql`coalesce(revoked_at, ${formatUtc(now)})` })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function invitationExists(db: Queryable, id: string): Promise<boolean> {
  const row = await db.selectFrom('invitation').select('id').where('id', '=', id).executeTakeFirst()
  return row !== undefined
}
