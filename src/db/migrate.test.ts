import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { testVisita } from '#test/support/visita.ts'
import { startEmbedded } from './embedded.ts'
import { migrate, MigrationRefused, readMigrations, serverProblem } from './migrate.ts'

const { databaseUrl } = await testVisita()

/** An empty schema of the test's own, in the database of all tests. */
async function emptySchema(t: TestContext): Promise<{ schema: string; client: pg.Client }> {
  const schema = `test_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.after(async () => {
    await client.query(`drop schema if exists ${schema} cascade`)
    await client.end()
  })
  return { schema, client }
}

async function ownerOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ role: string }>('select current_user as role')
  return rows[0]!.role
}

test('processes that start at once migrate once', async (t) => {
  const { schema, client } = await emptySchema(t)
  const appRole = await ownerOf(client)
  const all = await readMigrations()
  const applied = await Promise.all(
    [1, 2, 3, 4].map(() => migrate({ url: databaseUrl, schema, appRole })),
  )
  assert.deepEqual(
    applied.flat(),
    all.map(({ name }) => name),
  )
})

test('an edited old migration is refused, and nothing is done', async (t) => {
  const { schema, client } = await emptySchema(t)
  const appRole = await ownerOf(client)
  const first = { name: '0001_first', sql: 'create table one (id int)', checksum: 'a' }
  const second = { name: '0002_second', sql: 'create table two (id int)', checksum: 'b' }
  const options = { url: databaseUrl, schema, appRole }
  await migrate({ ...options, migrations: [first] })
  const edited = { ...first, checksum: 'c' }
  await assert.rejects(
    migrate({ ...options, migrations: [edited, second] }),
    (error) =>
      error instanceof MigrationRefused && /0001_first\.sql was edited/.test(error.message),
  )
  const { rows } = await client.query('select to_regclass($1) as two', [`${schema}.two`])
  assert.equal(rows[0].two, null)
})

test('a database that a newer version has migrated is refused', async (t) => {
  const { schema, client } = await emptySchema(t)
  const appRole = await ownerOf(client)
  await migrate({ url: databaseUrl, schema, appRole })
  const fewer = (await readMigrations()).slice(0, -1)
  await assert.rejects(
    migrate({ url: databaseUrl, schema, appRole, migrations: fewer }),
    /does not know\. Start the newer version/,
  )
})

test('a migration that fails leaves nothing of itself', async (t) => {
  const { schema, client } = await emptySchema(t)
  const appRole = await ownerOf(client)
  const broken = { name: '0001', sql: 'create table one (id int); select 1 / 0', checksum: 'a' }
  await assert.rejects(
    migrate({ url: databaseUrl, schema, appRole, migrations: [broken] }),
    /Migration 0001 failed: division by zero/,
  )
  const { rows } = await client.query('select to_regclass($1) as one', [`${schema}.one`])
  assert.equal(rows[0].one, null)
})

test('a role that may not create btree_gist is told who must', async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'visita-gist-'))
  const server = await startEmbedded({
    dataDirectory,
    ephemeral: true,
    durable: false,
    log: () => {},
  })
  t.after(async () => {
    await server.stop()
    await rm(dataDirectory, { recursive: true, force: true })
  })
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  await client.query("create role plain login password 'plain'")
  await client.query('create database bare')
  await client.end()
  const url = new URL(server.superuserUrl.replace('@/', '@localhost/'))
  url.username = 'plain'
  url.password = 'plain'
  url.pathname = '/bare'
  await assert.rejects(
    migrate({ url: url.href, schema: 'public', appRole: 'plain' }),
    (error) =>
      error instanceof MigrationRefused &&
      /btree_gist is missing in database "bare" .* a superuser must run once/.test(error.message),
  )
})

test('a server older than 15 is refused by name', () => {
  assert.match(
    serverProblem({ number: 140_011, version: '14.11' })!,
    /PostgreSQL 14\.11.*15 or newer/,
  )
  assert.equal(serverProblem({ number: 150_000, version: '15.0' }), null)
})
