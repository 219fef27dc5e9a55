// The shapes of imports on the wire.

import { Type } from 'typebox'
import { ProblemSchema } from '#src/http/problem-schema.ts'
import { component, ref } from '#src/http/schema.ts'

const problemExample = {
  line: 3,
  column: 'specialties',
  detail: '"Cardiolgy" is no specialty; the nearest known is "Cardiology".',
}

const ImportProblemSchema = component(
  'ImportProblem',
  Type.Object(
    {
      line: Type.Integer({
        minimum: 1,
        description: 'The line of the file; the header is line 1.',
      }),
      column: Type.Optional(
        Type.String({ description: 'Absent for what is wrong with the whole line or file.' }),
      ),
      detail: Type.String(),
    },
    { examples: [problemExample] },
  ),
)

const problems = Type.Array(ref(ImportProblemSchema), {
  description: 'By line, at most 1,000 of them.',
})
const problemCount = Type.Integer({
  minimum: 0,
  description: 'Of all of them, also those not listed.',
})
const lines = Type.Integer({
  minimum: 0,
  description: 'Lines below the header that are not blank.',
})

export const ImportSchema = component(
  'Import',
  Type.Object(
    {
      dryRun: Type.Boolean({ description: 'Whether nothing was written.' }),
      lines,
      made: Type.Integer({
        minimum: 0,
        description: 'Doctors or patients that are new; of hours, doctors who had none before.',
      }),
      changed: Type.Integer({
        minimum: 0,
        description: 'Doctors that are changed; of hours, doctors who get other ones.',
      }),
      unchanged: Type.Integer({
        minimum: 0,
        description: 'Doctors or patients that are there already just as the file has them.',
      }),
      invited: Type.Optional(
        Type.Integer({ minimum: 0, description: 'Of doctors: who is invited to the profile.' }),
      ),
      problems,
      problemCount,
    },
    {
      description:
        'What has become of a file, or with `dryRun` what would. The numbers leave out lines with a problem.',
      examples: [
        {
          dryRun: true,
          lines: 3,
          made: 1,
          changed: 1,
          unchanged: 0,
          invited: 1,
          problems: [problemExample],
          problemCount: 1,
        },
      ],
    },
  ),
)

export const ImportRefusedSchema = component(
  'ImportRefused',
  Type.Object(
    {
      ...ProblemSchema.properties,
      lines: Type.Optional(lines),
      problems: Type.Optional(problems),
      problemCount: Type.Optional(problemCount),
    },
    {
      additionalProperties: true,
      description: 'Why a file was not imported. Nothing of it was.',
      examples: [
        {
          type: '/problems/invalid-request',
          title: 'A field is not as it must be',
          status: 422,
          detail: 'The file has 1 problem. Nothing was imported.',
          requestId: '019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8',
          errors: [
            { in: 'body', pointer: '', detail: `Line 3, specialties: ${problemExample.detail}` },
          ],
          lines: 3,
          problems: [problemExample],
          problemCount: 1,
        },
      ],
    },
  ),
)

const dryRun = Type.Optional(
  Type.Boolean({
    description: 'Write nothing; answer every problem, and what would be made and changed.',
    examples: [true],
  }),
)

export const ImportQuery = Type.Object({ dryRun })

export const HoursImportQuery = Type.Object({
  dryRun,
  despiteAffected: Type.Optional(
    Type.Boolean({
      description: 'Replace hours although booked visits are left outside; those stay booked.',
    }),
  ),
})
