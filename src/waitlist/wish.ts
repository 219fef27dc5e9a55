// Which times suit an entry, and when nothing can suit it any more. Pure.

import { isAhead } from '#src/booking/appointment-state.ts'
import {
  localDateOf,
  localDateTimeOf,
  parseMinute,
  resolveLocal,
  type Instant,
  type LocalDate,
} from '#src/kernel/time.ts'
import type { EntryRow } from './queries.ts'

/** Where the clock is furthest behind: a date is over when it is over there. */
const lastZone = 'Pacific/Pago_Pago'

/** Whether the entry asks for this date of the clinic's calendar; `weekday` is the date's, 1 to 7. */
export function suitsDate(
  wish: Pick<EntryRow, 'weekdays' | 'from_date' | 'until_date'>,
  { date, weekday }: { date: LocalDate; weekday: number },
): boolean {
  if (wish.from_date !== null && date < wish.from_date) return false
  if (wish.until_date !== null && date > wish.until_date) return false
  return wish.weekdays === null || wish.weekdays.includes(weekday)
}

/** Whether a visit from this minute of the clinic's day on lies within the hours of the entry. */
export function suitsHours(
  wish: Pick<EntryRow, 'from_minute' | 'to_minute'>,
  { fromMinute, durationMinutes }: { fromMinute: number; durationMinutes: number },
): boolean {
  if (wish.from_minute !== null && fromMinute < wish.from_minute) return false
  return wish.to_minute === null || fromMinute + durationMinutes <= wish.to_minute
}

/** What the clock in the zone shows, in minutes since midnight. */
export function minuteOfDay(at: Instant, timeZone: string): number {
  return parseMinute(localDateTimeOf(at, timeZone).slice(11, 16)) ?? 0
}

/**
 * Whether nothing can suit the entry any more: its visit is off, under way or so early that nothing
 * earlier is asked for; its dates have passed; or who waited for a first visit has one. A visit that was
 * called off counts for `patienceMilliseconds` more, in which that can be undone.
 */
export function isOver(
  entry: Pick<
    EntryRow,
    | 'from_date'
    | 'until_date'
    | 'visit_status'
    | 'visit_starts_at'
    | 'visit_changed_at'
    | 'time_zone'
  > & { has_visit: boolean },
  { now, patienceMilliseconds }: { now: Instant; patienceMilliseconds: number },
): boolean {
  const { visit_status, visit_starts_at, visit_changed_at, from_date, until_date } = entry
  if (entry.has_visit) return true
  if (until_date !== null && localDateOf(now, entry.time_zone ?? lastZone) > until_date) return true
  if (visit_status === null || visit_starts_at === null) return false
  if (!isAhead(visit_status)) return now - (visit_changed_at ?? 0) > patienceMilliseconds
  if (visit_starts_at <= now) return true
  if (from_date === null || entry.time_zone === null) return false
  const earliest = resolveLocal(entry.time_zone, from_date, 0)
  return earliest !== null && visit_starts_at <= earliest
}
