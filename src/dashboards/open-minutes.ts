// How much of a doctor's hours nothing takes, day by day. Pure.

import type { Claim } from '#src/availability/board.ts'
import { cutsOf, windowsOf, type ClinicCalendar, type Schedule } from '#src/availability/windows.ts'
import { unite, type Interval } from '#src/kernel/interval.ts'
import { spanOfDates, type Instant, type LocalDate } from '#src/kernel/time.ts'

export interface DoctorAtClinic {
  schedule: Schedule
  calendar: ClinicCalendar
  /** What the doctor can be there for. */
  visitTypeIds: readonly string[]
  /** The doctor's at any clinic, those alone that hold. */
  claims: readonly Claim[]
}

/**
 * The minutes from `now` on of each of the clinic's dates, which follow each other, that lie within the
 * doctor's hours there, for any type of visit, and outside of time off, closures and what is booked with its
 * buffers.
 */
export function openMinutes(
  { schedule, calendar, visitTypeIds, claims }: DoctorAtClinic,
  { dates, now }: { dates: readonly LocalDate[]; now: Instant },
): number[] {
  const [from, to] = [dates[0], dates.at(-1)]
  if (from === undefined || to === undefined) return []
  const { timeZone } = calendar
  const hours = unite(visitTypeIds.flatMap((id) => windowsOf(schedule, calendar, id, from, to)))
  const range = spanOfDates(timeZone, from, to)
  const busy = unite([...cutsOf(schedule, calendar, range), ...claims])
  return dates.map((date) => {
    const { startsAt, endsAt } = spanOfDates(timeZone, date, date)
    const ahead = hours.flatMap((run) => common(run, { startsAt: Math.max(startsAt, now), endsAt }))
    const taken = ahead.flatMap((run) => busy.flatMap((other) => common(run, other)))
    return Math.round((lengthOf(ahead) - lengthOf(taken)) / 60_000)
  })
}

/** What the two have in common, if anything. */
function common(one: Interval, other: Interval): Interval[] {
  const startsAt = Math.max(one.startsAt, other.startsAt)
  const endsAt = Math.min(one.endsAt, other.endsAt)
  return startsAt < endsAt ? [{ startsAt, endsAt }] : []
}

function lengthOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { startsAt, endsAt }) => sum + endsAt - startsAt, 0)
}
