// One socket: who is at the other end, what it says, and what it is told.

import type { RawData, WebSocket } from 'ws'
import type { AccountActor, Runtime } from '#src/context.ts'
import type { Turns } from '#src/identity/turns.ts'
import { messageOf, Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { compareCursors, encodeCursor } from './cursor.ts'
import type { RealtimeLimits } from './limits.ts'
import type { RealtimeMetrics } from './metrics.ts'
import {
  closeCodes,
  readMessage,
  type ClientMessage,
  type CloseCode,
  type ServerMessage,
} from './protocol.ts'
import type { Sessions } from './sessions.ts'
import type { Stream } from './stream.ts'
import { subscribe } from './subscribe.ts'
import type { Subscription } from './subscription.ts'

/** What all sockets of a server share. */
export interface Realtime {
  runtime: Runtime
  limits: RealtimeLimits
  metrics: RealtimeMetrics
  stream: Stream
  sessions: Sessions
  /** Bounds how many sockets ask the database at the same time, so that bookings come between. */
  turns: Turns
}

export interface Connection {
  /** Names the socket in the audit. */
  readonly requestId: string
  /** Null until it is known who is there. */
  actor: AccountActor | null
  /** When the account's next access to a patient ends that has an end. */
  accessEndsAt: Instant | null
  /** When it was last begun to read what `actor` may see, as `performance.now()` has it. */
  refreshedAt: number
  /** By the client's name for them. */
  readonly subscriptions: Map<string, Subscription>
  /** False once it is closed, or being closed. */
  isOpen: boolean
  send(message: ServerMessage): void
  end(code: CloseCode, reason: string): void
}

/** Serves the socket until it closes. */
export function serveConnection(
  realtime: Realtime,
  socket: WebSocket,
  requestId: string,
): Connection {
  const { limits, metrics, runtime, sessions, stream } = realtime
  const connection: Connection = {
    requestId,
    actor: null,
    accessEndsAt: null,
    refreshedAt: -Infinity,
    subscriptions: new Map(),
    isOpen: true,
    send,
    end,
  }
  const allowance = createAllowance(limits)
  let strangerBytes = 0
  let isAlive = true
  let timer = setTimeout(
    () => end(closeCodes.notSignedIn, 'Authenticate first.'),
    limits.authenticateMilliseconds,
  )
  let answering: Promise<void> = Promise.resolve()

  function send(message: ServerMessage): void {
    if (!connection.isOpen) return
    socket.send(JSON.stringify(message))
    if (socket.bufferedAmount <= limits.unsentBytesMax) return
    metrics.closed('slow')
    leave()
    socket.terminate()
  }

  function end(code: CloseCode, reason: string): void {
    if (!connection.isOpen) return
    metrics.closed(String(code))
    leave()
    socket.close(code, reason)
    timer = setTimeout(() => socket.terminate(), limits.closeMilliseconds)
  }

  function leave(): void {
    if (!connection.isOpen) return
    connection.isOpen = false
    clearTimeout(timer)
    sessions.leave(connection)
    for (const subscription of connection.subscriptions.values()) stream.remove(subscription)
    connection.subscriptions.clear()
  }

  /** Asks for a sign of life, and gives up on whoever did not answer the time before. */
  function beat(): void {
    if (!isAlive) {
      metrics.closed('silent')
      leave()
      socket.terminate()
      return
    }
    isAlive = false
    socket.ping()
    send({ type: 'heartbeat', ...whereAllAre() })
  }

  /** The cursor that holds for all of its subscriptions, if there is one. */
  function whereAllAre(): { cursor?: string } {
    const position = stream.position()
    for (const { waiting, from } of connection.subscriptions.values())
      if (waiting !== null || compareCursors(from, position) > 0) return {}
    return { cursor: encodeCursor(position) }
  }

  async function authenticate(message: ClientMessage): Promise<void> {
    if (message.type !== 'authenticate')
      return end(closeCodes.badMessage, 'The first message must be to authenticate.')
    clearTimeout(timer)
    const outcome = await realtime.turns.take(() => sessions.join(connection, message.accessToken))
    if (outcome === 'too-many')
      return end(closeCodes.tooMany, 'The account has too many sockets open.')
    if (outcome === 'unknown')
      return end(closeCodes.notSignedIn, 'The access token is not valid, or its session is over.')
    if (!connection.isOpen) return undefined
    timer = setInterval(beat, limits.heartbeatMilliseconds)
    return send({
      type: 'ready',
      cursor: encodeCursor(stream.heading()),
      heartbeatSeconds: limits.heartbeatMilliseconds / 1000,
    })
  }

  /** `since` is when the message came, as `performance.now()` has it. */
  async function answer(bytes: Buffer, since: number): Promise<void> {
    if (!connection.isOpen) return undefined
    const message = readMessage(bytes)
    if (connection.actor === null) return authenticate(message)
    switch (message.type) {
      case 'authenticate':
        throw new Refusal('conflict', 'The socket is authenticated already.')
      case 'subscribe':
        return realtime.turns.take(() => subscribe(realtime, connection, { message, since }))
      case 'unsubscribe':
        return unsubscribe(message.id)
      case 'ping':
        return send({ type: 'pong', ...whereAllAre() })
    }
  }

  function unsubscribe(id: string): void {
    const subscription = connection.subscriptions.get(id)
    if (!subscription) throw new Refusal('not-found', 'There is no such subscription.', { id })
    connection.subscriptions.delete(id)
    stream.remove(subscription)
    send({ type: 'unsubscribed', id })
  }

  function fail(error: unknown): void {
    if (error instanceof Refusal) {
      const { code, message: detail, members } = error
      if (connection.actor !== null) {
        const { id } = members
        send({ type: 'refused', ...(typeof id === 'string' && { id }), code, detail })
      } else if (code === 'busy') end(closeCodes.tryLater, detail)
      else end(closeCodes.badMessage, 'The first message must be to authenticate.')
      return
    }
    runtime.log.error({ requestId, error: messageOf(error) }, 'a message could not be answered')
    end(closeCodes.fault, 'Something went wrong.')
  }

  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (!connection.isOpen) return
    if (isBinary) return end(closeCodes.badMessage, 'Messages are JSON text.')
    if (!allowance.take()) return end(closeCodes.tooMany, 'Too many messages.')
    const bytes = data as Buffer
    // What comes before it is known who is there is kept until then, also while the database is away.
    if (connection.actor === null) strangerBytes += bytes.length
    if (strangerBytes > limits.strangerBytesMax)
      return end(closeCodes.tooMany, 'Too much before it is known who is there.')
    const since = performance.now()
    // One after the other, so that answers come in the order of the messages.
    answering = answering.then(() => answer(bytes, since)).catch(fail)
  })
  socket.on('pong', () => {
    isAlive = true
  })
  socket.on('close', () => {
    leave()
    clearTimeout(timer)
  })
  // What is wrong with a frame closes the socket by itself.
  socket.on('error', (error) => {
    if (!connection.isOpen) return
    metrics.closed(String(closeCodeOf(error)))
    leave()
    timer = setTimeout(() => socket.terminate(), limits.closeMilliseconds)
  })
  return connection
}

/** The code with which a socket closes itself because of a frame (RFC 6455, section 7.4.1). */
function closeCodeOf(error: Error): 1002 | 1007 | 1008 | 1009 {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'WS_ERR_INVALID_UTF8') return 1007
  if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') return 1008
  if (/^WS_ERR_UNSUPPORTED_(?:DATA_PAYLOAD|MESSAGE)_LENGTH$/.test(code)) return 1009
  return 1002
}

/** Messages that may come: a number at once, and so many a second again. */
function createAllowance({ messagesAtOnceMax, messagesPerSecond }: RealtimeLimits) {
  let left = messagesAtOnceMax
  let countedAt = performance.now()
  return {
    take(): boolean {
      const now = performance.now()
      left += ((now - countedAt) / 1000) * messagesPerSecond
      left = Math.min(left, messagesAtOnceMax) - 1
      countedAt = now
      return left >= 0
    },
  }
}
