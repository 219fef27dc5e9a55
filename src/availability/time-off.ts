// When a doctor is away, from minutes to months.

import type { SignedInContext } from '#src/context.ts'
import { doctorIdOf } from '#src/doctors/doctors.ts'
import {
  InvalidRequest,
  NotAllowed,
  NotFound,
  Refusal,
  type FieldError,
} from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, formatUtc, parseInstant, type Instant } from '#src/kernel/time.ts'
import {
  affectedMax,
  clinicsSeenBy,
  idsOf,
  presentAffectedVisit,
  recordAffected,
  type Affected,
} from './affected-visits.ts'
import {
  countVisitsDuring,
  timeOffById,
  visitsDuring,
  type AffectedRow,
} from './affected-queries.ts'
import { wrong } from './rules.ts'
import { changeSchedule, doctorFor, timeZoneOf } from './schedule.ts'
import {
  countTimeOff,
  deleteTimeOff,
  insertTimeOff,
  timeOffAfter,
  type TimeOffRow,
} from './schedule-queries.ts'
import type { TimeOffAnswer, TimeOffTakenAnswer } from './schemas-schedule.ts'

export interface TimeOffInput {
  startsAt: string
  endsAt: string
  note?: string
}

/** Time off and the zone in which it is shown. */
export interface TimeOff {
  row: TimeOffRow
  timeZone: string
}

/** Pieces of time off that one doctor may have ahead. */
const timeOffMax = 1000
const lengthMax = 3 * 366 * 86_400_000

/**
 * The doctor's time off by its start, at most `limit` after the position: what ends after `from`,
 * by default after now.
 *
 * @throws NotFound, NotAllowed.
 */
