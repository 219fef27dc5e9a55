// Kinds of visit: how long they are, where they take place and who may book them.

import type { Static } from 'typebox'
import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { refuseStale } from '#src/http/versions.ts'
import { invalidField, NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { practiceClinicIds } from './access.ts'
import { NamePosition } from './clinics.ts'
import { may } from './policy.ts'
import type {
  NewVisitType,
  VisitTypeAnswer,
  VisitTypeChange,
  VisitTypesQuery,
} from './visit-type-schemas.ts'
import {
  insertVisitType,
  lockVisitType,
  raiseVisitTypeSchedule,
  updateVisitType,
  visitTypeById,
  visitTypesAfter,
  type StaffScope,
  type VisitTypeRow,
} from './visit-type-queries.ts'

export type { VisitTypeRow } from './visit-type-queries.ts'

/** The visit type as the API shows it; the video link only `asStaff`. */
export function presentVisitType(
  row: VisitTypeRow,
  options: { asStaff: boolean },
): VisitTypeAnswer {
  return {
    id: row.id,
    name: row.name,
    ...(row.clinic_id !== null && { clinicId: row.clinic_id }),
    durationMinutes: row.duration_minutes,
    bufferBeforeMinutes: row.buffer_before_minutes,
    bufferAfterMinutes: row.buffer_after_minutes,
    ...(row.step_minutes !== null && { stepMinutes: row.step_minutes }),
    mode: row.mode,
    ...(options.asStaff && row.video_link !== null && { videoLink: row.video_link }),
    ...(row.instructions !== null && { instructions: row.instructions }),
    whoMayBook: row.who_may_book,
    ...(row.booking_mode !== null && { bookingMode: row.booking_mode }),
    ...(row.room_kind !== null && { roomKind: row.room_kind }),
    status: row.status,
    version: row.version,
  }
}

/** A page of the visit types that the actor may see, by name. */
export async function listVisitTypes(
  context: Context,
  query: Static<typeof VisitTypesQuery>,
): Promise<{ items: VisitTypeAnswer[]; nextCursor: string | null }> {
  const { limit, after } = readPage(query, NamePosition)
  const practiceIds = await practiceClinicIds(context)
  const rows = await visitTypesAfter(context.db, {
    clinicId: query.clinicId,
    doctorId: query.doctorId,
    status: query.status ?? 'active',
    scope: staffScope(context, practiceIds),
    after,
    limit: limit + 1,
  })
  return pageOf(rows, {
    limit,
    present: (row) => presentVisitType(row, { asStaff: isStaffOf(context, row, practiceIds) }),
    positionOf: ({ name, id }) => ({ name, id }),
  })
}

/**
 * One visit type as the actor may see it. A retired one is shown too, since booked visits keep it.
 *
 * @throws NotFound, also for one that only staff may book when the actor is none of them.
 */
export async function showVisitType(
  context: Context,
  visitTypeId: string,
): Promise<VisitTypeAnswer> {
  const { row, asStaff } = await findVisible(context, visitTypeId)
  return presentVisitType(row, { asStaff })
}

async function findVisible(
  context: Context,
  visitTypeId: string,
): Promise<{ row: VisitTypeRow; asStaff: boolean }> {
  const row = await visitTypeById(context.db, visitTypeId)
  if (row === undefined) throw new NotFound('visit type')
  const asStaff = isStaffOf(context, row, await practiceClinicIds(context))
  if (row.who_may_book === 'staff' && !asStaff) throw new NotFound('visit type')
  return { row, asStaff }
}

/** @throws NotAllowed, InvalidRequest. */
export async function createVisitType(
  context: SignedInContext,
  visitType: NewVisitType,
): Promise<VisitTypeRow> {
  const clinicId = visitType.clinicId ?? null
  refuseForbidden(context, clinicId)
  const mode = visitType.mode ?? 'in_person'
  refuseStrayLink({ mode, videoLink: visitType.videoLink })
  const visitTypeId = newId()
  return transact(context, async (tx) => {
    const row = await insertVisitType(tx.db, {
      id: visitTypeId,
      clinic_id: clinicId,
      ...columnsOf(visitType),
      name: visitType.name.trim(),
      duration_minutes: visitType.durationMinutes,
      mode,
      created_at: formatUtc(context.clock()),
    })
    tx.append({ type: 'visit-type.schedule-changed', subjects: { visitTypeId } })
    await record(context, tx.db, {
      action: 'visit-type.create',
      subjectType: 'visit_type',
      subjectId: visitTypeId,
      details: { clinicId },
    })
    return row
  })
}

/**
 * Changes a visit type. `requestedVersion` is the version that the change is based on, null for any.
 *
 * @throws NotFound, NotAllowed, Refusal `stale-version`, InvalidRequest.
 */
export async function changeVisitType(
  context: SignedInContext,
  options: { visitTypeId: string; change: VisitTypeChange; requestedVersion: number | null },
): Promise<VisitTypeRow> {
  const { visitTypeId, change } = options
  const { row: known } = await findVisible(context, visitTypeId)
  refuseForbidden(context, known.clinic_id)
  return transact(context, async (tx) => {
    const lock = touchesSchedule(change) ? raiseVisitTypeSchedule : lockVisitType
    const current = await lock(tx.db, visitTypeId)
    if (current === undefined) throw new NotFound('visit type')
    refuseStale(current.version, options.requestedVersion)
    const mode = change.mode ?? current.mode
    refuseStrayLink({ mode, videoLink: change.videoLink })
    const row = await updateVisitType(tx.db, visitTypeId, {
      ...columnsOf(change),
      ...(mode !== 'video' && { video_link: null }),
    })
    if (touchesSchedule(change))
      tx.append({ type: 'visit-type.schedule-changed', subjects: { visitTypeId } })
    await record(context, tx.db, {
      action: 'visit-type.update',
      subjectType: 'visit_type',
      subjectId: visitTypeId,
      details: { fields: Object.keys(change) },
    })
    return row
  })
}

const scheduleFields = [
  'durationMinutes',
  'bufferBeforeMinutes',
  'bufferAfterMinutes',
  'stepMinutes',
  'whoMayBook',
  'bookingMode',
  'roomKind',
  'status',
] as const satisfies (keyof VisitTypeChange)[]

function touchesSchedule(change: VisitTypeChange): boolean {
  return scheduleFields.some((field) => change[field] !== undefined)
}

/** The columns that are given; Kysely leaves out what is undefined. */
function columnsOf(change: VisitTypeChange) {
  return {
    name: change.name?.trim(),
    duration_minutes: change.durationMinutes,
    buffer_before_minutes: change.bufferBeforeMinutes,
    buffer_after_minutes: change.bufferAfterMinutes,
    step_minutes: change.stepMinutes,
    mode: change.mode,
    video_link: change.videoLink,
    instructions: change.instructions,
    who_may_book: change.whoMayBook,
    booking_mode: change.bookingMode,
    room_kind: change.roomKind?.trim() ?? change.roomKind,
    status: change.status,
  }
}

function staffScope(context: Context, practiceIds: readonly string[]): StaffScope {
  const { actor } = context
  if (actor === null || !may(actor, 'see-visit-types-as-staff', { clinicId: null })) return 'none'
  if (actor.role === 'admin') return 'all'
  return { clinicIds: actor.role === 'front_desk' ? actor.clinicIds : practiceIds }
}

function isStaffOf(context: Context, row: VisitTypeRow, practiceIds: readonly string[]): boolean {
  return may(context.actor, 'see-visit-types-as-staff', {
    clinicId: row.clinic_id,
    practiceClinicIds: practiceIds,
  })
}

function refuseForbidden(context: SignedInContext, clinicId: string | null): void {
  if (may(context.actor, 'edit-visit-types', { clinicId })) return
  throw new NotAllowed(
    clinicId === null
      ? 'Only an admin changes visit types of the whole network; name your clinic as clinicId.'
      : 'Only an admin and the front desk of the clinic change its visit types.',
  )
}

function refuseStrayLink(visit: { mode: string; videoLink: string | null | undefined }): void {
  if (visit.mode !== 'video' && typeof visit.videoLink === 'string')
    throw invalidField('/videoLink', '/videoLink is for visits with the mode video only.')
}
