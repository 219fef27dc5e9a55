import { Type } from 'typebox'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import {
  component,
  Id,
  InstantPosition,
  InstantText,
  NoContent,
  Page,
  PageQuery,
  ref,
} from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { formatUtc } from '#src/kernel/time.ts'
import type { ListedInvitation } from './invitation-list-queries.ts'
import { listInvitations, revokeInvitation } from './invitation-list.ts'

const tags = ['auth']
const Status = Type.Enum(['open', 'used', 'expired', 'revoked'])
const PositionSchema = Type.Object({ createdAt: InstantPosition, id: Id })

const ListedInvitationSchema = component(
  'ListedInvitation',
  Type.Object(
    {
      id: Id,
      role: Type.Enum(['doctor', 'front_desk', 'admin']),
      status: Status,
      email: Type.Optional(
        Type.String({ description: 'The address that alone can register with it.' }),
      ),
      clinicId: Type.Optional(Id),
      doctorId: Type.Optional(Id),
      createdAt: InstantText,
      expiresAt: InstantText,
      usedAt: Type.Optional(InstantText),
    },
    {
      examples: [
        {
          id: '019a9b5e-6e21-7c4b-8d55-2a3f9e8b7d64',
          role: 'doctor',
          status: 'open',
          email: 'n.okafor@example.org',
          createdAt: '2026-11-24T09:40:00.000Z',
          expiresAt: '2026-12-01T09:40:00.000Z',
        },
      ],
    },
  ),
)

/** Which invitations there are, and taking one back. */
export function invitationRoutes(app: App): void {
  app.get(
    '/invitations',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'listInvitations',
        summary: 'The invitations',
        description:
          'Newest first, with what became of them. An invitation that was tried with five wrong e-mail addresses counts as revoked. Codes are told once, when an invitation is made.',
        tags,
        querystring: Type.Object({ status: Type.Optional(Status), ...PageQuery }),
        response: { 200: Page(ref(ListedInvitationSchema)) },
      },
    },
    async (request) => {
      const { status = null } = request.query
      const { limit, after } = readPage(request.query, PositionSchema)
      return pageOf(await listInvitations(signedIn(request), { status, limit, after }), {
        limit,
        present: presentInvitation,
        positionOf: ({ createdAt, id }) => ({ createdAt, id }),
      })
    },
  )

  app.delete(
    '/invitations/:id',
    {
      config: { audience: ['admin'], refusals: ['wrong-state'] },
      schema: {
        operationId: 'revokeInvitation',
        summary: 'Take an invitation back',
        tags,
        params: Type.Object({ id: Id }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await revokeInvitation(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}

function presentInvitation(row: ListedInvitation) {
  const { id, role, status, email, clinicId, doctorId, usedAt } = row
  return {
    id,
    role,
    status,
    ...(email !== null && { email }),
    ...(clinicId !== null && { clinicId }),
    ...(doctorId !== null && { doctorId }),
    createdAt: formatUtc(row.createdAt),
    expiresAt: formatUtc(row.expiresAt),
    ...(usedAt !== null && { usedAt: formatUtc(usedAt) }),
  }
}
