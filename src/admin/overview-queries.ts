import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

export interface ClinicRow {
  id: string
  name: string
  timeZone: string
}

/** The clinics of the network, by name. */
export async function clinicsByName(db: Queryable): Promise<ClinicRow[]> {
  return db
    .selectFrom('clinic')
    .select(['id', 'name', 'time_zone as timeZone'])
    .orderBy('name')
    .orderBy('id')
    .execute()
}

export interface LoadRow {
  clinicId: string
  status: AppointmentStatus
  /** Of the clinic's day, 0 to 23. */
  hour: number
  visits: number
  minutes: number
}

/**
 * How many visits there are on the clinics' dates, by status as it is `now` and by the hour of their start.
 */
export async function loadByHour(
  db: Queryable,
  { days, now }: { days: readonly { clinicId: string; date: LocalDate }[]; now: Instant },
): Promise<LoadRow[]> {
  const { rows } = await sql<LoadRow>`
    select clinic_id as "clinicId",
      case when expires_at <= ${formatUtc(now)}::timestamptz then 'expired' else status end as status,
      extract(hour from local_starts_at)::integer as hour, count(*)::integer as visits,
      (sum(extract(epoch from ends_at - starts_at)) / 60)::integer as minutes
    from unnest(${days.map(({ clinicId }) => clinicId)}::uuid[], ${days.map(({ date }) => date)}::date[])
      as day (id, on_date)
    join appointment on clinic_id = day.id
      -- The bounds on the instant are for the index; no zone is more than a day from UTC.
      and starts_at >= on_date - interval '1 day' and starts_at < on_date + interval '2 days'
      and local_starts_at >= on_date and local_starts_at < on_date + 1
    where not is_offer
    group by 1, 2, 3`.execute(db)
  return rows
}

export interface CountsRow {
  openRequests: number
  oldestRequestAt: Instant | null
  noShows: number
  visits: number
  waiting: number
}

/**
 * What waits for an answer, how many of the visits that began in the last 30 days nobody came to, and how
 * many wait for an earlier time.
 */
export async function countsOf(db: Queryable, now: Instant): Promise<CountsRow> {
  const { rows } = await sql<CountsRow>`
    select requests.*, visits.*,
      (select count(*)::integer from waitlist_entry where status = 'waiting') as waiting
    from (
        select count(*)::integer as "openRequests", min(created_at) as "oldestRequestAt"
        from appointment
        where status = 'requested' and expires_at > ${formatUtc(now)}::timestamptz) as requests,
      (select (count(*) filter (where status = 'no_show'))::integer as "noShows",
          count(*)::integer as visits
        from appointment
        where starts_at > ${formatUtc(now)}::timestamptz - interval '30 days'
          and starts_at <= ${formatUtc(now)}::timestamptz
          and status in ('confirmed', 'arrived', 'with_doctor', 'completed', 'no_show')) as visits`.execute(
    db,
  )
  return rows[0]!
}

/** Someone who is concerned, and how many there are altogether. */
export interface ConcernedRow {
  id: string
  name: string
  total: number
}

/** The first of the doctors who can be booked and have no hours from `date` on. */
export async function doctorsWithoutHours(
  db: Queryable,
  { date, limit }: { date: LocalDate; limit: number },
): Promise<ConcernedRow[]> {
  const { rows } = await sql<ConcernedRow>`
    select id, name, (count(*) over ())::integer as total from doctor
    where status = 'bookable'
      and not exists (
        select from weekly_hours
        where doctor_id = doctor.id and (valid_until is null or valid_until >= ${date}::date))
      and not exists (
        select from opening where doctor_id = doctor.id and opens_on >= ${date}::date)
    order by name, id limit ${limit}`.execute(db)
  return rows
}

/** The first of the doctors who can be booked and whose account is disabled. */
export async function doctorsDisabled(db: Queryable, limit: number): Promise<ConcernedRow[]> {
  const { rows } = await sql<ConcernedRow>`
    select doctor.id, doctor.name, (count(*) over ())::integer as total
    from doctor join account on account.id = doctor.account_id
    where doctor.status = 'bookable' and account.status = 'disabled'
    order by doctor.name, doctor.id limit ${limit}`.execute(db)
  return rows
}

/** The first of the active accounts of staff that have no second factor. */
export async function staffWithoutSecondFactor(
  db: Queryable,
  limit: number,
): Promise<ConcernedRow[]> {
  const { rows } = await sql<ConcernedRow>`
    select id, name, (count(*) over ())::integer as total from account
    where role <> 'patient' and status = 'active'
      and not exists (
        select from second_factor where account_id = account.id and confirmed_at is not null)
    order by name, id limit ${limit}`.execute(db)
  return rows
}
