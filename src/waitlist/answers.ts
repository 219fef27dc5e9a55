// What a patient answers to an offer: taking it moves the visit there, or makes one; refusing lets the
// time pass on.

import { record } from '#src/audit/audit.ts'
import { isAhead } from '#src/booking/appointment-state.ts'
import { bookedStatusOf, expiryOf } from '#src/booking/book.ts'
import type { IdempotentRequest, StoredAnswer } from '#src/booking/call-queries.ts'
import { offerAndVerdict } from '#src/booking/holds.ts'
import { earlierAnswer } from '#src/booking/idempotency.ts'
import { placementOf } from '#src/booking/placement.ts'
import type { AppointmentRow } from '#src/booking/queries.ts'
import { SlotTaken } from '#src/booking/refusals.ts'
import { stepOrRefuse, stepRoleOf, takeStep, type Plan } from '#src/booking/step.ts'
import { slotTaken } from '#src/booking/wanted-time.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotAllowed, Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { auditOf, entryFor } from './entries.ts'
import { offerOfEntry, type OfferRow } from './offer-queries.ts'
import { outcomeOf, settleOffer } from './outcome.ts'
import { mayAnswerOffer } from './policy.ts'
import { entryById, type EntryRow } from './queries.ts'

export interface AnswerInput {
  /** The offer that is meant, by its appointment; null for the one that is held. */
  appointmentId: string | null
  request: IdempotentRequest | null
}

/**
 * Takes the offered time: moves the patient's visit there, whatever the notice for changes, or books it
 * for one who has none. Answers the visit.
 *
 * @throws NotFound, NotAllowed, SlotTaken when the rules no longer allow the time, PatientBusy, Refusal
 * `hold-expired` or `wrong-state`, IdempotencyKeyReused.
 */
export async function takeOffer(
  context: SignedInContext,
  id: string,
  input: AnswerInput,
): Promise<StoredAnswer> {
  const earlier = await earlierAnswer(context, input.request, context.clock())
  if (earlier !== null) return earlier
  await entryFor(context, { id, action: 'take' })
  const known = await heldOrEarlierAnswer(context, id, { ...input, action: 'take' })
  if (known.answer !== null) return known.answer
  const { offer } = known
  const answer = await takeHeld(context, offer, input.request)
  await settleOffer(context, offer, { outcome: 'taken', isHeld: false })
  await record(context, context.db, auditOf(id, 'take'))
  return answer
}

/** The visit at the offered time. A time that cannot be taken is of use to nobody, and is let go. */
async function takeHeld(
  context: SignedInContext,
  offer: OfferRow,
  request: IdempotentRequest | null,
): Promise<StoredAnswer> {
  const meant = { entryId: offer.entry_id, appointmentId: offer.appointment_id }
  const common = { requestedVersion: null, request }
  try {
    return await (offer.visit_id === null
      ? takeStep(context, offer.appointment_id, {
          ...common,
          command: 'confirm-hold',
          plan: async (current, now) =>
            bookIt(context, current, { offer: await heldOffer(context, meant, now), now }),
        })
      : takeStep(context, offer.visit_id, {
          ...common,
          command: 'reschedule',
          plan: async (current, now) =>
            moveThere(context, current, { offer: await heldOffer(context, meant, now), now }),
        }))
  } catch (error) {
    if (error instanceof SlotTaken)
      await settleOffer(context, offer, { outcome: 'expired', isHeld: true })
    throw error
  }
}

/**
 * Refuses the offered time: it is open again at once, and passes on to the next in turn. The entry waits
 * on. Answers it also to those who saw it only because the time was theirs.
 *
 * @throws NotFound, NotAllowed, Refusal `hold-expired` or `wrong-state`, IdempotencyKeyReused.
 */
export async function refuseOffer(
  context: SignedInContext,
  id: string,
  input: AnswerInput,
): Promise<EntryRow> {
  const asked = { sight: null, now: context.clock() }
  const read = () => withRetry(() => entryById(context.db, id, asked))
  // Whoever saw the entry by the offer alone does not see it any more.
  if ((await earlierAnswer(context, input.request, asked.now)) !== null) {
    const answered = await read()
    if (answered) return answered
  }
  const entry = await entryFor(context, { id, action: 'refuse' })
  const known = await heldOrEarlierAnswer(context, id, { ...input, action: 'refuse' })
  if (known.answer === null) await cancelHeld(context, known.offer, input.request)
  await record(context, context.db, auditOf(id, 'refuse'))
  return (await read()) ?? entry
}

