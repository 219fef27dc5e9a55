// The only place that reads the clock, `Date` or Temporal. Everything else works with instants
// (milliseconds since 1970 in UTC) and with local dates and minutes, which a clinic's zone gives a
// meaning here and nowhere else: PostgreSQL takes the later instant when clocks go back.

import {
  dateOfDayNumber,
  dayNumberOf,
  dayOfText,
  digitsAt,
  firstDayNumber,
  formatMinute,
  lastDayNumber,
  twoDigits,
} from './calendar.ts'
import type { LocalDate } from './calendar.ts'
import type { Interval } from './interval.ts'

export {
  addDays,
  dateOfDayNumber,
  dayNumberOf,
  daysBetween,
  formatMinute,
  isLocalDate,
  parseMinute,
  weekdayOf,
  weekdayOfDayNumber,
} from './calendar.ts'
export type { LocalDate } from './calendar.ts'

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

export type Clock = () => Instant

const minuteLength = 60_000
const dayLength = 86_400_000

/** The computer's clock. */
export function systemClock(): Instant {
  return Date.now()
}

// ── Zones ────────────────────────────────────────────────────────────────────────────────────────

/**
 * A stretch of time in which a zone keeps one offset. It answers for the local times (milliseconds,
 * read as if they were UTC) from `gapFrom`, where those end that come up first in earlier seasons,
 * up to `localUntil`. Clocks show them from `localFrom` on: what lies before that is skipped.
 */
interface Season {
  startsAt: Instant
  endsAt: Instant
  offset: number
  offsetBefore: number
  gapFrom: number
  localFrom: number
  localUntil: number
}

/**
 * A zone's seasons, built from Temporal in blocks of some 17 years when a time in them is first
 * asked for, so that a date in the year 9999 costs one block and not the way there. The season that
 * answered last is tried first: days that are asked for in order find it nearly always.
 */
interface Zone {
  name: string
  blocks: Map<number, Season[]>
  latest: Season
}

const blockLength = 2 ** 39
/** Further than any change of the clocks reaches: a block this much wider is right at its edges. */
const blockMargin = 2 * dayLength
const zones = new Map<string, Zone>()
const noSeason: Season = {
  startsAt: 0,
  endsAt: 0,
  offset: 0,
  offsetBefore: 0,
  gapFrom: 0,
  localFrom: 0,
  localUntil: 0,
}

function zonedAt(timeZone: string, at: Instant): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
}

function buildSeasons(timeZone: string, block: number): Season[] {
  const until = (block + 1) * blockLength + blockMargin
  let startsAt = block * blockLength - blockMargin
  let zoned = zonedAt(timeZone, startsAt)
  let offset = zoned.offsetNanoseconds / 1e6
  let offsetBefore = offset
  let gapFrom = block * blockLength
  const seasons: Season[] = []
  while (startsAt < until) {
    const next = zoned.getTimeZoneTransition('next')
    const endsAt = next === null ? until : Math.min(next.epochMilliseconds, until)
    const localFrom = startsAt + offset
    const localUntil = Math.max(endsAt + offset, gapFrom)
    seasons.push({ startsAt, endsAt, offset, offsetBefore, gapFrom, localFrom, localUntil })
    gapFrom = localUntil
    if (next === null) break
    offsetBefore = offset
    offset = next.offsetNanoseconds / 1e6
    startsAt = endsAt
    zoned = next
  }
  return seasons
}

function zoneOf(timeZone: string): Zone {
  let zone = zones.get(timeZone)
  if (zone === undefined) {
    if (!isTimeZone(timeZone)) throw new RangeError(`Not a time zone: ${timeZone}`)
    zone = { name: timeZone, blocks: new Map(), latest: noSeason }
    zones.set(timeZone, zone)
  }
  return zone
}

function seasonsAround(zone: Zone, time: number): Season[] {
  const block = Math.floor(time / blockLength)
  let seasons = zone.blocks.get(block)
  if (seasons === undefined) {
    seasons = buildSeasons(zone.name, block)
    zone.blocks.set(block, seasons)
  }
  return seasons
}

/** The first season whose `end` is after the time. */
function firstEndingAfter(seasons: Season[], end: 'endsAt' | 'localUntil', time: number): Season {
  let low = 0
  let high = seasons.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((seasons[middle] ?? noSeason)[end] > time) high = middle
    else low = middle + 1
  }
  const season = seasons[low]
  if (season === undefined) throw new RangeError(`Not a time that zones are kept for: ${time}`)
  return season
}

