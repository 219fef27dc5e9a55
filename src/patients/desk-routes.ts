// What staff need for people who phone or walk in, and how those get to their record later.

import { Type } from 'typebox'
import type { SignedInContext } from '#src/context.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, PersonName, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { versionTag } from '#src/http/versions.ts'
import { trimFields } from '#src/identity/answers.ts'
import { invalidField, InvalidRequest } from '#src/kernel/errors.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { makeClaimLink } from './claim-links.ts'
import { claimPatient } from './claims.ts'
import { registerPatient, type NewPatient } from './desk-registration.ts'
import { registerDependent, type NewDependent } from './family.ts'
import { presentPatient } from './patients.ts'
import type { PatientRecord } from './queries.ts'
import {
  ClaimLinkSchema,
  ClaimSchema,
  FoundPatientPageSchema,
  NewClaimLinkSchema,
  NewPatientSchema,
  PatientSchema,
  PatientSearchSchema,
  PossibleDuplicatesSchema,
} from './schemas.ts'
import { presentFound, searchPatients } from './search.ts'

const FoundPosition = Type.Object({ name: PersonName, id: Id }, { additionalProperties: false })
const staff = ['doctor', 'front_desk', 'admin'] as const

export function deskRoutes(app: App): void {
  app.post(
    '/patients/search',
    {
      config: { audience: staff },
      preValidation: trimFields('q', 'phone'),
      schema: {
        summary: 'Find patients by name, telephone number or date of birth',
        description:
          'By name; whoever matches all that is given. Finds the patients that you may see. The front desk also finds anyone of the network whom it can identify, for someone who comes to a second clinic: by the exact date of birth together with two whole words of the name, or one and six digits of the telephone number. A POST, since names and dates of birth do not belong into URLs.',
        operationId: 'searchPatients',
        tags: ['patients'],
        body: ref(PatientSearchSchema),
        response: { 200: ref(FoundPatientPageSchema) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...query } = request.body
      const { limit, after } = readSearchPage(request.body)
      const rows = await searchPatients(signedIn(request), { query, limit, after })
      const positionOf = ({ name, id }: { name: string; id: string }) => ({ name, id })
      return pageOf(rows, { limit, present: presentFound, positionOf })
    },
  )

  app.post(
    '/patients',
    {
      config: {
        audience: 'signed-in',
        refusals: ['not-allowed', 'possible-duplicates', 'conflict'],
      },
      preValidation: trimFields('name', 'phone', 'email', 'insuranceNumber'),
      schema: {
        summary: 'Register a child, a person cared for, or at the desk a person without an account',
        description:
          'With `relation` the person is yours: your account manages the record, of at most 20 people besides yourself. An account without a record of its own, as of staff who become patients, makes one with `self`; a second one is refused as `conflict`. A child needs its date of birth, since access as a parent ends when it is of age. Without `relation` staff register those who phone or walk in. When the network seems to know such a person, nothing is made and the answer names who it may be: the e-mail address is the same, or one name is in the other and the date of birth or the last eight digits of the telephone number are the same. Of candidates whom you do not see it tells only what you gave and is so.',
        tags: ['patients'],
        body: ref(NewPatientSchema),
        response: {
          201: ref(PatientSchema),
          409: {
            description:
              'The person seems to be known already (possible-duplicates), or you have too many records, or one of your own (conflict)',
            content: { 'application/problem+json': { schema: ref(PossibleDuplicatesSchema) } },
          },
        },
      },
    },
    async (request, reply) => {
      const patient = await registerFor(signedIn(request), request.body)
      void reply.header('etag', versionTag(patient.version))
      return reply.code(201).send(presentPatient(patient))
    },
  )

  app.post(
    '/patients/:id/claim-links',
    {
      config: { audience: staff, refusals: ['not-allowed', 'conflict'] },
      schema: {
        summary: "Make the link by which a person's own account gets to the record",
        description:
          'For whoever registered the patient, the front desk of that clinic, staff of a clinic or doctor at whom colleagues booked and received the patient, and admins; of a record that an account manages, for admins alone. Good once, for 14 days; an earlier link of the patient is void from then on. The answer has the link, so that it can be handed over at once. Refused as `conflict` when an account already acts for the patient as themselves.',
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
      config: { limit: 'code', audience: ['patient'], refusals: ['invalid-claim', 'conflict'] },
      preValidation: trimFields('code'),
      schema: {
        summary: 'Get access to the record of a link',
        description:
          'The account may then act for the patient in everything. After 5 tries with a wrong date of birth the link is void. An own record without a visit or a wait for one makes way for one claimed as self; one that is in use is refused as `conflict`.',
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

/**
 * Registers someone of the caller's own people, or someone at the desk.
 *
 * @throws what `registerDependent` and `registerPatient` throw; InvalidRequest for a mixture of both.
 */
function registerFor(
  context: SignedInContext,
  { relation, ...person }: NewPatient & Partial<Pick<NewDependent, 'relation'>>,
): Promise<PatientRecord> {
  if (relation === undefined) {
    if (context.actor.role !== 'patient') return registerPatient(context, person)
    throw invalidField('/relation', '/relation is required: say what you are to the person.')
  }
  const { clinicId, despiteDuplicates, ...dependent } = person
  if (clinicId !== undefined)
    throw invalidField('/clinicId', '/clinicId is for people at the desk; leave it out.')
  if (despiteDuplicates !== undefined)
    throw invalidField(
      '/despiteDuplicates',
      '/despiteDuplicates is for people at the desk; leave it out.',
    )
  return registerDependent(context, { ...dependent, relation })
}

/** The page that a body asks for. Throws InvalidRequest when the cursor is not one of this list. */
function readSearchPage(body: { limit?: number; cursor?: string }) {
  try {
    return readPage(body, FoundPosition)
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error
    throw invalidField('/cursor', '/cursor must be the nextCursor of an earlier answer.')
  }
}
