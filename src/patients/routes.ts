import { Type } from 'typebox'
import { ChangeHeaders } from '#src/clinics/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { contextOf, signedIn } from '#src/http/request.ts'
import { Id, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { presentSignedIn, trimFields } from '#src/identity/answers.ts'
import { RegistrationSchema, SignedInSchema } from '#src/identity/schemas.ts'
import { accessRoutes } from './access-routes.ts'
import { deskRoutes } from './desk-routes.ts'
import { changePatient, listOwnPatients, presentPatient, readPatient } from './patients.ts'
import { register } from './registration.ts'
import { PatientChangeSchema, PatientPageSchema, PatientSchema } from './schemas.ts'

const PatientPath = Type.Object({ id: Id })
const PatientPosition = Type.Object({ id: Id }, { additionalProperties: false })

export function patientRoutes(app: App): void {
  deskRoutes(app)
  accessRoutes(app)

  app.post(
    '/auth/register',
    {
      config: {
        audience: 'public',
        withoutSecondFactor: true,
        limit: 'sign-in',
        refusals: ['email-taken', 'invalid-invitation', 'invalid-claim', 'conflict'],
      },
      preValidation: trimFields('email', 'name', 'phone'),
      schema: {
        summary: 'Register, and be signed in',
        description:
          "Makes a patient account with its own patient record. With an invitation code it makes the account of a doctor, the front desk or an admin. With `claim` a record that a clinic keeps becomes the account's own; when the claim fails, nothing is made.",
        tags: ['auth'],
        body: ref(RegistrationSchema),
        response: { 201: ref(SignedInSchema) },
      },
    },
    async (request, reply) => {
      const context = contextOf(request)
      const { session, ...registration } = request.body
      const signedIn = await register(context, registration)
      return reply.code(201).send(presentSignedIn(reply, { context, signedIn, session }))
    },
  )

  app.get(
    '/patients',
    {
      config: { audience: 'signed-in' },
      schema: {
        summary: 'The patients the account may act for or look at',
        description: 'Each with what you are to them, how far you may act, and until when.',
        tags: ['patients'],
        querystring: Type.Object({ ...PageQuery }),
        response: { 200: ref(PatientPageSchema) },
      },
    },
    async (request) => {
      const { limit, after } = readPage(request.query, PatientPosition)
      const rows = await listOwnPatients(signedIn(request), { limit, afterId: after?.id ?? null })
      return pageOf(rows, { limit, present: presentPatient, positionOf: ({ id }) => ({ id }) })
    },
  )

  app.get(
    '/patients/:id',
    {
      config: { audience: 'signed-in' },
      schema: {
        summary: 'One patient',
        description:
          'For the accounts that may act for the patient, doctors and front desks that expect or received them or registered them, and admins. Staff who have to do with them only by a visit that staff booked and that is still to come, or by the waitlist, see no more than name, telephone number and e-mail address.',
        tags: ['patients'],
        params: PatientPath,
        response: { 200: ref(PatientSchema) },
      },
    },
    async (request, reply) => {
      const patient = await readPatient(signedIn(request), request.params.id)
      void reply.header('etag', versionTag(patient.version))
      return presentPatient(patient)
    },
  )

  app.patch(
    '/patients/:id',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed', 'stale-version'] },
      preValidation: trimFields('name', 'phone', 'email', 'insuranceNumber'),
      schema: {
        summary: 'Change name, contact or date of birth',
        description:
          'For the accounts that manage the patient. While none does, for the front desk, for admins and for whoever registered the patient, where they see the whole record. The date of birth decides until when others have access to a child: parents and carers of a child can neither take it out nor make the child of age.',
        tags: ['patients'],
        params: PatientPath,
        headers: ChangeHeaders,
        body: ref(PatientChangeSchema),
        response: { 200: ref(PatientSchema) },
      },
    },
    async (request, reply) => {
      const patient = await changePatient(signedIn(request), {
        patientId: request.params.id,
        change: request.body,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      void reply.header('etag', versionTag(patient.version))
      return presentPatient(patient)
    },
  )
}
