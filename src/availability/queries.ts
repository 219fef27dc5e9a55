import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { BookingMode, WhoMayBook } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'
import type { Closure, Opening, WeeklyHours } from './windows.ts'

/** [starts, ends, expires, appointment id, clinic-local date where the doctor has a daily limit] */
type ClaimRow = [Instant, Instant, Instant | null, string, LocalDate | null]

export interface DoctorScheduleRow {
  id: string
  schedule_version: number
  status: 'bookable' | 'paused' | 'left'
  booking_mode: BookingMode
  accepting_new_patients: boolean
  notice_minutes_min: number
  horizon_days: number
  daily_limit: number | null
  clinic_ids: string[]
  visit_type_ids: string[]
  hours: WeeklyHours[]
  openings: Opening[]
  time_off: [Instant, Instant][]
  claims: ClaimRow[]
}

const milliseconds = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`)

/**
 * Everything open times of these doctors depend on, from one snapshot: the versions belong to the
 * rules. What ended more than a day before `now` is left out.
 */
export async function doctorSchedules(
  db: Queryable,
  ids: readonly string[],
  now: Instant,
): Promise<DoctorScheduleRow[]> {
  const since = formatUtc(now - 86_400_000)
  const { rows } = await sql<DoctorScheduleRow>`
    select doctor.id, schedule_version, status, booking_mode, accepting_new_patients,
      notice_minutes_min, horizon_days, daily_limit,
      array(select clinic_id::text from doctor_clinic
        where doctor_id = doctor.id order by clinic_id) as clinic_ids,
      array(select visit_type_id::text from doctor_visit_type
        where doctor_id = doctor.id order by visit_type_id) as visit_type_ids,
      coalesce((select json_agg(json_build_object('clinicId', clinic_id, 'weekday', weekday,
          'fromMinute', from_minute, 'toMinute', to_minute, 'validFrom', valid_from,
          'validUntil', valid_until, 'visitTypeIds', visit_type_ids))
        from weekly_hours where doctor_id = doctor.id), '[]') as hours,
      coalesce((select json_agg(json_build_object('clinicId', clinic_id, 'opensOn', opens_on,
          'fromMinute', from_minute, 'toMinute', to_minute, 'visitTypeIds', visit_type_ids))
        from opening where doctor_id = doctor.id and opens_on >= ${since}::timestamptz::date - 1),
        '[]') as openings,
      coalesce((select json_agg(json_build_array(${milliseconds('starts_at')}, ${milliseconds('ends_at')}))
        from time_off where doctor_id = doctor.id and ends_at > ${since}), '[]') as time_off,
      coalesce((select json_agg(json_build_array(${milliseconds('lower(during)')},
          ${milliseconds('upper(during)')}, ${milliseconds('claim.expires_at')}, claim.appointment_id,
          appointment.local_starts_at::date) order by during)
        from claim left join appointment
          on doctor.daily_limit is not null and appointment.id = claim.appointment_id
        where calendar_id = doctor.id and during && tstzrange(${since}, null)), '[]') as claims
    from doctor where doctor.id = any (${ids}::uuid[])`.execute(db)
  return rows
}

export interface ClinicScheduleRow {
  id: string
  schedule_version: number
  request_lapses_minutes: number
  time_zone: string
  closures: Closure[]
  rooms: { id: string; kind: string; claims: ClaimRow[] }[]
}

export async function clinicSchedules(
  db: Queryable,
  ids: readonly string[],
  now: Instant,
): Promise<ClinicScheduleRow[]> {
  const since = formatUtc(now - 86_400_000)
  const { rows } = await sql<ClinicScheduleRow>`
    select clinic.id, schedule_version, request_lapses_minutes, time_zone,
      coalesce((select json_agg(json_build_object('startsOn', starts_on, 'startMinute', start_minute,
          'endsOn', ends_on, 'endMinute', end_minute))
        from closure where clinic_id = clinic.id and ends_on >= ${since}::timestamptz::date - 1),
        '[]') as closures,
      coalesce((select json_agg(json_build_object('id', room.id, 'kind', kind, 'claims',
          coalesce((select json_agg(json_build_array(${milliseconds('lower(during)')},
              ${milliseconds('upper(during)')}, ${milliseconds('expires_at')}, appointment_id, null)
              order by during)
            from claim where calendar_id = room.id and during && tstzrange(${since}, null)), '[]')))
        from room where clinic_id = clinic.id), '[]') as rooms
    from clinic where clinic.id = any (${ids}::uuid[])`.execute(db)
  return rows
}

export interface VisitTypeRow {
  id: string
  schedule_version: number
  clinic_id: string | null
  duration_minutes: number
  buffer_before_minutes: number
  buffer_after_minutes: number
  step_minutes: number | null
  who_may_book: WhoMayBook
  booking_mode: BookingMode | null
  room_kind: string | null
  status: 'active' | 'retired'
}

export async function visitTypeRules(
  db: Queryable,
  ids: readonly string[],
): Promise<VisitTypeRow[]> {
  return db
    .selectFrom('visit_type')
    .select([
      'id',
      'schedule_version',
      'clinic_id',
      'duration_minutes',
      'buffer_before_minutes',
      'buffer_after_minutes',
      'step_minutes',
      'who_may_book',
      'booking_mode',
      'room_kind',
      'status',
    ])
    .where(sql<boolean>`id = any (${ids}::uuid[])`)
    .execute()
}

export interface DoctorFilter {
  /** An id, a code or a name, in any case. */
  specialty?: string | undefined
  clinicId?: string | undefined
  visitTypeId?: string | undefined
  language?: string | undefined
  /** Part of the doctor's name, a specialty, a clinic's name or its city. */
  q?: string | undefined
  acceptingNewPatients?: boolean | undefined
}

/** The doctors that match the filter, whether they have open times or not, by name. */
export async function matchingDoctors(
  db: Queryable,
  filter: DoctorFilter,
): Promise<{ id: string; name: string }[]> {
  let query = db
    .selectFrom('doctor')
    .select(['doctor.id', 'doctor.name'])
    .where('doctor.status', '<>', 'left')
  const { specialty, clinicId, visitTypeId, language, q } = filter
  if (specialty !== undefined)
    query = query.where(sql<boolean>`exists (
      select from doctor_specialty join specialty on specialty.id = specialty_id
      where doctor_id = doctor.id and (specialty.id::text = lower(${specialty})
        or code = lower(${specialty}) or lower(specialty.name) = lower(${specialty})))`)
  if (clinicId !== undefined)
    query = query.where(sql<boolean>`exists (
      select from doctor_clinic where doctor_id = doctor.id and clinic_id = ${clinicId})`)
  if (visitTypeId !== undefined)
    query = query.where(sql<boolean>`exists (
      select from doctor_visit_type where doctor_id = doctor.id and visit_type_id = ${visitTypeId})`)
  if (language !== undefined)
    query = query.where(sql<boolean>`exists (
      select from unnest(languages) as spoken
      where lower(spoken) = lower(${language}) or lower(spoken) like lower(${language}) || '-%')`)
  if (filter.acceptingNewPatients !== undefined)
    query = query.where('accepting_new_patients', '=', filter.acceptingNewPatients)
  if (q !== undefined)
    query = query.where(sql<boolean>`(
      position(lower(${q}) in lower(doctor.name)) > 0
      or exists (select from doctor_specialty join specialty on specialty.id = specialty_id
        where doctor_id = doctor.id and position(lower(${q}) in lower(specialty.name)) > 0)
      or exists (select from doctor_clinic join clinic on clinic.id = clinic_id
        where doctor_id = doctor.id
          and position(lower(${q}) in lower(clinic.name || ' ' || clinic.city)) > 0))`)
  return query.orderBy('doctor.name').orderBy('doctor.id').execute()
}

/**
 * Up to `limit` other doctors of the clinic's time zone who share a specialty with this one, those of
 * the clinic first.
 */
export async function colleaguesOf(
  db: Queryable,
  options: { doctorId: string; clinicId: string; limit: number },
): Promise<{ id: string; title: string | null; name: string }[]> {
  const { rows } = await sql<{ id: string; title: string | null; name: string }>`
    select doctor.id, doctor.title, doctor.name from doctor
    where doctor.id <> ${options.doctorId} and doctor.status = 'bookable'
      and doctor.accepting_new_patients
      and exists (select from doctor_clinic join clinic on clinic.id = clinic_id
        where doctor_id = doctor.id
          and time_zone = (select time_zone from clinic where id = ${options.clinicId}))
      and exists (select from doctor_specialty as theirs join doctor_specialty as own
        on own.specialty_id = theirs.specialty_id and own.doctor_id = ${options.doctorId}
        where theirs.doctor_id = doctor.id)
    order by not exists (select from doctor_clinic
      where doctor_id = doctor.id and clinic_id = ${options.clinicId}), doctor.id
    limit ${options.limit}`.execute(db)
  return rows
}

/** Whether the doctor has seen one of the patients before, or is with them now. */
export async function isPatientOf(
  db: Queryable,
  options: { patientIds: readonly string[]; doctorId: string; now: Instant },
): Promise<boolean> {
  const { rows } = await sql<{ is_known: boolean }>`
    select exists (select from appointment
      where patient_id = any (${options.patientIds}::uuid[]) and doctor_id = ${options.doctorId}
        and status in ('confirmed', 'arrived', 'with_doctor', 'completed')
        -- A visit that is only booked makes nobody known: a patient could book one to get in.
        and starts_at < ${formatUtc(options.now)}) as is_known`.execute(db)
  return rows[0]!.is_known
}
