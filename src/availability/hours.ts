// The hours that a doctor keeps each week.

import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { refuseStale } from '#src/http/versions.ts'
import type { Transact } from '#src/events/events.ts'
import { InvalidRequest, type FieldError } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatMinute, type Instant } from '#src/kernel/time.ts'
import type { OpenHours } from './affected.ts'
import {
  changeConfirmed,
  idsOf,
  openingsOf,
  presentAffectedVisit,
  recordAffected,
  visitsLeftBy,
  VisitsAffected,
  weeklyHoursOf,
  type Affected,
} from './affected-visits.ts'
import { ruleColumns, ruleErrors, wrong, type RuleInput } from './rules.ts'
import { changeScheduleWithin, doctorFor, type ScheduledDoctor } from './schedule.ts'
import {
  deleteHours,
  hoursOf,
  insertHours,
  type HoursRow,
  type NewHours,
} from './schedule-queries.ts'
import type { HoursAnswer, HoursChangeAnswer } from './schemas-schedule.ts'

export interface WeeklyHoursInput extends RuleInput {
  weekday: number
  validFrom?: string
  validUntil?: string
}

/** More than this many mistakes are not listed. */
const errorsMax = 20

/** A doctor's week, and the version of the schedule that it was read at. */
export interface Week {
  rules: HoursRow[]
  scheduleVersion: number
}

/**
 * The hours of the doctor, whom `doctorKey` names by id or as `me`; the front desk sees those at its
 * own clinics.
 *
 * @throws NotFound, NotAllowed.
 */
export async function readHours(context: SignedInContext, doctorKey: string): Promise<Week> {
  const doctor = await doctorFor(context, { doctorKey, action: 'see-schedule' })
  return { rules: await hoursOf(context.db, doctor), scheduleVersion: doctor.scheduleVersion }
}

/**
 * Makes these the doctor's hours and forgets the ones before; the front desk replaces those at its own
 * clinics and leaves the others alone. `requestedVersion` is the version of
 * the schedule that they are based on, null for any. Visits that are left outside stay as they are.
 *
 * @throws NotFound, NotAllowed, Refusal `stale-version`, InvalidRequest that points at each rule
 * that does not fit the doctor, VisitsAffected when visits ahead would be left outside and
 * `confirmation` does not stand for exactly those.
 */
export async function replaceHours(
  context: SignedInContext,
  options: {
    doctorKey: string
    hours: readonly WeeklyHoursInput[]
    requestedVersion: number | null
    confirmation: string | undefined
  },
): Promise<Week> {
  const { doctorKey, hours, confirmation } = options
  return changeConfirmed(
    context,
    { doctorKey, action: 'doctor.hours.replace', confirmation },
    async (tx, doctor, confirm) => {
      // The lock has raised the version by one.
      refuseStale(doctor.scheduleVersion - 1, options.requestedVersion)
      const rows = hoursRows(hours, doctor)
      await confirm(await changeOf(tx.db, { doctor, rows, now: context.clock() }))
      await deleteHours(tx.db, doctor)
      await insertHours(tx.db, rows)
      return { rules: await hoursOf(tx.db, doctor), scheduleVersion: doctor.scheduleVersion }
    },
  )
}

/**
 * As `replaceHours`, in a transaction of an admin. Visits that are left outside are in the way unless
 * `despiteAffected`.
 *
 * @throws NotFound, InvalidRequest, VisitsAffected.
 */
export async function replaceHoursWithin(
  context: SignedInContext,
  tx: Transact,
  options: { doctorId: string; hours: readonly WeeklyHoursInput[]; despiteAffected: boolean },
): Promise<void> {
  const { doctorId, hours } = options
  const action = 'doctor.hours.replace'
  await changeScheduleWithin(context, tx, { doctorId, action }, async (doctor) => {
    const rows = hoursRows(hours, doctor)
    const left = await visitsLeftByHours(context, tx.db, { doctor, rows })
    if (left.count > 0) {
      if (!options.despiteAffected) throw new VisitsAffected(left, left.confirmation)
      await recordAffected(context, tx.db, { doctorId, ids: idsOf(left) })
    }
    await deleteHours(tx.db, doctor)
    await insertHours(tx.db, rows)
  })
}

