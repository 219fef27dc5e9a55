// Dates of the demo that are said relative to today, so that it looks alive whenever it starts.

import { addDays, parseMinute, weekdayOf, type LocalDate } from '#src/kernel/time.ts'
import type { ComingDay } from './clinics.ts'
import type { DemoHours } from './doctors.ts'

/** Minutes after midnight of an 'HH:MM' in the demo's own data. */
export function minuteOf(text: string): number {
  const minute = parseMinute(text)
  if (minute === null) throw new Error(`Not a time of day: ${text}`)
  return minute
}

export function dateOf({ weekday, daysMin }: ComingDay, today: LocalDate): LocalDate {
  const earliest = addDays(today, daysMin)
  return addDays(earliest, (weekday - weekdayOf(earliest) + 7) % 7)
}

/** The first and last dates of hours that change with the month. */
export function validityOf(valid: DemoHours['valid'], today: LocalDate) {
  let nextMonth = addDays(today, 1)
  while (!nextMonth.endsWith('-01')) nextMonth = addDays(nextMonth, 1)
  return {
    valid_from: valid === 'from-next-month' ? nextMonth : null,
    valid_until: valid === 'until-month-ends' ? addDays(nextMonth, -1) : null,
  }
}
