// Calendar dates and wall-clock minutes without a zone: arithmetic alone, which no clock and no
// change of the clocks has a part in.

/** A calendar date without a zone, 'YYYY-MM-DD', of the years 0001 to 9999. */
export type LocalDate = string

/** Day numbers, which count from 1970-01-01, of 0001-01-01 and of 9999-12-31. */
export const firstDayNumber = -719_162
export const lastDayNumber = 2_932_896
const noDay = Number.NaN

/** Proleptic Gregorian, its years counted from 1 March so that a leap day comes last. */
function dayOfCalendar(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  )
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

const digitsByNumber = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'))

/** A number from 0 to 99 in two digits. */
export function twoDigits(number: number): string {
  return digitsByNumber[number] ?? String(number)
}

/** The number that the `length` digits from `at` write, or NaN when one of them is no digit. */
export function digitsAt(text: string, at: number, length: number): number {
  let number = 0
  for (let index = at; index < at + length; index += 1) {
    const digit = text.charCodeAt(index) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

/** The day number of the date that the first ten characters write, NaN when there is none. */
export function dayOfText(text: string): number {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return noDay
  const year = digitsAt(text, 0, 4)
  const month = digitsAt(text, 5, 2)
  const day = digitsAt(text, 8, 2)
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return noDay
  return day <= daysInMonth(year, month) ? dayOfCalendar(year, month, day) : noDay
}

/** Whether the text is a date that exists, written 'YYYY-MM-DD', of the years 0001 to 9999. */
export function isLocalDate(text: string): boolean {
  return text.length === 10 && !Number.isNaN(dayOfText(text))
}

/** Days since 1970-01-01, for arithmetic in bulk. Throws a RangeError for what is no date. */
export function dayNumberOf(date: LocalDate): number {
  const day = date.length === 10 ? dayOfText(date) : noDay
  if (Number.isNaN(day)) throw new RangeError(`Not a date: ${date}`)
  return day
}

/** The date so many days after 1970-01-01. Throws a RangeError outside the years 0001 to 9999. */
export function dateOfDayNumber(day: number): LocalDate {
  if (!(day >= firstDayNumber && day <= lastDayNumber))
    throw new RangeError(`Not a day with a date: ${day}`)
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const dayOfMonth = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  return `${twoDigits(Math.floor(year / 100))}${twoDigits(year % 100)}-${twoDigits(month)}-${twoDigits(dayOfMonth)}`
}

/** The date `days` later (earlier when negative). Throws a RangeError past the years 0001 to 9999. */
export function addDays(date: LocalDate, days: number): LocalDate {
  return dateOfDayNumber(dayNumberOf(date) + days)
}

/** How many days `to` is after `from`; negative when it is before. */
export function daysBetween(from: LocalDate, to: LocalDate): number {
  return dayNumberOf(to) - dayNumberOf(from)
}

/** The ISO 8601 weekday of a day number: 1 is Monday, 7 is Sunday. */
export function weekdayOfDayNumber(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1
}

/** The ISO 8601 weekday: 1 is Monday, 7 is Sunday. */
export function weekdayOf(date: LocalDate): number {
  return weekdayOfDayNumber(dayNumberOf(date))
}

/** Minutes since midnight of 'HH:MM', '00:00' to '24:00'; null for anything else. */
export function parseMinute(text: string): number | null {
  if (text.length !== 5 || text.charCodeAt(2) !== 58) return null
  const hour = digitsAt(text, 0, 2)
  const minute = digitsAt(text, 3, 2)
  if (!(hour <= 24 && minute <= 59)) return null
  const minutes = hour * 60 + minute
  return minutes <= 1440 ? minutes : null
}

/** Minutes since midnight as 'HH:MM'; 1440 is '24:00'. */
export function formatMinute(minute: number): string {
  return `${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`
}

/** The later of two dates. */
export function laterOf(one: LocalDate, other: LocalDate): LocalDate {
  return one > other ? one : other
}

/** The earlier of two dates. */
export function earlierOf(one: LocalDate, other: LocalDate): LocalDate {
  return one < other ? one : other
}
