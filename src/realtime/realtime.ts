// Live updates over WebSocket (RFC 6455). The sockets are the server's own and no requests of the web
// server, which counts a request as in flight until its connection closes.

import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { StoredEvent } from '#src/events/events.ts'
import { networkOf } from '#src/http/client-network.ts'
import { isKnownOrigin } from '#src/http/cross-site.ts'
import { limitClasses } from '#src/http/limit-classes.ts'
import { requestIdOf } from '#src/http/observation.ts'
import type { App } from '#src/http/server.ts'
import { createTurns } from '#src/identity/turns.ts'
import { createAddressReader } from './address.ts'
import { serveConnection, type Connection, type Realtime } from './connection.ts'
import type { RealtimeLimits } from './limits.ts'
import { createRealtimeMetrics } from './metrics.ts'
import { closeCodes } from './protocol.ts'
import { createSessions } from './sessions.ts'
import { createStream, type Stream } from './stream.ts'

/** Where the sockets are opened. */
const path = '/api/v1/realtime'

/** Serves sockets on the app's server, until it closes. */
export function attachRealtime(app: App, limits: RealtimeLimits): void {
  const { runtime, server } = app
  const sockets = new Map<WebSocket, Connection>()
  const addressOf = createAddressReader(runtime.config.trustedProxies)
  /** By their networks; those who have said since who they are, until that is looked at. */
  const strangersByNetwork = new Map<string, Set<Connection>>()
  let isClosing = false
  let allClosed = () => {}

  const metrics = createRealtimeMetrics({
    registry: app.metrics,
    runtime,
    sockets: () => sockets.size,
    subscriptions: () => stream.size(),
  })
  const sessions = createSessions({ runtime, limits, stream: () => stream })
  const stream: Stream = createStream({
    runtime,
    limits,
    metrics,
    prepare: (events: readonly StoredEvent[]) => sessions.prepare(events),
    giveUp() {
      for (const connection of sockets.values())
        if (connection.actor !== null)
          connection.end(closeCodes.tryLater, 'Events could not be told. Come back for them.')
    },
  })
  const realtime: Realtime = {
    runtime,
    limits,
    metrics,
    stream,
    sessions,
    turns: createTurns({ atOnceMax: 4, workMilliseconds: 2, waitMillisecondsMax: 30_000 }),
  }
  const upgrading = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytesMax,
  })

  function mayComeFrom(origin: string | undefined): boolean {
    return origin === undefined || isKnownOrigin(runtime.config, origin)
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.url !== path) return refuse(socket, 404)
    if (!mayComeFrom(request.headers.origin)) return refuse(socket, 403)
    const isFull = sockets.size >= limits.socketsMax + limits.strangersMax
    if (isClosing || isFull) return refuse(socket, 503)
    const network = networkOf(addressOf(request))
    if (strangersOf(network).size >= limits.addressStrangersMax) return refuse(socket, 429)
    const { refusedBy } = app.counts.takeHere(limitClasses.socket, network)
    if (refusedBy !== null) return refuse(socket, 429, refusedBy.resetSeconds)
    upgrading.handleUpgrade(request, socket, head, (opened) =>
      serve(opened, { network, requestId: requestIdOf(request) }),
    )
  }

  function strangersOf(network: string): Set<Connection> {
    const strangers = strangersByNetwork.get(network) ?? new Set()
    for (const connection of strangers) if (connection.actor !== null) strangers.delete(connection)
    return strangers
  }

  function serve(
    socket: WebSocket,
    { network, requestId }: { network: string; requestId: string },
  ): void {
    const strangers = sockets.size - sessions.count()
    const isFull = sockets.size >= limits.socketsMax || strangers >= limits.strangersMax
    const connection = serveConnection(realtime, socket, requestId)
    sockets.set(socket, connection)
    strangersByNetwork.set(network, strangersOf(network).add(connection))
    socket.once('close', () => {
      sockets.delete(socket)
      const strangers = strangersOf(network)
      strangers.delete(connection)
      if (strangers.size === 0) strangersByNetwork.delete(network)
      if (sockets.size === 0) allClosed()
    })
    if (isFull) connection.end(closeCodes.tryLater, 'There are too many sockets open.')
  }

  // Any other wish to upgrade is ignored, as HTTP has it (RFC 9110, section 7.8): some clients ask for
  // HTTP/2 that way.
  Object.assign(server, {
    shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
      headers.upgrade?.toLowerCase() === 'websocket',
  })
  server.on('upgrade', upgrade)
  app.addHook('preClose', async () => {
    isClosing = true
    sessions.close()
    stream.close()
    if (sockets.size === 0) return
    const closed = new Promise<void>((resolve) => {
      allClosed = resolve
    })
    for (const connection of sockets.values())
      connection.end(closeCodes.goingAway, 'The server is being stopped.')
    await closed
  })
}

/** Answers in plain text, and closes the connection. */
function refuse(socket: Duplex, status: 403 | 404 | 429 | 503, retryAfterSeconds = 1): void {
  const text = STATUS_CODES[status]!
  socket.on('error', () => {})
  socket.once('finish', () => socket.destroy())
  socket.end(
    [
      `HTTP/1.1 ${status} ${text}`,
      'Connection: close',
      'Content-Type: text/plain',
      `Content-Length: ${text.length}`,
      ...(status === 429 || status === 503 ? [`Retry-After: ${retryAfterSeconds}`] : []),
      '',
      text,
    ].join('\r\n'),
  )
}
