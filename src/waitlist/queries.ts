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
  offer: HeldOffer | null
}

type EntryColumns = EntryRow & {
  stored_status: WaitlistEntryTable['status']
  visit_clinic_id: string | null
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
    visit.doctor_id as visit_doctor_id, visit.clinic_id as visit_clinic_id,
    (select occurred_at from appointment_event
      where appointment_id = visit.id and version = visit.version) as visit_changed_at,
    coalesce(visit.time_zone, clinic.time_zone) as time_zone,
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

/** Whether the entry is about one of the clinics: its own, its visit's, or its doctor's where it names none. */
const isAbout = (clinicIds: readonly string[]) => sql<SqlBool>`(
  entry.clinic_id = any (${clinicIds}::uuid[]) or entry.visit_clinic_id = any (${clinicIds}::uuid[])
  or (entry.clinic_id is null and exists (select from doctor_clinic
    where doctor_clinic.doctor_id = entry.doctor_id
      and doctor_clinic.clinic_id = any (${clinicIds}::uuid[]))))`

const seenBy = (sight: Sight) => sql<SqlBool>`(${sight.all}::boolean
  or entry.patient_id = any (${sight.patientIds}::uuid[])
  or entry.doctor_id = ${sight.doctorId}::uuid or entry.visit_doctor_id = ${sight.doctorId}::uuid
  or ${isAbout(sight.clinicIds)})`

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
  'entry.offer',
] as const

/** The entry when it is one that `sight` may find. */
export async function entryById(
  db: Queryable,
  id: string,
  options: { sight: Sight; now: Instant },
): Promise<EntryRow | undefined> {
  return db
    .selectFrom(entriesAt(options.now).as('entry'))
    .select(shown)
    .where('entry.id', '=', id)
    .where(seenBy(options.sight))
    .executeTakeFirst()
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

/** The entries that match and that `sight` may find, longest waiting first. */
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
  if (filter.status !== undefined) query = query.where('entry.status', '=', filter.status)
  if (filter.patientId !== undefined) query = query.where('entry.patient_id', '=', filter.patientId)
  if (filter.clinicId !== undefined) query = query.where(isAbout([filter.clinicId]))
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
      sql<Instant | null>`(select max(expires_at) from waitlist_offer
        where entry_id = entry.id and outcome = 'expired')`.as('lapsed_at'),
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

export async function insertEntry(
  db: Queryable,
  entry: Omit<WaitlistEntryTable, 'status' | 'created_at'> & { createdAt: Instant },
): Promise<void> {
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
