import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** Makes other imports of this kind wait until this transaction commits. */
export async function lockImports(db: Queryable, kind: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(
    hashtextextended('import ' || ${kind}::text || ' ' || current_schema(), 0))`.execute(db)
}

/** Something that cells name. */
export interface NamedRow {
  id: string
  name: string
}

export async function clinicNames(db: Queryable): Promise<NamedRow[]> {
  return db.selectFrom('clinic').select(['id', 'name']).orderBy('id').execute()
}

export async function specialtyNames(db: Queryable): Promise<(NamedRow & { code: string })[]> {
  return db.selectFrom('specialty').select(['id', 'name', 'code']).orderBy('id').execute()
}

/** Those that can still be offered; `clinicId` is null for those of the network. */
export async function visitTypeNames(
  db: Queryable,
): Promise<(NamedRow & { clinicId: string | null })[]> {
  return db
    .selectFrom('visit_type')
    .select(['id', 'name', 'clinic_id as clinicId'])
    .where('status', '=', 'active')
    .orderBy('id')
    .execute()
}

export interface NamedDoctorRow extends NamedRow {
  email: string | null
  accountId: string | null
  /** Whether someone was invited to the profile and may still accept. */
  isInvited: boolean
  clinicIds: string[]
}

/** Those of the addresses that have an account, in lower case. */
export async function addressesWithAccount(
  db: Queryable,
  addresses: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ email: string }>`
    select lower(account.email) as email from account
    where lower(account.email) = any (${addresses.map((one) => one.toLowerCase())}::text[])`.execute(
    db,
  )
  return rows.map(({ email }) => email)
}

/** All doctors, as far as cells name them. */
export async function doctorNames(db: Queryable, now: Instant): Promise<NamedDoctorRow[]> {
  const { rows } = await sql<NamedDoctorRow>`
    select doctor.id, doctor.name, doctor.email, doctor.account_id as "accountId",
      exists (select from invitation
        where invitation.doctor_id = doctor.id and used_at is null and revoked_at is null
          and expires_at > ${formatUtc(now)}::timestamptz) as "isInvited",
      array(select clinic_id::text from doctor_clinic
        where doctor_id = doctor.id order by clinic_id) as "clinicIds"
    from doctor order by doctor.id`.execute(db)
  return rows
}
