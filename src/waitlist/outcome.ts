// What became of an offer: told by its appointment and the visit, and written down once, whoever
// notices first.

import { isAhead } from '#src/booking/appointment-state.ts'
import type { Context } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import type { Subjects } from '#src/events/queries.ts'
import { closeOffer, releaseHold, type OfferRow, type Outcome } from './offer-queries.ts'
import { fulfilEntry, lockWaitingEntry } from './queries.ts'

type Settling = Pick<Context, 'db' | 'events' | 'clock' | 'actor'>

/** Null while the time is held and of use. `isHeld` when it must still be let go. */
export function outcomeOf(offer: OfferRow): { outcome: Outcome; isHeld: boolean } | null {
  if (offer.outcome !== null) return { outcome: offer.outcome, isHeld: false }
  if (offer.status === 'held') return isOfUse(offer) ? null : { outcome: 'expired', isHeld: true }
  if (offer.status === 'cancelled') return { outcome: 'refused', isHeld: false }
  // The hold ends either by itself or when the visit takes its place.
  if (offer.status === 'expired')
    return { outcome: hasVisitThere(offer) ? 'taken' : 'expired', isHeld: false }
  return { outcome: 'taken', isHeld: false }
}

/** Whether the visit, if there is one, could still be moved to the offered time and be earlier. */
function isOfUse({ visit_status, visit_starts_at, starts_at }: OfferRow): boolean {
  if (visit_status === null || visit_starts_at === null) return true
  return isAhead(visit_status) && starts_at < visit_starts_at
}

function hasVisitThere(offer: OfferRow): boolean {
  return (
    offer.visit_status !== null &&
    offer.visit_starts_at === offer.starts_at &&
    offer.visit_doctor_id === offer.doctor_id
  )
}

/** Writes down what became of the offer, and lets its time go if it is still held. */
export async function settleOffer(
  context: Settling,
  offer: OfferRow,
  settled: { outcome: Outcome; isHeld: boolean },
): Promise<void> {
  const isNews = await transact(context, async (tx) => {
    await lockWaitingEntry(tx.db, offer.entry_id)
    return settleWithin(context, tx, { offer, ...settled })
  })
  if (isNews && settled.isHeld) announceRelease(context, offer)
}

/** As `settleOffer`, in a transaction that holds the entry's row. Answers whether it was news. */
export async function settleWithin(
  context: Settling,
  tx: Transact,
  { offer, outcome, isHeld }: { offer: OfferRow; outcome: Outcome; isHeld: boolean },
): Promise<boolean> {
  const { appointment_id: appointmentId, entry_id: id, visit_id } = offer
  if (!(await closeOffer(tx.db, { appointmentId, outcome }))) return false
  if (outcome === 'taken')
    await fulfilEntry(tx.db, { id, appointmentId: visit_id ?? appointmentId })
  if (isHeld)
    await releaseHold(tx.db, {
      appointmentId,
      now: context.clock(),
      origin: context.events.origin,
    })
  tx.append({ type: `waitlist.${outcome}`, subjects: subjectsOf(offer) })
  return true
}

/** Tells this process that a held time is free again; the others read it from the event table. */
export function announceRelease({ events }: Settling, offer: OfferRow): void {
  const subjects = { ...subjectsOf(offer), roomId: offer.room_id }
  events.announce([{ type: 'appointment.expired', subjects }])
}

function subjectsOf(offer: OfferRow): Subjects {
  return {
    appointmentId: offer.appointment_id,
    patientId: offer.patient_id,
    doctorId: offer.doctor_id,
    clinicId: offer.clinic_id,
  }
}
