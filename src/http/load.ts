// How much is taken on at once, and how the server lets go of its connections when it stops.

import { Refusal } from '#src/kernel/errors.ts'
import type { App } from './server.ts'

/** Beyond this many unanswered requests a further one is turned away at once. */
export const requestsInFlightMax = 1000

/** How the operator watches must work under load too. */
const alwaysAnswered = new Set(['/healthz', '/readyz', '/metrics'])

/** Refuses requests beyond the bound with `busy`, and lets connections end while the server closes. */
export function boundLoad(app: App, inFlightMax = requestsInFlightMax): void {
  let inFlight = 0
  let isClosing = false
  app.addHook('onRequest', async (request, reply) => {
    inFlight += 1
    reply.raw.once('close', () => {
      inFlight -= 1
    })
    if (inFlight <= inFlightMax || alwaysAnswered.has(request.routeOptions.url ?? '')) return
    throw new Refusal('busy', 'The server is busy. Try again in a moment.')
  })
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply, payload) => {
    if (isClosing) void reply.header('connection', 'close')
    return payload
  })
}
