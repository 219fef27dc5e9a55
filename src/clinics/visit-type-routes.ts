import { contextOf, signedIn } from '#src/http/request.ts'
import { Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { ChangeHeaders } from './schemas.ts'
import {
  NewVisitTypeSchema,
  VisitTypeChangeSchema,
  VisitTypeParams,
  VisitTypeSchema,
  VisitTypesQuery,
} from './visit-type-schemas.ts'
import {
  changeVisitType,
  createVisitType,
  listVisitTypes,
  presentVisitType,
  showVisitType,
} from './visit-types.ts'

export function visitTypeRoutes(app: App): void {
  app.get(
    '/visit-types',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'The kinds of visit, by name',
        description:
          'Those that only staff may book, retired ones and video links are shown to staff of the clinic.',
        tags: ['clinics'],
        querystring: VisitTypesQuery,
        response: { 200: Page(ref(VisitTypeSchema)) },
      },
    },
    async (request) => listVisitTypes(contextOf(request), request.query),
  )

  app.get(
    '/visit-types/:id',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'A kind of visit',
        description: 'The ETag is the version that a change may name in If-Match.',
        tags: ['clinics'],
        params: VisitTypeParams,
        response: { 200: ref(VisitTypeSchema) },
      },
    },
    async (request, reply) => {
      const visitType = await showVisitType(contextOf(request), request.params.id)
      // Staff see more of the same version, so a copy with it may be another's: never answer 304.
      delete request.headers['if-none-match']
      return reply.header('etag', versionTag(visitType.version)).send(visitType)
    },
  )

  app.post(
    '/visit-types',
    {
      config: { audience: ['front_desk', 'admin'] },
      schema: {
        summary: 'Add a kind of visit',
        description:
          "By an admin, or by the front desk for its own clinic. Doctors who offer it name it in their profile's `visitTypeIds`.",
        tags: ['clinics'],
        body: ref(NewVisitTypeSchema),
        response: { 201: ref(VisitTypeSchema) },
      },
    },
    async (request, reply) => {
      const row = await createVisitType(signedIn(request), request.body)
      return reply
        .code(201)
        .header('etag', versionTag(row.version))
        .send(presentVisitType(row, { asStaff: true }))
    },
  )

  app.patch(
    '/visit-types/:id',
    {
      config: { audience: ['front_desk', 'admin'], refusals: ['stale-version'] },
      schema: {
        summary: 'Change a kind of visit',
        description:
          'By an admin, or by the front desk for its own clinic. A mode other than video takes the video link away. Visits that are booked already keep their times.',
        tags: ['clinics'],
        params: VisitTypeParams,
        headers: ChangeHeaders,
        body: ref(VisitTypeChangeSchema),
        response: { 200: ref(VisitTypeSchema) },
      },
    },
    async (request, reply) => {
      const row = await changeVisitType(signedIn(request), {
        visitTypeId: request.params.id,
        change: request.body,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      return reply
        .header('etag', versionTag(row.version))
        .send(presentVisitType(row, { asStaff: true }))
    },
  )
}
