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
      created_at: formatUtc(session.createdAt),
      expires_at: formatUtc(session.expiresAt),
    })
    .execute()
}

/**
 * Replaces the refresh token of a live session of an active account. Of two who do so at once, the
 * second waits for the row's lock and then finds that the old hash is gone.
 */
export async function rotateRefreshToken(
  db: Queryable,
  options: {
    sessionId: string
    oldHash: Buffer
    newHash: Buffer
    expiresAt: Instant
    now: Instant
  },
): Promise<{ accountId: string; role: Role } | undefined> {
  return db
    .updateTable('session')
    .from('account')
    .set({ refresh_token_hash: options.newHash, expires_at: formatUtc(options.expiresAt) })
    .where('session.id', '=', options.sessionId)
    .where('session.refresh_token_hash', '=', options.oldHash)
    .where('session.ended_at', 'is', null)
    .where('session.expires_at', '>', sql<Instant>`${formatUtc(options.now)}`)
    .whereRef('account.id', '=', 'session.account_id')
    .where('account.status', '=', 'active')
    .returning(['session.account_id as accountId', 'account.role'])
    .executeTakeFirst()
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
