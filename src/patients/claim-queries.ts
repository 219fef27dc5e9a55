import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

/** How often a date of birth may be wrong before the link is dead. */
const triesMax = 5

/** Whether an account acts for the patient as themselves. */
export async function hasOwnAccount(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<boolean> {
  const row = await db
    .selectFrom('patient_access')
    .select('account_id')
    .where('patient_id', '=', patientId)
    .where('relation', '=', 'self')
    .where(sql<SqlBool>`(ends_at is null or ends_at > ${formatUtc(now)})`)
    .executeTakeFirst()
  return row !== undefined
}

/** Deletes the patient's link that nobody has used, if there is one. */
export async function deleteOpenClaimLink(db: Queryable, patientId: string): Promise<void> {
  await db
    .deleteFrom('patient_claim_link')
    .where('patient_id', '=', patientId)
    .where('used_at', 'is', null)
    .execute()
}

export async function insertClaimLink(
  db: Queryable,
  link: {
    id: string
    patientId: string
    codeHash: Buffer
    madeBy: string
    createdAt: Instant
    expiresAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('patient_claim_link')
    .values({
      id: link.id,
      patient_id: link.patientId,
      code_hash: link.codeHash,
      made_by: link.madeBy,
      created_at: formatUtc(link.createdAt),
      expires_at: formatUtc(link.expiresAt),
    })
    .execute()
}

/**
 * Tries an open link with a date of birth and counts the try when it is wrong; a record without one
 * takes any. Undefined when no link that is open has this code. However many try at once, each waits
 * for the count of the one before.
 */
export async function tryClaimLink(
  db: Queryable,
  { codeHash, dateOfBirth, now }: { codeHash: Buffer; dateOfBirth: LocalDate | null; now: Instant },
): Promise<{ linkId: string; patientId: string; isRight: boolean } | undefined> {
  const isRight = sql<boolean>`coalesce(
    patient.date_of_birth is null or patient.date_of_birth = ${dateOfBirth}::date, false)`
  return db
    .updateTable('patient_claim_link as link')
    .from('patient')
    .set({ tries: sql<number>`link.tries + case when ${isRight} then 0 else 1 end` })
    .whereRef('patient.id', '=', 'link.patient_id')
    .where('link.code_hash', '=', codeHash)
    .where('link.used_at', 'is', null)
    .where('link.expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .where('link.tries', '<', triesMax)
    .returning(['link.id as linkId', 'link.patient_id as patientId', isRight.as('isRight')])
    .executeTakeFirst()
}

/** Uses an open link up. False when someone was faster, or tried it dead. */
export async function consumeClaimLink(
  db: Queryable,
  { linkId, accountId, now }: { linkId: string; accountId: string; now: Instant },
): Promise<boolean> {
  const used = await db
    .updateTable('patient_claim_link')
    .set({ used_at: formatUtc(now), used_by: accountId })
    .where('id', '=', linkId)
    .where('used_at', 'is', null)
    .where('expires_at', '>', sql<Instant>`${formatUtc(now)}`)
    .where('tries', '<', triesMax)
    .returning('id')
    .executeTakeFirst()
  return used !== undefined
}

/** The id of the account's own record. */
export async function ownRecordOf(db: Queryable, accountId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('patient_access')
    .select('patient_id as id')
    .where('account_id', '=', accountId)
    .where('relation', '=', 'self')
    .executeTakeFirst()
  return row?.id
}

/**
 * The id of the account's own record, which is locked so that nothing new comes to refer to it: neither
 * a visit nor an entry of the waitlist.
 */
export async function lockOwnRecord(db: Queryable, accountId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('patient')
    .innerJoin('patient_access', 'patient_access.patient_id', 'patient.id')
    .select('patient.id')
    .where('patient_access.account_id', '=', accountId)
    .where('patient_access.relation', '=', 'self')
    .forUpdate('patient')
    .executeTakeFirst()
  return row?.id
}

/**
 * Whether the account's own record can go: the account made it, and no visit, no wait for one, no medical
 * history and nobody else's access hangs on it. One that a clinic made stays, whatever its state.
 */
export async function isEmptyRecord(
  db: Queryable,
  { patientId, accountId }: { patientId: string; accountId: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('patient')
    .select(
      sql<boolean>`patient.registered_by is null and patient.registered_at_clinic_id is null
        and not exists (
          select from patient_claim_link where patient_claim_link.patient_id = patient.id)
        and not exists (
          select from appointment where appointment.patient_id = patient.id)
        and not exists (
          select from waitlist_entry
          where waitlist_entry.patient_id = patient.id and waitlist_entry.status = 'waiting')
        and not exists (
          select from medical_entry where medical_entry.patient_id = patient.id)
        and not exists (
          select from patient_access as other
          where other.patient_id = patient.id and other.account_id <> ${accountId})`.as('isEmpty'),
    )
    .where('id', '=', patientId)
    .executeTakeFirst()
  return row?.isEmpty ?? false
}

/**
 * Deletes the patient with the accesses, links and entries of the waitlist that there are. Throws when
 * anything else refers to them.
 */
export async function deletePatient(db: Queryable, patientId: string): Promise<void> {
  await db.deleteFrom('patient').where('id', '=', patientId).execute()
}
