// Requests that may be sent twice: the same Idempotency-Key with the same body is answered once.

import { createHash } from 'node:crypto'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import {
  rememberRequest,
  storeAnswer,
  type IdempotentRequest,
  type StoredAnswer,
} from './call-queries.ts'
import { bookingFailureOf, IdempotencyKeyReused, invalidIdempotencyKey } from './refusals.ts'

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

/** A key for a caller who sent none, so that a retry of ours after a lost answer is no second step. */
export function unsharedRequest({ actor }: SignedInContext, route: string): IdempotentRequest {
  return { accountId: actor.accountId, route, key: newId(), bodyHash: Buffer.alloc(0) }
}

/**
 * The answer that this very request got before, when it would now be refused; null for none.
 *
 * @throws IdempotencyKeyReused
 */
export async function earlierAnswer(
  context: SignedInContext,
  request: IdempotentRequest | null,
  now: Instant,
): Promise<StoredAnswer | null> {
  return request === null ? null : answerOnce(context, request, { now, answer: null })
}

/**
 * The answer that this very request got before; else `answer`, which it gets from now on, for a request
 * that finds nothing to do. With null as the answer the request is forgotten again.
 *
 * @throws IdempotencyKeyReused
 */
export async function answerOnce<Answer extends StoredAnswer | null>(
  context: SignedInContext,
  request: IdempotentRequest,
  { now, answer }: { now: Instant; answer: Answer },
): Promise<StoredAnswer | Answer> {
  const unknown = new Error('This request was never answered.')
  try {
    return await withRetry(() =>
      context.db.transaction().execute(async (db) => {
        const earlier = await rememberRequest(db, request, now)
        if (earlier !== null) return earlier
        if (answer === null) throw unknown
        await storeAnswer(db, request, answer)
        return answer
      }),
    )
  } catch (error) {
    if (error === unknown) return answer
    if (bookingFailureOf(error) === 'key-reused') throw new IdempotencyKeyReused()
    throw error
  }
}
