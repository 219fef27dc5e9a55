// Connections to PostgreSQL, and Kysely on top of them.

import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg, { type ClientConfig } from 'pg'
import { parseDatabaseInstant } from '#src/kernel/time.ts'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>

/** Where a query may run: on the pool or inside a transaction. */
export type Queryable = Kysely<Tables>

const preparedNames = new Map<string, string>()
const preparedNamesMax = 2000

/** One short name for each SQL text, so that each connection parses and plans it once. */
function preparedName(text: string): string | undefined {
  let name = preparedNames.get(text)
  if (name === undefined && preparedNames.size < preparedNamesMax) {
    name = `q${preparedNames.size}`
    preparedNames.set(text, name)
  }
  return name
}

type Query = (config: unknown, values?: unknown, callback?: unknown) => unknown

/**
 * Makes a client prepare every statement with parameters, and hang up when a statement gives no
 * answer in time: its answer would be taken for the next one's.
 */
function prepareStatements(client: pg.ClientBase): void {
  const query = client.query.bind(client) as Query
  const preparing: Query = (config, values, callback) => {
    if (typeof config !== 'string' || !Array.isArray(values)) return query(config, values, callback)
    const name = preparedName(config)
    const result = query(name ? { name, text: config, values } : { text: config, values }, callback)
    if (result instanceof Promise)
      result.catch((error: Error) => {
        if (error.message === 'Query read timeout') void (client as pg.Client).end()
      })
    return result
  }
  client.query = preparing as typeof client.query
}

/** How results are read: instants as milliseconds, dates as text, everything else as pg does. */
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, parseDatabaseInstant)
types.setTypeParser(pg.types.builtins.TIMESTAMP, (text) => text)
types.setTypeParser(pg.types.builtins.DATE, (text) => text)

/** What every connection of Visita is set to; `schema` is where its tables live. */
export function clientConfig(url: string, schema: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'visita',
    connectionTimeoutMillis: 2000,
    keepAlive: true,
    types,
    options: `-c TimeZone=UTC -c search_path=${searchPath(schema)} -c idle_in_transaction_session_timeout=60000`,
  }
}

function searchPath(schema: string): string {
  return schema === 'public' ? 'public' : `${schema},public`
}

export interface Connection {
  db: Database
  pool: pg.Pool
}

/**
 * Opens a pool of at most `poolSize` connections. `onLost` hears of connections that broke, in use or
 * idle; the pool replaces them by itself.
 */
export function connect(options: {
  url: string
  schema: string
  poolSize: number
  onLost: (error: Error) => void
}): Connection {
  const config = clientConfig(options.url, options.schema)
  const pool = new pg.Pool({
    ...config,
    // A statement ends by itself before its caller gives up on it: one that was given up on would go
    // on, and book for someone who was told that it failed. It never cuts a commit short.
    options: `${config.options} -c statement_timeout=4500`,
    onConnect(client) {
      prepareStatements(client)
      // The pool listens only while a connection is idle, and an error that nobody hears ends the
      // process. What the connection was doing then fails with an error of its own.
      client.on('error', options.onLost)
    },
    max: options.poolSize,
    query_timeout: 5000,
    idleTimeoutMillis: 30_000,
  })
  pool.on('error', () => {})
  return { db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool }
}

/** The role that a URL signs in as. Throws when the server cannot be reached. */
export async function currentRole(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ role: string }>('select current_user as role')
    return rows[0]!.role
  } finally {
    await client.end()
  }
}
