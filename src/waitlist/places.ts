// Where patients who wait could be seen, and what is open there. A pass through the waitlist works that
// out once for all entries, and an entry looks again only where something changed since it last did.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { liveClaims, type Claim } from '#src/availability/board.ts'
import {
  horizonOf,
  offersOf,
  openStartsOf,
  slotAt,
  todayOf,
  type Offer,
  type Slot,
} from '#src/availability/open-times.ts'
import { matchingDoctors } from '#src/availability/queries.ts'
import type { Context } from '#src/context.ts'
import { weekdayOf, type LocalDate } from '#src/kernel/calendar.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import type { EntryRow } from './queries.ts'
import { minuteOfDay, suitsDate, suitsHours } from './wish.ts'

/** Who takes an offer at its last minute must still get there. */
const leadMilliseconds = 2 * 60 * 60_000

/** By the clinic's clock, from and to: nobody is asked at night. */
const awakeMinutes = { from: 8 * 60, to: 20 * 60 }

/** How many times of a place are looked at when the first ones must wait. */
const candidatesMax = 20

/** How many doctors are read at a time, so that no request waits for all of them. */
const doctorsAtOnce = 20

type Looking = Pick<Context, 'board' | 'db'>

export interface Whereabouts extends Pick<EntryRow, 'appointment_id' | 'clinic_id'> {
  doctor_id: string | null
  specialty_id: string | null
  /** Null for whichever the doctors offer. */
  visit_type_id: string | null
}

/**
 * What the entry's doctor, or each doctor of its specialty, offers of its type of visit; looked at as
 * patients do. Who has a visit of a kind that patients can't book themselves may have it earlier.
 */
export async function offersFor({ board, db }: Looking, entry: Whereabouts): Promise<Offer[]> {
  const { doctor_id, specialty_id, clinic_id, appointment_id } = entry
  const doctors =
    doctor_id === null
      ? await matchingDoctors(db, { specialty: specialty_id ?? '' })
      : [{ id: doctor_id }]
  const offers: Offer[] = []
  for (let index = 0; index < doctors.length; index += doctorsAtOnce) {
    const found = await offersOf(board, {
      doctorIds: doctors.slice(index, index + doctorsAtOnce).map(({ id }) => id),
      clinicId: clinic_id ?? undefined,
      visitTypeId: entry.visit_type_id ?? undefined,
      viewerAt: () => (appointment_id === null ? 'patient' : 'staff'),
    })
    for (const offer of [...found.values()].flat()) offers.push({ ...offer, viewer: 'patient' })
  }
  return offers
}

/** The open starts of one date, with the minutes that the clinic's clock shows then. */
interface OpenDay {
  date: LocalDate
  weekday: number
  starts: Instant[]
  minutes: number[]
}

/** One doctor at one clinic for one type of visit, as it was when a pass first looked at it. */
interface Place {
  key: string
  offer: Offer
  claims: readonly Claim[]
  today: LocalDate
  isAwake: boolean
  /** The first instant at which a hold there runs out. */
  goodUntil: Instant
  /** The number of the change that made it so. */
  change: number
  /** Null until something looks at them; `claims` are those that they were worked out with. */
  open: { claims: readonly Claim[]; days: OpenDay[] } | null
  /** Whether somebody else had one of its times, so that memory is behind until the next pass. */
  isLost: boolean
}

/** Where entries with the same doctor or specialty, visit type and clinic may go. */
interface Group {
  places: readonly Place[]
  /** The number of the change since which it has these very places. */
  madeBy: number
  /** The number of its last change. */
  change: number
}

/** That an entry looked, when `change` was the last one, and at which places it found something. */
interface Look {
  change: number
  visitStartsAt: Instant | null
  found: ReadonlySet<string>
}

interface Seen {
  places: Map<string, Place>
  groups: Map<string, Group>
  looks: Map<string, Look>
}

/** What the passes through the waitlist know of each other. Changes are numbered as they are noticed. */
export interface Survey {
  changes: number
  before: Seen
  seen: Seen
}

function emptySeen(): Seen {
  return { places: new Map(), groups: new Map(), looks: new Map() }
}

/** Before the first pass. */
export function newSurvey(): Survey {
  return { changes: 0, before: emptySeen(), seen: emptySeen() }
}

/** Keeps what a pass saw for the next one. A pass that broke is not kept. */
export function keepSeen(survey: Survey): void {
  for (const place of survey.seen.places.values()) place.open = null
  survey.before = survey.seen
}

/** Forgets what a pass that broke saw. */
export function beginPass(survey: Survey): void {
  survey.seen = emptySeen()
}

/** Where the entry's patient may be seen, worked out once a pass. */
export async function groupOf(
  context: Looking,
  survey: Survey,
  { entry, now }: { entry: EntryRow; now: Instant },
): Promise<Group> {
  const { doctor_id, specialty_id, visit_type_id, clinic_id, appointment_id } = entry
  const key = [doctor_id ?? specialty_id, visit_type_id, clinic_id, appointment_id === null].join()
  const known = survey.seen.groups.get(key)
  if (known) return known
  const offers = await offersFor(context, entry)
  const places = offers.map((offer) => placeOf(survey, offer, now))
  const before = survey.before.groups.get(key)
  const isSame =
    before?.places.length === places.length &&
    places.every((place, index) => place.key === before.places[index]?.key)
  const madeBy = before && isSame ? before.madeBy : (survey.changes += 1)
  const change = places.reduce((last, place) => Math.max(last, place.change), madeBy)
  const group = { places, madeBy, change }
  survey.seen.groups.set(key, group)
  return group
}

