// Problem details as a named component, which a refusal with further members builds on.

import { Type } from 'typebox'
import { component } from './schema.ts'

export const ProblemSchema = component(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'Which problem it is: stable, relative to this server.' }),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String({ description: 'What is wrong this time, for the person who asked.' }),
      requestId: Type.String({ description: 'Names the request in the log of the server.' }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            in: Type.Enum(['body', 'query', 'path', 'header']),
            pointer: Type.String({ description: 'A JSON Pointer (RFC 6901) to the field.' }),
            detail: Type.String(),
          }),
          { description: 'The fields that are not as they must be.' },
        ),
      ),
    },
    { additionalProperties: true, description: 'Problem details (RFC 9457).' },
  ),
)
