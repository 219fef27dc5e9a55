// Bodies that are wrong in one place each, made from a right one and the schema of its operation.

import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { formats } from '#src/http/validation.ts'
import { described, isJson } from './described-answers.ts'

type Json = Record<string, unknown>

export interface WrongBody {
  what: string
  text: string | Buffer
  /** 422 names a field, 400 says that the body cannot be read. */
  status: 400 | 413 | 422
  /** The field that the answer must name; null for none. */
  pointer: string | null
}

const ajv = new Ajv2020({ strict: false, validateSchema: false, formats })
ajv.addSchema(described().value as Json, 'openapi.json')
const validators = new Map<Json, ValidateFunction>()

/** Values that hardly any field takes, as JSON text. */
const oddValues = [
  'null',
  'true',
  '"true"',
  '7',
  '"7"',
  '-1',
  '1.5',
  '1e400',
  '123456789012345678901234567890',
  '""',
  '"   "',
  '"text"',
  '{}',
  '{"a":1}',
  '[]',
  '[null]',
  '[[]]',
  '"2026-02-30"',
  '"2026-13-01"',
  '"0000-01-01"',
  '"2026-11-24T10:40:00"',
  '"2026-02-30T10:40:00+01:00"',
  '"2026-11-24T25:00:00Z"',
  '"24:01"',
  '"9:00"',
  '"me"',
  '"00000000-0000-0000-0000-00000000000g"',
  '"javascript:alert(1)"',
  '"\' or 1=1 --"',
  JSON.stringify('x'.repeat(5000)),
]

/** Text that the database cannot store, or that is no text: refused whatever the schema says. */
const impossibleTexts = ['"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"']

/** The values for each field that its schema lets pass, though odd: any answer but a failure is right. */
export function oddBodies(operation: string, right: Json): string[] {
  return fieldsOf(operation, right).flatMap(({ path, schema }) =>
    oddValues
      .filter((value) => isRight(schema, value))
      .map((value) => replaced(right, path, value)),
  )
}

/** Wrong bodies for an operation ('POST /path') that takes `right`. */
export function wrongBodies(operation: string, right: Json): WrongBody[] {
  const text = JSON.stringify(right)
  const [firstField = 'nothing'] = Object.keys(right)
  const bodies: WrongBody[] = [
    {
      what: 'an unknown field',
      text: replaced(right, ['unknown'], '1'),
      status: 422,
      pointer: '/unknown',
    },
    {
      what: 'a key twice',
      text: `{"${firstField}":1,${text.slice(1)}`.replace(',}', `,"${firstField}":1}`),
      status: 422,
      pointer: `/${firstField}`,
    },
    {
      what: '__proto__',
      text: replaced(right, ['__proto__'], '{}'),
      status: 422,
      pointer: '/__proto__',
    },
    { what: 'NUL in a key', text: `{"\\u0000":1}`, status: 422, pointer: null },
    { what: 'half of the JSON', text: text.slice(0, -1), status: 400, pointer: null },
    { what: 'two values', text: `${text}${text}`, status: 400, pointer: null },
    { what: 'a comment', text: `${text}//`, status: 400, pointer: null },
    { what: 'NaN', text: '{"a":NaN}', status: 400, pointer: null },
    { what: 'too deep', text: '['.repeat(5000) + ']'.repeat(5000), status: 400, pointer: null },
    { what: 'a list', text: '[]', status: 422, pointer: '' },
    { what: 'text', text: '"text"', status: 422, pointer: '' },
    { what: 'a number', text: '7', status: 422, pointer: '' },
    { what: 'null', text: 'null', status: 422, pointer: '' },
    {
      what: 'invalid UTF-8',
      text: Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      status: 400,
      pointer: null,
    },
    { what: 'UTF-16', text: Buffer.from(text, 'utf16le'), status: 400, pointer: null },
    {
      what: 'more than 1 MB',
      text: replaced(right, ['unknown'], JSON.stringify('x'.repeat(1_100_000))),
      status: 413,
      pointer: null,
    },
  ]
  for (const { path, schema } of fieldsOf(operation, right)) {
    const values = [...oddValues.filter((value) => !isRight(schema, value)), ...impossibleTexts]
    for (const value of values)
      bodies.push({
        what: `${path.join('/')} = ${value.slice(0, 40)}`,
        text: replaced(right, path, value),
        status: 422,
        pointer: `/${path.join('/')}`,
      })
  }
  return bodies
}

interface Field {
  path: string[]
  schema: Json
}

/** The fields of the body and of what is nested in it, as far as `right` has an example of it. */
function fieldsOf(operation: string, right: Json): Field[] {
  const [method = '', path = ''] = operation.split(' ')
  const { value } = described(
    'paths',
    path,
    method.toLowerCase(),
    'requestBody',
    'content',
    'application/json',
    'schema',
  )
  return isJson(value) ? fieldsIn(value, right, []) : []
}

function fieldsIn(schema: Json, right: unknown, path: string[]): Field[] {
  const fields: Field[] = []
  const { properties, items } = schema
  if (isJson(properties))
    for (const [name, property] of Object.entries(properties))
      if (isJson(property)) {
        const inner = [...path, name]
        fields.push({ path: inner, schema: property })
        const value = isJson(right) ? right[name] : undefined
        if (value !== undefined) fields.push(...fieldsIn(property, value, inner))
      }
  if (isJson(items) && Array.isArray(right) && right.length > 0) {
    const inner = [...path, '0']
    const resolved = resolve(items)
    fields.push({ path: inner, schema: resolved }, ...fieldsIn(resolved, right[0], inner))
  }
  return fields
}

function resolve(schema: Json): Json {
  const { $ref: reference } = schema
  if (typeof reference !== 'string') return schema
  const { value } = described(...reference.slice(2).split('/'))
  return isJson(value) ? value : {}
}

function isRight(schema: Json, text: string): boolean {
  let validate = validators.get(schema)
  if (!validate) {
    const absolute = JSON.stringify(schema).replaceAll('"#/', '"openapi.json#/')
    validate = ajv.compile(JSON.parse(absolute))
    validators.set(schema, validate)
  }
  return validate(JSON.parse(text))
}

/** The JSON text of `value` with `text` at the path. */
function replaced(value: unknown, path: readonly string[], text: string): string {
  const [name, ...rest] = path
  if (name === undefined) return text
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) =>
      String(index) === name ? replaced(item, rest, text) : JSON.stringify(item),
    )
    return `[${items.join(',')}]`
  }
  const members = Object.entries(isJson(value) ? value : {})
    .filter(([key]) => key !== name)
    .map(([key, member]) => `${JSON.stringify(key)}:${JSON.stringify(member)}`)
  const inner = replaced(isJson(value) ? value[name] : undefined, rest, text)
  return `{${[...members, `${JSON.stringify(name)}:${inner}`].join(',')}}`
}
