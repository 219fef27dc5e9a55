// Limits on requests: who has asked for too much is refused before anything is done for them, and everyone
// is told where they stand (draft-ietf-httpapi-ratelimit-headers).

import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Runtime } from '#src/context.ts'
import { messageOf, TooManyRequests } from '#src/kernel/errors.ts'
import { networkOf } from './client-network.ts'
import { deleteCountsEndedBefore } from './count-queries.ts'
import { createCounts, type Counts, type Standing } from './counts.ts'
import { defaultLimit, limitClasses, type LimitClass } from './limit-classes.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What this server's requests are counted in. */
    counts: Counts
  }
}

/**
 * Counts each request that is not asked for by an account, for its address. `limitAccount` follows once it
 * is known who asks.
 */
export function limitAddresses(app: App): void {
  const counts = createCounts(app.runtime)
  app.decorate('counts', counts)
  app.addHook('onRequest', async (request, reply) => {
    const limitClass = classOf(request)
    if (limitClass === null || waitsForAccount(request, limitClass)) return
    await take(request, reply, { limitClass, subject: networkOf(request.ip) })
  })
  app.addHook('onClose', () => counts.close())
}

/**
 * Counts a request that came with a token: for its account, or for its address when the token is none of
 * an account. Throws TooManyRequests.
 */
export async function limitAccount(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const limitClass = classOf(request)
  if (limitClass === null || !waitsForAccount(request, limitClass)) return
  const { actor, ip } = request
  const subject = actor === null ? networkOf(ip) : `account ${actor.accountId}`
  await take(request, reply, { limitClass, subject })
}

/** Null for what is not limited. What is no route of the API counts as a read: pages, wrong paths. */
function classOf({ routeOptions, method }: FastifyRequest): LimitClass | null {
  const { audience, limit } = routeOptions.config
  if (audience === undefined) return limitClasses.read
  const name = limit ?? defaultLimit(method)
  return name === 'none' ? null : limitClasses[name]
}

function waitsForAccount({ headers, routeOptions }: FastifyRequest, { by }: LimitClass): boolean {
  const isKnown = routeOptions.config.audience !== undefined
  return isKnown && by === 'account' && headers.authorization !== undefined
}

async function take(
  { server }: FastifyRequest,
  reply: FastifyReply,
  { limitClass, subject }: { limitClass: LimitClass; subject: string },
): Promise<void> {
  const { counts, runtime } = server
  const { refusedBy, standings } = await counts.take(limitClass, subject)
  const { rateLimitFactor } = runtime.config
  void reply
    .header('ratelimit-policy', policyOf(limitClass, rateLimitFactor))
    .header('ratelimit', standings.map(fieldOf).join(', '))
  if (refusedBy !== null) throw new TooManyRequests(refusedBy.resetSeconds, refusedBy.name)
}

function policyOf({ limits }: LimitClass, factor: number): string {
  return limits
    .map(({ name, max, windowSeconds }) => `"${name}";q=${max * factor};w=${windowSeconds}`)
    .join(', ')
}

function fieldOf({ name, remaining, resetSeconds }: Standing): string {
  return `"${name}";r=${remaining};t=${resetSeconds}`
}

const batchSize = 2000
const pauseMilliseconds = 600_000

/** Removes the counts whose windows are over, every ten minutes, until `signal` aborts. */
export async function keepCounts(
  { db, clock, log }: Pick<Runtime, 'db' | 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      while ((await deleteCountsEndedBefore(db, clock(), batchSize)) === batchSize);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'old counts of requests could not be removed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}
