// schema.sql: what the migrations add up to, read back from a database's catalogue, so that a
// reviewer sees the tables as they are.

import pg from 'pg'

interface Row {
  sql: string
}

const columnsAndConstraints = `
  select format(E'create table %I (\\n%s\\n);', class.relname, string_agg(part.line, E',\\n' order by part.place, part.name)) as sql
  from pg_class class
  join lateral (
    select 1 as place, lpad(attnum::text, 4, '0') as name, format('  %I %s%s%s%s', attname,
      format_type(atttypid, atttypmod),
      case when attnotnull then ' not null' else '' end,
      case attidentity when 'a' then ' generated always as identity' else '' end,
      coalesce(' default ' || pg_get_expr(adbin, adrelid), '')) as line
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = class.oid and attnum > 0 and not attisdropped
    union all
    select 2, conname, format('  constraint %I %s', conname, pg_get_constraintdef(oid))
    from pg_constraint where conrelid = class.oid and contype <> 'n'
  ) as part on true
  where class.relkind = 'r' and class.relnamespace = current_schema()::regnamespace
  group by class.relname order by class.relname`

const indexes = `
  select pg_get_indexdef(indexrelid) || ';' as sql from pg_index
  join pg_class class on class.oid = indexrelid
  where class.relnamespace = current_schema()::regnamespace
    and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
  order by class.relname`

const functions = `
  select trim(trailing E'\\n' from pg_get_functiondef(oid)) || ';' as sql from pg_proc
  where pronamespace = current_schema()::regnamespace
    and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
  order by proname`

const triggers = `
  select pg_get_triggerdef(pg_trigger.oid) || ';' as sql from pg_trigger
  join pg_class class on class.oid = tgrelid
  where not tgisinternal and class.relnamespace = current_schema()::regnamespace order by tgname, class.relname`

/** The text of schema.sql for a migrated database. */
export async function schemaText(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const parts = ['-- Generated from migrations/ by `npm run generate`. Do not edit.']
    for (const query of [columnsAndConstraints, indexes, functions, triggers]) {
      const { rows } = await client.query<Row>(query)
      parts.push(...rows.map(({ sql }) => sql.replaceAll(/ +$/gm, '')))
    }
    return `${parts.join('\n\n')}\n`
  } finally {
    await client.end()
  }
}
