// Hours of a single date, besides the weekly ones.

import type { SignedInContext } from '#src/context.ts'
import { InvalidRequest, NotFound, Refusal, type FieldError } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  formatMinute,
  localDateOf,
  resolveLocal,
  type Instant,
  type LocalDate,
} from '#src/kernel/time.ts'
import { changeConfirmed, openingsOf, weeklyHoursOf } from './affected-visits.ts'
import { ruleColumns, ruleErrors, wrong, type RuleInput } from './rules.ts'
import { changeSchedule, doctorFor, timeZoneOf, type ScheduledDoctor } from './schedule.ts'
import {
  countOpenings,
  deleteOpening,
  hoursOf,
  insertOpening,
  openingsAfter,
  type OpeningRow,
} from './schedule-queries.ts'
import type { OpeningAnswer } from './schemas-schedule.ts'

export interface OpeningInput extends RuleInput {
  date: LocalDate
}

/** Openings that one doctor may have ahead. */
const openingsMax = 1000
/** How far ahead an opening may be. */
const daysAheadMax = 3 * 366

/**
 * The doctor's openings by date, at most `limit` after the position. Without `from`, those since
 * yesterday, since one may run past midnight.
 *
 * @throws NotFound, NotAllowed.
 */
export async function listOpenings(
  context: SignedInContext,
  options: {
    doctorKey: string
    from: LocalDate | undefined
    after: { opensOn: LocalDate; fromMinute: number; id: string } | null
    limit: number
  },
): Promise<OpeningRow[]> {
  const { doctorKey, after, limit } = options
  const doctor = await doctorFor(context, { doctorKey, action: 'see-schedule' })
  const yesterday = addDays(localDateOf(context.clock(), timeZoneOf(doctor)), -1)
  const from = options.from ?? yesterday
  return openingsAfter(context.db, { doctor, from, after, limit })
}

/**
 * Opens a stretch of one date.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, Refusal `conflict` when there are too many.
 */
export async function addOpening(
  context: SignedInContext,
  options: { doctorKey: string; opening: OpeningInput },
): Promise<OpeningRow> {
  const { doctorKey, opening } = options
  return changeSchedule(
    context,
    { doctorKey, action: 'doctor.opening.create' },
    async (tx, doctor) => {
      const now = context.clock()
      const errors = openingErrors(opening, { doctor, now })
      if (errors.length > 0) throw new InvalidRequest(errors)
      const from = localDateOf(now, timeZoneOf(doctor))
      if ((await countOpenings(tx.db, { doctorId: doctor.id, from })) >= openingsMax)
        throw new Refusal('conflict', `A doctor may have ${openingsMax} openings ahead, no more.`)
      const row = { id: newId(), ...ruleColumns(opening), opens_on: opening.date }
      await insertOpening(tx.db, { ...row, doctor_id: doctor.id })
      return row
    },
  )
}

/**
 * Takes an opening away. Visits in it stay as they are.
 *
 * @throws NotFound, NotAllowed, VisitsAffected when visits ahead would be left outside the doctor's
 * hours and `confirmation` does not stand for exactly those.
 */
export async function removeOpening(
  context: SignedInContext,
  options: { doctorKey: string; openingId: string; confirmation: string | undefined },
): Promise<void> {
  const { doctorKey, openingId, confirmation } = options
  await changeConfirmed(
    context,
    { doctorKey, action: 'doctor.opening.delete', confirmation },
    async (tx, doctor, confirm) => {
      const hours = (await hoursOf(tx.db, doctor)).map(weeklyHoursOf)
      const openings = await openingsOf(tx.db, { doctor, now: context.clock() })
      const others = openings.filter(({ id }) => id !== openingId)
      await confirm({ before: { hours, openings }, after: { hours, openings: others } })
      const isDeleted = await deleteOpening(tx.db, doctor, openingId)
      if (!isDeleted) throw new NotFound('opening')
    },
  )
}

/** What is wrong with an opening that is asked for at `now`. */
export function openingErrors(
  opening: OpeningInput,
  options: { doctor: ScheduledDoctor; now: Instant },
): FieldError[] {
  const { doctor, now } = options
  const errors = ruleErrors(opening, { doctor, pointer: '' })
  const clinic = doctor.clinics.find(({ id }) => id === opening.clinicId)
  if (clinic === undefined) return errors
  const today = localDateOf(now, clinic.timeZone)
  if (opening.date < today) errors.push(wrong('/date', `must not be past: it is ${today} there`))
  else if (opening.date > addDays(today, daysAheadMax))
    errors.push(wrong('/date', 'must be within three years'))
  else if (resolveLocal(clinic.timeZone, opening.date, 0) === null)
    errors.push(wrong('/date', `must be a date that exists in ${clinic.timeZone}`))
  return errors
}

/** The opening as the API shows it. */
export function presentOpening(row: OpeningRow): OpeningAnswer {
  return {
    id: row.id,
    clinicId: row.clinic_id,
    date: row.opens_on,
    from: formatMinute(row.from_minute),
    to: formatMinute(row.to_minute),
    ...(row.visit_type_ids !== null && { visitTypeIds: row.visit_type_ids }),
  }
}
