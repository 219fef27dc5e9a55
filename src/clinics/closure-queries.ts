import { sql, type Selectable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { ClosureTable } from '#src/db/tables.ts'
import type { LocalDate } from '#src/kernel/time.ts'

export type ClosureRow = Selectable<ClosureTable>

/** A closure's place in the order of a clinic's closures. */
export interface ClosurePosition {
  startsOn: LocalDate
  startMinute: number
  id: string
}

/** The clinic's closures that touch the dates, soonest first, at most `limit` after the position. */
export async function closuresAfter(
  db: Queryable,
  options: {
    clinicId: string
    from: LocalDate | undefined
    to: LocalDate | undefined
    after: ClosurePosition | null
    limit: number
  },
): Promise<ClosureRow[]> {
  const { from, to, after } = options
  let query = db.selectFrom('closure').selectAll().where('clinic_id', '=', options.clinicId)
  if (from !== undefined) query = query.where('ends_on', '>=', from)
  if (to !== undefined) query = query.where('starts_on', '<=', to)
  if (after !== null)
    query = query.where(
      sql<boolean>`(starts_on, start_minute, id) >
        (${after.startsOn}::date, ${after.startMinute}::integer, ${after.id}::uuid)`,
    )
  return query
    .orderBy('starts_on')
    .orderBy('start_minute')
    .orderBy('id')
    .limit(options.limit)
    .execute()
}

export async function insertClosure(db: Queryable, closure: ClosureRow): Promise<void> {
  await db.insertInto('closure').values(closure).execute()
}

/** False when the clinic has no such closure. */
export async function deleteClosure(
  db: Queryable,
  options: { clinicId: string; closureId: string },
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('closure')
    .where('id', '=', options.closureId)
    .where('clinic_id', '=', options.clinicId)
    .executeTakeFirst()
  return deleted.numDeletedRows === 1n
}

/**
 * Adds closures that come from a file, or changes those that came from it before: the same UID on the
 * same date. Answers how many were added or changed; the others were there as they are.
 */
export async function upsertImportedClosures(
  db: Queryable,
  closures: readonly ClosureRow[],
): Promise<number> {
  // One parameter whatever the number of rows: a statement has room for 65535.
  const result = await sql`
    insert into closure as known
      (id, clinic_id, starts_on, start_minute, ends_on, end_minute, name, source_uid)
    select id, clinic_id, starts_on, start_minute, ends_on, end_minute, name, source_uid
    from jsonb_populate_recordset(null::closure, ${JSON.stringify(closures)}::jsonb)
    on conflict on constraint closure_source_unique do update set
      start_minute = excluded.start_minute, ends_on = excluded.ends_on,
      end_minute = excluded.end_minute, name = excluded.name
    where (known.start_minute, known.ends_on, known.end_minute, known.name)
      is distinct from
      (excluded.start_minute, excluded.ends_on, excluded.end_minute, excluded.name)
    returning known.id`.execute(db)
  return result.rows.length
}
