// Booking a time, at once or as a hold: what is wished is checked against the rules in memory, and taken
// in one call that only the database's constraints decide.

import { record } from '#src/audit/audit.ts'
import { claimOf, type Offer } from '#src/availability/open-times.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { isOutcomeUnknown, withRetry } from '#src/db/retry.ts'
import { NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import {
  bookInOneCall,
  type IdempotentRequest,
  type NewAppointment,
  type StoredAnswer,
} from './call-queries.ts'
import { earlierAnswer } from './idempotency.ts'
import { placementOf } from './placement.ts'
import {
  bookingFailureOf,
  IdempotencyKeyReused,
  PatientBusy,
  type BookingFailure,
} from './refusals.ts'
import {
  findOffer,
  findOverbookedOffer,
  forgetOffer,
  forgetOfferAndHolds,
  slotTaken,
  type FoundOffer,
} from './wanted-time.ts'
import { overbookedReasonOf, patientOf, readWish, whyNotTheirs, type BookingWish } from './wish.ts'

const triesMax = 8
const holdMilliseconds = 10 * 60_000

export type BookingCommand = 'book' | 'hold' | 'walk-in' | 'offer'

/**
 * Books for a patient, or holds the time. A request with a key that was answered before gets that answer
 * again.
 *
 * @throws SlotTaken, PatientBusy, NotOffered, NotFound, NotAllowed, InvalidRequest,
 * IdempotencyKeyReused; Refusal `busy` when the database stays away or the schedule will not stand
 * still.
 */
export async function bookAppointment(
  context: SignedInContext,
  body: BookingWish,
  request: IdempotentRequest | null,
): Promise<StoredAnswer> {
  const wish = readWish(body)
  const patientId = patientOf(context, body)
  const overbookedReason = overbookedReasonOf(body)
  const find = overbookedReason === null ? findOffer : findOverbookedOffer
  const { actor } = context
  const notTheirs = whyNotTheirs(actor, patientId)
  return bookWhatIsFound(context, {
    command: body.hold === true ? 'hold' : 'book',
    patientId,
    reason: body.reason ?? null,
    overbookedReason,
    request,
    find: async (now) => ({
      found:
        notTheirs === null ? await find(context, wish, { patientId, now }) : { refusal: notTheirs },
      startsAt: wish.startsAt,
    }),
  })
}

interface WantedBooking {
  command: BookingCommand
  patientId: string
  reason: string | null
  overbookedReason: string | null
  request: IdempotentRequest | null
  find: (now: Instant) => Promise<{ found: FoundOffer; startsAt: Instant }>
}

/**
 * Books at the place that `find` names, and asks it again when what it was read from has changed. Who is
 * not allowed to leaves an audit row.
 */
export async function bookWhatIsFound(
  context: SignedInContext,
  wanted: WantedBooking,
): Promise<StoredAnswer> {
  try {
    return await bookUntilAnswered(context, wanted)
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, {
        action: `appointment.${wanted.command}`,
        subjectType: 'patient',
        subjectId: wanted.patientId,
        allowed: false,
      })
    throw error
  }
}

async function bookUntilAnswered(
  context: SignedInContext,
  wanted: WantedBooking,
): Promise<StoredAnswer> {
  const { request } = wanted
  const appointmentId = newId()
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const now = context.clock()
    const { found, startsAt } = await wanted.find(now)
    if (found.refusal !== null) {
      const earlier = await earlierAnswer(context, request, now)
      if (earlier !== null) return earlier
      throw found.refusal
    }
    const { offer } = found
    const attempt = await take(context, offer, { ...wanted, appointmentId, startsAt, now })
    if (attempt.answer !== null) return attempt.answer
    if (attempt.failure === 'patient-busy') throw new PatientBusy()
    if (attempt.failure === 'key-reused') throw new IdempotencyKeyReused()
    forgetOffer(context, offer)
    const isNextInTurn = wanted.command === 'walk-in' && wanted.overbookedReason === null
    if (attempt.failure === 'taken' && !isNextInTurn)
      throw await slotTaken(context, offer, startsAt)
    // The rules have changed since they were read, or the next patient's turn has come: look again.
  }
  throw new Refusal('busy', "The doctor's schedule is being changed. Try again in a moment.")
}

