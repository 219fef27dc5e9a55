// The codes of the second factor: those that an app shows for 30 seconds (TOTP, RFC 6238), and recovery
// codes for the day it is lost. Each works once, and who guesses is soon stopped.

import { Secret, TOTP } from 'otpauth'
import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { Refusal, TooManyRequests } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { hashOfCode, newCode } from './codes.ts'
import {
  codesLockedUntil,
  countCodeTry,
  deleteRecoveryCodes,
  forgetCodeTries,
  insertRecoveryCodes,
  useRecoveryCode,
  useStep,
} from './second-factor-queries.ts'

/** How long a code of the app is shown, the default of RFC 6238 (4.1). */
const stepSeconds = 30

/** How many steps a clock may be off, in either direction (RFC 6238, 5.2). */
const stepsOffMax = 1

/**
 * After so many wrong ones in a row no code of the app is taken for a while, twice as long each time until a
 * right one comes.
 */
const triesMax = 5
const lockSeconds = 15 * 60
const lockSecondsMax = 24 * 3600

const recoveryCodeCount = 10

/**
 * A code that may be right, as far as that can be told without using it up. One of the app was counted as a
 * try; with `isLast` no other is taken unless it is right.
 */
export type TriedCode =
  | { kind: 'app'; accountId: string; step: number; secret: Buffer; isLast: boolean }
  | { kind: 'recovery'; accountId: string; codeHash: Buffer }

/** Where alone the secret of an account can be opened. */
export function placeOf(accountId: string): string {
  return `second_factor ${accountId}`
}

/**
 * Counts a try at the codes of a factor that is in force, or with `isConfirmed` false of one that is being
 * set up, whatever becomes of the rest of the request: call it outside a transaction. Null for a wrong code,
 * and where there is no such factor. A recovery code has too many bits to be guessed: its tries are not
 * counted, so that nobody keeps the owner from using one.
 *
 * @throws TooManyRequests after five wrong ones of the app in a row, for 15 minutes or longer.
 */
export async function tryCode(
  context: Pick<Context, 'actor' | 'clock' | 'db' | 'events' | 'requestId' | 'vault'>,
  { accountId, code, isConfirmed }: { accountId: string; code: string; isConfirmed: boolean },
): Promise<TriedCode | null> {
  const written = code.replaceAll(/\s/g, '')
  if (isConfirmed && !/^\d{6}$/.test(written))
    return { kind: 'recovery', accountId, codeHash: hashOfCode(code) }
  const now = context.clock()
  const limits = { triesMax, lockSeconds, lockSecondsMax, now }
  const factor = await countCodeTry(context.db, { accountId, isConfirmed, ...limits })
  if (!factor) {
    const lockedUntil = await codesLockedUntil(context.db, accountId)
    if (lockedUntil !== null && lockedUntil > now)
      throw new TooManyRequests(Math.ceil((lockedUntil - now) / 1000), 'second-factor')
    return null
  }
  const { secret: sealed, isLast } = factor
  const secret = context.vault.open(sealed, placeOf(accountId))
  const step = stepOfCode({ code: written, secret, now })
  if (step !== null) return { kind: 'app', accountId, step, secret: sealed, isLast }
  // Whoever sets one up knows of it.
  if (isLast && isConfirmed) await transact(context, (tx) => noteLock(context, tx, accountId))
  return null
}

/** Says that no code of the app is taken for a while, to the owner too: who tries knows the password. */
async function noteLock(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  accountId: string,
): Promise<void> {
  tx.append({ type: 'account.second-factor-locked', subjects: { accountId } })
  await record(context, tx.db, {
    action: 'second-factor.lock',
    subjectType: 'account',
    subjectId: accountId,
    allowed: false,
  })
}

/** The step of which the secret (base32) makes this code, about `now`; null for none. */
function stepOfCode(tried: { code: string; secret: string; now: Instant }): number | null {
  const delta = TOTP.validate({
    token: tried.code,
    secret: Secret.fromBase32(tried.secret),
    period: stepSeconds,
    timestamp: tried.now,
    window: stepsOffMax,
  })
  return delta === null ? null : TOTP.counter({ timestamp: tried.now, period: stepSeconds }) + delta
}

/** Uses the code up in `tx`'s transaction. Of two who do so at once one succeeds; false for the other. */
export async function useCode(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  tried: TriedCode,
): Promise<boolean> {
  const { accountId } = tried
  if (tried.kind === 'app') {
    const isRight = await useStep(tx.db, { accountId, step: tried.step })
    if (!isRight && tried.isLast) await noteLock(context, tx, accountId)
    return isRight
  }
  const { codeHash } = tried
  if (!(await useRecoveryCode(tx.db, { accountId, codeHash, now: context.clock() }))) return false
  await forgetCodeTries(tx.db, accountId)
  tx.append({ type: 'account.recovery-code-used', subjects: { accountId } })
  await record(context, tx.db, {
    action: 'second-factor.use-recovery-code',
    subjectType: 'account',
    subjectId: accountId,
  })
  return true
}

/** Writes new recovery codes in place of the ones before, and answers them: they are told once. */
export async function replaceRecoveryCodes(tx: Transact, accountId: string): Promise<string[]> {
  const codes = Array.from({ length: recoveryCodeCount }, newCode)
  await deleteRecoveryCodes(tx.db, accountId)
  await insertRecoveryCodes(tx.db, { accountId, codeHashes: codes.map(hashOfCode) })
  return codes.map(grouped)
}

/** Easier to copy by hand: hyphens don't count. */
function grouped(code: string): string {
  return code.replaceAll(/.{4}(?=.)/g, '$&-')
}

/** The refusal of a wrong code, with the field of the body that it stood in. */
export function wrongCode(): Refusal {
  const detail =
    'The code is wrong, or was used before. Wait for the next one of the app, or use a recovery code.'
  return new Refusal('bad-credentials', detail, {
    errors: [{ in: 'body', pointer: '/code', detail }],
  })
}
