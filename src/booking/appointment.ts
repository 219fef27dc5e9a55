// Appointments: found by those whom they concern, and led through their states.

import { record, type AuditEntry } from '#src/audit/audit.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import { NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import {
  isStaffOnly,
  keepsClaims,
  refusalSentence,
  stepOf,
  type Command,
} from './appointment-state.ts'
import { sightOf } from './policy.ts'
import {
  appointmentById,
  appointmentsSoonestFirst,
  deleteClaims,
  insertStep,
  keepClaims,
  lockAppointment,
  rememberRequest,
  storeAnswer,
  writeStatus,
  type AppointmentFilter,
  type AppointmentRow,
  type IdempotentRequest,
  type LockedAppointment,
  type StoredAnswer,
} from './queries.ts'
import { bookingFailureOf, IdempotencyKeyReused } from './refusals.ts'
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

/**
 * Leads an appointment one step on. Cancelling a cancelled one changes nothing and is answered as if
 * it had.
 *
 * @throws NotFound, NotAllowed, Refusal `wrong-state` or `stale-version`, IdempotencyKeyReused.
 */
export async function commandAppointment(
  context: SignedInContext,
  id: string,
  options: {
    command: Command
    reason: string | null
    requestedVersion: number | null
    request: IdempotentRequest | null
  },
): Promise<StoredAnswer> {
  const request = options.request ?? unsharedRequest(context, `${id}/${options.command}`)
  try {
    return await withRetry(() => takeStep(context, id, { ...options, request }))
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...stepEntry(id, options.command), allowed: false })
    if (bookingFailureOf(error) === 'key-reused') throw new IdempotencyKeyReused()
    throw error
  }
}

function stepEntry(id: string, command: Command): AuditEntry {
  return { action: `appointment.${command}`, subjectType: 'appointment', subjectId: id }
}

/** A key for a caller who sent none, so that a retry of ours after a lost answer is no second step. */
function unsharedRequest({ actor }: SignedInContext, route: string): IdempotentRequest {
  return { accountId: actor.accountId, route, key: newId(), bodyHash: Buffer.alloc(0) }
}

async function takeStep(
  context: SignedInContext,
  id: string,
  {
    command,
    reason,
    requestedVersion,
    request,
  }: Parameters<typeof commandAppointment>[2] & { request: IdempotentRequest },
): Promise<StoredAnswer> {
  const now = context.clock()
  return transact(context, async (tx) => {
    const earlier = await rememberRequest(tx.db, request, now)
    if (earlier !== null) return earlier
    const current = await lockAppointment(tx.db, id, { sight: sightOf(context.actor), now })
    if (!current) throw new NotFound('appointment')
    if (isStaffOnly(command) && !isStaffOf(context.actor, visitOf(current)))
      throw new NotAllowed("Only the doctor or the clinic's staff may do this.")
    const isDone = command === 'cancel' && current.status === 'cancelled'
    if (!isDone) refuseStale(current.version, requestedVersion)
    const next = isDone ? current : nextOf(context, current, command, now)
    if (!isDone) {
      const isOver = !keepsClaims(next.status)
      await writeStatus(tx.db, next, isOver ? reason : null)
      await (isOver ? deleteClaims(tx.db, id) : keepClaims(tx.db, id))
      await insertStep(tx.db, {
        appointmentId: id,
        version: next.version,
        occurredAt: now,
        actorId: context.actor.accountId,
        from: current.status,
        to: next.status,
        startsAt: next.starts_at,
        note: reason,
      })
      tx.append({
        type: `appointment.${next.status}`,
        subjects: {
          appointmentId: id,
          doctorId: next.doctor_id,
          clinicId: next.clinic_id,
          patientId: next.patient_id,
          roomId: next.room_id,
        },
      })
    }
    await record(context, tx.db, stepEntry(id, command))
    const answer = answerOf(next)
    await storeAnswer(tx.db, request, answer)
    return answer
  })
}

function nextOf(
  context: SignedInContext,
  current: LockedAppointment,
  command: Command,
  now: Instant,
): LockedAppointment {
  const step = stepOf(command, current.status)
  if (step === null)
    throw new Refusal('wrong-state', refusalSentence(command, current.status), {
      appointmentStatus: current.status,
    })
  if (current.starts_at <= now && !isStaffOf(context.actor, visitOf(current)))
    throw new Refusal('wrong-state', 'This visit has begun; only the clinic can change it now.', {
      appointmentStatus: current.status,
    })
  return {
    ...current,
    status: step.to,
    expires_at: null,
    version: current.version + 1,
    sequence: current.sequence + 1,
  }
}

function visitOf(appointment: LockedAppointment): { doctorId: string; clinicId: string } {
  return { doctorId: appointment.doctor_id, clinicId: appointment.clinic_id }
}

function answerOf(appointment: LockedAppointment): StoredAnswer {
  const { id, status, version, sequence, starts_at, ends_at, expires_at } = appointment
  return { id, status, version, sequence, starts_at, ends_at, expires_at }
}

/** The appointment as a repeated request must see it again: as it was when first answered. */
export async function appointmentAsAnswered(
  context: SignedInContext,
  answer: StoredAnswer,
): Promise<AppointmentRow> {
  const row = await findAppointment(context, answer.id)
  // A later change of the appointment must not show in the answer to an earlier request.
  return answer.version === row.version
    ? row
    : {
        ...row,
        ...answer,
        cancelled_reason: answer.status === 'cancelled' ? row.cancelled_reason : null,
      }
}

const withDeadline: Partial<Record<AppointmentStatus, 'heldUntil' | 'answerBy'>> = {
  held: 'heldUntil',
  requested: 'answerBy',
}

/** The appointment as the API shows it, with the clinic's offset. */
export function presentAppointment(row: AppointmentRow): AppointmentAnswer {
  const at = (instant: Instant) => formatInstant(instant, row.time_zone)
  const deadline = withDeadline[row.status]
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
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.cancelled_reason !== null && { cancelledReason: row.cancelled_reason }),
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

function contact(name: string, phone: string | null, email: string | null) {
  return { name, ...(phone !== null && { phone }), ...(email !== null && { email }) }
}
