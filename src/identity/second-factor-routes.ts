import { signedIn } from '#src/http/request.ts'
import { NoContent, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import {
  RecoveryCodesSchema,
  SecondFactorBeginSchema,
  SecondFactorConfirmSchema,
  SecondFactorProofSchema,
  SecondFactorSecretSchema,
} from './second-factor-schemas.ts'
import {
  beginSecondFactor,
  confirmSecondFactor,
  disableSecondFactor,
  renewRecoveryCodes,
} from './second-factor.ts'

const tags = ['auth']
const audience = 'signed-in'
const withoutSecondFactor = true

/** The second factor of the account that is signed in. */
export function secondFactorRoutes(app: App): void {
  app.post(
    '/auth/second-factor',
    {
      config: {
        audience,
        withoutSecondFactor,
        limit: 'code',
        refusals: ['bad-credentials', 'conflict', 'too-many-requests'],
      },
      schema: {
        operationId: 'beginSecondFactor',
        summary: 'Begin to set up a second factor',
        description:
          'Answers a secret for an app that makes codes (TOTP, RFC 6238). Signing in is as before until a ' +
          'first code confirms it.',
        tags,
        body: ref(SecondFactorBeginSchema),
        response: { 201: ref(SecondFactorSecretSchema) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await beginSecondFactor(signedIn(request), request.body)),
  )

  app.post(
    '/auth/second-factor/confirm',
    {
      config: {
        audience,
        withoutSecondFactor,
        limit: 'code',
        refusals: ['bad-credentials', 'conflict', 'too-many-requests'],
      },
      schema: {
        operationId: 'confirmSecondFactor',
        summary: 'Put the second factor in force',
        description:
          'By a first code of the app. The other sessions of the account end, and each sign-in takes a ' +
          'code from now on. Answers the recovery codes.',
        tags,
        body: ref(SecondFactorConfirmSchema),
        response: { 200: ref(RecoveryCodesSchema) },
      },
    },
    async (request) => ({
      recoveryCodes: await confirmSecondFactor(signedIn(request), request.body),
    }),
  )

  app.post(
    '/auth/second-factor/disable',
    {
      config: {
        audience,
        withoutSecondFactor,
        limit: 'code',
        refusals: ['bad-credentials', 'not-allowed', 'conflict', 'too-many-requests'],
      },
      schema: {
        operationId: 'disableSecondFactor',
        summary: 'Remove the second factor',
        description:
          'The other sessions of the account end. Refused to staff while the network asks them for one.',
        tags,
        body: ref(SecondFactorProofSchema),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await disableSecondFactor(signedIn(request), request.body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/second-factor/recovery-codes',
    {
      config: {
        audience,
        withoutSecondFactor,
        limit: 'code',
        refusals: ['bad-credentials', 'conflict', 'too-many-requests'],
      },
      schema: {
        operationId: 'renewRecoveryCodes',
        summary: 'New recovery codes in place of the former ones',
        description: 'The other sessions of the account end, and its owner is told.',
        tags,
        body: ref(SecondFactorProofSchema),
        response: { 200: ref(RecoveryCodesSchema) },
      },
    },
    async (request) => ({
      recoveryCodes: await renewRecoveryCodes(signedIn(request), request.body),
    }),
  )
}
