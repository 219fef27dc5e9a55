// How much is taken on at once, and how the server lets go of its connections when it stops.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '#src/kernel/errors.ts'
import type { App } from './server.ts'

/** Beyond this many unanswered requests whose body has arrived a further one is turned away at once. */
const requestsInFlightMax = 1000

/** How the operator watches must work under load too. */
const alwaysAnswered = new Set(['/healthz', '/readyz', '/metrics'])

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Refuses requests beyond the bound with `busy`, and lets connections end while the server closes. */
export function boundLoad(app: App, inFlightMax = requestsInFlightMax): void {
  let inFlight = 0
  let isClosing = false
  const refuseBeyondBound = async (request: FastifyRequest) => {
    if (inFlight < inFlightMax || alwaysAnswered.has(request.routeOptions.url ?? '')) return
    throw new Refusal('busy', 'The server is busy. Try again in a moment.')
  }
  const takePlace = async (request: FastifyRequest, reply: FastifyReply) => {
    await refuseBeyondBound(request)
    if (reply.raw.closed) return
    inFlight += 1
    reply.raw.once('close', () => {
      inFlight -= 1
    })
  }
  // A request takes its place once its body is there, so that half-sent ones keep nobody out.
  app.addHook('onRequest', (request, reply) =>
    hasBody(request) ? refuseBeyondBound(request) : takePlace(request, reply),
  )
  app.addHook('preValidation', async (request, reply) => {
    if (hasBody(request)) await takePlace(request, reply)
  })
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply, payload) => {
    if (isClosing) void reply.header('connection', 'close')
    return payload
  })
}
