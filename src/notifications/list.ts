// What an account finds in the app, and what of it has been read.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { formatInstant } from '#src/kernel/time.ts'
import type { Facts, Language } from './facts.ts'
import { languageOf } from './language.ts'
import {
  inAppById,
  inAppNewestFirst,
  markInAppRead,
  unreadCountOf,
  type ListPosition,
} from './list-queries.ts'
import { loadFacts } from './load-facts.ts'
import type { NotificationRow } from './notification.ts'
import { choicesOf } from './preference-queries.ts'
import type { NotificationAnswer } from './schemas.ts'
import { stillConcerning } from './send-queries.ts'
import { wordingOf } from './wording.ts'

export interface NotificationPage {
  /** Newest first; one more than was asked for when there are more. */
  rows: NotificationRow[]
  unreadCount: number
  present: (row: NotificationRow) => NotificationAnswer
}

/** A page of the actor's own notifications. The reading leaves an audit row with the ids of the visits. */
export async function listNotifications(
  context: SignedInContext,
  options: { isUnread: boolean; after: ListPosition | null; limit: number },
): Promise<NotificationPage> {
  const { db, actor, config } = context
  const { accountId } = actor
  const { isUnread, after, limit } = options
  const rows = await withRetry(() =>
    inAppNewestFirst(db, { accountId, isUnread, after, limit: limit + 1 }),
  )
  const shown = rows.slice(0, limit)
  const ids = shown.map(({ id }) => id)
  const [facts, theirs, choices, unreadCount] = [
    await loadFacts(context, shown),
    await withRetry(() => stillConcerning(db, { ids, now: context.clock() })),
    await withRetry(() => choicesOf(db, accountId)),
    await withRetry(() => unreadCountOf(db, accountId)),
  ]
  const language = languageOf(choices?.locale ?? null, config.defaultLanguage)
  await record(context, db, {
    action: 'notification.list',
    subjectType: 'account',
    subjectId: accountId,
    details: { appointmentIds: [...new Set(shown.flatMap((row) => row.appointment_id ?? []))] },
  })
  return {
    rows,
    unreadCount,
    present(row) {
      const known = facts.get(row.id)
      // Of a visit that is no longer theirs they are not told how things stand today.
      const shownOf = known && !theirs.has(row.id) ? { ...known, visit: null } : known
      return presentNotification(row, { facts: shownOf, language })
    },
  }
}

function presentNotification(
  row: NotificationRow,
  { facts, language }: { facts: Facts | undefined; language: Language },
): NotificationAnswer {
  // Only who signed in a moment ago and is disabled now has none.
  if (!facts) throw new NotFound('notification')
  const { subject, line } = wordingOf(facts, language)
  const timeZone = facts.visit?.timeZone ?? 'UTC'
  return {
    id: row.id,
    kind: row.kind,
    title: subject,
    text: line,
    createdAt: formatInstant(row.queued_at, timeZone),
    ...(row.read_at !== null && { readAt: formatInstant(row.read_at, timeZone) }),
    ...(row.appointment_id !== null && { appointmentId: row.appointment_id }),
  }
}

/**
 * Marks one of the actor's notifications as read; answers how many are unread then.
 *
 * @throws NotFound, also for one of someone else.
 */
export async function markRead(context: SignedInContext, id: string): Promise<number> {
  const { accountId } = context.actor
  const row = await withRetry(() => inAppById(context.db, { accountId, id }))
  if (!row) throw new NotFound('notification')
  return mark(context, { id })
}

/**
 * Marks the actor's notifications as read: all, or those that are not newer than one of them, so that
 * what has come unseen since stays unread. Answers how many are unread then.
 *
 * @throws NotFound for an `until` that is not one of theirs.
 */
export async function markAllRead(
  context: SignedInContext,
  { until }: { until?: string },
): Promise<number> {
  if (until === undefined) return mark(context, 'all')
  const { accountId } = context.actor
  const row = await withRetry(() => inAppById(context.db, { accountId, id: until }))
  if (!row) throw new NotFound('notification', { in: 'body', pointer: '/until' })
  return mark(context, { until: { queuedAt: row.queued_at, id: row.id } })
}

async function mark(
  context: SignedInContext,
  which: Parameters<typeof markInAppRead>[1]['which'],
): Promise<number> {
  const { accountId } = context.actor
  return transact(context, async (tx) => {
    const hasChanged = await markInAppRead(tx.db, { accountId, which, now: context.clock() })
    // The account's other devices show fewer unread ones too.
    if (hasChanged) tx.append({ type: 'notification.read', subjects: { accountId } })
    return unreadCountOf(tx.db, accountId)
  })
}
