import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { idempotentRequest } from './idempotency.ts'

const request = (header: string | undefined, body: unknown = {}) =>
  idempotentRequest({ header, accountId: 'a', route: 'POST /appointments', body })

test('a key is the same quoted and bare', () => {
  assert.equal(request('"k-1"')?.key, 'k-1')
  assert.equal(request('k-1')?.key, 'k-1')
  assert.equal(request(undefined), null)
})

test('the order of fields does not make another body, a value does', () => {
  const hash = (body: unknown) => request('k', body)?.bodyHash.toString('hex')
  assert.equal(hash({ a: 1, b: { d: 2, c: 3 } }), hash({ b: { c: 3, d: 2 }, a: 1 }))
  assert.notEqual(hash({ a: 1 }), hash({ a: '1' }))
})

test('what is no key is refused', () => {
  for (const header of ['', '""', 'two words', 'ü', 'k'.repeat(256)])
    assert.throws(() => request(header), InvalidRequest)
})
