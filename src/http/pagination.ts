// Pages of a list. A cursor is the position after the last item of a page, opaque to clients.

import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { invalidParameter } from '#src/kernel/errors.ts'
import { parseJson } from './json-body.ts'

/** How many items a page has when the client does not say. */
export const limitDefault = 20

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
  if (position === undefined || !Value.Check(schema, position)) {
    throw invalidParameter('cursor', 'cursor must be the nextCursor of an earlier answer.')
  }
  return position
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