/** The very place of the pass before, unless something changed by which more may be open. */
function placeOf(survey: Survey, offer: Offer, now: Instant): Place {
  const key = [offer.doctor.id, offer.clinicId, offer.visitTypeId].join()
  const known = survey.seen.places.get(key)
  if (known) return known
  const minute = minuteOfDay(now, offer.clinic.calendar.timeZone)
  const isAwake = minute >= awakeMinutes.from && minute < awakeMinutes.to
  const today = todayOf(offer, now)
  const before = survey.before.places.get(key)
  const isSame =
    before?.isLost === false &&
    before.today === today &&
    before.isAwake === isAwake &&
    before.goodUntil > now &&
    before.claims === offer.doctor.claims &&
    isSameSchedule(before.offer, offer)
  const place: Place =
    before && isSame
      ? before
      : {
          key,
          offer,
          claims: offer.doctor.claims,
          today,
          isAwake,
          goodUntil: firstExpiry(offer, now),
          change: (survey.changes += 1),
          open: null,
          isLost: false,
        }
  survey.seen.places.set(key, place)
  return place
}

function isSameSchedule(before: Offer, offer: Offer): boolean {
  if (before.doctor !== offer.doctor || before.visitType !== offer.visitType) return false
  // A clinic is read again with each visit that takes a room, and not all visits do.
  return offer.visitType.roomKind === null
    ? before.clinic.scheduleVersion === offer.clinic.scheduleVersion
    : before.clinic === offer.clinic
}

function firstExpiry({ doctor, clinic, visitType }: Offer, now: Instant): Instant {
  let first = Number.POSITIVE_INFINITY
  for (const { claims } of visitType.roomKind === null ? [doctor] : [doctor, ...clinic.rooms])
    for (const { expiresAt } of liveClaims(claims, now))
      if (expiresAt !== null && expiresAt < first) first = expiresAt
  return first
}

export interface Candidate {
  place: Place
  offer: Offer
  slot: Slot
}

/**
 * The first open times of each place of the group that suit the entry and are new to it, soonest first.
 * Looks only at the places that changed since the entry last looked, and where it found something then.
 */
export async function openTimesFor(
  survey: Survey,
  entry: EntryRow,
  asked: { group: Group; now: Instant; isNew: (slot: Slot) => boolean },
): Promise<Candidate[]> {
  const { group, now } = asked
  const { visit_starts_at: visitStartsAt } = entry
  const last = survey.before.looks.get(entry.id)
  const isGood =
    last !== undefined && last.change >= group.madeBy && last.visitStartsAt === visitStartsAt
  const candidates: Candidate[] = []
  if (!isGood || last.found.size > 0 || last.change < group.change)
    for (const place of group.places) {
      if (isGood && place.change <= last.change && !last.found.has(place.key)) continue
      if (!place.isAwake || place.isLost) continue
      if (place.open?.claims !== place.offer.doctor.claims) {
        place.open = { claims: place.offer.doctor.claims, days: openDaysOf(place.offer, now) }
        // Requests go first.
        await nextTurn()
      }
      addCandidates(candidates, entry, { ...asked, place, days: place.open.days })
    }
  const found = new Set(candidates.map(({ place }) => place.key))
  survey.seen.looks.set(entry.id, { change: survey.changes, visitStartsAt, found })
  return candidates.sort((one, other) => one.slot.startsAt - other.slot.startsAt)
}

function openDaysOf(offer: Offer, now: Instant): OpenDay[] {
  const { timeZone } = offer.clinic.calendar
  const days: OpenDay[] = []
  for (const start of openStartsOf(offer, {
    from: todayOf(offer, now),
    to: horizonOf(offer, now),
    now,
  })) {
    const date = localDateOf(start, timeZone)
    let day = days.at(-1)
    if (day?.date !== date) {
      day = { date, weekday: weekdayOf(date), starts: [], minutes: [] }
      days.push(day)
    }
    day.starts.push(start)
    day.minutes.push(minuteOfDay(start, timeZone))
  }
  return days
}

function addCandidates(
  candidates: Candidate[],
  entry: EntryRow,
  asked: { place: Place; days: readonly OpenDay[]; now: Instant; isNew: (slot: Slot) => boolean },
): void {
  const { place, now } = asked
  const { offer } = place
  const { durationMinutes } = offer.visitType.rule
  const earliest = now + leadMilliseconds
  const before = entry.visit_starts_at ?? Number.POSITIVE_INFINITY
  let left = candidatesMax
  for (const day of asked.days) {
    if (!suitsDate(entry, day)) continue
    for (const [index, startsAt] of day.starts.entries()) {
      if (startsAt < earliest || startsAt >= before) continue
      const fromMinute = day.minutes[index]!
      if (!suitsHours(entry, { fromMinute, durationMinutes })) continue
      const slot = slotAt(offer, startsAt)
      if (!asked.isNew(slot)) continue
      candidates.push({ place, offer, slot })
      left -= 1
      if (left === 0) return
    }
  }
}
