// What is stored, to tell whether a request changed anything.

import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'

/**
 * A hash of the rows of each table; entries of the audit and counts of requests are left out, since
 * refusals leave some.
 */
export async function contentOf(db: Queryable): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname not in ('audit_entry', 'request_count')
    order by relname`.execute(db)
  const content: Record<string, string> = {}
  for (const { name } of tables) {
    const { rows } = await sql<{ content: string }>`
      select count(*) || ' rows ' || coalesce(md5(string_agg(md5(row::text), '' order by md5(row::text))), '')
        as content from ${sql.table(name)} as row`.execute(db)
    content[name] = rows[0]!.content
  }
  return content
}
