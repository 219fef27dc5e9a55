// Brings a database to the schema in migrations/, once, whichever process comes first.

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'
import { messageOf } from '#src/kernel/errors.ts'
import { clientConfig } from './connect.ts'

const folder = new URL('../../migrations/', import.meta.url)

/** An arbitrary number that stands for "migrating Visita" among the server's advisory locks. */
const migrationLock = 7_281_005

const oldestServer = 150_000

/** The start must stop: the message is one sentence that says what to do. */
export class MigrationRefused extends Error {}

export interface Migration {
  name: string
  sql: string
  checksum: string
}

/** The migrations in order; the name is the file's, without its ending. */
export async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      return {
        name: name.slice(0, -'.sql'.length),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      }
    }),
  )
}

/**
 * Applies what is missing and gives `appRole` its rights. `url` is the owner's. Answers the names of
 * the migrations it applied.
 *
 * @throws MigrationRefused when the server is older than 15, `btree_gist` may not be created, an
 * applied migration was edited, or the database is newer than this program.
 */
export async function migrate(options: {
  url: string
  schema: string
  appRole: string
  migrations?: Migration[]
}): Promise<string[]> {
  const migrations = options.migrations ?? (await readMigrations())
  const client = new pg.Client(clientConfig(options.url, options.schema))
  await client.connect()
  try {
    await refuseOldServer(client)
    // Waiting for another process that migrates is right; waiting for anything else is not.
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await client.query("set lock_timeout = '10s'")
    await prepare(client, options.schema)
    const applied = await appliedMigrations(client)
    refuseStrangers(applied, migrations)
    const missing = migrations.filter((migration) => !applied.has(migration.name))
    for (const migration of missing) await apply(client, migration)
    await grant(client, options.schema, options.appRole)
    return missing.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as version",
  )
  const problem = serverProblem(rows[0]!)
  if (problem !== null) throw new MigrationRefused(problem)
}

/** Why a server cannot be used, by `server_version_num` and `server_version`; null when it can. */
export function serverProblem(server: { number: number; version: string }): string | null {
  return server.number >= oldestServer
    ? null
    : `The server of DATABASE_URL is PostgreSQL ${server.version}; Visita needs 15 or newer. Upgrade it, or name another server.`
}

async function prepare(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ known: boolean; role: string; database: string }>(
    `select exists (select from pg_extension where extname = 'btree_gist') as known,
       current_user as role, current_database() as database`,
  )
  const { known, role, database } = rows[0]!
  if (!known) {
    try {
      await client.query('create extension if not exists btree_gist with schema public')
    } catch (error) {
      throw new MigrationRefused(
        `The extension btree_gist is missing in database "${database}" and the role "${role}" may not create it (${messageOf(error)}). ` +
          `Set MIGRATION_DATABASE_URL to the owner of the database, who may. Else a superuser must run once: CREATE EXTENSION btree_gist SCHEMA public;`,
      )
    }
  }
  const name = client.escapeIdentifier(schema)
  try {
    const exists = await client.query('select from pg_namespace where nspname = $1', [schema])
    if (exists.rowCount === 0) await client.query(`create schema ${name}`)
    await client.query(
      `create table if not exists ${name}.schema_migration (
         name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
    )
  } catch (error) {
    throw new MigrationRefused(
      `The role "${role}" may not create tables in schema "${schema}" of database "${database}" (${messageOf(error)}). ` +
        `Set MIGRATION_DATABASE_URL to the owner of the database, or run as that owner: GRANT CREATE ON DATABASE ${client.escapeIdentifier(database)} TO ${client.escapeIdentifier(role)}; GRANT ALL ON SCHEMA ${name} TO ${client.escapeIdentifier(role)};`,
    )
  }
}

async function appliedMigrations(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migration',
  )
  return new Map(rows.map((row) => [row.name, row.checksum]))
}

function refuseStrangers(applied: Map<string, string>, migrations: Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration.checksum]))
  for (const [name, checksum] of applied) {
    if (!known.has(name))
      throw new MigrationRefused(
        `The database has the migration "${name}", which this version of Visita does not know. Start the newer version that made it.`,
      )
    if (known.get(name) !== checksum)
      throw new MigrationRefused(
        `migrations/${name}.sql was edited after it was applied to this database. Restore the file, and put the change into a new migration.`,
      )
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(migration.sql)
    await client.query('insert into schema_migration (name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw new Error(`Migration ${migration.name} failed: ${messageOf(error)}`, { cause: error })
  }
}

/** What erases in append-only tables, with the owner's rights; see 0014. */
const erasingFunctions = [
  'rename_merged_actor(uuid, uuid)',
  'erase_patient(uuid, timestamptz)',
  'purge_events(timestamptz, integer)',
]

/** The application reads and writes everything, but can only add to what is append-only. */
async function grant(client: pg.Client, schema: string, appRole: string): Promise<void> {
  const { rows } = await client.query<{ owner: string }>('select current_user as owner')
  if (rows[0]!.owner === appRole) return
  const role = client.escapeIdentifier(appRole)
  const name = client.escapeIdentifier(schema)
  await client.query(`
    grant usage on schema ${name} to ${role};
    grant select, insert, update, delete on all tables in schema ${name} to ${role};
    grant usage, select on all sequences in schema ${name} to ${role};
    revoke update, delete, truncate on ${name}.audit_entry, ${name}.audit_seal, ${name}.event, ${name}.appointment_event from ${role};
    revoke delete, truncate on ${name}.appointment from ${role};
    revoke insert, update, delete, truncate on ${name}.schema_migration from ${role};
    ${erasingFunctions.map((one) => `grant execute on function ${name}.${one} to ${role};`).join('\n')}
  `)
}

/** The names of the migrations that the database at hand does not have yet. */
export function missingMigrations(known: Migration[], applied: ReadonlySet<string>): string[] {
  return known.filter((migration) => !applied.has(migration.name)).map(({ name }) => name)
}
