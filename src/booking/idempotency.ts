// Requests that may be sent twice: the same Idempotency-Key with the same body is answered once.

import { createHash } from 'node:crypto'
import { invalidIdempotencyKey } from './refusals.ts'
import type { IdempotentRequest } from './queries.ts'

const keyPattern = /^[\x21-\x7e]{1,255}$/

/**
 * What identifies a request with the header (draft-ietf-httpapi-idempotency-key-header: quoted or
 * bare); null without one.
 *
 * @throws InvalidRequest when the header is not a key.
 */
export function idempotentRequest(options: {
  header: string | undefined
  accountId: string
  route: string
  body: unknown
}): IdempotentRequest | null {
  const { header, accountId, route } = options
  if (header === undefined) return null
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!keyPattern.test(key)) throw invalidIdempotencyKey()
  const bodyHash = createHash('sha256').update(canonicalJson(options.body)).digest()
  return { accountId, route, key, bodyHash }
}

/** The same text for the same value, in whichever order its fields came. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  )
}
