// The second factor of an account: its setting up, which counts from the first code on, and its end.

import { Secret, TOTP } from 'otpauth'
import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { NotAllowed, Refusal } from '#src/kernel/errors.ts'
import { readSettings } from '#src/settings/queries.ts'
import { lockAccount } from './account-link-queries.ts'
import { requirePassword } from './password-change.ts'
import {
  placeOf,
  replaceRecoveryCodes,
  tryCode,
  useCode,
  wrongCode,
} from './second-factor-codes.ts'
import {
  confirmFactor,
  deleteFactor,
  factorStateOf,
  putUnconfirmedFactor,
} from './second-factor-queries.ts'
import { endSessions } from './sessions.ts'

/** In bytes: as long as the hash, as RFC 4226 (4, R6) has it. */
const secretBytes = 20

/** What an app needs: the secret as base32, and all of it as an address that is shown as a QR code. */
export interface SecondFactorSecret {
  secret: string
  uri: string
}

/** A change that takes the password and a code. */
export interface ProvenChange {
  password: string
  /** Six digits of the app, or a recovery code. */
  code: string
}

/**
 * Makes a secret for the caller's app. Signing in is as before until `confirmSecondFactor`.
 *
 * @throws Refusal `bad-credentials`, `conflict` when a factor is in force, `too-many-requests`, `busy`.
 */
export async function beginSecondFactor(
  context: SignedInContext,
  { password }: { password: string },
): Promise<SecondFactorSecret> {
  const { accountId } = context.actor
  const { email } = await requirePassword(context, password)
  const { name: issuer } = await readSettings(context.db)
  const secret = new Secret({ size: secretBytes })
  const isMade = await transact(context, async ({ db }) => {
    const sealed = context.vault.seal(secret.base32, placeOf(accountId))
    const factor = { accountId, secret: sealed, now: context.clock() }
    if (!(await putUnconfirmedFactor(db, factor))) return false
    await audit(context, db, { action: 'begin', accountId })
    return true
  })
  if (!isMade)
    throw new Refusal(
      'conflict',
      'The account has a second factor. Remove it before you set up another one.',
    )
  return { secret: secret.base32, uri: new TOTP({ issuer, label: email, secret }).toString() }
}

/**
 * Puts the caller's new factor in force by a first code of the app, ends the other sessions, and answers
 * recovery codes, which are told once.
 *
 * @throws Refusal `bad-credentials`, `conflict` when none is being set up, `too-many-requests`.
 */
export async function confirmSecondFactor(
  context: SignedInContext,
  { code }: { code: string },
): Promise<string[]> {
  const { accountId, sessionId } = context.actor
  if ((await factorStateOf(context.db, accountId)) !== 'unconfirmed')
    throw new Refusal('conflict', 'No second factor is being set up.')
  const tried = await tryCode(context, { accountId, code, isConfirmed: false })
  if (tried?.kind !== 'app') return refuseCode(context, 'confirm')
  const { step, secret } = tried
  const codes = await transact(context, async (tx) => {
    await lockAccount(tx.db, accountId)
    const now = context.clock()
    if (!(await confirmFactor(tx.db, { accountId, secret, step, now }))) return null
    await endSessions(context, tx, { accountId, except: sessionId })
    tx.append({ type: 'account.second-factor-on', subjects: { accountId } })
    await audit(context, tx.db, { action: 'confirm', accountId })
    return replaceRecoveryCodes(tx, accountId)
  })
  return codes ?? refuseCode(context, 'confirm')
}

/**
 * Removes the caller's factor and ends the other sessions.
 *
 * @throws NotAllowed while the network asks for it, Refusal `bad-credentials`, `conflict` when there is none
 * in force, `too-many-requests`, `busy`.
 */
export async function disableSecondFactor(
  context: SignedInContext,
  change: ProvenChange,
): Promise<void> {
  const { accountId, role, sessionId } = context.actor
  const { secondFactorForStaff } = await readSettings(context.db)
  if (secondFactorForStaff && role !== 'patient')
    throw new NotAllowed('The network asks its staff for a second factor. It cannot be removed.')
  await provenly(context, { ...change, action: 'disable' }, async (tx) => {
    await deleteFactor(tx.db, accountId)
    await endSessions(context, tx, { accountId, except: sessionId })
    tx.append({ type: 'account.second-factor-off', subjects: { accountId } })
  })
}

/**
 * New recovery codes in place of the caller's former ones; the other sessions end.
 *
 * @throws Refusal `bad-credentials`, `conflict` when no factor is in force, `too-many-requests`, `busy`.
 */
export async function renewRecoveryCodes(
  context: SignedInContext,
  change: ProvenChange,
): Promise<string[]> {
  const { accountId, sessionId } = context.actor
  return provenly(context, { ...change, action: 'renew-recovery-codes' }, async (tx) => {
    await endSessions(context, tx, { accountId, except: sessionId })
    tx.append({ type: 'account.recovery-codes-renewed', subjects: { accountId } })
    return replaceRecoveryCodes(tx, accountId)
  })
}

/** Runs `work` in the transaction that uses up the code, after the password was right. */
async function provenly<Result>(
  context: SignedInContext,
  { password, code, action }: ProvenChange & { action: string },
  work: (tx: Transact) => Promise<Result>,
): Promise<Result> {
  const { accountId } = context.actor
  await requirePassword(context, password)
  if ((await factorStateOf(context.db, accountId)) !== 'in-force')
    throw new Refusal('conflict', 'The account has no second factor.')
  const tried = await tryCode(context, { accountId, code, isConfirmed: true })
  if (tried === null) return refuseCode(context, action)
  const done = await transact(context, async (tx) => {
    await lockAccount(tx.db, accountId)
    if (!(await useCode(context, tx, tried))) return null
    await audit(context, tx.db, { action, accountId })
    return { result: await work(tx) }
  })
  return done === null ? refuseCode(context, action) : done.result
}

/**
 * Removes the factor of an account whose owner has lost it, in `tx`'s transaction, and ends its sessions;
 * false when there was none. For admins and the command line, who have asked the owner who they are, and for
 * whoever shows that the address is theirs, of which nothing was known when the factor was set up.
 */
export async function resetSecondFactor(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  accountId: string,
): Promise<boolean> {
  await lockAccount(tx.db, accountId)
  if (!(await deleteFactor(tx.db, accountId))) return false
  await endSessions(context, tx, { accountId })
  tx.append({ type: 'account.second-factor-off', subjects: { accountId } })
  await audit(context, tx.db, { action: 'reset', accountId })
  return true
}

async function refuseCode(context: SignedInContext, action: string): Promise<never> {
  const { accountId } = context.actor
  await audit(context, context.db, { action, accountId, allowed: false })
  throw wrongCode()
}

function audit(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  db: Queryable,
  entry: { action: string; accountId: string; allowed?: boolean },
): Promise<void> {
  return record(context, db, {
    action: `second-factor.${entry.action}`,
    subjectType: 'account',
    subjectId: entry.accountId,
    allowed: entry.allowed ?? true,
  })
}
