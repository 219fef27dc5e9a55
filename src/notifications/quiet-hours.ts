// The hours of the day at which someone does not want to be disturbed. Pure.

import { localDayNumberOf, resolveWallTime, type Instant } from '#src/kernel/time.ts'

/** Minutes after midnight in the zone; `toMinute` before `fromMinute` is that of the next morning. */
export interface QuietHours {
  fromMinute: number
  toMinute: number
  timeZone: string
}

const dayMinutes = 1440
/** Clocks that change at midnight, or skip a day, move an end by no more than this. */
const daysAround = 2

/**
 * When to send what is ready `now`: at the end of the quiet hours that `now` lies in, else at once. At
 * once too when waiting would tell it too late, at `before` or after it. A start or end that clocks skip
 * moves forward by the gap, one that they show twice is the first.
 */
export function sendAt({
  now,
  quiet,
  before,
}: {
  now: Instant
  quiet: QuietHours | null
  before: Instant | null
}): Instant {
  if (quiet === null) return now
  const { fromMinute, toMinute, timeZone } = quiet
  const lastMinute = toMinute > fromMinute ? toMinute : toMinute + dayMinutes
  const today = localDayNumberOf(now, timeZone)
  let at = now
  // In order, since where clocks leap the quiet hours of a day can begin before the last ones ended.
  for (let day = today - daysAround; day <= today + daysAround; day += 1) {
    const startsAt = resolveWallTime(timeZone, day, fromMinute)
    const endsAt = resolveWallTime(timeZone, day, lastMinute)
    if (startsAt <= at && at < endsAt) at = endsAt
  }
  return before === null || at < before ? at : now
}