export interface Taking {
  appointmentId: string
  patientId: string
  command: BookingCommand
  request: IdempotentRequest | null
  startsAt: Instant
  reason: string | null
  overbookedReason: string | null
  now: Instant
  /** Until when an offer is held. */
  expiresAt?: Instant
}

/** Takes the time in one call of the database; safe to repeat with the same appointment id. */
export async function take(
  context: Pick<Context, 'db' | 'events' | 'board' | 'requestId' | 'actor'>,
  offer: Offer,
  wished: Taking,
): Promise<{ answer: StoredAnswer; failure: null } | { answer: null; failure: BookingFailure }> {
  const appointment = appointmentOf(offer, wished)
  const { now, request, command } = wished
  try {
    const call = () =>
      bookInOneCall(context.db, {
        now,
        origin: context.events.origin,
        requestId: context.requestId,
        accountId: context.actor?.accountId ?? null,
        request,
        command,
        appointment,
      })
    // An offer is part of a transaction, which its caller runs again as a whole.
    const { answer, ended } = await (command === 'offer' ? call() : withRetry(call))
    // What a hold replaced may shorten it, and what was made by a try before may have replaced some.
    const isShorter = command === 'hold' && ended !== null && ended.length > 0
    if (answer.id !== appointment.id || ended === null || isShorter)
      forgetOfferAndHolds(context, offer)
    else
      context.board.take({
        doctorId: appointment.doctorId,
        clinicId: appointment.clinicId,
        takesRoom: appointment.rooms !== null,
        ended,
        claim: {
          ...claimOf(offer, appointment.startsAt),
          expiresAt: appointment.expiresAt,
          appointmentId: appointment.id,
          date: appointment.localStartsAt.slice(0, 10),
        },
      })
    context.events.hurry()
    return { answer, failure: null }
  } catch (error) {
    // It may have been made all the same.
    if (isOutcomeUnknown(error)) forgetOfferAndHolds(context, offer)
    const failure = bookingFailureOf(error)
    if (failure === null) throw error
    return { answer: null, failure }
  }
}

function appointmentOf(offer: Offer, wished: Taking): NewAppointment {
  const { appointmentId, startsAt, now, command } = wished
  const isOffer = command === 'offer'
  const status = statusOf(offer, command)
  return {
    ...placementOf(offer, { ...wished, patientId: isOffer ? null : wished.patientId }),
    id: appointmentId,
    status,
    patientId: wished.patientId,
    reason: wished.reason,
    expiresAt: wished.expiresAt ?? expiryOf(offer, { status, startsAt, now }),
    isOffer,
  }
}

function statusOf(offer: Offer, command: BookingCommand): AppointmentStatus {
  if (command === 'hold' || command === 'offer') return 'held'
  if (command === 'walk-in') return 'arrived'
  return bookedStatusOf(offer)
}

/** What an appointment of this offer is once it is booked by this viewer. */
export function bookedStatusOf({
  doctor,
  visitType,
  viewer,
}: Offer): Extract<AppointmentStatus, 'requested' | 'confirmed'> {
  const mode = visitType.bookingMode ?? doctor.bookingMode
  return viewer === 'patient' && mode === 'on_request' ? 'requested' : 'confirmed'
}

/** When an appointment that is so since `now` runs out, never after its start; null for never. */
export function expiryOf(
  { clinic }: Offer,
  { status, startsAt, now }: { status: AppointmentStatus; startsAt: Instant; now: Instant },
): Instant | null {
  if (status === 'held') return Math.min(now + holdMilliseconds, startsAt)
  if (status === 'requested') return Math.min(now + clinic.requestLapsesMinutes * 60_000, startsAt)
  return null
}
