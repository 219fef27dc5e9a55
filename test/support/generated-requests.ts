// Requests that are made up from openapi.json: right ones, ones that are almost right, and nonsense. A seed
// always makes the same ones.

import { described, isJson } from './described-answers.ts'
import type { Prepared } from './operations.ts'

type Json = Record<string, unknown>

/** A source of chance that a seed decides. */
export interface Chance {
  /** From 0 up to, and without, `end`. */
  below(end: number): number
  of<Item>(items: readonly Item[]): Item
  /** True in one of `many` cases. */
  oneIn(many: number): boolean
}

/** Mulberry32, which is even enough for tests. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (end: number) => Math.floor(next() * end)
  return { below, of: (items) => items[below(items.length)]!, oneIn: (many) => below(many) === 0 }
}

const oddTexts = [
  '',
  ' ',
  'a',
  '0',
  '-1',
  'null',
  'me',
  "' or 1=1 --",
  '%',
  '%00',
  '\\',
  '../../etc/passwd',
  '=1+1',
  '<script>alert(1)</script>',
  'Ünï ‮العربية🩺',
  'é',
  '\u0085\u2028\ufeff',
  '\u0007',
  '\0',
  '\ud800',
  'x'.repeat(300),
  'x'.repeat(5000),
  '9'.repeat(40),
  '2026-02-30',
  '9999-12-31',
  '0001-01-01',
  '2026-11-24T10:40:00+01:00',
  '9999-12-31T23:59:59.999999999Z',
  '-000001-01-01T00:00:00Z',
  '24:00',
  '00:00',
  'Europe/Paris',
  'a@b.example',
  '+49 30 2312500',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
]

const oddNumbers = [0, -1, 1, 0.5, 7, 100, 101, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e21, 1e308]

/** Any JSON value, whatever a schema says. */
export function anyValue(chance: Chance, depth = 0): unknown {
  switch (chance.below(depth > 2 ? 5 : 7)) {
    case 0:
      return null
    case 1:
      return chance.oneIn(2)
    case 2:
      return chance.of(oddNumbers)
    case 3:
    case 4:
      return chance.of(oddTexts)
    case 5:
      return Array.from({ length: chance.below(4) }, () => anyValue(chance, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: chance.below(4) }, () => [
          chance.of(['a', 'id', 'name', '__proto__', 'constructor', '', 'ä', 'role']),
          anyValue(chance, depth + 1),
        ]),
      )
  }
}

function resolve(schema: unknown): Json {
  if (!isJson(schema)) return {}
  const { $ref: reference } = schema
  if (typeof reference !== 'string') return schema
  return resolve(described(...reference.slice(2).split('/')).value)
}

/** A value that the schema lets pass, as far as its parts say; `ids` stand for ids. */
export function valueOf(place: unknown, chance: Chance, ids: readonly string[]): unknown {
  const schema = resolve(place)
  const { const: constant, enum: choices, anyOf, oneOf, examples, type } = schema
  if (constant !== undefined) return constant
  if (Array.isArray(choices)) return chance.of<unknown>(choices)
  const some = [anyOf, oneOf].find((list) => Array.isArray(list))
  if (Array.isArray(some)) return valueOf(chance.of<unknown>(some), chance, ids)
  if (schema['format'] === 'uuid') return chance.of(ids)
  if (type !== 'object' && Array.isArray(examples) && !chance.oneIn(3))
    return chance.of<unknown>(examples)
  switch (Array.isArray(type) ? chance.of<unknown>(type) : type) {
    case 'string':
      return textOf(schema, chance)
    case 'integer':
    case 'number':
      return numberOf(schema, chance)
    case 'boolean':
      return chance.oneIn(2)
    case 'array': {
      const length = Number(schema['minItems'] ?? 0) + chance.below(3)
      return Array.from({ length }, () => valueOf(schema['items'], chance, ids))
    }
    case 'object':
      return objectOf(schema, chance, ids)
    default:
      return null
  }
}

function objectOf(schema: Json, chance: Chance, ids: readonly string[]): Json {
  const { properties, required } = schema
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.fromEntries(
    Object.entries(isJson(properties) ? properties : {})
      .filter(([name]) => needed.has(name) || chance.oneIn(2))
      .map(([name, property]) => [name, valueOf(property, chance, ids)]),
  )
}

function textOf({ minLength, maxLength, format }: Json, chance: Chance): string {
  const day = `2026-${String(1 + chance.below(12)).padStart(2, '0')}-${String(1 + chance.below(28)).padStart(2, '0')}`
  if (format === 'date') return day
  if (format === 'date-time')
    return `${day}T${chance.of(['08:00:00Z', '10:40:00+01:00', '00:00:00-11:00'])}`
  if (format === 'email') return `${chance.below(1e9)}@example.org`
  const [least, most] = [Number(minLength ?? 0), Number(maxLength ?? 400)]
  const text = chance.of(oddTexts)
  if (text.length >= least && text.length <= most) return text
  return 'abcäöü 汉字'
    .repeat(1 + most)
    .slice(0, Math.max(least, Math.min(most, 1 + chance.below(40))))
}

