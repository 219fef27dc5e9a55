// Requests that another site's page has a browser send. Only the cookie with the refresh token makes them
// worth anything, since a browser sends nothing else by itself.

import type { FastifyRequest } from 'fastify'
import { publicUrlAt, type Config } from '#src/config.ts'
import { NotAllowed } from '#src/kernel/errors.ts'
import { isLoopback } from '#src/kernel/loopback.ts'
import { HttpRefusal } from './problems.ts'
import type { App } from './server.ts'

/** Where browsers keep the refresh token, and below which path they send it. */
export const refreshCookieName = '__Secure-visita-refresh'
export const refreshCookiePath = '/api/v1/auth'

/** Whether the origin (RFC 6454) is this server's own, or one of those that are allowed to call it. */
export function isKnownOrigin(config: Config, origin: string): boolean {
  return isOriginOf(publicUrlAt(config, config.port), origin) || config.corsOrigins.includes(origin)
}

/** Whether a browser there shows what is at the URL: this machine has several names. */
function isOriginOf(url: string, origin: string): boolean {
  if (url === origin) return true
  if (!URL.canParse(origin)) return false
  const [one, other] = [new URL(url), new URL(origin)]
  const isHere = isLoopback(one.hostname) && isLoopback(other.hostname)
  return isHere && one.protocol === other.protocol && one.port === other.port
}

/**
 * Refuses what carries the refresh cookie and changes something, when it comes from a page of another
 * site, or as a form could send it. The cookie's SameSite=Strict says the same to browsers; this holds
 * where they don't know it, and between the sites of one domain, which it does not part.
 */
export function refuseCrossSite(app: App): void {
  app.addHook('onRequest', async (request) => {
    const { headers, method } = request
    if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return
    if (headers.cookie?.includes(`${refreshCookieName}=`) !== true) return
    const { origin } = headers
    if (origin !== undefined && !isFromHere(request, origin))
      throw new NotAllowed('A page of another site may not use the cookie of this one.')
    // No form sends another method, nor an Authorization header.
    if (method !== 'POST' || headers.authorization !== undefined) return
    if (mediaTypeOf(headers['content-type']) === 'application/json') return
    throw new HttpRefusal(
      'unsupported-media-type',
      'With the cookie, the request must be sent with Content-Type: application/json.',
    )
  })
}

/** Also a page of the very host that was asked, by whatever name it was reached. */
function isFromHere({ host, server }: FastifyRequest, origin: string): boolean {
  if (isKnownOrigin(server.runtime.config, origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}

/** The media type of a Content-Type header without its parameters, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