function seasonAt(zone: Zone, at: Instant): Season {
  const latest = zone.latest
  if (at >= latest.startsAt && at < latest.endsAt) return latest
  zone.latest = firstEndingAfter(seasonsAround(zone, at), 'endsAt', at)
  return zone.latest
}

function seasonOfLocal(zone: Zone, local: number): Season {
  const latest = zone.latest
  if (local >= latest.gapFrom && local < latest.localUntil) return latest
  zone.latest = firstEndingAfter(seasonsAround(zone, local), 'localUntil', local)
  return zone.latest
}

/**
 * Whether the name is an IANA zone of this runtime, in its usual spelling ('Europe/Paris', also
 * older names such as 'Asia/Calcutta'). Offsets such as '+01:00' are not zones.
 */
export function isTimeZone(name: string): boolean {
  if (zones.has(name)) return true
  if (!/^[A-Z]/iv.test(name)) return false
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId === name
  } catch {
    return false
  }
}

/**
 * The instant of a wall time: `minute` minutes after the midnight that begins the day, read off the
 * clock on the wall, past 1440 on the days after. As RFC 5545 3.3.5 and Temporal's `compatible`
 * have it, a time that clocks skip moves forward by the gap, one that they show twice is the first.
 */
export function resolveWallTime(timeZone: string, dayNumber: number, minute: number): Instant {
  const local = dayNumber * dayLength + minute * minuteLength
  const season = seasonOfLocal(zoneOf(timeZone), local)
  return local - (local < season.localFrom ? season.offsetBefore : season.offset)
}

/** Whether any wall time of the day exists in the zone. Samoa skipped 2011-12-30 altogether. */
export function isDayInZone(timeZone: string, dayNumber: number): boolean {
  const local = dayNumber * dayLength
  return seasonOfLocal(zoneOf(timeZone), local).localFrom < local + dayLength
}

/**
 * The instant of `minute` minutes (0 to 1440; more runs into the days after) past the local
 * midnight that begins `date`, as `resolveWallTime` has it; null when the zone skipped that date.
 */
export function resolveLocal(timeZone: string, date: LocalDate, minute: number): Instant | null {
  const day = dayNumberOf(date)
  return isDayInZone(timeZone, day) ? resolveWallTime(timeZone, day, minute) : null
}

/**
 * From the first instant at which calendars in the zone show one of the dates to the last. Where
 * clocks go back over midnight, a date comes back after the next one began: the spans of two such
 * dates overlap, and only `localDateOf` tells whose an instant in both is.
 */
export function spanOfDates(timeZone: string, from: LocalDate, to: LocalDate): Interval {
  const dayAfter = dayNumberOf(to) + 1
  const endsAt = resolveWallTime(timeZone, dayAfter, 0)
  const zone = zoneOf(timeZone)
  const local = endsAt + seasonAt(zone, endsAt).offset
  const next = seasonAt(zone, zone.latest.endsAt)
  return {
    startsAt: resolveWallTime(timeZone, dayNumberOf(from), 0),
    endsAt: next.startsAt + next.offset < local ? local - next.offset : endsAt,
  }
}

const earliestLocal = firstDayNumber * dayLength
const latestLocal = (lastDayNumber + 1) * dayLength - 1

/** Local milliseconds as if they were UTC, kept within the years that dates are written for. */
function localOf(at: Instant, timeZone: string): number {
  const local = at + seasonAt(zoneOf(timeZone), at).offset
  return Math.min(Math.max(local, earliestLocal), latestLocal)
}

/** The day number of the date that calendars in the zone show then. */
export function localDayNumberOf(at: Instant, timeZone: string): number {
  return Math.floor(localOf(at, timeZone) / dayLength)
}

/** The date that calendars in the zone show then. */
export function localDateOf(at: Instant, timeZone: string): LocalDate {
  return dateOfDayNumber(localDayNumberOf(at, timeZone))
}

function formatLocal(local: number): string {
  const day = Math.floor(local / dayLength)
  const time = local - day * dayLength
  const seconds = Math.floor(time / 1000)
  const fraction = Math.floor(time % 1000)
  const clock = `${formatMinute(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`
  const decimals = fraction === 0 ? '' : `.${String(fraction).padStart(3, '0')}`
  return `${dateOfDayNumber(day)}T${clock}${decimals}`
}

/** What calendar and clock in the zone show then, '2026-11-24T10:40:00'. */
export function localDateTimeOf(at: Instant, timeZone: string): string {
  return formatLocal(localOf(at, timeZone))
}

/**
 * What calendar and clock in the zone show then, in the words of a language (BCP 47) and as far as
 * `parts` asks: 'Tuesday 24 November'. The local time is this module's, the words are those of Intl.
 */
