// Turns what the validator found into sentences that name the field and what would be right.

import type { ErrorObject } from 'ajv'
import type { FieldError } from '#src/kernel/errors.ts'
import { faultsMax, pointerTo } from './json-body.ts'

const places: Record<string, FieldError['in']> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
}

const typeNames: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const formatNames: Record<string, string> = {
  uuid: 'a UUID',
  date: 'a date that exists, such as 2026-11-24',
  'date-time': 'an instant with its offset, such as 2026-11-24T10:40:00+01:00',
  email: 'an e-mail address, such as anna.berg@example.org',
  'time-zone': 'an IANA time zone, such as Europe/Paris',
  uri: 'a web address, such as https://example.org/',
}

/** How many of the validator's errors are read; an alternative makes several of one fault. */
const errorsMax = 200

/** The fields that are wrong. `httpPart` is the validator's name for where they are. */
export function toFieldErrors(errors: readonly ErrorObject[], httpPart: string): FieldError[] {
  const place = places[httpPart] ?? 'body'
  const found = new Map<string, FieldError>()
  for (const error of withoutEchoes(errors.slice(0, errorsMax))) {
    const pointer = pointerOf(error)
    const detail = `${subjectOf(place, pointer)} ${requirementOf(error, place)}.`
    found.set(detail, { in: place, pointer, detail })
  }
  return [...found.values()].slice(0, faultsMax)
}

/**
 * An alternative that failed reports the failure of each branch besides its own. Of "this or null"
 * the branch tells more, of other alternatives the whole does.
 */
function withoutEchoes(errors: readonly ErrorObject[]): ErrorObject[] {
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  const opaque = alternatives.filter((error) => !allowsNull(error))
  return errors.filter((error) => {
    if (alternatives.includes(error)) return opaque.includes(error)
    if (error.keyword === 'if') return false
    if (error.keyword === 'type' && error.params.type === 'null') return false
    return !opaque.some(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/`))
  })
}

function allowsNull(error: ErrorObject): boolean {
  return (
    Array.isArray(error.schema) &&
    error.schema.some((branch: unknown) => JSON.stringify(branch) === '{"type":"null"}')
  )
}

function pointerOf(error: ErrorObject): string {
  const { missingProperty, additionalProperty } = error.params
  const field: unknown = missingProperty ?? additionalProperty
  if (typeof field !== 'string') return error.instancePath
  return `${error.instancePath}${pointerTo([field])}`
}

function subjectOf(place: FieldError['in'], pointer: string): string {
  if (place === 'body') return pointer === '' ? 'The body' : pointer
  return pointer.slice(1)
}

function requirementOf(error: ErrorObject, place: FieldError['in']): string {
  const { params, parentSchema } = error
  switch (error.keyword) {
    case 'required':
      return 'is required'
    case 'dependentRequired':
      return `is needed together with ${params.property}`
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `is not a ${place === 'body' ? 'field' : 'parameter'} here; ${knownFields(parentSchema)}`
    case 'type':
      return `must be ${typeName(params.type)}`
    case 'format':
      return `must be ${formatName(String(params.format), place)}`
    case 'enum':
      return `must be one of: ${listOf(params.allowedValues)}`
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`
    case 'pattern':
      return patternRequirement(parentSchema)
    case 'minLength':
      return params.limit === 1
        ? 'must not be empty'
        : `must have ${params.limit} characters or more`
    case 'maxLength':
      return `must have ${params.limit} characters or fewer`
    case 'minimum':
      return `must be ${params.limit} or more`
    case 'maximum':
      return `must be ${params.limit} or less`
    case 'exclusiveMinimum':
      return `must be more than ${params.limit}`
    case 'exclusiveMaximum':
      return `must be less than ${params.limit}`
    case 'multipleOf':
      return `must be a multiple of ${params.multipleOf}`
    case 'minItems':
      return params.limit === 1 ? 'must not be empty' : `must have ${params.limit} items or more`
    case 'maxItems':
      return `must have ${params.limit} items or fewer`
    case 'uniqueItems':
      return 'must not hold the same item twice'
    case 'minProperties':
      return params.limit === 1
        ? `must have a field; ${knownFields(parentSchema)}`
        : `must have ${params.limit} fields or more`
    default:
      return 'has none of the forms that are possible here'
  }
}

function knownFields(schema: ErrorObject['parentSchema']): string {
  const names = Object.keys(schema?.properties ?? {})
  return names.length === 0 ? 'there are none' : `known are: ${names.join(', ')}`
}

function typeName(type: unknown): string {
  const types: unknown[] = Array.isArray(type) ? type : [type]
  return types.map((name) => typeNames[String(name)] ?? String(name)).join(' or ')
}

function formatName(format: string, place: FieldError['in']): string {
  const name = formatNames[format] ?? format
  const isOfAddress = format === 'date-time' && place === 'query'
  return isOfAddress ? `${name} (in an address "+" is written %2B)` : name
}

function patternRequirement(schema: ErrorObject['parentSchema']): string {
  if (schema?.pattern === '\\S') return 'must not be blank'
  const examples: unknown = schema?.examples
  if (!Array.isArray(examples) || examples.length === 0) return 'is not written as it must be'
  return `is not written as it must be, for example ${JSON.stringify(examples[0])}`
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map(String).join(', ') : String(values)
}
