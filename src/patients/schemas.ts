// The shapes of patient records on the wire.

import { Type } from 'typebox'
import {
  component,
  Email,
  Id,
  LocalDateText,
  nullable,
  Page,
  PersonName,
  PhoneText,
  ref,
} from '#src/http/schema.ts'

const patientExample = {
  id: '019a9b5e-4c53-7a60-8b1f-0c9e7d5a3b21',
  name: 'Anna Berg',
  phone: '+33 1 42 68 53 00',
  email: 'anna.berg@example.org',
  dateOfBirth: '1984-07-19',
  version: 2,
}

export const PatientSchema = component(
  'Patient',
  Type.Object(
    {
      id: Id,
      name: PersonName,
      phone: Type.Optional(PhoneText),
      email: Type.Optional(Email),
      dateOfBirth: Type.Optional(LocalDateText),
      version: Type.Integer({ description: 'Raised by each change; the ETag of the record.' }),
    },
    {
      description: 'A person who is seen, apart from the accounts that may act for them.',
      examples: [patientExample],
    },
  ),
)

export const PatientPageSchema = component(
  'PatientPage',
  Type.Object(Page(ref(PatientSchema)).properties, {
    examples: [{ items: [patientExample], nextCursor: null }],
  }),
)

export const PatientChangeSchema = component(
  'PatientChange',
  Type.Object(
    {
      name: Type.Optional(PersonName),
      phone: Type.Optional(nullable(PhoneText)),
      email: Type.Optional(nullable(Email)),
      dateOfBirth: Type.Optional(nullable(LocalDateText)),
    },
    {
      minProperties: 1,
      description: 'The fields to change; null clears one.',
      examples: [{ phone: '+33 1 42 68 53 01', dateOfBirth: '1984-07-19' }],
    },
  ),
)
