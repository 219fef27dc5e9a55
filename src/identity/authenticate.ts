// Who sent a request.

import type { Actor, Runtime } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotSignedIn } from '#src/kernel/errors.ts'
import { findActor } from './queries.ts'

const bearerPattern = /^bearer +(?<token>[\w.~+/=-]+)$/i

/**
 * Who an Authorization header stands for; null without one. One query by primary key, whose answer
 * is not kept, so that signing out, disabling and changes of role act at once on every process.
 *
 * @throws NotSignedIn when the header is not a bearer token of a live session of an active account.
 */
export async function authenticate(
  runtime: Pick<Runtime, 'db' | 'clock' | 'tokens'>,
  authorization: string | undefined,
): Promise<Actor> {
  if (authorization === undefined) return null
  const token = bearerPattern.exec(authorization)?.groups?.['token']
  if (token === undefined)
    throw new NotSignedIn('The Authorization header must be "Bearer " and the access token.')
  const now = runtime.clock()
  const bearer = await runtime.tokens.verify(token, now)
  const actor = bearer && (await withRetry(() => findActor(runtime.db, { ...bearer, now })))
  if (!actor) throw new NotSignedIn('The access token is not valid, or its session is over.')
  return { ...bearer, ...actor }
}
