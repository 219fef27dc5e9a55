// Times in which a clinic is closed, on the clinic's own calendar and clock.

import { Type, type Static } from 'typebox'
import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { invalidField, invalidParameter, NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatMinute, localDateOf, parseMinute } from '#src/kernel/time.ts'
import { findClinic, lockClinicSchedule } from './clinics.ts'
import {
  closuresAfter,
  deleteClosure,
  insertClosure,
  upsertImportedClosures,
  type ClosureRow,
} from './closure-queries.ts'
import { readHolidays } from './holiday-import.ts'
import { may } from './policy.ts'
import type { ClosureAnswer, ClosuresQuery, HolidayImport, NewClosure } from './schemas.ts'

const dayEnd = 1440

const Position = Type.Object({
  startsOn: Type.String({ format: 'date' }),
  startMinute: Type.Integer({ minimum: 0, maximum: dayEnd }),
  id: Type.String({ format: 'uuid' }),
})

/** The closure as the API shows it. */
export function presentClosure(row: ClosureRow): ClosureAnswer {
  return {
    id: row.id,
    clinicId: row.clinic_id,
    startsOn: row.starts_on,
    endsOn: row.ends_on,
    ...(row.start_minute > 0 && { from: formatMinute(row.start_minute) }),
    ...(row.end_minute < dayEnd && { to: formatMinute(row.end_minute) }),
    name: row.name,
  }
}

/**
 * A page of the clinic's closures that touch the dates, soonest first.
 *
 * @throws NotFound, InvalidRequest.
 */
export async function listClosures(
  context: Pick<Context, 'db'>,
  clinicId: string,
  query: Static<typeof ClosuresQuery>,
): Promise<{ items: ClosureAnswer[]; nextCursor: string | null }> {
  const { from, to } = query
  if (from !== undefined && to !== undefined && to < from)
    throw invalidParameter('to', 'to must not be before from.')
  const { limit, after } = readPage(query, Position)
  await findClinic(context.db, clinicId)
  const rows = await closuresAfter(context.db, { clinicId, from, to, after, limit: limit + 1 })
  return pageOf(rows, {
    limit,
    present: presentClosure,
    positionOf: (row) => ({ startsOn: row.starts_on, startMinute: row.start_minute, id: row.id }),
  })
}

/** @throws NotAllowed, NotFound, InvalidRequest when it ends no later than it starts. */
export async function addClosure(
  context: SignedInContext,
  clinicId: string,
  closure: NewClosure,
): Promise<ClosureRow> {
  refuseForbidden(context, clinicId)
  const row: ClosureRow = {
    id: newId(),
    clinic_id: clinicId,
    starts_on: closure.startsOn,
    start_minute: minuteOf(closure.from, 0),
    ends_on: closure.endsOn,
    end_minute: minuteOf(closure.to, dayEnd),
    name: closure.name.trim(),
    source_uid: null,
  }
  refuseDisorder(row)
  await transact(context, async (tx) => {
    await lockClinicSchedule(tx.db, clinicId)
    await insertClosure(tx.db, row)
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'closure.create',
      subjectType: 'closure',
      subjectId: row.id,
      details: { clinicId },
    })
  })
  return row
}

/** @throws NotAllowed, NotFound. */
export async function removeClosure(
  context: SignedInContext,
  options: { clinicId: string; closureId: string },
): Promise<void> {
  const { clinicId, closureId } = options
  refuseForbidden(context, clinicId)
  await transact(context, async (tx) => {
    await lockClinicSchedule(tx.db, clinicId)
    if (!(await deleteClosure(tx.db, options))) throw new NotFound('closure')
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'closure.delete',
      subjectType: 'closure',
      subjectId: closureId,
      details: { clinicId },
    })
  })
}

/**
 * Adds the holidays of an iCalendar file as closures. The same file again changes nothing.
 *
 * @throws NotAllowed, NotFound, InvalidRequest naming the line of a malformed file.
 */
export async function importHolidays(
  context: SignedInContext,
  clinicId: string,
  file: string,
): Promise<HolidayImport> {
  refuseForbidden(context, clinicId)
  const known = await findClinic(context.db, clinicId)
  const read = (timeZone: string) =>
    readHolidays(file, {
      timeZone,
      thisYear: Number(localDateOf(context.clock(), timeZone).slice(0, 4)),
    })
  // A large file takes a moment, in which no booking should wait for the clinic's row.
  const earlier = read(known.time_zone)
  return transact(context, async (tx) => {
    const clinic = await lockClinicSchedule(tx.db, clinicId)
    const { holidays, skipped } =
      clinic.time_zone === known.time_zone ? earlier : read(clinic.time_zone)
    const imported = await upsertImportedClosures(
      tx.db,
      holidays.map((holiday) => ({
        id: newId(),
        clinic_id: clinicId,
        starts_on: holiday.startsOn,
        start_minute: holiday.startMinute,
        ends_on: holiday.endsOn,
        end_minute: holiday.endMinute,
        name: holiday.name,
        source_uid: holiday.uid,
      })),
    )
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'closure.import',
      subjectType: 'clinic',
      subjectId: clinicId,
      details: { imported, unchanged: holidays.length - imported, skipped: skipped.length },
    })
    return { imported, unchanged: holidays.length - imported, skipped }
  })
}

function refuseForbidden(context: SignedInContext, clinicId: string): void {
  if (!may(context.actor, 'edit-closures', { clinicId }))
    throw new NotAllowed('Only an admin and the front desk of the clinic change its closures.')
}

function minuteOf(text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : (parseMinute(text) ?? fallback)
}

function refuseDisorder(row: ClosureRow): void {
  if (row.ends_on < row.starts_on)
    throw invalidField('/endsOn', '/endsOn must not be before /startsOn.')
  // The day's first minute begins nothing on the last day, and its last ends nothing on the first.
  if (row.start_minute === dayEnd) throw invalidField('/from', '/from must be before 24:00.')
  if (row.end_minute === 0)
    throw invalidField('/to', '/to must be after 00:00; name the day before as /endsOn instead.')
  if (row.ends_on === row.starts_on && row.end_minute <= row.start_minute)
    throw invalidField('/to', '/to must be after /from on the same day.')
}
