import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareCursors, decodeCursor, encodeCursor } from './cursor.ts'

const cursor = fc.record(
  {
    xid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    seq: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  },
  { noNullPrototype: true },
)

test('a cursor comes back as it was', () => {
  fc.assert(
    fc.property(cursor, (given) => assert.deepEqual(decodeCursor(encodeCursor(given)), given)),
  )
})

test('cursors are in the order of the numbers', () => {
  fc.assert(
    fc.property(cursor, cursor, (one, other) => {
      const xids = BigInt(one.xid) - BigInt(other.xid)
      const seqs = BigInt(one.seq) - BigInt(other.seq)
      const expected = xids === 0n ? seqs : xids
      assert.equal(
        Math.sign(compareCursors(one, other)),
        Number(expected > 0n) - Number(expected < 0n),
      )
    }),
  )
})

test('text that is no cursor is none', () => {
  for (const text of [
    '',
    '1',
    '1.',
    '.1',
    '1.2.3',
    '1.-2',
    'A.b',
    '1.2 ',
    'zzzzzzzzzzzzz.1',
    'é.1',
  ])
    assert.equal(decodeCursor(text), null, text)
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = decodeCursor(text)
      assert.ok(found === null || compareCursors(found, found) === 0)
    }),
  )
})
