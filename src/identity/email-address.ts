// The address of an account: shown to be its owner's by a link that is mailed there, and changed by one.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { invalidField, NotSignedIn, Refusal } from '#src/kernel/errors.ts'
import { deleteOpenAccountLinks, lockAccount } from './account-link-queries.ts'
import { makeAccountLink, useAccountLink } from './account-links.ts'
import { normalizeEmail } from './accounts.ts'
import { markEmailVerified, updateEmail } from './email-queries.ts'
import { countMailOf, mayMailTo } from './mail-limits.ts'
import { requirePassword } from './password-change.ts'
import { endSessions } from './sessions.ts'

/**
 * Takes the address that the link was mailed to for the account's own.
 *
 * @throws Refusal `invalid-link`.
 */
export async function verifyEmail(context: Context, { token }: { token: string }): Promise<void> {
  await transact(context, async (tx) => {
    const { accountId } = await useAccountLink(context, tx, { purpose: 'verify_email', token })
    await noteVerifiedEmail(context, tx, accountId)
    await record(context, tx.db, {
      action: 'account.verify-email',
      subjectType: 'account',
      subjectId: accountId,
    })
  })
}

/** Notes that the account's address was shown to be its owner's, and says so where it was not known. */
export async function noteVerifiedEmail(
  context: Pick<Context, 'clock'>,
  tx: Transact,
  accountId: string,
): Promise<void> {
  const isNew = await markEmailVerified(tx.db, { accountId, now: context.clock() })
  if (isNew) tx.append({ type: 'account.email-verified', subjects: { accountId } })
}

/**
 * Has the link mailed again by which the account that is signed in shows that its address is its own.
 *
 * @throws Refusal `wrong-state` when it has shown that, `too-many-requests`.
 */
export async function sendVerification(context: SignedInContext): Promise<void> {
  const { accountId } = context.actor
  await countMailOf(context, accountId)
  await transact(context, async (tx) => {
    const account = await lockAccount(tx.db, accountId)
    if (!account) throw new NotSignedIn()
    if (account.isVerified)
      throw new Refusal('wrong-state', 'The e-mail address has been confirmed already.')
    const { email } = account
    await makeAccountLink(context, tx, { accountId, purpose: 'verify_email', email })
  })
}

/**
 * Has a link mailed to another address that the account that is signed in wants to have, and says so to
 * the present one. An address that another account has gets no mail, which whoever asks is not told.
 *
 * @throws Refusal `bad-credentials`, `too-many-requests`, `busy`; InvalidRequest for the present address.
 */
export async function askForNewEmail(
  context: SignedInContext,
  { password, email: wished }: { password: string; email: string },
): Promise<void> {
  const { accountId } = context.actor
  const owner = await requirePassword(context, password)
  const email = normalizeEmail(wished)
  if (email.toLowerCase() === owner.email.toLowerCase())
    throw invalidField('/email', '/email must be another address than the present one.')
  await countMailOf(context, accountId)
  if (!(await mayMailTo(context, { email, purpose: 'change' }))) return
  await transact(context, async (tx) => {
    await makeAccountLink(context, tx, { accountId, purpose: 'change_email', email })
    await record(context, tx.db, {
      action: 'account.ask-for-email',
      subjectType: 'account',
      subjectId: accountId,
    })
  })
}

/**
 * Gives the account of the link the address that it was mailed to. The account is the one that asked,
 * whoever opens the link, and nobody is signed in by it. Its sessions end, but for the one that asks: who
 * reads the mails of an account can choose its password, so this shuts others out as a new password does.
 *
 * @throws Refusal `invalid-link`. The constraint account_email_unique refuses an address that has got an
 * account in the meantime.
 */
export async function useNewEmail(context: Context, { token }: { token: string }): Promise<void> {
  await transact(context, async (tx) => {
    const link = await useAccountLink(context, tx, { purpose: 'change_email', token })
    const { linkId, accountId, email } = link
    await updateEmail(tx.db, { accountId, email, now: context.clock() })
    await deleteOpenAccountLinks(tx.db, accountId)
    const own = context.actor?.accountId === accountId ? context.actor.sessionId : undefined
    await endSessions(context, tx, { accountId, ...(own !== undefined && { except: own }) })
    tx.append({ type: 'account.email-changed', subjects: { accountId, accountLinkId: linkId } })
    await record(context, tx.db, {
      action: 'account.change-email',
      subjectType: 'account',
      subjectId: accountId,
    })
  })
}
