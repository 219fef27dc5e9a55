// The first open time of a doctor without working out all the others again: for each day it is
// kept when the first one is, until the doctor's claims or rules change.

import { addDays, earlierOf, laterOf, type LocalDate } from '#src/kernel/calendar.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import type { ClinicBoard, VisitTypeBoard } from './board.ts'
import { earliestOf, horizonOf, openStartsOf, todayOf, type Offer } from './open-times.ts'

/** What was worked out for one offer: the first open start of a day, or null for none. */
export interface FirstOpen {
  clinic: ClinicBoard
  visitType: VisitTypeBoard
  /** The first instant at which something kept may no longer be so: a hold that runs out. */
  goodUntil: Instant
  days: Map<LocalDate, Instant | null>
}

const chunkDays = 7

/** The first open start on the dates `from` to `to`, at or after `since`, or null. */
export function firstOpenStart(
  offer: Offer,
  asked: { from: LocalDate; to: LocalDate; now: Instant; since?: Instant },
): Instant | null {
  const { now } = asked
  const earliest = Math.max(earliestOf(offer, now), asked.since ?? 0)
  const firstDate = laterOf(asked.from, localDateOf(earliest, offer.clinic.calendar.timeZone))
  const lastDate = earlierOf(asked.to, horizonOf(offer, now))
  const { days } = rememberedOf(offer, now)
  for (let date = firstDate; date <= lastDate; date = addDays(date, 1)) {
    if (!days.has(date)) remember(offer, days, date, now)
    const first = days.get(date) ?? null
    if (first === null) continue
    if (first >= earliest) return first
    // What was first that day has passed, or lies within the notice.
    const next = openStartsOf(offer, { from: date, to: date, now }).find(
      (start) => start >= earliest,
    )
    if (next !== undefined) return next
  }
  return null
}

function rememberedOf(offer: Offer, now: Instant): FirstOpen {
  const { doctor, clinic, visitType } = offer
  const key = `${offer.clinicId} ${offer.visitTypeId} ${offer.viewer}`
  const known = doctor.firstOpen.get(key)
  if (known && known.clinic === clinic && known.visitType === visitType && known.goodUntil > now)
    return known
  const expiries = [...doctor.claims, ...clinic.rooms.flatMap((room) => room.claims)]
    .map(({ expiresAt }) => expiresAt)
    .filter((at) => at !== null && at > now)
  const fresh: FirstOpen = {
    clinic,
    visitType,
    goodUntil: Math.min(Number.POSITIVE_INFINITY, ...(expiries as Instant[])),
    days: new Map(),
  }
  doctor.firstOpen.set(key, fresh)
  return fresh
}

/** Works out a week from `date` on; a first start only moves later as time goes by. */
function remember(
  offer: Offer,
  days: Map<LocalDate, Instant | null>,
  date: LocalDate,
  now: Instant,
): void {
  const { timeZone } = offer.clinic.calendar
  const today = todayOf(offer, now)
  const to = addDays(date, chunkDays - 1)
  for (let day = date; day <= to; day = addDays(day, 1)) days.set(day, null)
  for (const start of openStartsOf(offer, { now, from: date, to })) {
    const day = localDateOf(start, timeZone)
    if (days.get(day) === null) days.set(day, start)
  }
  // The horizon moves on at midnight: what lies beyond it now must be looked at again then.
  const horizon = horizonOf(offer, now)
  for (let day = date; day <= to; day = addDays(day, 1))
    if (day > horizon || day < today) days.delete(day)
}
