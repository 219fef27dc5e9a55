// Whether an answer is one that openapi.json describes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { formats } from '#src/http/validation.ts'

type Json = Record<string, unknown>

const file = new URL('../../openapi.json', import.meta.url)
const document: Json = JSON.parse(readFileSync(file, 'utf8'))
const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false, formats })
ajv.addSchema(document, 'openapi.json')
const compiled = new Map<string, ValidateFunction>()

/** What stands at a place in openapi.json, with references followed; undefined for nothing. */
export function described(...path: string[]): { value: unknown; pointer: string } {
  let value: unknown = document
  let pointer = '#'
  for (const name of path) {
    value = isJson(value) ? value[name] : undefined
    pointer += `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    while (isJson(value) && typeof value['$ref'] === 'string') {
      const reference: string = value['$ref']
      return described(...reference.slice(2).split('/'), ...path.slice(path.indexOf(name) + 1))
    }
  }
  return { value, pointer }
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Every operation as 'GET /path/{id}'. */
export function describedOperations(): string[] {
  return Object.entries(document['paths'] as Record<string, Json>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

/** Fails unless openapi.json describes such an answer of the operation ('GET /path/{id}'). */
export function assertDescribed(
  operation: string,
  answer: { statusCode: number; headers: Record<string, unknown>; body: string },
): void {
  const [method = '', path = ''] = operation.split(' ')
  const where = ['paths', path, method.toLowerCase(), 'responses', String(answer.statusCode)]
  const { value } = described(...where)
  const what = `${operation} → ${answer.statusCode}: ${answer.body.slice(0, 300)}`
  assert.ok(isJson(value), `openapi.json has no such answer: ${what}`)
  for (const name of Object.keys(isJson(value['headers']) ? value['headers'] : {}))
    assert.ok(
      // The address of what is left, when something is.
      name === 'Link' || name.toLowerCase() in answer.headers,
      `openapi.json promises ${name}: ${what}`,
    )
  if (!isJson(value['content'])) {
    assert.equal(answer.body, '', `openapi.json describes an empty answer: ${what}`)
    return
  }
  const type = String(answer.headers['content-type']).split(';', 1)[0]!
  const { value: schema, pointer } = described(...where, 'content', type, 'schema')
  assert.ok(isJson(schema), `openapi.json has no such content type: ${type}, ${what}`)
  if (!type.endsWith('json')) return
  let validate = compiled.get(pointer)
  if (!validate) {
    validate = ajv.compile({ $ref: `openapi.json${encodeURI(pointer)}` })
    compiled.set(pointer, validate)
  }
  const isValid = validate(JSON.parse(answer.body))
  assert.ok(isValid, `${what}\n${JSON.stringify(validate.errors, null, 1)}`)
}
