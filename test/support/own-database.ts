// A database of one test alone, for what concerns all rows of a table: a schema beside that of all tests.

import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { clientConfig, connect, type Database } from '#src/db/connect.ts'
import { migrate } from '#src/db/migrate.ts'
import { testVisita } from './visita.ts'

export interface OwnDatabase {
  db: Database
  /** The owner of the tables, who may do anything to them. */
  owner: pg.Client
}

export async function ownDatabase(t: TestContext): Promise<OwnDatabase> {
  const { databaseUrl } = await testVisita()
  const schema = `own_${randomBytes(6).toString('hex')}`
  const owner = new pg.Client(clientConfig(databaseUrl, schema))
  await owner.connect()
  const { rows } = await owner.query<{ role: string }>('select current_user as role')
  await migrate({ url: databaseUrl, schema, appRole: rows[0]!.role })
  const { db } = connect({ url: databaseUrl, schema, poolSize: 8, onLost: () => {} })
  t.after(async () => {
    await db.destroy()
    await owner.end()
    const last = new pg.Client(databaseUrl)
    await last.connect()
    await last.query(`drop schema ${schema} cascade`)
    await last.end()
  })
  return { db, owner }
}
