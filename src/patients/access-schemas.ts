// The shapes of access to patients' records on the wire.

import { Type } from 'typebox'
import { component, Email, Id, InstantText, nullable, PersonName, ref } from '#src/http/schema.ts'

export const Relation = Type.Enum(['self', 'parent', 'carer'], {
  description: "What the account's holder is to the patient.",
})
const InvitedRelation = Type.Enum(['parent', 'carer'], {
  description:
    "What the account's holder is to the patient. Access to a child's record ends when the child is of age.",
})
export const Scope = Type.Enum(['see', 'book', 'manage'], {
  description:
    '`see` looks at the record, the visits, the waitlist and the medical history, and does nothing. `book` looks at all but the medical history, and books, moves, cancels and writes messages. `manage` does all of it, changes the record and gives access to others.',
})
export const AccessEnd = {
  ...InstantText,
  description: 'When the access ends; absent for never.',
  examples: ['2034-05-17T00:00:00.000Z'],
}

const accessExample = {
  accountId: '019a9b5e-4c57-7b1a-9d44-3c6f2a81e0b5',
  name: 'Paul Berg',
  email: 'paul.berg@example.org',
  relation: 'parent',
  scope: 'manage',
  endsAt: '2034-05-17T00:00:00.000Z',
}
const invitationExample = {
  id: '019a9b5e-4c58-7e02-8a61-90d7c3b4f1a6',
  email: 'marie.berg@example.org',
  relation: 'carer',
  scope: 'book',
  endsAt: '2027-06-30T22:00:00.000Z',
  createdAt: '2026-11-24T09:40:00.000Z',
  expiresAt: '2026-12-08T09:40:00.000Z',
}

export const PatientAccessSchema = component(
  'PatientAccess',
  Type.Object(
    {
      accountId: Id,
      name: PersonName,
      email: Type.Optional({ ...Email, description: 'For who manages the record.' }),
      relation: Relation,
      scope: Scope,
      endsAt: Type.Optional(AccessEnd),
    },
    { description: 'An account that may act for a patient.', examples: [accessExample] },
  ),
)

export const AccessInvitationSchema = component(
  'AccessInvitation',
  Type.Object(
    {
      id: Id,
      email: Type.Optional({ ...Email, description: 'For who manages the record.' }),
      relation: InvitedRelation,
      scope: Scope,
      endsAt: Type.Optional(AccessEnd),
      createdAt: InstantText,
      expiresAt: { ...InstantText, description: 'Until when it can be accepted.' },
    },
    {
      description: 'Access that waits for the reader of an e-mail address to accept it.',
      examples: [invitationExample],
    },
  ),
)

export const PatientAccessListSchema = component(
  'PatientAccessList',
  Type.Object(
    {
      accounts: Type.Array(ref(PatientAccessSchema), {
        description: "The patient's own account first, then the oldest access.",
      }),
      invitations: Type.Array(ref(AccessInvitationSchema)),
    },
    { examples: [{ accounts: [accessExample], invitations: [invitationExample] }] },
  ),
)

export const NewAccessSchema = component(
  'NewAccess',
  Type.Object(
    {
      email: Email,
      relation: InvitedRelation,
      scope: Scope,
      endsAt: Type.Optional({
        ...InstantText,
        description: 'When the access is to end; no later than your own does, as without it.',
      }),
    },
    {
      examples: [
        {
          email: 'marie.berg@example.org',
          relation: 'carer',
          scope: 'book',
          endsAt: '2027-07-01T00:00:00+02:00',
        },
      ],
    },
  ),
)

export const AccessChangeSchema = component(
  'AccessChange',
  Type.Object(
    {
      scope: Type.Optional(Scope),
      endsAt: Type.Optional({
        ...nullable(InstantText),
        description: 'When the access is to end; null for as long as your own.',
      }),
    },
    { minProperties: 1, examples: [{ scope: 'see', endsAt: '2027-07-01T00:00:00+02:00' }] },
  ),
)

export const AccessEndedSchema = component(
  'AccessEnded',
  Type.Object(
    {
      isManaged: Type.Boolean({
        description:
          'Whether any account manages the record still. If not, the front desk that registered or received the patient keeps it from now on, and the person gets to it by a link of the desk.',
      }),
    },
    { examples: [{ isManaged: true }] },
  ),
)

export const AcceptanceSchema = component(
  'AccessAcceptance',
  Type.Object(
    {
      token: Type.String({
        minLength: 1,
        maxLength: 100,
        description: 'The word of the link in the mail, after its #.',
        examples: ['AZqbXkxYfgKKYZDXw7TxpmMzS8v1nQ3oTqvU0yW5cXb8eRk2dJ6hLzPtN4aFgGiIu'],
      }),
    },
    {
      examples: [{ token: 'AZqbXkxYfgKKYZDXw7TxpmMzS8v1nQ3oTqvU0yW5cXb8eRk2dJ6hLzPtN4aFgGiIu' }],
    },
  ),
)