/** The visits ahead that would lie outside if the doctor had these hours, and what confirms that. */
export async function visitsLeftByHours(
  context: SignedInContext,
  db: Queryable,
  { doctor, rows }: { doctor: ScheduledDoctor; rows: readonly HoursRow[] },
): Promise<Affected & { confirmation: string }> {
  const now = context.clock()
  const change = await changeOf(db, { doctor, rows, now })
  return visitsLeftBy(db, { doctor, ...change, now })
}

/**
 * What `replaceHours` would save, and the visits that it would leave outside. Changes nothing.
 *
 * @throws as `replaceHours`, VisitsAffected apart.
 */
export async function previewHours(
  context: SignedInContext,
  options: {
    doctorKey: string
    hours: readonly WeeklyHoursInput[]
    requestedVersion: number | null
  },
): Promise<Week & { affected: Affected }> {
  const { doctorKey, hours, requestedVersion } = options
  const doctor = await doctorFor(context, { doctorKey, action: 'change-schedule' })
  refuseStale(doctor.scheduleVersion, requestedVersion)
  const rows = hoursRows(hours, doctor)
  const affected = await visitsLeftByHours(context, context.db, { doctor, rows })
  await recordAffected(context, context.db, { doctorId: doctor.id, ids: idsOf(affected) })
  const inOrder = (one: HoursRow, other: HoursRow) =>
    one.weekday - other.weekday || one.from_minute - other.from_minute
  return { rules: rows.toSorted(inOrder), scheduleVersion: doctor.scheduleVersion, affected }
}

/** The hours and openings at the doctor's clinics as they are, and with `rows` for the hours. */
async function changeOf(
  db: Queryable,
  { doctor, rows, now }: { doctor: ScheduledDoctor; rows: readonly HoursRow[]; now: Instant },
): Promise<{ before: OpenHours; after: OpenHours }> {
  const hours = await hoursOf(db, doctor)
  const openings = await openingsOf(db, { doctor, now })
  return {
    before: { hours: hours.map(weeklyHoursOf), openings },
    after: { hours: rows.map(weeklyHoursOf), openings },
  }
}

/** The rules as they are stored. Throws InvalidRequest that points at each one that is wrong. */
export function hoursRows(
  hours: readonly WeeklyHoursInput[],
  doctor: ScheduledDoctor,
): (NewHours & HoursRow)[] {
  const errors = hoursErrors(hours, doctor)
  if (errors.length > 0) throw new InvalidRequest(errors.slice(0, errorsMax))
  return hours.map((rule) => ({
    ...ruleColumns(rule),
    id: newId(),
    doctor_id: doctor.id,
    weekday: rule.weekday,
    valid_from: rule.validFrom ?? null,
    valid_until: rule.validUntil ?? null,
  }))
}

/** All that is wrong with the rules for this doctor, each fault with a pointer from `/hours` on. */
export function hoursErrors(
  hours: readonly WeeklyHoursInput[],
  doctor: ScheduledDoctor,
): FieldError[] {
  return hours.flatMap((rule, index) => {
    const pointer = `/hours/${index}`
    const isInverted =
      rule.validFrom !== undefined &&
      rule.validUntil !== undefined &&
      rule.validUntil < rule.validFrom
    return [
      ...ruleErrors(rule, { doctor, pointer }),
      ...(isInverted ? [wrong(`${pointer}/validUntil`, 'must not be before validFrom')] : []),
    ]
  })
}

/** The week as the API shows it. */
export function presentHours(week: Week): HoursAnswer {
  return {
    hours: week.rules.map((row) => ({
      clinicId: row.clinic_id,
      weekday: row.weekday,
      from: formatMinute(row.from_minute),
      to: formatMinute(row.to_minute),
      ...(row.valid_from !== null && { validFrom: row.valid_from }),
      ...(row.valid_until !== null && { validUntil: row.valid_until }),
      ...(row.visit_type_ids !== null && { visitTypeIds: row.visit_type_ids }),
    })),
  }
}

/** What would be saved and what it would affect, as the API shows it. */
export function presentPreview(week: Week & { affected: Affected }): HoursChangeAnswer {
  return {
    ...presentHours(week),
    affected: week.affected.visits.map(presentAffectedVisit),
    affectedCount: week.affected.count,
  }
}
