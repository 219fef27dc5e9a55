// Accounts with a password, and the links in their mails, for tests.

import assert from 'node:assert/strict'
import type { Context } from '#src/context.ts'
import type { AccountLinkPurpose } from '#src/db/tables.ts'
import { transact } from '#src/events/events.ts'
import { makeAccountLink } from '#src/identity/account-links.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, type Answer } from './network.ts'
import { testVisita } from './visita.ts'

export const password = 'four wet herons wait'

export interface TestAccount {
  accountId: string
  email: string
  /** The Authorization header. */
  as: string
  refreshToken: string
}

/** A patient who has registered and is signed in. */
export async function registered(): Promise<TestAccount> {
  const { app } = await testVisita()
  const email = `anna.${newId()}@example.org`
  const { status, body } = await call(app, 'POST /auth/register', {
    body: { email, password, name: 'Anna Berg' },
  })
  assert.equal(status, 201)
  const { account, accessToken, refreshToken } = body
  return { accountId: account.id, email, as: `Bearer ${accessToken}`, refreshToken }
}

/** Signs in by e-mail address and password. */
export async function signIn(email: string, secret: string = password): Promise<Answer> {
  const { app } = await testVisita()
  return call(app, 'POST /auth/login', { body: { email, password: secret } })
}

/** The words of the account's links of this purpose that are there, oldest first. */
export async function tokensOf(accountId: string, purpose: AccountLinkPurpose): Promise<string[]> {
  const { runtime } = await testVisita()
  const links = await runtime.db
    .selectFrom('account_link')
    .select('id')
    .where('account_id', '=', accountId)
    .where('purpose', '=', purpose)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return links.map(({ id }) => runtime.links.tokenOf(purpose, id))
}

/** The word of the only link of this purpose that the account has. */
export async function tokenOf(accountId: string, purpose: AccountLinkPurpose): Promise<string> {
  const [token, ...more] = await tokensOf(accountId, purpose)
  assert.ok(token !== undefined && more.length === 0, `${more.length} more`)
  return token
}

/**
 * Nobody's context, so many milliseconds from now, with the limits of a real network for requests from
 * `clientAddress`.
 */
export async function strangersContext(
  options: { later?: number; clientAddress?: string } = {},
): Promise<Context> {
  const { runtime } = await testVisita()
  const { later = 0, clientAddress = '192.0.2.77' } = options
  return {
    ...runtime,
    clock: () => runtime.clock() + later,
    config: { ...runtime.config, rateLimitFactor: 1 },
    actor: null,
    requestId: 'test',
    clientAddress,
  }
}

/** The events of a type about the account that were appended so far, and their subjects. */
export async function eventsOf(accountId: string, type: string) {
  const { runtime } = await testVisita()
  const rows = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', type)
    .where((column) => column(column.ref('subjects', '->>').key('accountId'), '=', accountId))
    .execute()
  return rows.map(({ subjects }) => subjects)
}

/** The word of a link of this purpose for someone who has just registered. */
export async function tokenOfSomeone(purpose: AccountLinkPurpose): Promise<string> {
  const { runtime } = await testVisita()
  const { accountId, email } = await registered()
  const context = await strangersContext()
  const id = await transact(context, (tx) =>
    makeAccountLink(context, tx, {
      accountId,
      purpose,
      email: purpose === 'change_email' ? `new.${email}` : email,
    }),
  )
  return runtime.links.tokenOf(purpose, id!)
}
