// What a route must declare before the server starts, and what follows for it from its declaration:
// who may call it, which body it takes, and which refusals its documentation lists.

import type { FastifyReply, FastifyRequest, FastifySchema, RouteOptions } from 'fastify'
import { InvalidRequest, Refusal, type FieldError } from '#src/kernel/errors.ts'
import { mediaTypeOf, refreshCookiePath } from './cross-site.ts'
import { faultsMax, pointerTo, textFault } from './json-body.ts'
import { limitAccount } from './limits.ts'
import { operationIdOf } from './operation-id.ts'
import { HttpRefusal, type ProblemCode } from './problems.ts'
import { recordRefusedByRole } from './refused-by-role.ts'
import { servedActor, type Audience } from './request.ts'
import { closed, findComponent, isObject } from './schema.ts'
import type { App, ServerOptions } from './server.ts'
import { createValidatorCompiler } from './validation.ts'

/** A route as its documentation needs it. */
export interface Operation {
  method: string
  url: string
  operationId: string
  audience: Audience
  problems: readonly ProblemCode[]
  /** Null when it takes none. */
  body: 'required' | 'optional' | null
}

type Json = Record<string, unknown>

/**
 * Makes each route that is added from here on declare itself, and returns the list of operations,
 * which grows with the routes. Adding a route that does not declare its audience, path parameters, and
 * unless it is hidden from openapi.json its summary and tags, throws.
 */
export function requireDeclarations(app: App, options: ServerOptions): Operation[] {
  const operations: Operation[] = []
  const ofLargeBodies = createValidatorCompiler({ allErrors: false })
  app.addHook('onRoute', (route) => {
    const operation = declare(route)
    route.onRequest = [
      checkAudience(operation, options, route.config?.withoutSecondFactor),
      checkContentType(route.schema, operation.body),
      ...hooksOf(route.onRequest),
    ]
    if (route.bodyLimit !== undefined && route.bodyLimit > app.initialConfig.bodyLimit!) {
      route.validatorCompiler = ofLargeBodies
    }
    route.preValidation = [checkInput(operation.body), ...hooksOf(route.preValidation)]
    if (operation.method === 'HEAD') return
    if (operations.some(({ operationId }) => operationId === operation.operationId)) {
      throw new Error(`${nameOf(route)}: there are two operations ${operation.operationId}.`)
    }
    operations.push(operation)
  })
  return operations
}

function hooksOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  if (hooks === undefined) return []
  return Array.isArray(hooks) ? hooks : [hooks]
}

function nameOf(route: RouteOptions): string {
  return `${String(route.method)} ${route.url}`
}

function declare(route: RouteOptions): Operation {
  const { config, schema, url } = route
  const method = String(route.method)
  const audience = config?.audience
  if (audience === undefined) throw new Error(`${nameOf(route)} does not declare its audience.`)
  if (!schema?.hide && (!schema?.summary || !schema.tags?.length)) {
    throw new Error(`${nameOf(route)} declares no summary or no tags.`)
  }
  if (url.includes(':') && !isObject(schema.params)) {
    throw new Error(`${nameOf(route)} does not declare its path parameters.`)
  }
  const { body, querystring } = schema
  const operationId = schema.hide
    ? nameOf(route)
    : (schema.operationId ?? operationIdOf({ method, url, schema }))
  route.schema = {
    ...schema,
    operationId,
    querystring: isObject(querystring) ? closed(querystring) : noParameters,
    ...(isObject(body) ? { body: closed(body) } : {}),
  }
  return {
    method,
    url,
    operationId,
    audience,
    body: bodyOf(body),
    problems: problemsOf({
      method,
      url,
      audience,
      isOfStaff: config?.withoutSecondFactor !== true && isOfStaff(audience),
      isLimited: config?.limit !== 'none',
      refusals: config?.refusals ?? [],
    }),
  }
}

const noParameters = { type: 'object', properties: {}, additionalProperties: false }

/** A body all of whose fields are optional may itself be left out. */
function bodyOf(schema: unknown): Operation['body'] {
  if (!isObject(schema)) return null
  const resolved = resolve(schema)
  const isOptional =
    resolved.type === 'object' &&
    !Array.isArray(resolved.required) &&
    !resolved.minProperties &&
    !resolved.anyOf &&
    !resolved.oneOf
  return isOptional ? 'optional' : 'required'
}

