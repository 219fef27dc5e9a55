// The shapes of patient records on the wire.

import { Type } from 'typebox'
import { ProblemSchema } from '#src/http/problem-schema.ts'
import {
  component,
  Email,
  Id,
  InstantText,
  LocalDateText,
  nullable,
  Page,
  PageQuery,
  PersonName,
  PhoneText,
  ref,
  Text,
} from '#src/http/schema.ts'
import { ClaimFields, LocaleText } from '#src/identity/schemas.ts'
import { AccessEnd, Relation, Scope } from './access-schemas.ts'

const Street = Text(200, { examples: ['14 quai de Valmy'] })
const PostalCode = Text(20, { examples: ['75010'] })
const City = Text(100, { examples: ['Paris'] })
const Country = Text(100, { examples: ['France'] })
const InsuranceNumber = Type.String({
  pattern: '^[0-9A-Za-z][0-9A-Za-z ./-]{1,39}$',
  description: 'As it stands on the card of the health insurance.',
  examples: ['2 84 07 75 116 001 42'],
})
const EmergencyContact = Type.Object(
  {
    name: PersonName,
    phone: PhoneText,
    relation: Type.Optional(
      Text(60, {
        description: 'What the contact is to the patient, in the patient’s words.',
        examples: ['Brother'],
      }),
    ),
  },
  { description: 'Whom the clinic calls when something happens.' },
)

const contactExample = {
  address: { street: '14 quai de Valmy', postalCode: '75010', city: 'Paris', country: 'France' },
  insuranceNumber: '2 84 07 75 116 001 42',
  emergencyContact: { name: 'Paul Berg', phone: '+33 1 42 68 53 09', relation: 'Brother' },
}

/** What else is known of a person, for those who see the whole record. */
const contactFields = {
  address: Type.Optional(
    Type.Object({
      street: Type.Optional(Street),
      postalCode: Type.Optional(PostalCode),
      city: Type.Optional(City),
      country: Type.Optional(Country),
    }),
  ),
  insuranceNumber: Type.Optional(InsuranceNumber),
  emergencyContact: Type.Optional(EmergencyContact),
}

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
      locale: Type.Optional(LocaleText),
      ...contactFields,
      relation: Type.Optional({
        ...Relation,
        description: 'What you are to the patient; absent for staff.',
      }),
      scope: Type.Optional(Scope),
      endsAt: Type.Optional({ ...AccessEnd, description: 'When your access ends, if it does.' }),
      version: Type.Integer({ description: 'Raised by each change; the ETag of the record.' }),
    },
    {
      description: 'A person who is seen, apart from the accounts that may act for them.',
      examples: [{ ...patientExample, ...contactExample, relation: 'self', scope: 'manage' }],
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
      locale: Type.Optional(nullable(LocaleText)),
      address: Type.Optional({
        ...nullable(
          Type.Object({
            street: Type.Optional(nullable(Street)),
            postalCode: Type.Optional(nullable(PostalCode)),
            city: Type.Optional(nullable(City)),
            country: Type.Optional(nullable(Country)),
          }),
        ),
        description: 'Only the parts that are named change.',
      }),
      insuranceNumber: Type.Optional(nullable(InsuranceNumber)),
      emergencyContact: Type.Optional({
        ...nullable(EmergencyContact),
        description: 'Takes the place of the former one.',
      }),
    },
    {
      minProperties: 1,
      description: 'The fields to change; null clears one.',
      examples: [
        {
          phone: '+33 1 42 68 53 01',
          dateOfBirth: '1984-07-19',
          address: { street: '12 quai de Valmy' },
          emergencyContact: contactExample.emergencyContact,
        },
      ],
    },
  ),
)

const foundExample = {
  ...patientExample,
  hasAccount: false,
  nextVisitAt: '2026-11-24T10:40:00+01:00',
}

// A search is for whom to call; who looks at the record learns the rest.
const { id, name, phone, email, dateOfBirth } = PatientSchema.properties
const foundFields = { id, name, phone, email, dateOfBirth }

const FoundPatientSchema = component(
  'FoundPatient',
  Type.Object(
    {
      ...foundFields,
      version: Type.Optional(PatientSchema.properties.version),
      phoneEndsWith: Type.Optional(
        Type.String({
          description:
            'The last digits of a number that you gave, of a patient whom you do not see.',
        }),
      ),
      hasAccount: Type.Boolean({
        description: 'Whether an account manages the record; if not, the front desk keeps it.',
      }),
      lastVisitAt: Type.Optional({
        ...InstantText,
        description: 'The last visit, of those that the caller may see.',
      }),
      nextVisitAt: Type.Optional({
        ...InstantText,
        description: 'The next visit, of those that the caller may see.',
      }),
    },
    {
      description:
        'A patient that a search found. Of one whom you do not see it has id, name and what you gave.',
      examples: [foundExample],
    },
  ),
)

