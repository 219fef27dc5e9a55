import { Type, type Static } from 'typebox'
import { component, Id, InstantText, nullable, Page, ref, Text } from '#src/http/schema.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { severities } from './content.ts'
import type { MedicalEntry } from './entries.ts'
import { sides } from './policy.ts'
import type { EntryKind } from './queries.ts'

const kinds = ['condition', 'allergy', 'medicine', 'note'] as const satisfies readonly EntryKind[]

export const EntryKindSchema = Type.Enum([...kinds], {
  description: 'An illness or finding, an allergy, a medicine that is taken, or anything else.',
  examples: ['allergy'],
})

const detailsExample = { reaction: 'Rash and swollen lips', severity: 'severe', since: '2019' }

const EntryDetailsSchema = component(
  'MedicalEntryDetails',
  Type.Object(
    {
      since: Type.Optional(
        Type.String({
          pattern: '^(?:18|19|20)[0-9]{2}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?$',
          description: 'Since when: a year, a month or a date. Not for notes.',
          examples: ['2019', '2019-03', '2019-03-12'],
        }),
      ),
      reaction: Type.Optional(
        Text(500, { description: 'What happens. For allergies.', examples: ['Rash'] }),
      ),
      severity: Type.Optional(
        Type.Enum([...severities], { description: 'How bad it is. For allergies.' }),
      ),
      dose: Type.Optional(
        Text(500, {
          description: 'How much and when. For medicines.',
          examples: ['5 mg in the morning'],
        }),
      ),
    },
    { examples: [detailsExample] },
  ),
)

const entryExample = {
  id: '019a9b70-5c11-7e2b-9f10-3a4b5c6d7e8f',
  kind: 'allergy',
  text: 'Penicillin',
  details: detailsExample,
  isReadable: true,
  takesBack: false,
  author: { side: 'patient', name: 'Anna Berg' },
  recordedAt: '2026-11-20T13:05:09.120Z',
  corrects: null,
  correctedBy: null,
}

export const MedicalEntrySchema = component(
  'MedicalEntry',
  Type.Object(
    {
      id: Id,
      kind: EntryKindSchema,
      text: Type.Optional(
        Type.String({
          description: 'Absent from what takes an entry back, and from what is not readable.',
        }),
      ),
      details: Type.Optional(ref(EntryDetailsSchema)),
      reason: Type.Optional(Type.String({ description: 'Why an entry was corrected.' })),
      isReadable: Type.Boolean({
        description: 'False when the server has lost the key by which the entry was encrypted.',
      }),
      takesBack: Type.Boolean({
        description: 'Whether this only says that the entry it corrects does not hold.',
      }),
      author: Type.Object({
        side: Type.Enum([...sides], {
          description: 'Written for the patient, or by a doctor who treats them.',
        }),
        name: nullable(
          Type.String({ description: 'Null for an account that is gone: show a former account.' }),
        ),
        doctorId: Type.Optional(Id),
      }),
      recordedAt: InstantText,
      corrects: nullable({ ...Id, description: 'The entry that this one replaces or takes back.' }),
      correctedBy: nullable({
        ...Id,
        description: 'The entry that replaces this one or takes it back; null for what holds.',
      }),
    },
    {
      description: 'One thing that is known of the health of a patient.',
      examples: [entryExample],
    },
  ),
)
type MedicalEntryAnswer = Static<typeof MedicalEntrySchema>

export const MedicalHistorySchema = component('MedicalHistory', Page(ref(MedicalEntrySchema)))

const EntryText = Text(2000, { examples: ['Penicillin'] })

export const NewMedicalEntrySchema = component(
  'NewMedicalEntry',
  Type.Object(
    {
      kind: EntryKindSchema,
      text: EntryText,
      details: Type.Optional(ref(EntryDetailsSchema)),
    },
    { examples: [{ kind: 'allergy', text: 'Penicillin', details: detailsExample }] },
  ),
)

export const MedicalCorrectionSchema = component(
  'MedicalCorrection',
  Type.Object(
    {
      kind: Type.Optional({
        ...EntryKindSchema,
        description: 'By default that of the entry.',
      }),
      text: Type.Optional({ ...EntryText, description: 'Needed, save to take the entry back.' }),
      details: Type.Optional(ref(EntryDetailsSchema)),
      takeBack: Type.Optional(
        Type.Literal(true, { description: 'The entry does not hold; without text and details.' }),
      ),
      reason: Type.Optional(Text(500, { examples: ['It was an intolerance.'] })),
    },
    {
      minProperties: 1,
      examples: [{ text: 'Amoxicillin', details: { severity: 'moderate' } }],
    },
  ),
)

/** The entry as the API shows it. */
export function presentEntry(entry: MedicalEntry): MedicalEntryAnswer {
  const { id, kind, content, takesBack, side, authorName, doctorId } = entry
  const { text, details, reason } = content ?? {}
  return {
    id,
    kind,
    ...(text !== undefined && { text }),
    ...(details !== undefined && { details }),
    ...(reason !== undefined && { reason }),
    isReadable: content !== null,
    takesBack,
    author: { side, name: authorName, ...(doctorId !== null && { doctorId }) },
    recordedAt: formatUtc(entry.recordedAt),
    corrects: entry.corrects,
    correctedBy: entry.correctedBy,
  }
}
