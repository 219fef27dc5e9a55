// Access tokens: short-lived JWTs in the profile of RFC 9068, signed with an Ed25519 key. A token says which
// session it belongs to and nothing that would have to be believed for long.

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { compactVerify, errors, SignJWT } from 'jose'
import { validate } from 'uuid'
import type { Role } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'

export interface TokenSigner {
  /** Issues an access token; `expiresIn` is in seconds. */
  issue(input: {
    accountId: string
    sessionId: string
    role: Role
    now: Instant
  }): Promise<{ accessToken: string; expiresIn: number }>
  /** Whose token it is; null when it is not one of ours, or expired at `now`. */
  verify(token: string, now: Instant): Promise<{ accountId: string; sessionId: string } | null>
  /** The public keys as a JWK Set (RFC 7517 5), the one that signs first. */
  jwks(): JsonWebKeySet
}

export interface JsonWebKeySet {
  keys: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; alg: 'EdDSA'; use: 'sig' }[]
}

/** Who issues the access tokens of a server. */
export const tokenIssuer = 'visita'
const audience = 'visita'
const tokenType = 'at+jwt'
const algorithm = 'EdDSA'

/**
 * `signingKeys` are 32-byte Ed25519 seeds (RFC 8032 5.1.5) as base64url: the first signs, the others are
 * former ones whose tokens are still taken.
 */
export function createTokenSigner(options: {
  signingKeys: readonly string[]
  issuer: string
  accessTokenMinutes: number
}): TokenSigner {
  const { issuer, accessTokenMinutes } = options
  const keys = options.signingKeys.map(signingKeyOf)
  const [current] = keys
  if (current === undefined) throw new Error('There must be a signing key.')
  const publicKeys = new Map(keys.map(({ id, publicKey }) => [id, publicKey]))
  const expiresIn = accessTokenMinutes * 60

  return {
    async issue({ accountId, sessionId, role, now }) {
      const issuedAt = Math.floor(now / 1000)
      const accessToken = await new SignJWT({ sid: sessionId, role })
        .setProtectedHeader({ alg: algorithm, typ: tokenType, kid: current.id })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(accountId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + expiresIn)
        .sign(current.privateKey)
      return { accessToken, expiresIn }
    },

    async verify(token, now) {
      const signed = await verifySignature(token)
      if (signed === null || signed.header.typ !== tokenType) return null
      const { iss, aud, exp, sub, sid } = signed.claims
      if (iss !== issuer || aud !== audience) return null
      if (typeof exp !== 'number' || now >= exp * 1000) return null
      if (!isId(sub) || !isId(sid)) return null
      return { accountId: sub, sessionId: sid }
    },

    jwks: () => ({
      keys: keys.map(({ id, x }) => ({
        kty: 'OKP',
        crv: 'Ed25519',
        x,
        kid: id,
        alg: algorithm,
        use: 'sig',
      })),
    }),
  }

  /** One of ours or none: nothing is taken from the token but which. */
  function publicKeyOf({ kid }: { kid?: string }): KeyObject {
    const key = publicKeys.get(kid ?? '')
    if (key === undefined) throw new errors.JWKSNoMatchingKey()
    return key
  }

  /** An unknown `crit` makes jose refuse the token (RFC 7515 4.1.11). */
  async function verifySignature(token: string) {
    try {
      const { payload, protectedHeader } = await compactVerify(token, publicKeyOf, {
        algorithms: [algorithm],
      })
      const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
      return isObject(claims) ? { header: protectedHeader, claims } : null
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof SyntaxError) return null
      throw error
    }
  }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && validate(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** What precedes the seed in the PKCS #8 form of an Ed25519 key (RFC 8410 7). */
const keyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

function signingKeyOf(seed: string) {
  const privateKey = privateKeyOf(seed)
  const publicKey = createPublicKey(privateKey)
  const { x } = publicKey.export({ format: 'jwk' })
  if (x === undefined) throw new Error('An Ed25519 key has an x coordinate.')
  return { id: thumbprint(x), x, privateKey, publicKey }
}

function privateKeyOf(seed: string) {
  const bytes = Buffer.from(seed, 'base64url')
  if (bytes.length !== 32) throw new Error('The signing key must have 32 bytes.')
  return createPrivateKey({ key: Buffer.concat([keyPrefix, bytes]), format: 'der', type: 'pkcs8' })
}

/** The key's thumbprint (RFC 7638 3, with the members that RFC 8037 2 requires). */
function thumbprint(x: string): string {
  const members = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`
  return createHash('sha256').update(members).digest('base64url')
}
