// The shapes of accounts, sign-ins and invitations on the wire.

import { Type, type Static } from 'typebox'
import {
  component,
  Email,
  Id,
  InstantText,
  LocalDateText,
  PersonName,
  PhoneText,
  ref,
} from '#src/http/schema.ts'
import { passwordLengthMax, passwordLengthMin } from './password-lengths.ts'

const RoleName = Type.Enum(['patient', 'doctor', 'front_desk', 'admin'])
const InvitedRoleName = Type.Enum(['doctor', 'front_desk', 'admin'])

const accountExample = {
  id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  email: 'anna.berg@example.org',
  emailVerified: true,
  name: 'Anna Berg',
  phone: '+33 1 42 68 53 00',
  role: 'patient',
  patientId: '019a9b5e-4c53-7a60-8b1f-0c9e7d5a3b21',
  secondFactor: false,
} as const

export const AccountSchema = component(
  'Account',
  Type.Object(
    {
      id: Id,
      email: Email,
      emailVerified: Type.Boolean({
        description:
          'Whether it is known to be theirs: a link in a mail to it was opened, or an admin named it in an invitation.',
      }),
      name: PersonName,
      phone: Type.Optional(PhoneText),
      role: RoleName,
      patientId: Type.Optional(
        Type.String({ format: 'uuid', description: "The account's own patient record." }),
      ),
      doctorId: Type.Optional(
        Type.String({ format: 'uuid', description: "The doctor's profile, for the role doctor." }),
      ),
      clinicIds: Type.Optional(
        Type.Array(Id, {
          description: 'The clinics whose front desk it works at, for front_desk.',
        }),
      ),
      secondFactor: Type.Boolean({ description: 'Whether signing in takes a code as well.' }),
      needsSecondFactor: Type.Optional(
        Type.Literal(true, {
          description:
            'There when the network asks the account for a second factor, and it has none: until one is ' +
            'set up, all but the paths below /auth is closed to it.',
        }),
      ),
    },
    { examples: [accountExample] },
  ),
)

const tokenExample = {
  account: accountExample,
  accessToken: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJ2aXNpdGEifQ.c2lnbmF0dXJl',
  tokenType: 'Bearer',
  expiresIn: 600,
  refreshToken:
    '019a9b5e-4c54-7f08-a2d1-5e6b9c0f1d32.Zk3mQv0yXb7cT1hRr9uWd2sLpE4aNoG6iKfJ8tUxYzAbV5qM2nHe7wPc0gDs9LrT',
} as const

export const SignedInSchema = component(
  'SignedIn',
  Type.Object(
    {
      account: ref(AccountSchema),
      accessToken: Type.String({ description: 'To be sent as "Authorization: Bearer …".' }),
      tokenType: Type.Enum(['Bearer']),
      expiresIn: Type.Integer({
        description: 'How long the access token is good for, in seconds.',
      }),
      refreshToken: Type.Optional(
        Type.String({
          description:
            'Good for one `POST /auth/refresh`, which answers the next one. Absent when it is in a cookie.',
        }),
      ),
    },
    { examples: [tokenExample] },
  ),
)

/** Where the refresh token goes. */
const SessionKind = Type.Enum(['cookie'], {
  description:
    'With "cookie" the refresh token is put into an HttpOnly cookie, out of reach of scripts, and left out of the answer.',
})

/** What shows that someone may have a record: the code of the clinic's link, and the date of birth. */
export const ClaimFields = {
  code: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'What stands after the # of the link.',
    examples: ['7K3M0QV8YXB1CT9RHW2DSEP4AN6JGF5Z'],
  }),
  dateOfBirth: Type.Optional({
    ...LocalDateText,
    description: 'Must be that of the record, when the record has one.',
    examples: ['1984-07-19'],
  }),
}

/** A language tag, which the operation checks and writes in its canonical form. */
export const LocaleText = Type.String({
  minLength: 2,
  maxLength: 35,
  description: 'The language of messages, as a BCP 47 tag.',
  examples: ['en-GB'],
})

