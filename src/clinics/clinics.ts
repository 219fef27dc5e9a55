// Clinics: where they are, how they are reached, and the time zone their calendar is meant in.

import { Type } from 'typebox'
import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact } from '#src/events/events.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { refuseStale } from '#src/http/versions.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import {
  clinicById,
  clinicsAfter,
  insertClinic,
  lockClinic,
  raiseClinicSchedule,
  updateClinic,
  type ClinicRow,
} from './clinic-queries.ts'
import { may } from './policy.ts'
import type { ClinicAnswer, ClinicChange, NewClinic } from './schemas.ts'

export type { ClinicRow } from './clinic-queries.ts'

/** Where a page of something that is listed by name goes on. */
export const NamePosition = Type.Object({
  name: Type.String(),
  id: Type.String({ format: 'uuid' }),
})

/** The clinic as the API shows it. */
export function presentClinic(row: ClinicRow): ClinicAnswer {
  return {
    id: row.id,
    name: row.name,
    timeZone: row.time_zone,
    address: {
      ...(row.street !== null && { street: row.street }),
      ...(row.postal_code !== null && { postalCode: row.postal_code }),
      city: row.city,
      country: row.country,
    },
    ...(row.phone !== null && { phone: row.phone }),
    ...(row.email !== null && { email: row.email }),
    changeNoticeMinutesMin: row.change_notice_minutes_min,
    requestLapsesMinutes: row.request_lapses_minutes,
    reminderMinutes: longestFirst(row.reminder_minutes),
    messagesCloseDays: row.messages_close_days,
    version: row.version,
  }
}

/** A page of the clinics, by name. */
export async function listClinics(
  context: Pick<Context, 'db'>,
  query: { q?: string; city?: string; limit?: number; cursor?: string },
): Promise<{ items: ClinicAnswer[]; nextCursor: string | null }> {
  const { limit, after } = readPage(query, NamePosition)
  const rows = await clinicsAfter(context.db, {
    q: query.q,
    city: query.city,
    after,
    limit: limit + 1,
  })
  return pageOf(rows, {
    limit,
    present: presentClinic,
    positionOf: ({ name, id }) => ({ name, id }),
  })
}

/** @throws NotFound */
export async function findClinic(db: Queryable, clinicId: string): Promise<ClinicRow> {
  const row = await clinicById(db, clinicId)
  if (row === undefined) throw new NotFound('clinic')
  return row
}

/**
 * Must come first in a transaction that changes anything which the clinic's open times depend on;
 * append `clinic.schedule-changed` with it.
 *
 * @throws NotFound
 */
export async function lockClinicSchedule(db: Queryable, clinicId: string): Promise<ClinicRow> {
  const row = await raiseClinicSchedule(db, clinicId)
  if (row === undefined) throw new NotFound('clinic')
  return row
}

/**
 * Patients may change a visit until it begins; a request waits two days for its answer; visits are
 * reminded of two days and two hours before, and written about until two weeks after.
 */
const changeNoticeDefault = 0
const requestLapsesDefault = 48 * 60
const reminderDefault = [48 * 60, 2 * 60]
const messagesCloseDefault = 14

export async function createClinic(
  context: SignedInContext,
  clinic: NewClinic,
): Promise<ClinicRow> {
  if (!may(context.actor, 'create-clinic', null)) throw new NotAllowed()
  const clinicId = newId()
  return transact(context, async (tx) => {
    const row = await insertClinic(tx.db, {
      id: clinicId,
      name: clinic.name.trim(),
      time_zone: clinic.timeZone,
      street: clinic.address.street?.trim() ?? null,
      postal_code: clinic.address.postalCode?.trim() ?? null,
      city: clinic.address.city.trim(),
      country: clinic.address.country.trim(),
      phone: clinic.phone ?? null,
      email: clinic.email ?? null,
      change_notice_minutes_min: clinic.changeNoticeMinutesMin ?? changeNoticeDefault,
      request_lapses_minutes: clinic.requestLapsesMinutes ?? requestLapsesDefault,
      reminder_minutes: longestFirst(clinic.reminderMinutes ?? reminderDefault),
      messages_close_days: clinic.messagesCloseDays ?? messagesCloseDefault,
      created_at: formatUtc(context.clock()),
    })
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'clinic.create',
      subjectType: 'clinic',
      subjectId: clinicId,
    })
    return row
  })
}

const contactFields = new Set(['phone', 'email'])

/**
 * Changes a clinic. `requestedVersion` is the version that the change is based on, null for any.
 *
 * @throws NotAllowed, NotFound, Refusal `stale-version`.
 */
export async function changeClinic(
  context: SignedInContext,
  options: { clinicId: string; change: ClinicChange; requestedVersion: number | null },
): Promise<ClinicRow> {
  const { clinicId, change } = options
  refuseForbidden(context, clinicId, change)
  return transact(context, async (tx) => {
    const movesTimes = change.timeZone !== undefined || change.requestLapsesMinutes !== undefined
    const current = movesTimes
      ? await lockClinicSchedule(tx.db, clinicId)
      : await lockClinic(tx.db, clinicId)
    if (current === undefined) throw new NotFound('clinic')
    refuseStale(current.version, options.requestedVersion)
    const row = await updateClinic(tx.db, clinicId, {
      name: change.name?.trim(),
      time_zone: change.timeZone,
      street: trimmed(change.address?.street),
      postal_code: trimmed(change.address?.postalCode),
      city: change.address?.city?.trim(),
      country: change.address?.country?.trim(),
      phone: change.phone,
      email: change.email,
      change_notice_minutes_min: change.changeNoticeMinutesMin,
      request_lapses_minutes: change.requestLapsesMinutes,
      reminder_minutes: change.reminderMinutes && longestFirst(change.reminderMinutes),
      messages_close_days: change.messagesCloseDays,
    })
    if (movesTimes) tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'clinic.update',
      subjectType: 'clinic',
      subjectId: clinicId,
      details: { fields: Object.keys(change) },
    })
    return row
  })
}

function refuseForbidden(context: SignedInContext, clinicId: string, change: ClinicChange): void {
  if (!may(context.actor, 'edit-clinic-contact', { clinicId }))
    throw new NotAllowed('Only an admin and the front desk of the clinic change it.')
  const isContactAlone = Object.keys(change).every((field) => contactFields.has(field))
  if (!isContactAlone && !may(context.actor, 'edit-clinic', { clinicId }))
    throw new NotAllowed('The front desk changes phone and email; only an admin changes the rest.')
}

/** Reminders in the order in which they are sent. */
function longestFirst(minutes: readonly number[]): number[] {
  return minutes.toSorted((one, other) => other - one)
}

function trimmed(text: string | null | undefined): string | null | undefined {
  return text?.trim() ?? text
}
