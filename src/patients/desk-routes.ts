// What staff need for people who phone or walk in, and how those get to their record later.

import { Type } from 'typebox'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { versionTag } from '#src/http/versions.ts'
import { trimFields } from '#src/identity/answers.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { makeClaimLink } from './claim-links.ts'
import { claimPatient } from './claims.ts'
import { registerPatient } from './desk-registration.ts'
import { presentPatient } from './patients.ts'
import {
  ClaimLinkSchema,
  ClaimSchema,
  FoundPatientPageSchema,
  NewClaimLinkSchema,
  NewPatientSchema,
  PatientSchema,
  PatientSearchQuery,
  PossibleDuplicatesSchema,
} from './schemas.ts'
import { presentFound, searchPatients } from './search.ts'

const PatientPosition = Type.Object({ id: Id }, { additionalProperties: false })
const staff = ['doctor', 'front_desk', 'admin'] as const

export function deskRoutes(app: App): void {
  app.get(
    '/patients/search',
    {
      config: { audience: staff },
      schema: {
        summary: 'Find patients by name, telephone number or date of birth',
        description:
          'By name; whoever matches all that is given. Finds the patients that you may see. The front desk also finds anyone of the network by the date of birth together with the name or the telephone number, for someone who comes to a second clinic.',
        operationId: 'searchPatients',
        tags: ['patients'],
        querystring: PatientSearchQuery,
        response: { 200: ref(FoundPatientPageSchema) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...query } = request.query
      const { limit, after } = readPage(request.query, PatientPosition)
      const rows = await searchPatients(signedIn(request), {
        query,
        limit,
        afterId: after?.id ?? null,
      })
      return pageOf(rows, { limit, present: presentFound, positionOf: ({ id }) => ({ id }) })
    },
  )

  app.post(
    '/patients',
    {
      config: { audience: staff, refusals: ['possible-duplicates'] },
      preValidation: trimFields('name', 'phone', 'email'),
      schema: {
        summary: 'Register a person without an account',
        description:
          'For those who phone or walk in. When the network seems to know the person, nothing is made and the answer names who it may be: the e-mail address is the same, or a word of the name is and either the date of birth or the last eight digits of the telephone number.',
        tags: ['patients'],
        body: ref(NewPatientSchema),
        response: {
          201: ref(PatientSchema),
          409: {
            description: 'The person seems to be known already (possible-duplicates)',
            content: { 'application/problem+json': { schema: ref(PossibleDuplicatesSchema) } },
          },
        },
      },
    },
    async (request, reply) => {
      const patient = await registerPatient(signedIn(request), request.body)
      void reply.header('etag', versionTag(patient.version))
      return reply.code(201).send(presentPatient(patient))
    },
  )

  app.post(
    '/patients/:id/claim-links',
    {
      config: { audience: staff, refusals: ['conflict'] },
      schema: {
        summary: "Make the link by which a person's own account gets to the record",
        description:
          'Good once, for 14 days; an earlier link of the patient is void from then on. The answer has the link, so that it can be handed over at once. Refused as `conflict` when an account already acts for the patient as themselves.',
        tags: ['patients'],
        params: Type.Object({ id: Id }),
        body: ref(NewClaimLinkSchema),
        response: { 201: ref(ClaimLinkSchema) },
      },
    },
    async (request, reply) => {
      const { code, link, expiresAt } = await makeClaimLink(signedIn(request), request.params.id)
      return reply.code(201).send({ code, link, expiresAt: formatUtc(expiresAt) })
    },
  )

  app.post(
    '/patients/claims',
    {
      config: { audience: ['patient'], refusals: ['invalid-claim', 'conflict'] },
      preValidation: trimFields('code'),
      schema: {
        summary: 'Get access to the record of a link',
        description:
          'The account may then act for the patient in everything. After 5 tries with a wrong date of birth the link is void. An own record that no visit was booked for makes way for one claimed as self; one that is in use is refused as `conflict`.',
        operationId: 'claimPatient',
        tags: ['patients'],
        body: ref(ClaimSchema),
        response: { 200: ref(PatientSchema) },
      },
    },
    async (request, reply) => {
      const patient = await claimPatient(signedIn(request), request.body)
      void reply.header('etag', versionTag(patient.version))
      return presentPatient(patient)
    },
  )
}
