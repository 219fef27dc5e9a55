// A server with a few routes about pets, for the tests of this module.

import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import { pino } from 'pino'
import { Type } from 'typebox'
import { loadConfig } from '#src/config.ts'
import type { AccountActor, Runtime } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { NotSignedIn, Refusal } from '#src/kernel/errors.ts'
import { systemClock } from '#src/kernel/time.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Readiness } from './health.ts'
import { signedIn } from './request.ts'
import {
  component,
  Email,
  Id,
  InstantText,
  LocalDateText,
  MinuteText,
  NoContent,
  nullable,
  Page,
  PageQuery,
  PersonName,
  PhoneText,
  ref,
  Text,
  TimeZoneText,
} from './schema.ts'
import { createServer, type App } from './server.ts'

const Pet = component(
  'Pet',
  Type.Object(
    { id: Id, name: PersonName, bornOn: Type.Optional(nullable(LocalDateText)) },
    { examples: [{ id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', name: 'Tom' }] },
  ),
)

const Owner = component('Owner', Type.Object({ email: Email, pet: nullable(ref(Pet)) }))

const NewPet = Type.Object({
  name: PersonName,
  bornOn: Type.Optional(LocalDateText),
  fedAt: Type.Optional(InstantText),
  walkFrom: Type.Optional(MinuteText),
  kind: Type.Optional(Type.Enum(['cat', 'dog'])),
  legs: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  isTame: Type.Optional(Type.Boolean()),
  phone: Type.Optional(PhoneText),
  timeZone: Type.Optional(TimeZoneText),
  notes: Type.Optional(Text(200)),
  owner: Type.Optional(nullable(ref(Owner))),
  tags: Type.Optional(Type.Array(Type.String(), { maxItems: 3, uniqueItems: true })),
})

const tom = { id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', name: 'Tom', chip: 'secret-chip' }

function petRoutes(app: App): void {
  const tags = ['pets']
  app.get(
    '/pets',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'Pets',
        tags,
        querystring: Type.Object({
          ...PageQuery,
          bornOn: Type.Optional(LocalDateText),
          fedAt: Type.Optional(InstantText),
          isTame: Type.Optional(Type.Boolean()),
          kind: Type.Optional(Type.Array(Type.String(), { maxItems: 2 })),
        }),
        response: { 200: Page(ref(Pet)) },
      },
    },
    async (request, reply) => {
      void reply.header('x-query', JSON.stringify(request.query))
      return { items: [tom], nextCursor: null }
    },
  )
  app.post(
    '/pets',
    {
      config: { audience: 'public', refusals: ['conflict', 'slot-taken'] },
      schema: { summary: 'A new pet', tags, body: NewPet, response: { 201: ref(Pet) } },
    },
    async (request, reply) => reply.code(201).send({ ...tom, name: request.body.name }),
  )
  app.get(
    '/pets/:id',
    {
      config: { audience: 'signed-in' },
      schema: {
        summary: 'A pet',
        tags,
        params: Type.Object({ id: Id }),
        response: { 200: ref(Pet) },
      },
    },
    async (request) => ({ ...tom, name: signedIn(request).actor.name }),
  )
  app.post(
    '/pets/:id/feed',
    {
      config: { audience: ['admin', 'doctor'] },
      schema: {
        summary: 'Feed it',
        tags,
        params: Type.Object({ id: Id }),
        body: Type.Object({ reason: Type.Optional(Text(100)) }),
        response: { 200: ref(Pet) },
      },
    },
    async () => tom,
  )
  app.put(
    '/pets',
    {
      config: { audience: 'public' },
      bodyLimit: 1024 * 1024,
      schema: {
        summary: 'Replace the pets',
        tags,
        body: Type.Object({ pets: Type.Array(NewPet) }),
        response: { 204: NoContent },
      },
    },
    async (_request, reply) => reply.code(204).send(null),
  )
  app.post(
    '/pets/import',
    {
      config: { audience: 'public' },
      bodyLimit: 256 * 1024,
      schema: {
        summary: 'Import pets',
        tags,
        consumes: ['text/calendar'],
        body: Type.String(),
        response: { 200: Type.Object({ characters: Type.Integer() }) },
      },
    },
    async (request) => ({ characters: request.body.length }),
  )
  app.delete(
    '/pets/:id',
    {
      config: { audience: 'public', refusals: ['wrong-state'] },
      schema: {
        summary: 'Remove it',
        tags,
        params: Type.Object({ id: Id }),
        response: { 204: NoContent },
      },
    },
    async () => {
      throw new Refusal('wrong-state', 'It is eating.', { state: 'eating', status: 'eating' })
    },
  )
  app.put(
    '/pets/:id',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'Pat it',
        tags,
        params: Type.Object({ id: Id }),
        response: { 204: NoContent },
      },
    },
    async (_request, reply) => reply.code(204).send(null),
  )
  app.get(
    '/broken',
    { config: { audience: 'public' }, schema: { summary: 'A bug', tags } },
    async () => {
      throw new TypeError('the bug')
    },
  )
}

const roles: readonly Role[] = ['patient', 'doctor', 'front_desk', 'admin']

/** The token of an account is its role. */
async function authenticate(_runtime: Runtime, authorization: string | undefined) {
  const role = roles.find((name) => authorization === `Bearer ${name}`)
  if (role === undefined) throw new NotSignedIn('This token is not valid.')
  return actorWith(role)
}

function actorWith(role: Role): AccountActor {
  return {
    accountId: newId(),
    sessionId: newId(),
    role,
    name: 'Anna',
    doctorId: null,
    clinicIds: [],
    ownPatientId: null,
    patientIds: [],
    seenPatientIds: [],
    needsSecondFactor: false,
  }
}

export interface TestServer {
  app: App
  /** The lines of the log so far. */
  lines: string[]
}

/** Starts a server with the pet routes and `routes`; the caller closes it. */
export async function createTestServer(
  options: {
    env?: Record<string, string>
    routes?: (app: App) => void
    readiness?: () => Promise<Readiness>
    requestsInFlightMax?: number
  } = {},
): Promise<TestServer> {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const config = loadConfig({
    env: { RATE_LIMIT_FACTOR: '1000', ...options.env },
    envFile: null,
  })
  // Nothing of the pets is kept, and of what is written about them nothing is.
  const db = new Kysely({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (nobody) => new PostgresIntrospector(nobody),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })
  const runtime = { config, log, clock: systemClock, db } as Runtime
  const app = await createServer({
    runtime,
    authenticate,
    readiness: options.readiness ?? (async () => ({ checks: [] })),
    routes: (api) => {
      petRoutes(api)
      options.routes?.(api)
    },
    ...(options.requestsInFlightMax === undefined
      ? {}
      : { requestsInFlightMax: options.requestsInFlightMax }),
  })
  return { app, lines }
}
