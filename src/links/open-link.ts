// What stands behind the fragment of a link in a mail: whose it is, which visit it is about, and whether
// it still opens anything.

import { record } from '#src/audit/audit.ts'
import { findAppointment } from '#src/booking/appointment.ts'
import type { AppointmentRow } from '#src/booking/queries.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { toE164 } from '#src/delivery/phone.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { offerOfEntry, type OfferRow, type Outcome } from '#src/waitlist/offer-queries.ts'
import { outcomeOf } from '#src/waitlist/outcome.ts'
import { visitPurposes, type VisitPurpose } from './address.ts'
import { endOfAll, expiryOf, recipientActor } from './policy.ts'
import { notificationById, offerOfAppointment, type NotificationRow } from './queries.ts'

/** An offer of the waitlist that a link is about. */
export interface LinkedOffer {
  entryId: string
  /** That of the time that is held. */
  appointmentId: string
  heldUntil: Instant
  outcome: Outcome | null
  /** The visit that it is to replace, or did; null for someone who waits for a first one. */
  visitId: string | null
}

export interface OpenLink {
  purpose: VisitPurpose
  notificationId: string
  /** Acts as the recipient, for this patient alone. */
  context: SignedInContext
  /** As it is now; with an offer the time that is held, or the visit that took it. */
  visit: AppointmentRow
  /** Null where the purpose is another. */
  offer: LinkedOffer | null
  /** When the visit began that the recipient was asked about; null where nothing was asked. */
  askedStartsAt: Instant | null
  confirmedAt: Instant | null
}

/**
 * Opens a link by the word after its #, `<purpose>.<token>`, if its purpose is one of those.
 *
 * @throws Refusal `invalid-link`, the same for every reason; `too-late` for one that was good until the visit
 * began, or until the offered time was let go.
 */
export async function openLink(
  context: Context,
  { word, purposes = visitPurposes }: { word: string; purposes?: readonly VisitPurpose[] },
): Promise<OpenLink> {
  const now = context.clock()
  const purpose = purposes.find((one) => word.startsWith(`${one}.`))
  const id =
    purpose === undefined ? null : context.links.idOf(purpose, word.slice(purpose.length + 1))
  const row =
    id === null ? undefined : await withRetry(() => notificationById(context.db, { id, now }))
  const link =
    purpose !== undefined && row && (await isReachedBy(row))
      ? await linkOf(context, { purpose, row, now })
      : null
  if (link === null) {
    await record(context, context.db, {
      action: 'link.open',
      subjectType: 'notification',
      subjectId: row?.id ?? null,
      allowed: false,
    })
    throw invalidLink()
  }
  refuseLate(link, now)
  return link
}

/** Whether the message went to someone who acts for the patient, where they are reached now. */
async function isReachedBy(row: NotificationRow): Promise<boolean> {
  if (!row.has_access || row.channel !== 'sms') return row.has_access
  const { phone, address, clinic_country: country } = row
  return address !== null && phone !== null && (await toE164(phone, country)) === address
}

/** Null for a link that opens nothing any more. */
async function linkOf(
  context: Context,
  { purpose, row, now }: { purpose: VisitPurpose; row: NotificationRow; now: Instant },
): Promise<OpenLink | null> {
  const acting = { ...context, actor: recipientActor(row) }
  const offer =
    purpose === 'offer'
      ? await linkedOffer(acting, { appointmentId: row.appointment_id, now })
      : null
  if (purpose === 'offer' && offer === null) return null
  const hasVisit = offer?.outcome === 'taken' && offer.visitId !== null
  const visit = await findOrNull(acting, hasVisit ? offer.visitId! : row.appointment_id)
  if (visit === null || now >= endOfAll(visit)) return null
  const { id: notificationId, asked_starts_at: askedStartsAt, confirmed_at: confirmedAt } = row
  return { purpose, notificationId, context: acting, visit, offer, askedStartsAt, confirmedAt }
}

/** Whether the visit still takes place when the recipient was asked to come. */
export function isAsAsked(
  { askedStartsAt }: Pick<OpenLink, 'askedStartsAt'>,
  visit: Pick<AppointmentRow, 'status' | 'starts_at'>,
): boolean {
  return visit.status === 'confirmed' && visit.starts_at === askedStartsAt
}

async function linkedOffer(
  { db }: SignedInContext,
  { appointmentId, now }: { appointmentId: string; now: Instant },
): Promise<LinkedOffer | null> {
  const known = await withRetry(() => offerOfAppointment(db, appointmentId))
  if (!known) return null
  const { entryId, expiresAt: heldUntil } = known
  const row = await withRetry(() => offerOfEntry(db, { entryId, appointmentId, now }))
  if (!row) return null
  return { entryId, appointmentId, heldUntil, outcome: outcomeNow(row), visitId: row.visit_id }
}

function outcomeNow(row: OfferRow): Outcome | null {
  return outcomeOf(row)?.outcome ?? null
}

async function findOrNull(context: SignedInContext, id: string): Promise<AppointmentRow | null> {
  try {
    return await findAppointment(context, id)
  } catch (error) {
    if (error instanceof NotFound) return null
    throw error
  }
}

/** What was taken or refused in time may be looked at again. */
function refuseLate(link: OpenLink, now: Instant): void {
  const { offer, visit } = link
  if (offer !== null) {
    if (offer.outcome === 'expired')
      throw tooLate(
        visit,
        'The time was held for a while and is let go now. You are still waiting.',
      )
    return
  }
  if (now < expiryOf(link)) return
  throw tooLate(visit, 'The time of this visit has come. Only the clinic can change something now.')
}

function tooLate({ clinic_name: name, clinic_phone: phone }: AppointmentRow, detail: string) {
  return new Refusal('too-late', detail, { clinic: { name, ...(phone !== null && { phone }) } })
}

function invalidLink(): Refusal {
  const detail =
    'This link is not valid, or not any more. Open the link of the newest mail about the visit, or call the clinic.'
  return new Refusal('invalid-link', detail, {
    errors: [{ in: 'body', pointer: '/token', detail }],
  })
}
