import { Type } from 'typebox'
import { component, Id, InstantText, ref } from '#src/http/schema.ts'
import { ProblemSchema } from '#src/http/problem-schema.ts'
import { SecondFactorCode } from '#src/identity/schemas.ts'

const Item = Type.Record(Type.String(), Type.Unknown())
const list = (description: string) => Type.Optional(Type.Array(Item, { description }))

export const ExportQuery = Type.Object({
  patientId: Type.Optional({
    ...Id,
    description:
      'A record that the account manages, alone. Default: the account and its own record.',
  }),
  format: Type.Optional(
    Type.Enum(['json', 'ics'], {
      description: 'Default: what Accept asks for, else JSON. `ics` has the visits alone.',
    }),
  ),
})

export const PersonalDataSchema = component(
  'PersonalData',
  Type.Object(
    {
      exportedAt: InstantText,
      account: Type.Optional(Item),
      sessions: list('Where the account was signed in.'),
      secondFactor: Type.Optional(Item),
      links: list('One-time links that were mailed, without their words.'),
      preferences: list('What the account wants to be told otherwise than everyone.'),
      quietHours: Type.Optional(Item),
      notifications: list('What the account was told.'),
      calendarFeeds: list('Without their secret addresses.'),
      memberships: list('Front desks at which the account works.'),
      invitations: list('Invitations that the account came by or made.'),
      accesses: list('Records to which the account has or had access.'),
      messagesWritten: list('Messages that the account wrote.'),
      messagesRead: list('Up to which message the account has read.'),
      doctor: Type.Optional(Item),
      whoLooked: list('What was done with the account: when and in which role.'),
      records: Type.Array(Item, {
        description:
          'Each with its contact data, accesses, visits with their history and messages, waitlist, medical history, notifications and who looked at it.',
      }),
    },
    {
      description:
        'Everything about an account and a record. Items may get further fields; instants in them are in UTC.',
      examples: [
        {
          exportedAt: '2026-11-20T13:00:00.000Z',
          account: {
            id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
            email: 'anna.berg@example.org',
            name: 'Anna Berg',
            role: 'patient',
          },
          records: [
            {
              id: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
              name: 'Anna Berg',
              visits: [{ status: 'completed', startsAt: '2026-06-24T08:40:00+00:00' }],
            },
          ],
        },
      ],
    },
  ),
)

export const AccountEndSchema = component(
  'AccountEnd',
  Type.Object(
    {
      password: Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'That of the account, to show once more that it is yours.',
        examples: ['four wet herons wait'],
      }),
      code: Type.Optional({
        ...SecondFactorCode,
        description: 'Where the account has a second factor.',
      }),
    },
    { examples: [{ password: 'four wet herons wait' }] },
  ),
)

const openVisitExample = {
  appointmentId: '019a9b5e-5d6e-7f80-a1b2-c3d4e5f60718',
  status: 'confirmed',
  startsAt: '2026-11-24T10:40:00+01:00',
  endsAt: '2026-11-24T11:00:00+01:00',
  clinicId: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
  doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  patientId: '019a9b5e-4c53-7a60-8b1f-0c9e7d5a3b21',
}

const OpenVisitSchema = component(
  'OpenVisit',
  Type.Object(
    {
      appointmentId: Id,
      status: Type.String({ examples: ['confirmed'] }),
      startsAt: InstantText,
      endsAt: InstantText,
      clinicId: Id,
      doctorId: Id,
      patientId: Id,
    },
    { description: 'A visit that is in the way.', examples: [openVisitExample] },
  ),
)

/** The answer `visits-open`, and other refusals of status 409. */
const VisitsOpenSchema = component(
  'VisitsOpen',
  Type.Object(
    {
      ...ProblemSchema.properties,
      visitCount: Type.Optional(Type.Integer({ description: 'With `visits-open`.' })),
      visits: Type.Optional(
        Type.Array(ref(OpenVisitSchema), {
          description: 'With `visits-open`: the first of them, at most 20.',
        }),
      ),
    },
    {
      additionalProperties: true,
      description: 'Why someone cannot leave yet.',
      examples: [
        {
          type: '/problems/visits-open',
          title: 'There are visits ahead',
          status: 409,
          detail: 'There is 1 visit ahead. Move or cancel first; nothing changed.',
          requestId: '01a1f93c-84f0-7347-b566-acf8ea24185d',
          visitCount: 1,
          visits: [openVisitExample],
        },
      ],
    },
  ),
)

export const openVisitsAnswer = {
  description: 'There are visits ahead (visits-open), or conflict',
  content: { 'application/problem+json': { schema: ref(VisitsOpenSchema) } },
}
