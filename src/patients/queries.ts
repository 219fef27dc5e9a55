import { sql } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'
import { endOfAccess, endTold } from './access-end-queries.ts'
import {
  isManaged,
  isRegisteredBy,
  isVisibleTo,
  mayVouch,
  openAccess,
  seesInFull,
} from './sight-queries.ts'

/** How a person is reached and insured, beyond telephone and e-mail. */
export interface ContactDetails {
  street: string | null
  postalCode: string | null
  city: string | null
  country: string | null
  insuranceNumber: string | null
  emergencyName: string | null
  emergencyPhone: string | null
  /** What the emergency contact is to the patient, in the patient's words. */
  emergencyRelation: string | null
}

/** A patient, whoever asks. */
export interface PatientRecord extends ContactDetails {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  /** The language in which the patient is written to, as a BCP 47 tag; null for not known. */
  locale: string | null
  version: number
}

export interface PatientRow extends PatientRecord {
  /** What the asking account is to the patient; null for staff. */
  relation: PatientAccessTable['relation'] | null
  /** How far the asking account may act for the patient; null for staff. */
  scope: PatientAccessTable['scope'] | null
  /** When the asking account's access ends; null for never, and for staff. */
  endsAt: Instant | null
}

/** A patient as far as the asking account may know and act. */
export interface VisiblePatientRow extends PatientRow {
  /** Whether an account manages the record. */
  isManaged: boolean
  /** Whether the record is shown whole; if not, without the date of birth. */
  isSeenInFull: boolean
  /** Whether the asking account registered the patient and still works there. */
  isRegisteredByActor: boolean
  /** Whether the asking account may say who the person is. */
  isVouchedFor: boolean
  /** Whether the person was erased, so that the record is kept for its visits alone. */
  isErased: boolean
  /** The end of the asking account's access that was agreed on; null for none. */
  agreedEndsAt: Instant | null
}

/** The columns of `ContactDetails`. */
const details = {
  street: 'street',
  postalCode: 'postal_code',
  city: 'city',
  country: 'country',
  insuranceNumber: 'insurance_number',
  emergencyName: 'emergency_name',
  emergencyPhone: 'emergency_phone',
  emergencyRelation: 'emergency_relation',
} as const satisfies Record<keyof ContactDetails, string>

const detailNames = Object.keys(details) as (keyof ContactDetails)[]

const columns = [
  'patient.id',
  'patient.name',
  'patient.phone',
  'patient.email',
  'patient.date_of_birth as dateOfBirth',
  'patient.locale',
  'patient.version',
  'patient.street',
  'patient.postal_code as postalCode',
  'patient.city',
  'patient.country',
  'patient.insurance_number as insuranceNumber',
  'patient.emergency_name as emergencyName',
  'patient.emergency_phone as emergencyPhone',
  'patient.emergency_relation as emergencyRelation',
] as const

export interface NewPatientRow extends Partial<ContactDetails> {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  locale: string | null
  /** The account that registered someone else, and where; null for an account's own record. */
  registeredBy: string | null
  registeredAtClinicId: string | null
  createdAt: Instant
}

export async function insertPatient(db: Queryable, patient: NewPatientRow): Promise<void> {
  await insertPatients(db, [patient])
}

/** Hundreds at most, all with the same details. */
export async function insertPatients(
  db: Queryable,
  patients: readonly NewPatientRow[],
): Promise<void> {
  await db
    .insertInto('patient')
    .values(
      patients.map((patient) => ({
        id: patient.id,
        name: patient.name,
        phone: patient.phone,
        email: patient.email,
        date_of_birth: patient.dateOfBirth,
        locale: patient.locale,
        registered_by: patient.registeredBy,
        registered_at_clinic_id: patient.registeredAtClinicId,
        created_at: formatUtc(patient.createdAt),
        ...detailColumns(patient),
      })),
    )
    .execute()
}

/** The values of those that are not undefined, by their columns. */
function detailColumns(values: Partial<ContactDetails>) {
  return Object.fromEntries(
    detailNames.flatMap((name) =>
      values[name] === undefined ? [] : [[details[name], values[name]]],
    ),
  )
}

export interface NewAccess {
  accountId: string
  patientId: string
  relation: PatientAccessTable['relation']
  /** By default manage. */
  scope?: PatientAccessTable['scope']
  /** When it is to end, whatever the patient's age; null for never. */
  agreedEndsAt?: Instant | null
  /** The account that gave it; null for one's own, and for what a clinic's link gave. */
  grantedBy?: string | null
  createdAt: Instant
}

/**
 * Gives the account access to the patient, in place of what it had; who acts as themselves goes on so.
 * Answers when it ends, null for never. The index patient_access_one_self refuses a second record of its
 * own.
 */
