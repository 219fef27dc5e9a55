// Someone stands at the desk without an appointment.

import { offersOf, openStartsOf, todayOf } from '#src/availability/open-times.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotAllowed, type Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { bookWhatIsFound } from './book.ts'
import type { IdempotentRequest, StoredAnswer } from './call-queries.ts'
import { holdsOf, patientExists } from './queries.ts'
import { NotOffered } from './refusals.ts'
import { findOverbookedOffer, slotTaken, type FoundOffer } from './wanted-time.ts'
import { unknownPatient, type Wish } from './wish.ts'

export interface WalkInWish {
  patientId: string
  doctorId: string
  clinicId?: string
  visitTypeId?: string
  reason?: string
  overbook?: { reason: string }
}

/**
 * Books the doctor's next open time of today for someone who is there, and checks them in; with
 * `overbook` this very minute, over other visits.
 *
 * @throws NotAllowed, NotFound, NotOffered, SlotTaken when nothing is open today, PatientBusy,
 * IdempotencyKeyReused.
 */
export async function bookWalkIn(
  context: SignedInContext,
  body: WalkInWish,
  request: IdempotentRequest | null,
): Promise<StoredAnswer> {
  const overbookedReason = body.overbook?.reason ?? null
  const { patientId } = body
  return bookWhatIsFound(context, {
    command: 'walk-in',
    patientId,
    reason: body.reason ?? null,
    overbookedReason,
    request,
    async find(now) {
      if (overbookedReason === null) return findNextToday(context, body, now)
      const startsAt = now - (now % 60_000)
      const wish: Wish = {
        doctorId: body.doctorId,
        clinicId: body.clinicId,
        visitTypeId: body.visitTypeId,
        startsAt,
        pointer: '/doctorId',
      }
      return { startsAt, found: await findOverbookedOffer(context, wish, { patientId, now }) }
    },
  })
}

/** The first open start of the rest of the clinic's day, at one of the clinics where the actor is staff. */
async function findNextToday(
  context: SignedInContext,
  { doctorId, clinicId, visitTypeId, patientId }: WalkInWish,
  now: Instant,
): Promise<{ found: FoundOffer; startsAt: Instant }> {
  const refused = (refusal: Refusal) => ({
    found: { refusal },
    startsAt: now,
  })
  const asked = { doctorIds: [doctorId], clinicId, visitTypeId, viewerAt: () => 'staff' as const }
  const all = (await offersOf(context.board, asked)).get(doctorId) ?? []
  const offers = all.filter((one) => isStaffOf(context.actor, { doctorId, clinicId: one.clinicId }))
  const [first] = offers
  if (!first)
    return refused(
      all.length > 0
        ? new NotAllowed("Only the doctor and the clinic's staff receive people at the desk.")
        : new NotOffered('/doctorId', 'The doctor does not offer such visits here.'),
    )
  if (!(await patientExists(context.db, patientId))) return refused(unknownPatient())
  // What the patient holds with the doctor is used up.
  const exceptIds = await withRetry(() => holdsOf(context.db, { patientId, doctorId }))
  const starts = offers.flatMap((offer) => {
    const today = todayOf(offer, now)
    const open = openStartsOf(offer, { from: today, to: today, now, limit: 1, exceptIds })
    return open.map((startsAt) => ({ found: { offer, refusal: null }, startsAt }))
  })
  const next = starts.sort((one, other) => one.startsAt - other.startsAt)[0]
  return next ?? refused(await slotTaken(context, first, now))
}
