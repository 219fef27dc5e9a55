// Finding an open time: of one doctor, across doctors, and near one that was just lost.

import type { Actor, Context } from '#src/context.ts'
import { addDays, daysBetween, type LocalDate } from '#src/kernel/calendar.ts'
import { invalidParameter, NotFound } from '#src/kernel/errors.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import { clinicsToExplain, explainDay, type BlockedBy } from './explain.ts'
import { firstOpenStart } from './first-open.ts'
import {
  horizonOf,
  offersOf,
  openStartsOf,
  slotAt,
  todayOf,
  type Offer,
  type Slot,
  type Viewer,
} from './open-times.ts'
import { isStaffOf } from './policy.ts'
import { colleaguesOf, isPatientOf, matchingDoctors, type DoctorFilter } from './queries.ts'

/** The longest stretch of dates that one question may be about. */
const daysMax = 62
const daysDefault = 14

/** How an actor looks at times: as staff where they are staff, as a patient elsewhere. */
export function viewerAt(actor: Actor): (place: { doctorId: string; clinicId: string }) => Viewer {
  return (place) => (actor !== null && isStaffOf(actor, place) ? 'staff' : 'patient')
}

const asPatient = viewerAt(null)

interface Dates {
  from?: string | undefined
  to?: string | undefined
}

/**
 * The dates asked for, or two weeks from today on.
 *
 * @throws InvalidRequest when they are in the wrong order or too far apart.
 */
function datesOf({ from, to }: Dates, today: LocalDate): { from: LocalDate; to: LocalDate } {
  if (from !== undefined) refuseFarDate('from', from)
  if (to !== undefined) refuseFarDate('to', to)
  const first = from ?? (to !== undefined && to < today ? to : today)
  const last = to ?? addDays(first, daysDefault - 1)
  if (last < first)
    throw invalidParameter('to', `to must not lie before from; here ${last} lies before ${first}.`)
  if (daysBetween(first, last) >= daysMax)
    throw invalidParameter('to', `to must be at most ${daysMax - 1} days after from.`)
  return { from: first, to: last }
}

/** Dates that no clinic keeps, and that there is no counting on from. */
function refuseFarDate(name: string, date: LocalDate): void {
  if (date < '1900-01-01' || date > '2999-12-31')
    throw invalidParameter(name, `${name} must lie between 1900-01-01 and 2999-12-31.`)
}

export interface Availability {
  /** `blockedBy` is there when it was asked for and the day has no slots. */
  days: { date: LocalDate; slots: Slot[]; blockedBy?: BlockedBy[] }[]
  nextOpenDate: LocalDate | null
}

/**
 * The open times of one doctor on each of the clinic-local dates asked for, and the next date after
 * them that has any. With `explain`, what patients are shown, and for each day without a time the
 * reason at each clinic whose staff the actor is.
 *
 * @throws NotFound for an unknown doctor, InvalidRequest for a visit type or clinic that is not
 * theirs; with `explain` NotSignedIn, and NotAllowed for all but the staff of the doctor.
 */
