// Booking a time: what is wished is checked against the rules in memory, and taken in one call that
// only the database's constraints decide.

import { presentSlot } from '#src/availability/schemas.ts'
import {
  checkOffer,
  claimOf,
  freeRoomOf,
  offersOf,
  slotAt,
  type Offer,
  type Viewer,
} from '#src/availability/open-times.ts'
import { alternativesTo } from '#src/availability/search.ts'
import { parseSlotId } from '#src/availability/slot-id.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateTimeOf, parseInstant, type Instant } from '#src/kernel/time.ts'
import { isStaffOf, mayBook } from './policy.ts'
import {
  bookInOneCall,
  isPatientOf,
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

export interface BookingWish {
  slotId?: string
  doctorId?: string
  startsAt?: string
  clinicId?: string
  visitTypeId?: string
  patientId?: string
  reason?: string
}

interface Wish {
  doctorId: string
  startsAt: Instant
  clinicId: string | undefined
  visitTypeId: string | undefined
  /** The field that named the time. */
  pointer: '/slotId' | '/startsAt'
}

const requestLapsesAfter = 48 * 3_600_000
const triesMax = 8

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
    const viewer = await viewerFor(context, wish, patientId)
    const found = await offerFor(context, wish, { now, viewer })
    const refusal = await refusalOf(context, wish, found, { patientId, viewer })
    if (refusal !== null) {
      const earlier = await earlierAnswer(context, request, now)
      if (earlier !== null) return earlier
      throw refusal
    }
    const { offer } = found as { offer: Offer }
    const attempt = await take(context, offer, {
      appointmentId,
      patientId,
      request,
      now,
      startsAt: wish.startsAt,
      reason: body.reason ?? null,
      viewer,
    })
    if (attempt.answer !== null) return attempt.answer
    forget(context, offer, attempt.failure)
    if (attempt.failure === 'taken') throw await slotTaken(context, offer, wish.startsAt, viewer)
    if (attempt.failure === 'patient-busy') throw new PatientBusy()
    if (attempt.failure === 'key-reused') throw new IdempotencyKeyReused()
    // 'stale': the rules have changed; 'room-taken': another room may be free. Look again.
  }
  throw new Refusal('busy', "The doctor's schedule is being changed. Try again in a moment.")
}

function readWish(body: BookingWish): Wish {
  if (body.slotId !== undefined) {
    const slot = parseSlotId(body.slotId)
    if (slot === null)
      throw invalidField('/slotId', '/slotId must be the id of a slot from the list of open times.')
    for (const field of ['doctorId', 'clinicId', 'visitTypeId'] as const)
      if (body[field] !== undefined && body[field].toLowerCase() !== slot[field])
        throw invalidField(`/${field}`, `/${field} differs from that of the slot; leave it out.`)
    if (body.startsAt !== undefined && parseInstant(body.startsAt) !== slot.startsAt)
      throw invalidField('/startsAt', '/startsAt differs from that of the slot; leave it out.')
    return { ...slot, pointer: '/slotId' }
  }
  const { doctorId, startsAt } = body
  if (doctorId === undefined || startsAt === undefined) {
    const missing = doctorId === undefined ? '/doctorId' : '/startsAt'
    throw invalidField(
      startsAt === undefined && doctorId === undefined ? '/slotId' : missing,
      'Name the time by /slotId, or by /doctorId and /startsAt.',
    )
  }
  const instant = parseInstant(startsAt)
  if (instant === null)
    throw invalidField(
      '/startsAt',
      '/startsAt must be an instant such as 2026-11-24T10:40:00+01:00.',
    )
  return {
    doctorId: doctorId.toLowerCase(),
    startsAt: instant,
    clinicId: body.clinicId?.toLowerCase(),
    visitTypeId: body.visitTypeId?.toLowerCase(),
    pointer: '/startsAt',
  }
}

/** For whom the visit is: the account's own record unless the request says otherwise. */
function patientOf({ actor }: SignedInContext, body: BookingWish): string {
  const patientId = body.patientId?.toLowerCase()
  if (patientId !== undefined) {
    if (actor.role === 'patient' && !actor.patientIds.includes(patientId))
      throw new NotFound('patient')
    return patientId
  }
  const own = actor.role === 'patient' ? actor.patientIds[0] : undefined
  if (own === undefined)
    throw invalidField('/patientId', '/patientId must name the patient whom the visit is for.')
  return own
}

/** Staff of the doctor or of the clinic book as staff, everyone else as the patient. */
async function viewerFor(
  { actor, board }: SignedInContext,
  wish: Wish,
  patientId: string,
): Promise<Viewer> {
  if (actor.patientIds.includes(patientId) && actor.role === 'patient') return 'patient'
  const doctor = (await board.doctors.get([wish.doctorId])).get(wish.doctorId)
  const clinicIds = wish.clinicId === undefined ? (doctor?.clinicIds ?? []) : [wish.clinicId]
  const isStaff = clinicIds.some((clinicId) =>
    isStaffOf(actor, { doctorId: wish.doctorId, clinicId }),
  )
  return isStaff || actor.role === 'admin' ? 'staff' : 'patient'
}

type FoundOffer =
  | { verdict: 'open' | 'taken'; offer: Offer }
  | { verdict: 'not-offered'; reason: string }

