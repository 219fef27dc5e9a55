// Who sees a dashboard at all; what is on it is bounded by what they see elsewhere. Pure.

import type { AccountActor } from '#src/context.ts'

/**
 * Whether the account has access to the patient's record, be it to look only. Staff find a patient's visits
 * where they find the other visits of their clinics.
 */
export function maySeePatient(actor: AccountActor, patientId: string): boolean {
  return actor.seenPatientIds.includes(patientId)
}
