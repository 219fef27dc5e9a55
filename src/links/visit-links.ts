// What the recipients of mails do by the links in them: look at a visit, cancel or move it, say that they
// will come, answer an offer. Each acts as the recipient would who signed in, and by the same operations.

import { record } from '#src/audit/audit.ts'
import { offersOf, horizonOf, openStartsOf, slotAt, todayOf } from '#src/availability/open-times.ts'
import type { Slot } from '#src/availability/open-times.ts'
import { firstOpenStart } from '#src/availability/first-open.ts'
import { appointmentAsAnswered, findAppointment } from '#src/booking/appointment.ts'
import type { IdempotentRequest, StoredAnswer } from '#src/booking/call-queries.ts'
import { commandAppointment, refuseLateChange } from '#src/booking/commands.ts'
import { idempotentRequest } from '#src/booking/idempotency.ts'
import { rescheduleAppointment } from '#src/booking/reschedule.ts'
import { stepOrRefuse } from '#src/booking/step.ts'
import type { Context } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import { addDays, laterOf, type LocalDate } from '#src/kernel/calendar.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import { overlaps } from '#src/kernel/interval.ts'
import { localDateOf } from '#src/kernel/time.ts'
import { refuseOffer, takeOffer } from '#src/waitlist/answers.ts'
import { busyTimesOf } from '#src/waitlist/offer-queries.ts'
import { presentLink } from './linked-visit.ts'
import { isAsAsked, openLink, type OpenLink } from './open-link.ts'
import { confirmNotification, lockStanding } from './queries.ts'
import type { LinkedVisitAnswer } from './schemas.ts'

/** The word after the # of a link. */
export interface LinkWord {
  token: string
}

/**
 * The visit that the link is about, as it is now.
 *
 * @throws Refusal `invalid-link` or `too-late`, as does everything here.
 */
export async function viewLink(context: Context, { token }: LinkWord): Promise<LinkedVisitAnswer> {
  const link = await openLink(context, { word: token })
  const { visit } = link
  await record(link.context, context.db, {
    action: 'appointment.read',
    subjectType: 'appointment',
    subjectId: visit.id,
    details: byLink(link),
  })
  return shown(link)
}

/**
 * Cancels the visit, until the clinic's notice for changes. A `version` that is given must be the visit's.
 *
 * @throws Refusal `too-late`, `wrong-state` or `stale-version`.
 */
export async function cancelByLink(
  context: Context,
  { token, version }: LinkWord & { version?: number },
): Promise<LinkedVisitAnswer> {
  const link = await openLink(context, { word: token, purposes: ['cancel'] })
  await recordUse(link)
  const answer = await commandAppointment(link.context, link.visit.id, {
    command: 'cancel',
    reason: null,
    requestedVersion: version ?? null,
    request: requestOf(link, { version }),
  })
  return answered(link, answer)
}

/**
 * Moves the visit to an open time of the same doctor and kind of visit, until the clinic's notice for changes.
 *
 * @throws SlotTaken, PatientBusy, NotOffered, NotAllowed, InvalidRequest, Refusal `too-late`, `wrong-state` or
 * `stale-version`.
 */
export async function moveByLink(
  context: Context,
  { token, slotId, version }: LinkWord & { slotId: string; version?: number },
): Promise<LinkedVisitAnswer> {
  const link = await openLink(context, { word: token, purposes: ['move'] })
  await recordUse(link)
  const answer = await rescheduleAppointment(link.context, link.visit.id, {
    body: { slotId },
    requestedVersion: version ?? null,
    request: requestOf(link, { version, slotId }),
  })
  return answered(link, answer)
}

const openDays = 14

/**
 * The open times of 14 days to which the visit can be moved, and the next date after them that has one. Times
 * at which the patient is somewhere else are left out.
 *
 * @throws Refusal `wrong-state`.
 */
export async function openTimesByLink(
  context: Context,
  { token, from }: LinkWord & { from?: LocalDate },
): Promise<{ days: { date: LocalDate; slots: Slot[] }[]; nextOpenDate: LocalDate | null }> {
  const link = await openLink(context, { word: token, purposes: ['move'] })
  const { visit, context: acting } = link
  await recordUse(link)
  const now = context.clock()
  stepOrRefuse('reschedule', visit, 'patient')
  refuseLateChange(visit, { role: 'patient', now })
  const { doctor_id: doctorId, clinic_id: clinicId, visit_type_id: visitTypeId } = visit
  const asked = { doctorIds: [doctorId], clinicId, visitTypeId, viewerAt: () => 'patient' as const }
  const offer = (await offersOf(acting.board, asked)).get(doctorId)?.[0]
  if (!offer) return { days: [], nextOpenDate: null }
  const first = laterOf(from ?? todayOf(offer, now), todayOf(offer, now))
  if (first > horizonOf(offer, now)) return { days: [], nextOpenDate: null }
  const own = { patientId: visit.patient_id, exceptId: visit.id, now }
  const busy = await withRetry(() => busyTimesOf(context.db, own))

  const last = addDays(first, openDays - 1)
  const byDate = new Map<LocalDate, Slot[]>()
  for (let date = first; date <= last; date = addDays(date, 1)) byDate.set(date, [])
  for (const start of openStartsOf(offer, { from: first, to: last, now, exceptIds: [visit.id] })) {
    const slot = slotAt(offer, start)
    const isUseful = start !== visit.starts_at && !busy.some((time) => overlaps(time, slot))
    if (isUseful) byDate.get(localDateOf(start, slot.timeZone))?.push(slot)
  }
  const later = { from: addDays(last, 1), to: horizonOf(offer, now), now }
  const next = firstOpenStart(offer, later)
  return {
    days: [...byDate].map(([date, slots]) => ({ date, slots })),
    nextOpenDate: next === null ? null : localDateOf(next, visit.time_zone),
  }
}

