// Where the visits of a doctor who is away may go: the open times of the doctor and of colleagues, as
// the planner wants them. Each doctor's times are worked out once for all visits.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { liveClaims } from '#src/availability/board.ts'
import {
  horizonOf,
  offersOf,
  openStartsOf,
  roomIdsOf,
  slotAt,
  todayOf,
  type Offer,
} from '#src/availability/open-times.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import { colleaguesOf } from '#src/availability/queries.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { earlierOf, laterOf } from '#src/kernel/calendar.ts'
import { invalidField } from '#src/kernel/errors.ts'
import { overlaps, type Interval } from '#src/kernel/interval.ts'
import { addDays, localDateOf, type Instant, type LocalDate } from '#src/kernel/time.ts'
import { isAhead } from './appointment-state.ts'
import type { MovingVisit, Place } from './rebooking-plan.ts'
import { claimsOfPatients, type MovingRow } from './rebooking-queries.ts'

const day = 86_400_000

/** How many days before and after its own a visit's new time is looked for. */
const daysAround = 28

/** Nobody is asked to come earlier than planned at shorter notice. */
const earlierNoticeMilliseconds = day

const colleaguesMax = 25

/** What decides where the visits may go. */
export interface Planning {
  /** Whose visits they are. */
  doctorId: string
  /** When the doctor is away, if that is known. */
  absence: Interval | null
  doctors: 'same' | 'any'
  /** The last clinic-local date to look at; 28 days after the last visit by default. */
  until: LocalDate | undefined
  now: Instant
}

/**
 * The visits, which are in order of time, with where each may go and where its patient is. A visit
 * keeps its type and its zone, and goes only where the caller may book: as staff, who are not bound by
 * notice and horizon.
 *
 * @throws InvalidRequest when `until` is over.
 */
export async function movingVisits(
  context: SignedInContext,
  rows: readonly MovingRow[],
  planning: Planning,
): Promise<MovingVisit[]> {
  const { now } = planning
  const dates = datesOf(rows, planning)
  if (dates === null) return []
  const patientIds = [...new Set(rows.map((row) => row.patient_id))]
  const claims = await withRetry(() => claimsOfPatients(context.db, { patientIds, now }))
  const claimsByPatient = Map.groupBy(claims, ({ patientId }) => patientId)
  const places = await placesByKind(context, rows, { ...planning, ...dates })
  return rows.map((row) => ({
    id: row.id,
    doctorId: row.doctor_id,
    clinicId: row.clinic_id,
    patientId: row.patient_id,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    places: places.get(kindOf(row)) ?? [],
    // Who sits in the waiting room can be seen at once.
    earlierFrom: isAhead(row.status) ? now + earlierNoticeMilliseconds : now,
    busy: (claimsByPatient.get(row.patient_id) ?? []).filter(
      ({ appointmentId }) => appointmentId !== row.id,
    ),
  }))
}

interface Dates {
  from: LocalDate
  to: LocalDate
}

/** The dates to look at for all of the visits; null when there are none. */
function datesOf(rows: readonly MovingRow[], { until, now }: Planning): Dates | null {
  const [first, last] = [rows[0], rows.at(-1)]
  if (!first || !last) return null
  if (until !== undefined && until < localDateOf(now, first.time_zone))
    throw invalidField('/until', '/until must not lie in the past.')
  const dateOf = (row: MovingRow) => localDateOf(Math.max(row.starts_at, now), row.time_zone)
  return {
    from: addDays(dateOf(first), -daysAround),
    to: until ?? addDays(dateOf(last), daysAround),
  }
}

/** Visits of one type at one clinic may go to the same places. */
function kindOf(row: MovingRow): string {
  return `${row.clinic_id} ${row.visit_type_id}`
}

