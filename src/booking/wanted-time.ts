// Whether a wished time can be had, by the rules and claims in memory; and if not, why not and what can
// be had instead.

import {
  checkOffer,
  claimOf,
  horizonOf,
  offersOf,
  slotAt,
  todayOf,
  type Offer,
} from '#src/availability/open-times.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import { isPatientOf } from '#src/availability/queries.ts'
import { presentSlot } from '#src/availability/schemas.ts'
import { alternativesTo, isForKnownPatients, viewerAt } from '#src/availability/search.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { invalidField, NotAllowed, type Refusal } from '#src/kernel/errors.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import { isClaimed } from './call-queries.ts'
import { mayBook } from './policy.ts'
import { holdsOf, patientExists } from './queries.ts'
import { NotOffered, SlotTaken } from './refusals.ts'
import { unknownPatient, type Wish } from './wish.ts'

/** What was read so short a time ago is not doubted when it says that a time is taken. */
const trustedMilliseconds = 1000

/** How long ago an overbooking may begin: someone who stands at the desk is there already. */
const overbookedLateMilliseconds = 15 * 60_000

export type FoundOffer = { offer: Offer; refusal: null } | { refusal: Refusal }

export interface Wanted {
  patientId: string
  now: Instant
  /** The appointment that is to be moved there; its own claims are not in its way. */
  movedId?: string
  /** The patient's holds with the doctor, which are used up; their claims are not in the way either. */
  holdIds?: readonly string[]
}

/** The offer that has this start open, or why it cannot be booked for this patient. */
export async function findOffer(
  context: SignedInContext,
  wish: Wish,
  wanted: Wanted,
): Promise<FoundOffer> {
  const { now } = wanted
  const { pointer } = wish
  if (wish.startsAt <= now)
    return { refusal: new NotOffered(pointer, 'This time lies in the past.') }
  let seen = await look(context, wish, wanted)
  // Memory may be behind another process: what was freed there must not be refused here.
  const exceptIds = exceptedBy(wanted)
  if (seen.taken && now - seen.taken.doctor.loadedAt > trustedMilliseconds) {
    const during = claimOf(seen.taken, wish.startsAt)
    if (!(await isClaimedNow(context, { calendarId: wish.doctorId, during, exceptIds }))) {
      forgetOffer(context, seen.taken)
      seen = await look(context, wish, wanted)
    }
  }
  if (seen.taken) {
    const { patientId } = wanted
    const whose = { patientId, doctorId: wish.doctorId }
    const holdIds = await withRetry(() => holdsOf(context.db, whose))
    if (holdIds.length > 0) seen = await look(context, wish, { ...wanted, holdIds })
  }
  if (seen.isForbidden) return { refusal: forbidden() }
  const offer = seen.open ?? seen.taken
  if (!offer) return { refusal: await whyNotOffered(context, wish) }
  const refusal = await refusalForPatient(context, offer, { ...wanted, pointer })
  if (refusal !== null) return { refusal }
  if (seen.open) return { offer, refusal: null }
  // Who books twice is told of their own visit, not of a stranger's.
  const isOwn = await isClaimedNow(context, {
    calendarId: wanted.patientId,
    during: slotAt(offer, wish.startsAt),
    exceptIds,
  })
  return { refusal: await slotTaken(context, offer, wish.startsAt, isOwn ? ownVisit : undefined) }
}

const ownVisit = 'The patient has an appointment at this time already. Choose another one.'

/**
 * The offer into which staff may put a visit at this start although it is not open: over other visits,
 * or outside of hours, notice and limits. Only the kind of visit must be the doctor's.
 */
