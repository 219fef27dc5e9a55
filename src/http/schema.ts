// The vocabulary of route schemas: named components, references to them that keep their types, and
// the field types that every module shares.

import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'

const components = new Map<string, TSchema>()

/**
 * Registers a schema under a name, which is its name in openapi.json, and returns it. Objects in it
 * that do not say otherwise take no further fields. Throws when the name is taken.
 */
export function component<Schema extends TSchema>(name: string, schema: Schema): Schema {
  if (components.has(name)) throw new Error(`There are two components named ${name}.`)
  const named = closed(schema)
  Object.assign(named, { $id: name })
  components.set(name, named)
  return named
}

/** Every component that has been registered, for the server to add. */
export function allComponents(): readonly TSchema[] {
  return [...components.values()]
}

/** The component of that name, or undefined. */
export function findComponent(name: string): TSchema | undefined {
  return components.get(name)
}

/** A reference to a component, with the component's type. */
export function ref<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema>> {
  const name = '$id' in schema ? schema.$id : undefined
  if (typeof name !== 'string') throw new Error('Only a component can be referred to.')
  return Type.Unsafe<Static<Schema>>({ $ref: `${name}#` })
}

/** The schema's values, or null. */
export function nullable<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema> | null> {
  const plain: Record<string, unknown> = Object.fromEntries(
    Object.entries('$id' in schema ? ref(schema) : schema),
  )
  if (typeof plain.type === 'string') {
    const values = Array.isArray(plain.enum) ? { enum: [...plain.enum, null] } : {}
    return Type.Unsafe({ ...plain, type: [plain.type, 'null'], ...values })
  }
  if (Array.isArray(plain.enum)) return Type.Unsafe({ ...plain, enum: [...plain.enum, null] })
  return Type.Unsafe({ anyOf: [plain, { type: 'null' }] })
}

/**
 * The schema with `additionalProperties: false` on each object in it that says nothing about further
 * fields. The members of allOf are left alone, since each of them sees the other's fields.
 */
export function closed<Schema extends TSchema>(schema: Schema): Schema {
  close(schema)
  return schema
}

function close(schema: unknown): void {
  if (Array.isArray(schema)) {
    for (const member of schema) close(member)
    return
  }
  if (!isObject(schema)) return
  if (isOpenObject(schema)) schema.additionalProperties = false
  if (isObject(schema.properties))
    for (const field of Object.values(schema.properties)) close(field)
  for (const keyword of ['items', 'prefixItems', 'anyOf', 'oneOf']) close(schema[keyword])
}

function isOpenObject(node: Record<string, unknown>): boolean {
  return isObject(node.properties) && !Object.hasOwn(node, 'additionalProperties')
}

/** Whether the value is an object or a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The keyword that makes text arrive in lower case. */
export const lowerCaseKeyword = 'x-lower-case'

/** The identifier of anything: a UUID, which arrives in lower case however it was written. */
export const Id = Type.String({
  format: 'uuid',
  description: 'A UUID as this API gives it.',
  [lowerCaseKeyword]: true,
  examples: ['019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'],
})

/** An instant inside a cursor, in milliseconds: one of the years 0001 to 9999. */
export const InstantPosition = Type.Integer({
  minimum: -62_135_596_800_000,
  maximum: 253_402_300_799_999,
})

/** An instant as RFC 3339 text with an offset. */
export const InstantText = Type.String({
  format: 'date-time',
  examples: ['2026-11-24T10:40:00+01:00'],
})

/** A date of the calendar, 'YYYY-MM-DD', that exists. */
export const LocalDateText = Type.String({ format: 'date', examples: ['2026-11-24'] })

/** A wall time of a day, 'HH:MM', where 24:00 is the day's end. */
export const MinuteText = Type.String({
  pattern: '^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$',
  examples: ['09:30'],
})

/** An e-mail address of at most 254 characters. */
export const Email = Type.String({
  format: 'email',
  maxLength: 254,
  examples: ['anna.berg@example.org'],
})

/** A telephone number as people write it. */
export const PhoneText = Type.String({
  pattern: '^\\+?[0-9(][0-9 ()./-]{3,30}$',
  examples: ['+33 1 42 68 53 00'],
})

/** A name of a person: one line, at least one visible character. */
export const PersonName = Type.String({
  minLength: 1,
  maxLength: 120,
  pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$',
  examples: ['Anna Berg'],
})

/** An IANA time zone that this server knows. */
export const TimeZoneText = Type.String({
  format: 'time-zone',
  maxLength: 64,
  examples: ['Europe/Paris'],
})

/** Text for people, of one or more lines, with at least one visible character. Length in characters. */
export function Text(
  lengthMax: number,
  options: { examples?: string[]; description?: string } = {},
) {
  return Type.String({ minLength: 1, maxLength: lengthMax, pattern: '\\S', ...options })
}

/** The answer of status 204: `reply.code(204).send(null)`. */
export const NoContent = Type.Null({ description: 'Done.' })

/** One page of a list. `nextCursor` is null on the last page. */
export function Page<Schema extends TSchema>(itemSchema: Schema) {
  const example = exampleOf(itemSchema)
  return Type.Object(
    { items: Type.Array(itemSchema), nextCursor: nullable(Type.String()) },
    {
      additionalProperties: false,
      ...(example === undefined ? {} : { examples: [{ items: [example], nextCursor: null }] }),
    },
  )
}

/** The first example of a schema, or of the component that it refers to. */
function exampleOf(schema: TSchema): unknown {
  const name = '$ref' in schema ? String(schema.$ref).replace(/#$/, '') : ''
  const { examples } = (components.get(name) ?? schema) as { examples?: unknown[] }
  return examples?.[0]
}

/** The query fields of every list, to be spread into its query: `Type.Object({ ...PageQuery, … })`. */
export const PageQuery = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 20,
      description: 'How many to answer with at most.',
      examples: [20],
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 1000,
      description: 'The `nextCursor` of the page before.',
      examples: ['eyJpZCI6IjAxOWE5YjVlLTRjNTItN2QxYyJ9'],
    }),
  ),
}
