import type { Queryable } from '#src/db/connect.ts'

/**
 * Gives the doctor an account if there is none yet. Raises schedule_version, as what follows may add
 * a clinic. False when the doctor is gone, has left or has an account.
 */
export async function bindAccount(
  db: Queryable,
  { doctorId, accountId }: { doctorId: string; accountId: string },
): Promise<boolean> {
  const bound = await db
    .updateTable('doctor')
    .set((doctor) => ({
      account_id: accountId,
      schedule_version: doctor('schedule_version', '+', 1),
      version: doctor('version', '+', 1),
    }))
    .where('id', '=', doctorId)
    .where('account_id', 'is', null)
    .where('status', '<>', 'left')
    .executeTakeFirst()
  return bound.numUpdatedRows === 1n
}

/** Takes the account off the doctor who has it, and answers the doctor's id; null when nobody has it. */
export async function releaseAccount(db: Queryable, accountId: string): Promise<string | null> {
  const released = await db
    .updateTable('doctor')
    .set((doctor) => ({ account_id: null, version: doctor('version', '+', 1) }))
    .where('account_id', '=', accountId)
    .returning('id')
    .executeTakeFirst()
  return released?.id ?? null
}

/** Adds a clinic to those of the doctor; one that is there stays so. */
export async function addClinic(
  db: Queryable,
  { doctorId, clinicId }: { doctorId: string; clinicId: string },
): Promise<void> {
  await db
    .insertInto('doctor_clinic')
    .values({ doctor_id: doctorId, clinic_id: clinicId })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
