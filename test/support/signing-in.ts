// Accounts of a test that know a password and have a second factor.

import { decodeJwt } from 'jose'
import { Secret, TOTP } from 'otpauth'
import type { Runtime } from '#src/context.ts'
import { hashPassword } from '#src/identity/passwords.ts'
import { formatUtc } from '#src/kernel/time.ts'

const secret = new Secret({ size: 20 })
const hashes = new Map<string, Promise<string>>()

/** The accounts of Authorization headers; undefined stands for nobody. */
export function accountsOf(headers: Iterable<string | undefined>): string[] {
  return [...headers].flatMap((as) =>
    as === undefined ? [] : [String(decodeJwt(as.slice('Bearer '.length)).sub)],
  )
}

/** Gives the accounts this password. */
export async function givePassword(
  { db }: Runtime,
  { accountIds, password }: { accountIds: string[]; password: string },
): Promise<void> {
  const hash = hashes.get(password) ?? hashPassword(password)
  hashes.set(password, hash)
  await db
    .updateTable('account')
    .set({ password_hash: await hash })
    .where('id', 'in', accountIds)
    .execute()
}

/**
 * Gives each of the accounts a second factor of which no code was used, confirmed or not, in place of
 * another. Answers the code that the app shows now.
 */
export async function giveSecondFactor(
  { db, vault, clock }: Runtime,
  { accountIds, isConfirmed }: { accountIds: string[]; isConfirmed: boolean },
): Promise<string> {
  const at = formatUtc(clock())
  await db.deleteFrom('second_factor').where('account_id', 'in', accountIds).execute()
  await db
    .insertInto('second_factor')
    .values(
      accountIds.map((accountId) => ({
        account_id: accountId,
        secret: vault.seal(secret.base32, `second_factor ${accountId}`),
        created_at: at,
        confirmed_at: isConfirmed ? at : null,
      })),
    )
    .execute()
  return TOTP.generate({ secret, timestamp: clock() })
}

/** Takes the second factors of the accounts away. */
export async function takeSecondFactors({ db }: Runtime, accountIds: string[]): Promise<void> {
  await db.deleteFrom('second_factor').where('account_id', 'in', accountIds).execute()
}
