// Checks what comes in against the route's schema. Bodies are taken as they are; only text from the
// address, which has no types, is turned into numbers and booleans.

import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Options, ValidateFunction } from 'ajv/dist/2020.js'
import { isLocalDate, isTimeZone, parseInstant } from '#src/kernel/time.ts'
import { allComponents, lowerCaseKeyword } from './schema.ts'

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * An address as in the HTML standard's input type=email, with a domain of at least two labels and a
 * local part of at most 64 characters (RFC 5321, section 4.5.3.1.1).
 */
const email =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/i

/** The formats a schema may name. */
export const formats: Record<string, (text: string) => boolean> = {
  uuid: (text) => uuid.test(text),
  date: isLocalDate,
  'date-time': (text) => parseInstant(text) !== null,
  email: (text) => email.test(text),
  'time-zone': isTimeZone,
  uri: (text) => /^https?:\/\/\S+$/.test(text) && URL.canParse(text),
}

/** Writes text in lower case, for ids: some platforms print theirs in capitals (RFC 9562, section 4). */
function lower(
  _isAsked: boolean,
  text: string,
  _schema: unknown,
  place?: { parentData: Record<string | number, unknown>; parentDataProperty: string | number },
): boolean {
  if (place !== undefined) place.parentData[place.parentDataProperty] = text.toLowerCase()
  return true
}

/**
 * A compiler of request schemas, with its own caches. Unless `allErrors`, a body is read up to its first
 * fault only, which bounds the work on a large one.
 */
export function createValidatorCompiler({ allErrors = true } = {}): (part: {
  schema: object
  httpPart?: string
}) => ValidateFunction {
  const strict = withComponents({ coerceTypes: false, allErrors })
  // Text such as 1e999 becomes Infinity, which only then reaches the checks of minimum and maximum.
  const coercing = withComponents({ coerceTypes: 'array', strictNumbers: false })
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema)
}

function withComponents(options: Options): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    ...options,
    // The messages name what would be right, which they read from the schema.
    verbose: true,
    messages: false,
    removeAdditional: false,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
    allowUnionTypes: true,
    addUsedSchema: false,
    formats,
  })
  ajv.addKeyword({ keyword: lowerCaseKeyword, type: 'string', modifying: true, validate: lower })
  for (const schema of allComponents()) ajv.addSchema(schema)
  return ajv
}