function numberOf({ minimum, maximum }: Json, chance: Chance): number {
  const [least, most] = [Number(minimum ?? -10), Number(maximum ?? 1000)]
  return chance.of([least, most, least + chance.below(Math.max(1, most - least))])
}

/** The value with one thing in it changed. */
function almost(value: unknown, chance: Chance): unknown {
  if (Array.isArray(value) && value.length > 0) {
    const place = chance.below(value.length)
    return value.map((item: unknown, index) => (index === place ? almost(item, chance) : item))
  }
  if (!isJson(value)) return anyValue(chance)
  const entries = Object.entries(value)
  if (entries.length === 0 || chance.oneIn(4))
    return { ...value, [chance.of(['role', 'id', 'x', 'patientId'])]: anyValue(chance) }
  const [name, inner] = chance.of(entries)
  if (chance.oneIn(3)) return Object.fromEntries(entries.filter(([key]) => key !== name))
  const changed = chance.oneIn(2) ? almost(inner, chance) : anyValue(chance)
  return Object.fromEntries(entries.map(([key, one]) => [key, key === name ? changed : one]))
}

export interface GeneratedRequest extends Prepared {
  headers: Record<string, string>
}

/** A request for the operation ('GET /path/{id}'), made from `right`, one that is right. */
export function generateRequest(
  operation: string,
  right: Prepared,
  { chance, ids }: { chance: Chance; ids: readonly string[] },
): GeneratedRequest {
  const [method = '', pattern = ''] = operation.split(' ')
  const parameters = described('paths', pattern, method.toLowerCase(), 'parameters').value
  const named = (Array.isArray(parameters) ? parameters : []).map(resolve)
  return {
    ...right,
    url: chance.oneIn(2) ? right.url : pathOf(pattern, { chance, ids }),
    query: chance.oneIn(4) ? right.query : queryOf(named, { chance, ids }),
    body: bodyOf(operation, right, { chance, ids }),
    contentType: chance.oneIn(30) ? chance.of(['text/plain', 'a/b', '']) : right.contentType,
    headers: headersOf(chance),
  }
}

interface Sources {
  chance: Chance
  ids: readonly string[]
}

function pathOf(pattern: string, { chance, ids }: Sources): string {
  return pattern.replaceAll(/\{\w+\}/g, () =>
    chance.oneIn(5)
      ? encodeURIComponent(chance.of(oddTexts).toWellFormed().slice(0, 300))
      : chance.of(ids),
  )
}

function queryOf(parameters: readonly Json[], { chance, ids }: Sources): string {
  const query = new URLSearchParams()
  for (const { in: place, name, schema, required } of parameters) {
    if (place !== 'query' || (required !== true && chance.oneIn(2))) continue
    const value = chance.oneIn(5) ? anyValue(chance) : valueOf(schema, chance, ids)
    for (const one of Array.isArray(value) ? value : [value])
      query.append(String(name), String(one))
  }
  if (chance.oneIn(20)) query.append(chance.of(['x', '__proto__', 'limit', 'cursor']), 'x')
  return query.toString()
}

function bodyOf(operation: string, right: Prepared, { chance, ids }: Sources): unknown {
  const [method = '', path = ''] = operation.split(' ')
  const where = ['paths', path, method.toLowerCase(), 'requestBody', 'content', 'application/json']
  const { value: schema } = described(...where, 'schema')
  if (right.body === undefined)
    return chance.oneIn(10) && method !== 'GET' ? anyValue(chance) : undefined
  if (typeof right.body === 'string' || Buffer.isBuffer(right.body)) {
    const text = right.body.toString()
    const place = chance.below(text.length)
    if (chance.oneIn(3)) return right.body
    return text.slice(0, place) + chance.of(oddTexts) + text.slice(place + chance.below(20))
  }
  switch (chance.below(6)) {
    case 0:
      return right.body
    case 1:
      return almost(right.body, chance)
    case 2:
    case 3:
      return isJson(schema) ? valueOf(schema, chance, ids) : right.body
    case 4:
      return isJson(schema) ? almost(valueOf(schema, chance, ids), chance) : right.body
    default:
      return anyValue(chance)
  }
}

function headersOf(chance: Chance): Record<string, string> {
  const odd = ['', '"1"', 'W/"1"', '*', '"-1"', 'x', '"99999999999999999999"', 'a'.repeat(300), 'é']
  return {
    ...(chance.oneIn(6) && { 'if-match': chance.of(odd) }),
    ...(chance.oneIn(6) && { 'idempotency-key': chance.of(odd) }),
    ...(chance.oneIn(12) && { 'if-none-match': chance.of(odd) }),
    ...(chance.oneIn(12) && {
      'accept-language': chance.of(['de', 'ar-EG;q=0', '*', 'x'.repeat(200)]),
    }),
  }
}
