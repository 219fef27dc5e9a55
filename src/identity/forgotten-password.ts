// Who has forgotten the password chooses a new one by a link that is mailed to the account's address.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { readSettings } from '#src/settings/queries.ts'
import { deleteOpenAccountLinks, openAccountLink } from './account-link-queries.ts'
import { invalidLink, makeAccountLink, useAccountLink } from './account-links.ts'
import { normalizeEmail } from './accounts.ts'
import { noteVerifiedEmail } from './email-address.ts'
import { countMailFrom, mayMailTo } from './mail-limits.ts'
import { findActiveAccount, updatePassword } from './password-queries.ts'
import { hashPassword, passwordProblem } from './passwords.ts'
import { isFactorUnproven } from './second-factor-queries.ts'
import { resetSecondFactor } from './second-factor.ts'
import { endSessions } from './sessions.ts'

const purpose = 'reset_password'

/**
 * Has a link mailed to the address where it is that of an active account. What is done does not depend on
 * that: the same statements run and one transaction is committed, so neither answer nor time tell.
 *
 * @throws TooManyRequests for too many from one place; too many to one address are left out in silence.
 */
export async function askForReset(context: Context, { email }: { email: string }): Promise<void> {
  await countMailFrom(context)
  const asked = normalizeEmail(email)
  if (!(await mayMailTo(context, { email: asked, purpose: 'reset' }))) return
  const found = await findActiveAccount(context.db, asked)
  await transact(context, async (tx) => {
    // An id that nobody has makes a link that nobody gets.
    const accountId = found?.accountId ?? newId()
    await makeAccountLink(context, tx, { accountId, purpose, email: found?.email ?? asked })
    await record(context, tx.db, {
      action: 'account.forgot-password',
      subjectType: 'account',
      subjectId: found?.accountId ?? null,
      allowed: found !== undefined,
    })
  })
}

/**
 * Gives the account of the link a new password, ends all its sessions, and takes its address for verified,
 * since the link was read there. Its second factor stays, unless it was in force before the address was
 * verified: then a stranger may have set it up, who registered with the address of another.
 *
 * @throws Refusal `invalid-link`, `busy`; InvalidRequest for a poor password, which leaves the link open.
 */
export async function resetPassword(
  context: Context,
  { token, password }: { token: string; password: string },
): Promise<void> {
  const passwordHash = await hashForLink(context, { token, password })
  await transact(context, async (tx) => {
    const { accountId } = await useAccountLink(context, tx, { purpose, token })
    await updatePassword(tx.db, { accountId, passwordHash })
    await deleteOpenAccountLinks(tx.db, accountId)
    await noteVerifiedEmail(context, tx, accountId)
    if (await isFactorUnproven(tx.db, accountId)) await resetSecondFactor(context, tx, accountId)
    await endSessions(context, tx, { accountId })
    tx.append({ type: 'account.password-changed', subjects: { accountId } })
    await record(context, tx.db, {
      action: 'account.reset-password',
      subjectType: 'account',
      subjectId: accountId,
    })
  })
}

/** Hashing is slow and outside the transaction, and only for who has an open link. */
async function hashForLink(
  context: Context,
  { token, password }: { token: string; password: string },
): Promise<string> {
  const { db, links, clock } = context
  const linkId = links.idOf(purpose, token)
  const owner =
    linkId === null ? undefined : await openAccountLink(db, { linkId, purpose, now: clock() })
  if (!owner) {
    await record(context, db, {
      action: 'account.reset-password',
      subjectType: 'account',
      subjectId: null,
      allowed: false,
    })
    throw invalidLink()
  }
  const { name: network } = await readSettings(db)
  const problem = await passwordProblem(password, { ...owner, network })
  if (problem !== null) throw invalidField('/password', problem)
  return hashPassword(password)
}
