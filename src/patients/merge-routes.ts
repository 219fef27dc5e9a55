import { Type } from 'typebox'
import { signedIn } from '#src/http/request.ts'
import { ProblemSchema } from '#src/http/problem-schema.ts'
import { component, Id, InstantText, PersonName, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { versionTag } from '#src/http/versions.ts'
import { mergePatients } from './merge.ts'
import { presentPatient } from './patients.ts'
import { PatientSchema } from './schemas.ts'

const Named = Type.Object({ id: Id, name: Type.String({ examples: ['Canal'] }) })

const clashingVisitExample = {
  appointmentId: '019a9b5e-5d6e-7f80-a1b2-c3d4e5f60718',
  patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
  status: 'confirmed',
  startsAt: '2026-11-24T10:40:00+01:00',
  endsAt: '2026-11-24T11:00:00+01:00',
  doctor: { id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', name: 'Claire Moreau' },
  clinic: { id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003', name: 'Clinique du Canal' },
}

const ClashingVisitSchema = component(
  'ClashingVisit',
  Type.Object(
    {
      appointmentId: Id,
      patientId: { ...Id, description: 'Of which of the two records it is.' },
      status: Type.String({ examples: ['confirmed'] }),
      startsAt: InstantText,
      endsAt: InstantText,
      doctor: Type.Optional(Type.Object({ id: Id, name: PersonName })),
      clinic: Type.Optional(Named),
    },
    {
      description:
        'A visit that overlaps one of the other record. Where it is, to its staff alone.',
      examples: [clashingVisitExample],
    },
  ),
)

/** The answer `records-clash`. */
const RecordsClashSchema = component(
  'RecordsClash',
  Type.Object(
    {
      ...ProblemSchema.properties,
      visits: Type.Optional(
        Type.Array(ref(ClashingVisitSchema), {
          description: 'With `records-clash`: the visits, soonest first, at most 50.',
        }),
      ),
    },
    {
      additionalProperties: true,
      description: 'Why two records were not merged.',
      examples: [
        {
          type: '/problems/records-clash',
          title: 'Visits of the two records overlap',
          status: 409,
          detail:
            'Visits of the two records overlap, and one person cannot be at both. Nothing changed: move or cancel one of each two.',
          requestId: '01a1f93c-84f0-7347-b566-acf8ea24185d',
          visits: [clashingVisitExample],
        },
      ],
    },
  ),
)

const PatientMergeSchema = component(
  'PatientMerge',
  Type.Object(
    {
      duplicateId: { ...Id, description: 'The record that goes.' },
      despiteDateOfBirth: Type.Optional(
        Type.Boolean({ description: 'Go on although the dates of birth differ.' }),
      ),
    },
    { examples: [{ duplicateId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2' }] },
  ),
)

/** Merging of duplicates. */
export function mergeRoutes(app: App): void {
  app.post(
    '/patients/:id/merge',
    {
      config: { audience: ['front_desk', 'admin'], refusals: ['not-allowed'] },
      schema: {
        operationId: 'mergePatients',
        summary: 'Merge a duplicate into this record',
        description:
          'By a front desk that sees both records whole and has registered or received both, as for a link to a record; by an admin alone when an account manages one of them and any has access to the other. Visits, waits, medical history, messages and accounts move to this record; contact data that it lacks are filled, what differs stays. Refused as `records-clash` when visits of the two overlap, as `conflict` when two accounts act as the patient themselves, or the dates of birth differ.',
        tags: ['patients'],
        params: Type.Object({ id: Id }),
        body: ref(PatientMergeSchema),
        response: {
          200: ref(PatientSchema),
          409: {
            description: 'Visits of the two overlap (records-clash), or conflict',
            content: {
              'application/problem+json': {
                schema: ref(RecordsClashSchema),
              },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { duplicateId, despiteDateOfBirth = false } = request.body
      const merge = { patientId: request.params.id, duplicateId, despiteDateOfBirth }
      const patient = await mergePatients(signedIn(request), merge)
      void reply.header('etag', versionTag(patient.version))
      return presentPatient(patient)
    },
  )
}
