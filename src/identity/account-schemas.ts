// The shapes of what an account's owner changes, and of the links in mails, on the wire.

import { Type } from 'typebox'
import { component, Email, nullable, PersonName, PhoneText } from '#src/http/schema.ts'
import { passwordLengthMax, passwordLengthMin } from './password-lengths.ts'
import { LocaleText } from './schemas.ts'

const NewPassword = Type.String({
  minLength: passwordLengthMin,
  maxLength: passwordLengthMax,
  description:
    'Not the e-mail address, not the name, not that of the network, and none of those guessed first.',
  examples: ['nine dry otters nap'],
})

const PresentPassword = Type.String({
  minLength: 1,
  maxLength: passwordLengthMax,
  description: 'The present one.',
  examples: ['four wet herons wait'],
})

const tokenExample = 'AZqbXkxSfRyaPi9tC4xOFwQ2dZk3mQv0yXb7cT1hRr9uWd2sLpE4aNoG6iKfJ8tUx'

const LinkToken = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'What stands after the # of the link.',
  examples: [tokenExample],
})

export const PasswordChangeSchema = component(
  'PasswordChange',
  Type.Object(
    { password: PresentPassword, newPassword: NewPassword },
    { examples: [{ password: 'four wet herons wait', newPassword: 'nine dry otters nap' }] },
  ),
)

export const ForgottenPasswordSchema = component(
  'ForgottenPassword',
  Type.Object({ email: Email }, { examples: [{ email: 'anna.berg@example.org' }] }),
)

export const PasswordResetSchema = component(
  'PasswordReset',
  Type.Object(
    { token: LinkToken, password: NewPassword },
    { examples: [{ token: tokenExample, password: 'nine dry otters nap' }] },
  ),
)

export const UsedLinkSchema = component(
  'UsedLink',
  Type.Object({ token: LinkToken }, { examples: [{ token: tokenExample }] }),
)

export const EmailChangeSchema = component(
  'EmailChange',
  Type.Object(
    { password: PresentPassword, email: Email },
    { examples: [{ password: 'four wet herons wait', email: 'anna@berg.example' }] },
  ),
)

export const AccountChangeSchema = component(
  'AccountChange',
  Type.Object(
    {
      name: Type.Optional(PersonName),
      phone: Type.Optional(nullable(PhoneText)),
      locale: Type.Optional(LocaleText),
    },
    {
      description: 'The fields to change; null clears one.',
      examples: [{ name: 'Anna Berg', phone: null, locale: 'en-GB' }],
    },
  ),
)
