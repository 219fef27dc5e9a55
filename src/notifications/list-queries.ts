import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { NotificationRow } from './notification.ts'

export interface ListPosition {
  queuedAt: Instant
  id: string
}

/** What the account finds in the app: rows of others, and of other channels, are none of it. */
function inApp(db: Queryable, accountId: string) {
  return db
    .selectFrom('notification')
    .where('account_id', '=', accountId)
    .where('channel', '=', 'in_app')
    .where('status', '=', 'sent')
}

/** The account's notifications in the app, newest first. */
export async function inAppNewestFirst(
  db: Queryable,
  options: {
    accountId: string
    isUnread: boolean
    after: ListPosition | null
    limit: number
  },
): Promise<NotificationRow[]> {
  const { after } = options
  let query = inApp(db, options.accountId).selectAll()
  if (options.isUnread) query = query.where('read_at', 'is', null)
  if (after !== null)
    query = query.where(
      sql<boolean>`(queued_at, id) < (${formatUtc(after.queuedAt)}::timestamptz, ${after.id}::uuid)`,
    )
  return query.orderBy('queued_at', 'desc').orderBy('id', 'desc').limit(options.limit).execute()
}

/** One of them. */
export async function inAppById(
  db: Queryable,
  { accountId, id }: { accountId: string; id: string },
): Promise<{ id: string; queued_at: Instant } | undefined> {
  return inApp(db, accountId).select(['id', 'queued_at']).where('id', '=', id).executeTakeFirst()
}

/** How many of them have not been read. */
export async function unreadCountOf(db: Queryable, accountId: string): Promise<number> {
  const { unread } = await inApp(db, accountId)
    .select(sql<string>`count(*)`.as('unread'))
    .where('read_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(unread)
}

/** Marks one of them as read, all up to one, or all; answers whether any of them was unread. */
export async function markInAppRead(
  db: Queryable,
  options: {
    accountId: string
    which: { id: string } | { until: ListPosition } | 'all'
    now: Instant
  },
): Promise<boolean> {
  const { accountId, which, now } = options
  let query = db
    .updateTable('notification')
    .set({ read_at: formatUtc(now) })
    .where('account_id', '=', accountId)
    .where('channel', '=', 'in_app')
    .where('status', '=', 'sent')
    .where('read_at', 'is', null)
  if (which !== 'all' && 'id' in which) query = query.where('id', '=', which.id)
  if (which !== 'all' && 'until' in which)
    query = query.where(
      sql<boolean>`(queued_at, id) <= (${formatUtc(which.until.queuedAt)}::timestamptz, ${which.until.id}::uuid)`,
    )
  const { numUpdatedRows } = await query.executeTakeFirst()
  return numUpdatedRows > 0n
}
