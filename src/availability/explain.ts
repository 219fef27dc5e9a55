// Why nothing is free on a day: the rule that stands in the way, found by asking the engine again
// with one rule after the other switched off. It decides nothing by itself, so what it says is true
// of the times that are listed. Pure: the clock is an argument.

import type { Actor } from '#src/context.ts'
import { daysBetween, type LocalDate } from '#src/kernel/calendar.ts'
import { NotAllowed, NotSignedIn } from '#src/kernel/errors.ts'
import { overlaps, type Interval } from '#src/kernel/interval.ts'
import { formatMinute, localDateOf, localDateTimeOf, type Instant } from '#src/kernel/time.ts'
import type { Claim, DoctorBoard } from './board.ts'
import { horizonOf, openStartsOf, todayOf, type Offer } from './open-times.ts'
import { isStaffOf } from './policy.ts'
import { cutsOf, windowsOf, type Schedule, type WeeklyHours, type Window } from './windows.ts'

/**
 * From the narrowest to the widest: each reaches further than those before it, so that of several
 * rules in the way the one is named that keeps the day shut though the others were lifted. What is
 * booked comes before what may be booked when, that before what is taken out of the hours, and that
 * before the hours themselves.
 */
const rulesOfADay = [
  'fully-booked',
  'no-room',
  'horizon',
  'notice',
  'daily-limit',
  'time-off',
  'closure',
  'past',
  'no-hours',
  'paused',
] as const
type SwitchedRule = (typeof rulesOfADay)[number]

export type BlockingRule = SwitchedRule | 'no-visit-type'
export const blockingRules: readonly BlockingRule[] = [...rulesOfADay.toReversed(), 'no-visit-type']

/** Why one clinic's offer leaves a day without an open time. */
export interface BlockedBy {
  clinicId: string
  rule: BlockingRule
  /** A sentence for the staff. */
  detail: string
}

export interface Day {
  date: LocalDate
  now: Instant
}

/**
 * The rules in the order in which they are switched off for the date. Nothing opens a day that is
 * over, so there the clock comes last; today it is the clock only if the day's own hours are over.
 */
export function rulesInOrder(date: LocalDate, today: LocalDate): readonly SwitchedRule[] {
  if (date >= today) return rulesOfADay
  return [...rulesOfADay.filter((rule) => rule !== 'past'), 'past']
}

/**
 * The rule whose switching off, after those before it in `rulesInOrder`, opens the day; null for a
 * day with an open time. A day that opens even so for no visit, as one that the zone skipped, has
 * no hours.
 */
export function blockingRule(offer: Offer, day: Day): SwitchedRule | null {
  if (isOpen(offer, day)) return null
  let freer = offer
  for (const rule of rulesInOrder(day.date, todayOf(offer, day.now))) {
    freer = without[rule](freer, day)
    if (isOpen(freer, day)) return rule
  }
  return 'no-hours'
}

function isOpen(offer: Offer, { date, now }: Day): boolean {
  const { timeZone } = offer.clinic.calendar
  return openStartsOf(offer, { from: date, to: date, now }).some(
    (start) => localDateOf(start, timeZone) === date,
  )
}

/** What an offer would be if the rule did not bind on the day. */
const without: Record<SwitchedRule, (offer: Offer, day: Day) => Offer> = {
  'fully-booked': withoutClaims,
  'no-room': (offer) => ({ ...offer, visitType: { ...offer.visitType, roomKind: null } }),
  horizon(offer, { date, now }) {
    const daysAhead = daysBetween(todayOf(offer, now), date)
    return withDoctor(offer, { horizonDays: Math.max(offer.doctor.horizonDays, daysAhead) })
  },
  notice: (offer) => withDoctor(offer, { noticeMinutesMin: 0 }),
  'daily-limit': (offer) => withDoctor(offer, { dailyLimit: null }),
  'time-off': (offer) => withSchedule(offer, { timeOff: [] }),
  closure({ clinic, ...offer }) {
    return { ...offer, clinic: { ...clinic, calendar: { ...clinic.calendar, closures: [] } } }
  },
  past: (offer) => withDoctor(offer, { noticeMinutesMin: Number.NEGATIVE_INFINITY }),
  'no-hours': (offer) => withSchedule(offer, { hours: aroundTheClock(offer.clinicId) }),
  paused: (offer) => withSchedule(offer, { paused: false }),
}

function withDoctor(offer: Offer, change: Partial<DoctorBoard>): Offer {
  return { ...offer, doctor: { ...offer.doctor, ...change } }
}

function withSchedule(offer: Offer, change: Partial<Schedule>): Offer {
  return withDoctor(offer, { schedule: { ...offer.doctor.schedule, ...change } })
}

/**
 * The offer with the doctor's visits out of the way, and out of their rooms too: what others do in
 * the rooms is another rule.
 */
function withoutClaims(offer: Offer): Offer {
  const { doctor, clinic } = offer
  const ids = new Set(doctor.claims.map(({ appointmentId }) => appointmentId))
  // A claim of no length is in nobody's way, and still counts for the daily limit.
  const emptied = (claim: Claim) =>
    ids.has(claim.appointmentId) ? { ...claim, endsAt: claim.startsAt } : claim
  const rooms = clinic.rooms.map((room) => ({ ...room, claims: room.claims.map(emptied) }))
  return {
    ...offer,
    doctor: { ...doctor, claims: doctor.claims.map(emptied) },
    clinic: { ...clinic, rooms },
  }
}

