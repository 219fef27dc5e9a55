// Half-open stretches of time, [startsAt, endsAt): two that only touch have no instant in common.

import type { Instant } from './time.ts'

export interface Interval {
  startsAt: Instant
  endsAt: Instant
}

/** Whether the two have an instant in common. An interval that ends as it begins has none. */
export function overlaps(one: Interval, other: Interval): boolean {
  return Math.max(one.startsAt, other.startsAt) < Math.min(one.endsAt, other.endsAt)
}

/** Whether each begins before it ends and not before the one ahead of it has ended. */
function isSortedAndApart(intervals: readonly Interval[]): boolean {
  let end = Number.NEGATIVE_INFINITY
  for (const { startsAt, endsAt } of intervals) {
    if (startsAt < end || startsAt >= endsAt) return false
    end = endsAt
  }
  return true
}

/**
 * The intervals in order of time with none overlapping another, covering the same instants. Returns
 * the very list when it is so already, which long lists that are kept in order nearly always are;
 * ones that only touch may stay apart.
 */
export function inOrder(intervals: readonly Interval[]): readonly Interval[] {
  return isSortedAndApart(intervals) ? intervals : unite(intervals)
}

/**
 * The fewest intervals that cover the same instants, in order of time: overlapping and touching ones
 * become one, empty ones and ones that end before they begin go.
 */
export function unite(intervals: readonly Interval[]): Interval[] {
  const ordered = intervals
    .filter((interval) => interval.startsAt < interval.endsAt)
    .sort((one, other) => one.startsAt - other.startsAt)
  const united: Interval[] = []
  let last: Interval | undefined
  for (const { startsAt, endsAt } of ordered) {
    if (last !== undefined && startsAt <= last.endsAt) {
      if (endsAt > last.endsAt) last.endsAt = endsAt
    } else {
      last = { startsAt, endsAt }
      united.push(last)
    }
  }
  return united
}
