// The headers that every answer carries: what browsers may do with it, and who may keep it.

import { createHash } from 'node:crypto'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import type { App } from './server.ts'

/** The content security policy of everything but the documentation pages: nothing inline, no others. */
const policy = {
  'default-src': ["'self'"],
  'base-uri': ["'none'"],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'script-src': ["'self'"],
  'script-src-attr': ["'none'"],
  'style-src': ["'self'"],
}

/** The policy as a header, with some directives replaced. */
export function policyWith(changes: Record<string, string[]>): string {
  return Object.entries({ ...policy, ...changes })
    .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
    .join('; ')
}

/** What a page of ours may not ask a browser for. */
const permissionsPolicy = [
  'accelerometer',
  'browsing-topics',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
  'xr-spatial-tracking',
]
  .map((feature) => `${feature}=()`)
  .join(', ')

/** For a year, and for the hosts below this one (ASVS 5.0, 3.4.1); null where pages come without TLS. */
function transportSecurity(config: Pick<Config, 'publicUrl'>) {
  if (config.publicUrl?.startsWith('https:') !== true) return null
  return { maxAge: 31_536_000, includeSubDomains: true }
}

/** The headers of an answer that is given before the hooks run. */
export function headersWithoutHooks(config: Pick<Config, 'publicUrl'>): Record<string, string> {
  const transport = transportSecurity(config)
  return {
    'cache-control': 'no-store',
    'content-security-policy': policyWith({}),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': permissionsPolicy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(transport !== null && {
      'strict-transport-security': `max-age=${transport.maxAge}; includeSubDomains`,
    }),
  }
}

/** Security headers, cross-origin access for the configured sites, caching rules. */
export async function addHeaders(app: App, { config }: Pick<Runtime, 'config'>): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: transportSecurity(config) ?? false,
  })
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header('permissions-policy', permissionsPolicy)
  })
  if (config.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: [...config.corsOrigins],
      credentials: true,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'If-Match',
        'If-None-Match',
        'X-Request-Id',
      ],
      exposedHeaders: [
        'ETag',
        'Link',
        'Location',
        'RateLimit',
        'RateLimit-Policy',
        'Retry-After',
        'X-Request-Id',
      ],
      maxAge: 600,
      strictPreflight: false,
    })
  }
  app.addHook('onSend', async (request, reply, payload) => setCaching(request, reply, payload))
}

/**
 * What is public may be kept and is asked for again by its ETag; anything else is kept by nobody. A
 * route that sets its own Cache-Control or ETag keeps them.
 */
function setCaching(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  const isPublicRead =
    request.routeOptions.config.audience === 'public' &&
    (request.method === 'GET' || request.method === 'HEAD') &&
    reply.statusCode === 200
  if (!isPublicRead) {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store')
    return payload
  }
  if (!reply.hasHeader('cache-control')) {
    const scope = request.actor === null ? 'no-cache' : 'private, no-cache'
    void reply.header('cache-control', scope)
  }
  if (reply.getHeader('cache-control') === 'no-store') return payload
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
  if (!reply.hasHeader('etag')) void reply.header('etag', tagOf(payload))
  if (!isSame(request.headers['if-none-match'], reply.getHeader('etag'))) return payload
  void reply.code(304).removeHeader('content-length')
  return ''
}

function tagOf(payload: string | Buffer): string {
  return `"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`
}

/** The weak comparison of RFC 9110, section 13.1.2. */
function isSame(ifNoneMatch: string | undefined, tag: unknown): boolean {
  if (ifNoneMatch === undefined) return false
  const known = new Set(ifNoneMatch.split(',').map((text) => text.trim().replace(/^W\//, '')))
  return known.has('*') || known.has(String(tag).replace(/^W\//, ''))
}