function resolve(schema: Json): Json {
  const { $ref: reference } = schema
  if (typeof reference !== 'string') return schema
  return { ...findComponent(reference.replace(/#$/, '')) }
}

/** Where no body or query is taken, one that is sent is refused all the same. */
function problemsOf(route: {
  method: string
  url: string
  audience: Audience
  /** Whether it is closed to staff without the second factor that they need. */
  isOfStaff: boolean
  isLimited: boolean
  refusals: readonly ProblemCode[]
}): ProblemCode[] {
  const hasPathParameters = route.url.includes(':')
  const mayHaveBody = !['GET', 'HEAD'].includes(route.method)
  const takesCookie = route.url.startsWith(`${refreshCookiePath}/`)
  return [
    ...new Set<ProblemCode>([
      ...(mayHaveBody || hasPathParameters ? (['malformed-request'] as const) : []),
      ...(route.audience === 'public' ? [] : (['not-signed-in'] as const)),
      ...(Array.isArray(route.audience) || (mayHaveBody && takesCookie)
        ? (['not-allowed'] as const)
        : []),
      ...(route.isOfStaff ? (['second-factor-required'] as const) : []),
      ...(hasPathParameters ? (['not-found', 'address-too-long'] as const) : []),
      ...(mayHaveBody ? (['body-too-large', 'unsupported-media-type'] as const) : []),
      'invalid-request',
      ...(route.isLimited ? (['too-many-requests'] as const) : []),
      ...route.refusals,
      'internal-error',
      'busy',
    ]),
  ]
}

function isOfStaff(audience: Audience): boolean {
  if (audience === 'public') return false
  return audience === 'signed-in' || audience.some((role) => role !== 'patient')
}

/** Whoever is signed in and refused is put on record; strangers are many and unknown. */
function checkAudience(
  operation: Operation,
  options: ServerOptions,
  withoutSecondFactor: true | undefined,
) {
  const { audience } = operation
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authorization } = request.headers
    try {
      if (authorization !== undefined) {
        request.actor = await options.authenticate(options.runtime, authorization)
      }
    } catch (error) {
      // A token that has run out must not keep anyone from what is open to all, least of all sign-in.
      const isStranger = error instanceof Refusal && error.code === 'not-signed-in'
      if (isStranger) await limitAccount(request, reply)
      if (audience !== 'public' || !isStranger) throw error
    }
    if (request.actor !== null) await limitAccount(request, reply)
    try {
      request.actor = servedActor(request.actor, { audience, withoutSecondFactor })
    } catch (error) {
      if (request.actor !== null) await recordRefusedByRole(request, operation)
      throw error
    }
  }
}

/**
 * The type is compared as a whole, before any parser sees it: a header that parsers read differently
 * must not choose between schemas.
 */
function checkContentType(schema: FastifySchema | undefined, body: Operation['body']) {
  const accepted = schema?.consumes ?? ['application/json']
  return async (request: FastifyRequest): Promise<void> => {
    const { headers } = request
    if (!carriesBody(headers)) {
      delete headers['content-type']
      return
    }
    const { 'content-encoding': coding = 'identity' } = headers
    if (coding !== 'identity')
      throw new HttpRefusal('unsupported-media-type', 'The body must be sent without a coding.')
    if (accepted.includes(mediaTypeOf(headers['content-type']))) return
    if (body === null && ['GET', 'HEAD'].includes(request.method)) return
    throw new HttpRefusal(
      'unsupported-media-type',
      `The body must be sent with Content-Type: ${accepted.join(' or ')}.`,
    )
  }
}

function carriesBody(headers: FastifyRequest['headers']): boolean {
  const length = headers['content-length']
  return (
    headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0)
  )
}

function checkInput(body: Operation['body']) {
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const faults = [...textFaults('path', request.params), ...textFaults('query', request.query)]
    if (faults.length > 0) throw new InvalidRequest(faults.slice(0, faultsMax))
    if (body === null) refuseBody(request.body)
    else if (request.body === undefined) {
      if (body === 'required') {
        throw new InvalidRequest([{ in: 'body', pointer: '', detail: 'The body is required.' }])
      }
      request.body = {}
    }
  }
}

/** An empty object is let pass, since some clients cannot send a POST without a body. */
function refuseBody(body: unknown): void {
  if (body === undefined || body === null) return
  const [field] = isObject(body) ? Object.keys(body) : ['']
  if (field === undefined) return
  const pointer = field === '' ? '' : pointerTo([field])
  throw new InvalidRequest([
    {
      in: 'body',
      pointer,
      detail: `${pointer || 'The body'} is not a field here; there are none.`,
    },
  ])
}

function textFaults(place: FieldError['in'], values: unknown): FieldError[] {
  if (!isObject(values)) return []
  return Object.entries(values).flatMap(([name, value]) => {
    const texts: unknown[] = Array.isArray(value) ? value : [value]
    const fault = [name, ...texts]
      .map((text) => (typeof text === 'string' ? textFault(text) : null))
      .find((found) => found !== null)
    if (fault === undefined) return []
    const pointer = pointerTo([name.replaceAll('\0', '')])
    return [{ in: place, pointer, detail: `${pointer.slice(1)} ${fault}.` }]
  })
}
