// Fields that nobody offered: a body with one more than the operation takes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { makeScene, operations, requestOf, sendRequest } from '../support/operations.ts'
import { testVisita } from '../support/visita.ts'

const { app, runtime } = await testVisita()

const document = JSON.parse(readFileSync('openapi.json', 'utf8'))

/** What would give someone more than is theirs, if it were taken over into a row. */
const wishes: Record<string, unknown> = {
  role: 'admin',
  id: '01900000-0000-7000-8000-000000000000',
  accountId: '01900000-0000-7000-8000-000000000000',
  patientId: '01900000-0000-7000-8000-000000000000',
  doctorId: '01900000-0000-7000-8000-000000000000',
  clinicId: '01900000-0000-7000-8000-000000000000',
  clinicIds: ['01900000-0000-7000-8000-000000000000'],
  status: 'active',
  scope: 'manage',
  version: 7,
  emailVerified: true,
  isAdmin: true,
  createdAt: '2026-01-01T00:00:00Z',
}

/** The fields of the JSON body; null where there is none. */
function fieldsOf(operation: string): Set<string> | null {
  const [method = '', path = ''] = operation.split(' ')
  const content = document.paths[path]?.[method.toLowerCase()]?.requestBody?.content
  const schema = content?.['application/json']?.schema
  if (schema === undefined) return null
  return new Set(propertiesOf(schema))
}

function propertiesOf(schema: Record<string, unknown>): string[] {
  const { $ref: reference, properties, anyOf, oneOf, allOf } = schema
  const parts = [anyOf, oneOf, allOf].flatMap((some) => (Array.isArray(some) ? some : []))
  const named =
    typeof reference === 'string'
      ? propertiesOf(document.components.schemas[reference.split('/').at(-1)!])
      : []
  return [...named, ...Object.keys(properties ?? {}), ...parts.flatMap(propertiesOf)]
}

test('a field that an operation does not take is refused by its name, and changes nothing', async () => {
  const scene = await makeScene(app, runtime)
  for (const [operation, { by }] of Object.entries(operations)) {
    const fields = fieldsOf(operation)
    if (fields === null) continue
    for (const [field, value] of Object.entries(wishes)) {
      if (fields.has(field)) continue
      const request = await requestOf(operation, scene)
      const body = { ...(request.body as object | undefined), [field]: value }
      const answer = await sendRequest(app, { ...request, body }, scene.as[by])
      assert.equal(answer.statusCode, 422, `${operation} with ${field}: ${answer.body}`)
      const pointers = answer.json().errors.map(({ pointer }: { pointer: string }) => pointer)
      assert.deepEqual(pointers, [`/${field}`], operation)
    }
  }
})
