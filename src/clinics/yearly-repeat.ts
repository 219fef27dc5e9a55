// Holidays that come back each year on the same date. Other recurrence rules are not expanded.

import { isLocalDate, type LocalDate } from '#src/kernel/time.ts'

/** A rule that names one date of the year. */
export interface YearlyRepeat {
  interval: number
  count: number | null
  /** As in the file: 'YYYYMMDD', or 'YYYYMMDDTHHMMSS' with an optional Z. Inclusive. */
  until: string | null
  month: number | null
  dayOfMonth: number | null
}

const wholeNumber = /^\d{1,4}$/
const until = /^\d{8}(?:T\d{6}Z?)?$/

/**
 * The rule of an RRULE value when it is a yearly one on a single date (FREQ=YEARLY with no other
 * parts than COUNT, UNTIL, INTERVAL, BYMONTH and BYMONTHDAY, one value each); null when it is any
 * other rule.
 */
export function parseYearlyRepeat(rule: string): YearlyRepeat | null {
  const parts = new Map<string, string>()
  for (const part of rule.toUpperCase().split(';')) {
    const [name, value, ...rest] = part.split('=')
    if (name === undefined || value === undefined || rest.length > 0 || parts.has(name)) return null
    parts.set(name, value)
  }
  if (parts.get('FREQ') !== 'YEARLY') return null
  parts.delete('FREQ')
  // The week's first day has no part in a rule without weeks.
  parts.delete('WKST')

  const repeat: YearlyRepeat = {
    interval: 1,
    count: null,
    until: null,
    month: null,
    dayOfMonth: null,
  }
  for (const [name, value] of parts) {
    if (name === 'UNTIL' && until.test(value)) {
      repeat.until = value
      continue
    }
    if (!wholeNumber.test(value) || Number(value) === 0) return null
    const number = Number(value)
    if (name === 'INTERVAL') repeat.interval = number
    else if (name === 'COUNT') repeat.count = number
    else if (name === 'BYMONTH' && number <= 12) repeat.month = number
    else if (name === 'BYMONTHDAY' && number <= 31) repeat.dayOfMonth = number
    else return null
  }
  // Without a month, BYMONTHDAY names that day of each month.
  if (repeat.dayOfMonth !== null && repeat.month === null) return null
  return repeat
}

/**
 * The dates of the rule from `firstYear` to `lastYear`, for an event that starts on `startsOn`. COUNT
 * counts from there, a year without the date (29 February) has none. UNTIL is left to the caller.
 */
export function yearlyDates(
  repeat: YearlyRepeat,
  startsOn: LocalDate,
  years: { firstYear: number; lastYear: number },
): LocalDate[] {
  const dates: LocalDate[] = []
  const month = repeat.month === null ? startsOn.slice(5, 7) : twoDigits(repeat.month)
  const day = repeat.dayOfMonth === null ? startsOn.slice(8, 10) : twoDigits(repeat.dayOfMonth)
  let seen = 0
  for (let year = Number(startsOn.slice(0, 4)); year <= years.lastYear; year += repeat.interval) {
    const date = `${String(year).padStart(4, '0')}-${month}-${day}`
    // The start is the first occurrence, also when the rule names another date (RFC 5545 3.8.5.3).
    if (seen === 0 && date !== startsOn) {
      seen += 1
      if (year >= years.firstYear) dates.push(startsOn)
    }
    if (repeat.count !== null && seen >= repeat.count) break
    if (!isLocalDate(date) || date < startsOn) continue
    seen += 1
    if (year >= years.firstYear) dates.push(date)
  }
  return dates
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}
