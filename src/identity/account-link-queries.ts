import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AccountLinkPurpose } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Locks the row of an active account against whoever else changes how it signs in. */
export async function lockAccount(
  db: Queryable,
  accountId: string,
): Promise<{ email: string; isVerified: boolean } | undefined> {
  return db
    .selectFrom('account')
    .select(['email', sql<boolean>`(email_verified_at is not null)`.as('isVerified')])
    .where('id', '=', accountId)
    .where('status', '=', 'active')
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Locks the account that the link was made for, before the link, in the order of those who make links. */
export async function lockAccountOfLink(db: Queryable, linkId: string): Promise<void> {
  await db
    .selectFrom('account')
    .select('id')
    .where('id', '=', (link) =>
      link.selectFrom('account_link').select('account_id').where('id', '=', linkId),
    )
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/**
 * Writes a link of an active account in place of those of its purpose that are still open; false when there
 * is no such account. The account's row must be locked.
 */
export async function replaceAccountLink(
  db: Queryable,
  link: {
    id: string
    accountId: string
    purpose: AccountLinkPurpose
    email: string
    createdAt: Instant
    expiresAt: Instant
  },
): Promise<boolean> {
  const { id, accountId, purpose, email } = link
  const { rows } = await sql`
    with voided as (
      delete from account_link
      where account_id = ${accountId} and purpose = ${purpose} and used_at is null)
    insert into account_link (id, account_id, purpose, email, created_at, expires_at)
    select ${id}::uuid, account.id, ${purpose}, ${email},
      ${formatUtc(link.createdAt)}::timestamptz, ${formatUtc(link.expiresAt)}::timestamptz
    from account where account.id = ${accountId} and status = 'active'
    returning id`.execute(db)
  return rows.length > 0
}

/**
 * Uses an open link up and answers what it was for. One for a reset or a verification is good as long as
 * the account has the address that it was mailed to; one for a change brings the new address.
 */
export async function consumeAccountLink(
  db: Queryable,
  { linkId, purpose, now }: { linkId: string; purpose: AccountLinkPurpose; now: Instant },
): Promise<{ accountId: string; email: string } | undefined> {
  const at = formatUtc(now)
  const { rows } = await sql<{ accountId: string; email: string }>`
    update account_link set used_at = ${at},
      former_email = case when purpose = 'change_email' then account.email end
    from account
    where account_link.id = ${linkId} and purpose = ${purpose} and used_at is null
      and expires_at > ${at} and account.id = account_id and account.status = 'active'
      and (purpose = 'change_email' or lower(account.email) = lower(account_link.email))
    returning account_id as "accountId", account_link.email`.execute(db)
  return rows[0]
}

/** Whose a link is that is still open; nothing is locked or used up. */
export async function openAccountLink(
  db: Queryable,
  { linkId, purpose, now }: { linkId: string; purpose: AccountLinkPurpose; now: Instant },
): Promise<{ accountId: string; email: string; name: string } | undefined> {
  return db
    .selectFrom('account_link')
    .innerJoin('account', 'account.id', 'account_id')
    .select(['account.id as accountId', 'account.email', 'account.name'])
    .where('account_link.id', '=', linkId)
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .where('status', '=', 'active')
    .executeTakeFirst()
}

/** Deletes the open links of the account that would change how it signs in. */
export async function deleteOpenAccountLinks(db: Queryable, accountId: string): Promise<void> {
  await db
    .deleteFrom('account_link')
    .where('account_id', '=', accountId)
    .where('purpose', '<>', 'verify_email')
    .where('used_at', 'is', null)
    .execute()
}

/** Deletes the open links of the account to another address, and leaves those by which its owner gets in. */
export async function voidChangeLinks(db: Queryable, accountId: string): Promise<void> {
  await db
    .deleteFrom('account_link')
    .where('account_id', '=', accountId)
    .where('purpose', '=', 'change_email')
    .where('used_at', 'is', null)
    .execute()
}
