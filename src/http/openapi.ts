// openapi.json, made from the schemas and declarations of the routes.

import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import packageFile from '../../package.json' with { type: 'json' }
import type { Operation } from './declarations.ts'
import { problemContentType, problemKind, problemOf, type ProblemCode } from './problems.ts'
import './problem-schema.ts'
import { isObject } from './schema.ts'
import type { App } from './server.ts'

type Json = Record<string, unknown>

const description = `Find a doctor, see the open times and book an appointment.

- **Signing in.** \`POST /api/v1/auth/login\` answers an access token; send it as \`Authorization: Bearer …\`.
- **Times** are RFC 3339 with the offset of the clinic (\`2026-11-24T10:40:00+01:00\`); any offset is accepted. Dates are \`YYYY-MM-DD\` in the clinic's time zone.
- **Lists** are \`{items, nextCursor}\`; ask for the next page with \`cursor\`.
- **Errors** are problem details (RFC 9457) with a stable \`type\`; \`errors\` names each field that is wrong. Unknown fields are refused.
- **Retries.** Send an \`Idempotency-Key\` with each POST about appointments, and repeat it with the same key when the answer was lost.
- **Limits.** \`RateLimit\` tells how many requests are left (\`r\`) and in how many seconds all are there again (\`t\`). Beyond them the answer is 429; wait the seconds in \`Retry-After\`.`

const tagDescriptions: Record<string, string> = {
  auth: 'Accounts, signing in, invitations.',
  clinics: 'The clinics and when they are closed.',
  doctors: 'The doctors, and finding one.',
  'open times': 'Open times, and the hours they come from.',
  patients: 'The records of patients.',
  'medical history': 'What is known of the health of a patient.',
  appointments: 'Booking and what becomes of it.',
  waitlist: 'Waiting for an earlier time, and taking one.',
  messages: 'What patients and staff write to each other about a visit.',
  links: 'What a link in a mail about a visit can do, without signing in.',
  calendars: 'Visits in the calendars of other programs.',
  dashboards: 'A day, a week and what is ahead, at a glance.',
  notifications: 'What an account is told, how it wants to be, and whether others were.',
  'live updates': 'What changes, as it happens.',
  admin: 'For whoever runs the network.',
  operations: 'For whoever runs the server.',
}

/** Registers the generator. `operations` is read when the document is first asked for. */
export async function describeApi(app: App, operations: () => readonly Operation[]): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Visita',
        version: packageFile.version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'This server' }],
      components: {
        securitySchemes: {
          bearerAuth: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          cookieAuth: { type: 'apiKey', in: 'cookie', name: '__Secure-visita-refresh' },
        },
      },
    },
    stripBasePath: false,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id: name }) => (typeof name === 'string' ? name : '') },
    transformObject: (document) => {
      if ('openapiObject' in document) complete(document.openapiObject, operations())
      return 'openapiObject' in document ? document.openapiObject : document.swaggerObject
    },
  })
}

function complete(document: unknown, operations: readonly Operation[]): void {
  const responses: Json = {}
  for (const operation of operations) {
    const path = operation.url.replaceAll(/:(\w+)/g, '{$1}')
    const described = member(
      member(member(document, 'paths'), path),
      operation.method.toLowerCase(),
    )
    if (isObject(described)) completeOperation(described, operation, responses)
  }
  const components = member(document, 'components')
  if (isObject(components)) {
    components.responses = sortedByKey(responses)
    components.schemas = usedSchemas(document)
  }
  if (isObject(document)) document.tags = tagsOf(document)
}

