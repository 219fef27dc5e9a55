import { sql, type Insertable, type Selectable, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { OpeningTable, TimeOffTable, WeeklyHoursTable } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

/** What a doctor's rules are checked against. */
export interface ScheduledDoctor {
  id: string
  scheduleVersion: number
  /** By name, as the profile lists them. */
  clinics: { id: string; timeZone: string }[]
  visitTypeIds: string[]
}

export async function scheduledDoctor(
  db: Queryable,
  doctorId: string,
): Promise<ScheduledDoctor | undefined> {
  const [doctor] = await scheduledDoctors(db, [doctorId])
  return doctor
}

/** In any order; ids of no doctor are left out. */
export async function scheduledDoctors(
  db: Queryable,
  doctorIds: readonly string[],
): Promise<ScheduledDoctor[]> {
  const { rows } = await sql<ScheduledDoctor>`
    select doctor.id, doctor.schedule_version as "scheduleVersion",
      coalesce((
        select json_agg(json_build_object('id', clinic.id, 'timeZone', clinic.time_zone)
          order by clinic.name, clinic.id)
        from doctor_clinic join clinic on clinic.id = doctor_clinic.clinic_id
        where doctor_clinic.doctor_id = doctor.id), '[]') as clinics,
      array(
        select visit_type_id::text from doctor_visit_type
        where doctor_id = doctor.id order by visit_type_id) as "visitTypeIds"
    from doctor where doctor.id = any (${doctorIds}::uuid[])`.execute(db)
  return rows
}

export type NewHours = Insertable<WeeklyHoursTable>
export type HoursRow = Omit<Selectable<WeeklyHoursTable>, 'id' | 'doctor_id'>

/** Those at the doctor's clinics, in the order of the week. */
export async function hoursOf(db: Queryable, doctor: ScheduledDoctor): Promise<HoursRow[]> {
  const rows = await hoursOfDoctors(db, [doctor])
  return rows.map(({ doctor_id: _doctor, ...row }) => row)
}

/** Those of each doctor at the given clinics, in the order of the week. */
export async function hoursOfDoctors(
  db: Queryable,
  doctors: readonly ScheduledDoctor[],
): Promise<(HoursRow & { doctor_id: string })[]> {
  const places = doctors.flatMap(({ id, clinics }) =>
    clinics.map((clinic) => ({ doctorId: id, clinicId: clinic.id })),
  )
  return db
    .selectFrom('weekly_hours')
    .select([
      'doctor_id',
      'clinic_id',
      'weekday',
      'from_minute',
      'to_minute',
      'valid_from',
      'valid_until',
      'visit_type_ids',
    ])
    .where(
      sql<SqlBool>`(doctor_id, clinic_id) in (
        select * from unnest(${places.map(({ doctorId }) => doctorId)}::uuid[],
          ${places.map(({ clinicId }) => clinicId)}::uuid[]))`,
    )
    .orderBy('weekday')
    .orderBy('from_minute')
    .orderBy('id')
    .execute()
}

export async function deleteHours(
  db: Queryable,
  { id: doctorId, clinics }: ScheduledDoctor,
): Promise<void> {
  await db
    .deleteFrom('weekly_hours')
    .where('doctor_id', '=', doctorId)
    .where(sql<SqlBool>`clinic_id = any (${clinics.map(({ id }) => id)}::uuid[])`)
    .execute()
}

/** In one statement, as JSON, so that its text is the same for any number of rules. */
export async function insertHours(db: Queryable, rows: readonly NewHours[]): Promise<void> {
  await sql`
    insert into weekly_hours
    select * from json_populate_recordset(null::weekly_hours, ${JSON.stringify(rows)})`.execute(db)
}

export interface OpeningRow {
  id: string
  clinic_id: string
  opens_on: LocalDate
  from_minute: number
  to_minute: number
  visit_type_ids: string[] | null
}

/** Openings on or after `from` by date, at most `limit` of those after the position. */
export async function openingsAfter(
  db: Queryable,
  options: {
    doctor: ScheduledDoctor
    from: LocalDate
    after: { opensOn: LocalDate; fromMinute: number; id: string } | null
    limit: number
  },
): Promise<OpeningRow[]> {
  const { after } = options
  let query = db
    .selectFrom('opening')
    .select(['id', 'clinic_id', 'opens_on', 'from_minute', 'to_minute', 'visit_type_ids'])
    .where('doctor_id', '=', options.doctor.id)
    .where(sql<SqlBool>`clinic_id = any (${options.doctor.clinics.map(({ id }) => id)}::uuid[])`)
    .where('opens_on', '>=', options.from)
  if (after !== null)
    query = query.where((opening) =>
      opening(
        opening.refTuple('opens_on', 'from_minute', 'id'),
        '>',
        opening.tuple(after.opensOn, after.fromMinute, after.id),
      ),
    )
  return query
    .orderBy('opens_on')
    .orderBy('from_minute')
    .orderBy('id')
    .limit(options.limit)
    .execute()
}

/** How many openings the doctor has on or after the date. */
export async function countOpenings(
  db: Queryable,
  options: { doctorId: string; from: LocalDate },
): Promise<number> {
  const row = await db
    .selectFrom('opening')
    .select((opening) => opening.fn.countAll<string>().as('count'))
    .where('doctor_id', '=', options.doctorId)
    .where('opens_on', '>=', options.from)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function insertOpening(
  db: Queryable,
  opening: Insertable<OpeningTable>,
): Promise<void> {
  await db.insertInto('opening').values(opening).execute()
}

/** False when the doctor has no such opening. */
export async function deleteOpening(
  db: Queryable,
  { id: doctorId, clinics }: ScheduledDoctor,
  openingId: string,
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('opening')
    .where('id', '=', openingId)
    .where('doctor_id', '=', doctorId)
    .where(sql<SqlBool>`clinic_id = any (${clinics.map(({ id }) => id)}::uuid[])`)
    .executeTakeFirst()
  return deleted.numDeletedRows === 1n
}

export interface TimeOffRow {
  id: string
  starts_at: Instant
  ends_at: Instant
  note: string | null
}

/** Time off that ends after `from`, by its start, at most `limit` of what comes after the position. */
export async function timeOffAfter(
  db: Queryable,
  options: {
    doctorId: string
    from: Instant
    after: { startsAt: Instant; id: string } | null
    limit: number
  },
): Promise<TimeOffRow[]> {
  const { after } = options
  let query = db
    .selectFrom('time_off')
    .select(['id', 'starts_at', 'ends_at', 'note'])
    .where('doctor_id', '=', options.doctorId)
    .where('ends_at', '>', sql<Instant>`${formatUtc(options.from)}`)
  if (after !== null)
    query = query.where(
      sql<boolean>`(starts_at, id) > (${formatUtc(after.startsAt)}::timestamptz, ${after.id}::uuid)`,
    )
  return query.orderBy('starts_at').orderBy('id').limit(options.limit).execute()
}

/** How much time off of the doctor ends after the instant, in pieces. */
export async function countTimeOff(
  db: Queryable,
  options: { doctorId: string; from: Instant },
): Promise<number> {
  const row = await db
    .selectFrom('time_off')
    .select((timeOff) => timeOff.fn.countAll<string>().as('count'))
    .where('doctor_id', '=', options.doctorId)
    .where('ends_at', '>', sql<Instant>`${formatUtc(options.from)}`)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function insertTimeOff(
  db: Queryable,
  timeOff: Insertable<TimeOffTable>,
): Promise<void> {
  await db.insertInto('time_off').values(timeOff).execute()
}

/** False when the doctor has no such time off. */
export async function deleteTimeOff(
  db: Queryable,
  options: { doctorId: string; timeOffId: string },
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('time_off')
    .where('id', '=', options.timeOffId)
    .where('doctor_id', '=', options.doctorId)
    .executeTakeFirst()
  return deleted.numDeletedRows === 1n
}
