// What is known of a patient's health, for those who look after them.

import { Type } from 'typebox'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, InstantPosition, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { addEntry, correctEntry, readHistory } from './entries.ts'
import {
  EntryKindSchema,
  MedicalCorrectionSchema,
  MedicalEntrySchema,
  MedicalHistorySchema,
  NewMedicalEntrySchema,
  presentEntry,
} from './schemas.ts'

const tags = ['medical history']
const params = Type.Object({ id: Id })
const EntryPath = Type.Object({ id: Id, entryId: Id })
const PositionSchema = Type.Object(
  { recordedAt: InstantPosition, id: Id },
  { additionalProperties: false },
)

export function medicalHistoryRoutes(app: App): void {
  app.get(
    '/patients/:id/medical-history',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        operationId: 'readMedicalHistory',
        summary: 'The medical history of a patient, newest first',
        description:
          'For the accounts that manage the patient or see to them, and for doctors with a visit of the ' +
          'patient to come or in the last 365 days. Each reading is on record.',
        tags,
        params,
        querystring: Type.Object({
          ...PageQuery,
          kind: Type.Optional(EntryKindSchema),
          corrected: Type.Optional(
            Type.Boolean({
              default: false,
              description: 'Also what was replaced or taken back, and what takes back.',
            }),
          ),
        }),
        response: { 200: ref(MedicalHistorySchema) },
      },
    },
    async (request) => {
      const { kind = null, corrected = false } = request.query
      const { limit, after } = readPage(request.query, PositionSchema)
      const entries = await readHistory(signedIn(request), request.params.id, {
        kind,
        withCorrected: corrected,
        before: after,
        limit,
      })
      return pageOf(entries, {
        limit,
        present: presentEntry,
        positionOf: ({ recordedAt, id }) => ({ recordedAt, id }),
      })
    },
  )

  app.post(
    '/patients/:id/medical-history',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed', 'conflict'] },
      schema: {
        operationId: 'addToMedicalHistory',
        summary: 'Add an entry to the medical history of a patient',
        description:
          'For the accounts that manage the patient, and for doctors who may read the history.',
        tags,
        params,
        body: ref(NewMedicalEntrySchema),
        response: { 201: ref(MedicalEntrySchema) },
      },
    },
    async (request, reply) => {
      const entry = await addEntry(signedIn(request), request.params.id, request.body)
      return reply.code(201).send(presentEntry(entry))
    },
  )

  app.post(
    '/patients/:id/medical-history/:entryId/correct',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed', 'conflict'] },
      schema: {
        operationId: 'correctMedicalEntry',
        summary: 'Replace an entry of the medical history, or take it back',
        description:
          'Makes a new entry; the former stays to be read with `corrected`. What doctors wrote is ' +
          "corrected by doctors, the patient's own words by the accounts that manage the patient. Of two " +
          'who correct one entry, one is refused.',
        tags,
        params: EntryPath,
        body: ref(MedicalCorrectionSchema),
        response: { 201: ref(MedicalEntrySchema) },
      },
    },
    async (request, reply) => {
      const { id: patientId, entryId } = request.params
      const entry = await correctEntry(signedIn(request), { patientId, entryId }, request.body)
      return reply.code(201).send(presentEntry(entry))
    },
  )
}
