import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AccessInvitationTable, PatientAccessTable } from '#src/db/people-tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import { endOfAccess, endTold, type AccessKey } from './access-end-queries.ts'
import { openAccess } from './sight-queries.ts'

export interface AccessRow {
  accountId: string
  name: string
  email: string
  relation: PatientAccessTable['relation']
  scope: PatientAccessTable['scope']
  /** Null for never. */
  endsAt: Instant | null
}

const isOpen = (now: Instant) =>
  sql<SqlBool>`(patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)})`

function accessesWithAccounts(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
) {
  return db
    .selectFrom('patient_access')
    .innerJoin('account', 'account.id', 'patient_access.account_id')
    .select([
      'account.id as accountId',
      'account.name',
      'account.email',
      'patient_access.relation',
      'patient_access.scope',
      'patient_access.ends_at as endsAt',
    ])
    .where('patient_access.patient_id', '=', patientId)
    .where(isOpen(now))
}

/** The accounts with open access to the patient: the patient's own first, then the oldest. */
export async function accessesTo(
  db: Queryable,
  options: { patientId: string; now: Instant },
): Promise<AccessRow[]> {
  return accessesWithAccounts(db, options)
    .orderBy(sql`patient_access.relation <> 'self'`)
    .orderBy('patient_access.created_at')
    .orderBy('account.id')
    .execute()
}

/** The account's open access to the patient. */
export async function accessOf(
  db: Queryable,
  { accountId, ...options }: { accountId: string; patientId: string; now: Instant },
): Promise<AccessRow | undefined> {
  return accessesWithAccounts(db, options).where('account.id', '=', accountId).executeTakeFirst()
}

/**
 * Changes an open access; what is undefined stays. An agreed end of null is never. Answers whether there was
 * one.
 */
export async function updateAccess(
  db: Queryable,
  change: AccessKey & {
    scope: PatientAccessTable['scope'] | undefined
    agreedEndsAt: Instant | null | undefined
    now: Instant
  },
): Promise<boolean> {
  const { scope = null, agreedEndsAt, now } = change
  const wanted =
    agreedEndsAt === undefined || agreedEndsAt === null ? null : formatUtc(agreedEndsAt)
  const { rows } = await sql`
    update patient_access as access set scope = coalesce(${scope}, access.scope),
      agreed_ends_at = fixed.agreed, ends_at = fixed.ends_at,
      end_told_at = case when fixed.ends_at is distinct from access.ends_at
        then ${endTold(sql`fixed.ends_at`, now)} else access.end_told_at end
    from patient_access as former join patient on patient.id = former.patient_id
    cross join lateral (
      select case when ${agreedEndsAt === undefined}::boolean then former.agreed_ends_at
        else ${wanted}::timestamptz end as agreed) as agreement
    cross join lateral (
      select agreement.agreed,
        ${endOfAccess({
          relation: sql`former.relation`,
          agreed: sql`agreement.agreed`,
          givenAt: sql`former.created_at`,
        })} as ends_at) as fixed
    where access.account_id = ${change.accountId} and access.patient_id = ${change.patientId}
      and former.account_id = access.account_id and former.patient_id = access.patient_id
      and (access.ends_at is null or access.ends_at > ${formatUtc(now)})
    returning true`.execute(db)
  return rows.length > 0
}

/**
 * Ends an open access now, on purpose. Its row stays: visits that the account booked were booked by the
 * patient's side. Answers whether there was one.
 */
export async function closeAccess(
  db: Queryable,
  { accountId, patientId, now }: AccessKey & { now: Instant },
): Promise<boolean> {
  const at = formatUtc(now)
  const closed = await db
    .updateTable('patient_access')
    .set({ ends_at: at, agreed_ends_at: at, end_noted_at: at })
    .where('account_id', '=', accountId)
    .where('patient_id', '=', patientId)
    .where(isOpen(now))
    .returning('patient_id')
    .executeTakeFirst()
  return closed !== undefined
}

