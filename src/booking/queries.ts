import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, VisitMode } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'
import type { Sight } from './policy.ts'

/** What a repeated request is answered: the appointment as it was, without anything personal. */
export interface StoredAnswer {
  id: string
  status: AppointmentStatus
  version: number
  sequence: number
  starts_at: Instant
  ends_at: Instant
  expires_at: Instant | null
}

export interface IdempotentRequest {
  accountId: string
  route: string
  key: string
  bodyHash: Buffer
}

export interface NewAppointment {
  id: string
  status: 'confirmed' | 'requested'
  doctorId: string
  clinicId: string
  patientId: string
  visitTypeId: string
  startsAt: Instant
  endsAt: Instant
  timeZone: string
  localStartsAt: string
  reason: string | null
  expiresAt: Instant | null
  /** What the doctor and the patient are claimed for, sorted by calendar id. */
  claims: ({ calendarId: string } & Interval)[]
  /** The rooms of which one is claimed, in the order to try them; null when none is needed. */
  rooms: ({ ids: string[] } & Interval) | null
  versions: { doctor: number; clinic: number; visitType: number }
}

/**
 * Books in one call, or answers what the first request with this key was answered. Throws the
 * database's error with the name of the constraint that refused (see 0008_book_appointment.sql).
 */
export async function bookInOneCall(
  db: Queryable,
  options: {
    now: Instant
    origin: string
    requestId: string
    accountId: string
    request: IdempotentRequest | null
    answer: StoredAnswer
    appointment: NewAppointment
  },
): Promise<StoredAnswer> {
  const { appointment, request } = options
  const { claims, rooms } = appointment
  const { rows } = await sql<{ answer: StoredAnswer }>`
    select book_appointment(
      ${formatUtc(options.now)}, ${options.origin}, ${options.requestId}, ${options.accountId},
      ${request?.route ?? null}, ${request?.key ?? null}, ${request?.bodyHash ?? null},
      ${JSON.stringify(options.answer)},
      ${appointment.versions.doctor}, ${appointment.versions.clinic}, ${appointment.versions.visitType},
      ${appointment.id}, ${appointment.status}, ${appointment.doctorId}, ${appointment.clinicId},
      ${appointment.patientId}, ${appointment.visitTypeId},
      ${formatUtc(appointment.startsAt)}, ${formatUtc(appointment.endsAt)},
      ${appointment.timeZone}, ${appointment.localStartsAt}, ${appointment.reason},
      ${appointment.expiresAt === null ? null : formatUtc(appointment.expiresAt)},
      ${claims.map((claim) => claim.calendarId)}::uuid[], ${claims.map(rangeOf)}::tstzrange[],
      ${rooms?.ids ?? null}::uuid[], ${rooms && rangeOf(rooms)}::tstzrange
    ) as answer`.execute(db)
  return rows[0]!.answer
}

function rangeOf({ startsAt, endsAt }: Interval): string {
  return `[${formatUtc(startsAt)},${formatUtc(endsAt)})`
}

/** Whether a claim of the calendar that has not run out overlaps the interval. */
export async function isClaimed(
  db: Queryable,
  options: { calendarId: string; during: Interval; now: Instant },
): Promise<boolean> {
  const { rows } = await sql<{ is_claimed: boolean }>`
    select exists (select from claim where calendar_id = ${options.calendarId}
      and during && ${rangeOf(options.during)}::tstzrange
      and (expires_at is null or expires_at > ${formatUtc(options.now)})) as is_claimed`.execute(db)
  return rows[0]!.is_claimed
}

/** Remembers the request; answers what it was answered before, or null. Waits for a twin. */
export async function rememberRequest(
  db: Queryable,
  request: IdempotentRequest,
  now: Instant,
): Promise<StoredAnswer | null> {
  const { rows } = await sql<{ answer: StoredAnswer | null }>`
    select remember_request(${request.accountId}, ${request.route}, ${request.key},
      ${request.bodyHash}, ${formatUtc(now)}) as answer`.execute(db)
  return rows[0]!.answer
}

