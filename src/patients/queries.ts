import { sql, type SqlBool } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

export interface PatientRow {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  version: number
  /** How far the asking account may act for the patient; null for staff. */
  scope: PatientAccessTable['scope'] | null
}

const columns = [
  'patient.id',
  'patient.name',
  'patient.phone',
  'patient.email',
  'patient.date_of_birth as dateOfBirth',
  'patient.version',
] as const

/** The access that the account has to the patient at `now`. */
function openAccess(accountId: string, now: Instant) {
  return sql<SqlBool>`patient_access.account_id = ${accountId}
    and (patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)})`
}

export async function insertPatient(
  db: Queryable,
  patient: {
    id: string
    name: string
    phone: string | null
    email: string | null
    createdAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('patient')
    .values({
      id: patient.id,
      name: patient.name,
      phone: patient.phone,
      email: patient.email,
      created_at: formatUtc(patient.createdAt),
    })
    .execute()
}

export async function insertOwnAccess(
  db: Queryable,
  access: { accountId: string; patientId: string; createdAt: Instant },
): Promise<void> {
  await db
    .insertInto('patient_access')
    .values({
      account_id: access.accountId,
      patient_id: access.patientId,
      relation: 'self',
      scope: 'manage',
      created_at: formatUtc(access.createdAt),
    })
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

/**
 * The patient, if the actor has access to them, is a doctor who has or had them as a patient, works
 * at the front desk of a clinic where they have or had an appointment, or is an admin. A hold is no
 * appointment yet, and one that lapsed never was.
 */
export async function findVisiblePatient(
  db: Queryable,
  options: { patientId: string; actor: AccountActor; now: Instant },
): Promise<PatientRow | undefined> {
  const { actor } = options
  return db
    .selectFrom('patient')
    .leftJoin('patient_access', (join) =>
      join
        .onRef('patient_access.patient_id', '=', 'patient.id')
        .on(openAccess(actor.accountId, options.now)),
    )
    .select([...columns, 'patient_access.scope'])
    .where('patient.id', '=', options.patientId)
    .where(
      sql<SqlBool>`(patient_access.account_id is not null
        or ${actor.role === 'admin'}::boolean
        or exists (
          select from appointment
          where appointment.patient_id = patient.id
            and appointment.status not in ('held', 'expired')
            and (appointment.doctor_id = ${actor.doctorId}::uuid
              or appointment.clinic_id = any(${[...actor.clinicIds]}::uuid[]))))`,
    )
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
  },
): Promise<void> {
  await db
    .updateTable('patient')
    .set((patient) => ({
      ...(change.name !== undefined && { name: change.name }),
      ...(change.phone !== undefined && { phone: change.phone }),
      ...(change.email !== undefined && { email: change.email }),
      ...(change.dateOfBirth !== undefined && { date_of_birth: change.dateOfBirth }),
      version: patient('version', '+', 1),
    }))
    .where('id', '=', patientId)
    .execute()
}
