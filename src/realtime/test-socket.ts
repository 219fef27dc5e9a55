// A client for the tests of this module: a real socket to a server that listens, which keeps what it is
// told until the test asks for it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after } from 'node:test'
import { WebSocket } from 'ws'
import type { Runtime } from '#src/context.ts'
import { createServer, type App } from '#src/http/server.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { realtimeLimits, type RealtimeLimits } from './limits.ts'
import { realtimeRoutes } from './routes.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects to be there
export type Message = any

export interface TestSocket {
  socket: WebSocket
  /** The next message that has not been asked for; fails when the socket closes before. */
  next(): Promise<Message>
  /** The next messages up to the first that matches, which is the last of them. */
  until(matches: (message: Message) => boolean): Promise<Message[]>
  send(message: unknown): void
  /** Subscribes and answers the answer. */
  subscribe(id: string, topic: Record<string, unknown>): Promise<Message>
  /** The code that the server closed with; waits for it. */
  closed: Promise<number>
  close(): Promise<void>
}

const open = new Set<TestSocket>()
const apps: App[] = []

after(async () => {
  for (const { socket } of open) socket.terminate()
  for (const app of apps) await app.close()
})

/** A server of the runtime that has sockets alone and listens; answers where they are opened. */
export async function listenWith(
  runtime: Runtime,
  limits: Partial<RealtimeLimits> = {},
): Promise<{ app: App; url: string }> {
  const app = await createServer({
    runtime,
    authenticate,
    readiness: async () => ({ checks: [] }),
    routes: (api) => realtimeRoutes(api, { ...realtimeLimits, ...limits }),
  })
  apps.push(app)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url: `${address.replace('http', 'ws')}/api/v1/realtime` }
}

/** Opens a socket, and authenticates it with the token of the Authorization header if there is one. */
export async function openSocket(
  url: string,
  as: string | null,
  headers: Record<string, string> = {},
): Promise<TestSocket> {
  const socket = new WebSocket(url, { headers })
  const messages: Message[] = []
  let arrived = () => {}
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString('utf8')))
    arrived()
  })
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (code) => {
      resolve(code)
      arrived()
    })
  })
  const client: TestSocket = {
    socket,
    closed,
    async next() {
      while (messages.length === 0) {
        assert.notEqual(socket.readyState, WebSocket.CLOSED, 'the socket was closed')
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
      }
      return messages.shift()
    },
    async until(matches) {
      const all: Message[] = []
      do all.push(await client.next())
      while (!matches(all.at(-1)))
      return all
    },
    send: (message) => socket.send(JSON.stringify(message)),
    async subscribe(id, topic) {
      client.send({ type: 'subscribe', id, ...topic })
      return client.next()
    },
    async close() {
      socket.close()
      await closed
    },
  }
  open.add(client)
  socket.once('close', () => open.delete(client))
  await once(socket, 'open')
  if (as !== null) {
    client.send({ type: 'authenticate', accessToken: as.slice('Bearer '.length) })
    assert.equal((await client.next()).type, 'ready')
  }
  return client
}