/** How many records of others the account has access to. */
export async function countRecordsOfOthers(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<number> {
  const { count } = await db
    .selectFrom('patient_access')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(openAccess(accountId, now))
    .where('relation', '<>', 'self')
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Lets nobody else count or add to the account's records until the transaction's end. */
export async function lockRecordsOf(db: Queryable, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(
    hashtextextended('records of ' || current_schema() || ${accountId}::text, 0))`.execute(db)
}

export interface AccessInvitationRow {
  id: string
  patientId: string
  email: string
  relation: AccessInvitationTable['relation']
  scope: AccessInvitationTable['scope']
  agreedEndsAt: Instant | null
  invitedBy: string
  createdAt: Instant
  expiresAt: Instant
}

const invitationColumns = [
  'access_invitation.id',
  'access_invitation.patient_id as patientId',
  'access_invitation.email',
  'access_invitation.relation',
  'access_invitation.scope',
  'access_invitation.agreed_ends_at as agreedEndsAt',
  'access_invitation.invited_by as invitedBy',
  'access_invitation.created_at as createdAt',
  'access_invitation.expires_at as expiresAt',
] as const

/** Nobody has used it, its time is not over, and whoever invited may still give access. */
const isStanding = (now: Instant) =>
  sql<SqlBool>`(access_invitation.used_at is null
    and access_invitation.expires_at > ${formatUtc(now)}
    and (access_invitation.agreed_ends_at is null
      or access_invitation.agreed_ends_at > ${formatUtc(now)})
    and exists (
      select from patient_access as giving join account on account.id = giving.account_id
      join patient on patient.id = giving.patient_id
      where giving.account_id = access_invitation.invited_by
        and giving.patient_id = access_invitation.patient_id and giving.scope = 'manage'
        and (giving.ends_at is null or giving.ends_at > ${formatUtc(now)})
        and account.status = 'active' and patient.erased_at is null))`

/** The invitations to act for the patient that can still be accepted, oldest first. */
export async function openInvitationsTo(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<AccessInvitationRow[]> {
  return db
    .selectFrom('access_invitation')
    .select(invitationColumns)
    .where('patient_id', '=', patientId)
    .where(isStanding(now))
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function insertAccessInvitation(
  db: Queryable,
  invitation: AccessInvitationRow,
): Promise<void> {
  const { agreedEndsAt } = invitation
  await db
    .insertInto('access_invitation')
    .values({
      id: invitation.id,
      patient_id: invitation.patientId,
      email: invitation.email,
      relation: invitation.relation,
      scope: invitation.scope,
      agreed_ends_at: agreedEndsAt === null ? null : formatUtc(agreedEndsAt),
      invited_by: invitation.invitedBy,
      created_at: formatUtc(invitation.createdAt),
      expires_at: formatUtc(invitation.expiresAt),
    })
    .execute()
}

/** Takes back what was sent to this address for the patient and not used. */
export async function deleteUnusedInvitationsTo(
  db: Queryable,
  { patientId, email }: { patientId: string; email: string },
): Promise<void> {
  await db
    .deleteFrom('access_invitation')
    .where('patient_id', '=', patientId)
    .where(sql<SqlBool>`lower(email) = lower(${email})`)
    .where('used_at', 'is', null)
    .execute()
}

/** Takes back an invitation that nobody has used; answers whether there was one. */
export async function deleteUnusedInvitation(
  db: Queryable,
  { patientId, id }: { patientId: string; id: string },
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('access_invitation')
    .where('id', '=', id)
    .where('patient_id', '=', patientId)
    .where('used_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return deleted !== undefined
}

/** Whose record an invitation is about; undefined for none of this id. */
export async function patientOfInvitation(db: Queryable, id: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('access_invitation')
    .select('patient_id as patientId')
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.patientId
}

/**
 * Uses an invitation up that stands and was sent to the address of this account. Undefined when someone
 * was faster, or it does not stand any more.
 */
export async function consumeAccessInvitation(
  db: Queryable,
  { id, accountId, now }: { id: string; accountId: string; now: Instant },
): Promise<AccessInvitationRow | undefined> {
  return db
    .updateTable('access_invitation')
    .set({ used_at: formatUtc(now), used_by: accountId })
    .where('access_invitation.id', '=', id)
    .where(isStanding(now))
    .where(
      sql<SqlBool>`lower(access_invitation.email) = (
        select lower(account.email) from account where account.id = ${accountId})`,
    )
    .returning(invitationColumns)
    .executeTakeFirst()
}

/** The inviter's own access, by which the end of what they give is bounded. */
export async function accessGiven(
  db: Queryable,
  { accountId, patientId }: AccessKey,
): Promise<
  | {
      relation: PatientAccessTable['relation']
      endsAt: Instant | null
      agreedEndsAt: Instant | null
    }
  | undefined
> {
  return db
    .selectFrom('patient_access')
    .select(['relation', 'ends_at as endsAt', 'agreed_ends_at as agreedEndsAt'])
    .where('account_id', '=', accountId)
    .where('patient_id', '=', patientId)
    .executeTakeFirst()
}
