// Two records of one person become one: everything moves to the record that is kept, in one transaction.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant } from '#src/kernel/time.ts'
import { recomputeChildEnds } from './access-ends.ts'
import {
  clashingVisits,
  hasOpenAccess,
  lockPatientsToMerge,
  moveToPatient,
  type ClashingVisitRow,
} from './merge-queries.ts'
import { seePatient, type Patient } from './patients.ts'
import { areBothOfAccounts, mayMerge } from './policy.ts'

export interface Merge {
  /** The record that stays. */
  patientId: string
  /** The record that goes. */
  duplicateId: string
  /** Whether to go on although the dates of birth differ. */
  despiteDateOfBirth: boolean
}

/** More clashing visits than these are not listed. */
const listedMax = 50

/** Visits of the two records overlap: nobody can be at both. */
export class RecordsClash extends Refusal {
  readonly ids: readonly string[]

  constructor(rows: readonly ClashingVisitRow[], context: SignedInContext) {
    super(
      'records-clash',
      'Visits of the two records overlap, and one person cannot be at both. Nothing changed: move or cancel one of each two.',
      { visits: rows.map((row) => presentClashingVisit(row, context)) },
    )
    this.ids = rows.map(({ id }) => id)
  }
}

/**
 * Merges a duplicate into the record that is kept, which gets its visits, waits, medical history and
 * accounts; contact data that it lacks are filled from the duplicate. Open links and invitations to either
 * are void.
 *
 * @throws NotFound, NotAllowed, RecordsClash, InvalidRequest for a record and itself, Refusal `conflict`
 * when two accounts act as the patient themselves or the dates of birth differ.
 */
export async function mergePatients(context: SignedInContext, merge: Merge): Promise<Patient> {
  const { patientId, duplicateId, despiteDateOfBirth } = merge
  if (patientId === duplicateId)
    throw invalidField('/duplicateId', '/duplicateId must be another record than the one kept.')
  const entry = {
    action: 'patient.merge',
    subjectType: 'patient',
    subjectId: patientId,
    details: { formerPatientId: duplicateId },
  }
  const merged = transact(context, async (tx) => {
    // Whoever may not merge holds up nobody; and who may is asked again when nothing changes any more.
    await authorise(context, tx.db, merge)
    const areThere = await lockPatientsToMerge(tx.db, { patientId, duplicateId })
    await authorise(context, tx.db, merge)
    if (!areThere) throw new NotFound('patient')
    const now = context.clock()
    const clashing = await clashingVisits(tx.db, { patientId, duplicateId, now, limit: listedMax })
    if (clashing.length > 0) throw new RecordsClash(clashing, context)
    const accounts = await moveToPatient(tx.db, {
      patientId,
      duplicateId,
      now,
      // Not that of this process, which must read of holds that end here like every other one.
      origin: newId(),
      actorId: context.actor.accountId,
      despiteDateOfBirth,
    })
    tx.append({ type: 'patient.merged', subjects: { patientId, formerPatientId: duplicateId } })
    for (const { accountId, change } of accounts)
      tx.append({ type: `access.${change}`, subjects: { accountId, patientId } })
    // The record may have got another date of birth, and an access one at all.
    for (const subjects of await recomputeChildEnds(tx.db, { patientId, now }))
      tx.append({ type: 'access.changed', subjects })
    await record(context, tx.db, entry)
    await record(context, tx.db, {
      action: 'patient.delete',
      subjectType: 'patient',
      subjectId: duplicateId,
      details: { patientId },
    })
    const kept = await seePatient(context, tx.db, patientId)
    if (!kept) throw new NotFound('patient')
    return kept
  })
  return merged.catch(async (error: unknown) => {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...entry, allowed: false })
    if (error instanceof RecordsClash)
      await record(context, context.db, {
        action: 'appointment.list-clashing',
        subjectType: 'patient',
        subjectId: patientId,
        details: { formerPatientId: duplicateId, ids: error.ids },
      })
    throw error
  })
}

async function authorise(
  context: SignedInContext,
  db: Queryable,
  { patientId, duplicateId }: Merge,
): Promise<void> {
  const kept = await seePatient(context, db, patientId)
  if (!kept) throw new NotFound('patient')
  const duplicate = await seePatient(context, db, duplicateId)
  if (!duplicate) throw new NotFound('patient', { in: 'body', pointer: '/duplicateId' })
  const now = context.clock()
  const sides = [
    { ...kept, hasAccess: await hasOpenAccess(db, { patientId, now }) },
    { ...duplicate, hasAccess: await hasOpenAccess(db, { patientId: duplicateId, now }) },
  ] as const
  if (!mayMerge(context.actor, ...sides))
    throw new NotAllowed(
      areBothOfAccounts(...sides)
        ? 'An account manages one of the records, and one has access to the other, so that only an admin may merge them.'
        : 'Records are merged by a front desk that registered or received both, or by an admin.',
    )
}

/** The visit as the API shows it; where and with whom it is, to those alone whose visit it is. */
function presentClashingVisit(row: ClashingVisitRow, { actor }: SignedInContext) {
  const at = (instant: number) => formatInstant(instant, row.time_zone)
  const isTheirs = actor.role === 'admin' || actor.clinicIds.includes(row.clinic_id)
  return {
    appointmentId: row.id,
    patientId: row.patient_id,
    status: row.status,
    startsAt: at(row.starts_at),
    endsAt: at(row.ends_at),
    ...(isTheirs && {
      doctor: { id: row.doctor_id, name: row.doctor_name },
      clinic: { id: row.clinic_id, name: row.clinic_name },
    }),
  }
}
