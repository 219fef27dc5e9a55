import { sql, type InsertObject, type Selectable, type Updateable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Tables, VisitTypeTable } from '#src/db/tables.ts'

export type VisitTypeRow = Selectable<VisitTypeTable>

/** Whose visit types are shown with those that only staff see: all, or the network's and these clinics'. */
export type StaffScope = 'all' | { clinicIds: readonly string[] } | 'none'

/** The visit types that match and may be seen, by name, at most `limit` after the position. */
export async function visitTypesAfter(
  db: Queryable,
  options: {
    clinicId: string | undefined
    doctorId: string | undefined
    status: 'active' | 'retired'
    scope: StaffScope
    after: { name: string; id: string } | null
    limit: number
  },
): Promise<VisitTypeRow[]> {
  const { clinicId, doctorId, scope, after } = options
  let query = db.selectFrom('visit_type').selectAll().where('status', '=', options.status)
  if (clinicId !== undefined)
    query = query.where(sql<boolean>`(clinic_id = ${clinicId} or clinic_id is null)`)
  if (doctorId !== undefined)
    query = query.where(sql<boolean>`exists (
      select from doctor_visit_type
      where visit_type_id = visit_type.id and doctor_id = ${doctorId})`)
  if (scope === 'none')
    query = query.where('who_may_book', '<>', 'staff').where('status', '=', 'active')
  else if (scope !== 'all')
    query = query.where(sql<boolean>`(
      (who_may_book <> 'staff' and status = 'active')
      or clinic_id is null or clinic_id = any (${scope.clinicIds}::uuid[]))`)
  if (after !== null)
    query = query.where(sql<boolean>`(name, id) > (${after.name}, ${after.id}::uuid)`)
  return query.orderBy('name').orderBy('id').limit(options.limit).execute()
}

export async function visitTypeById(
  db: Queryable,
  visitTypeId: string,
): Promise<VisitTypeRow | undefined> {
  return db.selectFrom('visit_type').selectAll().where('id', '=', visitTypeId).executeTakeFirst()
}

/** Columns that are undefined take their default. Fails on `visit_type_clinic`. */
export async function insertVisitType(
  db: Queryable,
  visitType: InsertObject<Tables, 'visit_type'>,
): Promise<VisitTypeRow> {
  return db.insertInto('visit_type').values(visitType).returningAll().executeTakeFirstOrThrow()
}

/** Undefined columns stay as they are. Raises the version. */
export async function updateVisitType(
  db: Queryable,
  visitTypeId: string,
  columns: Updateable<VisitTypeTable>,
): Promise<VisitTypeRow> {
  return db
    .updateTable('visit_type')
    .set(({ eb }) => ({ ...columns, version: eb('version', '+', 1) }))
    .where('id', '=', visitTypeId)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Raises the version that bookings are checked against, which also takes the row's lock: a booking
 * that is under way finishes first, a later one sees what this transaction changes. Undefined when
 * there is no such visit type.
 */
export async function raiseVisitTypeSchedule(
  db: Queryable,
  visitTypeId: string,
): Promise<VisitTypeRow | undefined> {
  return db
    .updateTable('visit_type')
    .set(({ eb }) => ({ schedule_version: eb('schedule_version', '+', 1) }))
    .where('id', '=', visitTypeId)
    .returningAll()
    .executeTakeFirst()
}

/** Takes the row's lock, for a change that open times do not depend on. */
export async function lockVisitType(
  db: Queryable,
  visitTypeId: string,
): Promise<VisitTypeRow | undefined> {
  return db
    .selectFrom('visit_type')
    .selectAll()
    .where('id', '=', visitTypeId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}
