import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface AccountRow {
  id: string
  email: string
  emailVerified: boolean
  name: string
  phone: string | null
  role: Role
  patientId: string | null
  doctorId: string | null
  clinicIds: string[]
  /** Whether there is one in force. */
  secondFactor: boolean
  /** Whether the network asks for one that the account has not set up yet. */
  needsSecondFactor: boolean
}

export interface ActorRow {
  role: Role
  name: string
  doctorId: string | null
  clinicIds: string[]
  ownPatientId: string | null
  patientIds: string[]
  seenPatientIds: string[]
  needsSecondFactor: boolean
}

const doctorOfAccount = sql<string | null>`
  (select doctor.id from doctor where doctor.account_id = account.id)`
const clinicsOfAccount = sql<string[]>`
  array(select clinic_id from membership where membership.account_id = account.id order by clinic_id)`

const hasSecondFactor = sql<boolean>`
  exists (select from second_factor
          where second_factor.account_id = account.id and confirmed_at is not null)`
/** Of the account in the query around it, that the network asks it for a second factor it does not have. */
export const needsSecondFactor = sql<boolean>`
  (account.role <> 'patient' and (select second_factor_for_staff from network_settings)
   and not ${hasSecondFactor})`

/** The unique index account_email_unique is on lower(email). */
function emailIs(email: string) {
  return sql<SqlBool>`lower(account.email) = lower(${email})`
}

export async function insertAccount(
  db: Queryable,
  account: {
    id: string
    email: string
    passwordHash: string
    name: string
    phone: string | null
    locale: string | null
    role: Role
    createdAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('account')
    .values({
      id: account.id,
      email: account.email,
      password_hash: account.passwordHash,
      name: account.name,
      phone: account.phone,
      locale: account.locale,
      role: account.role,
      created_at: formatUtc(account.createdAt),
    })
    .execute()
}

export async function updateLocale(
  db: Queryable,
  { accountId, locale }: { accountId: string; locale: string },
): Promise<void> {
  await db.updateTable('account').set({ locale }).where('id', '=', accountId).execute()
}

/** Writes the fields that are given, of which there must be one; a phone of null takes it away. */
export async function updateOwnFields(
  db: Queryable,
  accountId: string,
  fields: { name?: string; phone?: string | null; locale?: string },
): Promise<void> {
  await db.updateTable('account').set(fields).where('id', '=', accountId).execute()
}

export interface Credentials {
  accountId: string
  passwordHash: string
  role: Role
  status: 'active' | 'disabled' | 'erased'
  hasSecondFactor: boolean
}

export async function findCredentials(
  db: Queryable,
  email: string,
): Promise<Credentials | undefined> {
  return db
    .selectFrom('account')
    .select(['id as accountId', 'password_hash as passwordHash', 'role', 'status'])
    .select(hasSecondFactor.as('hasSecondFactor'))
    .where(emailIs(email))
    .executeTakeFirst()
}

export async function findAccount(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<AccountRow | undefined> {
  return db
    .selectFrom('account')
    .select(['id', 'email', 'name', 'phone', 'role'])
    .select([
      sql<boolean>`(email_verified_at is not null)`.as('emailVerified'),
      doctorOfAccount.as('doctorId'),
      clinicsOfAccount.as('clinicIds'),
      sql<string | null>`
        (select patient_id from patient_access
         where patient_access.account_id = account.id and relation = 'self'
           and (ends_at is null or ends_at > ${formatUtc(now)}))`.as('patientId'),
      hasSecondFactor.as('secondFactor'),
      needsSecondFactor.as('needsSecondFactor'),
    ])
    .where('id', '=', accountId)
    .executeTakeFirst()
}

export async function adminExists(db: Queryable): Promise<boolean> {
  const row = await db
    .selectFrom('account')
    .select('id')
    .where('role', '=', 'admin')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Who a live session of an active account belongs to, with everything that rights follow from: read
 * on every request, so that ending a session or changing a role acts at once on every process.
 */
export async function findActor(
  db: Queryable,
  { accountId, sessionId, now }: { accountId: string; sessionId: string; now: Instant },
): Promise<ActorRow | undefined> {
  const at = formatUtc(now)
  return db
    .selectFrom('session')
    .innerJoin('account', 'account.id', 'session.account_id')
    .select(['account.role', 'account.name'])
    .select([
      doctorOfAccount.as('doctorId'),
      clinicsOfAccount.as('clinicIds'),
      sql<string | null>`
        (select patient_id from patient_access
         where patient_access.account_id = account.id and relation = 'self' and scope <> 'see'
           and (ends_at is null or ends_at > ${at}))`.as('ownPatientId'),
      sql<string[]>`
        array(select patient_id from patient_access
              where patient_access.account_id = account.id and scope <> 'see'
                and (ends_at is null or ends_at > ${at})
              order by relation <> 'self', patient_id)`.as('patientIds'),
      sql<string[]>`
        array(select patient_id from patient_access
              where patient_access.account_id = account.id
                and (ends_at is null or ends_at > ${at})
              order by relation <> 'self', patient_id)`.as('seenPatientIds'),
      needsSecondFactor.as('needsSecondFactor'),
    ])
    .where('session.id', '=', sessionId)
    .where('session.account_id', '=', accountId)
    .where('session.ended_at', 'is', null)
    .where('session.expires_at', '>', sql<Instant>`${at}`)
    .where('account.status', '=', 'active')
    .executeTakeFirst()
}
