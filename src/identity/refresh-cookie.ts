// The refresh token as a cookie (RFC 6265bis): out of reach of scripts, never sent by another site's
// pages, and only to the paths that take it.

import { refreshCookieName as cookieName, refreshCookiePath } from '#src/http/cross-site.ts'

const attributes = `Path=${refreshCookiePath}; HttpOnly; Secure; SameSite=Strict`

/** The refresh token in a Cookie header. */
export function readRefreshCookie(header: string | undefined): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.split('=', 2)
    if (name?.trim() === cookieName && value) return value.trim()
  }
  return undefined
}

/** The Set-Cookie header that keeps the token for `maxAgeSeconds`. */
export function refreshCookie(refreshToken: string, maxAgeSeconds: number): string {
  return `${cookieName}=${refreshToken}; Max-Age=${maxAgeSeconds}; ${attributes}`
}

/** The Set-Cookie header that takes the cookie back. */
export function removedRefreshCookie(): string {
  return refreshCookie('', 0)
}
