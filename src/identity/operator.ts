// What whoever operates the server does for an account from its command line, once they know that it is
// its owner who asks.

import { record } from '#src/audit/audit.ts'
import type { Context, Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { accountLinkAddress, linkEndsAt, makeAccountLink } from './account-links.ts'
import { normalizeEmail } from './accounts.ts'
import { findActiveAccount } from './password-queries.ts'
import { resetSecondFactor } from './second-factor.ts'
import { endSessions } from './sessions.ts'

/** Whoever operates the server acts from its command line, without an account. */
export function operatorContext(runtime: Runtime): Context {
  return { ...runtime, actor: null, requestId: 'command-line', clientAddress: null }
}

async function accountOf(runtime: Runtime, email: string) {
  const account = await findActiveAccount(runtime.db, normalizeEmail(email))
  if (!account)
    throw new Refusal(
      'not-found',
      `There is no active account with the e-mail address "${email}". Check how it is written.`,
    )
  return account
}

/**
 * Signs the account out everywhere; answers how many sessions that were.
 *
 * @throws Refusal `not-found`.
 */
export async function endSessionsFor(runtime: Runtime, email: string): Promise<number> {
  const context = operatorContext(runtime)
  const { accountId } = await accountOf(runtime, email)
  return transact(context, (tx) => endSessions(context, tx, { accountId }))
}

/**
 * Removes the second factor of the account and signs it out; false when it has none.
 *
 * @throws Refusal `not-found`.
 */
export async function resetSecondFactorFor(runtime: Runtime, email: string): Promise<boolean> {
  const context = operatorContext(runtime)
  const { accountId } = await accountOf(runtime, email)
  return transact(context, (tx) => resetSecondFactor(context, tx, accountId))
}

/**
 * A link by which the account's owner chooses a new password, to be handed over; a process that sends mail
 * mails it as well.
 *
 * @throws Refusal `not-found`.
 */
export async function makeResetLinkFor(
  runtime: Runtime,
  email: string,
): Promise<{ link: string; endsAt: Instant }> {
  const context = operatorContext(runtime)
  const account = await accountOf(runtime, email)
  const purpose = 'reset_password'
  const now = context.clock()
  const linkId = await transact(context, async (tx) => {
    const id = await makeAccountLink(context, tx, { ...account, purpose, now })
    await record(context, tx.db, {
      action: 'account.reset-link',
      subjectType: 'account',
      subjectId: account.accountId,
    })
    return id
  })
  if (linkId === null) throw new Refusal('not-found', 'The account has just been disabled.')
  return {
    link: accountLinkAddress(runtime, { purpose, linkId }),
    endsAt: linkEndsAt(purpose, now),
  }
}
