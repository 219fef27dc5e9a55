// What a handler takes from a request: who asks, the means to answer, and who may call the route at all.

import type { Actor, Context, Runtime, SignedInContext } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { NotAllowed, NotSignedIn } from '#src/kernel/errors.ts'
import type { ProblemCode } from './problems.ts'

/** Who may call a route: anyone, anyone with an account, or accounts with one of these roles. */
export type Audience = 'public' | 'signed-in' | readonly Role[]

declare module 'fastify' {
  interface FastifyContextConfig {
    audience: Audience
    /** The refusals the route answers beyond those that follow from its schema and audience. */
    refusals?: readonly ProblemCode[]
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
  server: { runtime: Runtime }
}

/** The context of an operation that anyone may ask for; its actor is null for a stranger. */
export function contextOf(request: ServedRequest): Context {
  return { ...request.server.runtime, actor: request.actor, requestId: request.id }
}

/** The context of an operation that needs an account. Throws NotSignedIn for a stranger. */
export function signedIn(request: ServedRequest): SignedInContext {
  const { actor } = request
  if (actor === null) throw new NotSignedIn()
  return { ...request.server.runtime, actor, requestId: request.id }
}

/** Throws NotSignedIn or NotAllowed when the actor is not of the audience. */
export function requireAudience(audience: Audience, actor: Actor): void {
  if (audience === 'public') return
  if (actor === null) throw new NotSignedIn()
  if (audience !== 'signed-in' && !audience.includes(actor.role)) throw new NotAllowed()
}
