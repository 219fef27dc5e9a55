// When a doctor could see patients at a clinic, and what takes time out of that: local hours and
// dates become instants here. Pure: no clock, no environment, no database.

import { unite } from '#src/kernel/interval.ts'
import type { Interval } from '#src/kernel/interval.ts'
import {
  dayNumberOf,
  isDayInZone,
  resolveWallTime,
  spanOfDates,
  weekdayOfDayNumber,
} from '#src/kernel/time.ts'
import type { Instant, LocalDate } from '#src/kernel/time.ts'

/** Minutes count from the clinic's local midnight; `toMinute` ≤ `fromMinute` runs past the next. */
export interface WeeklyHours {
  clinicId: string
  /** ISO 8601: 1 is Monday, 7 is Sunday. */
  weekday: number
  fromMinute: number
  toMinute: number
  /** First and last date on which these hours begin, both included. */
  validFrom: LocalDate | null
  validUntil: LocalDate | null
  /** Null stands for every visit type. */
  visitTypeIds: readonly string[] | null
}

/** Hours of one date besides the weekly ones, minutes as there. */
export interface Opening {
  clinicId: string
  opensOn: LocalDate
  fromMinute: number
  toMinute: number
  visitTypeIds: readonly string[] | null
}

/** Half-open, in the clinic's wall time. */
export interface Closure {
  startsOn: LocalDate
  startMinute: number
  endsOn: LocalDate
  endMinute: number
}

export interface ClinicCalendar {
  clinicId: string
  timeZone: string
  closures: readonly Closure[]
}

/** One doctor's, at all of their clinics. */
export interface Schedule {
  hours: readonly WeeklyHours[]
  openings: readonly Opening[]
  timeOff: readonly Interval[]
  paused: boolean
}

/**
 * Hours without a gap. The grid of starts begins at `startsAt`, a visit must end by `endsAt`, and
 * of the grid only what lies in [startsFrom, startsBefore) was asked for.
 */
export interface Window extends Interval {
  startsFrom: Instant
  startsBefore: Instant
}

interface LocalHours {
  fromMinute: number
  toMinute: number
  firstDay: number
  lastDay: number
}

function isMeant(
  hours: { clinicId: string; visitTypeIds: readonly string[] | null },
  clinic: ClinicCalendar,
  visitTypeId: string,
): boolean {
  return (
    hours.clinicId === clinic.clinicId &&
    (hours.visitTypeIds === null || hours.visitTypeIds.includes(visitTypeId))
  )
}

function hoursByWeekday(
  schedule: Schedule,
  clinic: ClinicCalendar,
  visitTypeId: string,
): LocalHours[][] {
  const byWeekday: LocalHours[][] = [[], [], [], [], [], [], [], []]
  for (const hours of schedule.hours) {
    if (!isMeant(hours, clinic, visitTypeId)) continue
    byWeekday[hours.weekday]?.push({
      fromMinute: hours.fromMinute,
      toMinute: hours.toMinute,
      firstDay: hours.validFrom === null ? Number.NEGATIVE_INFINITY : dayNumberOf(hours.validFrom),
      lastDay: hours.validUntil === null ? Number.POSITIVE_INFINITY : dayNumberOf(hours.validUntil),
    })
  }
  return byWeekday
}

/** Each boundary is resolved by itself, so a night that loses an hour is an hour shorter. */
function resolveHours(
  timeZone: string,
  day: number,
  { fromMinute, toMinute }: { fromMinute: number; toMinute: number },
): Interval {
  return {
    startsAt: resolveWallTime(timeZone, day, fromMinute),
    endsAt: resolveWallTime(timeZone, day, toMinute > fromMinute ? toMinute : toMinute + 1440),
  }
}

