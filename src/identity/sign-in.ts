// Signing in with e-mail address and password.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { normalizeEmail } from './accounts.ts'
import { verifyPassword } from './passwords.ts'
import { findCredentials } from './queries.ts'
import { issueTokens, startSession, type SignedIn } from './sessions.ts'

/**
 * Starts a session for whoever knows the password. Who doesn't gets the same answer after the same
 * time, whether the address is known or not, and an account that is disabled answers so too.
 *
 * @throws Refusal `bad-credentials`, `busy`.
 */
export async function signIn(
  context: Context,
  { email, password }: { email: string; password: string },
): Promise<SignedIn> {
  const credentials = await findCredentials(context.db, normalizeEmail(email))
  const isRight = await verifyPassword(password, credentials?.passwordHash ?? null)
  const entry = {
    action: 'account.sign-in',
    subjectType: 'account',
    subjectId: credentials?.accountId ?? null,
  }
  if (!credentials || !isRight || credentials.status !== 'active') {
    await record(context, context.db, { ...entry, allowed: false })
    throw new Refusal('bad-credentials', 'The e-mail address or the password is wrong.')
  }
  const session = await transact(context, async ({ db }) => {
    await record(context, db, entry)
    return startSession(context, db, credentials)
  })
  return issueTokens(context, session)
}
