import { Type } from 'typebox'
import { contextOf, signedIn } from '#src/http/request.ts'
import { NoContent, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import {
  AccountChangeSchema,
  EmailChangeSchema,
  ForgottenPasswordSchema,
  PasswordChangeSchema,
  PasswordResetSchema,
  UsedLinkSchema,
} from './account-schemas.ts'
import { presentAccount } from './accounts.ts'
import { trimFields } from './answers.ts'
import { askForNewEmail, sendVerification, useNewEmail, verifyEmail } from './email-address.ts'
import { askForReset, resetPassword } from './forgotten-password.ts'
import { changeOwnAccount } from './own-account.ts'
import { changePassword } from './password-change.ts'
import { AccountSchema } from './schemas.ts'

const tags = ['auth']
const Accepted = Type.Null({ description: 'Taken note of' })

/** What the owner of an account changes of it, and what links in mails to accounts are for. */
export function accountRoutes(app: App): void {
  passwordRoutes(app)
  emailRoutes(app)
  app.patch(
    '/auth/me',
    {
      config: { audience: 'signed-in', withoutSecondFactor: true },
      preValidation: trimFields('phone'),
      schema: {
        operationId: 'changeOwnAccount',
        summary: 'Change name, phone or language of the account',
        description:
          'The patient records that the account acts for are changed by `PATCH /patients/{id}`.',
        tags,
        body: ref(AccountChangeSchema),
        response: { 200: ref(AccountSchema) },
      },
    },
    async (request) => presentAccount(await changeOwnAccount(signedIn(request), request.body)),
  )
}

function passwordRoutes(app: App): void {
  app.post(
    '/auth/change-password',
    {
      config: {
        audience: 'signed-in',
        withoutSecondFactor: true,
        limit: 'sign-in',
        refusals: ['bad-credentials'],
      },
      schema: {
        operationId: 'changePassword',
        summary: 'Choose a new password',
        description: 'The other sessions of the account end, and its owner is told.',
        tags,
        body: ref(PasswordChangeSchema),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await changePassword(signedIn(request), request.body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/forgot-password',
    {
      config: { audience: 'public', limit: 'code' },
      preValidation: trimFields('email'),
      schema: {
        operationId: 'forgotPassword',
        summary: 'Have a link mailed to choose a new password',
        description:
          'The answer is the same whether the e-mail address is known or not. The link is good once, for an hour, and takes the place of an earlier one. At most three are mailed to an address in an hour.',
        tags,
        body: ref(ForgottenPasswordSchema),
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      await askForReset(contextOf(request), request.body)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/auth/reset-password',
    {
      config: { audience: 'public', limit: 'sign-in', refusals: ['invalid-link'] },
      schema: {
        operationId: 'resetPassword',
        summary: 'Choose a new password by the link of a mail',
        description:
          'All sessions of the account end, and its owner is told. A second factor stays in force, unless the e-mail address had not been confirmed before.',
        tags,
        body: ref(PasswordResetSchema),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await resetPassword(contextOf(request), request.body)
      return reply.code(204).send(null)
    },
  )
}

function emailRoutes(app: App): void {
  app.post(
    '/auth/verify-email',
    {
      config: { audience: 'public', limit: 'code', refusals: ['invalid-link'] },
      schema: {
        operationId: 'verifyEmail',
        summary: 'Confirm an e-mail address by the link of a mail',
        tags,
        body: ref(UsedLinkSchema),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await verifyEmail(contextOf(request), request.body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/verify-email/send',
    {
      config: {
        audience: 'signed-in',
        withoutSecondFactor: true,
        limit: 'code',
        refusals: ['wrong-state'],
      },
      schema: {
        operationId: 'sendEmailVerification',
        summary: 'Have the link mailed again that confirms the e-mail address',
        description:
          'The link is good once, for seven days, and takes the place of an earlier one.',
        tags,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      await sendVerification(signedIn(request))
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/auth/change-email',
    {
      config: {
        audience: 'signed-in',
        withoutSecondFactor: true,
        limit: 'sign-in',
        refusals: ['bad-credentials'],
      },
      preValidation: trimFields('email'),
      schema: {
        operationId: 'changeEmail',
        summary: 'Have a link mailed to a new e-mail address, to change to it',
        description:
          'The address changes when the link is opened, within 24 hours. The present address is told. The answer is the same whether another account has the address or not.',
        tags,
        body: ref(EmailChangeSchema),
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      await askForNewEmail(signedIn(request), request.body)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/auth/change-email/confirm',
    {
      config: { audience: 'public', limit: 'code', refusals: ['invalid-link', 'email-taken'] },
      schema: {
        operationId: 'confirmEmailChange',
        summary: 'Change to a new e-mail address by the link of a mail',
        description: 'All other sessions of the account end, and the former address is told.',
        tags,
        body: ref(UsedLinkSchema),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await useNewEmail(contextOf(request), request.body)
      return reply.code(204).send(null)
    },
  )
}
