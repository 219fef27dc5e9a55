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
  /** Whether the actor registered the patient. */
  isRegisteredByActor: boolean
}

/** Whether the actor may do it. */
export function may(actor: Actor, action: PatientAction, subject: PatientSubject): boolean {
  if (actor === null) return false
  if (action === 'make-claim-link') return actor.role !== 'patient'
  if (subject.scope === 'manage') return true
  if (subject.isManaged) return false
  return actor.role === 'front_desk' || actor.role === 'admin' || subject.isRegisteredByActor
}
