// What the operator sees of the requests: a line in the log and a measurement for each. Neither holds
// an address, a header, a query, a path with its values or a body.

import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { newId } from '#src/kernel/ids.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where modules register measurements of their own. */
    metrics: Registry
  }
}

/** Paths that are asked for by machines every few seconds. */
const quietRoutes = new Set(['/healthz', '/readyz', '/metrics'])

const saneRequestId = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})$/i

/** The caller's request id when it is a UUID or 16 to 64 hexadecimal digits, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && saneRequestId.test(given) ? given : newId()
}

/** Measures and logs every request. The registry is this server's own. */
export function observe(app: App, log: Logger): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  app.decorate('metrics', registry)
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the last byte of the request headers to the end of the answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that have not been answered yet.',
    registers: [registry],
  })
  app.addHook('onRequest', async (request, reply) => {
    inFlight.inc()
    // Unlike the response hooks this also comes when the client goes away before its answer.
    reply.raw.once('close', () => inFlight.dec())
    void reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    durations.observe(
      { method: request.method, route, status: `${Math.floor(reply.statusCode / 100)}xx` },
      reply.elapsedTime / 1000,
    )
    logRequest(log, request, reply)
  })
  app.addHook('onRequestAbort', async (request) => {
    log.info(
      { requestId: request.id, method: request.method, route: request.routeOptions.url ?? 'none' },
      'client went away',
    )
  })
  return registry
}

function logRequest(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'none'
  const line = {
    requestId: request.id,
    method: request.method,
    route,
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime * 10) / 10,
  }
  if (quietRoutes.has(route)) log.debug(line, 'request')
  else log.info(line, 'request')
}