async function cancelHeld(
  context: SignedInContext,
  offer: OfferRow,
  request: IdempotentRequest | null,
): Promise<void> {
  const answer = await takeStep(context, offer.appointment_id, {
    command: 'cancel',
    requestedVersion: null,
    request,
    plan(current) {
      const to = stepOrRefuse('cancel', current, stepRoleOf(context.actor, current))?.[0]
      return to === undefined ? null : { to, change: { expires_at: null } }
    },
  })
  // A repeated request was about an earlier offer.
  if (answer.id === offer.appointment_id)
    await settleOffer(context, offer, { outcome: 'refused', isHeld: false })
}

type Known = { answer: StoredAnswer } | { answer: null; offer: OfferRow }

/** A request that was answered before gets that answer again, when there is no offer any more. */
async function heldOrEarlierAnswer(
  context: SignedInContext,
  entryId: string,
  { appointmentId, request, action }: AnswerInput & { action: 'take' | 'refuse' },
): Promise<Known> {
  const now = context.clock()
  try {
    return { answer: null, offer: await heldOffer(context, { entryId, appointmentId }, now) }
  } catch (error) {
    if (error instanceof NotAllowed)
      await record(context, context.db, { ...auditOf(entryId, action), allowed: false })
    if (!(error instanceof Refusal)) throw error
    const answer = await earlierAnswer(context, request, now)
    if (answer !== null) return { answer }
    throw error
  }
}

/** @throws NotAllowed, Refusal `hold-expired` or `wrong-state` when there is no such offer any more. */
async function heldOffer(
  { db, actor }: SignedInContext,
  meant: { entryId: string; appointmentId: string | null },
  now: Instant,
): Promise<OfferRow> {
  const offer = await withRetry(() => offerOfEntry(db, { ...meant, now }))
  if (!offer) throw new Refusal('wrong-state', 'No time is offered at the moment.')
  const { patient_id: patientId, doctor_id: doctorId, clinic_id: clinicId } = offer
  if (!mayAnswerOffer(actor, { patientId, doctorId, clinicId }))
    throw new NotAllowed('Only the patient and the clinic whose time it is may answer the offer.')
  const settled = outcomeOf(offer)
  if (settled === null) return offer
  if (settled.outcome === 'expired')
    throw new Refusal('hold-expired', 'The offer has run out. You will be offered the next time.')
  throw new Refusal('wrong-state', `The offer is ${settled.outcome} already.`)
}

interface Taken {
  offer: OfferRow
  now: Instant
}

async function moveThere(
  context: SignedInContext,
  current: AppointmentRow,
  { offer, now }: Taken,
): Promise<Plan> {
  const role = stepRoleOf(context.actor, current)
  stepOrRefuse('reschedule', current, role)
  if (!isAhead(current.status) || current.starts_at <= offer.starts_at)
    throw new Refusal('wrong-state', 'The visit is no longer later than the offered time.', {
      appointmentStatus: current.status,
    })
  const place = await placeOf(context, offer, { appointmentId: current.id, now })
  // What the doctor has agreed to stays agreed: the time is one that the clinic offers.
  const isAgreed = current.status === 'confirmed' || role === 'staff'
  const status = isAgreed ? 'confirmed' : bookedStatusOf({ ...place.offer, viewer: 'patient' })
  const { starts_at: startsAt } = offer
  return {
    to: status,
    event: 'appointment.moved',
    change: {
      expires_at: expiryOf(place.offer, { status, startsAt, now }),
      proposed_slots: null,
    },
    place,
    ends: [offer.appointment_id],
  }
}

/** For someone without a visit, the hold becomes it and claims the patient's time too. */
async function bookIt(
  context: SignedInContext,
  current: AppointmentRow,
  { offer, now }: Taken,
): Promise<Plan> {
  stepOrRefuse('confirm-hold', current, stepRoleOf(context.actor, current))
  const place = await placeOf(context, offer, { appointmentId: current.id, now })
  const status = bookedStatusOf(place.offer)
  const { starts_at: startsAt } = offer
  return {
    to: status,
    change: { expires_at: expiryOf(place.offer, { status, startsAt, now }), is_offer: false },
    place,
  }
}

/** @throws SlotTaken when the rules no longer allow the time, as when the doctor has fallen ill. */
async function placeOf(
  context: SignedInContext,
  held: OfferRow,
  { appointmentId, now }: { appointmentId: string; now: Instant },
): Promise<NonNullable<Plan['place']>> {
  const { starts_at: startsAt, patient_id: patientId } = held
  const asked = { startsAt, now, exceptIds: [held.appointment_id] }
  // The notice was kept when the time was offered.
  const { offer, verdict } = await offerAndVerdict(context, held, asked)
  if (verdict !== 'open') throw await slotTaken(context, offer, startsAt)
  return { offer, placement: placementOf(offer, { appointmentId, patientId, startsAt }) }
}
