// What accounts may do with a patient's record. Who may see one is in the query that finds it.

import type { Actor } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'

export type PatientAction =
  /** Change name, contact and date of birth. */
  | 'change'
  /** Make the link by which the person's own account gets to the record. */
  | 'make-claim-link'

/** What the decision needs to know of a record that the actor may see. */
export interface PatientSubject {
  /** How far the account may act for the patient, null for not at all. */
  scope: PatientAccessTable['scope'] | null
  /** Whether an account manages the record, so that it is no longer the desk's to keep. */
  isManaged: boolean
  /** Whether the actor sees the whole record, and not only how to reach the person. */
  isSeenInFull: boolean
  /** Whether the actor registered the patient and still works there. */
  isRegisteredByActor: boolean
  /** Whether the actor may say who the person is, so that the record gets into the right hands. */
  isVouchedFor: boolean
}

/**
 * Whether the actor may do it. A link gives away all that clinics wrote down of the person, so a record
 * that someone manages already gets one from an admin alone.
 */
export function may(actor: Actor, action: PatientAction, subject: PatientSubject): boolean {
  if (actor === null) return false
  if (action === 'make-claim-link')
    return (
      actor.role === 'admin' ||
      (actor.role !== 'patient' && !subject.isManaged && subject.isVouchedFor)
    )
  if (subject.scope === 'manage') return true
  if (subject.isManaged || !subject.isSeenInFull) return false
  return actor.role === 'front_desk' || actor.role === 'admin' || subject.isRegisteredByActor
}
