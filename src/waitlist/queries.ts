import { sql, type SqlBool } from 'kysely'
import type { Sight } from '#src/booking/policy.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, WaitlistEntryTable } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

export const entryStatuses = ['waiting', 'offered', 'fulfilled', 'ended'] as const
export type EntryStatus = (typeof entryStatuses)[number]

/** A time that is held for the patient of an entry. */
export interface HeldOffer {
  appointment_id: string
  doctor_id: string
  clinic_id: string
  visit_type_id: string
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  expires_at: Instant
}

export interface EntryRow {
  id: string
  /** `offered` while a time is held. */
  status: EntryStatus
  patient_id: string
  appointment_id: string | null
  visit_type_id: string
  doctor_id: string | null
  specialty_id: string | null
  clinic_id: string | null
  weekdays: number[] | null
  from_minute: number | null
  to_minute: number | null
  from_date: LocalDate | null
  until_date: LocalDate | null
  created_at: Instant
  /** Of the visit that is to be earlier; null without one. */
  visit_status: AppointmentStatus | null
  visit_doctor_id: string | null
  visit_starts_at: Instant | null
  /** When the visit's last step was made. */
  visit_changed_at: Instant | null
  /** The visit's, else the clinic's; null for someone who would go to any clinic. */
  time_zone: string | null
  /** Whose patient waits: the visit's doctor, without a visit the one who is named. */
  about_doctor_id: string | null
  /** The visit's clinic; without a visit the one that is named, else the named doctor's. */
  about_clinic_ids: string[]
  offer: HeldOffer | null
}

type EntryColumns = EntryRow & {
  stored_status: WaitlistEntryTable['status']
  held_doctor_id: string | null
  held_clinic_id: string | null
}

