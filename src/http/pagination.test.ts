import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Type } from 'typebox'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { LocalDateText } from './schema.ts'
import { decodeCursor, encodeCursor, pageOf, readPage } from './pagination.ts'

const Position = Type.Object({ name: Type.String(), id: Type.String() })

test('pages follow each other without a gap or a repetition', () => {
  const rows = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, id: name }))
  const seen: string[] = []
  let cursor: string | null | undefined
  do {
    const { limit, after } = readPage({ limit: 2, ...(cursor ? { cursor } : {}) }, Position)
    const found = rows.filter(({ name }) => after === null || name > after.name).slice(0, limit + 1)
    const page = pageOf(found, { limit, present: ({ name }) => name, positionOf: (row) => row })
    seen.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e'])
})

test('a page has 20 items when nothing is said', () => {
  assert.deepEqual(readPage({}, Position), { limit: 20, after: null })
})

test('a cursor that was not given by the server is refused', () => {
  const forged = [
    '',
    'x',
    '%%%',
    encodeCursor({ name: 1, id: 'a' }),
    encodeCursor({ id: 'a' }),
    encodeCursor({ name: 'a\0', id: 'a' }),
    encodeCursor({ name: '\ud800', id: 'a' }),
    Buffer.from('{"name": "a", "name": "b", "id": "c"}').toString('base64url'),
  ]
  for (const cursor of forged) {
    assert.throws(() => decodeCursor(cursor, Position), InvalidRequest, cursor)
  }
})

test('a date in a cursor is checked as one in a request is', () => {
  const position = Type.Object({ startsOn: LocalDateText })
  for (const startsOn of ['0000-01-01', '2026-02-29'])
    assert.throws(() => decodeCursor(encodeCursor({ startsOn }), position), InvalidRequest)
  assert.deepEqual(decodeCursor(encodeCursor({ startsOn: '2024-02-29' }), position), {
    startsOn: '2024-02-29',
  })
})
