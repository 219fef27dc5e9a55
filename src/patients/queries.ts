import { sql } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'
import {
  isManaged,
  isRegisteredBy,
  isVisibleTo,
  mayVouch,
  openAccess,
  seesInFull,
} from './sight-queries.ts'

export interface PatientRow {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  /** The language in which the patient is written to, as a BCP 47 tag; null for not known. */
  locale: string | null
  version: number
  /** How far the asking account may act for the patient; null for staff. */
  scope: PatientAccessTable['scope'] | null
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
}

const columns = [
  'patient.id',
  'patient.name',
  'patient.phone',
  'patient.email',
  'patient.date_of_birth as dateOfBirth',
  'patient.locale',
  'patient.version',
] as const

export interface NewPatientRow {
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
  await db
    .insertInto('patient')
    .values({
      id: patient.id,
      name: patient.name,
      phone: patient.phone,
      email: patient.email,
      date_of_birth: patient.dateOfBirth,
      locale: patient.locale,
      registered_by: patient.registeredBy,
      registered_at_clinic_id: patient.registeredAtClinicId,
      created_at: formatUtc(patient.createdAt),
    })
    .execute()
}

/**
 * Lets the account manage the patient, also when it could only look or book before. The index
 * patient_access_one_self refuses a second record of its own.
 */
export async function insertAccess(
  db: Queryable,
  access: {
    accountId: string
    patientId: string
    relation: PatientAccessTable['relation']
    createdAt: Instant
  },
): Promise<void> {
  const granted = { relation: access.relation, scope: 'manage' as const }
  await db
    .insertInto('patient_access')
    .values({
      ...granted,
      account_id: access.accountId,
      patient_id: access.patientId,
      created_at: formatUtc(access.createdAt),
    })
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'patient_id']).doUpdateSet({ ...granted, ends_at: null }),
    )
    .execute()
}

/** The patients that the account has access to, in the order of their ids, after `afterId`. */
export async function patientsOfAccount(
  db: Queryable,
  options: { accountId: string; now: Instant; afterId: string | null; rowsMax: number },
): Promise<PatientRow[]> {
  let query = db
    .selectFrom('patient')
    .innerJoin('patient_access', 'patient_access.patient_id', 'patient.id')
    .select([...columns, 'patient_access.scope'])
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
  const isSeenInFull = seesInFull(actor, now)
  return db
    .selectFrom('patient')
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
      'patient_access.scope',
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
      version: patient('version', '+', 1),
    }))
    .where('id', '=', patientId)
    .execute()
}
