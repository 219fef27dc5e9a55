import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { Type } from 'typebox'
import type { App } from './server.ts'
import { createTestServer, type TestServer } from './test-server.ts'

let server: TestServer
let origin: string
before(async () => {
  server = await createTestServer()
  origin = await server.app.listen({ port: 0, host: '127.0.0.1' })
})
after(() => server.app.close())

const petUrl = '/api/v1/pets/019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'

async function get(url: string, headers: Record<string, string> = {}) {
  return server.app.inject({ url, headers })
}

test('a route that does not declare its audience, summary, tags or path keeps the server from starting', async () => {
  const schema = { summary: 'A pet', tags: ['pets'] }
  const config = { audience: 'public' as const }
  const wrong: [RegExp, (app: App) => void][] = [
    [/GET \/api\/v1\/a does not declare its audience/, (app) => app.get('/a', { schema }, ok)],
    [/POST \/api\/v1\/a does not declare its audience/, (app) => app.post('/a', ok)],
    [/no summary or no tags/, (app) => app.get('/a', { config }, ok)],
    [
      /no summary or no tags/,
      (app) => app.get('/a', { config, schema: { ...schema, tags: [] } }, ok),
    ],
    [/path parameters/, (app) => app.get('/a/:id', { config, schema }, ok)],
    [/two operations getBroken/, (app) => app.get('/broken/', { config, schema }, ok)],
  ]
  for (const [message, routes] of wrong) await assert.rejects(createTestServer({ routes }), message)
})

async function idOf(id: string) {
  return (await get('/healthz', { 'x-request-id': id })).headers['x-request-id']
}

async function ok(): Promise<string> {
  return 'ok'
}

test('a route answers its audience alone, and says so before it looks at the input', async () => {
  const feed = async (authorization?: string) =>
    server.app.inject({
      method: 'POST',
      url: '/api/v1/pets/no-uuid/feed',
      headers: { 'content-type': 'text/plain', ...(authorization ? { authorization } : {}) },
      payload: '{',
    })
  const stranger = await feed()
  assert.equal(stranger.statusCode, 401)
  assert.equal(stranger.headers['www-authenticate'], 'Bearer')
  assert.equal((await feed('Bearer nonsense')).statusCode, 401)
  assert.equal((await feed('Bearer patient')).statusCode, 403)
  assert.equal((await feed('Bearer doctor')).statusCode, 415)
  assert.equal((await get(petUrl)).statusCode, 401)
  const mine = await get(petUrl, { authorization: 'Bearer patient' })
  assert.equal(mine.json<{ name: string }>().name, 'Anna')
  const head = await server.app.inject({ method: 'HEAD', url: petUrl })
  assert.equal(head.statusCode, 401)
})

test('a token that is no longer valid keeps nobody from what is public', async () => {
  assert.equal((await get('/api/v1/pets', { authorization: 'Bearer old' })).statusCode, 200)
})

