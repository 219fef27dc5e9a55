// Which times suit an entry, and when nothing can suit it any more. Pure.

import type { Slot } from '#src/availability/open-times.ts'
import { isAhead } from '#src/booking/appointment-state.ts'
import { weekdayOf } from '#src/kernel/calendar.ts'
import {
  localDateOf,
  localDateTimeOf,
  parseMinute,
  resolveLocal,
  type Instant,
} from '#src/kernel/time.ts'
import type { EntryRow } from './queries.ts'

/** Where the clock is furthest behind: a date is over when it is over there. */
const lastZone = 'Pacific/Pago_Pago'

const minute = 60_000

type Wish = Pick<
  EntryRow,
  'weekdays' | 'from_minute' | 'to_minute' | 'from_date' | 'until_date' | 'visit_starts_at'
>

/** Whether the slot is one that the entry asks for: on its dates, days and hours, and earlier. */
export function fits(wish: Wish, slot: Slot): boolean {
  const { startsAt, endsAt, timeZone } = slot
  if (wish.visit_starts_at !== null && startsAt >= wish.visit_starts_at) return false
  const date = localDateOf(startsAt, timeZone)
  if (wish.from_date !== null && date < wish.from_date) return false
  if (wish.until_date !== null && date > wish.until_date) return false
  if (wish.weekdays !== null && !wish.weekdays.includes(weekdayOf(date))) return false
  const from = minuteOfDay(startsAt, timeZone)
  if (wish.from_minute !== null && from < wish.from_minute) return false
  return wish.to_minute === null || from + (endsAt - startsAt) / minute <= wish.to_minute
}

/** What the clock in the zone shows, in minutes since midnight. */
export function minuteOfDay(at: Instant, timeZone: string): number {
  return parseMinute(localDateTimeOf(at, timeZone).slice(11, 16)) ?? 0
}

/**
 * Whether nothing can suit the entry any more: its visit is off, under way or so early that nothing
 * earlier is asked for, or its dates have passed. A visit that was called off counts for
 * `patienceMilliseconds` more, in which that can be undone.
 */
export function isOver(
  entry: Wish & Pick<EntryRow, 'visit_status' | 'visit_changed_at' | 'time_zone'>,
  { now, patienceMilliseconds }: { now: Instant; patienceMilliseconds: number },
): boolean {
  const { visit_status, visit_starts_at, visit_changed_at, from_date, until_date } = entry
  if (until_date !== null && localDateOf(now, entry.time_zone ?? lastZone) > until_date) return true
  if (visit_status === null || visit_starts_at === null) return false
  if (!isAhead(visit_status)) return now - (visit_changed_at ?? 0) > patienceMilliseconds
  if (visit_starts_at <= now) return true
  if (from_date === null || entry.time_zone === null) return false
  const earliest = resolveLocal(entry.time_zone, from_date, 0)
  return earliest !== null && visit_starts_at <= earliest
}
