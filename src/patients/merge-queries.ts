import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/**
 * Locks both records and their visits until the transaction's end. False when one of them is gone or was
 * erased.
 */
export async function lockPatientsToMerge(
  db: Queryable,
  { patientId, duplicateId }: { patientId: string; duplicateId: string },
): Promise<boolean> {
  const { rows } = await sql<{ are_locked: boolean }>`
    select count(*) = 2 as are_locked from lock_patients(${[patientId, duplicateId]}::uuid[])`.execute(
    db,
  )
  return rows[0]!.are_locked
}

/** Whether any account has access to the record at `now`, however far it reaches. */
export async function hasOpenAccess(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<boolean> {
  const row = await db
    .selectFrom('patient_access')
    .select('account_id')
    .where('patient_id', '=', patientId)
    .where(sql<SqlBool>`(ends_at is null or ends_at > ${formatUtc(now)})`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** A visit of one of two records that overlaps one of the other. */
export interface ClashingVisitRow {
  id: string
  status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  patient_id: string
  doctor_id: string
  doctor_name: string
  clinic_id: string
  clinic_name: string
}

/** The visits of the two that claim the same time, soonest first, at most `limit`. */
export async function clashingVisits(
  db: Queryable,
  options: { patientId: string; duplicateId: string; now: Instant; limit: number },
): Promise<ClashingVisitRow[]> {
  const { patientId, duplicateId, now, limit } = options
  const { rows } = await sql<ClashingVisitRow>`
    select appointment.id, appointment.status, starts_at, ends_at, appointment.time_zone, patient_id,
      doctor_id, doctor.name as doctor_name, clinic_id, clinic.name as clinic_name
    from appointment
    join doctor on doctor.id = doctor_id
    join clinic on clinic.id = clinic_id
    where appointment.id in (
      select clashing_visits(${patientId}, ${duplicateId}, ${formatUtc(now)}))
    order by starts_at, appointment.id limit ${limit}`.execute(db)
  return rows
}

/**
 * Moves all that is of the duplicate to the patient and deletes its record. Answers the accounts that had
 * access to the duplicate, and whether they now have it to the patient or had it before.
 */
export async function moveToPatient(
  db: Queryable,
  merge: {
    patientId: string
    duplicateId: string
    now: Instant
    origin: string
    actorId: string
    despiteDateOfBirth: boolean
  },
): Promise<{ accountId: string; change: 'granted' | 'changed' }[]> {
  const { rows } = await sql<{ accountId: string; change: 'granted' | 'changed' }>`
    select account_id as "accountId", change from merge_patients(${merge.patientId},
      ${merge.duplicateId}, ${formatUtc(merge.now)}, ${merge.origin}, ${merge.actorId},
      ${merge.despiteDateOfBirth})`.execute(db)
  return rows
}