test('a field that the response schema does not declare is never sent', async () => {
  const answer = await get('/api/v1/pets')
  assert.deepEqual(answer.json(), {
    items: [{ id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', name: 'Tom' }],
    nextCursor: null,
  })
  assert.ok(!(await get(petUrl, { authorization: 'Bearer admin' })).body.includes('chip'))
})

test('an answer without content has none', async () => {
  const answer = await server.app.inject({ method: 'PUT', url: petUrl })
  assert.equal(answer.statusCode, 204)
  assert.equal(answer.body, '')
  assert.equal(answer.headers['content-type'], undefined)
})

test('a bug is a 500 with a request id and without internals, and is in the log with its stack', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const answer = await get('/api/v1/broken', { 'x-request-id': trace })
  assert.equal(answer.statusCode, 500)
  assert.ok(!answer.body.includes('the bug'))
  assert.equal(answer.json<{ requestId: string }>().requestId, trace)
  const line = server.lines.find((text) => text.includes(trace) && text.includes('"level":50'))
  assert.match(line ?? '', /TypeError: the bug.*test-server\.ts/)
})

test("a refusal's members are part of its problem and cannot replace the standard ones", async () => {
  const answer = await server.app.inject({ method: 'DELETE', url: petUrl })
  const problem = answer.json<Record<string, unknown>>()
  assert.equal(answer.statusCode, 409)
  assert.equal(problem.status, 409)
  assert.equal(problem.state, 'eating')
  assert.equal(problem.detail, 'It is eating.')
})

test('the request id is taken from the caller when it is a UUID or hexadecimal, and else made', async () => {
  for (const id of ['019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8', '0af7651916cd43dd8448eb211c80319c'])
    assert.equal(await idOf(id), id)
  assert.match(String(await idOf('anna.berg')), /^[0-9a-f-]{36}$/)
  assert.match(String(await idOf('a'.repeat(65))), /^[0-9a-f-]{36}$/)
  assert.match(String(await idOf('<script>')), /^[0-9a-f-]{36}$/)
})

test('the log names route, status and duration, and nothing that a person sent', async () => {
  server.lines.length = 0
  const canary = 'canary-7f3a'
  await server.app.inject({
    method: 'POST',
    url: `/api/v1/pets?q=${canary}`,
    headers: { 'content-type': 'application/json', 'user-agent': canary, cookie: canary },
    payload: { name: canary, [canary]: 1 },
  })
  await get(`/api/v1/pets/${canary}`, { authorization: `Bearer ${canary}` })
  await get(`/${canary}?${canary}`)
  await get(`/api/v1/pets/%ff${canary}`)
  const log = server.lines.join('')
  assert.ok(!log.includes(canary), log)
  assert.ok(!log.includes('127.0.0.1'), log)
  const first = JSON.parse(server.lines[0] ?? '{}')
  assert.equal(first.method, 'POST')
  assert.equal(first.route, '/api/v1/pets')
  assert.equal(first.status, 422)
  assert.equal(typeof first.milliseconds, 'number')
  assert.equal(typeof first.requestId, 'string')
})

test('every answer carries the security headers', async () => {
  // The last two are answered before there is a route.
  const urls = ['/api/v1/pets', petUrl, '/nothing', '/healthz', '/openapi.json', '/docs', '/redoc']
  for (const url of [...urls, '/api/v1/pets/%ff', `/api/v1/pets/${'a'.repeat(300)}`]) {
    const { headers } = await get(url)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'self'/)
    assert.match(policy, /frame-ancestors 'none'.*object-src 'none'/)
    assert.match(policy, /base-uri 'none'/)
    assert.ok(!policy.includes('unsafe'))
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.match(String(headers['permissions-policy']), /camera=\(\).*microphone=\(\)/)
    assert.equal(headers['x-powered-by'], undefined)
    assert.equal(headers['server'], undefined)
    assert.equal(headers['strict-transport-security'], undefined)
  }
})

test('browsers are told to use TLS alone when the public address has TLS', async () => {
  const { app } = await createTestServer({ env: { PUBLIC_URL: 'https://visita.example.org' } })
  for (const url of ['/healthz', '/nothing', '/api/v1/pets/%ff']) {
    const { headers } = await app.inject(url)
    assert.equal(headers['strict-transport-security'], 'max-age=31536000; includeSubDomains')
  }
  await app.close()
})

test('what is public may be kept and is asked for again by its ETag; the rest is kept by nobody', async () => {
  const first = await get('/api/v1/pets')
  assert.equal(first.headers['cache-control'], 'no-cache')
  const tag = String(first.headers.etag)
  const again = await get('/api/v1/pets', { 'if-none-match': `"other", W/${tag}` })
  assert.equal(again.statusCode, 304)
  assert.equal(again.body, '')
  assert.equal(again.headers.etag, tag)
  const head = await server.app.inject({ method: 'HEAD', url: '/api/v1/pets' })
  assert.equal(head.headers.etag, tag)
  const personal = await get(petUrl, { authorization: 'Bearer admin', 'if-none-match': '*' })
  assert.equal(personal.statusCode, 200)
  assert.equal(personal.headers['cache-control'], 'no-store')
  assert.equal(personal.headers.etag, undefined)
  assert.equal((await get('/nothing')).headers['cache-control'], 'no-store')
})

