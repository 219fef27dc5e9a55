import { sql, type Insertable } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Tables } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Inserts rows that all have the same columns, in one statement, as JSON. */
export async function insertRows<Table extends keyof Tables>(
  db: Queryable,
  table: Table,
  rows: readonly Insertable<Tables[Table]>[],
): Promise<void> {
  const [first] = rows
  if (first === undefined) return
  const columns = sql.join(Object.keys(first).map((column) => sql.ref(column)))
  await sql`
    insert into ${sql.table(table)} (${columns})
    select ${columns}
    from json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows)})`.execute(db)
}

/** Lets one demo at a time look whether the network is there, until the transaction ends. */
export async function lockAccounts(db: Queryable): Promise<void> {
  await sql`lock table account in share row exclusive mode`.execute(db)
}

export type Contents = 'nothing' | 'demo' | 'something else'

/** What the database holds; a demo is told by the account of its admin. */
export async function contentsOf(db: Queryable, adminEmail: string): Promise<Contents> {
  const { rows } = await sql<{ contents: Contents }>`
    select case
      when exists (select from account where lower(email) = lower(${adminEmail})) then 'demo'
      when exists (select from account) or exists (select from clinic) then 'something else'
      else 'nothing' end as contents`.execute(db)
  return rows[0]!.contents
}

export interface Counts {
  clinics: number
  doctors: number
  specialties: number
  patients: number
  past: number
  coming: number
}

export async function countEverything(db: Queryable, now: Instant): Promise<Counts> {
  const { rows } = await sql<Counts>`
    select (select count(*)::integer from clinic) as clinics,
      (select count(*)::integer from doctor) as doctors,
      (select count(*)::integer from specialty) as specialties,
      (select count(*)::integer from patient) as patients,
      (select count(*)::integer from appointment
        where starts_at <= ${formatUtc(now)}) as past,
      (select count(*)::integer from appointment
        where starts_at > ${formatUtc(now)} and status in ('confirmed', 'requested')) as coming
    `.execute(db)
  return rows[0]!
}

/** The doctor of this name, and when the account's own patient record is taken. */
export async function bookingExample(
  db: Queryable,
  { doctorName, email }: { doctorName: string; email: string },
): Promise<{ doctorId: string; taken: Interval[] } | undefined> {
  const { rows } = await sql<{ doctorId: string; taken: Interval[] }>`
    select doctor.id as "doctorId", coalesce((
      select json_agg(json_build_object(
        'startsAt', (extract(epoch from lower(during)) * 1000)::bigint,
        'endsAt', (extract(epoch from upper(during)) * 1000)::bigint))
      from claim
      join patient_access on patient_id = calendar_id and relation = 'self'
      join account on account.id = account_id and email = ${email}), '[]') as taken
    from doctor where name = ${doctorName} limit 1`.execute(db)
  return rows[0]
}
