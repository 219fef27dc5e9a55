// What a rebooking is planned from: a doctor's visits, and where else their patients are.

import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface MovingRow {
  id: string
  /** A request past its time is expired, whether or not that was written down yet. */
  status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  doctor_id: string
  clinic_id: string
  visit_type_id: string
  version: number
  patient_id: string
  patient_name: string
  patient_phone: string | null
  patient_email: string | null
}

/** A doctor's visits at these clinics, null for all. */
interface Whose {
  doctorId: string
  clinicIds: readonly string[] | null
  now: Instant
}

const columnsAt = (now: Instant) => sql`appointment.id,
  case when expires_at <= ${formatUtc(now)}::timestamptz then 'expired'
    else appointment.status end as status,
  starts_at, ends_at, time_zone, doctor_id, clinic_id, visit_type_id, appointment.version, patient_id,
  patient.name as patient_name, patient.phone as patient_phone, patient.email as patient_email`

const isTheirs = ({ doctorId, clinicIds }: Whose) => sql`(doctor_id = ${doctorId}
  and (${clinicIds}::uuid[] is null or clinic_id = any (${clinicIds}::uuid[])))`

const day = 86_400_000

/**
 * The doctor's visits that overlap the interval, are requested or confirmed and not over, soonest
 * first. No visit lasts more than a day, so the index by start is enough.
 */
export async function visitsToMove(
  db: Queryable,
  options: Whose & { during: Interval; limit: number },
): Promise<MovingRow[]> {
  const { during, now } = options
  const { rows } = await sql<MovingRow>`
    select ${columnsAt(now)} from appointment join patient on patient.id = patient_id
    where ${isTheirs(options)} and appointment.status in ('requested', 'confirmed')
      and (expires_at is null or expires_at > ${formatUtc(now)})
      and starts_at < ${formatUtc(during.endsAt)} and ends_at > ${formatUtc(during.startsAt)}
      and starts_at > ${formatUtc(Math.max(0, during.startsAt - 2 * day))} and ends_at > ${formatUtc(now)}
    order by starts_at, appointment.id limit ${options.limit}`.execute(db)
  return rows
}

/** Those of the named appointments that are the doctor's, soonest first. */
export async function visitsNamed(
  db: Queryable,
  options: Whose & { ids: readonly string[] },
): Promise<MovingRow[]> {
  const { rows } = await sql<MovingRow>`
    select ${columnsAt(options.now)} from appointment join patient on patient.id = patient_id
    where appointment.id = any (${options.ids}::uuid[]) and ${isTheirs(options)}
    order by starts_at, appointment.id`.execute(db)
  return rows
}

export interface PatientClaim extends Interval {
  patientId: string
  appointmentId: string
}

/** What the patients are claimed for from `now` on, whoever they see. */
export async function claimsOfPatients(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<PatientClaim[]> {
  const { rows } = await sql<PatientClaim>`
    select calendar_id as "patientId", appointment_id as "appointmentId",
      lower(during) as "startsAt", upper(during) as "endsAt"
    from claim
    where calendar_id = any (${patientIds}::uuid[])
      and during && tstzrange(${formatUtc(now)}, null)
      and (expires_at is null or expires_at > ${formatUtc(now)})`.execute(db)
  return rows
}

/**
 * Whose the appointments were at the versions that go with them, by id; as they are now where that
 * version is not written down.
 */
export async function placesAtVersions(
  db: Queryable,
  named: readonly { appointmentId: string; version: number }[],
): Promise<Map<string, { doctorId: string; clinicId: string }>> {
  const ids = named.map(({ appointmentId }) => appointmentId)
  const versions = named.map(({ version }) => version)
  const { rows } = await sql<{ id: string; doctorId: string; clinicId: string }>`
    select appointment.id, coalesce(step.doctor_id, appointment.doctor_id) as "doctorId",
      coalesce(step.clinic_id, appointment.clinic_id) as "clinicId"
    from unnest(${ids}::uuid[], ${versions}::integer[]) as named (id, version)
    join appointment on appointment.id = named.id
    left join appointment_event as step
      on step.appointment_id = named.id and step.version = named.version`.execute(db)
  return new Map(rows.map(({ id, ...place }) => [id, place]))
}
