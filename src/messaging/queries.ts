import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { MessageSight, Side } from './policy.ts'

/** A visit as its messages need it. */
export interface ThreadRow {
  id: string
  status: AppointmentStatus
  is_offer: boolean
  /** Whether the patient was erased. */
  is_erased: boolean
  doctor_id: string
  clinic_id: string
  patient_id: string
  ends_at: Instant
  time_zone: string
  messages_close_days: number
  clinic_phone: string | null
}

/** The visit when it is one whose messages `sight` may find. */
export async function threadById(
  db: Queryable,
  id: string,
  { sight, now }: { sight: MessageSight; now: Instant },
): Promise<ThreadRow | undefined> {
  return db
    .selectFrom('appointment')
    .innerJoin('clinic', 'clinic.id', 'appointment.clinic_id')
    .innerJoin('patient', 'patient.id', 'appointment.patient_id')
    .select([
      'appointment.id',
      'appointment.is_offer',
      sql<boolean>`patient.erased_at is not null`.as('is_erased'),
      'appointment.doctor_id',
      'appointment.clinic_id',
      'appointment.patient_id',
      'appointment.ends_at',
      'appointment.time_zone',
      'clinic.messages_close_days',
      'clinic.phone as clinic_phone',
      // A hold or request past its time counts as expired, whether or not that was written down yet.
      sql<AppointmentStatus>`case when appointment.expires_at <= ${formatUtc(now)}::timestamptz
        then 'expired' else appointment.status end`.as('status'),
    ])
    .where('appointment.id', '=', id)
    .where(
      sql<SqlBool>`(appointment.patient_id = any (${sight.seenPatientIds}::uuid[])
        or appointment.doctor_id = ${sight.doctorId}::uuid
        or appointment.clinic_id = any (${sight.clinicIds}::uuid[]))`,
    )
    .executeTakeFirst()
}

/**
 * Lets nobody else write about the visit until the transaction's end. Its row stays free for bookings;
 * what is read after this sees what those before have written.
 */
export async function lockThread(db: Queryable, appointmentId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(
    hashtextextended('messages ' || current_schema() || ${appointmentId}::text, 0))`.execute(db)
}

/**
 * Writes the message in a transaction that holds `lockThread`. It is of `now`, or of the next millisecond
 * that is later than the message before it, so that who has read until a message has read all before it.
 */
export async function insertMessage(
  db: Queryable,
  message: {
    id: string
    appointmentId: string
    authorId: string
    side: Side
    text: string
    now: Instant
  },
): Promise<void> {
  await sql`
    insert into message (id, appointment_id, author_id, side, text, sent_at)
    select ${message.id}::uuid, ${message.appointmentId}::uuid, ${message.authorId}::uuid,
      ${message.side}, ${message.text}, greatest(${formatUtc(message.now)}::timestamptz,
        (select max(sent_at) + interval '1 millisecond' from message
          where appointment_id = ${message.appointmentId}))`.execute(db)
}

export interface MessageRow {
  id: string
  side: Side
  /** Null for an account that is gone. */
  author_id: string | null
  author_name: string | null
  author_role: Role | null
  text: string
  sent_at: Instant
  /** Whether someone of the side that it was written to has read it. */
  is_read: boolean
}

function messagesWithAuthors(db: Queryable, appointmentId: string) {
  return db
    .selectFrom('message')
    .leftJoin('account', 'account.id', 'message.author_id')
    .leftJoin('doctor', (join) =>
      join.onRef('doctor.account_id', '=', 'account.id').on('message.side', '=', 'staff'),
    )
    .select([
      'message.id',
      'message.side',
      'message.author_id',
      'account.role as author_role',
      'message.text',
      'message.sent_at',
      sql<string | null>`coalesce(doctor.name, account.name)`.as('author_name'),
      sql<boolean>`exists (select from message_read as mark
        where mark.appointment_id = message.appointment_id and mark.side <> message.side
          and mark.read_until >= message.sent_at)`.as('is_read'),
    ])
    .where('message.appointment_id', '=', appointmentId)
}

/** The messages about a visit that were sent before `before`, newest first. */
export async function messagesNewestFirst(
  db: Queryable,
  options: { appointmentId: string; before: Instant | null; limit: number },
): Promise<MessageRow[]> {
  let query = messagesWithAuthors(db, options.appointmentId)
  if (options.before !== null)
    query = query.where('message.sent_at', '<', sql<Instant>`${formatUtc(options.before)}`)
  return query.orderBy('message.sent_at', 'desc').limit(options.limit).execute()
}

/** The message, if it is about the visit. */
export async function messageById(
  db: Queryable,
  { appointmentId, id }: { appointmentId: string; id: string },
): Promise<MessageRow | undefined> {
  return messagesWithAuthors(db, appointmentId).where('message.id', '=', id).executeTakeFirst()
}

/** How many messages of the other side about the visit the account has not read. */
export async function countUnread(
  db: Queryable,
  { appointmentId, accountId, side }: { appointmentId: string; accountId: string; side: Side },
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from message
    where appointment_id = ${appointmentId} and side <> ${side}
      and sent_at > coalesce((select read_until from message_read
        where account_id = ${accountId} and appointment_id = ${appointmentId}), '-infinity')`.execute(
    db,
  )
  return rows[0]!.count
}