async function placesByKind(
  context: SignedInContext,
  rows: readonly MovingRow[],
  planning: Planning & Dates,
): Promise<Map<string, Place[]>> {
  const doctorIdsAt = await doctorIdsByClinic(context, rows, planning)
  const doctorIds = [...new Set([...doctorIdsAt.values()].flat())]
  const places = new Map<string, Place[]>()
  for (const [visitTypeId, ofType] of Map.groupBy(rows, (row) => row.visit_type_id)) {
    const asked = { doctorIds, visitTypeId, viewerAt: () => 'staff' as const }
    const found = [...(await offersOf(context.board, asked)).values()].flat()
    // They are looked at as staff, so only those are left in whose staff the caller is.
    const offers = found.filter(({ doctor, clinicId }) =>
      isStaffOf(context.actor, { doctorId: doctor.id, clinicId }),
    )
    const worked = new Map<Offer, Place>()
    for (const [kind, [row]] of Map.groupBy(ofType, kindOf)) {
      const doctorIdsHere = new Set(doctorIdsAt.get(row!.clinic_id))
      const fitting = offers.filter(
        ({ doctor, clinic }) =>
          doctorIdsHere.has(doctor.id) && clinic.calendar.timeZone === row!.time_zone,
      )
      for (const offer of fitting)
        if (!worked.has(offer)) {
          worked.set(offer, placeOf(offer, planning))
          // Others are answered while a long absence is planned.
          await nextTurn()
        }
      places.set(
        kind,
        fitting.map((offer) => worked.get(offer)!),
      )
    }
  }
  return places
}

/** The doctor, and with `any` the colleagues, who may see visits of each clinic. */
async function doctorIdsByClinic(
  { db }: SignedInContext,
  rows: readonly MovingRow[],
  { doctorId, doctors }: Planning,
): Promise<Map<string, string[]>> {
  const byClinic = new Map<string, string[]>()
  for (const clinicId of new Set(rows.map((row) => row.clinic_id))) {
    const asked = { doctorId, clinicId, limit: colleaguesMax }
    const colleagues = doctors === 'same' ? [] : await withRetry(() => colleaguesOf(db, asked))
    byClinic.set(clinicId, [doctorId, ...colleagues.map(({ id }) => id)])
  }
  return byClinic
}

/** The offer as the planner wants it. The doctor who is away has no open times meanwhile. */
function placeOf(offer: Offer, planning: Planning & Dates): Place {
  const { doctor, clinic, clinicId, visitTypeId, visitType } = offer
  const { now, absence } = planning
  const isAway = (startsAt: Instant) =>
    doctor.id === planning.doctorId &&
    absence !== null &&
    overlaps(slotAt(offer, startsAt), absence)
  const { durationMinutes, bufferBeforeMinutes, bufferAfterMinutes } = visitType.rule
  const { dailyLimit } = doctor
  return {
    doctorId: doctor.id,
    clinicId,
    visitTypeId,
    timeZone: clinic.calendar.timeZone,
    durationMinutes,
    bufferBeforeMinutes,
    bufferAfterMinutes,
    starts: startsOf(offer, planning).filter((startsAt) => !isAway(startsAt)),
    rooms: roomsOf(offer, now),
    dailyLimit:
      dailyLimit === null ? null : { visitsMax: dailyLimit, visitsOn: visitsByDate(offer, now) },
  }
}

function startsOf(offer: Offer, { from, to, now }: Planning & Dates): Instant[] {
  const dates = {
    from: laterOf(from, todayOf(offer, now)),
    to: earlierOf(to, horizonOf(offer, now)),
  }
  return dates.to < dates.from ? [] : openStartsOf(offer, { ...dates, now })
}

function roomsOf(offer: Offer, now: Instant): Place['rooms'] {
  const ids = roomIdsOf(offer)
  const rooms = offer.clinic.rooms.filter(({ id }) => ids?.includes(id))
  return ids && rooms.map(({ id, claims }) => ({ id, claims: liveClaims(claims, now) }))
}

function visitsByDate({ doctor }: Offer, now: Instant): Map<LocalDate, number> {
  const visitsOn = new Map<LocalDate, number>()
  for (const { date } of liveClaims(doctor.claims, now))
    if (date !== null) visitsOn.set(date, (visitsOn.get(date) ?? 0) + 1)
  return visitsOn
}
