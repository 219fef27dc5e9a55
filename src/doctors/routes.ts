import { Type } from 'typebox'
import { ChangeHeaders } from '#src/clinics/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { contextOf, signedIn } from '#src/http/request.ts'
import { Id, Page, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { changeDoctor, createDoctor, doctorIdOf, findDoctor, presentDoctor } from './doctors.ts'
import {
  DoctorChangeSchema,
  DoctorParams,
  DoctorSchema,
  NewDoctorSchema,
  NewSpecialtySchema,
  SpecialtyChangeSchema,
  SpecialtyParams,
  SpecialtySchema,
} from './schemas.ts'
import { addSpecialty, changeSpecialty } from './specialties.ts'
import { specialtiesAfter } from './specialty-queries.ts'

const SpecialtyPosition = Type.Object({ name: Type.String(), id: Id })

/** `GET /doctors` is with the open times that it lists, in availability. */
export function doctorRoutes(app: App): void {
  specialtyRoutes(app)

  app.get(
    '/doctors/:id',
    {
      config: { audience: 'public', refusals: ['not-signed-in'] },
      schema: {
        summary: "A doctor's profile",
        description:
          'The ETag is the version that a change may name in If-Match. `me` needs a sign-in.',
        tags: ['doctors'],
        params: DoctorParams,
        response: { 200: ref(DoctorSchema) },
      },
    },
    async (request, reply) => {
      const context = contextOf(request)
      const row = await findDoctor(context.db, doctorIdOf(context, request.params.id))
      if (row.status === 'left' && context.actor?.role !== 'admin') throw new NotFound('doctor')
      // Names of clinics, specialties and visit types are in the answer and change without raising
      // its version, so a copy with the same version may be out of date: never answer 304.
      delete request.headers['if-none-match']
      return reply.header('etag', versionTag(row.version)).send(presentDoctor(row, context.actor))
    },
  )

  app.post(
    '/doctors',
    {
      config: { audience: ['admin'] },
      schema: {
        summary: 'Add a doctor',
        description:
          'Also one who never signs in. A doctor who does is invited to the profile with `POST /invitations`. Open times need hours as well: `PUT /doctors/{id}/hours`.',
        tags: ['doctors'],
        body: ref(NewDoctorSchema),
        response: { 201: ref(DoctorSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const row = await createDoctor(context, request.body)
      const answer = presentDoctor(row, context.actor)
      return reply.code(201).header('etag', versionTag(row.version)).send(answer)
    },
  )

  app.patch(
    '/doctors/:id',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'], refusals: ['stale-version'] },
      schema: {
        summary: "Change a doctor's profile",
        description:
          "By the doctor, the front desk of one of their clinics, or an admin; `clinicIds` and `specialtyIds` by an admin alone. Leaving a clinic takes the doctor's hours, openings and visit types of that clinic away, leaving a visit type the hours and openings for nothing else. Booked visits stay.",
        tags: ['doctors'],
        params: DoctorParams,
        headers: ChangeHeaders,
        body: ref(DoctorChangeSchema),
        response: { 200: ref(DoctorSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const row = await changeDoctor(context, {
        doctorId: doctorIdOf(context, request.params.id),
        change: request.body,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      return reply.header('etag', versionTag(row.version)).send(presentDoctor(row, context.actor))
    },
  )
}

function specialtyRoutes(app: App): void {
  app.get(
    '/specialties',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'The specialties, by name',
        tags: ['doctors'],
        querystring: Type.Object(PageQuery),
        response: { 200: Page(ref(SpecialtySchema)) },
      },
    },
    async (request) => {
      const { limit, after } = readPage(request.query, SpecialtyPosition)
      const rows = await specialtiesAfter(contextOf(request).db, { after, limit: limit + 1 })
      return pageOf(rows, {
        limit,
        present: (row) => row,
        positionOf: ({ name, id }) => ({ name, id }),
      })
    },
  )

  app.post(
    '/specialties',
    {
      config: { audience: ['admin'], refusals: ['conflict'] },
      schema: {
        summary: 'Add a specialty',
        description: 'Its code is made of its name where none is given.',
        tags: ['doctors'],
        body: ref(NewSpecialtySchema),
        response: { 201: ref(SpecialtySchema) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await addSpecialty(signedIn(request), request.body)),
  )

  app.patch(
    '/specialties/:id',
    {
      config: { audience: ['admin'], refusals: ['conflict'] },
      schema: {
        summary: 'Change a specialty',
        tags: ['doctors'],
        params: SpecialtyParams,
        body: ref(SpecialtyChangeSchema),
        response: { 200: ref(SpecialtySchema) },
      },
    },
    async (request) =>
      changeSpecialty(signedIn(request), {
        specialtyId: request.params.id,
        change: request.body,
      }),
  )
}
