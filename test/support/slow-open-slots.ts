// Open times worked out the slow way, for tests to compare with: every boundary a Temporal object,
// and every minute looked at one by one. It shares no code with the engine.

import type {
  ClinicCalendar,
  Closure,
  Opening,
  Schedule,
  VisitTypeRule,
  WeeklyHours,
} from '#src/availability/open-slots.ts'
import type { Interval } from '#src/kernel/interval.ts'

export interface SlowSearch {
  schedule: Schedule
  clinic: ClinicCalendar
  visitType: VisitTypeRule
  from: string
  to: string
  claims: readonly Interval[]
  rooms: readonly (readonly Interval[])[] | null
  fullDates: readonly string[]
  earliest: number
  latest: number
}

const minute = 60_000

function resolve(timeZone: string, date: Temporal.PlainDate, minutes: number): number {
  return date
    .toPlainDateTime()
    .add({ minutes })
    .toZonedDateTime(timeZone, { disambiguation: 'compatible' }).epochMilliseconds
}

function exists(timeZone: string, date: Temporal.PlainDate): boolean {
  return date.toZonedDateTime(timeZone).toPlainDate().equals(date)
}

/** A minute by minute record of a stretch of time. */
interface Minutes {
  from: number
  marks: Uint8Array
}

function minutesBetween(from: number, to: number): Minutes {
  return { from, marks: new Uint8Array((to - from) / minute) }
}

function mark(minutes: Minutes, { startsAt, endsAt }: Interval): void {
  if (startsAt >= endsAt) return
  const first = Math.floor((startsAt - minutes.from) / minute)
  const end = Math.ceil((endsAt - minutes.from) / minute)
  for (let index = Math.max(first, 0); index < Math.min(end, minutes.marks.length); index += 1) {
    minutes.marks[index] = 1
  }
}

function isMarked(minutes: Minutes, at: number): boolean {
  return minutes.marks[(at - minutes.from) / minute] === 1
}

function hasAny(minutes: Minutes, from: number, to: number): boolean {
  for (let at = from; at < to; at += minute) if (isMarked(minutes, at)) return true
  return false
}

function hasAll(minutes: Minutes, from: number, to: number): boolean {
  for (let at = from; at < to; at += minute) if (!isMarked(minutes, at)) return false
  return true
}

function isForVisit(
  { schedule, clinic, visitType }: SlowSearch,
  hours: WeeklyHours | Opening,
): boolean {
  return (
    !schedule.paused &&
    hours.clinicId === clinic.clinicId &&
    (hours.visitTypeIds === null || hours.visitTypeIds.includes(visitType.id))
  )
}

function hoursOf(
  timeZone: string,
  date: Temporal.PlainDate,
  hours: { fromMinute: number; toMinute: number },
): Interval {
  const overnight = hours.toMinute <= hours.fromMinute ? 1440 : 0
  return {
    startsAt: resolve(timeZone, date, hours.fromMinute),
    endsAt: resolve(timeZone, date, hours.toMinute + overnight),
  }
}

function windowsOn(search: SlowSearch, date: Temporal.PlainDate): Interval[] {
  const { timeZone } = search.clinic
  if (!exists(timeZone, date)) return []
  const day = date.toString()
  const weekly = search.schedule.hours.filter(
    (hours) =>
      isForVisit(search, hours) &&
      hours.weekday === date.dayOfWeek &&
      (hours.validFrom === null || hours.validFrom <= day) &&
      (hours.validUntil === null || hours.validUntil >= day),
  )
  const dated = search.schedule.openings.filter(
    (opening) => isForVisit(search, opening) && opening.opensOn === day,
  )
  return [...weekly, ...dated].map((hours) => hoursOf(timeZone, date, hours))
}

function closureInterval(timeZone: string, closure: Closure): Interval {
  return {
    startsAt: resolve(timeZone, Temporal.PlainDate.from(closure.startsOn), closure.startMinute),
    endsAt: resolve(timeZone, Temporal.PlainDate.from(closure.endsOn), closure.endMinute),
  }
}

/**
 * 'open' or 'taken' for each start on the dates that the doctor's hours offer; a start that is not
 * there is not offered. For zones whose offsets are whole minutes then.
 */
export function slowOpenSlots(search: SlowSearch): Map<number, 'open' | 'taken'> {
  const { clinic, visitType, rooms } = search
  const { timeZone } = clinic
  const from = Temporal.PlainDate.from(search.from)
  const to = Temporal.PlainDate.from(search.to)
  const first = resolve(timeZone, from.subtract({ days: 24 }), 0)
  const end = resolve(timeZone, to.add({ days: 5 }), 0)

  const worked = minutesBetween(first, end)
  for (let days = -25; days <= from.until(to).days + 5; days += 1) {
    for (const window of windowsOn(search, from.add({ days }))) mark(worked, window)
  }
  const cut = minutesBetween(first, end)
  for (const off of search.schedule.timeOff) mark(cut, off)
  for (const closure of clinic.closures) mark(cut, closureInterval(timeZone, closure))
  const busy = minutesBetween(first, end)
  for (const claim of search.claims) mark(busy, claim)
  const busyRooms = rooms?.map((claims) => {
    const room = minutesBetween(first, end)
    for (const claim of claims) mark(room, claim)
    return room
  })
  const weekStarts = new Map<number, number>()
  for (let days = -14; days <= from.until(to).days; days += 1) {
    const date = from.add({ days })
    if (date.dayOfWeek !== 1) continue
    weekStarts.set(resolve(timeZone, date, 0), resolve(timeZone, date.subtract({ days: 7 }), 0))
  }

  const duration = visitType.durationMinutes
  const before = visitType.bufferBeforeMinutes
  const after = visitType.bufferAfterMinutes
  const step = visitType.stepMinutes ?? before + duration + after
  const starts = new Map<number, 'open' | 'taken'>()
  let gridFrom = first
  for (let at = first; at < end; at += minute) {
    if (!isMarked(worked, at)) continue
    const weekStart = weekStarts.get(at)
    if (!isMarked(worked, at - minute)) gridFrom = at
    else if (weekStart !== undefined && hasAll(worked, weekStart, at)) gridFrom = at

    const onGrid = (at - gridFrom) % (step * minute) === 0
    if (!onGrid || at < search.earliest || at >= search.latest) continue
    const date = Temporal.Instant.fromEpochMilliseconds(at)
      .toZonedDateTimeISO(timeZone)
      .toPlainDate()
      .toString()
    if (date < search.from || date > search.to) continue
    const endsAt = at + duration * minute
    if (!hasAll(worked, at, endsAt) || hasAny(cut, at, endsAt) || rooms?.length === 0) continue
    const claimFrom = at - before * minute
    const claimUntil = endsAt + after * minute
    const free =
      !hasAny(busy, claimFrom, claimUntil) &&
      (busyRooms?.some((room) => !hasAny(room, claimFrom, claimUntil)) ?? true) &&
      !search.fullDates.includes(date)
    starts.set(at, free ? 'open' : 'taken')
  }
  return starts
}
