// Which of a doctor's visits goes to which open time when the doctor is away. Pure: no clock, no
// environment, no database.

import { overlaps, type Interval } from '#src/kernel/interval.ts'
import { localDateOf, type Instant, type LocalDate } from '#src/kernel/time.ts'

/** The open times of one doctor at one clinic for one kind of visit. */
export interface Place {
  doctorId: string
  clinicId: string
  visitTypeId: string
  timeZone: string
  durationMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  /** In order of time, each open by itself. */
  starts: readonly Instant[]
  /** Those of which a visit takes one, each with what is claimed of it; null when it needs none. */
  rooms: readonly { id: string; claims: readonly Interval[] }[] | null
  /** How many visits the doctor sees on a date, and has on those that have any; null for no limit. */
  dailyLimit: { visitsMax: number; visitsOn: ReadonlyMap<LocalDate, number> } | null
}

/** A visit that is to be moved, and where it may go. */
export interface MovingVisit extends Interval {
  id: string
  doctorId: string
  clinicId: string
  patientId: string
  places: readonly Place[]
  /** Times before the visit's own count from here on; those after it always do. */
  earlierFrom: Instant
  /** When the patient is at another visit. */
  busy: readonly Interval[]
}

export interface Proposal extends Interval {
  place: Place
}

/**
 * Why nothing was found: nobody offers this kind of visit, there is no open time, or each one goes to
 * another visit of the plan or overlaps another visit of the patient.
 */
export const unplacedReasons = ['not-offered', 'no-open-time', 'all-taken'] as const
export type UnplacedReason = (typeof unplacedReasons)[number]

export interface PlannedVisit<Visit extends MovingVisit = MovingVisit> {
  visit: Visit
  proposed: Proposal | null
  /** The next nearest times that nobody else is given by the plan, nearest first. */
  alternatives: Proposal[]
  /** Null when there is a proposal. */
  reason: UnplacedReason | null
}

const minute = 60_000
const day = 86_400_000

/** What it weighs, in milliseconds of distance, to see another doctor, or to go to another clinic. */
const otherDoctorWeight = day
const otherClinicWeight = 7 * day

const alternativesMax = 3

/** What a planned visit takes. */
interface Taken {
  visitId: string
  patientId: string
  doctorId: string
  roomId: string | null
  /** Null where the doctor has no daily limit. */
  date: LocalDate | null
  /** The visit itself, which the patient is at. */
  visit: Interval
  /** With its buffers, for which the doctor and the room are taken. */
  whole: Interval
}

/**
 * Gives each visit, soonest first, the nearest time that is left: as near to its own as can be, where
 * another doctor weighs as much as a day and another clinic as a week. No doctor, room or patient is
 * planned into two places at once, nor a doctor beyond the daily limit. The order of the visits and of
 * their places makes no difference. Answers the visits soonest first.
 */
export function planRebooking<Visit extends MovingVisit>(
  visits: readonly Visit[],
): PlannedVisit<Visit>[] {
  const taken: Taken[] = []
  const chosen = visits.toSorted(bySoonest).map((visit) => {
    let isAnyOpen = false
    for (const proposed of nearestFirst(visit)) {
      isAnyOpen = true
      const found = takenBy(visit, proposed, taken)
      if (found === null) continue
      taken.push(found)
      return { visit, proposed, reason: null }
    }
    const isOffered = visit.places.length > 0
    const reason = isAnyOpen ? 'all-taken' : isOffered ? 'no-open-time' : 'not-offered'
    return { visit, proposed: null, reason } as const
  })
  return chosen.map((one) => ({ ...one, alternatives: alternativesOf(one, taken) }))
}

function bySoonest(one: MovingVisit, other: MovingVisit): number {
  return one.startsAt - other.startsAt || compare(one.id, other.id)
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1
}

/** The nearest times besides the proposed one that no other visit is given by the whole plan. */
function alternativesOf(
  { visit, proposed }: { visit: MovingVisit; proposed: Proposal | null },
  taken: readonly Taken[],
): Proposal[] {
  if (proposed === null) return []
  const others = taken.filter(({ visitId }) => visitId !== visit.id)
  const found: Proposal[] = []
  for (const next of nearestFirst(visit)) {
    const isProposed = next.place === proposed.place && next.startsAt === proposed.startsAt
    if (isProposed || takenBy(visit, next, others) === null) continue
    found.push(next)
    if (found.length === alternativesMax) break
  }
  return found
}

