import { Type } from 'typebox'
import { contextOf, signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { presentAccount, readAccount } from './accounts.ts'
import { presentSignedIn, trimFields } from './answers.ts'
import { invite } from './invitations.ts'
import { readRefreshCookie, removedRefreshCookie } from './refresh-cookie.ts'
import {
  AccountSchema,
  InvitationSchema,
  KeySetSchema,
  NewInvitationSchema,
  RefreshRequestSchema,
  SignedInSchema,
  SignInRequestSchema,
} from './schemas.ts'
import { refreshSession, signOut } from './sessions.ts'
import { signIn } from './sign-in.ts'

/** Signing in and out, and invitations. Registering is in the patients module. */
export function identityRoutes(app: App): void {
  app.post(
    '/auth/login',
    {
      config: {
        audience: 'public',
        withoutSecondFactor: true,
        limit: 'sign-in',
        refusals: ['bad-credentials', 'second-factor-needed', 'too-many-requests'],
      },
      preValidation: trimFields('email'),
      schema: {
        summary: 'Sign in',
        description:
          'The answer is the same whether the e-mail address is known or not. Where a second factor is in ' +
          'force, a right password without a `code` is answered with `second-factor-needed`; there is no ' +
          'session before the code.',
        tags: ['auth'],
        body: ref(SignInRequestSchema),
        response: { 200: ref(SignedInSchema) },
      },
    },
    async (request, reply) => {
      const context = contextOf(request)
      const { session, ...credentials } = request.body
      return presentSignedIn(reply, {
        context,
        signedIn: await signIn(context, credentials),
        session,
      })
    },
  )

  app.post(
    '/auth/refresh',
    {
      config: { audience: 'public', withoutSecondFactor: true, refusals: ['not-signed-in'] },
      schema: {
        summary: 'Exchange the refresh token for new tokens',
        description:
          'A refresh token is good once: using it again ends the session, since one of the two users must have stolen it.',
        security: [{}, { bearerAuth: [] }, { cookieAuth: [] }],
        tags: ['auth'],
        body: ref(RefreshRequestSchema),
        response: { 200: ref(SignedInSchema) },
      },
    },
    async (request, reply) => {
      const context = contextOf(request)
      const fromBody = request.body.refreshToken
      const refreshToken = fromBody ?? readRefreshCookie(request.headers.cookie)
      return presentSignedIn(reply, {
        context,
        signedIn: await refreshSession(context, refreshToken ?? ''),
        session: fromBody === undefined ? 'cookie' : undefined,
      })
    },
  )

  app.post(
    '/auth/logout',
    {
      config: { audience: 'public', withoutSecondFactor: true, refusals: ['not-signed-in'] },
      schema: {
        summary: 'Sign out',
        description:
          'Ends the session of the access token, or of the refresh token in the body or the cookie. Its tokens are void at once.',
        security: [{}, { bearerAuth: [] }, { cookieAuth: [] }],
        tags: ['auth'],
        body: ref(RefreshRequestSchema),
        response: { 204: Type.Null({ description: 'Signed out' }) },
      },
    },
    async (request, reply) => {
      const cookie = readRefreshCookie(request.headers.cookie)
      await signOut(contextOf(request), request.body.refreshToken ?? cookie)
      if (cookie !== undefined) void reply.header('set-cookie', removedRefreshCookie())
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/auth/me',
    {
      config: { audience: 'signed-in', withoutSecondFactor: true },
      schema: {
        summary: 'The account that is signed in',
        tags: ['auth'],
        response: { 200: ref(AccountSchema) },
      },
    },
    async (request) => {
      const { db, actor, clock } = signedIn(request)
      const asked = { accountId: actor.accountId, now: clock() }
      return presentAccount(await readAccount(db, asked))
    },
  )

  app.post(
    '/invitations',
    {
      config: { audience: ['admin'], refusals: ['conflict'] },
      preValidation: trimFields('email'),
      schema: {
        summary: 'Invite a doctor, someone for the front desk, or an admin',
        description:
          'The invitation is good once, for seven days, and makes an account. An address that has one is refused with `conflict` and the `accountId`: give that account its role with `PUT /admin/users/{id}/role`.',
        tags: ['auth'],
        body: ref(NewInvitationSchema),
        response: { 201: ref(InvitationSchema) },
      },
    },
    async (request, reply) => {
      const invitation = await invite(signedIn(request), request.body)
      return reply.code(201).send({ ...invitation, expiresAt: formatUtc(invitation.expiresAt) })
    },
  )
}

/** The public key at the root, where libraries that check tokens look for it. */
export function keySetRoute(app: App): void {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'The public keys of access tokens',
        tags: ['operations'],
        operationId: 'getKeySet',
        response: { 200: ref(KeySetSchema) },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'public, max-age=300')
      return contextOf(request).tokens.jwks()
    },
  )
}