export async function listTimeOff(
  context: SignedInContext,
  options: {
    doctorKey: string
    from: string | undefined
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<TimeOff[]> {
  const { doctorKey, after, limit } = options
  const doctor = await doctorFor(context, { doctorKey, action: 'see-schedule' })
  const asked = options.from === undefined ? null : parseInstant(options.from)
  const from = asked ?? context.clock()
  const rows = await timeOffAfter(context.db, { doctorId: doctor.id, from, after, limit })
  return rows.map((row) => ({ row, timeZone: timeZoneOf(doctor) }))
}

/**
 * Takes the doctor away for a while. Visits that are booked already stay as they are; the answer has
 * those that overlap, to be moved by people. All of them are counted, the front desk is shown those
 * at its own clinics.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, Refusal `conflict` when there is too much.
 */
export async function addTimeOff(
  context: SignedInContext,
  options: { doctorKey: string; timeOff: TimeOffInput },
): Promise<TimeOff & { affected: Affected }> {
  const { doctorKey, timeOff } = options
  return changeSchedule(
    context,
    { doctorKey, action: 'doctor.time-off.create' },
    async (tx, doctor) => {
      const now = context.clock()
      const { startsAt, endsAt } = readTimeOff(timeOff, now)
      if ((await countTimeOff(tx.db, { doctorId: doctor.id, from: now })) >= timeOffMax)
        throw new Refusal('conflict', `A doctor may have ${timeOffMax} times off ahead, no more.`)
      const id = newId()
      const note = timeOff.note ?? null
      await insertTimeOff(tx.db, {
        id,
        doctor_id: doctor.id,
        starts_at: formatUtc(startsAt),
        ends_at: formatUtc(endsAt),
        note,
      })
      // Whoever was booking has finished, and the doctor's row is locked: nobody books into it now.
      const asked = { doctorId: doctor.id, during: { startsAt, endsAt }, now }
      const clinicIds = clinicsSeenBy(context.actor, doctor.id)
      const affected = {
        visits: await visitsDuring(tx.db, { ...asked, clinicIds, after: null, limit: affectedMax }),
        count: await countVisitsDuring(tx.db, asked),
      }
      const shown = { doctorId: doctor.id, ids: idsOf(affected), timeOffId: id }
      await recordAffected(context, tx.db, shown)
      return {
        row: { id, starts_at: startsAt, ends_at: endsAt, note },
        timeZone: timeZoneOf(doctor),
        affected,
      }
    },
  )
}

/**
 * The visits that still overlap the time off, soonest first, at most `limit` after the position and
 * one more; for the front desk those at its own clinics. The reading leaves an audit row.
 *
 * @throws NotFound, NotAllowed.
 */
export async function listAffectedVisits(
  context: SignedInContext,
  options: {
    doctorKey: string
    timeOffId: string
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<AffectedRow[]> {
  const { doctorKey, timeOffId, after, limit } = options
  const doctorId = doctorIdOf(context, doctorKey)
  try {
    await doctorFor(context, { doctorKey, action: 'see-schedule' })
    const during = await timeOffById(context.db, { doctorId, timeOffId })
    if (during === undefined) throw new NotFound('time off')
    const visits = await visitsDuring(context.db, {
      doctorId,
      during,
      now: context.clock(),
      clinicIds: clinicsSeenBy(context.actor, doctorId),
      after,
      limit: limit + 1,
    })
    const ids = idsOf({ visits: visits.slice(0, limit) })
    await recordAffected(context, context.db, { doctorId, ids, timeOffId })
    return visits
  } catch (error) {
    if (error instanceof NotAllowed || error instanceof NotFound)
      await recordAffected(context, context.db, { doctorId, ids: [], timeOffId, allowed: false })
    throw error
  }
}

/** @throws NotFound, NotAllowed. */
export async function removeTimeOff(
  context: SignedInContext,
  options: { doctorKey: string; timeOffId: string },
): Promise<void> {
  const { doctorKey, timeOffId } = options
  await changeSchedule(
    context,
    { doctorKey, action: 'doctor.time-off.delete' },
    async (tx, doctor) => {
      const isDeleted = await deleteTimeOff(tx.db, { doctorId: doctor.id, timeOffId })
      if (!isDeleted) throw new NotFound('time off')
    },
  )
}

/** The instants that were asked for at `now`. Throws InvalidRequest when they make no time off. */
export function readTimeOff(
  timeOff: TimeOffInput,
  now: Instant,
): { startsAt: Instant; endsAt: Instant } {
  const startsAt = parseInstant(timeOff.startsAt)
  const endsAt = parseInstant(timeOff.endsAt)
  const errors: FieldError[] = []
  if (startsAt === null) errors.push(wrong('/startsAt', 'must be an instant with its offset'))
  if (endsAt === null) errors.push(wrong('/endsAt', 'must be an instant with its offset'))
  if (startsAt === null || endsAt === null) throw new InvalidRequest(errors)
  if (endsAt <= startsAt) errors.push(wrong('/endsAt', 'must be after startsAt'))
  else if (endsAt - startsAt > lengthMax)
    errors.push(wrong('/endsAt', 'must be within three years of startsAt'))
  if (endsAt <= now) errors.push(wrong('/endsAt', 'must be in the future'))
  if (errors.length > 0) throw new InvalidRequest(errors)
  return { startsAt, endsAt }
}

/** The time off as the API shows it. */
export function presentTimeOff({ row, timeZone }: TimeOff): TimeOffAnswer {
  return {
    id: row.id,
    startsAt: formatInstant(row.starts_at, timeZone),
    endsAt: formatInstant(row.ends_at, timeZone),
    ...(row.note !== null && { note: row.note }),
  }
}

/** New time off and the visits that it affects, as the API shows them. */
export function presentTimeOffTaken(timeOff: TimeOff & { affected: Affected }): TimeOffTakenAnswer {
  return {
    ...presentTimeOff(timeOff),
    affected: timeOff.affected.visits.map(presentAffectedVisit),
    affectedCount: timeOff.affected.count,
  }
}
