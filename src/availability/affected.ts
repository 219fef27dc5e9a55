// Which booked visits a change of a doctor's hours would leave outside them. Pure: no clock, no
// environment, no database.

import { createHash } from 'node:crypto'
import { unite, type Interval } from '#src/kernel/interval.ts'
import { earlierOf, laterOf, type LocalDate } from '#src/kernel/calendar.ts'
import { localDateOf } from '#src/kernel/time.ts'
import { windowsOf, type Opening, type WeeklyHours } from './windows.ts'

export interface BookedVisit extends Interval {
  id: string
  clinicId: string
  visitTypeId: string
}

/** When a doctor sees patients, whatever is cut out of it. */
export interface OpenHours {
  hours: readonly WeeklyHours[]
  openings: readonly Opening[]
}

/**
 * The visits that lie within the hours `before` the change and not within those `after` it, for
 * their clinic and type of visit, soonest first. A visit that is outside already, as an overbooked
 * one may be, is not the change's doing. Nor are time off, closures and a pause, which no hours
 * decide about. Visits at other clinics than the given ones are left out.
 */
export function visitsLeftOutside<Visit extends BookedVisit>(
  visits: readonly Visit[],
  change: {
    before: OpenHours
    after: OpenHours
    clinics: readonly { id: string; timeZone: string }[]
  },
): Visit[] {
  const zones = new Map(change.clinics.map(({ id, timeZone }) => [id, timeZone]))
  const groups = Map.groupBy(visits, ({ clinicId, visitTypeId }) => `${clinicId} ${visitTypeId}`)
  return [...groups.values()]
    .flatMap((group) => {
      const timeZone = zones.get(group[0]?.clinicId ?? '')
      if (timeZone === undefined) return []
      const ordered = group.toSorted(bySoonest)
      const stay = new Set(within(ordered, change.after, timeZone))
      return within(ordered, change.before, timeZone).filter((visit) => !stay.has(visit))
    })
    .sort(bySoonest)
}

/** Those of the visits, which are in order of time and of one kind, that lie within the hours. */
function within<Visit extends BookedVisit>(
  visits: readonly Visit[],
  { hours, openings }: OpenHours,
  timeZone: string,
): Visit[] {
  const [first] = visits
  if (first === undefined) return []
  const { clinicId, visitTypeId } = first
  const { from, to } = datesOf(visits, timeZone)
  const runs = unite(
    windowsOf(
      { hours, openings, timeOff: [], paused: false },
      { clinicId, timeZone, closures: [] },
      visitTypeId,
      from,
      to,
    ),
  )
  let next = 0
  return visits.filter(({ startsAt, endsAt }) => {
    while ((runs[next]?.endsAt ?? Number.POSITIVE_INFINITY) <= startsAt) next += 1
    const run = runs[next]
    return run !== undefined && run.startsAt <= startsAt && endsAt <= run.endsAt
  })
}

/** The clinic's dates that the visits begin on. Where a date comes twice, order says nothing of it. */
function datesOf(
  visits: readonly BookedVisit[],
  timeZone: string,
): { from: LocalDate; to: LocalDate } {
  const dates = visits.map(({ startsAt }) => localDateOf(startsAt, timeZone))
  return { from: dates.reduce(earlierOf), to: dates.reduce(laterOf) }
}

function bySoonest(one: BookedVisit, other: BookedVisit): number {
  return one.startsAt - other.startsAt || (one.id < other.id ? -1 : 1)
}

/**
 * What stands for exactly these visits at these times, whatever their order, so that someone who
 * agreed to it has seen them all.
 */
export function confirmationOf(visits: readonly BookedVisit[]): string {
  const text = visits
    .map(({ id, startsAt }) => `${id} ${startsAt}`)
    .toSorted()
    .join('\n')
  return createHash('sha256').update(text).digest('base64url')
}
