// Which starts of a doctor's windows are open. Listing and booking ask the same walk, so that what
// is listed can be booked. Pure: no clock, no environment, no database.

import { inOrder } from '#src/kernel/interval.ts'
import type { Interval } from '#src/kernel/interval.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Window } from './windows.ts'

export { cutsOf, windowsOf } from './windows.ts'
export type { ClinicCalendar, Closure, Opening, Schedule, WeeklyHours, Window } from './windows.ts'

export interface VisitTypeRule {
  id: string
  durationMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  /** From one start of the grid to the next; null for the visit and its buffers one after another. */
  stepMinutes: number | null
}

export interface SlotSearch {
  /** Of one clinic, as `windowsOf` gives them. */
  windows: readonly Window[]
  /** As `cutsOf` gives them: the visit must miss them, its buffers need not. */
  cuts: readonly Interval[]
  /** The doctor's at any clinic, each with its own buffers, without expired ones. */
  claims: readonly Interval[]
  /** The claims of each room that would do: one must be free for visit and buffers. Null: none needed. */
  rooms: readonly (readonly Interval[])[] | null
  /** The spans of the dates on which the doctor's daily limit is reached. */
  fullDays?: readonly Interval[]
  visitType: VisitTypeRule
  /** No start before this: now and the shortest notice. */
  earliest: Instant
  /** No start at or after this: the end of the booking horizon. */
  latest: Instant
  /** Stop after so many starts. */
  limit?: number
}

/** Intervals in order and apart, and the first of them that a start still ahead may meet. */
interface Track {
  intervals: readonly Interval[]
  next: number
}

function trackOf(intervals: readonly Interval[]): Track {
  return { intervals: inOrder(intervals), next: 0 }
}

/**
 * The end of the interval that is in the way of [startsAt, endsAt), or null when none is. The track
 * moves on, so the next question must not begin earlier.
 */
function obstacleEnd(track: Track, startsAt: Instant, endsAt: Instant): Instant | null {
  let interval = track.intervals[track.next]
  while (interval !== undefined && interval.endsAt <= startsAt) {
    track.next += 1
    interval = track.intervals[track.next]
  }
  return interval !== undefined && interval.startsAt < endsAt ? interval.endsAt : null
}

/** Null when one of the rooms is free, else the first instant at which one may be. */
function roomObstacleEnd(
  rooms: readonly Track[],
  startsAt: Instant,
  endsAt: Instant,
): Instant | null {
  let earliest = Number.POSITIVE_INFINITY
  for (const room of rooms) {
    const obstacle = obstacleEnd(room, startsAt, endsAt)
    if (obstacle === null) return null
    if (obstacle < earliest) earliest = obstacle
  }
  return earliest
}

function firstOnGrid(origin: Instant, step: number, notBefore: Instant): Instant {
  return notBefore <= origin ? origin : origin + Math.ceil((notBefore - origin) / step) * step
}

/**
 * The starts at which the visit can be booked, in order of time: on the grid of their window, which
 * cuts and claims don't shift, the visit within the window and clear of cuts, the visit with its
 * buffers clear of claims, though past the window's edge or in a cut they may reach.
 */
export function openStarts(search: SlotSearch): Instant[] {
  const { visitType, earliest, latest, limit = Number.POSITIVE_INFINITY } = search
  const duration = visitType.durationMinutes * 60_000
  const before = visitType.bufferBeforeMinutes * 60_000
  const after = visitType.bufferAfterMinutes * 60_000
  const step =
    visitType.stepMinutes === null ? before + duration + after : visitType.stepMinutes * 60_000
  if (!(step > 0 && duration > 0)) throw new RangeError('A visit and its step take time.')

  const cuts = trackOf(search.cuts)
  const fullDays = trackOf(search.fullDays ?? [])
  const claims = trackOf(search.claims)
  const rooms = search.rooms?.map(trackOf) ?? null

  /** The first instant at which to try again, or null when the start is open. */
  function obstacleAt(start: Instant): Instant | null {
    const freed =
      obstacleEnd(cuts, start, start + duration) ?? obstacleEnd(fullDays, start, start + 1)
    if (freed !== null) return freed
    const from = start - before
    const until = start + duration + after
    const released =
      obstacleEnd(claims, from, until) ??
      (rooms === null ? null : roomObstacleEnd(rooms, from, until))
    return released === null ? null : released + before
  }

  const starts: Instant[] = []
  for (const window of search.windows) {
    const until = Math.min(window.startsBefore, latest, window.endsAt - duration + 1)
    let start = firstOnGrid(window.startsAt, step, Math.max(window.startsFrom, earliest))
    while (start < until && starts.length < limit) {
      const tryAgainAt = obstacleAt(start)
      if (tryAgainAt === null) {
        starts.push(start)
        start += step
      } else {
        start = firstOnGrid(window.startsAt, step, tryAgainAt)
      }
    }
  }
  return starts
}

/**
 * Whether `openStarts` would list this start. If not, it is `taken` when only claims, rooms or a
 * full day are in the way, so that it may open again; else it is `not-offered`.
 */
export function checkStart(search: SlotSearch, start: Instant): 'open' | 'not-offered' | 'taken' {
  const only = {
    ...search,
    earliest: Math.max(search.earliest, start),
    latest: Math.min(search.latest, start + 1),
    limit: 1,
  }
  if (openStarts(only).length > 0) return 'open'
  const rooms = search.rooms?.length === 0 ? search.rooms : null
  const unclaimed = openStarts({ ...only, claims: [], rooms, fullDays: [] })
  return unclaimed.length > 0 ? 'taken' : 'not-offered'
}
