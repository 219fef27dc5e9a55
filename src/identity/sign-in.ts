// Signing in with e-mail address and password, and with a code where a second factor is in force.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { normalizeEmail } from './accounts.ts'
import { verifyPassword } from './passwords.ts'
import { findCredentials, type Credentials } from './queries.ts'
import { tryCode, useCode, wrongCode, type TriedCode } from './second-factor-codes.ts'
import { shareSignIn } from './second-factor-queries.ts'
import { issueTokens, startSession, type SignedIn, type StartedSession } from './sessions.ts'
import { forgiveSignIn, takeSignInTry } from './sign-in-tries.ts'

/**
 * Starts a session for whoever knows the password, and has the second factor where one is in force: before
 * both are shown there is none. Who doesn't know the password gets the same answer after the same
 * statements, whether the address is known or not, and an account that is disabled answers so too.
 *
 * @throws Refusal `bad-credentials`, `second-factor-needed`, `too-many-requests`, `busy`.
 */
export async function signIn(
  context: Context,
  { email, password, code }: { email: string; password: string; code?: string },
): Promise<SignedIn> {
  const address = normalizeEmail(email)
  const counted = await takeSignInTry(context, address, (limit) =>
    auditLimit(context, { address, limit }),
  )
  const credentials = await findCredentials(context.db, address)
  const isRight = await verifyPassword(password, credentials?.passwordHash ?? null).catch(
    async (error: unknown) => {
      // Nobody looked at the password.
      await forgiveSignIn(context, counted)
      throw error
    },
  )
  if (!credentials || !isRight || credentials.status !== 'active') {
    await auditSignIn(context, context.db, { credentials, allowed: false })
    throw wrongPassword()
  }
  await forgiveSignIn(context, counted)
  const tried = await proveSecondFactor(context, credentials, code)
  const session = await commitSignIn(context, { address, credentials, tried })
  return issueTokens(context, session)
}

/** Null where no second factor is in force. */
async function proveSecondFactor(
  context: Context,
  credentials: Credentials,
  code: string | undefined,
): Promise<TriedCode | null> {
  const { accountId, hasSecondFactor } = credentials
  if (!hasSecondFactor) return null
  const refused = { credentials, allowed: false, details: { lacks: 'second-factor' } }
  if (code === undefined) {
    await auditSignIn(context, context.db, refused)
    throw new Refusal(
      'second-factor-needed',
      'The password is right. Send also the code of your second factor.',
    )
  }
  const tried = await tryCode(context, { accountId, code, isConfirmed: true })
  if (tried !== null) return tried
  await auditSignIn(context, context.db, refused)
  throw wrongCode()
}

/**
 * The session of what was shown, unless that is not the password, or not enough, any more: whoever changes
 * either ends the sessions there are, and waits for those that are just begun.
 */
async function commitSignIn(
  context: Context,
  shown: { address: string; credentials: Credentials; tried: TriedCode | null },
): Promise<StartedSession> {
  const { credentials, tried } = shown
  const outcome = await transact(context, async (tx) => {
    await shareSignIn(tx.db, credentials.accountId)
    const now = await findCredentials(tx.db, shown.address)
    const isSame =
      now?.accountId === credentials.accountId &&
      now.passwordHash === credentials.passwordHash &&
      now.status === 'active' &&
      now.hasSecondFactor === credentials.hasSecondFactor
    if (!isSame) return wrongPassword()
    if (tried !== null && !(await useCode(context, tx, tried))) return wrongCode()
    await auditSignIn(context, tx.db, { credentials })
    return startSession(context, tx.db, now)
  })
  if (!(outcome instanceof Refusal)) return outcome
  await auditSignIn(context, context.db, { credentials, allowed: false })
  throw outcome
}

function wrongPassword(): Refusal {
  return new Refusal('bad-credentials', 'The e-mail address or the password is wrong.')
}

/** Puts on record that no password is taken for a while, in the same statements for an unknown address. */
async function auditLimit(
  context: Context,
  { address, limit }: { address: string; limit: string },
): Promise<void> {
  const credentials = await findCredentials(context.db, address)
  await auditSignIn(context, context.db, { credentials, allowed: false, details: { limit } })
}

function auditSignIn(
  context: Context,
  db: Queryable,
  {
    credentials,
    ...outcome
  }: {
    credentials: Credentials | undefined
    allowed?: boolean
    details?: Record<string, unknown>
  },
): Promise<void> {
  // Whoever signs in has shown whose account it is; of a refusal nobody knows who asked.
  const actor = outcome.allowed === false || credentials === undefined ? null : credentials
  return record({ ...context, actor }, db, {
    action: 'account.sign-in',
    subjectType: 'account',
    subjectId: credentials?.accountId ?? null,
    ...outcome,
  })
}
