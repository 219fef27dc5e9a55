// What becomes of everything that is thrown while a request is served: a problem for the caller, and
// for a bug a line in the log.

import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { isLostConnection, refusalOf as refusalOfConstraint } from '#src/db/constraints.ts'
import { newId } from '#src/kernel/ids.ts'
import { InvalidRequest, Refusal } from '#src/kernel/errors.ts'
import { toFieldErrors } from './field-errors.ts'
import { headersWithoutHooks } from './headers.ts'
import {
  HttpRefusal,
  nothingHere,
  problemContentType,
  problemKind,
  problemOf,
  problemOfRefusal,
  type Problem,
  type ProblemCode,
} from './problems.ts'
import type { App } from './server.ts'

/** How large a body is read to its end, so that its sender gets to see the refusal. */
const drainedBytesMax = 16 * 1024 * 1024

/** Makes the server answer everything that fails with a problem. */
export function answerFailures(app: App, log: Logger): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => fail(error, { request, reply, log }))
}

/** Answers a failure that comes before a request has a route: an address that cannot be read. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const code = error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? 'address-too-long' : 'malformed-request'
  const detail =
    code === 'address-too-long'
      ? 'A part of the path is too long.'
      : 'The path is not valid percent-encoded UTF-8.'
  const { config } = request.server.runtime
  void reply.headers(headersWithoutHooks(config)).header('x-request-id', request.id)
  sendProblem(reply, problemOf(code, { detail, requestId: request.id }))
}

/** Answers bytes that are no HTTP request, straight on the socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(rawProblem(clientErrorCode(error)))
  socket.destroy(error)
}

function clientErrorCode(error: NodeJS.ErrnoException): ProblemCode {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout'
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'headers-too-large'
  return 'malformed-request'
}

function rawProblem(code: ProblemCode): string {
  const detail =
    code === 'malformed-request' ? 'This is not an HTTP request.' : problemKind(code).example
  const problem = problemOf(code, { detail, requestId: newId() })
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${problemContentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

interface Failed {
  request: FastifyRequest
  reply: FastifyReply
  log: Logger
}

function fail(error: FastifyError, { request, reply, log }: Failed): void {
  const refusal = refusalOf(error, request)
  if (refusal instanceof Refusal) {
    const problem = problemOfRefusal(refusal, request.id)
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer')
    if ([429, 503].includes(problem.status) && !reply.hasHeader('retry-after')) {
      const { retryAfterSeconds } = refusal.members
      void reply.header(
        'retry-after',
        typeof retryAfterSeconds === 'number' ? retryAfterSeconds : 1,
      )
    }
    sendProblem(reply, problem)
    return
  }
  if (refusal instanceof HttpRefusal) {
    void reply.headers(refusal.headers)
    if (refusal.code === 'body-too-large') keepOpenWhileSending(request.raw, reply)
    sendProblem(reply, problemOf(refusal.code, { detail: refusal.message, requestId: request.id }))
    return
  }
  log.error(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      error: faultOf(error),
    },
    'request failed',
  )
  const { example: detail } = problemKind('internal-error')
  sendProblem(reply, problemOf('internal-error', { detail, requestId: request.id }))
}

function refusalOf(error: FastifyError, request: FastifyRequest): Refusal | HttpRefusal | null {
  if (error instanceof Refusal || error instanceof HttpRefusal) return error
  if (error.validation) {
    return new InvalidRequest(toFieldErrors(error.validation, error.validationContext ?? 'body'))
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpRefusal(
        'body-too-large',
        `The body may have at most ${request.routeOptions.bodyLimit} bytes.`,
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpRefusal('unsupported-media-type', 'The Content-Type is not supported here.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Refusal('malformed-request', 'The body is not as long as Content-Length says.')
    default:
      return refusalOfDatabase(error) ?? refusalOfFramework(error)
  }
}

function refusalOfDatabase(error: Error): Refusal | null {
  if (isLostConnection(error))
    return new Refusal('busy', 'The database does not answer. Try again in a moment.')
  return refusalOfConstraint(error)
}

/** What else Fastify or a plugin refuses with a status of its own. */
function refusalOfFramework({ statusCode = 500 }: FastifyError): HttpRefusal | null {
  if (statusCode < 400 || statusCode >= 500) return null
  if (statusCode === 403 || statusCode === 404) return new HttpRefusal('no-such-path', nothingHere)
  return new HttpRefusal('malformed-request', 'The request cannot be read.')
}

/**
 * Closing a connection on which the client still sends makes it lose the answer. So the rest of a
 * body of bearable size is read and thrown away, and only a larger one is cut off.
 */
function keepOpenWhileSending(request: IncomingMessage, reply: FastifyReply): void {
  const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY)
  if (length <= drainedBytesMax) void reply.removeHeader('connection')
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  void reply.code(problem.status).type(problemContentType).send(JSON.stringify(problem))
}

/** What the log may hold of a bug: never the values in PostgreSQL's messages. */
function faultOf(error: Error & { code?: unknown; constraint?: unknown; routine?: unknown }) {
  const isFromDatabase = 'severity' in error
  const stack = isFromDatabase ? error.stack?.replace(/^[^]*?(?=\n\s+at )/, '') : error.stack
  const { name, code, constraint, routine } = error
  return { name, code, constraint, routine, stack }
}
