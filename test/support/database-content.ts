// What is stored, to tell whether a request changed anything.

import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'

/** A hash of the rows of each table; entries of the audit are left out, since refusals leave some. */
export async function contentOf(db: Queryable): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'audit_entry'
    order by relname`.execute(db)
  const content: Record<string, string> = {}
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`
      select row::text as row from ${sql.table(name)} as row order by row::text`.execute(db)
    const hash = createHash('sha256')
    for (const { row } of rows) hash.update(row).update('\n')
    content[name] = `${rows.length} rows ${hash.digest('hex')}`
  }
  return content
}
