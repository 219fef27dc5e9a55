import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { NoContent, Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { NamePosition } from '#src/clinics/clinics.ts'
import { openVisitsAnswer } from '#src/privacy/schemas.ts'
import {
  MembershipsChangeSchema,
  presentUser,
  RoleChangeSchema,
  UserParams,
  UserSchema,
  UsersQuery,
} from './user-schemas.ts'
import {
  changeMemberships,
  changeRole,
  disableUser,
  enableUser,
  endUserSessions,
  eraseUser,
  listUsers,
  readUser,
  resetUserSecondFactor,
} from './users.ts'

const tags = ['admin']
const config = { audience: ['admin'] } as const

export function userRoutes(app: App): void {
  readingRoutes(app)
  standingRoutes(app)
  signInRoutes(app)
}

function readingRoutes(app: App): void {
  app.get(
    '/admin/users',
    {
      config,
      schema: {
        operationId: 'listUsers',
        summary: 'The accounts of the network, by name',
        tags,
        querystring: UsersQuery,
        response: { 200: Page(ref(UserSchema)) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query
      const page = readPage(request.query, NamePosition)
      const rows = await listUsers(signedIn(request), { ...page, filter })
      return pageOf(rows, {
        limit: page.limit,
        present: presentUser,
        positionOf: ({ name, id }) => ({ name, id }),
      })
    },
  )

  app.get(
    '/admin/users/:id',
    {
      config,
      schema: {
        operationId: 'getUser',
        summary: 'An account: its role, where it works, how it signs in',
        tags,
        params: UserParams,
        response: { 200: ref(UserSchema) },
      },
    },
    async (request) => presentUser(await readUser(signedIn(request), request.params.id)),
  )
}

function standingRoutes(app: App): void {
  app.post(
    '/admin/users/:id/disable',
    {
      config: { ...config, refusals: ['conflict', 'wrong-state'] },
      schema: {
        operationId: 'disableUser',
        summary: 'Disable an account',
        description:
          'Its sessions end at once, on every process, and nobody signs in to it. Open invitations that ' +
          'it made are revoked. The last active admin is refused with `conflict`.',
        tags,
        params: UserParams,
        response: { 200: ref(UserSchema) },
      },
    },
    async (request) => presentUser(await disableUser(signedIn(request), request.params.id)),
  )

  app.post(
    '/admin/users/:id/enable',
    {
      config: { ...config, refusals: ['wrong-state'] },
      schema: {
        operationId: 'enableUser',
        summary: 'Let a disabled account sign in again',
        tags,
        params: UserParams,
        response: { 200: ref(UserSchema) },
      },
    },
    async (request) => presentUser(await enableUser(signedIn(request), request.params.id)),
  )

  app.post(
    '/admin/users/:id/erase',
    {
      config: { ...config, limit: 'heavy', refusals: ['wrong-state'] },
      schema: {
        operationId: 'eraseUser',
        summary: 'Erase an account for good',
        description:
          'For whoever asks for it in writing; the same as `DELETE /me`. Visits ahead of the own record are cancelled, waits end. A record with a visit that took place stays with the clinics without contact data; one without goes. Records of others go back to the desk. Refused as `visits-open` for a doctor with visits ahead, as `conflict` for your own account and the last admin, as `wrong-state` for one that was erased.',
        tags,
        params: UserParams,
        response: { 204: NoContent, 409: openVisitsAnswer },
      },
    },
    async (request, reply) => {
      await eraseUser(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/admin/users/:id/role',
    {
      config: { ...config, refusals: ['conflict', 'wrong-state'] },
      schema: {
        operationId: 'changeUserRole',
        summary: 'Give an account another role',
        description:
          'Its sessions end. A doctor needs `doctorId`, a profile without an account; the front desk may ' +
          'be given its `clinicIds` at once. Memberships of the former role end; the profile of a former ' +
          'doctor stays, with its hours and visits, without an account. The last active admin is refused ' +
          'with `conflict`.',
        tags,
        params: UserParams,
        body: ref(RoleChangeSchema),
        response: { 200: ref(UserSchema) },
      },
    },
    async (request) => {
      const change = { accountId: request.params.id, ...request.body }
      return presentUser(await changeRole(signedIn(request), change))
    },
  )

  app.put(
    '/admin/users/:id/memberships',
    {
      config: { ...config, refusals: ['wrong-state'] },
      schema: {
        operationId: 'changeUserMemberships',
        summary: 'Say at which clinics someone of the front desk works',
        description: 'In place of the clinics before. For other roles: `wrong-state`.',
        tags,
        params: UserParams,
        body: ref(MembershipsChangeSchema),
        response: { 200: ref(UserSchema) },
      },
    },
    async (request) => {
      const change = { accountId: request.params.id, clinicIds: request.body.clinicIds }
      return presentUser(await changeMemberships(signedIn(request), change))
    },
  )
}

function signInRoutes(app: App): void {
  app.delete(
    '/admin/users/:id/sessions',
    {
      config,
      schema: {
        operationId: 'endUserSessions',
        summary: 'Sign an account out everywhere',
        tags,
        params: UserParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await endUserSessions(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/admin/users/:id/second-factor',
    {
      config,
      schema: {
        operationId: 'resetUserSecondFactor',
        summary: 'Take the second factor off an account whose owner has lost it',
        description: 'Be sure who asks. The sessions end, and the owner is told.',
        tags,
        params: UserParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await resetUserSecondFactor(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}
