// Who reads and writes what is known of a patient's health. Whether a doctor treats the patient is in the
// query that finds them.

import type { PatientAccessTable } from '#src/db/tables.ts'

/** As whom an entry was written: for the patient, or as a doctor who treats them. */
export const sides = ['patient', 'doctor'] as const
export type Side = (typeof sides)[number]

/** What the decisions need to know of the actor and a patient whom the actor may see. */
export interface HistorySight {
  /** How far the account may act for the patient, null for not at all. */
  scope: PatientAccessTable['scope'] | null
  /** Whether the account is that of a doctor with a visit of the patient that counts. */
  isTreating: boolean
}

/** Whether the actor may read the history. Whoever only books for somebody does not need to know. */
export function mayRead({ scope, isTreating }: HistorySight): boolean {
  return scope === 'manage' || scope === 'see' || isTreating
}

/** As whom the actor writes; null for someone who does not. A doctor's own family is family. */
export function sideOf({ scope, isTreating }: HistorySight): Side | null {
  if (scope === 'manage') return 'patient'
  return isTreating ? 'doctor' : null
}

/**
 * Whether the actor may correct entries of that side. Nobody puts words into the other side's mouth: what
 * doctors wrote is corrected by doctors, and what the patient said by those who manage the record.
 */
export function mayCorrect({ scope, isTreating }: HistorySight, side: Side): boolean {
  return side === 'patient' ? scope === 'manage' : isTreating
}
