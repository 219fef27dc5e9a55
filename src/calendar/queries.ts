import { sql, type SqlBool } from 'kysely'
import type { AppointmentRow } from '#src/booking/queries.ts'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface FeedRow {
  id: string
  doctor_id: string | null
  patient_id: string | null
  created_at: Instant
  read_at: Instant | null
}

/** Keeps others from making feeds for the account until the transaction ends. */
export async function lockAccount(db: Queryable, accountId: string): Promise<void> {
  await db
    .selectFrom('account')
    .select('id')
    .where('id', '=', accountId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

export async function insertFeed(
  db: Queryable,
  feed: { accountId: string } & Omit<FeedRow, 'read_at'>,
): Promise<void> {
  await db
    .insertInto('calendar_feed')
    .values({
      id: feed.id,
      account_id: feed.accountId,
      doctor_id: feed.doctor_id,
      patient_id: feed.patient_id,
      created_at: formatUtc(feed.created_at),
    })
    .execute()
}

/** The feeds of the account, oldest first. */
export async function feedsOf(db: Queryable, accountId: string): Promise<FeedRow[]> {
  return db
    .selectFrom('calendar_feed')
    .select(['id', 'doctor_id', 'patient_id', 'created_at', 'read_at'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Whose calendar it was; undefined when the account has no such feed. */
export async function deleteFeed(
  db: Queryable,
  { id, accountId }: { id: string; accountId: string },
): Promise<Pick<FeedRow, 'doctor_id' | 'patient_id'> | undefined> {
  return db
    .deleteFrom('calendar_feed')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .returning(['doctor_id', 'patient_id'])
    .executeTakeFirst()
}

export interface ServedFeedRow {
  id: string
  account_id: string
  doctor_id: string | null
  patient_id: string | null
  doctor_title: string | null
  doctor_name: string | null
  patient_name: string | null
  /** Whether its account may still see at `now` what is in it. */
  is_open: boolean
}

/** The feed, for whoever has its address. */
export async function feedById(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<ServedFeedRow | undefined> {
  return db
    .selectFrom('calendar_feed')
    .innerJoin('account', 'account.id', 'calendar_feed.account_id')
    .leftJoin('doctor', 'doctor.id', 'calendar_feed.doctor_id')
    .leftJoin('patient', 'patient.id', 'calendar_feed.patient_id')
    .select([
      'calendar_feed.id',
      'calendar_feed.account_id',
      'calendar_feed.doctor_id',
      'calendar_feed.patient_id',
      'doctor.title as doctor_title',
      'doctor.name as doctor_name',
      'patient.name as patient_name',
      sql<boolean>`(account.status = 'active' and (
        coalesce(doctor.account_id = account.id, false)
        or exists (
          select from patient_access
          where patient_access.patient_id = calendar_feed.patient_id
            and patient_access.account_id = account.id
            and (patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)}))
        ))`.as('is_open'),
    ])
    .where('calendar_feed.id', '=', id)
    .executeTakeFirst()
}

/** Notes that a calendar program was there. */
export async function markFeedRead(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<void> {
  await db
    .updateTable('calendar_feed')
    .set({ read_at: formatUtc(now) })
    .where('id', '=', id)
    .execute()
}

/** What a calendar needs of an appointment. */
export type CalendarRow = Pick<
  AppointmentRow,
  | 'id'
  | 'status'
  | 'sequence'
  | 'starts_at'
  | 'ends_at'
  | 'doctor_title'
  | 'doctor_name'
  | 'patient_name'
  | 'clinic_name'
  | 'clinic_street'
  | 'clinic_postal_code'
  | 'clinic_city'
  | 'clinic_country'
  | 'clinic_email'
  | 'mode'
  | 'video_link'
>

/**
 * The doctor's or patient's visits from `since` on, soonest first: those that stand at `now`, and those
 * that were called off since then. Times that are held or offered are no visits yet.
 */
export async function visitsForFeed(
  db: Queryable,
  options: {
    doctorId: string | null
    patientId: string | null
    since: Instant
    now: Instant
    limit: number
  },
): Promise<(CalendarRow & { changed_at: Instant })[]> {
  const { doctorId, patientId, limit } = options
  const [since, now] = [formatUtc(options.since), formatUtc(options.now)]
  const query = db
    .selectFrom('appointment')
    .innerJoin('doctor', 'doctor.id', 'appointment.doctor_id')
    .innerJoin('clinic', 'clinic.id', 'appointment.clinic_id')
    .innerJoin('patient', 'patient.id', 'appointment.patient_id')
    .innerJoin('visit_type', 'visit_type.id', 'appointment.visit_type_id')
    .innerJoin('appointment_event as latest', (join) =>
      join
        .onRef('latest.appointment_id', '=', 'appointment.id')
        .onRef('latest.version', '=', 'appointment.version'),
    )
    .select([
      'appointment.id',
      'appointment.status',
      'appointment.sequence',
      'appointment.starts_at',
      'appointment.ends_at',
      'doctor.title as doctor_title',
      'doctor.name as doctor_name',
      'patient.name as patient_name',
      'clinic.name as clinic_name',
      'clinic.street as clinic_street',
      'clinic.postal_code as clinic_postal_code',
      'clinic.city as clinic_city',
      'clinic.country as clinic_country',
      'clinic.email as clinic_email',
      'visit_type.mode',
      'visit_type.video_link',
      'latest.occurred_at as changed_at',
    ])
    .where('appointment.starts_at', '>=', sql<Instant>`${since}::timestamptz`)
    .where('appointment.is_offer', '=', false)
    .where(
      sql<SqlBool>`(appointment.status in ('confirmed', 'arrived', 'with_doctor', 'completed')
        or (appointment.status = 'requested' and appointment.expires_at > ${now}::timestamptz)
        or (appointment.status in ('cancelled', 'declined') and exists (
          select from appointment_event as step
          where step.appointment_id = appointment.id
            and step.to_status in ('cancelled', 'declined')
            and step.from_status in ('requested', 'confirmed', 'arrived')
            and step.occurred_at >= ${since}::timestamptz)))`,
    )
    .orderBy('appointment.starts_at')
    .orderBy('appointment.id')
    .limit(limit)
  return doctorId === null
    ? query.where('appointment.patient_id', '=', patientId).execute()
    : query.where('appointment.doctor_id', '=', doctorId).execute()
}
