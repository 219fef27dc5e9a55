import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export type UserStatus = 'active' | 'disabled' | 'erased'

export interface UserRow {
  id: string
  email: string
  name: string
  phone: string | null
  role: Role
  status: UserStatus
  locale: string | null
  createdAt: Instant
  emailVerifiedAt: Instant | null
  doctor: { id: string; name: string } | null
  patientId: string | null
  /** Where the account works at the front desk, by name. */
  clinics: { id: string; name: string }[]
  /** How many there are that are not over. */
  sessions: number
  lastSignInAt: Instant | null
  hasSecondFactor: boolean
}

export interface UserFilter {
  /** A part of the name or of the e-mail address. */
  q?: string | undefined
  role?: Role | undefined
  /** Without it, all but the erased ones. */
  status?: UserStatus | undefined
  /** Of whose staff they are. */
  clinicId?: string | undefined
}

const doctorOf = sql<{ id: string; name: string } | null>`(
  select json_build_object('id', doctor.id, 'name', doctor.name)
  from doctor where doctor.account_id = account.id)`

function patientOf(now: Instant) {
  return sql<string | null>`(
    select patient_id from patient_access
    where patient_access.account_id = account.id and relation = 'self'
      and (ends_at is null or ends_at > ${formatUtc(now)}::timestamptz))`
}

const clinicsOf = sql<{ id: string; name: string }[]>`(
  select coalesce(
    json_agg(json_build_object('id', clinic.id, 'name', clinic.name) order by clinic.name, clinic.id),
    '[]')
  from membership join clinic on clinic.id = membership.clinic_id
  where membership.account_id = account.id)`

const hasFactor = sql<boolean>`exists (
  select from second_factor
  where second_factor.account_id = account.id and confirmed_at is not null)`

function users(db: Queryable, now: Instant) {
  return db.selectFrom('account').select([
    'account.id',
    'account.email',
    'account.name',
    'account.phone',
    'account.role',
    'account.status',
    'account.locale',
    'account.created_at as createdAt',
    'account.email_verified_at as emailVerifiedAt',
    doctorOf.as('doctor'),
    patientOf(now).as('patientId'),
    clinicsOf.as('clinics'),
    hasFactor.as('hasSecondFactor'),
    sql<number>`(
        select count(*)::integer from session
        where session.account_id = account.id and ended_at is null
          and expires_at > ${formatUtc(now)}::timestamptz)`.as('sessions'),
    sql<Instant | null>`(
        select max(session.created_at) from session where session.account_id = account.id)`.as(
      'lastSignInAt',
    ),
  ])
}

/** The accounts that match, by name, at most `limit` of those after the position. */
export async function usersAfter(
  db: Queryable,
  options: {
    filter: UserFilter
    after: { name: string; id: string } | null
    limit: number
    now: Instant
  },
): Promise<UserRow[]> {
  const { filter, after, limit, now } = options
  const { q, role, status, clinicId } = filter
  let query = users(db, now)
  if (q !== undefined)
    query = query.where(
      sql<SqlBool>`(strpos(lower(account.name), lower(${q})) > 0
        or strpos(lower(account.email), lower(${q})) > 0)`,
    )
  if (role !== undefined) query = query.where('account.role', '=', role)
  query =
    status === undefined
      ? query.where('account.status', '<>', 'erased')
      : query.where('account.status', '=', status)
  if (clinicId !== undefined)
    query = query.where(
      sql<SqlBool>`(exists (
          select from membership
          where membership.account_id = account.id and membership.clinic_id = ${clinicId})
        or exists (
          select from doctor join doctor_clinic on doctor_clinic.doctor_id = doctor.id
          where doctor.account_id = account.id and doctor_clinic.clinic_id = ${clinicId}))`,
    )
  if (after !== null)
    query = query.where(
      sql<SqlBool>`(account.name, account.id) > (${after.name}, ${after.id}::uuid)`,
    )
  return query.orderBy('account.name').orderBy('account.id').limit(limit).execute()
}

export async function userById(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<UserRow | undefined> {
  return users(db, now).where('account.id', '=', accountId).executeTakeFirst()
}

/** The clinics at whose front desk the account works. */
export async function clinicIdsOfDesk(db: Queryable, accountId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('membership')
    .select('clinic_id')
    .where('account_id', '=', accountId)
    .execute()
  return rows.map((row) => row.clinic_id)
}

/** Those of the ids that are clinics. */
export async function knownClinicIds(db: Queryable, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await db.selectFrom('clinic').select('id').where('id', 'in', ids).execute()
  return rows.map(({ id }) => id)
}
