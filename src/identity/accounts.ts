// Accounts: who someone is to Visita, apart from what they may do.

import type { Context } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { InvalidRequest, NotSignedIn, type FieldError } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { readSettings } from '#src/settings/queries.ts'
import { hashPassword, passwordProblem } from './passwords.ts'
import { findAccount, insertAccount, updateLocale, type AccountRow } from './queries.ts'

export type Account = AccountRow

export interface NewAccount {
  email: string
  password: string
  name: string
  phone?: string
  /** A BCP 47 language tag. */
  locale?: string
}

/** An account that can be written: cleaned, checked, its password hashed. */
export interface PreparedAccount {
  email: string
  passwordHash: string
  name: string
  phone: string | null
  locale: string | null
}

/** The form in which an e-mail address is stored and looked up. Case is the database's matter. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize('NFC')
}

/**
 * Cleans and checks a new account and hashes its password: slow, so before any transaction.
 *
 * @throws InvalidRequest with every field that is wrong, Refusal `busy`.
 */
export async function prepareAccount(
  { db }: Pick<Context, 'db'>,
  input: NewAccount,
): Promise<PreparedAccount> {
  const { name: network } = await readSettings(db)
  const email = normalizeEmail(input.email)
  const name = input.name.trim().normalize('NFC')
  const locale = input.locale === undefined ? null : canonicalLocale(input.locale)
  const problems: [string, string | null | false][] = [
    [
      '/email',
      !/^[^\s@]+@[^\s@]+$/.test(email) && 'The e-mail address must be like a@example.org.',
    ],
    ['/name', name === '' && 'The name must not be empty.'],
    ['/password', await passwordProblem(input.password, { email, name, network })],
    ['/locale', locale === undefined && localeFault],
  ]
  const errors = problems.flatMap(([pointer, detail]): FieldError[] =>
    detail ? [{ in: 'body', pointer, detail }] : [],
  )
  if (errors.length > 0) throw new InvalidRequest(errors)
  return {
    email,
    name,
    phone: input.phone?.trim() || null,
    locale: locale ?? null,
    passwordHash: await hashPassword(input.password),
  }
}

/** What is wrong with a locale that is none. */
export const localeFault = 'The locale must be a language tag like "en-GB".'

/** The BCP 47 tag as it is stored, such as de-AT; undefined for what is none. */
export function canonicalLocale(locale: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(locale)[0]
  } catch {
    return undefined
  }
}

/** Writes the account and answers its id. The constraint account_email_unique refuses a known e-mail. */
export async function createAccount(
  context: Pick<Context, 'clock'>,
  db: Queryable,
  { account, role }: { account: PreparedAccount; role: Role },
): Promise<string> {
  const id = newId()
  await insertAccount(db, { id, ...account, role, createdAt: context.clock() })
  return id
}

/** Writes in which language the account is written to, as a BCP 47 tag that `canonicalLocale` answers. */
export async function changeLocale(
  db: Queryable,
  change: { accountId: string; locale: string },
): Promise<void> {
  await updateLocale(db, change)
}

/** The account that is signed in, with its own record at `now`. Throws NotSignedIn when it is gone by now. */
export async function readAccount(
  db: Queryable,
  asked: { accountId: string; now: Instant },
): Promise<Account> {
  const account = await findAccount(db, asked)
  if (!account) throw new NotSignedIn()
  return account
}

/** The account as the API shows it. */
export function presentAccount(account: Account) {
  const {
    id,
    email,
    emailVerified,
    name,
    phone,
    role,
    patientId,
    doctorId,
    clinicIds,
    secondFactor,
  } = account
  return {
    id,
    email,
    emailVerified,
    name,
    role,
    ...(phone !== null && { phone }),
    ...(patientId !== null && { patientId }),
    ...(doctorId !== null && { doctorId }),
    ...(role === 'front_desk' && { clinicIds }),
    secondFactor,
    ...(account.needsSecondFactor && { needsSecondFactor: true as const }),
  }
}