test('pages of the configured sites alone may call the API from a browser', async () => {
  const { app } = await createTestServer({ env: { CORS_ORIGINS: 'https://a.example' } })
  const from = async (site: string) =>
    app.inject({ url: '/api/v1/pets', headers: { origin: site } })
  const friend = await from('https://a.example')
  assert.equal(friend.headers['access-control-allow-origin'], 'https://a.example')
  assert.match(String(friend.headers['access-control-expose-headers']), /ETag.*X-Request-Id/)
  for (const site of ['https://b.example', 'https://a.example.evil.example', 'null']) {
    assert.equal((await from(site)).headers['access-control-allow-origin'], undefined)
  }
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: petUrl,
    headers: { origin: 'https://a.example', 'access-control-request-method': 'PATCH' },
  })
  assert.equal(preflight.statusCode, 204)
  assert.match(String(preflight.headers['access-control-allow-methods']), /PATCH/)
  await app.close()
  const none = await get('/api/v1/pets', { origin: 'https://a.example' })
  assert.equal(none.headers['access-control-allow-origin'], undefined)
})

function whoAmIRoute(app: App): void {
  app.get(
    '/whoami',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'Who am I',
        tags: ['pets'],
        response: { 200: Type.Object({ ip: Type.String(), host: Type.String() }) },
      },
    },
    async ({ ip, host }, _reply) => ({ ip, host }),
  )
}

test("forwarding headers count only from a trusted proxy's address", async () => {
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-host': 'evil.example' }
  const seenBy = async (env: Record<string, string>) => {
    const { app } = await createTestServer({ env, routes: whoAmIRoute })
    const answer = await app.inject({ url: '/api/v1/whoami', headers })
    await app.close()
    return answer.json<{ ip: string; host: string }>()
  }
  assert.deepEqual(await seenBy({}), { ip: '127.0.0.1', host: 'localhost:80' })
  assert.equal((await seenBy({ TRUSTED_PROXIES: '10.0.0.0/8' })).ip, '127.0.0.1')
  assert.equal((await seenBy({ TRUSTED_PROXIES: '127.0.0.1' })).ip, '203.0.113.7')
})

test('a body of 1 MB is refused with 413, which its sender gets to read', async () => {
  for (const chunked of [false, true]) {
    const body = chunked
      ? new Blob(['x'.repeat(1024 * 1024)]).stream()
      : JSON.stringify({ name: 'x'.repeat(1024 * 1024) })
    const answer = await fetch(`${origin}/api/v1/pets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    })
    assert.equal(answer.status, 413)
    assert.match(await answer.text(), /\/problems\/body-too-large.*65536/)
  }
})

test('bytes that are no HTTP, and headers without end, get a problem and not silence', async () => {
  const { port } = new URL(origin)
  const send = async (bytes: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(bytes)
    const chunks: Buffer[] = await Array.fromAsync(socket)
    return Buffer.concat(chunks).toString()
  }
  assert.match(await send('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [^]*\/problems\/malformed-request/)
  const large = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
  assert.match(await send(large), /^HTTP\/1\.1 431 [^]*\/problems\/headers-too-large/)
  for (const [head, pattern] of [
    ['GET /healthz HTTP/1.1\r\n', /^HTTP\/1\.1 400 [^]*\/problems\/malformed-request.*Host/],
    ['GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n', /^HTTP\/1\.1 400 [^]*100-continue/],
    ['QUERY /nothing HTTP/1.1\r\nHost: a\r\n', /^HTTP\/1\.1 404 [^]*\/problems\/no-such-path/],
    ['QUERY /api/v1/pets HTTP/1.1\r\nHost: a\r\n', /^HTTP\/1\.1 405 [^]*method-not-allowed/],
    ['GET /docs/static/.. HTTP/1.1\r\nHost: a\r\n', /^HTTP\/1\.1 404 [^]*no-such-path/],
  ] as const)
    assert.match(await send(`${head}Connection: close\r\n\r\n`), pattern)
})