function completeOperation(described: Json, operation: Operation, responses: Json): void {
  described.security ??= operation.audience === 'public' ? [] : [{ bearerAuth: [] }]
  if (isObject(described.requestBody)) {
    described.requestBody.required = operation.body === 'required'
  }
  const answers = described.responses
  if (!isObject(answers)) return
  for (const [status, answer] of Object.entries(answers)) {
    if (isObject(answer) && answer.description === 'Default Response') {
      answer.description = STATUS_CODES[status] ?? 'Success'
    }
    if (isObject(answer) && status === '200' && takesIfMatch(described)) answer.headers = entityTag
  }
  if (operation.method === 'GET' && operation.audience === 'public')
    answers['304'] ??= { description: 'What If-None-Match names is still so' }
  for (const [status, codes] of byStatus(operation.problems)) {
    const name = codes.map(pascal).join('Or')
    responses[name] ??= problemResponse(status, codes)
    answers[status] ??= { $ref: `#/components/responses/${name}` }
  }
}

const entityTag = {
  ETag: {
    description: 'The version of the record, to be sent back in If-Match.',
    schema: { type: 'string', examples: ['"4"'] },
  },
}

function takesIfMatch({ parameters }: Json): boolean {
  return Array.isArray(parameters) && parameters.some((one) => member(one, 'name') === 'if-match')
}

function byStatus(codes: readonly ProblemCode[]): [number, ProblemCode[]][] {
  const groups = Map.groupBy([...codes].toSorted(), (code) => problemKind(code).status)
  return [...groups].toSorted(([one], [other]) => one - other)
}

function problemResponse(status: number, codes: readonly ProblemCode[]): Json {
  const examples = codes.map((code) => {
    const { title, example } = problemKind(code)
    const requestId = '019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8'
    const value = problemOf(code, { detail: example, requestId, members: exampleMembers(code) })
    return [code, { summary: title, value }]
  })
  return {
    description: codes.map((code) => problemKind(code).title).join(', or: '),
    ...(status === 503 || status === 429
      ? { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } } }
      : {}),
    content: {
      [problemContentType.split(';', 1)[0] ?? '']: {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

/** What a problem of this kind may have besides the members of all, as the domain sends it. */
function exampleMembers(code: ProblemCode): Json {
  if (code === 'invalid-request')
    return { errors: [{ in: 'body', pointer: '/email', detail: problemKind(code).example }] }
  if (code === 'stale-version')
    return {
      version: 4,
      changedAt: '2026-11-20T14:05:09+01:00',
      changedBy: { role: 'doctor', name: 'Claire Moreau' },
    }
  if (code === 'wrong-state') return { appointmentStatus: 'completed' }
  if (code === 'too-many-requests')
    return { retryAfterSeconds: 24, 'violated-policies': ['sign-in'] }
  if (code === 'too-late') return { changeableUntil: '2026-11-23T10:40:00+01:00' }
  return {}
}

function tagsOf(document: Json): Json[] {
  const paths = isObject(document.paths) ? Object.values(document.paths) : []
  const used = paths
    .flatMap((path) => (isObject(path) ? Object.values(path) : []))
    .flatMap((operation) => member(operation, 'tags') ?? [])
    .map(String)
  return [...new Set(used)].toSorted().map((name) => {
    const text = tagDescriptions[name]
    return text === undefined ? { name } : { name, description: text }
  })
}

function pascal(code: string): string {
  return code.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function sortedByKey(object: Json): Json {
  return Object.fromEntries(
    Object.entries(object).toSorted(([one], [other]) => one.localeCompare(other, 'en')),
  )
}

/** The schemas that the paths and problems refer to, directly or through others. */
function usedSchemas(document: unknown): Json {
  const schemas = member(member(document, 'components'), 'schemas')
  const used: Json = {}
  const pending = [member(document, 'paths'), member(member(document, 'components'), 'responses')]
  while (pending.length > 0) {
    for (const name of schemaNames(pending.pop())) {
      if (name in used) continue
      used[name] = member(schemas, name)
      pending.push(used[name])
    }
  }
  return sortedByKey(used)
}

function schemaNames(value: unknown): string[] {
  const references = JSON.stringify(value ?? null).matchAll(/"#\/components\/schemas\/([^"/]+)"/g)
  return [...references].map(([, name = '']) => name)
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
