// Requests that are bent out of shape on a real connection: what a path, a header or a body can be made to
// mean by one reader and not by another. Wrong bodies and media types of every operation are tested in
// test/bad-input.test.ts, JSON that two readers could understand differently in src/http.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { createApp } from '#src/app.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'
import { contentOf } from '../support/database-content.ts'
import { call, signInAs } from '../support/network.ts'
import { makeScene, operations, requestOf, sendRequest } from '../support/operations.ts'
import { testVisita } from '../support/visita.ts'

const { runtime, app: plainApp, logged } = await testVisita()

let app: App
let port: number
before(async () => {
  const config = {
    ...runtime.config,
    corsOrigins: ['https://app.example'],
    publicUrl: 'https://visita.example',
  }
  app = await createApp({ ...runtime, config })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
after(() => app.close())

interface RawAnswer {
  status: number
  head: string
  body: string
}

/** Sends the bytes and reads until the server closes. */
async function send(bytes: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes, 'latin1')
  const chunks: Buffer[] = await Array.fromAsync(socket)
  const text = Buffer.concat(chunks).toString()
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { status: Number(head.slice(9, 12)), head, body }
}

function get(target: string, headers = ''): Promise<RawAnswer> {
  return send(`GET ${target} HTTP/1.1\r\nHost: visita.test\r\n${headers}Connection: close\r\n\r\n`)
}

/** A sign-in that is refused as 401 when it is understood. */
function signIn(headers: string, body = '{"email":"nobody@example.org","password":"x"}') {
  const rest = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  return send(`POST /api/v1/auth/login HTTP/1.1\r\nHost: visita.test\r\n${headers}${rest}`)
}

test('a path has one meaning: what is not the path of a route leads nowhere, and no spelling passes the door', async () => {
  const expected: Record<string, number> = {
    '/api/v1/appointments': 401,
    // The same route, and the same door.
    '/api/v1/appointments/': 401,
    '/api/v1/%61ppointments': 401,
    '/api/v1/appointments?': 401,
    '/api/v1/appointments??': 401,
    '/api/v1/appointments#x': 401,
    'http://evil.example/api/v1/appointments': 401,
    '/api/v1/appointments/%2e': 401,
    '//api/v1/appointments': 404,
    '///api/v1/appointments': 404,
    '/api//v1/appointments': 404,
    '/api/v1//appointments': 404,
    '/api/v1/appointments//': 404,
    '/./api/v1/appointments': 404,
    '/api/v1/./appointments': 404,
    '/api/v1/clinics/../appointments': 404,
    '/api/v1/clinics/%2e%2e/appointments': 404,
    '/api/v1%2fappointments': 404,
    '/%2fapi/v1/appointments': 404,
    '/api/v1/%2561ppointments': 404,
    '/api/v1/appointments%00': 404,
    '/api/v1/appointments%20': 404,
    '/api/v1/appointments%2f': 404,
    '/api/v1/appointments%3f': 404,
    '/api/v1/appointments%23': 404,
    '/api/v1/appointments;x=1': 404,
    '/api/v1/appointments.': 404,
    '/api/v1/appointments.json': 404,
    '/API/V1/APPOINTMENTS': 404,
    '/api/v1\\appointments': 404,
    'http://evil.example//api/v1/appointments': 404,
    '/healthz/..%2fapi%2fv1%2fappointments': 404,
    '/docs/static/%2e%2e/%2e%2e/package.json': 404,
    '/docs/static/..%2f..%2fpackage.json': 404,
    '/docs/static/....//package.json': 404,
    '/join/..%2f..%2fpackage.json': 404,
    '/redoc/../package.json': 404,
    '/problems/..%2f..%2fetc%2fpasswd': 404,
    '/problems/__proto__': 404,
    '/calendar/..%2f..%2fx.ics': 404,
    '/dev/mail': 404,
    '/api/v1/clinics/..%2fappointments': 422,
    '/api/v1/appointments\t': 400,
    '/api/v1/appointments%zz': 400,
    'evil.example:443': 400,
  }
  for (const [target, status] of Object.entries(expected)) {
    const answer = await get(target)
    assert.equal(answer.status, status, `${target} ${answer.body}`)
    assert.match(answer.head, /content-type: application\/problem\+json/i, target)
  }
})

test('a header has one meaning: it is read as it stands, once, or refused', async () => {
  const json = 'Content-Type: application/json\r\n'
  const expected: [status: number, headers: string][] = [
    [401, json],
    [401, 'Content-Type: application/json\t\r\n'],
    [401, 'Content-Type:\tApplication/JSON\t;charset=utf-8\r\n'],
    [415, 'Content-Type: application/json\ta\r\n'],
    [415, 'Content-Type: application/jsonx\r\n'],
    [415, 'Content-Type: application/json, text/plain\r\n'],
    [415, 'Content-Type: text/plain;application/json\r\n'],
    [415, 'Content-Type: text/plain\r\n'],
    [415, 'Content-Type:\r\n'],
    [415, 'Content-Type: ;application/json\r\n'],
    [415, ''],
    [415, `${json}Content-Encoding: gzip\r\n`],
    [401, `${json}Content-Encoding: identity\r\n`],
    [400, `${json}Content-Type: text/plain\r\n`],
    [400, `Content-Type: text/plain\r\n${json}`],
    [400, `${json}Host: evil.example\r\n`],
    [400, `${json}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n`],
    [400, `${json}Origin: https://visita.example\r\nOrigin: https://evil.example\r\n`],
    [400, 'Content-Type: application/json\r\n\ttext/plain\r\n'],
    [400, 'Content-Type: application/json\x0b\r\n'],
    [400, 'Content-Type: application/json\nX: y\r\n'],
    [400, 'Content-Type: application/json\rX: y\r\n'],
    [400, `${json}X: a\0b\r\n`],
    [400, `${json}Content-Length: 3\r\n`],
    [400, `${json}Content-Length : 3\r\n`],
    [400, `${json}Content Length: 3\r\n`],
    [400, `${json}Transfer-Encoding: chunked\r\n`],
    [400, `${json}Transfer-Encoding: identity\r\n`],
    [400, `${json}Transfer-Encoding: chunked, identity\r\n`],
    [431, `${json}X: ${'x'.repeat(20_000)}\r\n`],
    [431, `${json}${Array.from({ length: 3000 }, (_, index) => `X${index}: 1\r\n`).join('')}`],
  ]
  for (const [status, headers] of expected) {
    const answer = await signIn(headers)
    const what = JSON.stringify(headers.slice(0, 100))
    assert.equal(answer.status, status, `${what} ${answer.body}`)
    assert.equal(JSON.parse(answer.body).status, status, what)
  }
})

test('no header chooses another method, path, host or person', async () => {
  const admin = await signInAs(runtime, { role: 'admin' })
  const headers = [
    'X-HTTP-Method-Override: DELETE',
    'X-HTTP-Method: DELETE',
    'X-Method-Override: DELETE',
    'X-Original-URL: /api/v1/invitations',
    'X-Rewrite-URL: /api/v1/invitations',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-User: admin',
    'Forwarded: for=127.0.0.1;host=evil.example;proto=https',
    'X-Forwarded-Prefix: /evil',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 127.0.0.1',
    `Cookie: token=${admin.slice(7)}; Authorization=${admin}`,
    `X-Authorization: ${admin}`,
    `Proxy-Authorization: ${admin}`,
  ].map((header) => `${header}\r\n`)
  for (const header of headers) {
    assert.equal((await get('/api/v1/auth/me', header)).status, 401, header)
    const { status, body, head } = await get('/api/v1/clinics?limit=1', header)
    assert.equal(status, 200, header)
    assert.ok(!/evil/.test(head + body), header)
  }
  for (const query of ['_method=DELETE', `access_token=${admin.slice(7)}`, '__proto__[role]=admin'])
    assert.equal((await get(`/api/v1/clinics?${query}`)).status, 422, query)
})

test('what is sent never becomes a header of an answer', async () => {
  const canary = 'injected-canary'
  const lines = `%0d%0aSet-Cookie:%20${canary}=1`
  const targets = [
    `/${lines}`,
    `/api/v1/clinics${lines}`,
    `/api/v1/clinics/${lines}`,
    `/api/v1/clinics?cursor=${lines}`,
    `/problems/${lines}`,
    `/calendar/${lines}.ics`,
    `/docs/static/${lines}`,
  ]
  for (const target of targets) {
    const { head, status } = await get(target)
    assert.ok(status >= 400 && status < 500, target)
    assert.ok(!head.includes(canary), `${target}: ${head}`)
  }
  for (const header of [
    'X-Request-Id',
    'Origin',
    'If-None-Match',
    'Accept',
    'User-Agent',
    'Idempotency-Key',
  ]) {
    const { head } = await get('/api/v1/clinics', `${header}: "${canary}\u00e9"\r\n`)
    assert.ok(!head.includes(canary), header)
  }
})

test('a name with line breaks or other control characters is taken by no operation', async () => {
  const names = [
    'Anna\r\nSet-Cookie: x=1',
    'Anna\nBcc: eve@example.org',
    'Anna\0',
    'Anna\u001b[31m',
  ]
  for (const name of names) {
    const account = { email: `${newId()}@example.org`, password: 'four wet herons wait', name }
    assert.equal((await call(plainApp, 'POST /auth/register', { body: account })).status, 422)
    const as = await signInAs(runtime, { role: 'admin' })
    const patient = { name, dateOfBirth: '1984-07-19', despiteDuplicates: true }
    const { status } = await call(plainApp, 'POST /patients', { as, body: patient })
    assert.ok([403, 422].includes(status), String(status))
  }
})

test('keys that objects have by nature are fields like others: unknown, and without effect', async () => {
  const as = await signInAs(runtime, { role: 'patient' })
  for (const key of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString']) {
    const text = `{"${key}":{"prototype":{"role":"admin"},"role":"admin","isAdmin":true}}`
    const answer = await plainApp.inject({
      method: 'POST',
      url: '/api/v1/waitlist',
      headers: { authorization: as, 'content-type': 'application/json' },
      payload: text,
    })
    assert.equal(answer.statusCode, 422, key)
    const query = await plainApp.inject({ url: `/api/v1/doctors?${key}=x&${key}[role]=admin` })
    assert.equal(query.statusCode, 422, key)
  }
  const plain: Record<string, unknown> = {}
  assert.equal(plain['role'], undefined)
  assert.equal(plain['isAdmin'], undefined)
})

const password = 'four wet herons wait'

async function signedInCookie(): Promise<string> {
  const email = `${newId()}@example.org`
  const answer = await call(plainApp, 'POST /auth/register', {
    body: { email, password, name: 'Anna Berg' },
  })
  assert.equal(answer.status, 201)
  const signedIn = await app.inject({
    method: 'POST',
    url: '/api/v1/auth/login',
    payload: { email, password, session: 'cookie' },
  })
  return String(signedIn.headers['set-cookie']).split(';', 1)[0]!
}

function refresh(
  cookie: string,
  headers: Record<string, string>,
  payload: string | undefined = '{}',
) {
  return app.inject({
    method: 'POST',
    url: '/api/v1/auth/refresh',
    headers: { cookie, ...headers },
    ...(payload !== '' && { payload }),
  })
}

test('the cookie is taken from our own pages alone, and from no form', async () => {
  const cookie = await signedInCookie()
  const json = { 'content-type': 'application/json' }
  const foreign = [
    'https://evil.example',
    'https://visita.example.evil.example',
    'https://evil.visita.example',
    'http://visita.example',
    'https://visita.example:8443',
    'null',
    '',
    'https://visita.example/',
    'https://user@visita.example',
  ]
  for (const origin of foreign) {
    const answer = await refresh(cookie, { ...json, origin })
    assert.equal(answer.statusCode, 403, origin)
    assert.equal(answer.headers['set-cookie'], undefined)
  }
  const forged = { 'x-forwarded-host': 'evil.example', origin: 'https://evil.example' }
  assert.equal((await refresh(cookie, { ...json, ...forged })).statusCode, 403)
  const forms: [type: string | undefined, body: string][] = [
    ['text/plain', '{}'],
    ['text/plain', '{"refreshToken":"x","a":"="}'],
    ['application/x-www-form-urlencoded', 'a=b'],
    ['application/x-www-form-urlencoded', ''],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain;application/json', '{}'],
    [undefined, ''],
  ]
  for (const path of ['refresh', 'logout'])
    for (const [type, payload] of forms) {
      const answer = await app.inject({
        method: 'POST',
        url: `/api/v1/auth/${path}`,
        headers: { cookie, ...(type !== undefined && { 'content-type': type }) },
        ...(payload !== '' && { payload }),
      })
      assert.equal(answer.statusCode, 415, `${path} ${type} ${payload}`)
      assert.equal(answer.headers['set-cookie'], undefined)
    }
  // It is as good as before, and for pages of ours, of the sites that are allowed, and of this very host.
  let current = cookie
  for (const headers of [
    { origin: 'https://visita.example' },
    { origin: 'https://app.example' },
    { origin: 'http://10.1.2.3:8080', host: '10.1.2.3:8080' },
    {},
  ]) {
    const answer = await refresh(current, { ...json, ...headers })
    assert.equal(answer.statusCode, 200, `${JSON.stringify(headers)} ${answer.body}`)
    current = String(answer.headers['set-cookie']).split(';', 1)[0]!
  }
})

test('credentials are allowed to the sites that are configured, and to no other', async () => {
  for (const method of ['OPTIONS', 'GET'] as const)
    for (const origin of ['https://app.example', 'https://evil.example', 'null', '*']) {
      const { headers } = await app.inject({
        method,
        url: '/api/v1/clinics',
        headers: { origin, 'access-control-request-method': 'GET' },
      })
      const isFriend = origin === 'https://app.example'
      assert.equal(headers['access-control-allow-origin'], isFriend ? origin : undefined)
      if (isFriend) assert.equal(headers['access-control-allow-credentials'], 'true')
      assert.match(String(headers.vary), /origin/i)
    }
})

test('what follows a request and is none ends the connection, and is no fault of the server', async () => {
  const before = logged().length
  const request = 'GET /api/v1/clinics HTTP/1.1\r\nHost: visita.test\r\n\r\n'
  for (let round = 0; round < 3; round += 1) await send(`${request}\x00\x01garbage\r\n\r\n`)
  const coded = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: visita.test\r\nTransfer-Encoding: '
  await send(`${coded}xchunked\r\n\r\n`)
  await send(`${coded}chunked\r\nContent-Type: application/json\r\n\r\nZZ\r\n`)
  assert.doesNotMatch(logged().slice(before), /"level":50/)
})

test('what is only read changes nothing', async () => {
  const scene = await makeScene(plainApp, runtime)
  // A feed notes when it was last fetched, for its owner to see.
  const noting = 'GET /calendar/{name}'
  const reads = Object.keys(operations).filter((name) => name.startsWith('GET '))
  for (const operation of reads.filter((name) => name !== noting)) {
    const request = await requestOf(operation, scene)
    const before = await contentOf(runtime.db)
    for (const method of ['GET', 'HEAD']) {
      const { statusCode } = await sendRequest(
        plainApp,
        { ...request, method },
        scene.as[request.by],
      )
      assert.ok(statusCode < 500, operation)
    }
    assert.deepEqual(await contentOf(runtime.db), before, operation)
  }
})
