// Everything about an account and the record it manages, for its owner (GDPR articles 15 and 20).

import { record } from '#src/audit/audit.ts'
import { calendarOf, publishedEvent } from '#src/calendar/event.ts'
import { text } from '#src/calendar/icalendar.ts'
import { visitsForFeed } from '#src/calendar/queries.ts'
import { publishedVisitOf } from '#src/calendar/visit.ts'
import type { SignedInContext } from '#src/context.ts'
import { medicalHistoryOf } from '#src/medical-history/entries.ts'
import { presentEntry } from '#src/medical-history/schemas.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { formatUtc } from '#src/kernel/time.ts'
import {
  accessItems,
  accountAuditItems,
  accountItems,
  accountLinkItems,
  calendarFeedItems,
  claimLinkItems,
  doctorItems,
  invitationItems,
  managedRecords,
  membershipItems,
  notificationItems,
  preferenceItems,
  quietHoursItems,
  readMarkItems,
  recordAccessItems,
  recordAuditItems,
  recordItems,
  secondFactorItems,
  sessionItems,
  visitItems,
  waitlistItems,
  writtenMessageItems,
  type Item,
} from './export-queries.ts'

/** Visits of a lifetime. */
const visitsMax = 20_000

/**
 * The account with all that hangs on it and its own record; with `patientId` that record alone, which the
 * account must manage. That it was asked for is audited.
 *
 * @throws NotFound, NotAllowed for a record that the account does not manage.
 */
export async function exportAll(
  context: SignedInContext,
  { patientId }: { patientId: string | null },
) {
  const { actor, db } = context
  const patientIds = await recordsToExport(context, patientId)
  const records: Item[] = []
  for (const id of patientIds) records.push(await recordOf(context, id))
  const exportedAt = formatUtc(context.clock())
  if (patientId !== null) return { exportedAt, records }
  const { accountId, doctorId } = actor
  const [account = {}] = await accountItems(db, accountId)
  const [quietHours] = await quietHoursItems(db, accountId)
  const [secondFactor] = await secondFactorItems(db, accountId)
  const [doctor] = doctorId === null ? [] : await doctorItems(db, doctorId)
  return {
    exportedAt,
    account,
    sessions: await sessionItems(db, accountId),
    secondFactor: secondFactor ?? { isOn: false },
    links: await accountLinkItems(db, accountId),
    preferences: await preferenceItems(db, accountId),
    ...(quietHours && { quietHours }),
    notifications: await notificationItems(db, { accountId }),
    calendarFeeds: await calendarFeedItems(db, accountId),
    memberships: await membershipItems(db, accountId),
    invitations: await invitationItems(db, accountId),
    accesses: await accessItems(db, accountId),
    messagesWritten: await writtenMessageItems(db, accountId),
    messagesRead: await readMarkItems(db, accountId),
    ...(doctor && { doctor }),
    whoLooked: await accountAuditItems(db, accountId),
    records,
  }
}

async function recordOf(context: SignedInContext, patientId: string): Promise<Item> {
  const { db, actor } = context
  const { accountId } = actor
  const [person = {}] = await recordItems(db, patientId)
  const history = await medicalHistoryOf(context, db, patientId)
  return {
    ...person,
    accesses: await recordAccessItems(db, patientId),
    claimLinks: await claimLinkItems(db, patientId),
    visits: await visitItems(db, patientId),
    waitlist: await waitlistItems(db, patientId),
    medicalHistory: history.map(presentEntry),
    notifications: await notificationItems(db, { patientId }),
    whoLooked: await recordAuditItems(db, { patientId, accountId }),
  }
}

/**
 * The visits of the same records, and those of a doctor, as one calendar.
 *
 * @throws NotFound, NotAllowed for a record that the account does not manage.
 */
export async function exportCalendar(
  context: SignedInContext,
  { patientId }: { patientId: string | null },
): Promise<string> {
  const { actor, config, db } = context
  const patientIds = await recordsToExport(context, patientId)
  const now = context.clock()
  const asked = { since: 0, now, limit: visitsMax }
  const own = patientId === null && actor.doctorId !== null ? [actor.doctorId] : []
  const events = []
  for (const id of patientIds)
    for (const row of await visitsForFeed(db, { ...asked, patientId: id, doctorId: null }))
      events.push(
        publishedEvent(publishedVisitOf(row, { config, stampedAt: row.changed_at }), 'patient'),
      )
  for (const doctorId of own)
    for (const row of await visitsForFeed(db, { ...asked, patientId: null, doctorId }))
      events.push(
        publishedEvent(publishedVisitOf(row, { config, stampedAt: row.changed_at }), 'doctor'),
      )
  return calendarOf({ method: 'PUBLISH', properties: [text('NAME', 'Visita')], events })
}

/** The records, whose export is audited for each of them, and the account's own. */
async function recordsToExport(
  context: SignedInContext,
  patientId: string | null,
): Promise<string[]> {
  const { actor, db } = context
  const { accountId } = actor
  const patientIds = await managedRecords(db, { accountId, patientId, now: context.clock() })
  const isRefused = patientId !== null && patientIds.length === 0
  for (const id of isRefused ? [patientId] : patientIds)
    await record(context, db, {
      action: 'patient.export',
      subjectType: 'patient',
      subjectId: id,
      allowed: !isRefused,
    })
  if (patientId === null)
    await record(context, db, {
      action: 'account.export',
      subjectType: 'account',
      subjectId: accountId,
    })
  if (!isRefused) return patientIds
  throw actor.seenPatientIds.includes(patientId)
    ? new NotAllowed('Only the accounts that manage a record may export it.')
    : new NotFound('patient')
}