export const FoundPatientPageSchema = component(
  'FoundPatientPage',
  Type.Object(Page(ref(FoundPatientSchema)).properties, {
    examples: [{ items: [foundExample], nextCursor: null }],
  }),
)

export const PatientSearchSchema = component(
  'PatientSearch',
  Type.Object(
    {
      q: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 120,
          description:
            'Part of the name: beginnings of its words in any order, without regard to case and accents. At least two letters where nothing else is given.',
          examples: ['zoe mull'],
        }),
      ),
      phone: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 40,
          description:
            'A telephone number however it is written, or at least four digits that follow each other in it. Of more than eight digits the last eight count.',
          examples: ['01 42 68 53 00'],
        }),
      ),
      dateOfBirth: Type.Optional({ ...LocalDateText, examples: ['1984-07-19'] }),
      ...PageQuery,
    },
    {
      minProperties: 1,
      description: 'Who is looked for; all that is given must match.',
      examples: [{ q: 'zoe mull', dateOfBirth: '1984-07-19' }],
    },
  ),
)

export const NewPatientSchema = component(
  'NewPatient',
  Type.Object(
    {
      name: PersonName,
      phone: Type.Optional(PhoneText),
      email: Type.Optional(Email),
      dateOfBirth: Type.Optional(LocalDateText),
      locale: Type.Optional(LocaleText),
      ...contactFields,
      relation: Type.Optional(
        Type.Enum(['self', 'parent', 'carer'], {
          description:
            'What you are to the person, whose record you manage then; self for yourself, of an account that has no record of its own. Required of patients; staff name it for people of their own.',
        }),
      ),
      clinicId: Type.Optional({
        ...Id,
        description:
          'The clinic that registers, one of your own; needed by who works at several. Its front desk sees the patient from then on.',
      }),
      despiteDuplicates: Type.Optional(
        Type.Literal(true, {
          description: 'Makes the record although the network seems to know the person.',
        }),
      ),
    },
    {
      examples: [
        {
          name: 'Anna Berg',
          phone: '+33 1 42 68 53 00',
          dateOfBirth: '1984-07-19',
          ...contactExample,
        },
        { name: 'Jonas Berg', dateOfBirth: '2016-05-17', relation: 'parent' },
      ],
    },
  ),
)

export const PossibleDuplicatesSchema = component(
  'PossibleDuplicates',
  Type.Object(
    {
      ...ProblemSchema.properties,
      candidates: Type.Optional(
        Type.Array(
          Type.Object({
            id: Id,
            name: Type.Optional(PersonName),
            dateOfBirth: Type.Optional(LocalDateText),
            phoneEndsWith: Type.Optional(
              Type.String({ description: 'The last digits of the telephone number.' }),
            ),
            hasAccount: Type.Boolean(),
          }),
          {
            description:
              'With `possible-duplicates`: who it may be, at most 5. Of those whom you do not see, only what you gave and is so.',
          },
        ),
      ),
    },
    {
      additionalProperties: true,
      description: 'Why a person was not registered, and who is there already.',
      examples: [
        {
          type: '/problems/possible-duplicates',
          title: 'The person seems to be known already',
          status: 409,
          detail: 'Someone who is known already looks like this person.',
          requestId: '01a1f93c-84f0-7347-b566-acf8ea24185d',
          candidates: [
            {
              id: patientExample.id,
              name: patientExample.name,
              dateOfBirth: patientExample.dateOfBirth,
              phoneEndsWith: '5300',
              hasAccount: true,
            },
          ],
        },
      ],
    },
  ),
)

const codeExample = '7K3M0QV8YXB1CT9RHW2DSEP4AN6JGF5Z'

export const NewClaimLinkSchema = component(
  'NewClaimLink',
  Type.Object({}, { description: 'There is nothing to say about a link.', examples: [{}] }),
)

export const ClaimLinkSchema = component(
  'ClaimLink',
  Type.Object(
    {
      code: Type.String({
        description:
          'Told here, and by mail where the record has an e-mail address and a date of birth.',
      }),
      link: Type.String({ description: 'The page where the person claims the record.' }),
      expiresAt: InstantText,
    },
    {
      examples: [
        {
          code: codeExample,
          link: `https://visita.example.org/claim#${codeExample}`,
          expiresAt: '2026-12-08T09:40:00.000Z',
        },
      ],
    },
  ),
)

export const ClaimSchema = component(
  'Claim',
  Type.Object(
    {
      ...ClaimFields,
      relation: Type.Optional(
        Type.Enum(['self', 'parent', 'carer'], {
          description: "What the account's holder is to the patient; self when left out.",
        }),
      ),
    },
    { examples: [{ code: codeExample, dateOfBirth: '1984-07-19', relation: 'self' }] },
  ),
)
