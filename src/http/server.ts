// The web server: one Fastify instance with everything that all routes share.

import Fastify, { LogController } from 'fastify'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Actor, Runtime } from '#src/context.ts'
import { InvalidRequest, Refusal } from '#src/kernel/errors.ts'
import { refuseCrossSite } from './cross-site.ts'
import { requireDeclarations, type Operation } from './declarations.ts'
import { addDocumentationPages, descriptionRoutes, redocRoutes } from './docs.ts'
import { answerClientError, answerFailures, answerFrameworkError } from './failures.ts'
import { addHeaders } from './headers.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { limitAddresses } from './limits.ts'
import { decodeText, parseJson, textFault } from './json-body.ts'
import { boundLoad } from './load.ts'
import { observe, requestIdOf } from './observation.ts'
import { describeApi } from './openapi.ts'
import { HttpRefusal, nothingHere } from './problems.ts'
import { allComponents, isObject } from './schema.ts'
import { createValidatorCompiler, formats } from './validation.ts'

/** The server as routes see it: handlers get their types from the TypeBox schemas of the route. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface ServerOptions {
  runtime: Runtime
  /**
   * Who sent this Authorization header; null without one. Throws NotSignedIn for a token that is not
   * valid, which a public route takes for a stranger.
   */
  authenticate: (runtime: Runtime, authorization: string | undefined) => Promise<Actor>
  /** Adds the routes below /api/v1. */
  routes: (app: App) => void
  /** Adds further routes at the root. */
  rootRoutes?: (app: App) => void
  readiness: () => Promise<Readiness>
  /** How many requests may wait for their answer at once; a further one is refused as `busy`. */
  requestsInFlightMax?: number
}

/** The largest body a route takes unless it sets `bodyLimit`, in bytes. */
const bodyBytesMax = 64 * 1024

/** How long a request may take to arrive, in milliseconds. */
const requestTimeout = 30_000

/** A server that is ready to listen. Throws when a route does not declare what it must. */
export async function createServer(options: ServerOptions): Promise<App> {
  const { runtime } = options
  const app = createInstance(runtime)
  let operations: Operation[] = []

  const metrics = observe(app, runtime.log)
  app.addHook('onSend', async (request, reply, payload) => emptied(request, reply, payload))
  boundLoad(app, options.requestsInFlightMax)
  await addHeaders(app, runtime)
  answerFailures(app, runtime.log)
  limitAddresses(app)
  app.addHook('onRequest', async (request, reply) => {
    refuseOddHeaders(request)
    if (request.is404) return answerUnknownPath(request, reply, operations)
    return undefined
  })
  refuseCrossSite(app)
  app.setNotFoundHandler((request, reply) => answerUnknownPath(request, reply, operations))

  await describeApi(app, () => operations)
  await addDocumentationPages(app)

  operations = requireDeclarations(app, options)
  healthRoutes(app, { readiness: options.readiness, metrics })
  descriptionRoutes(app)
  redocRoutes(app)
  options.rootRoutes?.(app)
  await app.register(async (api) => options.routes(api), { prefix: '/api/v1' })
  await app.ready()
  return app
}

function createInstance(runtime: Runtime): App {
  const { config, log } = runtime
  const app = Fastify<RawServerDefault>({
    // Fastify's own lines, for the rare case that it writes one, must not hold addresses either.
    loggerInstance: log.child({}, { serializers: { req: () => undefined, res: () => undefined } }),
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: requestIdOf,
    requestIdHeader: false,
    bodyLimit: bodyBytesMax,
    requestTimeout,
    http: {
      headersTimeout: 10_000,
      requestTimeout,
      connectionsCheckingInterval: 5_000,
      // Node's own refusal has no body; a hook refuses instead.
      requireHostHeader: false,
    },
    return503OnClosing: false,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    serializerOpts: { ajv: { formats } },
  }).withTypeProvider<TypeBoxTypeProvider>()

  // An expectation that Node does not know comes here instead of to its own refusal without a body.
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  )
  app.decorate('runtime', runtime)
  app.decorateRequest('actor', null)
  app.setValidatorCompiler(createValidatorCompiler())
  for (const schema of allComponents()) app.addSchema(schema)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, bytes: Buffer) =>
      bytes.length === 0 ? undefined : parseJson(bytes),
  )
  app.addContentTypeParser<Buffer>(
    ['text/calendar', 'text/csv'],
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, bytes: Buffer) => parseText(bytes),
  )
  return app
}

function parseText(bytes: Buffer): string {
  const text = decodeText(bytes)
  const fault = textFault(text)
  if (fault === null) return text
  throw new InvalidRequest([{ in: 'body', pointer: '', detail: `The body ${fault}.` }])
}

function refuseOddHeaders({ headers, raw }: FastifyRequest): void {
  if (headers.host === undefined && raw.httpVersion === '1.1')
    throw new Refusal('malformed-request', 'The request must have a Host header.')
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    throw new Refusal('malformed-request', 'The only Expect header taken is 100-continue.')
  const repeated = repeatedHeader(raw.rawHeaders)
  if (repeated !== null)
    throw new Refusal('malformed-request', `The header ${repeated} may be sent once only.`)
}

/** An answer that is declared as null has no body, whatever its status; Fastify would send the word. */
function emptied({ routeOptions }: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  if (payload !== 'null') return payload
  const answers = routeOptions.schema?.response
  const declared = isObject(answers) ? answers[String(reply.statusCode)] : undefined
  if (!isObject(declared) || declared.type !== 'null') return payload
  void reply.removeHeader('content-type').removeHeader('content-length')
  return ''
}

/** Of these Node takes the first, and a proxy before it may have gone by another. */
const singleHeaders = new Set(['host', 'authorization', 'content-type', 'origin'])

function repeatedHeader(rawHeaders: readonly string[]): string | null {
  const seen = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    if (!singleHeaders.has(name)) continue
    if (seen.has(name)) return name
    seen.add(name)
  }
  return null
}

function answerUnknownPath(
  request: FastifyRequest,
  reply: FastifyReply,
  operations: readonly Operation[],
): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? ''
  const methods = new Set(
    operations.filter(({ url }) => matches(url, path)).map(({ method }) => method),
  )
  if (methods.size === 0) throw new HttpRefusal('no-such-path', nothingHere)
  if (methods.has('GET')) methods.add('HEAD')
  methods.add('OPTIONS')
  const allow = [...methods].join(', ')
  if (request.method === 'OPTIONS') {
    return reply.code(204).header('allow', allow).send()
  }
  throw new HttpRefusal('method-not-allowed', `This path answers ${allow}.`, { allow })
}

function matches(pattern: string, path: string): boolean {
  const segments = pattern.split('/')
  const given = path.split('/')
  return (
    segments.length === given.length &&
    segments.every((segment, index) => segment.startsWith(':') || segment === given[index])
  )
}
