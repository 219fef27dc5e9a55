import { contextOf, signedIn } from '#src/http/request.ts'
import { Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { changeClinic, createClinic, findClinic, listClinics, presentClinic } from './clinics.ts'
import {
  ChangeHeaders,
  ClinicChangeSchema,
  ClinicParams,
  ClinicSchema,
  ClinicsQuery,
  NewClinicSchema,
} from './schemas.ts'

export function clinicRecordRoutes(app: App): void {
  app.get(
    '/clinics',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'The clinics, by name',
        tags: ['clinics'],
        querystring: ClinicsQuery,
        response: { 200: Page(ref(ClinicSchema)) },
      },
    },
    async (request) => listClinics(contextOf(request), request.query),
  )

  app.get(
    '/clinics/:id',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'A clinic',
        description: 'The ETag is the version that a change may name in If-Match.',
        tags: ['clinics'],
        params: ClinicParams,
        response: { 200: ref(ClinicSchema) },
      },
    },
    async (request, reply) => {
      const row = await findClinic(contextOf(request).db, request.params.id)
      return reply.header('etag', versionTag(row.version)).send(presentClinic(row))
    },
  )

  app.post(
    '/clinics',
    {
      config: { audience: ['admin'] },
      schema: {
        summary: 'Add a clinic',
        tags: ['clinics'],
        body: ref(NewClinicSchema),
        response: { 201: ref(ClinicSchema) },
      },
    },
    async (request, reply) => {
      const row = await createClinic(signedIn(request), request.body)
      return reply.code(201).header('etag', versionTag(row.version)).send(presentClinic(row))
    },
  )

  app.patch(
    '/clinics/:id',
    {
      config: { audience: ['front_desk', 'admin'], refusals: ['stale-version'] },
      schema: {
        summary: 'Change a clinic',
        description:
          "By an admin; the clinic's front desk changes phone and e-mail. A change of the time zone moves the open times with it, booked visits keep their instants.",
        tags: ['clinics'],
        params: ClinicParams,
        headers: ChangeHeaders,
        body: ref(ClinicChangeSchema),
        response: { 200: ref(ClinicSchema) },
      },
    },
    async (request, reply) => {
      const row = await changeClinic(signedIn(request), {
        clinicId: request.params.id,
        change: request.body,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      return reply.header('etag', versionTag(row.version)).send(presentClinic(row))
    },
  )
}
