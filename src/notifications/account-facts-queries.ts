import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AccountLinkPurpose } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface AccountLinkRow {
  id: string
  account_id: string
  purpose: AccountLinkPurpose
  email: string
  former_email: string | null
  expires_at: Instant
  is_open: boolean
}

/**
 * What makes a link of use, with its account as `account`, in a condition: nobody used it, and its account can
 * use it at the address that it is mailed to.
 */
export function isOpenLink(now: Instant) {
  return sql<boolean>`(used_at is null and expires_at > ${formatUtc(now)}::timestamptz
    and account.status = 'active'
    and case when purpose = 'change_email'
      then not exists (
        select from account as other where lower(other.email) = lower(account_link.email))
      else lower(account.email) = lower(account_link.email) end)`
}

/** The links with these ids, used ones too. */
export async function accountLinksOf(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<AccountLinkRow[]> {
  const { rows } = await sql<AccountLinkRow>`
    select account_link.id, account_id, purpose, account_link.email, former_email, expires_at,
      ${isOpenLink(now)} as is_open
    from account_link join account on account.id = account_id
    where account_link.id = any (${ids}::uuid[])`.execute(db)
  return rows
}

/** The names of the clinics with these ids. */
export async function clinicNamesOf(
  db: Queryable,
  ids: readonly string[],
): Promise<{ id: string; name: string }[]> {
  return db.selectFrom('clinic').select(['id', 'name']).where('id', 'in', ids).execute()
}

/** Until when these accounts have access to these patients, in pairs; nothing for those without an end. */
export async function accessEndsOf(
  db: Queryable,
  wanted: readonly { accountId: string; patientId: string }[],
): Promise<{ account_id: string; patient_id: string; ends_at: Instant }[]> {
  const { rows } = await sql<{ account_id: string; patient_id: string; ends_at: Instant }>`
    select account_id, patient_id, ends_at
    from unnest(${wanted.map(({ accountId }) => accountId)}::uuid[],
      ${wanted.map(({ patientId }) => patientId)}::uuid[]) as wanted (account_id, patient_id)
    join patient_access using (account_id, patient_id)
    where ends_at is not null`.execute(db)
  return rows
}

/** The offers of an access with these ids that are still good. */
export async function accessInvitationsToTell(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<{ id: string; expires_at: Instant }[]> {
  const { rows } = await sql<{ id: string; expires_at: Instant }>`
    select id, expires_at from access_invitation
    where id = any (${ids}::uuid[]) and used_at is null and expires_at > ${formatUtc(now)}`.execute(
    db,
  )
  return rows
}
