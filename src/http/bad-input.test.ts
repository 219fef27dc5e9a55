import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import type { FieldError } from '#src/kernel/errors.ts'
import { createTestServer, type TestServer } from './test-server.ts'

let server: TestServer
before(async () => {
  server = await createTestServer()
})
after(() => server.app.close())

const json = { 'content-type': 'application/json' }

async function post(options: { body: string | Buffer; headers?: object; path?: string }) {
  const { body, headers = json, path = '/pets' } = options
  return server.app.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    headers: { ...headers },
    payload: body,
  })
}

async function list(query: string) {
  return server.app.inject(`/api/v1/pets?${query}`)
}

type Answer = Awaited<ReturnType<typeof post>>

function assertProblem(answer: Answer, status: number, code: string): Record<string, unknown> {
  assert.equal(answer.statusCode, status, answer.body)
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
  assert.equal(answer.headers['cache-control'], 'no-store')
  const problem = answer.json<Record<string, unknown>>()
  assert.equal(problem.type, `/problems/${code}`)
  assert.equal(problem.status, status)
  assert.equal(problem.requestId, answer.headers['x-request-id'])
  return problem
}

function assertInvalid(answer: Answer, expected: Record<string, RegExp>): void {
  const { errors } = assertProblem(answer, 422, 'invalid-request')
  assert.ok(Array.isArray(errors))
  const found = new Map(errors.map((error: FieldError) => [error.pointer, error]))
  assert.deepEqual([...found.keys()].toSorted(), Object.keys(expected).toSorted(), answer.body)
  for (const [pointer, pattern] of Object.entries(expected)) {
    assert.match(found.get(pointer)?.detail ?? '', pattern)
  }
}

const invalidBodies: [string, unknown, Record<string, RegExp>][] = [
  ['a missing field', {}, { '/name': /^\/name is required\.$/ }],
  ['a number for text', { name: 5 }, { '/name': /^\/name must be text\.$/ }],
  ['null for text', { name: null }, { '/name': /must be text/ }],
  ['text for a number', { name: 'Tom', legs: '4' }, { '/legs': /must be a whole number/ }],
  ['a fraction', { name: 'Tom', legs: 1.5 }, { '/legs': /must be a whole number/ }],
  ['text for a boolean', { name: 'Tom', isTame: 'true' }, { '/isTame': /must be true or false/ }],
  ['too many legs', { name: 'Tom', legs: 101 }, { '/legs': /must be 100 or less/ }],
  ['empty text', { name: '' }, { '/name': /must not be empty|is not written/ }],
  ['blank text', { name: 'Tom', notes: ' ' }, { '/notes': /must not be blank/ }],
  ['long text', { name: 'T'.repeat(121) }, { '/name': /must have 120 characters or fewer/ }],
  ['a control character', { name: 'Tom\n' }, { '/name': /for example "Anna Berg"/ }],
  ['a date that does not exist', { name: 'Tom', bornOn: '2026-02-29' }, { '/bornOn': /exists/ }],
  ['an instant for a date', { name: 'Tom', bornOn: '2026-02-28T00:00Z' }, { '/bornOn': /date/ }],
  [
    'an instant with no offset',
    { name: 'T', fedAt: '2026-02-28T10:00:00' },
    { '/fedAt': /offset/ },
  ],
  ['an instant that is not', { name: 'T', fedAt: '2026-02-30T10:00:00Z' }, { '/fedAt': /instant/ }],
  ['a wall time that is not', { name: 'Tom', walkFrom: '24:30' }, { '/walkFrom': /"09:30"/ }],
  ['an unknown time zone', { name: 'T', timeZone: 'Europe/Pari' }, { '/timeZone': /time zone/ }],
  ['letters in a telephone number', { name: 'Tom', phone: 'call me' }, { '/phone': /\+33/ }],
  ['an unknown choice', { name: 'Tom', kind: 'cow' }, { '/kind': /must be one of: cat, dog/ }],
  ['too many items', { name: 'T', tags: ['a', 'b', 'c', 'd'] }, { '/tags': /3 items or fewer/ }],
  ['an item twice', { name: 'Tom', tags: ['a', 'a'] }, { '/tags': /same item twice/ }],
  ['an item of a wrong type', { name: 'Tom', tags: ['a', 1] }, { '/tags/1': /must be text/ }],
  ['no object', [], { '': /^The body must be an object/ }],
  ['null', null, { '': /^The body must be an object/ }],
  [
    'an unknown field',
    { name: 'Tom', id: 1 },
    { '/id': /not a field here; known are: name, bornOn/ },
  ],
  [
    'an unknown field deep inside',
    { name: 'Tom', owner: { email: 'a@b.example', pet: null, 'is/admin': true } },
    { '/owner/is~1admin': /known are: email, pet/ },
  ],
  [
    'a bad field of something that may be null',
    { name: 'Tom', owner: { email: 'a@b', pet: { id: 'x', name: 'Tim' } } },
    { '/owner/email': /must be an e-mail address/, '/owner/pet/id': /must be a UUID/ },
  ],
  [
    'several faults, all named',
    { nam: 'Tom', legs: 'four', kind: 1 },
    { '/name': /required/, '/nam': /not a field/, '/legs': /number/, '/kind': /one of/ },
  ],
]

