// Turns an iCalendar file of holidays into closures on the clinic's own calendar. A date in the file
// is that date at the clinic, whatever its zone; a time is converted to the clinic's wall clock.

import {
  addDays,
  daysBetween,
  isLocalDate,
  localDateTimeOf,
  parseInstant,
  parseMinute,
  isTimeZone,
  resolveLocal,
  type Instant,
  type LocalDate,
} from '#src/kernel/time.ts'
import {
  malformedLine,
  readHolidayFile,
  type HolidayEvent,
  type HolidayProperty,
} from './holiday-file.ts'
import { parseYearlyRepeat, yearlyDates } from './yearly-repeat.ts'

/** Local wall-clock times of the clinic, half-open, as the closure table keeps them. */
export interface Holiday {
  uid: string
  name: string
  startsOn: LocalDate
  startMinute: number
  endsOn: LocalDate
  /** 1 to 1440. */
  endMinute: number
}

export interface SkippedEvent {
  summary: string
  /** Continues the sentence that the summary begins. */
  reason: string
}

/** A point in time as the file has it; `timeZone` is null for a date without a time. */
interface Moment {
  date: LocalDate
  second: number
  timeZone: string | null
}

/** How long an event is: days on the calendar, then seconds on the clock. */
interface Length {
  days: number
  seconds: number
  /** Where the length is given by a wall time, the second of the day on which it ends. */
  endSecond: number | null
}

const nameLengthMax = 200
const uidLengthMax = 500
const lengthDaysMax = 3660
const firstYear = 1900
const lastYear = 2999
const repeatYearsAhead = 3

/**
 * The closures that the holidays in an iCalendar file make, and what in it makes none. Holidays that
 * return each year on their date are given for `thisYear` and the next 3.
 *
 * @throws InvalidRequest naming the line when the file is malformed.
 */
export function readHolidays(
  text: string,
  options: { timeZone: string; thisYear: number },
): { holidays: Holiday[]; skipped: SkippedEvent[] } {
  const events = readHolidayFile(text)
  const moved = movedOccurrences(events, options.timeZone)
  const holidays = new Map<string, Holiday>()
  const skipped: SkippedEvent[] = []
  for (const event of events) {
    const read = readEvent(event, { ...options, moved })
    const summary = nameOf(event)
    for (const reason of read.reasons) skipped.push({ summary, reason })
    for (const holiday of read.holidays) holidays.set(`${holiday.startsOn} ${holiday.uid}`, holiday)
  }
  return { holidays: [...holidays.values()], skipped }
}

interface EventOptions {
  timeZone: string
  thisYear: number
  /** By UID, the occurrences that an event with a RECURRENCE-ID replaces. */
  moved: ReadonlyMap<string, ReadonlySet<string>>
}

function readEvent(
  event: HolidayEvent,
  options: EventOptions,
): { holidays: Holiday[]; reasons: string[] } {
  const startProperty = first(event, 'DTSTART')
  if (startProperty === undefined)
    throw malformedLine(event.line, 'begins an event that has no DTSTART')
  if (first(event, 'STATUS')?.values[0]?.toUpperCase() === 'CANCELLED') return skip('is cancelled')
  if (uidOf(event).length > uidLengthMax) return skip(`has a UID over ${uidLengthMax} characters`)

  const start = momentOf(startProperty, options.timeZone)
  const end = first(event, 'DTEND')
  for (const { timeZone } of [startProperty, ...(end === undefined ? [] : [end])])
    if (timeZone !== null && !isTimeZone(timeZone))
      return skip('is in a time zone that is not an IANA one such as Europe/Paris')
  const year = Number(start.date.slice(0, 4))
  if (year < firstYear || year > lastYear)
    return skip(`is outside the years ${firstYear} to ${lastYear}`)
  const length = lengthOf(event, start, options.timeZone)
  if (typeof length === 'string') return skip(length)

  const { dates, reasons } = datesOf(event, start, options)
  const holidays: Holiday[] = []
  for (const date of dates) {
    const span = spanOf(start, length, date, options.timeZone)
    if (span === null) reasons.push(`ends no later than it starts on ${date}`)
    else holidays.push({ uid: uidOf(event), name: nameOf(event), ...span })
  }
  return { holidays, reasons }
}

function skip(reason: string): { holidays: Holiday[]; reasons: string[] } {
  return { holidays: [], reasons: [reason] }
}

