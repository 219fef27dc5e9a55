// Is the process alive, is it ready for requests, and how is it doing.

import type { Registry } from 'prom-client'
import { Type } from 'typebox'
import { component, ref } from './schema.ts'
import type { App } from './server.ts'

/** What one check of readiness found. A `warn` does not stop the server from serving. */
export interface ReadinessCheck {
  name: string
  status: 'ok' | 'warn' | 'fail'
  detail: string
}

export interface Readiness {
  checks: ReadinessCheck[]
}

const CheckStatus = Type.Enum(['ok', 'warn', 'fail'])

const Health = component(
  'Health',
  Type.Object({ status: Type.Enum(['ok']) }, { examples: [{ status: 'ok' }] }),
)

const ReadinessReport = component(
  'Readiness',
  Type.Object(
    {
      status: CheckStatus,
      checks: Type.Array(
        Type.Object({ name: Type.String(), status: CheckStatus, detail: Type.String() }),
      ),
    },
    {
      examples: [
        {
          status: 'ok',
          checks: [{ name: 'database', status: 'ok', detail: 'PostgreSQL 18.4 answers.' }],
        },
      ],
    },
  ),
)

/** The routes at the root that machines watch. */
export function healthRoutes(
  app: App,
  options: { readiness: () => Promise<Readiness>; metrics: Registry },
): void {
  app.get(
    '/healthz',
    {
      config: { audience: 'public', limit: 'none' },
      schema: {
        operationId: 'getHealth',
        summary: 'Is the process alive?',
        tags: ['operations'],
        response: { 200: ref(Health) },
      },
    },
    async (_request, reply) => {
      void reply.header('cache-control', 'no-store')
      return { status: 'ok' as const }
    },
  )
  app.get(
    '/readyz',
    {
      config: { audience: 'public', limit: 'none' },
      schema: {
        operationId: 'getReadiness',
        summary: 'Can it serve requests?',
        description: 'What it needs, each with its state. 503 when something it needs is missing.',
        tags: ['operations'],
        response: { 200: ref(ReadinessReport), 503: ref(ReadinessReport) },
      },
    },
    async (_request, reply) => {
      const { checks } = await options.readiness()
      const status = worstOf(checks)
      return reply
        .header('cache-control', 'no-store')
        .code(status === 'fail' ? 503 : 200)
        .send({ status, checks })
    },
  )
  app.get(
    '/metrics',
    {
      config: { audience: 'public', limit: 'none' },
      schema: {
        operationId: 'getMetrics',
        summary: 'Measurements for Prometheus',
        tags: ['operations'],
        produces: ['text/plain'],
        response: {
          200: Type.String({
            description: 'The Prometheus text format.',
            examples: ['# TYPE http_requests_in_flight gauge\nhttp_requests_in_flight 1\n'],
          }),
        },
      },
    },
    async (_request, reply) => {
      const text = await options.metrics.metrics()
      return reply.header('cache-control', 'no-store').type(options.metrics.contentType).send(text)
    },
  )
}

function worstOf(checks: readonly ReadinessCheck[]): ReadinessCheck['status'] {
  const found = new Set(checks.map(({ status }) => status))
  if (found.has('fail')) return 'fail'
  return found.has('warn') ? 'warn' : 'ok'
}
