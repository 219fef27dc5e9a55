// The hours that a doctor keeps each week.

import type { SignedInContext } from '#src/context.ts'
import { refuseStale } from '#src/http/versions.ts'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatMinute } from '#src/kernel/time.ts'
import { ruleColumns, ruleErrors, wrong, type RuleInput } from './rules.ts'
import { changeSchedule, doctorFor, type ScheduledDoctor } from './schedule.ts'
import {
  deleteHours,
  hoursOf,
  insertHours,
  type HoursRow,
  type NewHours,
} from './schedule-queries.ts'
import type { HoursAnswer } from './schemas-schedule.ts'

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
 * the schedule that they are based on, null for any.
 *
 * @throws NotFound, NotAllowed, Refusal `stale-version`, InvalidRequest that points at each rule
 * that does not fit the doctor.
 */
export async function replaceHours(
  context: SignedInContext,
  options: {
    doctorKey: string
    hours: readonly WeeklyHoursInput[]
    requestedVersion: number | null
  },
): Promise<Week> {
  const { doctorKey, hours } = options
  return changeSchedule(
    context,
    { doctorKey, action: 'doctor.hours.replace' },
    async (tx, doctor) => {
      // The lock has raised the version by one.
      refuseStale(doctor.scheduleVersion - 1, options.requestedVersion)
      const rows = hoursRows(hours, doctor)
      await deleteHours(tx.db, doctor)
      await insertHours(tx.db, rows)
      return { rules: await hoursOf(tx.db, doctor), scheduleVersion: doctor.scheduleVersion }
    },
  )
}

/** The rules as they are stored. Throws InvalidRequest that points at each one that is wrong. */
export function hoursRows(hours: readonly WeeklyHoursInput[], doctor: ScheduledDoctor): NewHours[] {
  const errors = hours.flatMap((rule, index) => {
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