/** The offer that has this start: of the doctor's clinics, one where it is open before others. */
async function offerFor(
  context: SignedInContext,
  wish: Wish,
  { now, viewer }: { now: Instant; viewer: Viewer },
): Promise<FoundOffer> {
  if (wish.startsAt <= now) return { verdict: 'not-offered', reason: 'This time lies in the past.' }
  const { doctorId, clinicId, visitTypeId } = wish
  const offers =
    (await offersOf(context.board, { doctorIds: [doctorId], clinicId, visitTypeId, viewer })).get(
      doctorId,
    ) ?? []
  let taken: Offer | undefined
  for (const offer of offers) {
    const verdict = checkOffer(offer, { startsAt: wish.startsAt, now, viewer })
    if (verdict === 'open') return { verdict, offer }
    if (verdict === 'taken') taken ??= offer
  }
  if (taken) return { verdict: 'taken', offer: taken }
  return {
    verdict: 'not-offered',
    reason: 'The doctor does not offer this time. Choose one from the list of open times.',
  }
}

/** Why the wish cannot be granted, as far as memory tells; null when it is worth trying. */
async function refusalOf(
  context: SignedInContext,
  wish: Wish,
  found: FoundOffer,
  { patientId, viewer }: { patientId: string; viewer: Viewer },
): Promise<Refusal | null> {
  if (found.verdict === 'not-offered') return new NotOffered(wish.pointer, found.reason)
  const refusal = await refusalForPatient(context, found.offer, { patientId, viewer })
  if (refusal !== null || found.verdict === 'open') return refusal
  return slotTaken(context, found.offer, wish.startsAt, viewer)
}

/** Why this patient may not have this kind of visit with this doctor, or null. */
async function refusalForPatient(
  context: SignedInContext,
  { doctor, clinicId, visitType }: Offer,
  { patientId, viewer }: { patientId: string; viewer: Viewer },
): Promise<Refusal | null> {
  const visit = { doctorId: doctor.id, clinicId, patientId }
  if (!mayBook(context.actor, visit))
    return new NotAllowed('You may book for your own patients, or with doctors of your own clinic.')
  if (viewer === 'staff')
    return (await patientExists(context.db, patientId)) ? null : new NotFound('patient')
  const isForKnown = visitType.whoMayBook === 'existing_patients'
  if (!isForKnown && doctor.acceptingNewPatients) return null
  if (await isPatientOf(context.db, visit)) return null
  return isForKnown
    ? new NotOffered(
        '/visitTypeId',
        'Only patients whom the doctor already knows may book this visit.',
      )
    : new NotOffered('/doctorId', 'The doctor takes no new patients at the moment.')
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

async function take(
  context: SignedInContext,
  offer: Offer,
  wished: {
    appointmentId: string
    patientId: string
    request: IdempotentRequest | null
    startsAt: Instant
    reason: string | null
    now: Instant
    viewer: Viewer
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
  }
  const { now, request } = wished
  try {
    const given = await withRetry(() =>
      bookInOneCall(context.db, {
        now,
        origin: context.events.origin,
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
        roomId: appointment.roomId,
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
    viewer: Viewer
  },
): NewAppointment {
  const { doctor, clinic, visitType } = offer
  const { now, viewer } = wished
  const slot = slotAt(offer, wished.startsAt)
  const roomId = freeRoomOf(offer, slot.startsAt, now)
  const mode = visitType.bookingMode ?? doctor.bookingMode
  const isRequest = viewer === 'patient' && mode === 'on_request'
  const whole = claimOf(offer, slot.startsAt)
  const claims = [
    { calendarId: doctor.id, ...whole },
    { calendarId: wished.patientId, startsAt: slot.startsAt, endsAt: slot.endsAt },
    ...(roomId === null ? [] : [{ calendarId: roomId, ...whole }]),
  ]
  return {
    id: wished.appointmentId,
    status: isRequest ? 'requested' : 'confirmed',
    doctorId: doctor.id,
    clinicId: offer.clinicId,
    patientId: wished.patientId,
    visitTypeId: offer.visitTypeId,
    roomId,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    timeZone: slot.timeZone,
    localStartsAt: localDateTimeOf(slot.startsAt, slot.timeZone),
    reason: wished.reason,
    expiresAt: isRequest ? Math.min(now + requestLapsesAfter, slot.startsAt) : null,
    claims: claims.sort((one, other) => (one.calendarId < other.calendarId ? -1 : 1)),
    versions: {
      doctor: doctor.scheduleVersion,
      clinic: clinic.scheduleVersion,
      visitType: visitType.scheduleVersion,
    },
  }
}

/** Drops from memory what the database has just shown to be out of date. */
function forget({ board }: SignedInContext, offer: Offer, failure: BookingFailure | null): void {
  board.doctors.forget(offer.doctor.id)
  if (failure === 'stale' || failure === 'room-taken') board.clinics.forget(offer.clinicId)
  if (failure === 'stale') board.visitTypes.forget(offer.visitTypeId)
}

async function slotTaken(
  context: SignedInContext,
  offer: Offer,
  startsAt: Instant,
  viewer: Viewer,
): Promise<SlotTaken> {
  const { alternatives, otherDoctors } = await alternativesTo(context, { offer, startsAt, viewer })
  return new SlotTaken({
    alternatives: alternatives.map(presentSlot),
    otherDoctors: otherDoctors.map(({ id, title, name, slot }) => ({
      doctor: { id, ...(title === null ? {} : { title }), name },
      slot: presentSlot(slot),
    })),
  })
}