const asMilliseconds = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`)

/** The status of an appointment with this alias, in which what is past its time counts as expired. */
const statusAt = (now: Instant, alias: string) => sql<AppointmentStatus>`case
  when ${sql.ref(`${alias}.expires_at`)} <= ${formatUtc(now)}::timestamptz then 'expired'
  else ${sql.ref(`${alias}.status`)} end`

const entriesAt = (now: Instant) => sql<EntryColumns>`(
  select entry.id, entry.status as stored_status,
    case when held.id is null then entry.status else 'offered' end as status,
    entry.patient_id, entry.appointment_id, entry.visit_type_id, entry.doctor_id, entry.specialty_id,
    entry.clinic_id, entry.weekdays, entry.from_minute, entry.to_minute, entry.from_date,
    entry.until_date, entry.created_at,
    ${statusAt(now, 'visit')} as visit_status, visit.starts_at as visit_starts_at,
    visit.doctor_id as visit_doctor_id,
    (select occurred_at from appointment_event
      where appointment_id = visit.id and version = visit.version) as visit_changed_at,
    coalesce(visit.time_zone, clinic.time_zone) as time_zone,
    coalesce(visit.doctor_id, entry.doctor_id) as about_doctor_id,
    case when visit.id is not null then array[visit.clinic_id]
      when entry.clinic_id is not null then array[entry.clinic_id]
      else array(select clinic_id from doctor_clinic where doctor_id = entry.doctor_id)
      end as about_clinic_ids,
    held.doctor_id as held_doctor_id, held.clinic_id as held_clinic_id,
    case when held.id is not null then json_build_object('appointment_id', held.id,
      'doctor_id', held.doctor_id, 'clinic_id', held.clinic_id, 'visit_type_id', held.visit_type_id,
      'starts_at', ${asMilliseconds('held.starts_at')}, 'ends_at', ${asMilliseconds('held.ends_at')},
      'time_zone', held.time_zone, 'expires_at', ${asMilliseconds('held.expires_at')}) end as offer
  from waitlist_entry as entry
  left join appointment as visit on visit.id = entry.appointment_id
  left join clinic on clinic.id = entry.clinic_id
  left join waitlist_offer as offer on offer.entry_id = entry.id and offer.outcome is null
    and entry.status = 'waiting'
  left join appointment as held on held.id = offer.appointment_id and held.status = 'held'
    and held.expires_at > ${formatUtc(now)}::timestamptz)`

/** Whether the entry, or the time that is held for it, is about the doctor or one of the clinics. */
const isAbout = (doctorId: string | null, clinicIds: readonly string[]) => sql<SqlBool>`(
  entry.about_doctor_id = ${doctorId}::uuid or entry.about_clinic_ids && ${clinicIds}::uuid[]
  or entry.held_doctor_id = ${doctorId}::uuid or entry.held_clinic_id = any (${clinicIds}::uuid[]))`

const seenBy = (sight: Sight) => sql<SqlBool>`(${sight.all}::boolean
  or entry.patient_id = any (${sight.patientIds}::uuid[])
  or ${isAbout(sight.doctorId, sight.clinicIds)})`

const shown = [
  'entry.id',
  'entry.status',
  'entry.patient_id',
  'entry.appointment_id',
  'entry.visit_type_id',
  'entry.doctor_id',
  'entry.specialty_id',
  'entry.clinic_id',
  'entry.weekdays',
  'entry.from_minute',
  'entry.to_minute',
  'entry.from_date',
  'entry.until_date',
  'entry.created_at',
  'entry.visit_status',
  'entry.visit_doctor_id',
  'entry.visit_starts_at',
  'entry.visit_changed_at',
  'entry.time_zone',
  'entry.about_doctor_id',
  'entry.about_clinic_ids',
  'entry.offer',
] as const

/** The entry when it is one that `sight` may find; null stands for someone who was let in before. */
export async function entryById(
  db: Queryable,
  id: string,
  { sight, now }: { sight: Sight | null; now: Instant },
): Promise<EntryRow | undefined> {
  const query = db.selectFrom(entriesAt(now).as('entry')).select(shown).where('entry.id', '=', id)
  return (sight === null ? query : query.where(seenBy(sight))).executeTakeFirst()
}

export interface EntryFilter {
  status?: EntryStatus | undefined
  patientId?: string | undefined
  clinicId?: string | undefined
}

export interface EntryPosition {
  createdAt: Instant
  id: string
}

/**
 * The entries that match and that `sight` may find, longest waiting first; those that wait, with an offer
 * or without, unless the filter names a status.
 */
export async function entriesByAge(
  db: Queryable,
  options: {
    sight: Sight
    now: Instant
    filter: EntryFilter
    after: EntryPosition | null
    limit: number
  },
): Promise<EntryRow[]> {
  const { filter, after } = options
  let query = db
    .selectFrom(entriesAt(options.now).as('entry'))
    .select(shown)
    .where(seenBy(options.sight))
  query =
    filter.status === undefined
      ? query.where('entry.stored_status', '=', 'waiting')
      : query.where('entry.status', '=', filter.status)
  if (filter.patientId !== undefined) query = query.where('entry.patient_id', '=', filter.patientId)
  if (filter.clinicId !== undefined) query = query.where(isAbout(null, [filter.clinicId]))
  if (after !== null)
    query = query.where(
      sql<SqlBool>`(entry.created_at, entry.id) > (${formatUtc(after.createdAt)}, ${after.id}::uuid)`,
    )
  return query.orderBy('entry.created_at').orderBy('entry.id').limit(options.limit).execute()
}

/** An entry in its turn, with the times that it was offered before. */
export interface WaitingRow extends EntryRow {
  /** [doctor id, start] */
  offered_before: [string, Instant][]
  /** When the last offer that nobody answered ran out; null for none. */
  lapsed_at: Instant | null
  /** Whether who waits for a first visit has got one since. */
  has_visit: boolean
}

/** The entries that wait without an offer, those that name a doctor first, then the longest waiting. */
export async function waitingInTurn(
  db: Queryable,
  options: { now: Instant; after: WaitingRow | null; limit: number },
): Promise<WaitingRow[]> {
  const { after } = options
  let query = db
    .selectFrom(entriesAt(options.now).as('entry'))
    .select(shown)
    .select([
      sql<[string, Instant][]>`coalesce((
        select json_agg(json_build_array(doctor_id, ${asMilliseconds('starts_at')}))
        from waitlist_offer where entry_id = entry.id), '[]')`.as('offered_before'),
      sql<Instant | null>`(select max(expires_at) from waitlist_offer as offer
        where entry_id = entry.id and outcome = 'expired'
          -- One that Visita let go before its time was not left unanswered.
          and not exists (select from appointment_event as step
            where step.appointment_id = offer.appointment_id and step.command = 'expire'
              and step.occurred_at < offer.expires_at))`.as('lapsed_at'),
      sql<boolean>`(entry.appointment_id is null and exists (select from appointment
        where appointment.patient_id = entry.patient_id
          and appointment.visit_type_id = entry.visit_type_id
          and appointment.created_at > entry.created_at
          and appointment.status in ('confirmed', 'arrived', 'with_doctor', 'completed')
          -- What was taken here has fulfilled the entry, or is about to.
          and not exists (select from waitlist_offer as own
            where own.appointment_id = appointment.id and own.entry_id = entry.id)
          and (appointment.doctor_id = entry.doctor_id or exists (select from doctor_specialty
            where doctor_specialty.doctor_id = appointment.doctor_id
              and doctor_specialty.specialty_id = entry.specialty_id))))`.as('has_visit'),
    ])
    .where('entry.stored_status', '=', 'waiting')
    .where('entry.status', '=', 'waiting')
  if (after !== null)
    query = query.where(
      sql<SqlBool>`(entry.doctor_id is null, entry.created_at, entry.id) >
        (${after.doctor_id === null}::boolean, ${formatUtc(after.created_at)}, ${after.id}::uuid)`,
    )
  return query
    .orderBy(sql`entry.doctor_id is null`)
    .orderBy('entry.created_at')
    .orderBy('entry.id')
    .limit(options.limit)
    .execute()
}

/** Whether anyone waits at all. */
export async function someoneWaits(db: Queryable): Promise<boolean> {
  const row = await db
    .selectFrom('waitlist_entry')
    .select('id')
    .where('status', '=', 'waiting')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Makes this transaction the only one that works on the waitlist; false when another one does. */
export async function lockWaitlist(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ is_locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('waitlist ' || current_schema(), 0))
      as is_locked`.execute(db)
  return rows[0]!.is_locked
}

