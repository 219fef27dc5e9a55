import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { InvalidRequest, Refusal } from '#src/kernel/errors.ts'
import { parseJson } from './json-body.ts'

function refusalOf(text: string | Buffer): Refusal {
  try {
    parseJson(Buffer.from(text))
  } catch (error) {
    assert.ok(error instanceof Refusal)
    return error
  }
  throw new Error('It was let pass.')
}

function pointersOf(text: string): string[] {
  const refusal = refusalOf(text)
  assert.ok(refusal instanceof InvalidRequest, refusal.message)
  const { errors } = refusal.members
  assert.ok(Array.isArray(errors))
  return errors.map((error: { pointer: string }) => error.pointer)
}

test('JSON that is without fault means what JSON.parse takes it for', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      fc.pre(!text.includes('__proto__') && !/\\u0000|\\ud[89a-f]/i.test(text))
      assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text))
    }),
  )
})

test('a key that is given twice in an object is found wherever it stands', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), fc.nat(3), (value, key, depth) => {
      fc.pre(key !== '__proto__' && !key.includes('\0') && key.isWellFormed())
      const name = JSON.stringify(key)
      const inner = `{${name}: ${JSON.stringify(value)}, "x${key.length}": 1, ${name}: 2}`
      const text = `${'{"a": ['.repeat(depth)}${inner}${']}'.repeat(depth)}`
      fc.pre(!text.includes('__proto__') && !/\\u0000|\\ud[89a-f]/i.test(text))
      const segment = key.replaceAll('~', '~0').replaceAll('/', '~1')
      assert.ok(pointersOf(text).includes(`${'/a/0'.repeat(depth)}/${segment}`))
    }),
  )
})

test('faults name the field by its pointer', () => {
  assert.deepEqual(pointersOf('{"a": 1, "a": 1}'), ['/a'])
  assert.deepEqual(pointersOf('{"a": 1, "\\u0061": 1}'), ['/a'])
  assert.deepEqual(pointersOf('[{}, {"b": [1, {"c/d": "\\u0000"}]}]'), ['/1/b/1/c~1d'])
  assert.deepEqual(pointersOf('{"a": "\\ud800", "b": "\\udc00x"}'), ['/a', '/b'])
  assert.deepEqual(pointersOf('{"__proto__": {"isAdmin": true}}'), ['/__proto__'])
  assert.deepEqual(pointersOf('{"\\u005f_proto__": 1}'), ['/__proto__'])
  assert.deepEqual(pointersOf('"\\u0000"'), [''])
})

test('strings and the same key in different objects are no faults', () => {
  for (const text of [
    '{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]}',
    '{"a": "\\"a\\": 1, \\\\", "b": "{[,"}',
    '{"emoji": "\\ud83d\\ude00", "text": "\\\\u0000"}',
  ]) {
    assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text))
  }
})

test('what is no JSON in UTF-8, or too deep, is malformed', () => {
  for (const text of ['', '{', '{"a": 1,}', "{'a': 1}", '{"a": NaN}', '1 2', '"\u0001"']) {
    assert.equal(refusalOf(text).code, 'malformed-request', text)
  }
  assert.equal(refusalOf(Buffer.from([0x22, 0xc3, 0x28, 0x22])).code, 'malformed-request')
  assert.equal(refusalOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])).code, 'malformed-request')
  assert.equal(refusalOf('['.repeat(33) + ']'.repeat(33)).code, 'malformed-request')
  assert.equal(refusalOf('{"a":'.repeat(5000) + '1' + '}'.repeat(5000)).code, 'malformed-request')
})

test('the refusal of malformed JSON does not repeat the body', () => {
  assert.ok(!refusalOf('{"password": "hunter2"').message.includes('hunter2'))
})
