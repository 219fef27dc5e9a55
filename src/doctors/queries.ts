import { sql, type InsertObject, type Selectable, type UpdateObject } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import type { Queryable } from '#src/db/connect.ts'
import type { DoctorTable, Tables, VisitMode, WhoMayBook } from '#src/db/tables.ts'

/** A profile with everything that is shown of it. */
export interface DoctorRow extends Omit<Selectable<DoctorTable>, 'created_at'> {
  specialties: { id: string; code: string; name: string }[]
  clinics: { id: string; name: string; city: string; timeZone: string }[]
  visitTypes: {
    id: string
    name: string
    durationMinutes: number
    mode: VisitMode
    whoMayBook: WhoMayBook
  }[]
}

/**
 * The profiles with these ids in the order of the ids, in one statement; ids without a profile are
 * left out. Clinics, specialties and visit types come by name; retired visit types are left out.
 */
export async function doctorsByIds(db: Queryable, ids: readonly string[]): Promise<DoctorRow[]> {
  const rows = await db
    .selectFrom('doctor')
    .where('doctor.id', '=', sql<string>`any(${ids}::uuid[])`)
    .select((doctor) => [
      'doctor.id',
      'doctor.account_id',
      'doctor.title',
      'doctor.name',
      'doctor.designation',
      'doctor.languages',
      'doctor.phone',
      'doctor.email',
      'doctor.bio',
      'doctor.accepting_new_patients',
      'doctor.status',
      'doctor.booking_mode',
      'doctor.notice_minutes_min',
      'doctor.horizon_days',
      'doctor.daily_limit',
      'doctor.schedule_version',
      'doctor.version',
      jsonArrayFrom(
        doctor
          .selectFrom('doctor_specialty')
          .innerJoin('specialty', 'specialty.id', 'doctor_specialty.specialty_id')
          .whereRef('doctor_specialty.doctor_id', '=', 'doctor.id')
          .select(['specialty.id', 'specialty.code', 'specialty.name'])
          .orderBy('specialty.name')
          .orderBy('specialty.id'),
      ).as('specialties'),
      jsonArrayFrom(
        doctor
          .selectFrom('doctor_clinic')
          .innerJoin('clinic', 'clinic.id', 'doctor_clinic.clinic_id')
          .whereRef('doctor_clinic.doctor_id', '=', 'doctor.id')
          .select(['clinic.id', 'clinic.name', 'clinic.city', 'clinic.time_zone as timeZone'])
          .orderBy('clinic.name')
          .orderBy('clinic.id'),
      ).as('clinics'),
      jsonArrayFrom(
        doctor
          .selectFrom('doctor_visit_type')
          .innerJoin('visit_type', 'visit_type.id', 'doctor_visit_type.visit_type_id')
          .whereRef('doctor_visit_type.doctor_id', '=', 'doctor.id')
          .where('visit_type.status', '=', 'active')
          .select([
            'visit_type.id',
            'visit_type.name',
            'visit_type.duration_minutes as durationMinutes',
            'visit_type.mode',
            'visit_type.who_may_book as whoMayBook',
          ])
          .orderBy('visit_type.name')
          .orderBy('visit_type.id'),
      ).as('visitTypes'),
    ])
    .execute()
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

/**
 * Raises the version that bookings are checked against, which also takes the row's lock: a booking
 * that is under way finishes first, a later one sees what this transaction changes. False when there
 * is no such doctor.
 */
export async function raiseScheduleVersion(db: Queryable, doctorId: string): Promise<boolean> {
  const raised = await db
    .updateTable('doctor')
    .set((doctor) => ({ schedule_version: doctor('schedule_version', '+', 1) }))
    .where('id', '=', doctorId)
    .executeTakeFirst()
  return raised.numUpdatedRows === 1n
}

/** Takes the row's lock, for a change that open times do not depend on. */
export async function lockProfile(db: Queryable, doctorId: string): Promise<boolean> {
  const locked = await db
    .selectFrom('doctor')
    .select('id')
    .where('id', '=', doctorId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return locked !== undefined
}

/** Columns that are undefined take their default. */
export async function insertDoctor(
  db: Queryable,
  doctor: InsertObject<Tables, 'doctor'>,
): Promise<void> {
  await db.insertInto('doctor').values(doctor).execute()
}

/** Columns that are undefined stay as they are. */
export async function updateDoctor(
  db: Queryable,
  doctorId: string,
  columns: Omit<UpdateObject<Tables, 'doctor'>, 'version'>,
): Promise<void> {
  await db
    .updateTable('doctor')
    .set((doctor) => ({ ...columns, version: doctor('version', '+', 1) }))
    .where('id', '=', doctorId)
    .execute()
}

const links = {
  clinics: { table: 'doctor_clinic', column: 'clinic_id' },
  specialties: { table: 'doctor_specialty', column: 'specialty_id' },
  visitTypes: { table: 'doctor_visit_type', column: 'visit_type_id' },
} as const

/** Makes exactly these the doctor's clinics, specialties or visit types. */
export async function replaceLinks(
  db: Queryable,
  options: { doctorId: string; kind: keyof typeof links; ids: readonly string[] },
): Promise<void> {
  const { table, column } = links[options.kind]
  await sql`
    with removed as (
      delete from ${sql.table(table)}
      where doctor_id = ${options.doctorId} and ${sql.ref(column)} <> all (${options.ids}::uuid[])
    )
    insert into ${sql.table(table)} (doctor_id, ${sql.ref(column)})
    select ${options.doctorId}::uuid, unnest(${options.ids}::uuid[])
    on conflict do nothing`.execute(db)
}

/** Takes away the visit types that belong to clinics where the doctor no longer works. */
export async function removeVisitTypesOfLeftClinics(
  db: Queryable,
  doctorId: string,
): Promise<void> {
  await sql`
    delete from doctor_visit_type using visit_type
    where doctor_visit_type.doctor_id = ${doctorId}
      and visit_type.id = doctor_visit_type.visit_type_id
      and visit_type.clinic_id is not null
      and visit_type.clinic_id not in (
        select clinic_id from doctor_clinic where doctor_id = ${doctorId})`.execute(db)
}

/**
 * Takes away the hours and openings at clinics where the doctor no longer works, and those for
 * nothing but visit types that the doctor no longer offers. They belong to availability, which
 * comes after this module, but must go in the transaction that takes their ground away.
 */
export async function removeGroundlessHours(
  db: Queryable,
  options: { doctorId: string; kind: 'weekly_hours' | 'opening' },
): Promise<void> {
  await sql`
    delete from ${sql.table(options.kind)} as hours
    where doctor_id = ${options.doctorId} and (
      clinic_id not in (select clinic_id from doctor_clinic where doctor_id = ${options.doctorId})
      or not visit_type_ids && array(
        select visit_type_id from doctor_visit_type where doctor_id = ${options.doctorId}))`.execute(
    db,
  )
}

/** Takes the visit types that the doctor no longer offers out of hours or openings for several. */
export async function removeGroundlessVisitTypes(
  db: Queryable,
  options: { doctorId: string; kind: 'weekly_hours' | 'opening' },
): Promise<void> {
  await sql`
    update ${sql.table(options.kind)} set visit_type_ids = array(
      select unnest(visit_type_ids) intersect
      select visit_type_id from doctor_visit_type where doctor_id = ${options.doctorId})
    where doctor_id = ${options.doctorId} and not visit_type_ids <@ array(
      select visit_type_id from doctor_visit_type where doctor_id = ${options.doctorId})`.execute(
    db,
  )
}

/** Those of the ids that are clinics. */
export async function knownClinicIds(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('clinic')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .execute()
  return rows.map((row) => row.id)
}

/** Those of the ids that are specialties. */
export async function knownSpecialtyIds(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('specialty')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .execute()
  return rows.map((row) => row.id)
}

/** Those of the ids that are active visit types of the network or of one of the clinics. */
export async function offerableVisitTypeIds(
  db: Queryable,
  options: { ids: readonly string[]; clinicIds: readonly string[] },
): Promise<string[]> {
  const rows = await db
    .selectFrom('visit_type')
    .select('id')
    .where('id', '=', sql<string>`any(${options.ids}::uuid[])`)
    .where('status', '=', 'active')
    .where((visitType) =>
      visitType.or([
        visitType('clinic_id', 'is', null),
        visitType('clinic_id', '=', sql<string>`any(${options.clinicIds}::uuid[])`),
      ]),
    )
    .execute()
  return rows.map((row) => row.id)
}
