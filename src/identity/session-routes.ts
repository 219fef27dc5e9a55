import { Type } from 'typebox'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, NoContent, Page, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { presentSession, SessionSchema } from './session-schemas.ts'
import { listSessions, revokeSession, signOutEverywhere } from './sessions.ts'

const tags = ['auth']
const PositionSchema = Type.Object({ id: Id })

/** The sessions of the account that is signed in. */
export function sessionRoutes(app: App): void {
  app.get(
    '/auth/sessions',
    {
      config: { audience: 'signed-in', withoutSecondFactor: true },
      schema: {
        operationId: 'listSessions',
        summary: 'Where the account is signed in',
        description: 'The last sign-in first.',
        tags,
        querystring: Type.Object({ ...PageQuery }),
        response: { 200: Page(ref(SessionSchema)) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const { limit, after } = readPage(request.query, PositionSchema)
      return pageOf(await listSessions(context, { limit, after }), {
        limit,
        present: (session) => presentSession(session, context.actor.sessionId),
        positionOf: ({ id }) => ({ id }),
      })
    },
  )

  app.delete(
    '/auth/sessions',
    {
      config: { audience: 'signed-in', withoutSecondFactor: true },
      schema: {
        operationId: 'endSessions',
        summary: 'Sign out everywhere',
        description: 'The tokens of the sessions are void at once.',
        tags,
        querystring: Type.Object({
          except: Type.Optional(
            Type.Enum(['current'], { description: 'With "current" the session that asks stays.' }),
          ),
        }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const isCurrentKept = request.query.except === 'current'
      await signOutEverywhere(signedIn(request), { isCurrentKept })
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/auth/sessions/:id',
    {
      config: { audience: 'signed-in', withoutSecondFactor: true },
      schema: {
        operationId: 'endSession',
        summary: 'End one of the sessions of the account',
        description: 'Its tokens are void at once. The session that asks can be ended too.',
        tags,
        params: Type.Object({ id: Id }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await revokeSession(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}