export const RegistrationSchema = component(
  'Registration',
  Type.Object(
    {
      email: Email,
      password: Type.String({
        minLength: passwordLengthMin,
        maxLength: passwordLengthMax,
        description: 'Not the e-mail address, not the name, and none of those guessed first.',
        examples: ['four wet herons wait'],
      }),
      name: PersonName,
      phone: Type.Optional(PhoneText),
      role: Type.Optional(
        Type.Enum(['patient', 'doctor', 'front_desk', 'admin'], {
          description:
            'Without it, the role of the invitation, or else patient. Any but patient needs an invitation code.',
        }),
      ),
      invitationCode: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
      claim: Type.Optional(
        Type.Object(ClaimFields, {
          description:
            "The link to a record that a clinic keeps: it becomes the new patient account's own, instead of a new one.",
        }),
      ),
      locale: Type.Optional(LocaleText),
      session: Type.Optional(SessionKind),
    },
    {
      examples: [
        {
          email: 'anna.berg@example.org',
          password: 'four wet herons wait',
          name: 'Anna Berg',
          phone: '+33 1 42 68 53 00',
        },
      ],
    },
  ),
)

/** A code of the app, or a recovery code as it may be copied by hand. */
export const SecondFactorCode = Type.String({
  minLength: 6,
  maxLength: 64,
  description: 'Six digits of the app, or a recovery code.',
  examples: ['492039'],
})

export const SignInRequestSchema = component(
  'SignInRequest',
  Type.Object(
    {
      email: Email,
      password: Type.String({ minLength: 1, maxLength: passwordLengthMax }),
      code: Type.Optional({
        ...SecondFactorCode,
        description:
          'Needed where a second factor is in force, which the answer to a try without says.',
      }),
      session: Type.Optional(SessionKind),
    },
    { examples: [{ email: 'anna.berg@example.org', password: 'four wet herons wait' }] },
  ),
)

export const RefreshRequestSchema = component(
  'RefreshRequest',
  Type.Object(
    {
      refreshToken: Type.Optional(
        Type.String({ maxLength: 200, description: 'Left out when it is in the cookie.' }),
      ),
    },
    { examples: [{ refreshToken: tokenExample.refreshToken }] },
  ),
)

export const NewInvitationSchema = component(
  'NewInvitation',
  Type.Object(
    {
      role: InvitedRoleName,
      email: Type.Optional(
        Type.String({
          format: 'email',
          maxLength: 254,
          description: 'Binds the invitation to this e-mail address.',
        }),
      ),
      clinicId: Type.Optional(
        Type.String({
          format: 'uuid',
          description: 'Where the front desk works (required for it), or a clinic of the doctor.',
        }),
      ),
      doctorId: Type.Optional(
        Type.String({
          format: 'uuid',
          description: 'The profile, without an account so far, that the doctor takes over.',
        }),
      ),
    },
    {
      examples: [
        {
          role: 'doctor',
          email: 'n.okafor@example.org',
          doctorId: '019a9b5e-5d10-7b3a-9c44-1f2e8d7a6c53',
        },
      ],
    },
  ),
)

export const InvitationSchema = component(
  'Invitation',
  Type.Object(
    {
      id: Id,
      code: Type.String({
        description: 'Good once. It is told here, and by mail where `email` was given.',
      }),
      link: Type.String({ description: 'The page to register at, with the code in its fragment.' }),
      role: InvitedRoleName,
      expiresAt: InstantText,
    },
    {
      examples: [
        {
          id: '019a9b5e-6e21-7c4b-8d55-2a3f9e8b7d64',
          code: '7K3MQV0YXB9CT1HRRWD2SEPG',
          link: 'https://visits.example.org/join#7K3MQV0YXB9CT1HRRWD2SEPG',
          role: 'doctor',
          expiresAt: '2026-12-01T09:40:00.000Z',
        },
      ],
    },
  ),
)

export const KeySetSchema = component(
  'KeySet',
  Type.Object(
    {
      keys: Type.Array(
        Type.Object({
          kty: Type.String(),
          crv: Type.String(),
          x: Type.String(),
          kid: Type.String(),
          alg: Type.String(),
          use: Type.String(),
        }),
      ),
    },
    {
      description: 'A JWK Set (RFC 7517): the public keys of access tokens.',
      examples: [
        {
          keys: [
            {
              kty: 'OKP',
              crv: 'Ed25519',
              x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
              kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
              alg: 'EdDSA',
              use: 'sig',
            },
          ],
        },
      ],
    },
  ),
)

export type SignedInAnswer = Static<typeof SignedInSchema>