for (const [what, body, expected] of invalidBodies) {
  test(`${what} in the body is refused by name`, async () => {
    assertInvalid(await post({ body: JSON.stringify(body) }), expected)
  })
}

test('e-mail addresses that are none are refused', async () => {
  for (const email of [
    '',
    'a',
    'a@b',
    'a b@c.example',
    'a@b..example',
    'a@-b.example',
    'a\r\n@b.c',
  ]) {
    const body = JSON.stringify({ name: 'Tom', owner: { email, pet: null } })
    assertInvalid(await post({ body }), { '/owner/email': /e-mail/ })
  }
})

test('an identifier is a plain UUID', async () => {
  for (const id of ['1', 'urn:uuid:019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', '{019a9b5e}']) {
    const answer = await server.app.inject({ method: 'DELETE', url: `/api/v1/pets/${id}` })
    assertInvalid(answer, { '/id': /^id must be a UUID\.$/ })
  }
})

test('a body that is no JSON is malformed', async () => {
  for (const body of ['{', '{"name": "Tom",}', 'name=Tom', Buffer.from([0x7b, 0xff])]) {
    assertProblem(await post({ body }), 400, 'malformed-request')
  }
})

test('invalid UTF-8, repeated keys, NUL, half surrogates and __proto__ are refused', async () => {
  const invalidUtf8 = Buffer.concat([
    Buffer.from('{"name": "'),
    Buffer.from([0xc3, 0x28, 0x22, 0x7d]),
  ])
  assertProblem(await post({ body: invalidUtf8 }), 400, 'malformed-request')
  assertInvalid(await post({ body: '{"name": "A", "name": "B"}' }), { '/name': /more than once/ })
  assertInvalid(await post({ body: '{"name": "A\\u0000"}' }), { '/name': /NUL/ })
  assertInvalid(await post({ body: '{"name": "A\\ud800"}' }), { '/name': /surrogate/ })
  assertInvalid(await post({ body: '{"__proto__": {}, "name": "A"}' }), {
    '/__proto__': /not a field/,
  })
})

test('a missing body is refused where one is needed and stands for {} where all is optional', async () => {
  for (const headers of [{}, json]) {
    assertInvalid(await post({ body: '', headers }), { '': /^The body is required\.$/ })
    const feed = '/pets/019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17/feed'
    const signedIn = { ...headers, authorization: 'Bearer admin' }
    const answer = await post({ body: '', path: feed, headers: signedIn })
    assert.equal(answer.statusCode, 200, answer.body)
  }
})

test('a body for a route that takes none is refused, but {} is not', async () => {
  const url = '/api/v1/pets/019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'
  const extra = await server.app.inject({
    method: 'DELETE',
    url,
    headers: json,
    payload: '{"a": 1}',
  })
  assertInvalid(extra, { '/a': /not a field here; there are none/ })
  const empty = await server.app.inject({ method: 'DELETE', url, headers: json, payload: '{}' })
  assertProblem(empty, 409, 'wrong-state')
})

test('a body is taken in the declared media type alone, however the header is written', async () => {
  const body = JSON.stringify({ name: 5 })
  for (const type of [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json\t; a=b',
  ]) {
    assertInvalid(await post({ body, headers: { 'content-type': type } }), { '/name': /text/ })
  }
  for (const type of [
    'text/plain',
    'text/calendar',
    'application/x-www-form-urlencoded',
    'application/json\tfoo',
    'application/json, text/plain',
    'application/jsonx',
    'application',
    ';',
    '\t',
    '',
  ]) {
    const answer = await post({ body, headers: { 'content-type': type } })
    assertProblem(answer, 415, 'unsupported-media-type')
  }
})

test('a body without a content type is refused', async () => {
  const answer = await post({ body: Buffer.from('{"name": "Tom"}'), headers: {} })
  assertProblem(answer, 415, 'unsupported-media-type')
})

test('a calendar is taken as text where a route declares it', async () => {
  const headers = { 'content-type': 'text/calendar; charset=utf-8' }
  const path = '/pets/import'
  const taken = await post({ path, headers, body: 'BEGIN:VCALENDAR é' })
  assert.deepEqual(taken.json(), { characters: 17 })
  const large = await post({ path, headers, body: 'x'.repeat(200_000) })
  assert.deepEqual(large.json(), { characters: 200_000 })
  assertInvalid(await post({ path, headers, body: 'a\0b' }), { '': /NUL/ })
  const invalid = await post({ path, headers, body: Buffer.from([0xff]) })
  assertProblem(invalid, 400, 'malformed-request')
  assertProblem(await post({ path, body: '"x"' }), 415, 'unsupported-media-type')
})

