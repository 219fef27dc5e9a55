// Every schedule that was asked for, in memory: rules and claims as the open-times engine wants
// them, forgotten when an event says that they changed.

import type { Database } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import type { BookingMode, WhoMayBook } from '#src/db/tables.ts'
import type { EventBus, NewEvent } from '#src/events/events.ts'
import type { Clock, Instant, LocalDate } from '#src/kernel/time.ts'
import type { FirstOpen } from './first-open.ts'
import { createMemory, type Memory } from './memory.ts'
import type { VisitTypeRule } from './open-slots.ts'
import type { ClinicCalendar, Schedule } from './windows.ts'
import {
  clinicSchedules,
  doctorSchedules,
  visitTypeRules,
  type ClinicScheduleRow,
  type DoctorScheduleRow,
  type VisitTypeRow,
} from './queries.ts'

/** A stretch of a calendar that is taken; `date` is the visit's, where the doctor has a daily limit. */
export interface Claim {
  startsAt: Instant
  endsAt: Instant
  expiresAt: Instant | null
  appointmentId: string
  date: LocalDate | null
}

export interface DoctorBoard {
  id: string
  scheduleVersion: number
  bookingMode: BookingMode
  acceptingNewPatients: boolean
  noticeMinutesMin: number
  horizonDays: number
  dailyLimit: number | null
  clinicIds: readonly string[]
  visitTypeIds: readonly string[]
  schedule: Schedule
  loadedAt: Instant
  /** Sorted by start. */
  claims: readonly Claim[]
  /** What `first-open.ts` worked out for this doctor, dropped whenever the claims change. */
  firstOpen: Map<string, FirstOpen>
}

export interface RoomBoard {
  id: string
  kind: string
  claims: Claim[]
}

export interface ClinicBoard {
  scheduleVersion: number
  /** How long a request may wait for its answer. */
  requestLapsesMinutes: number
  calendar: ClinicCalendar
  rooms: readonly RoomBoard[]
}

export interface VisitTypeBoard {
  scheduleVersion: number
  clinicId: string | null
  rule: VisitTypeRule
  whoMayBook: WhoMayBook
  bookingMode: BookingMode | null
  roomKind: string | null
  active: boolean
}

export interface Board {
  doctors: Memory<DoctorBoard>
  clinics: Memory<ClinicBoard>
  visitTypes: Memory<VisitTypeBoard>
  /**
   * Notes a booking of this process, so that it shows before anything is read again; `ended` are the
   * holds that it replaced.
   */
  take(booking: {
    doctorId: string
    clinicId: string
    takesRoom: boolean
    claim: Claim
    ended: readonly string[]
  }): void
}

const day = 86_400_000

/** A board that follows the events of the bus. */
export function createBoard(options: { db: Database; clock: Clock; events: EventBus }): Board {
  const { db, clock } = options
  const board: Board = {
    doctors: createMemory(
      inBatches(async (ids) => {
        const rows = await withRetry(() => doctorSchedules(db, ids, clock()))
        const loadedAt = clock()
        return rows.map((row) => [row.id, doctorBoard(row, loadedAt)])
      }),
    ),
    clinics: createMemory(
      inBatches(async (ids) => {
        const rows = await withRetry(() => clinicSchedules(db, ids, clock()))
        return rows.map((row) => [row.id, clinicBoard(row)])
      }),
    ),
    visitTypes: createMemory(
      inBatches(async (ids) => {
        const rows = await withRetry(() => visitTypeRules(db, ids))
        return rows.map((row) => [row.id, visitTypeBoard(row)])
      }),
    ),
    take({ doctorId, clinicId, takesRoom, claim, ended }) {
      board.doctors.distrustLoading(doctorId)
      const doctor = board.doctors.peek(doctorId)
      if (doctor) {
        const kept = doctor.claims.filter(({ appointmentId }) => !ended.includes(appointmentId))
        doctor.claims = withClaim(kept, claim, clock())
        doctor.firstOpen.clear()
      }
      if (takesRoom) board.clinics.forget(clinicId)
      // A hold that was replaced may have had a room of any of the doctor's clinics.
      if (ended.length > 0)
        for (const id of doctor?.clinicIds ?? [clinicId]) board.clinics.forget(id)
    },
  }
  options.events.subscribe((event) => forgetChanged(board, event))
  return board
}

