import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Agent, get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import type { App } from './server.ts'
import { createTestServer } from './test-server.ts'

/** A route that answers when `go` is called; `arrived` resolves once it has been asked for. */
function gate() {
  const arrived = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const routes = (app: App) => {
    app.get(
      '/gate',
      { config: { audience: 'public' }, schema: { summary: 'A gate', tags: ['pets'] } },
      async () => {
        arrived.resolve()
        await go.promise
        return { done: true }
      },
    )
  }
  return { routes, arrived: arrived.promise, go: go.resolve }
}

async function fetchBy(
  agent: Agent,
  url: string,
): Promise<{ answer: IncomingMessage; body: string }> {
  const request = get(url, { agent })
  const [answer] = await once(request, 'response')
  return { answer, body: await text(answer) }
}

test('a server that closes finishes what is in flight and lets go of its connections', async () => {
  const { routes, arrived, go } = gate()
  const { app } = await createTestServer({ routes })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent({ keepAlive: true })
  const idle = new Agent({ keepAlive: true })
  await fetchBy(idle, `${origin}/healthz`)
  const inFlight = fetchBy(agent, `${origin}/api/v1/gate`)
  await arrived
  const closed = app.close()
  while (app.server.listening) await setImmediate()
  go()
  const { answer, body } = await inFlight
  assert.equal(answer.statusCode, 200)
  assert.equal(body, '{"done":true}')
  assert.equal(answer.headers.connection, 'close')
  await closed
  await assert.rejects(fetchBy(new Agent(), `${origin}/healthz`), /ECONNREFUSED/)
})

test('beyond the bound a request is refused as busy, and those who watch are still answered', async () => {
  const { routes, arrived, go } = gate()
  const { app } = await createTestServer({ routes, requestsInFlightMax: 1 })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent()
  const first = fetchBy(agent, `${origin}/api/v1/gate`)
  await arrived
  const refused = await fetchBy(agent, `${origin}/api/v1/pets`)
  assert.equal(refused.answer.statusCode, 503)
  assert.equal(refused.answer.headers['retry-after'], '1')
  assert.match(refused.body, /\/problems\/busy/)
  assert.equal((await fetchBy(agent, `${origin}/healthz`)).answer.statusCode, 200)
  go()
  assert.equal((await first).answer.statusCode, 200)
  assert.equal((await fetchBy(agent, `${origin}/api/v1/pets`)).answer.statusCode, 200)
  await app.close()
})

test('half-sent requests keep nobody out, and are cut off', async () => {
  const { app } = await createTestServer({ requestsInFlightMax: 2 })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const sockets = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const request = once(app.server, 'request')
      const socket = connect(Number(new URL(origin).port), '127.0.0.1')
      socket.write(
        'POST /api/v1/pets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{',
      )
      await request
      return socket
    }),
  )
  const answer = await fetchBy(new Agent(), `${origin}/api/v1/pets`)
  assert.equal(answer.answer.statusCode, 200)
  for (const socket of sockets) socket.destroy()
  const { headersTimeout, requestTimeout } = app.server
  assert.deepEqual(
    { headersTimeout, requestTimeout },
    { headersTimeout: 10_000, requestTimeout: 30_000 },
  )
  await app.close()
})

test('a client that goes away frees its place', async () => {
  const { routes, arrived, go } = gate()
  const { app, lines } = await createTestServer({ routes, requestsInFlightMax: 1 })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent()
  const request = get(`${origin}/api/v1/gate`, { agent })
  request.on('error', () => undefined)
  await arrived
  const connection = once(app.server, 'connection')
  request.destroy()
  // The place is free as soon as the server has seen the end of the connection.
  let status: number | undefined
  for (let attempt = 0; attempt < 100 && status !== 200; attempt += 1) {
    status = (await fetchBy(agent, `${origin}/api/v1/pets`)).answer.statusCode
  }
  await connection
  assert.equal(status, 200)
  assert.ok(lines.some((line) => line.includes('client went away')))
  go()
  await app.close()
})

test('a client that goes away before its place is taken leaves none behind', async () => {
  const arrived = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const { app } = await createTestServer({
    requestsInFlightMax: 1,
    routes(api) {
      api.addHook('onRequest', async (request) => {
        if (request.url !== '/api/v1/slow') return
        arrived.resolve()
        await go.promise
      })
      const schema = { summary: 'Slow to let in', tags: ['pets'] }
      api.get('/slow', { config: { audience: 'public' }, schema }, async () => ({ done: true }))
    },
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const served = once(app.server, 'request')
  const request = get(`${origin}/api/v1/slow`, { agent: new Agent() })
  request.on('error', () => undefined)
  const [, response] = await served
  await arrived.promise
  request.destroy()
  await once(response, 'close')
  go.resolve()
  await setImmediate()
  const next = await fetchBy(new Agent(), `${origin}/api/v1/pets`)
  assert.equal(next.answer.statusCode, 200)
  await app.close()
})