export async function storeAnswer(
  db: Queryable,
  request: IdempotentRequest,
  answer: StoredAnswer,
): Promise<void> {
  await db
    .updateTable('idempotency_key')
    .set({ answer: JSON.stringify(answer) })
    .where('account_id', '=', request.accountId)
    .where('route', '=', request.route)
    .where('key', '=', request.key)
    .execute()
}

export interface AppointmentRow {
  id: string
  status: AppointmentStatus
  doctor_id: string
  clinic_id: string
  patient_id: string
  visit_type_id: string
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  reason: string | null
  expires_at: Instant | null
  cancelled_reason: string | null
  version: number
  sequence: number
  created_at: Instant
  doctor_title: string | null
  doctor_name: string
  doctor_phone: string | null
  doctor_email: string | null
  clinic_name: string
  clinic_street: string | null
  clinic_postal_code: string | null
  clinic_city: string
  clinic_country: string
  clinic_phone: string | null
  clinic_email: string | null
  patient_name: string
  patient_phone: string | null
  patient_email: string | null
  visit_type_name: string
  mode: VisitMode
  video_link: string | null
  instructions: string | null
  room_name: string | null
}

/** A hold or request past its time counts as expired, whether or not that was written down yet. */
const statusAt = (now: Instant) => sql<AppointmentStatus>`case
  when appointment.expires_at <= ${formatUtc(now)}::timestamptz then 'expired'
  else appointment.status end`

const seenBy = (sight: Sight) => sql<SqlBool>`(${sight.all}::boolean
  or appointment.patient_id = any (${sight.patientIds}::uuid[])
  or appointment.doctor_id = ${sight.doctorId}::uuid
  or appointment.clinic_id = any (${sight.clinicIds}::uuid[]))`

function appointmentsWithNames(db: Queryable, options: { sight: Sight; now: Instant }) {
  return db
    .selectFrom('appointment')
    .innerJoin('doctor', 'doctor.id', 'appointment.doctor_id')
    .innerJoin('clinic', 'clinic.id', 'appointment.clinic_id')
    .innerJoin('patient', 'patient.id', 'appointment.patient_id')
    .innerJoin('visit_type', 'visit_type.id', 'appointment.visit_type_id')
    .leftJoin('room', 'room.id', 'appointment.room_id')
    .select([
      'appointment.id',
      statusAt(options.now).as('status'),
      'appointment.doctor_id',
      'appointment.clinic_id',
      'appointment.patient_id',
      'appointment.visit_type_id',
      'appointment.starts_at',
      'appointment.ends_at',
      'appointment.time_zone',
      'appointment.reason',
      'appointment.expires_at',
      'appointment.cancelled_reason',
      'appointment.version',
      'appointment.sequence',
      'appointment.created_at',
      'doctor.title as doctor_title',
      'doctor.name as doctor_name',
      'doctor.phone as doctor_phone',
      'doctor.email as doctor_email',
      'clinic.name as clinic_name',
      'clinic.street as clinic_street',
      'clinic.postal_code as clinic_postal_code',
      'clinic.city as clinic_city',
      'clinic.country as clinic_country',
      'clinic.phone as clinic_phone',
      'clinic.email as clinic_email',
      'patient.name as patient_name',
      'patient.phone as patient_phone',
      'patient.email as patient_email',
      'visit_type.name as visit_type_name',
      'visit_type.mode',
      'visit_type.video_link',
      'visit_type.instructions',
      'room.name as room_name',
    ])
    .where(seenBy(options.sight))
}

/** The appointment, when it is one that `sight` may find. */
export async function appointmentById(
  db: Queryable,
  id: string,
  options: { sight: Sight; now: Instant },
): Promise<AppointmentRow | undefined> {
  return appointmentsWithNames(db, options).where('appointment.id', '=', id).executeTakeFirst()
}

export interface AppointmentFilter {
  /** Clinic-local dates, both included. */
  from?: LocalDate | undefined
  to?: LocalDate | undefined
  status?: readonly AppointmentStatus[] | undefined
  doctorId?: string | undefined
  patientId?: string | undefined
  clinicId?: string | undefined
}