/** Holds the patient's row until the transaction's end, so that wishes are counted one by one. */
export async function lockPatient(db: Queryable, patientId: string): Promise<boolean> {
  const row = await db
    .selectFrom('patient')
    .select('id')
    .where('id', '=', patientId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row !== undefined
}

/** How many entries of the patient wait. */
export async function countWaiting(db: Queryable, patientId: string): Promise<number> {
  const { count } = await db
    .selectFrom('waitlist_entry')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('patient_id', '=', patientId)
    .where('status', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return count
}

export type NewEntryColumns = Omit<WaitlistEntryTable, 'status' | 'created_at'> & {
  createdAt: Instant
}

export async function insertEntry(db: Queryable, entry: NewEntryColumns): Promise<void> {
  const { createdAt, ...columns } = entry
  await db
    .insertInto('waitlist_entry')
    .values({ ...columns, status: 'waiting', created_at: formatUtc(createdAt) })
    .execute()
}

/** Ends the entry if it waits; answers whether it did. Holds its row until the transaction's end. */
export async function endEntry(db: Queryable, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('waitlist_entry')
    .set({ status: 'ended' })
    .where('id', '=', id)
    .where('status', '=', 'waiting')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Notes that the patient has an earlier time, in the visit `appointmentId`. */
export async function fulfilEntry(
  db: Queryable,
  { id, appointmentId }: { id: string; appointmentId: string },
): Promise<void> {
  await db
    .updateTable('waitlist_entry')
    .set({ status: 'fulfilled', appointment_id: appointmentId })
    .where('id', '=', id)
    .where('status', '=', 'waiting')
    .execute()
}

/** Holds the entry's row until the transaction's end; answers whether it waits. */
export async function lockWaitingEntry(db: Queryable, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('waitlist_entry')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'waiting')
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined
}
