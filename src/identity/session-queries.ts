import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export async function insertSession(
  db: Queryable,
  session: {
    id: string
    accountId: string
    refreshTokenHash: Buffer
    userAgent: string | null
    createdAt: Instant
    expiresAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('session')
    .values({
      id: session.id,
      account_id: session.accountId,
      refresh_token_hash: session.refreshTokenHash,
      user_agent: session.userAgent,
      created_at: formatUtc(session.createdAt),
      expires_at: formatUtc(session.expiresAt),
    })
    .execute()
}

/**
 * Replaces the refresh token of a live session of an active account. Of two who do so at once, the
 * second waits for the row's lock and then finds that the old hash is gone. The session lives until
 * `expiresAt`, and no longer than `lifetimeSeconds` from when it began.
 */
export async function rotateRefreshToken(
  db: Queryable,
  options: {
    sessionId: string
    oldHash: Buffer
    newHash: Buffer
    expiresAt: Instant
    lifetimeSeconds: number
    now: Instant
  },
): Promise<{ accountId: string; role: Role } | undefined> {
  return db
    .updateTable('session')
    .from('account')
    .set({
      refresh_token_hash: options.newHash,
      used_at: formatUtc(options.now),
      expires_at: sql`least(${formatUtc(options.expiresAt)}::timestamptz,
        session.created_at + make_interval(secs => ${options.lifetimeSeconds}))`,
    })
    .where('session.id', '=', options.sessionId)
    .where('session.refresh_token_hash', '=', options.oldHash)
    .where('session.ended_at', 'is', null)
    .where('session.expires_at', '>', sql<Instant>`${formatUtc(options.now)}`)
    .whereRef('account.id', '=', 'session.account_id')
    .where('account.status', '=', 'active')
    .returning(['session.account_id as accountId', 'account.role'])
    .executeTakeFirst()
}

export interface SessionRow {
  id: string
  userAgent: string | null
  createdAt: Instant
  usedAt: Instant | null
  expiresAt: Instant
}

/** The live sessions of an account, those begun last first. */
export async function liveSessionsOf(
  db: Queryable,
  options: { accountId: string; now: Instant; limit: number; after: { id: string } | null },
): Promise<SessionRow[]> {
  const { accountId, now, limit, after } = options
  return db
    .selectFrom('session')
    .select([
      'id',
      'user_agent as userAgent',
      'created_at as createdAt',
      'used_at as usedAt',
      'expires_at as expiresAt',
    ])
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .$if(after !== null, (query) => query.where('id', '<', after?.id ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Ends a live session of the account; false when it has none with this id. */
export async function endOwnSession(
  db: Queryable,
  { accountId, sessionId, now }: { accountId: string; sessionId: string; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('session')
    .set({ ended_at: formatUtc(now) })
    .where('id', '=', sessionId)
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Ends a session that is not over; undefined when it is, or never was. */
export async function endSessionById(
  db: Queryable,
  { sessionId, now }: { sessionId: string; now: Instant },
): Promise<{ accountId: string } | undefined> {
  return db
    .updateTable('session')
    .set({ ended_at: formatUtc(now) })
    .where('id', '=', sessionId)
    .where('ended_at', 'is', null)
    .returning('account_id as accountId')
    .executeTakeFirst()
}

/** Ends the session whose current refresh token this is. */
export async function endSessionByToken(
  db: Queryable,
  { sessionId, hash, now }: { sessionId: string; hash: Buffer; now: Instant },
): Promise<{ accountId: string } | undefined> {
  return db
    .updateTable('session')
    .set({ ended_at: formatUtc(now) })
    .where('id', '=', sessionId)
    .where('refresh_token_hash', '=', hash)
    .where('ended_at', 'is', null)
    .returning('account_id as accountId')
    .executeTakeFirst()
}

/** Ends the session if the token is not its current one. */
export async function endSessionOfStaleToken(
  db: Queryable,
  { sessionId, hash, now }: { sessionId: string; hash: Buffer; now: Instant },
): Promise<{ accountId: string } | undefined> {
  return db
    .updateTable('session')
    .set({ ended_at: formatUtc(now) })
    .where('id', '=', sessionId)
    .where('refresh_token_hash', '<>', hash)
    .where('ended_at', 'is', null)
    .returning('account_id as accountId')
    .executeTakeFirst()
}

/** Ends the live sessions of an account, but for `except`, and answers their ids. */
export async function endSessionsOf(
  db: Queryable,
  options: { accountId: string; except: string | undefined; now: Instant },
): Promise<string[]> {
  const { accountId, except, now } = options
  const rows = await db
    .updateTable('session')
    .set({ ended_at: formatUtc(now) })
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .$if(except !== undefined, (query) => query.where('id', '<>', except ?? ''))
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
