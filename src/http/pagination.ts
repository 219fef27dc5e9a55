// Pages of a list. A cursor is the position after the last item of a page, opaque to clients.

import type { Static, TSchema } from 'typebox'
import { invalidParameter } from '#src/kernel/errors.ts'
import { parseJson } from './json-body.ts'
import { createValidatorCompiler } from './validation.ts'

/** How many items a page has when the client does not say. */
const limitDefault = 20

/** Made when the first cursor comes, since components may still be added before. */
let compile: ReturnType<typeof createValidatorCompiler> | undefined

/** The position as opaque text for `nextCursor`. */
export function encodeCursor(position: object): string {
  return Buffer.from(JSON.stringify(position), 'utf8').toString('base64url')
}

/** The position that `encodeCursor` was given. Throws InvalidRequest when it is not of the schema. */
export function decodeCursor<Schema extends TSchema>(
  cursor: string,
  schema: Schema,
): Static<Schema> {
  const position = readPosition(cursor)
  if (!isOf(schema, position)) {
    throw invalidParameter('cursor', 'cursor must be the nextCursor of an earlier answer.')
  }
  return position
}

function isOf<Schema extends TSchema>(
  schema: Schema,
  position: unknown,
): position is Static<Schema> {
  compile ??= createValidatorCompiler({ allErrors: false })
  return compile({ schema, httpPart: 'body' })(position)
}

function readPosition(cursor: string): unknown {
  try {
    return parseJson(Buffer.from(cursor, 'base64url'))
  } catch {
    return undefined
  }
}

/** The page a query asks for: how many items, and the position they come after (null: the first). */
export function readPage<Schema extends TSchema>(
  query: { limit?: number; cursor?: string },
  positionSchema: Schema,
): { limit: number; after: Static<Schema> | null } {
  return {
    limit: query.limit ?? limitDefault,
    after: query.cursor === undefined ? null : decodeCursor(query.cursor, positionSchema),
  }
}

/**
 * A page from rows that were read with one more than `limit`, which tells whether there is a next one.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  options: { limit: number; present: (row: Row) => Item; positionOf: (row: Row) => object },
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, options.limit)
  const last = shown.at(-1)
  const hasNext = rows.length > options.limit && last !== undefined
  return {
    items: shown.map((row) => options.present(row)),
    nextCursor: hasNext ? encodeCursor(options.positionOf(last)) : null,
  }
}
