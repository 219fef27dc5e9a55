import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { needsSecondFactor } from '#src/identity/queries.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { ThreadVisit } from './policy.ts'
import type { DelayedVisit, VisitPlace } from './subscriptions.ts'

/** Those of the sessions that are over, whose account is not active, or lacks the second factor it needs. */
export async function endedSessions(
  db: Queryable,
  { sessionIds, now }: { sessionIds: readonly string[]; now: Instant },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select open.id from unnest(${sessionIds}::uuid[]) as open (id)
    where not exists (
      select from session join account on account.id = session.account_id
      where session.id = open.id and session.ended_at is null
        and session.expires_at > ${formatUtc(now)} and account.status = 'active'
        and not ${needsSecondFactor})`.execute(db)
  return rows.map(({ id }) => id)
}

/** When the next of the account's accesses to patients ends that has an end; null when none has. */
export async function nextAccessEnd(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<Instant | null> {
  const { endsAt } = await db
    .selectFrom('patient_access')
    .select(({ fn }) => fn.min('ends_at').as('endsAt'))
    .where('account_id', '=', accountId)
    .where('ends_at', '>', sql<Instant>`${formatUtc(now)}`)
    .executeTakeFirstOrThrow()
  return endsAt
}

export async function doctorExists(db: Queryable, doctorId: string): Promise<boolean> {
  const row = await db
    .selectFrom('doctor')
    .select('id')
    .where('id', '=', doctorId)
    .executeTakeFirst()
  return row !== undefined
}

export async function clinicExists(db: Queryable, clinicId: string): Promise<boolean> {
  const row = await db
    .selectFrom('clinic')
    .select('id')
    .where('id', '=', clinicId)
    .executeTakeFirst()
  return row !== undefined
}

/** Whose the visits are, by their ids. */
export async function threadVisits(
  db: Queryable,
  appointmentIds: readonly string[],
): Promise<Map<string, ThreadVisit>> {
  const rows = await db
    .selectFrom('appointment')
    .select(['id', 'doctor_id as doctorId', 'clinic_id as clinicId', 'patient_id as patientId'])
    .where('id', 'in', appointmentIds)
    .execute()
  return new Map(rows.map(({ id, ...visit }) => [id, visit]))
}

/** Where each visit was at its version and at the one before. */
export async function visitPlaces(
  db: Queryable,
  visits: readonly { appointmentId: string; version: number }[],
): Promise<(VisitPlace & { appointmentId: string; version: number })[]> {
  const { rows } = await sql<VisitPlace & { appointmentId: string; version: number }>`
    select distinct step.appointment_id as "appointmentId", step.version,
      step.clinic_id as "clinicId", step.doctor_id as "doctorId", step.local_starts_at::date as date
    from unnest(${visits.map(({ appointmentId }) => appointmentId)}::uuid[],
      ${visits.map(({ version }) => version)}::integer[]) as asked (id, version)
    join appointment_event as step on step.appointment_id = asked.id
      and step.version in (asked.version, asked.version - 1)`.execute(db)
  return rows
}

/** The doctors who work at each of the clinics. */
export async function doctorsOfClinics(
  db: Queryable,
  clinicIds: readonly string[],
): Promise<{ id: string; doctorId: string }[]> {
  return db
    .selectFrom('doctor_clinic')
    .select(['clinic_id as id', 'doctor_id as doctorId'])
    .where('clinic_id', 'in', clinicIds)
    .execute()
}

/** The doctors who offer each of the visit types. */
export async function doctorsOfVisitTypes(
  db: Queryable,
  visitTypeIds: readonly string[],
): Promise<{ id: string; doctorId: string }[]> {
  return db
    .selectFrom('doctor_visit_type')
    .select(['visit_type_id as id', 'doctor_id as doctorId'])
    .where('visit_type_id', 'in', visitTypeIds)
    .execute()
}

/** The time zones of the clinics, by their ids. */
export async function timeZonesOf(
  db: Queryable,
  clinicIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('clinic')
    .select(['id', 'time_zone'])
    .where('id', 'in', clinicIds)
    .execute()
  return new Map(rows.map(({ id, time_zone }) => [id, time_zone]))
}

/**
 * The visits that patients still go to, of each of the doctors at that clinic within that time, with the
 * key that it was asked for by.
 */
export async function expectedVisits(
  db: Queryable,
  asked: readonly {
    key: string
    doctorId: string
    clinicId: string
    startsAt: Instant
    endsAt: Instant
  }[],
): Promise<(DelayedVisit & { key: string })[]> {
  const { rows } = await sql<DelayedVisit & { key: string }>`
    select asked.key, appointment.id as "appointmentId", patient_id as "patientId"
    from unnest(${asked.map(({ key }) => key)}::text[],
      ${asked.map(({ doctorId }) => doctorId)}::uuid[],
      ${asked.map(({ clinicId }) => clinicId)}::uuid[],
      ${asked.map(({ startsAt }) => formatUtc(startsAt))}::timestamptz[],
      ${asked.map(({ endsAt }) => formatUtc(endsAt))}::timestamptz[])
      as asked (key, doctor_id, clinic_id, starts_at, ends_at)
    join appointment on appointment.doctor_id = asked.doctor_id
      and appointment.clinic_id = asked.clinic_id
      and appointment.starts_at >= asked.starts_at and appointment.starts_at < asked.ends_at
    where status in ('requested', 'confirmed', 'arrived')`.execute(db)
  return rows
}