function aroundTheClock(clinicId: string): WeeklyHours[] {
  const always = { clinicId, fromMinute: 0, toMinute: 1440, visitTypeIds: null }
  return [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    ...always,
    weekday,
    validFrom: null,
    validUntil: null,
  }))
}

/**
 * Of the doctor's clinics, or the one asked about, those whose staff the actor is.
 *
 * @throws NotSignedIn; NotAllowed for everyone but the doctor's staff.
 */
export function clinicsToExplain(
  actor: Actor,
  { id: doctorId, clinicIds }: Pick<DoctorBoard, 'id' | 'clinicIds'>,
  clinicId: string | undefined,
): string[] {
  if (actor === null) throw new NotSignedIn()
  const asked = clinicId === undefined ? clinicIds : [clinicId]
  const own = asked.filter((id) => isStaffOf(actor, { doctorId, clinicId: id }))
  // A doctor who works nowhere is still told so.
  if (own.length === 0 && actor.role !== 'admin' && actor.doctorId !== doctorId)
    throw new NotAllowed('Only the doctor, the front desk of the clinic and an admin are told why.')
  return own
}

/** Why the clinic has nothing open on the day; null when it has. `offer` is null where there is none. */
export function explainDay(
  offer: Offer | null,
  asked: Day & { clinicId: string; visitTypeId: string | undefined },
): BlockedBy | null {
  const { clinicId, visitTypeId } = asked
  if (offer === null) {
    const detail =
      visitTypeId === undefined
        ? 'The doctor has no active visit type that patients may book at this clinic.'
        : 'Patients cannot book this visit type at this clinic.'
    return { clinicId, rule: 'no-visit-type', detail }
  }
  const rule = blockingRule(offer, asked)
  return rule === null ? null : { clinicId, rule, detail: details[rule](offer, asked) }
}

const details: Record<SwitchedRule, (offer: Offer, day: Day) => string> = {
  'fully-booked': () => 'Every time of this day that could be booked is taken.',
  'no-room': roomDetail,
  horizon(offer, { now }) {
    const days = counted(offer.doctor.horizonDays, 'day')
    return `Patients may book until ${horizonOf(offer, now)}, ${days} ahead.`
  },
  notice: ({ doctor }) =>
    `Patients must book at least ${counted(doctor.noticeMinutesMin, 'minute')} ahead.`,
  'daily-limit': ({ doctor }) =>
    `The doctor's daily limit of ${counted(doctor.dailyLimit ?? 0, 'visit')} is reached.`,
  'time-off': (offer, day) => `The doctor is away${timeOffText(offer, day)}.`,
  closure: (offer, day) => `The clinic is closed${closureText(offer, day)}.`,
  past: (offer, { date, now }) =>
    date < todayOf(offer, now) ? 'This day is over.' : 'Every time of this day has passed.',
  'no-hours': noHoursDetail,
  paused: () => 'The doctor is paused and takes no bookings.',
}

function noHoursDetail(offer: Offer, { date }: Day): string {
  if (windowsOn(offer, date).length === 0)
    return 'The doctor has no hours at this clinic on this day for this type of visit.'
  const length = counted(offer.visitType.rule.durationMinutes, 'minute')
  return `The hours at this clinic on this day have no place for a visit of ${length}.`
}

function roomDetail({ clinic, visitType: { roomKind } }: Offer): string {
  return clinic.rooms.some(({ kind }) => kind === roomKind)
    ? `No room for ${roomKind} is free when the doctor is.`
    : `The clinic has no room for ${roomKind}.`
}

function timeOffText(offer: Offer, day: Day): string {
  const { timeZone } = offer.clinic.calendar
  const text = (at: Instant) => localDateTimeOf(at, timeZone).slice(0, 16).replace('T', ' ')
  const windows = windowsOn(offer, day.date)
  return listed(
    offer.doctor.schedule.timeOff
      .filter((off) => touches(off, windows))
      .toSorted((one, other) => one.startsAt - other.startsAt)
      .map(({ startsAt, endsAt }) => `from ${text(startsAt)} to ${text(endsAt)}`),
  )
}

function closureText(offer: Offer, day: Day): string {
  const { calendar } = offer.clinic
  const windows = windowsOn(offer, day.date)
  const always = { startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY }
  const noTimeOff = { ...offer.doctor.schedule, timeOff: [] }
  return listed(
    calendar.closures
      .filter((closure) =>
        cutsOf(noTimeOff, { ...calendar, closures: [closure] }, always).some((cut) =>
          touches(cut, windows),
        ),
      )
      .map(
        ({ startsOn, startMinute, endsOn, endMinute }) =>
          `from ${startsOn} ${formatMinute(startMinute)} to ${endsOn} ${formatMinute(endMinute)}`,
      )
      .toSorted(),
  )
}

function windowsOn({ doctor, clinic, visitTypeId }: Offer, date: LocalDate): Window[] {
  return windowsOf(doctor.schedule, clinic.calendar, visitTypeId, date, date)
}

function touches(interval: Interval, windows: readonly Window[]): boolean {
  return windows.some(({ startsFrom, endsAt }) =>
    overlaps(interval, { startsAt: startsFrom, endsAt }),
  )
}

/** ' from … to … and from … to …', at most the first three. */
function listed(texts: readonly string[]): string {
  return texts.length === 0 ? '' : ` ${texts.slice(0, 3).join(' and ')}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
