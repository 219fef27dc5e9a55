import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, Role, VisitMode } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'
import type { Sight } from './policy.ts'

export interface AppointmentRow {
  id: string
  status: AppointmentStatus
  doctor_id: string
  clinic_id: string
  patient_id: string
  visit_type_id: string
  room_id: string | null
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  reason: string | null
  expires_at: Instant | null
  cancelled_reason: string | null
  overbooked_reason: string | null
  is_offer: boolean
  staff_note: string | null
  proposed_slots: unknown[] | null
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
  change_notice_minutes_min: number
  /** By how much the doctor runs late that day; null when in time. */
  delay_minutes: number | null
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

type AppointmentColumns = Pick<
  AppointmentRow,
  | 'id'
  | 'status'
  | 'doctor_id'
  | 'clinic_id'
  | 'patient_id'
  | 'visit_type_id'
  | 'room_id'
  | 'starts_at'
  | 'ends_at'
  | 'time_zone'
  | 'reason'
  | 'expires_at'
  | 'cancelled_reason'
  | 'overbooked_reason'
  | 'is_offer'
  | 'staff_note'
  | 'proposed_slots'
  | 'version'
  | 'sequence'
  | 'created_at'
> & { local_starts_at: string }

const asItIs = (now: Instant) =>
  sql<AppointmentColumns>`(select id, ${statusAt(now)} as status, doctor_id, clinic_id, patient_id,
    visit_type_id, room_id, starts_at, ends_at, time_zone, local_starts_at, reason, expires_at,
    cancelled_reason, overbooked_reason, is_offer, staff_note, proposed_slots, version, sequence,
    created_at from appointment)`

/** As it was after the step that made this version. */
const asItWas = (version: number) =>
  sql<AppointmentColumns>`(select id, step.to_status as status,
    step.doctor_id, step.clinic_id, patient_id, step.visit_type_id, step.room_id, step.starts_at,
    step.ends_at, step.time_zone, step.local_starts_at, step.reason, step.expires_at,
    case when step.to_status not in ('cancelled', 'declined') then null
      when step.command = 'note' then cancelled_reason else step.note end as cancelled_reason,
    step.overbooked_reason, is_offer, step.staff_note, step.proposed_slots, step.version,
    step.sequence, created_at
    from appointment join appointment_event as step
      on step.appointment_id = appointment.id and step.version = ${version})`

const seenBy = (sight: Sight) => sql<SqlBool>`(${sight.all}::boolean
  or appointment.patient_id = any (${sight.patientIds}::uuid[])
  or appointment.doctor_id = ${sight.doctorId}::uuid
  or appointment.clinic_id = any (${sight.clinicIds}::uuid[]))`

function appointmentsWithNames(
  db: Queryable,
  options: { sight: Sight; now: Instant; version?: number | undefined },
) {
  const source = options.version === undefined ? asItIs(options.now) : asItWas(options.version)
  return db
    .selectFrom(source.as('appointment'))
    .innerJoin('doctor', 'doctor.id', 'appointment.doctor_id')
    .innerJoin('clinic', 'clinic.id', 'appointment.clinic_id')
    .innerJoin('patient', 'patient.id', 'appointment.patient_id')
    .innerJoin('visit_type', 'visit_type.id', 'appointment.visit_type_id')
    .leftJoin('room', 'room.id', 'appointment.room_id')
    .leftJoin('delay', (join) =>
      join
        .onRef('delay.doctor_id', '=', 'appointment.doctor_id')
        .onRef('delay.clinic_id', '=', 'appointment.clinic_id')
        .on(sql<SqlBool>`delay.on_date = appointment.local_starts_at::date`),
    )
    .select([
      'appointment.id',
      'appointment.status',
      'appointment.doctor_id',
      'appointment.clinic_id',
      'appointment.patient_id',
      'appointment.visit_type_id',
      'appointment.room_id',
      'appointment.starts_at',
      'appointment.ends_at',
      'appointment.time_zone',
      'appointment.reason',
      'appointment.expires_at',
      'appointment.cancelled_reason',
      'appointment.overbooked_reason',
      'appointment.is_offer',
      'appointment.staff_note',
      'appointment.proposed_slots',
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
      'clinic.change_notice_minutes_min',
      'delay.minutes as delay_minutes',
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

/** The appointment, as it was at `version` if given, when it is one that `sight` may find. */
export async function appointmentById(
  db: Queryable,
  id: string,
  options: { sight: Sight; now: Instant; version?: number | undefined },
): Promise<AppointmentRow | undefined> {
  return appointmentsWithNames(db, options).where('appointment.id', '=', id).executeTakeFirst()
}

/** Those of the appointments that `sight` may find, soonest first. */
export async function appointmentsByIds(
  db: Queryable,
  ids: readonly string[],
  options: { sight: Sight; now: Instant },
): Promise<AppointmentRow[]> {
  return appointmentsWithNames(db, options)
    .where('appointment.id', '=', sql<string>`any (${ids}::uuid[])`)
    .orderBy('appointment.starts_at')
    .orderBy('appointment.id')
    .execute()
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
  // An offer that is over was taken, and then the visit is listed, or is nothing.
  if (filter.status === undefined)
    query = query.where(sql<SqlBool>`not (is_offer and appointment.status = 'expired')`)
  else query = query.where('appointment.status', 'in', filter.status)
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

/** The holds that the patient has with the doctor, past their time or not. */
export async function holdsOf(
  db: Queryable,
  { patientId, doctorId }: { patientId: string; doctorId: string },
): Promise<string[]> {
  const rows = await db
    .selectFrom('appointment')
    .select('id')
    .where('patient_id', '=', patientId)
    .where('doctor_id', '=', doctorId)
    .where('status', '=', 'held')
    .where('is_offer', '=', false)
    .execute()
  return rows.map(({ id }) => id)
}

export interface StepRow {
  version: number
  occurred_at: Instant
  actor_id: string | null
  actor_role: Role | null
  actor_name: string | null
  command: string
  from_status: AppointmentStatus | null
  to_status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  expires_at: Instant | null
  doctor_id: string
  clinic_id: string
  visit_type_id: string
  room_id: string | null
  overbooked_reason: string | null
  former_doctor_version: number | null
  former_clinic_version: number | null
  note: string | null
}

/**
 * The steps of an appointment's life, oldest first, with who made them: an account, or by a link in a mail
 * a patient without one.
 */
export async function stepsOf(db: Queryable, appointmentId: string): Promise<StepRow[]> {
  return db
    .selectFrom('appointment_event')
    .leftJoin('account', 'account.id', 'appointment_event.actor_id')
    .leftJoin('patient', 'patient.id', 'appointment_event.actor_id')
    .select([
      'appointment_event.version',
      'appointment_event.occurred_at',
      'appointment_event.actor_id',
      sql<Role | null>`coalesce(account.role, case when patient.id is not null then 'patient' end)`.as(
        'actor_role',
      ),
      sql<string | null>`coalesce(account.name, patient.name)`.as('actor_name'),
      'appointment_event.command',
      'appointment_event.from_status',
      'appointment_event.to_status',
      'appointment_event.starts_at',
      'appointment_event.ends_at',
      'appointment_event.time_zone',
      'appointment_event.expires_at',
      'appointment_event.doctor_id',
      'appointment_event.clinic_id',
      'appointment_event.visit_type_id',
      'appointment_event.room_id',
      'appointment_event.overbooked_reason',
      'appointment_event.former_doctor_version',
      'appointment_event.former_clinic_version',
      'appointment_event.note',
    ])
    .where('appointment_event.appointment_id', '=', appointmentId)
    .orderBy('appointment_event.version')
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