/** What begins on one of the days, united. Hours that a gap turned around or that have no day go. */
function unitedHours(
  schedule: Schedule,
  clinic: ClinicCalendar,
  visitTypeId: string,
  { firstDay, lastDay }: { firstDay: number; lastDay: number },
): Interval[] {
  const { timeZone } = clinic
  const resolved: Interval[] = []
  const byWeekday = hoursByWeekday(schedule, clinic, visitTypeId)
  for (let day = firstDay; day <= lastDay; day += 1) {
    const ofWeekday = byWeekday[weekdayOfDayNumber(day)] ?? []
    if (ofWeekday.length === 0 || !isDayInZone(timeZone, day)) continue
    for (const hours of ofWeekday) {
      if (day >= hours.firstDay && day <= hours.lastDay) {
        resolved.push(resolveHours(timeZone, day, hours))
      }
    }
  }
  for (const opening of schedule.openings) {
    if (!isMeant(opening, clinic, visitTypeId)) continue
    const day = dayNumberOf(opening.opensOn)
    if (day >= firstDay && day <= lastDay && isDayInZone(timeZone, day)) {
      resolved.push(resolveHours(timeZone, day, opening))
    }
  }
  return unite(resolved)
}

/**
 * The windows that hold the doctor's starts at the clinic on the clinic-local dates `from` to `to`,
 * both included, in order of time: weekly hours and openings for the visit type united, those of the
 * night before included, nothing cut out of them yet. Where clocks go back over midnight the first
 * and last hours may belong to a neighbouring date (see `spanOfDates`).
 *
 * A window is the same whichever dates are asked for, as long as no visit lasts more than a day. So
 * that hours around the clock, which have no start, have a grid all the same, a window that covered
 * a whole week up to a Monday's midnight begins its grid anew there.
 */
export function windowsOf(
  schedule: Schedule,
  clinic: ClinicCalendar,
  visitTypeId: string,
  from: LocalDate,
  to: LocalDate,
): Window[] {
  const firstDay = dayNumberOf(from)
  const lastDay = dayNumberOf(to)
  if (schedule.paused || firstDay > lastDay) return []
  const { timeZone } = clinic
  const asked = spanOfDates(timeZone, from, to)
  const monday = firstDay - weekdayOfDayNumber(firstDay) + 1
  // Hours reach from their day into the next one, or the one after that where a zone skips a date:
  // two days ahead of the week that decides about the first Monday, and two behind for the end of a
  // visit.
  const days = { firstDay: monday - 9, lastDay: lastDay + 2 }
  const weeks: Interval[] = []
  for (let day = monday; day <= lastDay; day += 7) {
    weeks.push({
      startsAt: resolveWallTime(timeZone, day - 7, 0),
      endsAt: resolveWallTime(timeZone, day, 0),
    })
  }
  const windows: Window[] = []
  for (const run of unitedHours(schedule, clinic, visitTypeId, days)) {
    if (run.endsAt <= asked.startsAt || run.startsAt >= asked.endsAt) continue
    let gridFrom = run.startsAt
    for (const week of weeks) {
      if (run.startsAt > week.startsAt || run.endsAt <= week.endsAt) continue
      addWindow(windows, { ...run, startsAt: gridFrom }, asked, week.endsAt)
      gridFrom = week.endsAt
    }
    addWindow(windows, { ...run, startsAt: gridFrom }, asked, run.endsAt)
  }
  return windows
}

function addWindow(windows: Window[], run: Interval, asked: Interval, gridUntil: Instant): void {
  const startsFrom = Math.max(run.startsAt, asked.startsAt)
  const startsBefore = Math.min(gridUntil, asked.endsAt)
  if (startsFrom < startsBefore) windows.push({ ...run, startsFrom, startsBefore })
}

/**
 * What takes time out of the doctor's windows at the clinic: time off and closures that touch the
 * range, united and in order of time. A closure that a change of the clocks turns around is none.
 */
export function cutsOf(schedule: Schedule, clinic: ClinicCalendar, range: Interval): Interval[] {
  const cuts = schedule.timeOff.filter(
    (off) => off.endsAt > range.startsAt && off.startsAt < range.endsAt,
  )
  for (const closure of clinic.closures) {
    const startsAt = resolveWallTime(
      clinic.timeZone,
      dayNumberOf(closure.startsOn),
      closure.startMinute,
    )
    const endsAt = resolveWallTime(clinic.timeZone, dayNumberOf(closure.endsOn), closure.endMinute)
    if (endsAt > range.startsAt && startsAt < range.endsAt) cuts.push({ startsAt, endsAt })
  }
  return unite(cuts)
}
