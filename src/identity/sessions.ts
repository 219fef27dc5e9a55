// Sessions: one for each sign-in on a device. A session lives on by its refresh token, which is
// replaced with each use; one that comes back after that was stolen or copied, and ends the session.

import { createHash, randomBytes } from 'node:crypto'
import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { transact } from '#src/events/events.ts'
import { NotSignedIn } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { readAccount, type Account } from './accounts.ts'
import {
  endSessionById,
  endSessionByToken,
  endSessionOfStaleToken,
  insertSession,
  rotateRefreshToken,
} from './session-queries.ts'

/** What someone who has signed in holds; `expiresIn` is in seconds, of the access token. */
export interface SignedIn {
  account: Account
  accessToken: string
  expiresIn: number
  refreshToken: string
}

export interface StartedSession {
  accountId: string
  sessionId: string
  role: Role
  refreshToken: string
}

const dayMilliseconds = 86_400_000

/** How long an unused refresh token is good for, in seconds. */
export function refreshTokenSeconds(context: Pick<Context, 'config'>): number {
  return (context.config.refreshTokenDays * dayMilliseconds) / 1000
}

function expiryOf(context: Pick<Context, 'config' | 'clock'>): Instant {
  return context.clock() + context.config.refreshTokenDays * dayMilliseconds
}

/** Starts a session in `db`'s transaction; `issueTokens` completes it after the commit. */
export async function startSession(
  context: Pick<Context, 'config' | 'clock'>,
  db: Queryable,
  { accountId, role }: { accountId: string; role: Role },
): Promise<StartedSession> {
  const sessionId = newId()
  const secret = newSecret()
  await insertSession(db, {
    id: sessionId,
    accountId,
    refreshTokenHash: hashOf(secret),
    createdAt: context.clock(),
    expiresAt: expiryOf(context),
  })
  return { accountId, sessionId, role, refreshToken: `${sessionId}.${secret}` }
}

/** The account and the tokens of a session. */
export async function issueTokens(context: Context, session: StartedSession): Promise<SignedIn> {
  const { accountId, sessionId, role, refreshToken } = session
  const [account, { accessToken, expiresIn }] = await Promise.all([
    readAccount(context.db, accountId),
    context.tokens.issue({ accountId, sessionId, role, now: context.clock() }),
  ])
  return { account, accessToken, expiresIn, refreshToken }
}

/**
 * New tokens for a refresh token.
 *
 * @throws NotSignedIn when it is not the current one of a live session; the session is then over.
 */
export async function refreshSession(context: Context, refreshToken: string): Promise<SignedIn> {
  const presented = parseRefreshToken(refreshToken)
  if (!presented) throw refused()
  const { sessionId, hash } = presented
  const secret = newSecret()
  const now = context.clock()
  const rotated = await rotateRefreshToken(context.db, {
    sessionId,
    oldHash: hash,
    newHash: hashOf(secret),
    expiresAt: expiryOf(context),
    now,
  })
  if (!rotated) {
    await endReused(context, { sessionId, hash, now })
    throw refused()
  }
  return issueTokens(context, { ...rotated, sessionId, refreshToken: `${sessionId}.${secret}` })
}

/**
 * Ends the caller's session, or the one whose refresh token is given. One that is over already stays so.
 *
 * @throws NotSignedIn when neither says which session is meant.
 */
export async function signOut(context: Context, refreshToken: string | undefined): Promise<void> {
  const now = context.clock()
  const ended: { sessionId: string; accountId: string }[] = []
  if (context.actor) {
    const { sessionId } = context.actor
    const session = await endSessionById(context.db, { sessionId, now })
    if (session) ended.push({ sessionId, ...session })
  }
  const presented = refreshToken === undefined ? null : parseRefreshToken(refreshToken)
  if (presented) {
    const session = await endSessionByToken(context.db, { ...presented, now })
    if (session) ended.push({ sessionId: presented.sessionId, ...session })
  }
  if (!context.actor && !presented) throw new NotSignedIn()
  for (const session of ended)
    await auditEnd(context, context.db, { ...session, action: 'session.end' })
}

/** Ends the session whose replaced token came back, and says so, for its owner to be told. */
function endReused(
  context: Context,
  stale: { sessionId: string; hash: Buffer; now: Instant },
): Promise<void> {
  return transact(context, async (tx) => {
    const reused = await endSessionOfStaleToken(tx.db, stale)
    if (!reused) return
    const { sessionId } = stale
    await auditEnd(context, tx.db, { ...reused, sessionId, action: 'session.reuse' })
    tx.append({ type: 'session.reused', subjects: { accountId: reused.accountId } })
  })
}

function auditEnd(
  context: Context,
  db: Queryable,
  { accountId, sessionId, action }: { accountId: string; sessionId: string; action: string },
): Promise<void> {
  return record(context, db, {
    action,
    subjectType: 'session',
    subjectId: sessionId,
    allowed: action !== 'session.reuse',
    details: { accountId },
  })
}

function refused(): NotSignedIn {
  return new NotSignedIn('The refresh token is unknown, used or expired. Sign in again.')
}

/** The session's id is part of the token, so that one which was replaced still tells its session. */
const refreshTokenPattern =
  /^(?<sessionId>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?<secret>[\w-]{43})$/

function parseRefreshToken(token: string): { sessionId: string; hash: Buffer } | null {
  const { sessionId, secret } = refreshTokenPattern.exec(token)?.groups ?? {}
  return sessionId && secret ? { sessionId, hash: hashOf(secret) } : null
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A secret of 256 random bits needs no slow hash. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
