// Erasing goes through the tables of every module, and is done by functions of the database (0014), which
// has everything that refers to an account, a patient or a doctor.

import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** A visit that stands in the way of erasing. */
export interface OpenVisitRow {
  id: string
  status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  clinic_id: string
  doctor_id: string
  patient_id: string
  /** Of all of them, also beyond the limit. */
  total: number
}

/** Whether a visit is of the doctor or the patient. */
function isOf(whose: { doctorId: string } | { patientId: string }): RawBuilder<boolean> {
  return 'doctorId' in whose
    ? sql`doctor_id = ${whose.doctorId}::uuid`
    : sql`patient_id = ${whose.patientId}::uuid`
}

/** The visits that are asked for or agreed on and not over at `now`, soonest first. */
export async function openVisits(
  db: Queryable,
  options: { whose: { doctorId: string } | { patientId: string }; now: Instant; limit: number },
): Promise<OpenVisitRow[]> {
  const { whose, limit } = options
  const now = formatUtc(options.now)
  const { rows } = await sql<OpenVisitRow>`
    select id, status, starts_at, ends_at, time_zone, clinic_id, doctor_id, patient_id,
      (count(*) over ())::integer as total
    from appointment
    where ${isOf(whose)} and ends_at > ${now} and (expires_at is null or expires_at > ${now})
      and status in ('requested', 'confirmed', 'arrived', 'with_doctor')
    order by starts_at, id limit ${limit}`.execute(db)
  return rows
}

/** The ids of visits ahead at `now` that their patient may cancel, held times among them. */
export async function visitsToCancel(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from appointment
    where patient_id = ${patientId} and ends_at > ${formatUtc(now)}
      and status in ('held', 'requested', 'confirmed')
      and (expires_at is null or expires_at > ${formatUtc(now)})
    order by starts_at, id`.execute(db)
  return rows.map(({ id }) => id)
}

/** The entries of the waitlist that wait for the patient, or with the doctor alone. */
export async function waitingEntries(
  db: Queryable,
  whose: { doctorId: string } | { patientId: string },
): Promise<string[]> {
  const query = db.selectFrom('waitlist_entry').select('id').where('status', '=', 'waiting')
  const rows = await (
    'doctorId' in whose
      ? query.where('doctor_id', '=', whose.doctorId)
      : query.where('patient_id', '=', whose.patientId)
  ).execute()
  return rows.map(({ id }) => id)
}

/** The account's own records that no other account manages at `now`. */
export async function ownRecordsManagedAlone(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<string[]> {
  const { rows } = await sql<{ patient_id: string }>`
    select own.patient_id from patient_access as own
    where own.account_id = ${accountId} and own.relation = 'self' and own.scope = 'manage'
      and (own.ends_at is null or own.ends_at > ${formatUtc(now)})
      and not exists (select from patient_access as other
        where other.patient_id = own.patient_id and other.account_id <> own.account_id
          and other.scope = 'manage'
          and (other.ends_at is null or other.ends_at > ${formatUtc(now)}))`.execute(db)
  return rows.map((row) => row.patient_id)
}

/** The profile of the account, if it has one. */
export async function doctorOfAccount(db: Queryable, accountId: string): Promise<string | null> {
  const row = await db
    .selectFrom('doctor')
    .select('id')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return row?.id ?? null
}

/** Whether there is no other admin who can sign in. */
export async function isLastAdmin(db: Queryable, accountId: string): Promise<boolean> {
  const { rows } = await sql<{ is_last: boolean }>`
    select exists (select from account
        where id = ${accountId} and role = 'admin' and status = 'active')
      and not exists (select from account
        where id <> ${accountId} and role = 'admin' and status = 'active') as is_last`.execute(db)
  return rows[0]!.is_last
}

export type RecordOutcome = 'kept' | 'given-back' | 'erased' | 'deleted'

/** A record that an account left. */
export interface LeftRecord {
  patientId: string
  outcome: RecordOutcome
  /** The other accounts whose access ended with this one's, since nobody manages the record any more. */
  others: string[]
}

/**
 * Ends the account's accesses and answers what became of each record. Raises `patient_visits_open` for an
 * own record with a visit ahead.
 */
export async function leavePatients(
  db: Queryable,
  { accountId, now }: { accountId: string; now: Instant },
): Promise<LeftRecord[]> {
  const { rows } = await sql<LeftRecord>`
    select patient_id as "patientId", outcome, others
    from leave_patients(${accountId}, ${formatUtc(now)})`.execute(db)
  return rows
}

/** Makes the account nobody's; false when it was erased before. Raises `account_last_admin`. */
export async function eraseAccountRow(
  db: Queryable,
  { accountId, passwordHash }: { accountId: string; passwordHash: string },
): Promise<boolean> {
  const { rows } = await sql<{ is_erased: boolean }>`
    select erase_account(${accountId}, ${passwordHash}) as is_erased`.execute(db)
  return rows[0]!.is_erased
}

/** Makes the record nobody's; false for one that is not there or was erased. Raises `patient_visits_open`. */
export async function erasePatientRow(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<boolean> {
  const { rows } = await sql<{ is_erased: boolean }>`
    select erase_patient(${patientId}, ${formatUtc(now)}) as is_erased`.execute(db)
  return rows[0]!.is_erased
}

/**
 * The record and who has access to it, its row and its visits locked; undefined when there is none or it was
 * erased.
 */
export async function lockRecord(
  db: Queryable,
  patientId: string,
): Promise<{ accountIds: string[] } | undefined> {
  const locked = await sql`select lock_patients(${[patientId]}::uuid[])`.execute(db)
  if (locked.rows.length === 0) return undefined
  const rows = await db
    .selectFrom('patient_access')
    .select('account_id')
    .where('patient_id', '=', patientId)
    .execute()
  return { accountIds: rows.map((row) => row.account_id) }
}

/**
 * Lets the times go that are held with the doctor or for the patient, whose row the transaction has locked.
 */
export async function releaseHeldTimes(
  db: Queryable,
  options: {
    whose: { doctorId: string } | { patientId: string }
    now: Instant
    origin: string
  },
): Promise<void> {
  await sql`
    select end_appointments(null, array(select id from appointment
      where ${isOf(options.whose)} and status = 'held'),
      ${formatUtc(options.now)}, ${options.origin})`.execute(db)
}

/** Takes the doctor out of directory and schedules; answers the account that the profile had. */
export async function removeDoctorRow(
  db: Queryable,
  { doctorId, now }: { doctorId: string; now: Instant },
): Promise<string | null> {
  const { rows } = await sql<{ account_id: string | null }>`
    select remove_doctor(${doctorId}, ${formatUtc(now)}) as account_id`.execute(db)
  return rows[0]!.account_id
}

/** Whether the doctor has left. */
export async function hasLeft(db: Queryable, doctorId: string): Promise<boolean> {
  const row = await db
    .selectFrom('doctor')
    .select('status')
    .where('id', '=', doctorId)
    .executeTakeFirst()
  return row?.status === 'left'
}
