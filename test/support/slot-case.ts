// Open times of one doctor at one clinic, for examples that say what differs and read what comes out.

import assert from 'node:assert/strict'
import { cutsOf, openStarts, windowsOf } from '#src/availability/open-slots.ts'
import type {
  ClinicCalendar,
  Closure,
  Opening,
  Schedule,
  SlotSearch,
  VisitTypeRule,
  WeeklyHours,
} from '#src/availability/open-slots.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { addDays, formatInstant, localDateTimeOf, spanOfDates } from '#src/kernel/time.ts'

/** By default: every day from 09:00 to 17:00 in Paris, visits of an hour, nothing booked. */
export interface SlotCase {
  timeZone?: string
  hours?: WeeklyHours[]
  openings?: Opening[]
  closures?: Closure[]
  timeOff?: Interval[]
  paused?: boolean
  visitType?: Partial<VisitTypeRule>
  from: string
  to?: string
  claims?: Interval[]
  rooms?: Interval[][]
  fullDays?: Interval[]
  earliest?: number
  latest?: number
}

/** 'HH:MM–HH:MM' at the clinic on these weekdays, all of them by default. */
export function hoursOf(text: string, weekdays = [1, 2, 3, 4, 5, 6, 7]): WeeklyHours[] {
  const [fromMinute = 0, toMinute = 0] = text.split('–').map((time) => {
    const [hour = 0, minutes = 0] = time.split(':').map(Number)
    return hour * 60 + minutes
  })
  const rest = { clinicId: 'clinic', validFrom: null, validUntil: null, visitTypeIds: null }
  return weekdays.map((weekday) => ({ ...rest, weekday, fromMinute, toMinute }))
}

export function openingOf(text: string, opensOn: string): Opening {
  const [hours] = hoursOf(text, [1])
  assert.ok(hours)
  const { clinicId, fromMinute, toMinute, visitTypeIds } = hours
  return { clinicId, opensOn, fromMinute, toMinute, visitTypeIds }
}

export function interval(from: string, until: string): Interval {
  return { startsAt: Date.parse(from), endsAt: Date.parse(until) }
}

export function searchOf({
  timeZone = 'Europe/Paris',
  from,
  to = from,
  ...given
}: SlotCase): SlotSearch {
  const schedule: Schedule = {
    hours: given.hours ?? hoursOf('09:00–17:00'),
    openings: given.openings ?? [],
    timeOff: given.timeOff ?? [],
    paused: given.paused ?? false,
  }
  const clinic: ClinicCalendar = { clinicId: 'clinic', timeZone, closures: given.closures ?? [] }
  return {
    windows: windowsOf(schedule, clinic, 'visit', from, to),
    cuts: cutsOf(schedule, clinic, spanOfDates(timeZone, from, addDays(to, 1))),
    claims: given.claims ?? [],
    rooms: given.rooms ?? null,
    fullDays: given.fullDays ?? [],
    visitType: {
      id: 'visit',
      durationMinutes: 60,
      bufferBeforeMinutes: 0,
      bufferAfterMinutes: 0,
      stepMinutes: null,
      ...given.visitType,
    },
    earliest: given.earliest ?? Number.NEGATIVE_INFINITY,
    latest: given.latest ?? Number.POSITIVE_INFINITY,
  }
}

/** The open starts as the clinic's clock shows them, 'HH:MM'. */
export function timesOf(given: SlotCase): string[] {
  const timeZone = given.timeZone ?? 'Europe/Paris'
  return openStarts(searchOf(given)).map((at) => localDateTimeOf(at, timeZone).slice(11, 16))
}

export function startsWithOffset(given: SlotCase): string[] {
  const timeZone = given.timeZone ?? 'Europe/Paris'
  return openStarts(searchOf(given)).map((at) => formatInstant(at, timeZone))
}
