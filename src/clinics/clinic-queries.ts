import { sql, type Selectable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { ClinicTable } from '#src/db/tables.ts'

export type ClinicRow = Selectable<ClinicTable>
export type ClinicColumns = Pick<
  ClinicRow,
  | 'name'
  | 'time_zone'
  | 'street'
  | 'postal_code'
  | 'city'
  | 'country'
  | 'phone'
  | 'email'
  | 'change_notice_minutes_min'
  | 'request_lapses_minutes'
  | 'reminder_minutes'
  | 'messages_close_days'
>

/** The clinics that match, by name, at most `limit` of those after the position. */
export async function clinicsAfter(
  db: Queryable,
  options: {
    q: string | undefined
    city: string | undefined
    after: { name: string; id: string } | null
    limit: number
  },
): Promise<ClinicRow[]> {
  const { q, city, after } = options
  let query = db.selectFrom('clinic').selectAll()
  if (q !== undefined)
    query = query.where(
      sql<boolean>`(strpos(lower(name), lower(${q})) > 0 or strpos(lower(city), lower(${q})) > 0)`,
    )
  if (city !== undefined) query = query.where(sql<boolean>`lower(city) = lower(${city})`)
  if (after !== null)
    query = query.where(sql<boolean>`(name, id) > (${after.name}, ${after.id}::uuid)`)
  return query.orderBy('name').orderBy('id').limit(options.limit).execute()
}

export async function clinicById(db: Queryable, clinicId: string): Promise<ClinicRow | undefined> {
  return db.selectFrom('clinic').selectAll().where('id', '=', clinicId).executeTakeFirst()
}

export async function insertClinic(
  db: Queryable,
  clinic: ClinicColumns & { id: string; created_at: string },
): Promise<ClinicRow> {
  return db.insertInto('clinic').values(clinic).returningAll().executeTakeFirstOrThrow()
}

/** Undefined columns stay as they are. Raises the version. */
export async function updateClinic(
  db: Queryable,
  clinicId: string,
  columns: { [Column in keyof ClinicColumns]?: ClinicColumns[Column] | undefined },
): Promise<ClinicRow> {
  return db
    .updateTable('clinic')
    .set(({ eb }) => ({ ...columns, version: eb('version', '+', 1) }))
    .where('id', '=', clinicId)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Raises the version that bookings are checked against, which also takes the row's lock: a booking
 * that is under way finishes first, a later one sees what this transaction changes. Undefined when
 * there is no such clinic.
 */
export async function raiseClinicSchedule(
  db: Queryable,
  clinicId: string,
): Promise<ClinicRow | undefined> {
  return db
    .updateTable('clinic')
    .set(({ eb }) => ({ schedule_version: eb('schedule_version', '+', 1) }))
    .where('id', '=', clinicId)
    .returningAll()
    .executeTakeFirst()
}

/** Takes the row's lock, for a change that open times do not depend on. */
export async function lockClinic(db: Queryable, clinicId: string): Promise<ClinicRow | undefined> {
  return db
    .selectFrom('clinic')
    .selectAll()
    .where('id', '=', clinicId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** The clinics that the doctor works at. */
export async function clinicIdsOfDoctor(db: Queryable, doctorId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('doctor_clinic')
    .select('clinic_id')
    .where('doctor_id', '=', doctorId)
    .execute()
  return rows.map((row) => row.clinic_id)
}
