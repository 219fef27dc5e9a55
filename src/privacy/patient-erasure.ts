// A patient's record is made nobody's: what says who they are and why they came goes, for good.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { leaveWaitlist } from '#src/waitlist/entries.ts'
import { refuseOpenVisits } from './open-visits.ts'
import { erasePatientRow, lockRecord, releaseHeldTimes, waitingEntries } from './queries.ts'

/**
 * Erases a record by order of an admin. The accounts that had access to it lose it, held times are let go.
 *
 * @throws NotFound, also for one that was erased; VisitsOpen.
 */
export async function erasePatient(context: SignedInContext, patientId: string): Promise<void> {
  await refuseOpenVisits(context.db, { whose: { patientId }, now: context.clock() })
  for (const id of await waitingEntries(context.db, { patientId })) await leaveWaitlist(context, id)
  const isErased = await transact(context, async (tx) => {
    const now = context.clock()
    if (!(await lockRecord(tx.db, patientId))) return false
    await refuseOpenVisits(tx.db, { whose: { patientId }, now })
    // Not this process's origin: it must read of the holds that end like every other one.
    await releaseHeldTimes(tx.db, { whose: { patientId }, now, origin: newId() })
    return erasePatientWithin(context, tx, patientId)
  })
  if (!isErased) throw new NotFound('patient')
}

/** Erases the record; false for one that is not there, or was erased. Raises when it has visits ahead. */
export async function erasePatientWithin(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  patientId: string,
): Promise<boolean> {
  const found = await lockRecord(tx.db, patientId)
  if (!found) return false
  await erasePatientRow(tx.db, { patientId, now: context.clock() })
  for (const accountId of found.accountIds)
    tx.append({ type: 'access.ended', subjects: { accountId, patientId } })
  await recordErasure(context, tx, patientId)
  return true
}

/** Says that a record was erased, to those who remember anything of it. */
export async function recordErasure(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  tx: Transact,
  patientId: string,
): Promise<void> {
  tx.append({ type: 'patient.erased', subjects: { patientId } })
  await record(context, tx.db, {
    action: 'patient.erase',
    subjectType: 'patient',
    subjectId: patientId,
  })
}
