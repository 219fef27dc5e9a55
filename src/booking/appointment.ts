// Appointments as those whom they concern find and see them.

import { record } from '#src/audit/audit.ts'
import type { presentSlot } from '#src/availability/schemas.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import { isAhead } from './appointment-state.ts'
import type { StoredAnswer } from './call-queries.ts'
import { seesStaffSide, sightOf } from './policy.ts'
import {
  appointmentById,
  appointmentsSoonestFirst,
  type AppointmentFilter,
  type AppointmentRow,
} from './queries.ts'
import type { AppointmentAnswer } from './schemas.ts'

/** @throws NotFound, also for an appointment that is not the actor's to see. */
export async function findAppointment(
  context: SignedInContext,
  id: string,
): Promise<AppointmentRow> {
  const row = await withRetry(() =>
    appointmentById(context.db, id, { sight: sightOf(context.actor), now: context.clock() }),
  )
  if (!row) throw new NotFound('appointment')
  return row
}

/**
 * The appointment, for someone who reads it: each reading leaves an audit row, a refused one too.
 *
 * @throws NotFound, also for an appointment that is not the actor's to see.
 */
export async function readAppointment(
  context: SignedInContext,
  id: string,
): Promise<AppointmentRow> {
  const entry = { action: 'appointment.read', subjectType: 'appointment', subjectId: id }
  try {
    const row = await findAppointment(context, id)
    await record(context, context.db, entry)
    return row
  } catch (error) {
    if (error instanceof NotFound) await record(context, context.db, { ...entry, allowed: false })
    throw error
  }
}

/**
 * The appointments that the actor may see and that match, soonest first; one more than `limit`. The
 * reading leaves an audit row with their ids.
 */
export async function listAppointments(
  context: SignedInContext,
  options: {
    filter: AppointmentFilter
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<AppointmentRow[]> {
  const rows = await withRetry(() =>
    appointmentsSoonestFirst(context.db, {
      sight: sightOf(context.actor),
      now: context.clock(),
      filter: options.filter,
      after: options.after,
      limit: options.limit + 1,
    }),
  )
  await record(context, context.db, {
    action: 'appointment.list',
    subjectType: 'appointment',
    subjectId: null,
    details: { ids: rows.slice(0, options.limit).map(({ id }) => id) },
  })
  return rows
}

/** The appointment as a repeated request must see it again: as it was when first answered. */
export async function appointmentAsAnswered(
  context: SignedInContext,
  { id, version }: StoredAnswer,
): Promise<AppointmentRow> {
  const options = { sight: sightOf(context.actor), now: context.clock() }
  const row =
    (await withRetry(() => appointmentById(context.db, id, { ...options, version }))) ??
    (await withRetry(() => appointmentById(context.db, id, options)))
  if (!row) throw new NotFound('appointment')
  return row
}

type SlotAnswer = ReturnType<typeof presentSlot>

const withDeadline: Partial<Record<AppointmentStatus, 'heldUntil' | 'answerBy'>> = {
  held: 'heldUntil',
  requested: 'answerBy',
}

/** Whose the appointment is, as policies ask. */
export function placeOf({ doctor_id, clinic_id, patient_id }: AppointmentRow) {
  return { doctorId: doctor_id, clinicId: clinic_id, patientId: patient_id }
}

/** The last instant at which a patient may still move or cancel a visit by themselves. */
export function changeableUntil(row: AppointmentRow): Instant {
  return row.starts_at - row.change_notice_minutes_min * 60_000
}

/** The appointment as the API shows it to the actor, with the clinic's offset. */
export function presentAppointment(row: AppointmentRow, actor: AccountActor): AppointmentAnswer {
  const at = (instant: Instant) => formatInstant(instant, row.time_zone)
  const deadline = withDeadline[row.status]
  const isStaff = seesStaffSide(actor, placeOf(row))
  return {
    id: row.id,
    status: row.status,
    startsAt: at(row.starts_at),
    endsAt: at(row.ends_at),
    timeZone: row.time_zone,
    doctorId: row.doctor_id,
    clinicId: row.clinic_id,
    patientId: row.patient_id,
    visitTypeId: row.visit_type_id,
    version: row.version,
    sequence: row.sequence,
    ...(deadline && row.expires_at !== null && { [deadline]: at(row.expires_at) }),
    ...(row.is_offer && { isOffer: true }),
    ...(isAhead(row.status) && { changeableUntil: at(changeableUntil(row)) }),
    ...(row.delay_minutes !== null &&
      isExpected(row.status) && { delayMinutes: row.delay_minutes }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.cancelled_reason !== null && { cancelledReason: row.cancelled_reason }),
    ...(row.proposed_slots !== null && { proposedSlots: row.proposed_slots as SlotAnswer[] }),
    ...(row.overbooked_reason !== null && { isOverbooked: true }),
    ...(isStaff && staffOnly(row)),
    createdAt: at(row.created_at),
    doctor: {
      ...(row.doctor_title !== null && { title: row.doctor_title }),
      ...contact(row.doctor_name, row.doctor_phone, row.doctor_email),
    },
    clinic: {
      ...contact(row.clinic_name, row.clinic_phone, row.clinic_email),
      address: {
        ...(row.clinic_street !== null && { street: row.clinic_street }),
        ...(row.clinic_postal_code !== null && { postalCode: row.clinic_postal_code }),
        city: row.clinic_city,
        country: row.clinic_country,
      },
    },
    patient: contact(row.patient_name, row.patient_phone, row.patient_email),
    visitType: {
      name: row.visit_type_name,
      mode: row.mode,
      ...(row.video_link !== null && { videoLink: row.video_link }),
      ...(row.instructions !== null && { instructions: row.instructions }),
    },
    ...(row.room_name !== null && { room: { name: row.room_name } }),
  }
}

/** Whether the patient still waits to be seen. */
function isExpected(status: AppointmentStatus): boolean {
  return isAhead(status) || status === 'arrived'
}

function staffOnly(row: AppointmentRow) {
  return {
    ...(row.overbooked_reason !== null && { overbookedReason: row.overbooked_reason }),
    ...(row.staff_note !== null && { staffNote: row.staff_note }),
  }
}

function contact(name: string, phone: string | null, email: string | null) {
  return { name, ...(phone !== null && { phone }), ...(email !== null && { email }) }
}