test('query parameters are converted, and wrong or unknown ones refused by name', async () => {
  const fine = await list(
    'limit=5&isTame=true&bornOn=2024-02-29&kind=cat&fedAt=2026-01-01T10:00:00Z',
  )
  assert.equal(fine.statusCode, 200, fine.body)
  assert.deepEqual(JSON.parse(String(fine.headers['x-query'])), {
    limit: 5,
    isTame: true,
    bornOn: '2024-02-29',
    kind: ['cat'],
    fedAt: '2026-01-01T10:00:00Z',
  })
  assertInvalid(await list('limit=0'), { '/limit': /^limit must be 1 or more\.$/ })
  assertInvalid(await list('limit=101'), { '/limit': /100 or less/ })
  assertInvalid(await list('limit=1e999'), { '/limit': /100 or less/ })
  assertInvalid(await list('limit=-1e999'), { '/limit': /1 or more/ })
  assertInvalid(await list('limit=ten'), { '/limit': /whole number/ })
  assertInvalid(await list('limit='), { '/limit': /whole number/ })
  assertInvalid(await list('limit=1&limit=2'), { '/limit': /whole number/ })
  assertInvalid(await list('isTame=yes'), { '/isTame': /true or false/ })
  assertInvalid(await list('bornOn=2026-02-29'), { '/bornOn': /date that exists/ })
  assertInvalid(await list('fedAt=2026-01-01T10:00:00+01:00'), { '/fedAt': /%2B/ })
  assertInvalid(await list('lmit=5'), { '/lmit': /not a parameter here; known are: limit/ })
  assertInvalid(await list('kind=a%00b'), { '/kind': /NUL/ })
  assertInvalid(await list('a%00b=1'), { '/ab': /NUL/ })
  assertInvalid(await list('__proto__=1'), { '/__proto__': /not a parameter/ })
})

test('a path that is not UTF-8, holds NUL, or is too long is refused', async () => {
  for (const id of ['%ff', '%zz', '%c3%28']) {
    assertProblem(await server.app.inject(`/api/v1/pets/${id}`), 400, 'malformed-request')
  }
  const nul = await server.app.inject({ method: 'DELETE', url: '/api/v1/pets/a%00b' })
  assertInvalid(nul, { '/id': /NUL/ })
  const long = await server.app.inject({ method: 'DELETE', url: `/api/v1/pets/${'a'.repeat(300)}` })
  assertProblem(long, 414, 'address-too-long')
  assert.equal(long.headers['x-frame-options'], 'DENY')
  assert.match(String(long.headers['content-security-policy']), /default-src 'self'/)
})

test('an unknown path is not found and a known one names its methods', async () => {
  for (const url of ['/nothing', '/api/v1', '/api/v1/petss', '//api/v1/pets']) {
    assertProblem(await server.app.inject(url), 404, 'no-such-path')
  }
  const answer = await server.app.inject({ method: 'DELETE', url: '/api/v1/pets' })
  assertProblem(answer, 405, 'method-not-allowed')
  assert.equal(answer.headers.allow, 'GET, POST, PUT, HEAD, OPTIONS')
  const options = await server.app.inject({ method: 'OPTIONS', url: '/api/v1/pets' })
  assert.equal(options.statusCode, 204)
  assert.equal(options.headers.allow, 'GET, POST, PUT, HEAD, OPTIONS')
})

test('an unknown path or method is refused before its body is read', async () => {
  const payload = '{'
  const path = await post({ body: payload, path: '/nothing' })
  assertProblem(path, 404, 'no-such-path')
  const patch = { method: 'PATCH', url: '/api/v1/pets', headers: json, payload } as const
  assertProblem(await server.app.inject(patch), 405, 'method-not-allowed')
})

test('a path below /docs that is no file is not found', async () => {
  for (const name of ['%5c', 'a%00', 'a'.repeat(300), 'a%2f..%2f..', '.env', 'nothing.js'])
    assertProblem(await server.app.inject(`/docs/static/${name}`), 404, 'no-such-path')
  assertProblem(await server.app.inject('/docs/yaml'), 404, 'no-such-path')
})

test('of a large body only the first fault is looked for', async () => {
  const started = process.cpuUsage()
  const answer = await server.app.inject({
    method: 'PUT',
    url: '/api/v1/pets',
    headers: json,
    payload: `{"pets": [${Array(340_000).fill('{}').join()}]}`,
  })
  assertInvalid(answer, { '/pets/0/name': /required/ })
  const { user, system } = process.cpuUsage(started)
  assert.ok(user + system < 1_500_000, `${user + system} microseconds`)
})

test('a refusal stays small whatever was sent', async () => {
  const key = 'k'.repeat(2000)
  const twice = `{${Array(40).fill('"a": 1').join()}}`
  const deep = `${`{"${key}": `.repeat(30)}${twice}${'}'.repeat(30)}`
  const unknown = JSON.stringify({
    name: 'Tom',
    ...Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`${index}${key.slice(500)}`, 1]),
    ),
  })
  for (const body of [deep, unknown]) {
    const answer = await post({ body })
    const { errors } = assertProblem(answer, 422, 'invalid-request')
    assert.ok(Array.isArray(errors) && errors.length === 20)
    assert.ok(answer.body.length < 32_000, String(answer.body.length))
  }
  const query = await list(Array.from({ length: 500 }, (_, index) => `a${index}=%00`).join('&'))
  assert.equal((assertProblem(query, 422, 'invalid-request').errors as unknown[]).length, 20)
})
