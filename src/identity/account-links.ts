// One-time links in mails to accounts: to choose a new password, and to show that an address is theirs.

import { publicUrlAt } from '#src/config.ts'
import type { Context } from '#src/context.ts'
import type { AccountLinkPurpose } from '#src/db/tables.ts'
import type { Transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import {
  consumeAccountLink,
  lockAccount,
  lockAccountOfLink,
  replaceAccountLink,
} from './account-link-queries.ts'

const hourMilliseconds = 3_600_000

/** How long a link is good for. */
const lifetimes: Record<AccountLinkPurpose, number> = {
  reset_password: hourMilliseconds,
  verify_email: 7 * 24 * hourMilliseconds,
  change_email: 24 * hourMilliseconds,
}

/** The pages that the links open. */
const pages: Record<AccountLinkPurpose, string> = {
  reset_password: 'reset-password',
  verify_email: 'verify-email',
  change_email: 'change-email',
}

/** When a link ends that is made at `now`. */
export function linkEndsAt(purpose: AccountLinkPurpose, now: Instant): Instant {
  return now + lifetimes[purpose]
}

export interface NewAccountLink {
  accountId: string
  purpose: AccountLinkPurpose
  /** Where it is mailed to. */
  email: string
  now?: Instant
}

/**
 * Makes a link in place of an open one of the same purpose, and appends `account.link-made`, by which it is
 * mailed. Answers its id; null where there is no active account with this id, after the same statements, so
 * that the time of a request tells nobody which accounts there are.
 */
export async function makeAccountLink(
  context: Pick<Context, 'clock'>,
  tx: Transact,
  link: NewAccountLink,
): Promise<string | null> {
  const { accountId } = link
  const id = await makeUntoldLink(context, tx, link)
  const subjects = id === null ? {} : { accountId, accountLinkId: id }
  tx.append({ type: 'account.link-made', subjects })
  return id
}

/** As `makeAccountLink`, for a link that an event of the caller's tells of. */
export async function makeUntoldLink(
  context: Pick<Context, 'clock'>,
  { db }: Transact,
  { accountId, purpose, email, now = context.clock() }: NewAccountLink,
): Promise<string | null> {
  const id = newId()
  await lockAccount(db, accountId)
  const expiresAt = linkEndsAt(purpose, now)
  const link = { id, accountId, purpose, email, createdAt: now, expiresAt }
  return (await replaceAccountLink(db, link)) ? id : null
}

/**
 * The whole address of a link, for a mail. The word that opens it stands in the fragment, which browsers
 * don't send: it gets into no log.
 */
export function accountLinkAddress(
  context: Pick<Context, 'config' | 'links'>,
  { purpose, linkId }: { purpose: AccountLinkPurpose; linkId: string },
): string {
  const base = publicUrlAt(context.config, context.config.port)
  return `${base}/${pages[purpose]}#${context.links.tokenOf(purpose, linkId)}`
}

/** What a link that was just used up was for. */
export interface UsedLink {
  linkId: string
  accountId: string
  /** The address that the link was mailed to. */
  email: string
}

/**
 * Uses the link of this word up, in `tx`'s transaction, and locks its account. Of two who do so at once one
 * succeeds.
 *
 * @throws Refusal `invalid-link`.
 */
export async function useAccountLink(
  context: Pick<Context, 'clock' | 'links'>,
  tx: Transact,
  { purpose, token }: { purpose: AccountLinkPurpose; token: string },
): Promise<UsedLink> {
  const linkId = context.links.idOf(purpose, token)
  if (linkId === null) throw invalidLink()
  await lockAccountOfLink(tx.db, linkId)
  const used = await consumeAccountLink(tx.db, { linkId, purpose, now: context.clock() })
  if (!used) throw invalidLink()
  return { linkId, ...used }
}

/** One sentence for every reason. */
export function invalidLink(): Refusal {
  const detail = 'This link is unknown, used or expired. Ask for a new one.'
  return new Refusal('invalid-link', detail, {
    errors: [{ in: 'body', pointer: '/token', detail }],
  })
}