/** The dates an event starts on, in its own zone. */
function datesOf(
  event: HolidayEvent,
  start: Moment,
  options: EventOptions,
): { dates: LocalDate[]; reasons: string[] } {
  const reasons: string[] = []
  if (event.properties.has('RDATE')) reasons.push('has further dates (RDATE), which are left out')
  const rules = event.properties.get('RRULE') ?? []
  const rule = rules[0]?.values[0]
  let dates = [start.date]
  if (rule !== undefined) {
    const repeat = rules.length === 1 ? parseYearlyRepeat(rule) : null
    if (repeat === null)
      reasons.push('repeats other than yearly on one date, so only its first time is taken')
    else
      dates = yearlyDates(repeat, start.date, {
        firstYear: options.thisYear,
        lastYear: Math.max(options.thisYear + repeatYearsAhead, Number(start.date.slice(0, 4))),
      }).filter((date) => repeat.until === null || isUntil(start, date, repeat.until))
    if (dates.length === 0) reasons.push(`does not return in ${options.thisYear} or later`)
  }
  const excluded = excludedKeys(event, dates, options.timeZone)
  const moved = event.properties.has('RECURRENCE-ID') ? null : options.moved.get(uidOf(event))
  return {
    dates: dates.filter((date) => {
      const keys = [date, keyOf({ ...start, date })]
      return !keys.some((key) => excluded.has(key) || moved?.has(key))
    }),
    reasons,
  }
}

/**
 * What EXDATE takes away. A value is resolved only when it is near one of the dates, in whatever
 * zones the two are: a file may hold tens of thousands of values in hundreds of zones.
 */
function excludedKeys(
  event: HolidayEvent,
  dates: readonly LocalDate[],
  timeZone: string,
): Set<string> {
  const keys = new Set<string>()
  for (const property of event.properties.get('EXDATE') ?? [])
    for (const index of property.values.keys()) {
      const moment = momentOf(property, timeZone, index)
      if (dates.some((date) => Math.abs(daysBetween(date, moment.date)) <= 2))
        keys.add(keyOf(moment))
    }
  return keys
}

function movedOccurrences(
  events: readonly HolidayEvent[],
  timeZone: string,
): Map<string, Set<string>> {
  const moved = new Map<string, Set<string>>()
  for (const event of events) {
    const property = first(event, 'RECURRENCE-ID')
    if (property === undefined) continue
    const keys = moved.get(uidOf(event)) ?? new Set()
    moved.set(uidOf(event), keys.add(keyOf(momentOf(property, timeZone))))
  }
  return moved
}

/** UNTIL is inclusive, and a date without a time takes the whole day (RFC 5545 section 3.3.10). */
function isUntil(start: Moment, date: LocalDate, until: string): boolean {
  const untilDate = `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`
  if (start.timeZone === null || until.length === 8) return date <= untilDate
  const clock = `${until.slice(9, 11)}:${until.slice(11, 13)}:${until.slice(13, 15)}`
  const last = until.endsWith('Z')
    ? parseInstant(`${untilDate}T${clock}Z`)
    : isLocalDate(untilDate)
      ? instantOf(start.timeZone, untilDate, secondOfDay(clock))
      : null
  const at = instantOf(start.timeZone, date, start.second)
  return last === null || at === null ? date <= untilDate : at <= last
}

/** The length of an event, or why it has none that can be used. */
function lengthOf(event: HolidayEvent, start: Moment, timeZone: string): Length | string {
  const endProperty = first(event, 'DTEND')
  const duration = first(event, 'DURATION')
  let length: Length
  if (endProperty !== undefined) {
    const end = momentOf(endProperty, timeZone)
    if ((end.timeZone === null) !== (start.timeZone === null))
      return 'has a date at one end and a time at the other'
    const sameZone = end.timeZone === start.timeZone ? end : inZone(end, start.timeZone)
    const days = daysBetween(start.date, sameZone.date)
    length = { days, seconds: 0, endSecond: sameZone.second }
    // Some programs write the one day of a holiday as both its ends.
    if (start.timeZone === null && days === 0) length.days = 1
  } else if (duration !== undefined) length = durationOf(duration)
  else if (start.timeZone === null) length = { days: 1, seconds: 0, endSecond: null }
  else return 'has a time at which it starts and none at which it ends'

  if (length.days + length.seconds / 86_400 > lengthDaysMax) return 'is longer than ten years'
  if (length.days < 0) return 'ends before it starts'
  if (start.timeZone === null && (length.days === 0 || length.seconds > 0))
    return 'has a date without a time and a DURATION that is not of whole days'
  return length
}

