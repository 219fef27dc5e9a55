import type { Selectable, Updateable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { SpecialtyTable } from '#src/db/tables.ts'

export type SpecialtyRow = Selectable<SpecialtyTable>

/** Specialties by name, at most `limit` of those that come after the position. */
export async function specialtiesAfter(
  db: Queryable,
  options: { after: { name: string; id: string } | null; limit: number },
): Promise<SpecialtyRow[]> {
  const { after } = options
  return db
    .selectFrom('specialty')
    .selectAll()
    .$if(after !== null, (query) =>
      query.where((specialty) =>
        specialty(
          specialty.refTuple('name', 'id'),
          '>',
          specialty.tuple(after?.name ?? '', after?.id ?? ''),
        ),
      ),
    )
    .orderBy('name')
    .orderBy('id')
    .limit(options.limit)
    .execute()
}

export async function insertSpecialty(db: Queryable, specialty: SpecialtyRow): Promise<void> {
  await db.insertInto('specialty').values(specialty).execute()
}

/** The specialty as it is afterwards, undefined when there is none. */
export async function updateSpecialty(
  db: Queryable,
  specialtyId: string,
  columns: Updateable<SpecialtyTable>,
): Promise<SpecialtyRow | undefined> {
  return db
    .updateTable('specialty')
    .set(columns)
    .where('id', '=', specialtyId)
    .returningAll()
    .executeTakeFirst()
}
