// Sessions: one for each sign-in on a device. A session lives on by its refresh token, which is
// replaced with each use; one that comes back after that was stolen or copied, and ends the session.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import type { Role } from '#src/db/tables.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { NotFound, NotSignedIn } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { lockAccount, voidChangeLinks } from './account-link-queries.ts'
import { readAccount, type Account } from './accounts.ts'
import { rememberNetwork } from './known-networks.ts'
import { sessionDaysMax } from './session-lengths.ts'
import {
  endOwnSession,
  endSessionById,
  endSessionByToken,
  endSessionOfStaleToken,
  endSessionsOf,
  insertSession,
  liveSessionsOf,
  rotateRefreshToken,
  type SessionRow,
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

/** How much is kept of what a browser calls itself, in characters. */
const userAgentLengthMax = 200

/** How long an unused refresh token is good for, in seconds. */
export function refreshTokenSeconds(context: Pick<Context, 'config'>): number {
  return (refreshDays(context) * dayMilliseconds) / 1000
}

function refreshDays({ config }: Pick<Context, 'config'>): number {
  return Math.min(config.refreshTokenDays, sessionDaysMax)
}

function expiryOf(context: Pick<Context, 'config' | 'clock'>): Instant {
  return context.clock() + refreshDays(context) * dayMilliseconds
}

/** Starts a session in `db`'s transaction; `issueTokens` completes it after the commit. */
export async function startSession(
  context: Pick<Context, 'config' | 'clock' | 'links' | 'userAgent'>,
  db: Queryable,
  { accountId, role }: { accountId: string; role: Role },
): Promise<StartedSession> {
  const sessionId = newId()
  const secret = newSecret(context, sessionId)
  await insertSession(db, {
    id: sessionId,
    accountId,
    refreshTokenHash: hashOf(secret),
    userAgent: cleanUserAgent(context.userAgent),
    createdAt: context.clock(),
    expiresAt: expiryOf(context),
  })
  return { accountId, sessionId, role, refreshToken: `${sessionId}.${secret}` }
}

/** One line, whatever was sent: what stands in it is shown to the session's owner. Null for nothing. */
function cleanUserAgent(sent: string | undefined): string | null {
  const visible = sent?.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim() ?? ''
  return Array.from(visible).slice(0, userAgentLengthMax).join('') || null
}

/** The account and the tokens of a session, and remembers from where it is used. */
export async function issueTokens(context: Context, session: StartedSession): Promise<SignedIn> {
  const { accountId, sessionId, role, refreshToken } = session
  const [account, { accessToken, expiresIn }] = await Promise.all([
    readAccount(context.db, { accountId, now: context.clock() }),
    context.tokens.issue({ accountId, sessionId, role, now: context.clock() }),
  ])
  // Nobody waits for it: the tokens must reach who asked, since the former ones are void.
  void rememberNetwork(context, account.email)
  return { account, accessToken, expiresIn, refreshToken }
}

/**
 * New tokens for a refresh token.
 *
 * @throws NotSignedIn when it is not the current one of a live session; if it was one, the session is over.
 */
export async function refreshSession(context: Context, refreshToken: string): Promise<SignedIn> {
  const presented = parseRefreshToken(refreshToken)
  if (!presented) throw refused()
  const { sessionId, hash } = presented
  const secret = newSecret(context, sessionId)
  const now = context.clock()
  const rotated = await rotateRefreshToken(context.db, {
    sessionId,
    oldHash: hash,
    newHash: hashOf(secret),
    expiresAt: expiryOf(context),
    lifetimeSeconds: (sessionDaysMax * dayMilliseconds) / 1000,
    now,
  })
  if (!rotated) {
    if (isOurs(context, presented)) await endReused(context, { sessionId, hash, now })
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
  const presented = refreshToken === undefined ? null : parseRefreshToken(refreshToken)
  if (!context.actor && !presented) throw new NotSignedIn()
  const now = context.clock()
  await transact(context, async (tx) => {
    if (context.actor) {
      const { sessionId } = context.actor
      await noteEnd(context, tx, {
        sessionId,
        ended: await endSessionById(tx.db, { sessionId, now }),
      })
    }
    if (presented) {
      const { sessionId, hash } = presented
      const ended = await endSessionByToken(tx.db, { sessionId, hash, now })
      await noteEnd(context, tx, { sessionId, ended })
    }
  })
}

async function noteEnd(
  context: Context,
  tx: Transact,
  { sessionId, ended }: { sessionId: string; ended: { accountId: string } | undefined },
): Promise<void> {
  if (!ended) return
  await auditEnd(context, tx.db, { ...ended, sessionId, action: 'session.end' })
  tx.append({ type: 'sessions.ended', subjects: { accountId: ended.accountId } })
}

/** The live sessions of the caller, those begun last first: one more than `limit`, if there are more. */
export async function listSessions(
  context: SignedInContext,
  page: { limit: number; after: { id: string } | null },
): Promise<SessionRow[]> {
  const { accountId } = context.actor
  const { limit, after } = page
  return withRetry(() =>
    liveSessionsOf(context.db, { accountId, now: context.clock(), limit: limit + 1, after }),
  )
}

/** Ends one of the caller's own sessions. @throws NotFound for any other, and one that is over. */
export async function revokeSession(context: SignedInContext, sessionId: string): Promise<void> {
  const { accountId } = context.actor
  const isEnded = await transact(context, async (tx) => {
    if (!(await endOwnSession(tx.db, { accountId, sessionId, now: context.clock() }))) return false
    await auditEnd(context, tx.db, { accountId, sessionId, action: 'session.end' })
    tx.append({ type: 'sessions.ended', subjects: { accountId } })
    return true
  })
  if (!isEnded) throw new NotFound('session')
}

/** Ends the caller's sessions, all of them or all but the one that asks. */
export async function signOutEverywhere(
  context: SignedInContext,
  { isCurrentKept }: { isCurrentKept: boolean },
): Promise<void> {
  const { accountId, sessionId } = context.actor
  await transact(context, (tx) =>
    endSessions(context, tx, { accountId, ...(isCurrentKept && { except: sessionId }) }),
  )
}

/**
 * Ends the live sessions of an account, but for the one with the id `except`, and answers how many there
 * were. Their tokens are void with the commit. Links to another address end too, which whoever is shut out
 * may have asked for. Those to a new password stay: by them the owner shuts out who knows the present one.
 */
export async function endSessions(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  { accountId, except }: { accountId: string; except?: string },
): Promise<number> {
  await lockAccount(tx.db, accountId)
  await voidChangeLinks(tx.db, accountId)
  const ended = await endSessionsOf(tx.db, { accountId, except, now: context.clock() })
  for (const sessionId of ended)
    await auditEnd(context, tx.db, { accountId, sessionId, action: 'session.end' })
  if (ended.length > 0) tx.append({ type: 'sessions.ended', subjects: { accountId } })
  return ended.length
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
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
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
  /^(?<sessionId>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?<secret>[\w-]{64})$/

interface Presented {
  sessionId: string
  secret: string
  hash: Buffer
}

function parseRefreshToken(token: string): Presented | null {
  const { sessionId, secret } = refreshTokenPattern.exec(token)?.groups ?? {}
  return sessionId && secret ? { sessionId, secret, hash: hashOf(secret) } : null
}

const randomByteCount = 32
const tagByteCount = 16

/** Random bytes, and a tag by which it is known again as ours when it is the current one no more. */
function newSecret({ links }: Pick<Context, 'links'>, sessionId: string): string {
  const random = randomBytes(randomByteCount)
  const [tag] = tagsOf(links, { sessionId, random })
  return Buffer.concat([random, tag!]).toString('base64url')
}

/** Whether the token was given out for its session: else whoever knows the id alone could end it. */
function isOurs({ links }: Pick<Context, 'links'>, { sessionId, secret }: Presented): boolean {
  const bytes = Buffer.from(secret, 'base64url')
  const [random, tag] = [bytes.subarray(0, randomByteCount), bytes.subarray(randomByteCount)]
  return tagsOf(links, { sessionId, random }).some((one) => timingSafeEqual(one, tag))
}

/** By each key that is accepted, the one in use first. */
function tagsOf(
  links: Context['links'],
  { sessionId, random }: { sessionId: string; random: Buffer },
): Buffer[] {
  return links
    .secretsOf('refresh', `${sessionId} ${random.toString('base64url')}`)
    .map((bytes) => bytes.subarray(0, tagByteCount))
}

/** A secret of 256 random bits needs no slow hash. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
