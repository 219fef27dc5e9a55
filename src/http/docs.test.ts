import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Validator } from '@seriousme/openapi-schema-validator'
import { createTestServer, type TestServer } from './test-server.ts'

let server: TestServer
before(async () => {
  server = await createTestServer()
})
after(() => server.app.close())

type Json = Record<string, unknown>

async function readDocument(): Promise<Json> {
  return (await server.app.inject('/openapi.json')).json()
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (node, name) =>
      typeof node === 'object' && node !== null ? Reflect.get(node, name) : undefined,
    value,
  )
}

test('openapi.json is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const result = await validator.validate(await readDocument())
  assert.deepEqual(result.errors ?? [], [])
  assert.equal(result.valid, true)
  assert.equal(validator.version, '3.1')
})

test('every operation has a name of its own, a summary, a known tag and its error answers', async () => {
  const document = await readDocument()
  const tags = at(document, 'tags')
  assert.ok(Array.isArray(tags))
  const known = new Set(tags.map((tag: Json) => tag.name))
  const names = new Set<unknown>()
  for (const [path, operations] of Object.entries(at(document, 'paths') ?? {})) {
    for (const [method, operation] of Object.entries<Json>(operations)) {
      const what = `${method} ${path}`
      assert.match(String(operation.operationId), /^[a-z][A-Za-z0-9]+$/, what)
      assert.ok(!names.has(operation.operationId), what)
      names.add(operation.operationId)
      assert.ok(operation.summary, what)
      assert.ok(
        Array.isArray(operation.tags) && operation.tags.every((tag) => known.has(tag)),
        what,
      )
      assert.ok(Array.isArray(operation.security), what)
      assert.ok(at(operation, 'responses', '500') && at(operation, 'responses', '503'), what)
    }
  }
  assert.ok(names.has('listPets') && names.has('createPet') && names.has('feedPet'))
})

test('the error answers follow from what the route declares', async () => {
  const document = await readDocument()
  const statuses = (path: string, method: string) =>
    Object.keys(at(document, 'paths', path, method, 'responses') ?? {})
  assert.deepEqual(statuses('/api/v1/pets', 'get'), ['200', '304', '422', '429', '500', '503'])
  assert.deepEqual(statuses('/api/v1/pets', 'post'), [
    '201',
    '400',
    '409',
    '413',
    '415',
    '422',
    '429',
    '500',
    '503',
  ])
  assert.deepEqual(statuses('/api/v1/pets/{id}/feed', 'post'), [
    '200',
    '400',
    '401',
    '403',
    '404',
    '413',
    '414',
    '415',
    '422',
    '429',
    '500',
    '503',
  ])
  assert.deepEqual(statuses('/api/v1/pets/{id}', 'delete'), [
    '204',
    '400',
    '404',
    '409',
    '413',
    '414',
    '415',
    '422',
    '429',
    '500',
    '503',
  ])
  const conflict = at(document, 'components', 'responses', 'ConflictOrSlotTaken')
  const example = at(conflict, 'content', 'application/problem+json', 'examples', 'slot-taken')
  assert.equal(at(example, 'value', 'type'), '/problems/slot-taken')
  assert.deepEqual(at(document, 'paths', '/api/v1/pets', 'get', 'security'), [])
  const feed = at(document, 'paths', '/api/v1/pets/{id}/feed', 'post')
  assert.deepEqual(at(feed, 'security'), [{ bearerAuth: [] }])
  assert.equal(at(feed, 'requestBody', 'required'), false)
})

test('components are referred to by their names', async () => {
  const document = await readDocument()
  const created = at(document, 'paths', '/api/v1/pets', 'post', 'responses', '201')
  const schema = at(created, 'content', 'application/json', 'schema')
  assert.deepEqual(schema, { $ref: '#/components/schemas/Pet' })
  assert.ok(at(document, 'components', 'schemas', 'Owner'))
})

test('/docs and /redoc load everything from this server, with no inline script', async () => {
  for (const start of ['/docs', '/docs/', '/redoc']) {
    const page = await server.app.inject(start)
    assert.equal(page.statusCode, 200)
    assert.match(String(page.headers['content-type']), /^text\/html/)
    const policy = String(page.headers['content-security-policy'])
    assert.match(policy, /script-src 'self';/)
    assert.ok(!policy.includes('unsafe-'), policy)
    assert.ok(!/<script(?![^>]*\ssrc=)|\sstyle=|<style/.test(page.body))
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link)
    assert.ok(links.length >= 3)
    for (const link of links.filter((address) => !address.startsWith('data:'))) {
      const url = new URL(link, `http://localhost${start}`)
      assert.equal(url.host, 'localhost')
      const asset = await server.app.inject(url.pathname)
      assert.equal(asset.statusCode, 200, link)
      assert.ok(asset.body.length > 0, link)
    }
  }
})

test('Redoc asks no other server for its logo', async () => {
  const bundle = await server.app.inject('/redoc/redoc.js')
  assert.match(bundle.body, /"redocly logo"/)
  assert.ok(!bundle.body.includes('cdn.redoc.ly'))
})

test('every problem type has a page that says what to do', async () => {
  const page = await server.app.inject('/problems/slot-taken')
  assert.equal(page.statusCode, 200)
  assert.equal(page.json<Json>().status, 409)
  assert.ok(page.json<Json>().advice)
  assert.equal((await server.app.inject('/problems/constructor')).statusCode, 404)
})