function forgetChanged(board: Board, { type, subjects }: NewEvent): void {
  const [noun] = type.split('.')
  if (noun === 'doctor' || noun === 'appointment')
    for (const id of [subjects.doctorId, subjects.formerDoctorId])
      if (id !== undefined) board.doctors.forget(id)
  if (noun === 'clinic' || (noun === 'appointment' && (subjects.roomId || subjects.formerRoomId)))
    for (const id of [subjects.clinicId, subjects.formerClinicId])
      if (id !== undefined) board.clinics.forget(id)
  if (noun === 'visit-type' && subjects.visitTypeId !== undefined)
    board.visitTypes.forget(subjects.visitTypeId)
}

/** The claims that still hold at `now`: the very same array when none of them can expire. */
export function liveClaims(claims: readonly Claim[], now: Instant): readonly Claim[] {
  const expires = claims.some(({ expiresAt }) => expiresAt !== null)
  return expires ? claims.filter(({ expiresAt }) => expiresAt === null || expiresAt > now) : claims
}

const batchSize = 500

/** Loads many ids some at a time, so that no statement takes long. */
function inBatches<Value>(
  load: (ids: string[]) => Promise<[string, Value][]>,
): (ids: string[]) => Promise<Map<string, Value>> {
  return async (ids) => {
    const values = new Map<string, Value>()
    for (let index = 0; index < ids.length; index += batchSize)
      for (const [id, value] of await load(ids.slice(index, index + batchSize)))
        values.set(id, value)
    return values
  }
}

/** The claims with one more, in order, without those that ended more than a day ago. */
function withClaim(claims: readonly Claim[], claim: Claim, now: Instant): Claim[] {
  return claims
    .filter(
      ({ appointmentId, endsAt }) => appointmentId !== claim.appointmentId && endsAt > now - day,
    )
    .concat(claim)
    .sort((one, other) => one.startsAt - other.startsAt)
}

function doctorBoard(row: DoctorScheduleRow, loadedAt: Instant): DoctorBoard {
  return {
    loadedAt,
    id: row.id,
    scheduleVersion: row.schedule_version,
    bookingMode: row.booking_mode,
    acceptingNewPatients: row.accepting_new_patients,
    noticeMinutesMin: row.notice_minutes_min,
    horizonDays: row.horizon_days,
    dailyLimit: row.daily_limit,
    clinicIds: row.clinic_ids,
    visitTypeIds: row.visit_type_ids,
    schedule: {
      hours: row.hours,
      openings: row.openings,
      timeOff: row.time_off.map(([startsAt, endsAt]) => ({ startsAt, endsAt })),
      paused: row.status !== 'bookable',
    },
    claims: row.claims.map(claimOf),
    firstOpen: new Map(),
  }
}

function claimOf([
  startsAt,
  endsAt,
  expiresAt,
  appointmentId,
  date,
]: DoctorScheduleRow['claims'][number]): Claim {
  return { startsAt, endsAt, expiresAt, appointmentId, date }
}

function clinicBoard(row: ClinicScheduleRow): ClinicBoard {
  return {
    scheduleVersion: row.schedule_version,
    requestLapsesMinutes: row.request_lapses_minutes,
    calendar: { clinicId: row.id, timeZone: row.time_zone, closures: row.closures },
    rooms: row.rooms.map((room) => ({ ...room, claims: room.claims.map(claimOf) })),
  }
}

function visitTypeBoard(row: VisitTypeRow): VisitTypeBoard {
  return {
    scheduleVersion: row.schedule_version,
    clinicId: row.clinic_id,
    rule: {
      id: row.id,
      durationMinutes: row.duration_minutes,
      bufferBeforeMinutes: row.buffer_before_minutes,
      bufferAfterMinutes: row.buffer_after_minutes,
      stepMinutes: row.step_minutes,
    },
    whoMayBook: row.who_may_book,
    bookingMode: row.booking_mode,
    roomKind: row.room_kind,
    active: row.status === 'active',
  }
}