/** The appointments that match and that `sight` may find, soonest first. */
export async function appointmentsSoonestFirst(
  db: Queryable,
  options: {
    sight: Sight
    now: Instant
    filter: AppointmentFilter
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<AppointmentRow[]> {
  const { filter, after } = options
  let query = appointmentsWithNames(db, options)
  // The bound on the instant is for the index; no zone is more than a day from UTC.
  if (filter.from !== undefined)
    query = query.where(
      sql<SqlBool>`appointment.local_starts_at >= ${filter.from}::date
        and appointment.starts_at >= ${filter.from}::date - interval '1 day'`,
    )
  if (filter.to !== undefined)
    query = query.where(
      sql<SqlBool>`appointment.local_starts_at < ${filter.to}::date + 1
        and appointment.starts_at < ${filter.to}::date + interval '2 days'`,
    )
  if (filter.status !== undefined) query = query.where(statusAt(options.now), 'in', filter.status)
  if (filter.doctorId !== undefined)
    query = query.where('appointment.doctor_id', '=', filter.doctorId)
  if (filter.patientId !== undefined)
    query = query.where('appointment.patient_id', '=', filter.patientId)
  if (filter.clinicId !== undefined)
    query = query.where('appointment.clinic_id', '=', filter.clinicId)
  if (after !== null)
    query = query.where(
      sql<SqlBool>`(appointment.starts_at, appointment.id) >
        (${formatUtc(after.startsAt)}::timestamptz, ${after.id}::uuid)`,
    )
  return query
    .orderBy('appointment.starts_at')
    .orderBy('appointment.id')
    .limit(options.limit)
    .execute()
}

export interface LockedAppointment {
  id: string
  status: AppointmentStatus
  doctor_id: string
  clinic_id: string
  patient_id: string
  room_id: string | null
  starts_at: Instant
  ends_at: Instant
  expires_at: Instant | null
  version: number
  sequence: number
}

/** Locks the appointment, when it is one that `sight` may find. */
export async function lockAppointment(
  db: Queryable,
  id: string,
  options: { sight: Sight; now: Instant },
): Promise<LockedAppointment | undefined> {
  return db
    .selectFrom('appointment')
    .select([
      'id',
      statusAt(options.now).as('status'),
      'doctor_id',
      'clinic_id',
      'patient_id',
      'room_id',
      'starts_at',
      'ends_at',
      'expires_at',
      'version',
      'sequence',
    ])
    .where('id', '=', id)
    .where(seenBy(options.sight))
    .forUpdate()
    .executeTakeFirst()
}

/** Writes a step: the new status, the raised version and sequence. */
export async function writeStatus(
  db: Queryable,
  appointment: { id: string; status: AppointmentStatus; version: number; sequence: number },
  cancelledReason: string | null,
): Promise<void> {
  await db
    .updateTable('appointment')
    .set({
      status: appointment.status,
      version: appointment.version,
      sequence: appointment.sequence,
      expires_at: null,
      cancelled_reason: cancelledReason,
    })
    .where('id', '=', appointment.id)
    .execute()
}

export async function insertStep(
  db: Queryable,
  step: {
    appointmentId: string
    version: number
    occurredAt: Instant
    actorId: string
    from: AppointmentStatus
    to: AppointmentStatus
    startsAt: Instant
    note: string | null
  },
): Promise<void> {
  await db
    .insertInto('appointment_event')
    .values({
      appointment_id: step.appointmentId,
      version: step.version,
      occurred_at: formatUtc(step.occurredAt),
      actor_id: step.actorId,
      from_status: step.from,
      to_status: step.to,
      starts_at: formatUtc(step.startsAt),
      note: step.note,
    })
    .execute()
}

export async function deleteClaims(db: Queryable, appointmentId: string): Promise<void> {
  await db.deleteFrom('claim').where('appointment_id', '=', appointmentId).execute()
}

/** The claims no longer run out: the request was accepted. */
export async function keepClaims(db: Queryable, appointmentId: string): Promise<void> {
  await db
    .updateTable('claim')
    .set({ expires_at: null })
    .where('appointment_id', '=', appointmentId)
    .execute()
}

export async function patientExists(db: Queryable, patientId: string): Promise<boolean> {
  const row = await db
    .selectFrom('patient')
    .select('id')
    .where('id', '=', patientId)
    .executeTakeFirst()
  return row !== undefined
}