/** What the visit would take there, or null when something of it is taken already. */
function takenBy(
  visit: MovingVisit,
  { place, startsAt, endsAt }: Proposal,
  taken: readonly Taken[],
): Taken | null {
  const during = { startsAt, endsAt }
  const whole = {
    startsAt: startsAt - place.bufferBeforeMinutes * minute,
    endsAt: endsAt + place.bufferAfterMinutes * minute,
  }
  if (visit.busy.some((other) => overlaps(other, during))) return null
  const { doctorId, dailyLimit } = place
  for (const other of taken) {
    if (other.doctorId === doctorId && overlaps(other.whole, whole)) return null
    if (other.patientId === visit.patientId && overlaps(other.visit, during)) return null
  }
  const date = dailyLimit && localDateOf(startsAt, place.timeZone)
  if (dailyLimit !== null && date !== null) {
    const planned = taken.filter((other) => other.doctorId === doctorId && other.date === date)
    const visitsOn = (dailyLimit.visitsOn.get(date) ?? 0) + planned.length
    if (visitsOn >= dailyLimit.visitsMax) return null
  }
  const roomId = freeRoom(place, whole, taken)
  if (roomId === undefined) return null
  const { id: visitId, patientId } = visit
  return { visitId, patientId, doctorId, roomId, date, visit: during, whole }
}

/** Null when none is needed, undefined when none is free. */
function freeRoom(
  { rooms }: Place,
  whole: Interval,
  taken: readonly Taken[],
): string | null | undefined {
  if (rooms === null) return null
  return rooms.find(
    ({ id, claims }) =>
      !claims.some((claim) => overlaps(claim, whole)) &&
      !taken.some((other) => other.roomId === id && overlaps(other.whole, whole)),
  )?.id
}

/** The open times of the visit's places from the nearest on, found as they are asked for. */
function* nearestFirst(visit: MovingVisit): Generator<Proposal> {
  const heads = visit.places.flatMap((place) => advance(cursorAt(place, visit), visit))
  for (;;) {
    let first = heads[0]
    if (first === undefined) return
    for (const head of heads) if (byNearest(head, first) < 0) first = head
    yield first.proposal
    heads.splice(heads.indexOf(first), 1, ...advance(first.cursor, visit))
  }
}

/** A place, and the next of its starts to either side of the visit's own. */
interface Cursor {
  place: Place
  weight: number
  before: number
  after: number
}

interface Head {
  cursor: Cursor
  distance: number
  proposal: Proposal
}

function cursorAt(place: Place, visit: MovingVisit): Cursor {
  let low = 0
  let high = place.starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (place.starts[middle]! < visit.startsAt) low = middle + 1
    else high = middle
  }
  const weight =
    (place.doctorId === visit.doctorId ? 0 : otherDoctorWeight) +
    (place.clinicId === visit.clinicId ? 0 : otherClinicWeight)
  return { place, weight, before: low - 1, after: low }
}

/** The next start of the cursor's place, and none when there is no more. */
function advance(cursor: Cursor, visit: MovingVisit): Head[] {
  const { place, weight } = cursor
  const before = place.starts[cursor.before]
  const earlier = before !== undefined && before >= visit.earlierFrom ? before : undefined
  const later = place.starts[cursor.after]
  const isEarlier =
    earlier !== undefined &&
    (later === undefined || visit.startsAt - earlier <= later - visit.startsAt)
  const startsAt = isEarlier ? earlier : later
  if (startsAt === undefined) return []
  if (isEarlier) cursor.before -= 1
  else cursor.after += 1
  const endsAt = startsAt + place.durationMinutes * minute
  const distance = Math.abs(startsAt - visit.startsAt) + weight
  return [{ cursor, distance, proposal: { place, startsAt, endsAt } }]
}

/** Of two equally near, the one that weighs less comes first, then the sooner. */
function byNearest(one: Head, other: Head): number {
  return (
    one.distance - other.distance ||
    one.cursor.weight - other.cursor.weight ||
    one.proposal.startsAt - other.proposal.startsAt ||
    compare(one.cursor.place.doctorId, other.cursor.place.doctorId) ||
    compare(one.cursor.place.clinicId, other.cursor.place.clinicId)
  )
}
