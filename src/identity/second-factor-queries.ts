import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Keeps the account as it is until the transaction ends, without keeping out others who do so. */
export async function shareSignIn(db: Queryable, accountId: string): Promise<void> {
  await db.selectFrom('account').select('id').where('id', '=', accountId).forShare().execute()
}

/** How far the account is with its second factor; null when it has none. */
export async function factorStateOf(
  db: Queryable,
  accountId: string,
): Promise<'unconfirmed' | 'in-force' | null> {
  const row = await db
    .selectFrom('second_factor')
    .select('confirmed_at')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (!row) return null
  return row.confirmed_at === null ? 'unconfirmed' : 'in-force'
}

/**
 * Whether the factor was in force before an address of the account was known to be its owner's: then nobody
 * who reads its mails need have set it up.
 */
export async function isFactorUnproven(db: Queryable, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('second_factor')
    .innerJoin('account', 'account.id', 'account_id')
    .select('account_id')
    .where('account_id', '=', accountId)
    .whereRef('confirmed_at', '<=', 'email_verified_at')
    .executeTakeFirst()
  return row !== undefined
}

/** Writes a factor that is to be confirmed, in place of one that never was; false when one is in force. */
export async function putUnconfirmedFactor(
  db: Queryable,
  factor: { accountId: string; secret: Buffer; now: Instant },
): Promise<boolean> {
  const { secret } = factor
  const row = await db
    .insertInto('second_factor')
    .values({ account_id: factor.accountId, secret, created_at: formatUtc(factor.now) })
    .onConflict((conflict) =>
      conflict
        .column('account_id')
        .doUpdateSet({ secret, created_at: formatUtc(factor.now) })
        .where('second_factor.confirmed_at', 'is', null),
    )
    .returning('account_id')
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Counts a try at the codes of a factor that is not locked, and locks it with the last of `triesMax`, twice
 * as long with each lock in a row: `useStep` takes that back for the one that is right. Answers whether this
 * one locked it; undefined when there is no such factor, or it is locked.
 */
export async function countCodeTry(
  db: Queryable,
  options: {
    accountId: string
    isConfirmed: boolean
    triesMax: number
    lockSeconds: number
    lockSecondsMax: number
    now: Instant
  },
): Promise<{ secret: Buffer; isLast: boolean } | undefined> {
  const now = formatUtc(options.now)
  const tries = sql<number>`case when locked_until is null then tries + 1 else 1 end`
  const isLast = sql<boolean>`(${tries} >= ${options.triesMax})`
  // No more doublings than the longest lock takes, so that the power stays a number.
  const seconds = sql`least(${options.lockSeconds} * power(2, least(locks, 20)), ${options.lockSecondsMax})`
  return db
    .updateTable('second_factor')
    .set({
      tries,
      locks: sql<number>`case when ${isLast} then least(locks + 1, 20) else locks end`,
      locked_until: sql`case when ${isLast}
        then ${now}::timestamptz + make_interval(secs => ${seconds}) end`,
    })
    .where('account_id', '=', options.accountId)
    .where('confirmed_at', options.isConfirmed ? 'is not' : 'is', null)
    .where((where) =>
      where.or([
        where('locked_until', 'is', null),
        where('locked_until', '<=', sql<Instant>`${now}`),
      ]),
    )
    .returning(['secret', sql<boolean>`(locked_until is not null)`.as('isLast')])
    .executeTakeFirst()
}

/** Until when the codes of the account are locked; null for not, and for an account that has none. */
export async function codesLockedUntil(db: Queryable, accountId: string): Promise<Instant | null> {
  const row = await db
    .selectFrom('second_factor')
    .select('locked_until')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return row?.locked_until ?? null
}

/** Uses up the code of a step; false when one of it or of a later step was used. */
export async function useStep(
  db: Queryable,
  { accountId, step }: { accountId: string; step: number },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('second_factor')
    .set({ last_step: String(step), tries: 0, locks: 0, locked_until: null })
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is not', null)
    .where('last_step', '<', String(step))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Puts a factor in force whose secret is still the one that was tried, with its first code used up. */
export async function confirmFactor(
  db: Queryable,
  options: { accountId: string; secret: Buffer; step: number; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('second_factor')
    .set({
      confirmed_at: formatUtc(options.now),
      last_step: String(options.step),
      tries: 0,
      locks: 0,
      locked_until: null,
    })
    .where('account_id', '=', options.accountId)
    .where('confirmed_at', 'is', null)
    .where('secret', '=', options.secret)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Uses up a recovery code; false when there is none such that was not used. */
export async function useRecoveryCode(
  db: Queryable,
  { accountId, codeHash, now }: { accountId: string; codeHash: Buffer; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('recovery_code')
    .set({ used_at: formatUtc(now) })
    .where('account_id', '=', accountId)
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function forgetCodeTries(db: Queryable, accountId: string): Promise<void> {
  await db
    .updateTable('second_factor')
    .set({ tries: 0, locks: 0, locked_until: null })
    .where('account_id', '=', accountId)
    .execute()
}

export async function deleteRecoveryCodes(db: Queryable, accountId: string): Promise<void> {
  await db.deleteFrom('recovery_code').where('account_id', '=', accountId).execute()
}

export async function insertRecoveryCodes(
  db: Queryable,
  { accountId, codeHashes }: { accountId: string; codeHashes: readonly Buffer[] },
): Promise<void> {
  await db
    .insertInto('recovery_code')
    .values(codeHashes.map((codeHash) => ({ account_id: accountId, code_hash: codeHash })))
    .execute()
}

/** Removes the factor with its recovery codes; false when there was none. */
export async function deleteFactor(db: Queryable, accountId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('second_factor')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}