export async function insertAccess(db: Queryable, access: NewAccess): Promise<Instant | null> {
  const { relation, scope = 'manage', agreedEndsAt = null, grantedBy = null, createdAt } = access
  const agreed = sql<Instant | null>`${
    agreedEndsAt === null ? null : formatUtc(agreedEndsAt)
  }::timestamptz`
  const end = endOfAccess({
    relation: sql`${relation}::text`,
    agreed,
    givenAt: sql`${formatUtc(createdAt)}::timestamptz`,
  })
  const { rows } = await sql<{ endsAt: Instant | null }>`
    insert into patient_access as access (account_id, patient_id, relation, scope, created_at,
      granted_by, agreed_ends_at, ends_at, end_told_at)
    select ${access.accountId}::uuid, patient.id, ${relation}, ${scope}, ${formatUtc(createdAt)},
      ${grantedBy}::uuid, ${agreed}, fixed.ends_at, ${endTold(sql`fixed.ends_at`, createdAt)}
    from patient cross join lateral (
      select ${end} as ends_at) as fixed
    where patient.id = ${access.patientId}
    on conflict (account_id, patient_id) do update set relation = excluded.relation,
      scope = excluded.scope, created_at = excluded.created_at, granted_by = excluded.granted_by,
      agreed_ends_at = excluded.agreed_ends_at, ends_at = excluded.ends_at,
      end_told_at = excluded.end_told_at, end_noted_at = null
    where access.relation <> 'self' or excluded.relation = 'self'
    returning ends_at as "endsAt"`.execute(db)
  return rows[0]?.endsAt ?? null
}

/** The patients that the account has access to, in the order of their ids, after `afterId`. */
export async function patientsOfAccount(
  db: Queryable,
  options: { accountId: string; now: Instant; afterId: string | null; rowsMax: number },
): Promise<PatientRow[]> {
  let query = db
    .selectFrom('patient')
    .innerJoin('patient_access', 'patient_access.patient_id', 'patient.id')
    .select([
      ...columns,
      'patient_access.relation',
      'patient_access.scope',
      'patient_access.ends_at as endsAt',
    ])
    .where(openAccess(options.accountId, options.now))
    .orderBy('patient.id')
    .limit(options.rowsMax)
  if (options.afterId !== null) query = query.where('patient.id', '>', options.afterId)
  return query.execute()
}

/** The patient, if the actor may see them, and as much of the record as they may. */
export async function findVisiblePatient(
  db: Queryable,
  options: { patientId: string; actor: AccountActor; now: Instant },
): Promise<VisiblePatientRow | undefined> {
  const { actor, now } = options
  const isSeenInFull = sql<boolean>`sight.is_seen_in_full`
  const whenWhole = <Name extends keyof ContactDetails>(name: Name) =>
    sql<string | null>`case when ${isSeenInFull}
      then ${sql.ref(`patient.${details[name]}`)} end`.as(name)
  return db
    .selectFrom('patient')
    .crossJoinLateral(
      // With `offset 0` it is looked at once for the patient, and not for each column anew.
      sql<{ isSeenInFull: boolean }>`(
        select ${seesInFull(actor, now)} as is_seen_in_full offset 0)`.as('sight'),
    )
    .leftJoin('patient_access', (join) =>
      join
        .onRef('patient_access.patient_id', '=', 'patient.id')
        .on(openAccess(actor.accountId, now)),
    )
    .select([
      'patient.id',
      'patient.name',
      'patient.phone',
      'patient.email',
      sql<LocalDate | null>`case when ${isSeenInFull} then patient.date_of_birth end`.as(
        'dateOfBirth',
      ),
      'patient.locale',
      'patient.version',
      'patient_access.relation',
      'patient_access.scope',
      'patient_access.ends_at as endsAt',
      'patient_access.agreed_ends_at as agreedEndsAt',
      sql<boolean>`patient.erased_at is not null`.as('isErased'),
      whenWhole('street'),
      whenWhole('postalCode'),
      whenWhole('city'),
      whenWhole('country'),
      whenWhole('insuranceNumber'),
      whenWhole('emergencyName'),
      whenWhole('emergencyPhone'),
      whenWhole('emergencyRelation'),
      isManaged(now).as('isManaged'),
      isSeenInFull.as('isSeenInFull'),
      isRegisteredBy(actor).as('isRegisteredByActor'),
      mayVouch(actor).as('isVouchedFor'),
    ])
    .where('patient.id', '=', options.patientId)
    .where(isVisibleTo(actor, now))
    .executeTakeFirst()
}

/** Locks the patient's row, so that its version stays what it is while it is compared and raised. */
export async function lockPatient(db: Queryable, patientId: string): Promise<void> {
  await db.selectFrom('patient').select('id').where('id', '=', patientId).forNoKeyUpdate().execute()
}

/** Columns that are undefined stay as they are. */
export async function updatePatient(
  db: Queryable,
  patientId: string,
  change: {
    name: string | undefined
    phone: string | null | undefined
    email: string | null | undefined
    dateOfBirth: LocalDate | null | undefined
    locale: string | null | undefined
    details: Partial<ContactDetails>
  },
): Promise<void> {
  await db
    .updateTable('patient')
    .set((patient) => ({
      ...(change.name !== undefined && { name: change.name }),
      ...(change.phone !== undefined && { phone: change.phone }),
      ...(change.email !== undefined && { email: change.email }),
      ...(change.dateOfBirth !== undefined && { date_of_birth: change.dateOfBirth }),
      ...(change.locale !== undefined && { locale: change.locale }),
      ...detailColumns(change.details),
      version: patient('version', '+', 1),
    }))
    .where('id', '=', patientId)
    .execute()
}
