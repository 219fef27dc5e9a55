// How much is taken on at once, and how the server lets go of its connections when it stops.

import type { FastifyRequest } from 'fastify'
import { Refusal } from '#src/kernel/errors.ts'
import type { App } from './server.ts'

/** Beyond this many unanswered requests whose body has arrived a further one is turned away at once. */
const requestsInFlightMax = 1000

/** How the operator watches must work under load too. */
const alwaysAnswered = new Set(['/healthz', '/readyz', '/metrics'])

/** Refuses requests beyond the bound with `busy`, and lets connections end while the server closes. */
export function boundLoad(app: App, inFlightMax = requestsInFlightMax): void {
  let inFlight = 0
  let isClosing = false
  const refuseBeyondBound = async (request: FastifyRequest) => {
    if (inFlight < inFlightMax || alwaysAnswered.has(request.routeOptions.url ?? '')) return
    throw new Refusal('busy', 'The server is busy. Try again in a moment.')
  }
  app.addHook('onRequest', refuseBeyondBound)
  // A request takes its place once its body is there, so that half-sent ones keep nobody out.
  app.addHook('preValidation', async (request, reply) => {
    await refuseBeyondBound(request)
    if (reply.raw.closed) return
    inFlight += 1
    reply.raw.once('close', () => {
      inFlight -= 1
    })
  })
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply, payload) => {
    if (isClosing) void reply.header('connection', 'close')
    return payload
  })
}
