import { sql, type Selectable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { RoomTable } from '#src/db/tables.ts'

export type RoomRow = Selectable<RoomTable>

/** The clinic's rooms by name, at most `limit` of those after the position. */
export async function roomsAfter(
  db: Queryable,
  options: { clinicId: string; after: { name: string; id: string } | null; limit: number },
): Promise<RoomRow[]> {
  const { after } = options
  let query = db.selectFrom('room').selectAll().where('clinic_id', '=', options.clinicId)
  if (after !== null)
    query = query.where(sql<boolean>`(name, id) > (${after.name}, ${after.id}::uuid)`)
  return query.orderBy('name').orderBy('id').limit(options.limit).execute()
}

export async function insertRoom(db: Queryable, room: RoomRow): Promise<void> {
  await db.insertInto('room').values(room).execute()
}

/** False when the clinic has no such room. Fails on `appointment_room` when a visit refers to it. */
export async function deleteRoom(
  db: Queryable,
  options: { clinicId: string; roomId: string },
): Promise<boolean> {
  const deleted = await db
    .deleteFrom('room')
    .where('id', '=', options.roomId)
    .where('clinic_id', '=', options.clinicId)
    .executeTakeFirst()
  return deleted.numDeletedRows === 1n
}
