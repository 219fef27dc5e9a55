// Whoever is signed in shows that they know the password, and chooses a new one.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { forgiveTry, takeTry } from '#src/http/tries.ts'
import { invalidField, NotSignedIn, Refusal } from '#src/kernel/errors.ts'
import { readSettings } from '#src/settings/queries.ts'
import { lockAccount } from './account-link-queries.ts'
import { findOwner, updatePassword, type OwnerRow } from './password-queries.ts'
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts'
import { endSessions } from './sessions.ts'

/** Wrong passwords of one who is signed in: whoever holds a stolen token must not guess on. */
const tries = { name: 'password', max: 10, windowSeconds: 15 * 60 }

/**
 * Lets the owner of the account that is signed in go on, who knows its password. Answers the owner.
 *
 * @throws Refusal `bad-credentials`, `too-many-requests`, `busy`.
 */
export async function requirePassword(
  context: SignedInContext,
  password: string,
): Promise<OwnerRow> {
  const { accountId } = context.actor
  const counted = { ...tries, subject: accountId }
  await takeTry(context, counted, () => auditWrong(context, { limit: tries.name }))
  const owner = await findOwner(context.db, accountId)
  const isRight = await verifyPassword(password, owner?.passwordHash ?? null).catch(
    async (error: unknown) => {
      // Nobody looked at the password.
      await forgiveTry(context, counted)
      throw error
    },
  )
  if (!owner || !isRight) {
    await auditWrong(context)
    throw wrongPassword()
  }
  await forgiveTry(context, counted)
  return owner
}

function wrongPassword(): Refusal {
  return new Refusal('bad-credentials', 'The password is wrong.', {
    errors: [{ in: 'body', pointer: '/password', detail: 'The password is wrong.' }],
  })
}

function auditWrong(context: SignedInContext, details: { limit?: string } = {}): Promise<void> {
  return record(context, context.db, {
    action: 'account.password-check',
    subjectType: 'account',
    subjectId: context.actor.accountId,
    allowed: false,
    details,
  })
}

/**
 * Gives the account that is signed in a new password and ends its other sessions. Links to another address
 * that were mailed before open nothing any more.
 *
 * @throws Refusal `bad-credentials`, `too-many-requests`, `busy`; InvalidRequest for a poor password.
 */
export async function changePassword(
  context: SignedInContext,
  { password, newPassword }: { password: string; newPassword: string },
): Promise<void> {
  const { accountId, sessionId } = context.actor
  const owner = await requirePassword(context, password)
  const { name: network } = await readSettings(context.db)
  const problem = await passwordProblem(newPassword, { ...owner, network })
  if (problem !== null) throw invalidField('/newPassword', problem)
  if (newPassword === password)
    throw invalidField('/newPassword', 'The new password must be another one.')
  const passwordHash = await hashPassword(newPassword)
  await transact(context, async (tx) => {
    if (!(await lockAccount(tx.db, accountId))) throw new NotSignedIn()
    const change = { accountId, passwordHash, former: owner.passwordHash }
    // The one that was checked may have been replaced since, as by a reset.
    if (!(await updatePassword(tx.db, change))) throw wrongPassword()
    await endSessions(context, tx, { accountId, except: sessionId })
    tx.append({ type: 'account.password-changed', subjects: { accountId } })
    await record(context, tx.db, {
      action: 'account.change-password',
      subjectType: 'account',
      subjectId: accountId,
    })
  })
}
