import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

/** A visit takes place, took place, or was to. */
const counted = sql.raw(
  "('requested', 'confirmed', 'arrived', 'with_doctor', 'completed', 'no_show')",
)

/** No visit lasts so long, and no zone is so far from another, in milliseconds. */
const twoDays = 2 * 86_400_000

/** Whose time of a doctor is looked at: at these clinics, null for all. */
export interface DoctorScope {
  doctorId: string
  clinicIds: readonly string[] | null
}

function isTheirs({ doctorId, clinicIds }: DoctorScope) {
  return sql<boolean>`(appointment.doctor_id = ${doctorId}
    and (${clinicIds}::uuid[] is null or appointment.clinic_id = any (${clinicIds}::uuid[])))`
}

/** A request or hold past its time is over, whether or not that was written down. */
function isOpen(now: Instant) {
  return sql<boolean>`(appointment.expires_at is null or appointment.expires_at > ${formatUtc(now)})`
}

export interface DoctorVisits {
  /** Of the days about now, soonest first, with the date on which each begins at its clinic. */
  near: { id: string; timeZone: string; date: LocalDate }[]
  /** The first one that is to be seen yet. */
  nextId: string | null
  requestCount: number
  /** The oldest requests first. */
  requestIds: string[]
  /** How many people wait for a time with the doctor. */
  waiting: number
}

/** Which visits of the doctor are on the dashboard, with `requestsMax` requests at most. */
export async function doctorVisits(
  db: Queryable,
  options: DoctorScope & { now: Instant; requestsMax: number },
): Promise<DoctorVisits> {
  const { doctorId, clinicIds, now } = options
  const theirs = sql`${isTheirs(options)} and ${isOpen(now)}
    and appointment.starts_at > ${formatUtc(now - twoDays)}`
  const { rows } = await sql<DoctorVisits>`
    select
      coalesce((select json_agg(json_build_object('id', id, 'timeZone', time_zone,
          'date', local_starts_at::date) order by starts_at, id)
        from appointment where ${theirs} and starts_at < ${formatUtc(now + twoDays)}
          and status in ${counted}), '[]') as near,
      (select id from appointment where ${theirs} and status in ('confirmed', 'arrived')
        and ends_at > ${formatUtc(now)} order by starts_at, id limit 1) as "nextId",
      (select count(*)::integer from appointment
        where ${theirs} and status = 'requested') as "requestCount",
      array(select id::text from appointment where ${theirs} and status = 'requested'
        order by created_at, id limit ${options.requestsMax}) as "requestIds",
      (select count(distinct entry.patient_id)::integer from waitlist_entry as entry
        left join appointment as visit on visit.id = entry.appointment_id
        where entry.status = 'waiting'
          and coalesce(visit.doctor_id, entry.doctor_id) = ${doctorId}
          and (${clinicIds}::uuid[] is null
            or coalesce(visit.clinic_id, entry.clinic_id) is null
            or coalesce(visit.clinic_id, entry.clinic_id) = any (${clinicIds}::uuid[]))) as waiting
    `.execute(db)
  return rows[0]!
}

export interface BookedDayRow {
  date: LocalDate
  visits: number
  minutes: number
}

/** How much of the doctor's time is booked on each date of the clinics, both ends included; not empty ones. */
export async function bookedDays(
  db: Queryable,
  options: DoctorScope & { from: LocalDate; to: LocalDate; now: Instant },
): Promise<BookedDayRow[]> {
  const { from, to, now } = options
  const { rows } = await sql<BookedDayRow>`
    select local_starts_at::date as date, count(*)::integer as visits,
      (sum(extract(epoch from ends_at - starts_at)) / 60)::float8 as minutes
    from appointment
    where ${isTheirs(options)} and ${isOpen(now)} and status in ${counted}
      and local_starts_at >= ${from}::date and local_starts_at < ${to}::date + 1
      and starts_at > ${from}::date - interval '1 day' and starts_at < ${to}::date + interval '2 days'
    group by 1 order by 1`.execute(db)
  return rows
}

export interface PatientVisits {
  name: string
  nextIds: string[]
  requestCount: number
  requestIds: string[]
}

/** Which visits of the patient are on the dashboard, soonest first, at most `visitsMax` of each kind. */
export async function patientVisits(
  db: Queryable,
  options: { patientId: string; now: Instant; visitsMax: number },
): Promise<PatientVisits | undefined> {
  const { patientId, now, visitsMax } = options
  const theirs = sql`patient_id = ${patientId} and ${isOpen(now)} and ends_at > ${formatUtc(now)}
    and starts_at > ${formatUtc(now - twoDays)}`
  const { rows } = await sql<PatientVisits>`
    select patient.name,
      array(select id::text from appointment
        where ${theirs} and status in ('confirmed', 'arrived', 'with_doctor')
        order by starts_at, id limit ${visitsMax}) as "nextIds",
      (select count(*)::integer from appointment
        where ${theirs} and status = 'requested') as "requestCount",
      array(select id::text from appointment where ${theirs} and status = 'requested'
        order by starts_at, id limit ${visitsMax}) as "requestIds"
    from patient where patient.id = ${patientId}`.execute(db)
  return rows[0]
}

export interface RelativeRow {
  id: string
  name: string
  next: {
    id: string
    status: 'requested' | 'confirmed' | 'arrived' | 'with_doctor'
    startsAt: Instant
    endsAt: Instant
    timeZone: string
    doctor: string
    clinic: string
  } | null
}

const milliseconds = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`)

/** These patients by name, with their next visit or request; of it who, where and when, never why. */
export async function relatives(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<RelativeRow[]> {
  const { rows } = await sql<RelativeRow>`
    select patient.id, patient.name, (
      select json_build_object('id', appointment.id, 'status', appointment.status,
        'startsAt', ${milliseconds('starts_at')}, 'endsAt', ${milliseconds('ends_at')},
        'timeZone', appointment.time_zone, 'doctor', concat_ws(' ', doctor.title, doctor.name),
        'clinic', clinic.name)
      from appointment
      join doctor on doctor.id = appointment.doctor_id
      join clinic on clinic.id = appointment.clinic_id
      where appointment.patient_id = patient.id and ${isOpen(now)}
        and ends_at > ${formatUtc(now)} and starts_at > ${formatUtc(now - twoDays)}
        and appointment.status in ('requested', 'confirmed', 'arrived', 'with_doctor')
      order by starts_at, appointment.id limit 1) as next
    from patient where patient.id = any (${patientIds}::uuid[])
    order by patient.name, patient.id`.execute(db)
  return rows
}
