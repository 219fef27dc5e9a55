// How a sign-in is answered, and what people may type around their e-mail address, name and phone.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '#src/context.ts'
import { presentAccount } from './accounts.ts'
import { refreshCookie } from './refresh-cookie.ts'
import type { SignedInAnswer } from './schemas.ts'
import { refreshTokenSeconds, type SignedIn } from './sessions.ts'

/** The answer; with `session` "cookie" the refresh token goes into a cookie instead. */
export function presentSignedIn(
  reply: FastifyReply,
  options: { context: Context; signedIn: SignedIn; session: 'cookie' | undefined },
): SignedInAnswer {
  const { account, accessToken, expiresIn, refreshToken } = options.signedIn
  const isCookie = options.session === 'cookie'
  if (isCookie)
    void reply.header(
      'set-cookie',
      refreshCookie(refreshToken, refreshTokenSeconds(options.context)),
    )
  return {
    account: presentAccount(account),
    accessToken,
    tokenType: 'Bearer',
    expiresIn,
    ...(!isCookie && { refreshToken }),
  }
}

/** Removes the space that copying leaves around these fields, before they are checked. */
export function trimFields(...names: string[]) {
  return async (request: FastifyRequest): Promise<void> => {
    const { body } = request
    if (typeof body !== 'object' || body === null) return
    for (const name of names) {
      const value: unknown = Reflect.get(body, name)
      if (typeof value === 'string') Reflect.set(body, name, value.trim())
    }
  }
}