export async function availabilityOf(
  context: Context,
  doctorId: string,
  asked: Dates & {
    visitTypeId?: string | undefined
    clinicId?: string | undefined
    explain?: boolean | undefined
  },
): Promise<Availability> {
  const doctor = (await context.board.doctors.get([doctorId])).get(doctorId)
  if (!doctor) throw new NotFound('doctor')
  if (asked.clinicId !== undefined && !doctor.clinicIds.includes(asked.clinicId))
    throw invalidParameter('clinicId', 'clinicId must be one of the clinics of this doctor.')
  if (asked.visitTypeId !== undefined && !doctor.visitTypeIds.includes(asked.visitTypeId))
    throw invalidParameter('visitTypeId', 'visitTypeId must be a visit type of this doctor.')

  const now = context.clock()
  const { clinicId, visitTypeId } = asked
  const explainedIds =
    asked.explain === true ? clinicsToExplain(context.actor, doctor, clinicId) : []
  const found = await offersOf(context.board, {
    doctorIds: [doctorId],
    clinicId,
    visitTypeId,
    viewerAt: asked.explain === true ? asPatient : viewerAt(context.actor),
  })
  const offers = await forActor(context, found.get(doctorId) ?? [], now)
  const today = offers[0] ? todayOf(offers[0], now) : localDateOf(now, 'UTC')
  const { from, to } = datesOf(asked, today)

  const byDate = new Map<LocalDate, Slot[]>()
  for (let date = from; date <= to; date = addDays(date, 1)) byDate.set(date, [])
  for (const offer of offers)
    for (const start of openStartsOf(offer, { from, to, now })) {
      const slot = slotAt(offer, start)
      byDate.get(localDateOf(start, slot.timeZone))?.push(slot)
    }
  const reasonsFor = (date: LocalDate) =>
    explainedIds.flatMap((id) => {
      const offer = offers.find((one) => one.clinicId === id) ?? null
      return explainDay(offer, { date, now, clinicId: id, visitTypeId }) ?? []
    })
  const days = [...byDate].map(([date, slots]) => ({
    date,
    slots: slots.sort(bySoonest),
    ...(asked.explain === true && slots.length === 0 && { blockedBy: reasonsFor(date) }),
  }))
  return { days, nextOpenDate: nextOpenDate(offers, addDays(to, 1), now) }
}

/** Whether only patients whom the doctor has seen before may book this. */
export function isForKnownPatients({ doctor, visitType, viewer }: Offer): boolean {
  return (
    viewer === 'patient' &&
    (visitType.whoMayBook === 'existing_patients' || !doctor.acceptingNewPatients)
  )
}

/** Without what is for known patients, if none of the actor's patients is one; strangers may sign in. */
async function forActor(
  { actor, db }: Context,
  offers: readonly Offer[],
  now: Instant,
): Promise<Offer[]> {
  const doctorId = offers.find(isForKnownPatients)?.doctor.id
  if (actor?.role !== 'patient' || doctorId === undefined) return [...offers]
  const isKnown = await isPatientOf(db, { patientIds: actor.patientIds, doctorId, now })
  return isKnown ? [...offers] : offers.filter((offer) => !isForKnownPatients(offer))
}

function nextOpenDate(offers: readonly Offer[], from: LocalDate, now: Instant): LocalDate | null {
  const dates = offers
    .map((offer) => {
      const to = horizonOf(offer, now)
      const start = firstOpenStart(offer, { from, to, now })
      return start === null ? null : localDateOf(start, offer.clinic.calendar.timeZone)
    })
    .filter((date) => date !== null)
    .sort()
  return dates[0] ?? null
}

