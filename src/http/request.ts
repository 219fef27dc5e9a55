// What a handler takes from a request: who asks, the means to answer, and who may call the route at all.

import type { Actor, Context, Runtime, SignedInContext } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { NotAllowed, NotSignedIn, SecondFactorRequired } from '#src/kernel/errors.ts'
import { networkOf } from './client-network.ts'
import type { LimitName } from './limit-classes.ts'
import type { ProblemCode } from './problems.ts'

/** Who may call a route: anyone, anyone with an account, or accounts with one of these roles. */
export type Audience = 'public' | 'signed-in' | readonly Role[]

declare module 'fastify' {
  interface FastifyContextConfig {
    audience: Audience
    /** The refusals the route answers beyond those that follow from its schema and audience. */
    refusals?: readonly ProblemCode[]
    /** Stays open to staff who still have to set up the second factor that the network asks them for. */
    withoutSecondFactor?: true
    /** How much of it is taken on; by default as `defaultLimit` has it. */
    limit?: LimitName
  }
  interface FastifyRequest {
    actor: Actor
  }
  interface FastifyInstance {
    runtime: Runtime
  }
}

/** The part of a Fastify request that does not depend on the route's schema. */
export interface ServedRequest {
  id: string
  actor: Actor
  ip: string
  headers: { 'user-agent'?: string | undefined }
  server: { runtime: Runtime }
}

/** The context of an operation that anyone may ask for; its actor is null for a stranger. */
export function contextOf(request: ServedRequest): Context {
  return contextWith(request, request.actor)
}

/** The context of an operation that needs an account. Throws NotSignedIn for a stranger. */
export function signedIn(request: ServedRequest): SignedInContext {
  const { actor } = request
  if (actor === null) throw new NotSignedIn()
  return contextWith(request, actor)
}

function contextWith<Who extends Actor>(
  request: ServedRequest,
  actor: Who,
): Context & { actor: Who } {
  const { runtime } = request.server
  const { 'user-agent': userAgent } = request.headers
  return {
    ...runtime,
    actor,
    requestId: request.id,
    clientAddress: networkOf(request.ip),
    ...(userAgent !== undefined && { userAgent }),
  }
}

/**
 * Who a request is served as: the actor, or nobody where a route open to all is asked by someone who still
 * has to set up a second factor, so that it shows no more than to a stranger.
 *
 * @throws NotSignedIn, NotAllowed when the actor is not of the audience, SecondFactorRequired.
 */
export function servedActor(
  actor: Actor,
  { audience, withoutSecondFactor }: { audience: Audience; withoutSecondFactor?: true | undefined },
): Actor {
  const lacksSecondFactor = actor?.needsSecondFactor === true && withoutSecondFactor !== true
  if (audience === 'public') return lacksSecondFactor ? null : actor
  if (actor === null) throw new NotSignedIn()
  if (audience !== 'signed-in' && !audience.includes(actor.role)) throw new NotAllowed()
  if (lacksSecondFactor) throw new SecondFactorRequired()
  return actor
}