export function formatForPeople(
  at: Instant,
  { timeZone, language, parts }: { timeZone: string; language: string; parts: PartsForPeople },
): string {
  return formatterOf(language, { ...parts, timeZone: 'UTC' }).format(localOf(at, timeZone))
}

/** Parts of a date or time, as the second argument of Intl.DateTimeFormat has them. */
export type PartsForPeople = Pick<
  Intl.DateTimeFormatOptions,
  'weekday' | 'day' | 'month' | 'year' | 'hour' | 'minute' | 'hourCycle'
>

/** How people call the zone then in the language, the same in summer and winter: 'Central European Time'. */
export function zoneNameForPeople(
  at: Instant,
  { timeZone, language }: { timeZone: string; language: string },
): string {
  const formatter = formatterOf(language, { timeZone, timeZoneName: 'longGeneric' })
  const name = formatter.formatToParts(at).find(({ type }) => type === 'timeZoneName')
  return name?.value ?? timeZone
}

/** Making one takes far longer than using it. */
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([language, options])
  const known = formatters.get(key)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat(language, options)
  formatters.set(key, made)
  return made
}

// ── Instants as text ─────────────────────────────────────────────────────────────────────────────

/**
 * RFC 3339 with the offset that the zone has then, '2026-11-24T10:40:00+01:00'. Where RFC 3339 has
 * no way to write it so (an offset with seconds, as there were until 1972, or a local year past 9999), UTC.
 */
export function formatInstant(at: Instant, timeZone: string): string {
  const { offset } = seasonAt(zoneOf(timeZone), at)
  const local = at + offset
  if (offset % minuteLength !== 0 || local < earliestLocal || local > latestLocal) {
    return `${formatLocal(at)}+00:00`
  }
  const minutes = Math.abs(offset) / minuteLength
  return `${formatLocal(local)}${offset < 0 ? '-' : '+'}${formatMinute(minutes)}`
}

/** RFC 3339 in UTC with milliseconds, '2026-11-24T09:40:00.000Z': what the database is given. */
export function formatUtc(at: Instant): string {
  return new Date(at).toISOString()
}

/** Milliseconds of the 'hh:mm:ss' from `at`; or NaN. */
function timeOfText(text: string, at: number): number {
  if (text.charCodeAt(at + 2) !== 58 || text.charCodeAt(at + 5) !== 58) return Number.NaN
  const hour = digitsAt(text, at, 2)
  const minute = digitsAt(text, at + 3, 2)
  const second = digitsAt(text, at + 6, 2)
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN
  return ((hour * 60 + minute) * 60 + second) * 1000
}

const fractionAndOffset = /^(?<fraction>\.\d+)?(?:[Zz]|(?<sign>[+\-])(?<offset>\d\d(?::?\d\d)?))$/v

function instantOfText(text: string): Instant {
  const start = dayOfText(text) * dayLength + timeOfText(text, 11)
  const rest = fractionAndOffset.exec(text.slice(19))
  if (rest === null || Number.isNaN(start)) return Number.NaN
  const { fraction, sign, offset = '00' } = rest.groups ?? {}
  const milliseconds = fraction === undefined ? 0 : Number(fraction.slice(1, 4).padEnd(3, '0'))
  const offsetMinutes = Number(offset.slice(0, 2)) * 60 + Number(offset.slice(2).replace(':', ''))
  return start + milliseconds - (sign === '-' ? -1 : 1) * offsetMinutes * minuteLength
}

const rfc3339 = /^.{10}[Tt].{8}(?:\.\d{1,20})?(?:[Zz]|[+\-](?:[01]\d|2[0-3]):[0-5]\d)$/v

/**
 * The instant that an RFC 3339 text names, with any offset; fractions of a millisecond are cut off.
 * Null when the text is none, names a date or time that doesn't exist, or leaves the years 0001 to
 * 9999 in UTC.
 */
export function parseInstant(text: string): Instant | null {
  if (text.length > 50 || !rfc3339.test(text)) return null
  const at = instantOfText(text)
  return at >= earliestLocal && at <= latestLocal ? at : null
}

/**
 * The instant of a `timestamptz` as PostgreSQL prints it, '2026-11-24 09:40:00+00' with up to six
 * decimals. Throws a RangeError for anything else, which no row of ours holds.
 */
export function parseDatabaseInstant(text: string): Instant {
  const at = text.charCodeAt(10) === 32 ? instantOfText(text) : Number.NaN
  if (Number.isNaN(at)) throw new RangeError(`Not a timestamp of the database: ${text}`)
  return at
}
