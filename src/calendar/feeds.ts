// Feeds: calendars of a doctor's or a patient's visits that other programs read by a secret address, for
// as long as the account that made one may see what is in it.

import { record } from '#src/audit/audit.ts'
import { insertAuditEntry } from '#src/audit/queries.ts'
import { unknownPatient } from '#src/booking/wish.ts'
import { publicUrlAt } from '#src/config.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { doctorIdOf } from '#src/doctors/doctors.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { calendarOf, publishedEvent } from './event.ts'
import { plain, text } from './icalendar.ts'
import { mayHaveFeed } from './policy.ts'
import {
  deleteFeed,
  feedById,
  feedsOf,
  insertFeed,
  lockAccount,
  markFeedRead,
  visitsForFeed,
  type FeedRow,
  type ServedFeedRow,
} from './queries.ts'
import { publishedVisitOf, titledName } from './visit.ts'

export interface NewFeed {
  /** `me` or the id of the caller's own profile. */
  doctorId?: string
  patientId?: string
}

/** How many feeds an account may have. */
const feedsMax = 10

const pastMilliseconds = 30 * 86_400_000

/** How many visits a feed holds at most, the soonest of them: years of a full practice. */
const visitsMax = 5000

/** How often programs are asked to look, as an ISO 8601 duration. */
const refreshInterval = 'PT1H'

const auditOf = (feed: Pick<FeedRow, 'id' | 'doctor_id' | 'patient_id'>, action: string) => ({
  action: `calendar-feed.${action}`,
  subjectType: 'calendar-feed',
  subjectId: feed.id,
  details: feed.doctor_id === null ? { patientId: feed.patient_id } : { doctorId: feed.doctor_id },
})

/** The secret address of a feed, made of its id: nothing is stored by which one could read it. */
export function feedAddress(context: Pick<Context, 'config' | 'links'>, id: string): string {
  const token = context.links.tokenOf('calendar', id)
  return `${publicUrlAt(context.config, context.config.port)}/calendar/${token}.ics`
}

/**
 * Makes a feed of the caller's own visits as a doctor, or of the visits of a patient for whom they act
 * or at whom they may look.
 *
 * @throws InvalidRequest unless one of the two is named, NotFound, NotAllowed for another doctor's,
 * Refusal `conflict` for an account that has too many.
 */
export async function makeFeed(context: SignedInContext, body: NewFeed): Promise<FeedRow> {
  const feed = { id: newId(), ...(await subjectOf(context, body)), read_at: null }
  const { accountId } = context.actor
  return transact(context, async (tx) => {
    const { db } = tx
    await lockAccount(db, accountId)
    if ((await feedsOf(db, accountId)).length >= feedsMax)
      throw new Refusal(
        'conflict',
        `You have ${feedsMax} calendar feeds. Revoke one that you do not use any more.`,
      )
    const made = { ...feed, created_at: context.clock() }
    await insertFeed(db, { ...made, accountId })
    await record(context, db, auditOf(made, 'make'))
    tx.append({ type: 'account.calendar-feed-made', subjects: { accountId } })
    return made
  })
}

async function subjectOf(
  context: SignedInContext,
  body: NewFeed,
): Promise<Pick<FeedRow, 'doctor_id' | 'patient_id'>> {
  const { doctorId: key, patientId } = body
  if (key !== undefined && patientId !== undefined)
    throw invalidField('/patientId', 'Name a doctor or a patient: a feed is of one of them.')
  if (key !== undefined) {
    const doctorId = doctorIdOf(context, key)
    if (mayHaveFeed(context.actor, { doctorId })) return { doctor_id: doctorId, patient_id: null }
    await refused(context, { doctorId })
    throw new NotAllowed('Only doctors themselves can make a feed of their calendar.')
  }
  if (patientId === undefined)
    throw invalidField('/patientId', 'Name whose visits are to be in the feed.')
  if (!mayHaveFeed(context.actor, { patientId })) {
    await refused(context, { patientId })
    throw unknownPatient()
  }
  return { doctor_id: null, patient_id: patientId }
}

async function refused(context: SignedInContext, details: Record<string, string>): Promise<void> {
  await record(context, context.db, {
    action: 'calendar-feed.make',
    subjectType: 'calendar-feed',
    subjectId: null,
    allowed: false,
    details,
  })
}

/** The feeds that the caller has made and not revoked, oldest first. */
export async function listFeeds(context: SignedInContext): Promise<FeedRow[]> {
  return withRetry(() => feedsOf(context.db, context.actor.accountId))
}

/** Ends a feed: from now on nothing is at its address. @throws NotFound */
export async function revokeFeed(context: SignedInContext, id: string): Promise<void> {
  const { accountId } = context.actor
  const isGone = await transact(context, async ({ db }) => {
    const feed = await deleteFeed(db, { id, accountId })
    if (feed === undefined) return false
    await record(context, db, auditOf({ id, ...feed }, 'revoke'))
    return true
  })
  if (!isGone) throw new NotFound('calendar feed')
}

/**
 * What stands at the address of a feed, as an iCalendar file; `name` is the last part of the address. The
 * reading is on record as that of the account whose feed it is.
 *
 * @throws NotFound for any other name, a feed that was revoked, and one whose account is disabled or may
 * no longer see these visits.
 */
export async function readFeed(context: Context, name: string): Promise<string> {
  const id = name.endsWith('.ics') ? context.links.idOf('calendar', name.slice(0, -4)) : null
  const now = context.clock()
  const feed = id === null ? undefined : await withRetry(() => feedById(context.db, { id, now }))
  if (feed === undefined) throw new NotFound('calendar')
  if (!feed.is_open) {
    await recordReading(context, feed, false)
    throw new NotFound('calendar')
  }
  const content = await contentOf(context, feed, now)
  await markFeedRead(context.db, { id: feed.id, now })
  await recordReading(context, feed, true)
  return content
}

async function recordReading(
  context: Context,
  feed: ServedFeedRow,
  allowed: boolean,
): Promise<void> {
  await insertAuditEntry(context.db, {
    ...auditOf(feed, 'read'),
    // A calendar program signs in as nobody; it reads what the account gave it.
    actorId: feed.account_id,
    occurredAt: context.clock(),
    requestId: context.requestId,
    allowed,
  })
}

async function contentOf(context: Context, feed: ServedFeedRow, now: Instant): Promise<string> {
  const rows = await withRetry(() =>
    visitsForFeed(context.db, {
      doctorId: feed.doctor_id,
      patientId: feed.patient_id,
      since: now - pastMilliseconds,
      now,
      limit: visitsMax,
    }),
  )
  const side = feed.doctor_id === null ? 'patient' : 'doctor'
  const { config } = context
  const name = `Visita: ${whoseName(feed)}`
  return calendarOf({
    method: 'PUBLISH',
    properties: [
      text('NAME', name),
      text('X-WR-CALNAME', name),
      plain('REFRESH-INTERVAL', refreshInterval, { VALUE: 'DURATION' }),
      plain('X-PUBLISHED-TTL', refreshInterval),
    ],
    // Stamped with the last step, so that a calendar in which nothing happened stays the same.
    events: rows.map((row) =>
      publishedEvent(publishedVisitOf(row, { config, stampedAt: row.changed_at }), side),
    ),
  })
}

function whoseName({ doctor_title, doctor_name, patient_name }: ServedFeedRow): string {
  return doctor_name === null ? (patient_name ?? '') : titledName(doctor_title, doctor_name)
}
