// Booked visits that a change of a doctor's schedule is about. They are read here and never written.

import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { BookedVisit } from './affected.ts'

/** A visit that may have to be moved, with what it takes to reach the patient. */
export interface AffectedRow {
  id: string
  status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  clinic_id: string
  visit_type_id: string
  version: number
  patient_id: string
  patient_name: string
  patient_phone: string | null
  patient_email: string | null
}

const columns = sql.raw(`appointment.id, appointment.status, starts_at, ends_at, time_zone,
  appointment.clinic_id, visit_type_id, appointment.version, patient_id,
  patient.name as patient_name, patient.phone as patient_phone, patient.email as patient_email`)

/** Still to be seen: the time of a hold or request that ran out is nobody's any more. */
function isAhead(now: Instant): RawBuilder<boolean> {
  return sql`(appointment.status in ('held', 'requested', 'confirmed', 'arrived')
    and (expires_at is null or expires_at > ${formatUtc(now)}))`
}

export interface VisitsDuring {
  doctorId: string
  during: Interval
  now: Instant
}

const day = 86_400_000

/**
 * Of visits that are over by the clock, only those whose patient is in the waiting room. No visit
 * lasts more than a day, so the index by start is enough.
 */
function isDuring({ doctorId, during, now }: VisitsDuring): RawBuilder<boolean> {
  return sql`(doctor_id = ${doctorId} and starts_at < ${formatUtc(during.endsAt)}
    and starts_at > ${formatUtc(Math.max(0, during.startsAt - 2 * day))} and ends_at > ${formatUtc(during.startsAt)}
    and (ends_at > ${formatUtc(now)} or appointment.status = 'arrived') and ${isAhead(now)})`
}

/**
 * The doctor's visits that overlap the interval and are ahead, soonest first, at most `limit` of
 * those after the position; at these clinics, null for all.
 */
export async function visitsDuring(
  db: Queryable,
  options: VisitsDuring & {
    clinicIds: readonly string[] | null
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<AffectedRow[]> {
  const { clinicIds, after } = options
  const { rows } = await sql<AffectedRow>`
    select ${columns} from appointment join patient on patient.id = patient_id
    where ${isDuring(options)}
      and (${clinicIds}::uuid[] is null or appointment.clinic_id = any (${clinicIds}::uuid[]))
      and (${after?.id ?? null}::uuid is null or (starts_at, appointment.id)
        > (${after && formatUtc(after.startsAt)}::timestamptz, ${after?.id ?? null}::uuid))
    order by starts_at, appointment.id limit ${options.limit}`.execute(db)
  return rows
}

/** How many visits `visitsDuring` has, at all clinics. */
export async function countVisitsDuring(db: Queryable, options: VisitsDuring): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from appointment where ${isDuring(options)}`.execute(db)
  return rows[0]!.count
}

/** The doctor's visits that begin after `now`, at these clinics. */
export async function visitsAhead(
  db: Queryable,
  options: { doctorId: string; clinicIds: readonly string[]; now: Instant },
): Promise<BookedVisit[]> {
  const { rows } = await sql<BookedVisit>`
    select id, clinic_id as "clinicId", visit_type_id as "visitTypeId",
      starts_at as "startsAt", ends_at as "endsAt"
    from appointment
    where doctor_id = ${options.doctorId} and starts_at > ${formatUtc(options.now)}
      and clinic_id = any (${options.clinicIds}::uuid[]) and ${isAhead(options.now)}`.execute(db)
  return rows
}

/** These appointments, soonest first. */
export async function visitsByIds(db: Queryable, ids: readonly string[]): Promise<AffectedRow[]> {
  const { rows } = await sql<AffectedRow>`
    select ${columns} from appointment join patient on patient.id = patient_id
    where appointment.id = any (${ids}::uuid[])
    order by starts_at, appointment.id`.execute(db)
  return rows
}

/** When this time off of the doctor is. */
export async function timeOffById(
  db: Queryable,
  options: { doctorId: string; timeOffId: string },
): Promise<Interval | undefined> {
  return db
    .selectFrom('time_off')
    .select(['starts_at as startsAt', 'ends_at as endsAt'])
    .where('id', '=', options.timeOffId)
    .where('doctor_id', '=', options.doctorId)
    .executeTakeFirst()
}
