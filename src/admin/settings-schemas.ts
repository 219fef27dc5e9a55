// The settings of the network on the wire.

import { Type } from 'typebox'
import { component, nullable } from '#src/http/schema.ts'

const fields = {
  name: Type.String({
    minLength: 1,
    maxLength: 120,
    pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$',
    description: 'What the network is called, as in apps that make codes for signing in.',
    examples: ['Canal Clinics'],
  }),
  secondFactorForStaff: Type.Boolean({
    description:
      'Whether doctors, the front desk and admins must set up a second factor before they do anything else.',
    examples: [true],
  }),
  childAccessEndsAtAge: Type.Integer({
    minimum: 12,
    maximum: 25,
    description:
      "On which birthday others' access to a child's record ends. A change acts on all records within a minute.",
    examples: [18],
  }),
  keepEventsDays: Type.Integer({
    minimum: 7,
    maximum: 3650,
    description: 'How long it is kept what happened, for live updates that come back.',
    examples: [90],
  }),
  keepNotificationsDays: Type.Integer({
    minimum: 30,
    maximum: 3650,
    description: 'How long it is kept who was told what.',
    examples: [365],
  }),
  keepPatientsYears: {
    ...nullable(Type.Integer({ minimum: 1, maximum: 100 })),
    description:
      'How long after the last visit a record that no account manages is kept; null for always.',
    examples: [10],
  },
}

export const SettingsSchema = component(
  'Settings',
  Type.Object(
    {
      ...fields,
      version: Type.Integer({ minimum: 1, description: 'Raised by each change; see If-Match.' }),
    },
    {
      examples: [
        {
          name: 'Canal Clinics',
          secondFactorForStaff: true,
          childAccessEndsAtAge: 18,
          keepEventsDays: 90,
          keepNotificationsDays: 365,
          keepPatientsYears: 10,
          version: 3,
        },
      ],
    },
  ),
)

export const SettingsChangeSchema = component(
  'SettingsChange',
  Type.Partial(Type.Object(fields), {
    minProperties: 1,
    examples: [{ secondFactorForStaff: true }],
  }),
)
