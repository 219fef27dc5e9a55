// Booking a time: what is wished is checked against the rules in memory, and taken in one call that
// only the database's constraints decide.

import { presentSlot } from '#src/availability/schemas.ts'
import {
  checkOffer,
  claimOf,
  offersOf,
  roomIdsOf,
  slotAt,
  type Offer,
} from '#src/availability/open-times.ts'
import { isPatientOf } from '#src/availability/queries.ts'
import { alternativesTo, isForKnownPatients, viewerAt } from '#src/availability/search.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotAllowed, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateTimeOf, type Instant } from '#src/kernel/time.ts'
import { mayBook } from './policy.ts'
import {
  bookInOneCall,
  isClaimed,
  patientExists,
  rememberRequest,
  type IdempotentRequest,
  type NewAppointment,
  type StoredAnswer,
} from './queries.ts'
import {
  bookingFailureOf,
  IdempotencyKeyReused,
  NotOffered,
  PatientBusy,
  SlotTaken,
  type BookingFailure,
} from './refusals.ts'
import { patientOf, readWish, unknownPatient, type BookingWish, type Wish } from './wish.ts'

const requestLapsesAfter = 48 * 3_600_000
const triesMax = 8

/** What was read so short a time ago is not doubted when it says that a time is taken. */
const trustedMilliseconds = 1000

