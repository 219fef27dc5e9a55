import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'

/** The next second factors in the order of their accounts. */
export async function sealedFactorsAfter(
  db: Queryable,
  { afterId, rowsMax }: { afterId: string | null; rowsMax: number },
): Promise<{ id: string; sealed: Buffer }[]> {
  let query = db
    .selectFrom('second_factor')
    .select(['account_id as id', 'secret as sealed'])
    .orderBy('account_id')
    .limit(rowsMax)
  if (afterId !== null) query = query.where('account_id', '>', afterId)
  return query.execute()
}

/** Puts secrets that were sealed anew in the place of the former, where those still stand. */
export async function replaceSealedFactors(
  db: Queryable,
  changes: readonly { id: string; sealed: Buffer; resealed: Buffer }[],
): Promise<number> {
  const { numAffectedRows } = await sql`
    update second_factor set secret = fresh.resealed
    from unnest(${changes.map(({ id }) => id)}::uuid[], ${changes.map(({ sealed }) => sealed)}::bytea[],
      ${changes.map(({ resealed }) => resealed)}::bytea[]) as fresh (id, sealed, resealed)
    where second_factor.account_id = fresh.id and second_factor.secret = fresh.sealed`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** What the sealed secrets begin with, once each: by that it is known which keys they need. */
export async function sealsOfFactors(db: Queryable, bytes: number): Promise<Buffer[]> {
  const rows = await db
    .selectFrom('second_factor')
    .select(sql<Buffer>`substring(secret from 1 for ${bytes}::integer)`.as('head'))
    .distinct()
    .execute()
  return rows.map(({ head }) => head)
}