export async function findOverbookedOffer(
  context: SignedInContext,
  wish: Wish,
  { patientId, now }: Wanted,
): Promise<FoundOffer> {
  const { doctorId, clinicId, visitTypeId, pointer, startsAt } = wish
  const asked = { doctorIds: [doctorId], clinicId, visitTypeId, viewerAt: viewerAt(context.actor) }
  const all = (await offersOf(context.board, asked)).get(doctorId) ?? []
  const offers = all.filter((one) => isStaffOf(context.actor, { doctorId, clinicId: one.clinicId }))
  const [offer] = offers
  if (offers.length > 1)
    return {
      refusal: invalidField('/clinicId', '/clinicId must say at which clinic the doctor is then.'),
    }
  if (!offer)
    return {
      refusal:
        all.length > 0
          ? new NotAllowed("Only the doctor and the clinic's staff may overbook.")
          : await whyNotOffered(context, wish),
    }
  const date = localDateOf(startsAt, offer.clinic.calendar.timeZone)
  if (startsAt < now - overbookedLateMilliseconds || date < todayOf(offer, now))
    return { refusal: new NotOffered(pointer, 'This time lies in the past.') }
  if (date > horizonOf(offer, now))
    return { refusal: new NotOffered(pointer, 'This time lies too far ahead.') }
  if (startsAt % 60_000 !== 0)
    return { refusal: new NotOffered(pointer, 'A visit starts at a whole minute.') }
  return (await patientExists(context.db, patientId))
    ? { offer, refusal: null }
    : { refusal: unknownPatient() }
}

function forbidden(): NotAllowed {
  return new NotAllowed('You may book for your own patients, or at your own clinic.')
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
  wanted: Wanted,
): Promise<{ open: Offer | undefined; taken: Offer | undefined; isForbidden: boolean }> {
  const { patientId, now, movedId } = wanted
  const viewer = viewerAt(actor)
  // A visit of a kind that patients can't book themselves is theirs to move all the same.
  const asked = { doctorIds: [doctorId], clinicId, visitTypeId }
  const viewerOfKinds = movedId === undefined ? viewer : () => 'staff' as const
  const all = (await offersOf(board, { ...asked, viewerAt: viewerOfKinds })).get(doctorId) ?? []
  const offers = all
    .map((offer) => ({ ...offer, viewer: viewer({ doctorId, clinicId: offer.clinicId }) }))
    .filter(({ clinicId: at }) => mayBook(actor, { doctorId, clinicId: at, patientId }))
  const verdicts = offers.map((offer) =>
    checkOffer(offer, { startsAt, now, exceptIds: exceptedBy(wanted) }),
  )
  const open = offers[verdicts.indexOf('open')]
  return {
    open,
    taken: open ? undefined : offers[verdicts.indexOf('taken')],
    isForbidden: all.length > 0 && offers.length === 0,
  }
}

function exceptedBy({ movedId, holdIds = [] }: Wanted): readonly string[] {
  return movedId === undefined ? holdIds : [movedId, ...holdIds]
}

function isClaimedNow(
  context: SignedInContext,
  asked: { calendarId: string; during: Interval; exceptIds: readonly string[] },
): Promise<boolean> {
  return withRetry(() => isClaimed(context.db, { ...asked, now: context.clock() }))
}

/** Why this patient may not have this kind of visit with this doctor, or null. */
async function refusalForPatient(
  context: SignedInContext,
  offer: Offer,
  { patientId, pointer, now, movedId }: Wanted & { pointer: Wish['pointer'] },
): Promise<Refusal | null> {
  // Who has such a visit already may move it.
  if (movedId !== undefined) return null
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

/** Drops from memory what the database has just shown to be out of date. */
export function forgetOffer({ board }: Pick<SignedInContext, 'board'>, offer: Offer): void {
  board.doctors.forget(offer.doctor.id)
  board.clinics.forget(offer.clinicId)
  board.visitTypes.forget(offer.visitTypeId)
}

/**
 * Drops the same, and the doctor's other clinics, where a hold that was replaced may have had a room.
 */
export function forgetOfferAndHolds({ board }: Pick<SignedInContext, 'board'>, offer: Offer): void {
  forgetOffer({ board }, offer)
  for (const clinicId of offer.doctor.clinicIds) board.clinics.forget(clinicId)
}

/** The refusal of a lost time, with what can be had instead. */
export async function slotTaken(
  context: SignedInContext,
  offer: Offer,
  startsAt: Instant,
  detail?: string,
): Promise<SlotTaken> {
  const { alternatives, otherDoctors } = await alternativesTo(context, { offer, startsAt })
  const members = {
    alternatives: alternatives.map(presentSlot),
    otherDoctors: otherDoctors.map(({ id, title, name, slot }) => ({
      doctor: { id, ...(title === null ? {} : { title }), name },
      slot: presentSlot(slot),
    })),
  }
  return new SlotTaken(members, detail)
}