function bySoonest(one: SlotPosition, other: SlotPosition): number {
  return (
    one.startsAt - other.startsAt ||
    compare(one.doctorId, other.doctorId) ||
    compare(one.clinicId, other.clinicId)
  )
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** A place in a list of slots that is in order of start, doctor and clinic. */
export type SlotPosition = Pick<Slot, 'startsAt' | 'doctorId' | 'clinicId'>

/** The soonest open slots across all doctors who match, after `after`, at most `limit` and one more. */
export async function searchSlots(
  context: Context,
  asked: DoctorFilter & Dates & { after: SlotPosition | null; limit: number },
): Promise<Slot[]> {
  const now = context.clock()
  // The earliest today of any zone: a clinic that is a day ahead has nothing open on it.
  const { from, to } = datesOf(asked, localDateOf(now, 'Pacific/Pago_Pago'))
  const doctors = await matchingDoctors(context.db, { acceptingNewPatients: true, ...asked })
  const offers = await publicOffers(context, doctors, asked)
  const { after, limit } = asked
  const wanted = { from, to, now, since: after?.startsAt ?? 0 }

  const firsts = offers
    .map((offer) => ({ offer, slot: firstSlotAfter(offer, wanted, after) }))
    .filter((first): first is { offer: Offer; slot: Slot } => first.slot !== null)
    .sort((one, other) => bySoonest(one.slot, other.slot))
  const count = limit + 1
  const found: Slot[] = []
  for (const { offer, slot } of firsts) {
    const last = found[count - 1]
    if (last && bySoonest(slot, last) > 0) break
    const since = slot.startsAt
    const date = localDateOf(since, slot.timeZone)
    for (const start of openStartsUntilEnough(offer, { from: date, to, now, since }, count))
      found.push(slotAt(offer, start))
    if (found.length >= count) found.sort(bySoonest).splice(count)
  }
  return found.sort(bySoonest)
}

/** The offer's first open slot that comes after the position. */
function firstSlotAfter(
  offer: Offer,
  wanted: { from: LocalDate; to: LocalDate; now: Instant; since: Instant },
  after: SlotPosition | null,
): Slot | null {
  const start = firstOpenStart(offer, wanted)
  if (start === null) return null
  const slot = slotAt(offer, start)
  if (after === null || bySoonest(slot, after) > 0) return slot
  const next = firstOpenStart(offer, { ...wanted, since: start + 1 })
  return next === null ? null : slotAt(offer, next)
}

/** At least the first `count` open starts of the dates, or all there are, a week at a time. */
function openStartsUntilEnough(
  offer: Offer,
  asked: { from: LocalDate; to: LocalDate; now: Instant; since: Instant },
  count: number,
): Instant[] {
  const starts: Instant[] = []
  for (let from = asked.from; from <= asked.to && starts.length <= count; from = addDays(from, 7)) {
    const to = addDays(from, 6)
    const open = openStartsOf(offer, { ...asked, from, to: to < asked.to ? to : asked.to })
    starts.push(...open.filter((start) => start >= asked.since))
  }
  return starts
}

async function publicOffers(
  context: Context,
  doctors: readonly { id: string }[],
  asked: DoctorFilter,
): Promise<Offer[]> {
  const offers = await offersOf(context.board, {
    doctorIds: doctors.map(({ id }) => id),
    clinicId: asked.clinicId,
    visitTypeId: asked.visitTypeId,
    viewerAt: asPatient,
  })
  return [...offers.values()].flat()
}

export interface FoundDoctor {
  id: string
  name: string
  /** The first open start, or null for none in the dates looked at. */
  firstStart: Instant | null
  firstSlots: Slot[]
}

/** A place in the list of doctors: by first open start (none comes last), then name, then id. */
export interface DoctorPosition {
  firstStart: Instant | null
  name: string
  id: string
}

const firstSlotsMax = 4

/**
 * The doctors who match, those who are free soonest first, each with the open times of the first day
 * that has any; with `date`, only those who have an open time on it. At most `limit` and one more.
 */
export async function searchDoctors(
  context: Context,
  asked: DoctorFilter & {
    date?: string | undefined
    from?: string | undefined
    after: DoctorPosition | null
    limit: number
  },
): Promise<FoundDoctor[]> {
  if (asked.date !== undefined) refuseFarDate('date', asked.date)
  if (asked.from !== undefined) refuseFarDate('from', asked.from)
  const now = context.clock()
  const from = asked.date ?? asked.from ?? localDateOf(now, 'Pacific/Pago_Pago')
  const to = asked.date ?? addDays(from, daysMax - 1)
  const doctors = await matchingDoctors(context.db, asked)
  const offers = await publicOffers(context, doctors, asked)
  const wanted = { from, to, now }

  const firstByDoctor = new Map<string, { offer: Offer; start: Instant }>()
  for (const offer of offers) {
    const start = firstOpenStart(offer, wanted)
    const known = firstByDoctor.get(offer.doctor.id)
    if (start !== null && (!known || start < known.start))
      firstByDoctor.set(offer.doctor.id, { offer, start })
  }
  return doctors
    .map(({ id, name }) => ({ id, name, firstStart: firstByDoctor.get(id)?.start ?? null }))
    .filter((doctor) => asked.date === undefined || doctor.firstStart !== null)
    .sort(bySoonestDoctor)
    .filter((doctor) => asked.after === null || bySoonestDoctor(doctor, asked.after) > 0)
    .slice(0, asked.limit + 1)
    .map((doctor) => ({ ...doctor, firstSlots: firstSlots(offers, doctor, { now, from, to }) }))
}

function bySoonestDoctor(one: DoctorPosition, other: DoctorPosition): number {
  const never = Number.MAX_SAFE_INTEGER
  return (
    (one.firstStart ?? never) - (other.firstStart ?? never) ||
    compare(one.name, other.name) ||
    compare(one.id, other.id)
  )
}

function firstSlots(
  offers: readonly Offer[],
  doctor: DoctorPosition,
  { now, from, to }: { now: Instant; from: LocalDate; to: LocalDate },
): Slot[] {
  const { firstStart } = doctor
  if (firstStart === null) return []
  const slots: Slot[] = []
  for (const offer of offers) {
    if (offer.doctor.id !== doctor.id) continue
    const date = localDateOf(firstStart, offer.clinic.calendar.timeZone)
    if (date < from || date > to) continue
    for (const start of openStartsOf(offer, { from: date, to: date, now }))
      slots.push(slotAt(offer, start))
  }
  return slots.sort(bySoonest).slice(0, firstSlotsMax)
}

export interface Alternatives {
  /** The nearest times of the same doctor, soonest first. */
  alternatives: Slot[]
  /** The nearest time of other doctors of the specialty. */
  otherDoctors: { id: string; title: string | null; name: string; slot: Slot }[]
}

const alternativesMax = 3
const otherDoctorsMax = 2
const colleaguesMax = 25

/** What to offer someone whose wished time was lost. */
export async function alternativesTo(
  context: Context,
  wanted: { offer: Offer; startsAt: Instant },
): Promise<Alternatives> {
  const { offer, startsAt } = wanted
  const now = context.clock()
  const colleagues = await colleaguesOf(context.db, {
    doctorId: offer.doctor.id,
    clinicId: offer.clinicId,
    limit: colleaguesMax,
  })
  const doctorIds = colleagues.map(({ id }) => id)
  const { visitTypeId, clinicId } = offer
  // Read again: the offer at hand may be from before the time was lost.
  const own = await offersOf(context.board, {
    doctorIds: [offer.doctor.id],
    clinicId,
    visitTypeId,
    viewerAt: () => offer.viewer,
  })
  const viewer = { viewerAt: asPatient }
  const same = await offersOf(context.board, { doctorIds, visitTypeId, ...viewer })
  const any = await offersOf(context.board, { doctorIds, ...viewer })
  const otherDoctors = colleagues.flatMap((colleague) => {
    const offers = forAnyone(same.get(colleague.id)) ?? forAnyone(any.get(colleague.id)) ?? []
    const slot = nearest(offers, startsAt, now)[0]
    return slot ? [{ ...colleague, slot }] : []
  })
  return {
    alternatives: nearest(own.get(offer.doctor.id) ?? [], startsAt, now)
      .slice(0, alternativesMax)
      .sort(bySoonest),
    otherDoctors: otherDoctors
      .sort((one, other) => distance(one.slot, startsAt) - distance(other.slot, startsAt))
      .slice(0, otherDoctorsMax),
  }
}

function forAnyone(offers: readonly Offer[] | undefined): Offer[] | null {
  const open = offers?.filter(({ visitType }) => visitType.whoMayBook === 'anyone') ?? []
  return open.length > 0 ? open : null
}

/** The open slots around an instant, nearest first: of the days about it, or else the next ones. */
function nearest(offers: readonly Offer[], startsAt: Instant, now: Instant): Slot[] {
  const slots = offers.flatMap((offer) => {
    const date = localDateOf(startsAt, offer.clinic.calendar.timeZone)
    const around = openStartsOf(offer, { from: addDays(date, -1), to: addDays(date, 1), now })
    if (around.length >= alternativesMax) return around.map((start) => slotAt(offer, start))
    const days = { from: addDays(date, 2), to: addDays(date, 14) }
    const later = openStartsOf(offer, { ...days, now, limit: alternativesMax })
    return [...around, ...later].map((start) => slotAt(offer, start))
  })
  return slots.sort((one, other) => distance(one, startsAt) - distance(other, startsAt))
}

function distance(slot: Slot, startsAt: Instant): number {
  return Math.abs(slot.startsAt - startsAt)
}