/**
 * Books for a patient. A request with a key that was answered before gets that answer again.
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
  const appointmentId = newId()
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const now = context.clock()
    const found = await offerFor(context, wish, { patientId, now })
    if (found.refusal !== null) {
      const earlier = await earlierAnswer(context, request, now)
      if (earlier !== null) return earlier
      throw found.refusal
    }
    const { offer } = found
    const attempt = await take(context, offer, {
      appointmentId,
      patientId,
      request,
      now,
      startsAt: wish.startsAt,
      reason: body.reason ?? null,
    })
    if (attempt.answer !== null) return attempt.answer
    if (attempt.failure === 'patient-busy') throw new PatientBusy()
    if (attempt.failure === 'key-reused') throw new IdempotencyKeyReused()
    forget(context, offer)
    if (attempt.failure === 'taken') throw await slotTaken(context, offer, wish.startsAt)
    // The rules have changed since they were read: look again.
  }
  throw new Refusal('busy', "The doctor's schedule is being changed. Try again in a moment.")
}

type FoundOffer = { offer: Offer; refusal: null } | { refusal: Refusal }

/** The offer that has this start open, or why it cannot be booked for this patient. */
async function offerFor(
  context: SignedInContext,
  wish: Wish,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<FoundOffer> {
  const { pointer } = wish
  if (wish.startsAt <= now)
    return { refusal: new NotOffered(pointer, 'This time lies in the past.') }
  let seen = await look(context, wish, { patientId, now })
  // Memory may be behind another process: what was freed there must not be refused here.
  const isOld = seen.taken !== undefined && now - seen.taken.doctor.loadedAt > trustedMilliseconds
  if (seen.taken && isOld && !(await isClaimedNow(context, seen.taken, wish.startsAt))) {
    forget(context, seen.taken)
    seen = await look(context, wish, { patientId, now })
  }
  if (seen.isForbidden)
    return {
      refusal: new NotAllowed('You may book for your own patients, or at your own clinic.'),
    }
  const offer = seen.open ?? seen.taken
  if (!offer) return { refusal: await whyNotOffered(context, wish) }
  const refusal = await refusalForPatient(context, offer, { patientId, pointer, now })
  if (refusal !== null) return { refusal }
  return seen.open
    ? { offer, refusal: null }
    : { refusal: await slotTaken(context, offer, wish.startsAt) }
}

/** Which part of the wish there is no offer for. */
async function whyNotOffered({ board }: SignedInContext, wish: Wish): Promise<NotOffered> {
  const { doctorId, clinicId, visitTypeId, pointer } = wish
  const doctor = (await board.doctors.get([doctorId])).get(doctorId)
  const by = (field: string) => (pointer === '/slotId' ? pointer : field)
  if (!doctor) return new NotOffered(by('/doctorId'), 'There is no such doctor.')
  if (clinicId !== undefined && !doctor.clinicIds.includes(clinicId))
    return new NotOffered(by('/clinicId'), 'The doctor does not work at this clinic.')
  if (visitTypeId !== undefined && !doctor.visitTypeIds.includes(visitTypeId))
    return new NotOffered(by('/visitTypeId'), 'The doctor does not offer this type of visit.')
  return new NotOffered(
    pointer,
    'The doctor does not offer this time. Choose one from the list of open times.',
  )
}

/** What memory says of the wish: the offer that has the time open, else one where it is taken. */
async function look(
  { actor, board }: SignedInContext,
  { doctorId, clinicId, visitTypeId, startsAt }: Wish,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<{ open: Offer | undefined; taken: Offer | undefined; isForbidden: boolean }> {
  const asked = { doctorIds: [doctorId], clinicId, visitTypeId, viewerAt: viewerAt(actor) }
  const all = (await offersOf(board, asked)).get(doctorId) ?? []
  const offers = all.filter((offer) =>
    mayBook(actor, { doctorId, clinicId: offer.clinicId, patientId }),
  )
  const verdicts = offers.map((offer) => checkOffer(offer, { startsAt, now }))
  const open = offers[verdicts.indexOf('open')]
  return {
    open,
    taken: open ? undefined : offers[verdicts.indexOf('taken')],
    isForbidden: all.length > 0 && offers.length === 0,
  }
}

function isClaimedNow(context: SignedInContext, offer: Offer, startsAt: Instant): Promise<boolean> {
  return withRetry(() =>
    isClaimed(context.db, {
      calendarId: offer.doctor.id,
      during: claimOf(offer, startsAt),
      now: context.clock(),
    }),
  )
}

/** Why this patient may not have this kind of visit with this doctor, or null. */
async function refusalForPatient(
  context: SignedInContext,
  offer: Offer,
  { patientId, pointer, now }: { patientId: string; pointer: Wish['pointer']; now: Instant },
): Promise<Refusal | null> {
  const { doctor, visitType } = offer
  if (offer.viewer === 'staff')
    return (await patientExists(context.db, patientId)) ? null : unknownPatient()
  if (!isForKnownPatients(offer)) return null
  if (await isPatientOf(context.db, { doctorId: doctor.id, patientIds: [patientId], now }))
    return null
  return new NotOffered(
    pointer,
    visitType.whoMayBook === 'existing_patients'
      ? 'Only patients whom the doctor has seen before may book this type of visit.'
      : 'The doctor takes no new patients at the moment.',
  )
}

/** The answer that this very request got before, when the time would now be refused. */
async function earlierAnswer(
  context: SignedInContext,
  request: IdempotentRequest | null,
  now: Instant,
): Promise<StoredAnswer | null> {
  if (request === null) return null
  const unknown = new Error('This request was never answered.')
  try {
    return await withRetry(() =>
      context.db.transaction().execute(async (db) => {
        const answer = await rememberRequest(db, request, now)
        if (answer === null) throw unknown
        return answer
      }),
    )
  } catch (error) {
    if (error === unknown) return null
    if (bookingFailureOf(error) === 'key-reused') throw new IdempotencyKeyReused()
    throw error
  }
}

/** Takes the time in one call of the database; safe to repeat with the same appointment id. */
export async function take(
  context: SignedInContext,
  offer: Offer,
  wished: {
    appointmentId: string
    patientId: string
    request: IdempotentRequest | null
    startsAt: Instant
    reason: string | null
    now: Instant
  },
): Promise<{ answer: StoredAnswer; failure: null } | { answer: null; failure: BookingFailure }> {
  const appointment = appointmentOf(offer, wished)
  const answer: StoredAnswer = {
    id: appointment.id,
    status: appointment.status,
    version: 1,
    sequence: 0,
    starts_at: appointment.startsAt,
    ends_at: appointment.endsAt,
    expires_at: appointment.expiresAt,
  }
  const { now, request } = wished
  try {
    const given = await withRetry(() =>
      bookInOneCall(context.db, {
        now,
        origin: context.events.origin,
        requestId: context.requestId,
        accountId: context.actor.accountId,
        request,
        answer,
        appointment,
      }),
    )
    if (given.id === appointment.id)
      context.board.take({
        doctorId: appointment.doctorId,
        clinicId: appointment.clinicId,
        takesRoom: appointment.rooms !== null,
        claim: {
          ...claimOf(offer, appointment.startsAt),
          expiresAt: appointment.expiresAt,
          appointmentId: appointment.id,
          date: appointment.localStartsAt.slice(0, 10),
        },
      })
    return { answer: given, failure: null }
  } catch (error) {
    const failure = bookingFailureOf(error)
    if (failure === null) throw error
    return { answer: null, failure }
  }
}

function appointmentOf(
  offer: Offer,
  wished: {
    appointmentId: string
    patientId: string
    startsAt: Instant
    reason: string | null
    now: Instant
  },
): NewAppointment {
  const { doctor, clinic, visitType, viewer } = offer
  const { now } = wished
  const slot = slotAt(offer, wished.startsAt)
  const mode = visitType.bookingMode ?? doctor.bookingMode
  const isRequest = viewer === 'patient' && mode === 'on_request'
  const whole = claimOf(offer, slot.startsAt)
  const claims = [
    { calendarId: doctor.id, ...whole },
    { calendarId: wished.patientId, startsAt: slot.startsAt, endsAt: slot.endsAt },
  ]
  const roomIds = roomIdsOf(offer)
  return {
    id: wished.appointmentId,
    status: isRequest ? 'requested' : 'confirmed',
    doctorId: doctor.id,
    clinicId: offer.clinicId,
    patientId: wished.patientId,
    visitTypeId: offer.visitTypeId,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    timeZone: slot.timeZone,
    localStartsAt: localDateTimeOf(slot.startsAt, slot.timeZone),
    reason: wished.reason,
    expiresAt: isRequest ? Math.min(now + requestLapsesAfter, slot.startsAt) : null,
    claims: claims.sort((one, other) => (one.calendarId < other.calendarId ? -1 : 1)),
    rooms: roomIds && { ids: inTurn(roomIds, wished.appointmentId), ...whole },
    versions: {
      doctor: doctor.scheduleVersion,
      clinic: clinic.scheduleVersion,
      visitType: visitType.scheduleVersion,
    },
  }
}

/** The rooms from another one on for each appointment, so that not everyone waits for the first. */
function inTurn(roomIds: string[], appointmentId: string): string[] {
  const first = Number.parseInt(appointmentId.slice(-6), 16) % Math.max(1, roomIds.length)
  return [...roomIds.slice(first), ...roomIds.slice(0, first)]
}

/** Drops from memory what the database has just shown to be out of date. */
function forget({ board }: SignedInContext, offer: Offer): void {
  board.doctors.forget(offer.doctor.id)
  board.clinics.forget(offer.clinicId)
  board.visitTypes.forget(offer.visitTypeId)
}

async function slotTaken(
  context: SignedInContext,
  offer: Offer,
  startsAt: Instant,
): Promise<SlotTaken> {
  const { alternatives, otherDoctors } = await alternativesTo(context, { offer, startsAt })
  return new SlotTaken({
    alternatives: alternatives.map(presentSlot),
    otherDoctors: otherDoctors.map(({ id, title, name, slot }) => ({
      doctor: { id, ...(title === null ? {} : { title }), name },
      slot: presentSlot(slot),
    })),
  })
}