/** A positive DURATION (RFC 5545 section 3.3.6). */
function durationOf(property: HolidayProperty): Length {
  const text = property.values[0] ?? ''
  const match =
    /^\+?P(?=\d|T\d)(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/.exec(
      text,
    )
  if (match === null)
    throw malformedLine(property.line, 'must give DURATION as a length such as P1D or PT4H')
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((digits: string | undefined) => Number(digits ?? 0))
  return {
    days: weeks * 7 + days,
    seconds: (hours * 60 + minutes) * 60 + seconds,
    endSecond: null,
  }
}

/** The closure of the occurrence on `date`, or null when the clocks leave nothing of it. */
function spanOf(
  start: Moment,
  length: Length,
  date: LocalDate,
  timeZone: string,
): Omit<Holiday, 'uid' | 'name'> | null {
  if (start.timeZone === null)
    return {
      startsOn: date,
      startMinute: 0,
      endsOn: addDays(date, length.days - 1),
      endMinute: 1440,
    }
  const startsAt = instantOf(start.timeZone, date, start.second)
  const endsAt = instantOf(
    start.timeZone,
    addDays(date, length.days),
    length.endSecond ?? start.second,
  )
  if (startsAt === null || endsAt === null) return null
  const from = localMinute(startsAt, timeZone, Math.floor)
  const to = localMinute(endsAt + length.seconds * 1000, timeZone, Math.ceil)
  // The day's end is written as its 24:00 and not as the 00:00 of the day after.
  if (to.minute === 0) Object.assign(to, { date: addDays(to.date, -1), minute: 1440 })
  if (to.date < from.date || (to.date === from.date && to.minute <= from.minute)) return null
  return { startsOn: from.date, startMinute: from.minute, endsOn: to.date, endMinute: to.minute }
}

function localMinute(
  at: Instant,
  timeZone: string,
  round: (minutes: number) => number,
): { date: LocalDate; minute: number } {
  const local = localDateTimeOf(at, timeZone)
  return { date: local.slice(0, 10), minute: round(secondOfDay(local.slice(11, 19)) / 60) }
}

/** The value of a date or time property. A time with neither a Z nor a TZID is the clinic's. */
function momentOf(property: HolidayProperty, timeZone: string, index = 0): Moment {
  const value = property.values[index] ?? ''
  const date = value.slice(0, 10)
  if (!isLocalDate(date)) throw malformedLine(property.line, 'names a date that does not exist')
  if (value.length === 10) return { date, second: 0, timeZone: null }
  const zone = value.endsWith('Z') ? 'UTC' : (property.timeZone ?? timeZone)
  return { date, second: secondOfDay(value.slice(11, 19)), timeZone: zone }
}

/** The same instant on the clock of another zone. */
function inZone(moment: Moment, timeZone: string | null): Moment {
  if (moment.timeZone === null || timeZone === null) return moment
  const at = instantOf(moment.timeZone, moment.date, moment.second)
  if (at === null) return moment
  const local = localDateTimeOf(at, timeZone)
  return { date: local.slice(0, 10), second: secondOfDay(local.slice(11, 19)), timeZone }
}

function instantOf(timeZone: string, date: LocalDate, second: number): Instant | null {
  const minute = resolveLocal(timeZone, date, Math.floor(second / 60))
  return minute === null ? null : minute + (second % 60) * 1000
}

function secondOfDay(clock: string): number {
  return (parseMinute(clock.slice(0, 5)) ?? 0) * 60 + Number(clock.slice(6, 8))
}

/** What an occurrence is excluded by: its date, or its instant where it has a time. */
function keyOf(moment: Moment): string {
  const { timeZone, date, second } = moment
  if (timeZone === null || !isTimeZone(timeZone)) return date
  return String(instantOf(timeZone, date, second))
}

function first(event: HolidayEvent, name: string): HolidayProperty | undefined {
  return event.properties.get(name)?.[0]
}

function nameOf(event: HolidayEvent): string {
  const name = first(event, 'SUMMARY')?.values.join(' ').replaceAll(/\s+/g, ' ').trim() ?? ''
  if (name === '') return 'Closed'
  // A cut must not leave half of a surrogate pair.
  return name.slice(0, nameLengthMax).replace(/[\uD800-\uDBFF]$/, '')
}

/** The event's UID, or its name where a file written by hand has none. */
function uidOf(event: HolidayEvent): string {
  const uid = first(event, 'UID')?.values.join(' ').trim() ?? ''
  return uid === '' ? nameOf(event) : uid
}