/**
 * Notes that the account has read the messages about the visit up to this one, by default up to the
 * newest there is. Answers whether that is news; a mark never goes back.
 */
export async function markReadUntil(
  db: Queryable,
  options: { appointmentId: string; accountId: string; side: Side; messageId: string | null },
): Promise<boolean> {
  const { appointmentId, accountId, side, messageId } = options
  const { rows } = await sql`
    insert into message_read as mark (account_id, appointment_id, side, read_until)
    select ${accountId}::uuid, ${appointmentId}::uuid, ${side}, max(sent_at) from message
    where appointment_id = ${appointmentId} and (${messageId}::uuid is null or id = ${messageId}::uuid)
    having count(*) > 0
    on conflict (account_id, appointment_id)
    do update set side = excluded.side, read_until = excluded.read_until
    where mark.read_until < excluded.read_until
    returning true`.execute(db)
  return rows.length > 0
}

export interface UnreadThreadRow {
  appointment_id: string
  time_zone: string
  unread_count: number
  last_message_at: Instant
  /** The doctor, to those who read for the patient; the patient, to staff. */
  other_name: string
  /** Over all threads, also those beyond `limit`. */
  total_count: number
}

/** For how many days after its messages closed a visit counts as one that has unread ones. */
const countedDays = 30

/**
 * The visits with messages of the other side that the account has not read, as far as `sight` may find
 * them, the one that was last written about first. Visits whose messages closed a month ago are left out,
 * so that this reads recent visits alone and nobody begins at a desk with years of unread messages.
 */
export async function unreadThreads(
  db: Queryable,
  options: {
    sight: MessageSight
    accountId: string
    now: Instant
    limit: number
    /** Only visits with this doctor, or of this patient. */
    only?: { doctorId: string } | { patientId: string }
  },
): Promise<UnreadThreadRow[]> {
  const { patientIds, doctorId, clinicIds } = options.sight
  const theirs = sql`appointment.patient_id = any (${patientIds}::uuid[])`
  const { only } = options
  const meant =
    only === undefined
      ? sql`true`
      : 'doctorId' in only
        ? sql`appointment.doctor_id = ${only.doctorId}::uuid`
        : sql`appointment.patient_id = ${only.patientId}::uuid`
  const visits = (side: Side, whose: ReturnType<typeof sql>) => sql`
    select appointment.id, appointment.doctor_id, appointment.patient_id, appointment.time_zone,
      ${sql.lit(side)} as side
    from clinic join appointment on appointment.clinic_id = clinic.id
      and appointment.starts_at > ${formatUtc(options.now)}::timestamptz
        - make_interval(days => clinic.messages_close_days + ${sql.lit(countedDays)})
    where ${meant} and ${whose}`
  const ofDoctor = sql`appointment.doctor_id = ${doctorId}::uuid`
  const { rows } = await sql<UnreadThreadRow>`
    select visit.id as appointment_id, visit.time_zone, unread.count as unread_count,
      (select max(sent_at) from message where appointment_id = visit.id) as last_message_at,
      case visit.side when 'patient' then doctor.name else patient.name end as other_name,
      (sum(unread.count) over ())::integer as total_count
    from (
      ${visits('patient', theirs)}
      union all
      ${visits('staff', sql`${ofDoctor} and not ${theirs}`)}
      union all
      ${visits(
        'staff',
        sql`clinic.id = any (${clinicIds}::uuid[]) and not ${theirs}
          and (${ofDoctor}) is not true`,
      )}
    ) as visit
    cross join lateral (
      select count(*)::integer as count from message
      left join message_read as mark
        on mark.account_id = ${options.accountId} and mark.appointment_id = message.appointment_id
      where message.appointment_id = visit.id and message.side <> visit.side
        and (mark.read_until is null or message.sent_at > mark.read_until)
    ) as unread
    join doctor on doctor.id = visit.doctor_id
    join patient on patient.id = visit.patient_id
    where unread.count > 0
    order by last_message_at desc, visit.id desc
    limit ${options.limit}`.execute(db)
  return rows
}
