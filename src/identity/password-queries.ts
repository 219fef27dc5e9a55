import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'

/** What someone must know to be taken for the owner of an active account. */
export interface OwnerRow {
  email: string
  name: string
  passwordHash: string
}

export async function findOwner(db: Queryable, accountId: string): Promise<OwnerRow | undefined> {
  return db
    .selectFrom('account')
    .select(['email', 'name', 'password_hash as passwordHash'])
    .where('id', '=', accountId)
    .where('status', '=', 'active')
    .executeTakeFirst()
}

/** The active account of an e-mail address. */
export async function findActiveAccount(
  db: Queryable,
  email: string,
): Promise<{ accountId: string; email: string } | undefined> {
  return db
    .selectFrom('account')
    .select(['id as accountId', 'email'])
    .where(sql<SqlBool>`lower(email) = lower(${email})`)
    .where('status', '=', 'active')
    .executeTakeFirst()
}

/**
 * Writes a new password. With `former`, only in place of that one: false when another was written in the
 * meantime.
 */
export async function updatePassword(
  db: Queryable,
  options: { accountId: string; passwordHash: string; former?: string },
): Promise<boolean> {
  const { accountId, passwordHash, former } = options
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set({ password_hash: passwordHash })
    .where('id', '=', accountId)
    .where('status', '=', 'active')
    .$if(former !== undefined, (query) => query.where('password_hash', '=', former ?? ''))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
