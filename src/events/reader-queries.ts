import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Cursor } from './queries.ts'

/** Where the reader stands, its row locked; undefined while another process reads. */
export async function lockReader(db: Queryable, name: string): Promise<Cursor | undefined> {
  const { rows } = await sql<Cursor>`
    select xid::text, seq::text from event_reader where name = ${name}
    for update skip locked`.execute(db)
  return rows[0]
}

export async function moveReader(db: Queryable, name: string, { xid, seq }: Cursor): Promise<void> {
  await db.updateTable('event_reader').set({ xid, seq }).where('name', '=', name).execute()
}
