// What accounts may do with a patient's record. Who may see one is in the query that finds it.

import type { Actor } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'

export type PatientAction =
  /** Change name, contact and date of birth. */
  'change'

/** What the decision needs to know: how far the account may act for the patient, null for not at all. */
export interface PatientSubject {
  scope: PatientAccessTable['scope'] | null
}

/** Whether the actor may do it. */
export function may(actor: Actor, action: PatientAction, subject: PatientSubject): boolean {
  return actor !== null && action === 'change' && subject.scope === 'manage'
}