/**
 * Notes that the patient will come at the time that was asked about; saying so again changes nothing.
 *
 * @throws Refusal `wrong-state` for a visit that is not confirmed or begins at another time now, or
 * `stale-version`.
 */
export async function confirmByLink(
  context: Context,
  { token, version }: LinkWord & { version?: number },
): Promise<LinkedVisitAnswer> {
  const link = await openLink(context, { word: token, purposes: ['confirm'] })
  const { visit, notificationId: id } = link
  const now = context.clock()
  await transact(link.context, async (tx) => {
    await refuseUnasked(tx, link, version)
    if (!(await confirmNotification(tx.db, { id, now }))) return
    tx.append({
      type: 'appointment.attendance-confirmed',
      subjects: {
        appointmentId: visit.id,
        doctorId: visit.doctor_id,
        clinicId: visit.clinic_id,
        patientId: visit.patient_id,
      },
    })
    await record(link.context, tx.db, {
      action: 'appointment.confirm-attendance',
      subjectType: 'appointment',
      subjectId: visit.id,
      details: byLink(link),
    })
  })
  return shown({ ...link, confirmedAt: link.confirmedAt ?? now })
}

/** @throws Refusal `wrong-state` or `stale-version` unless the visit stands as it was asked about. */
async function refuseUnasked(
  { db }: Transact,
  link: OpenLink,
  version: number | undefined,
): Promise<void> {
  const visit = await lockStanding(db, link.visit.id)
  if (!visit) throw new NotFound('appointment')
  if (!isAsAsked(link, visit))
    throw new Refusal(
      'wrong-state',
      visit.status === 'confirmed'
        ? 'The visit was moved since this was asked. Open the link of the newest mail about it.'
        : 'Only a visit that stands can be answered so.',
      { appointmentStatus: visit.status },
    )
  // Who said so before is not asked to look again: it is the time that counts.
  if (link.confirmedAt === null) refuseStale(visit.version, version ?? null)
}

/**
 * Takes the time that the waitlist offers, or lets it pass on.
 *
 * @throws SlotTaken, PatientBusy, Refusal `wrong-state` or `hold-expired`.
 */
export async function answerOfferByLink(
  context: Context,
  { token, answer }: LinkWord & { answer: 'take' | 'refuse' },
): Promise<LinkedVisitAnswer> {
  const link = await openLink(context, { word: token, purposes: ['offer'] })
  const { context: acting, notificationId } = link
  const offer = link.offer!
  const { entryId, appointmentId } = offer
  await recordUse(link)
  const request = idempotentRequest({
    header: notificationId,
    accountId: acting.actor.accountId,
    route: `POST /links/offer ${answer}`,
    body: {},
  })
  if (answer === 'take') {
    const taken = await takeOffer(acting, entryId, { appointmentId, request })
    return answered({ ...link, offer: { ...offer, outcome: 'taken' } }, taken)
  }
  await refuseOffer(acting, entryId, { appointmentId, request })
  const visit = await findAppointment(acting, appointmentId)
  return shown({ ...link, visit, offer: { ...offer, outcome: 'refused' } })
}

/**
 * What makes a request that is sent twice the same one; null where nothing tells a second sending from a second
 * wish. It names the notification, since the token itself must be stored nowhere.
 */
function requestOf(
  { context, purpose, notificationId }: OpenLink,
  { version, slotId }: { version: number | undefined; slotId?: string },
): IdempotentRequest | null {
  return idempotentRequest({
    header: version === undefined ? undefined : `${notificationId}/${version}`,
    accountId: context.actor.accountId,
    // Another time is another wish: after a lost answer it is told that the visit has changed.
    route: [`POST /links/${purpose}`, ...(slotId === undefined ? [] : [slotId])].join(' '),
    body: {},
  })
}

/** The steps themselves are audited where they are made; this row says by which link. */
async function recordUse(link: OpenLink): Promise<void> {
  await record(link.context, link.context.db, {
    action: 'link.use',
    subjectType: 'appointment',
    subjectId: link.visit.id,
    details: byLink(link),
  })
}

function byLink({ purpose, notificationId }: OpenLink) {
  return { by: 'link', purpose, notificationId }
}

async function answered(link: OpenLink, answer: StoredAnswer): Promise<LinkedVisitAnswer> {
  return shown({ ...link, visit: await appointmentAsAnswered(link.context, answer) })
}

async function shown(link: OpenLink): Promise<LinkedVisitAnswer> {
  const { context, offer } = link
  const isOpen = offer !== null && offer.outcome === null && offer.visitId !== null
  const replaced = isOpen ? await findAppointment(context, offer.visitId!) : null
  return presentLink(link, { now: context.clock(), insteadOf: replaced?.starts_at ?? null })
}
