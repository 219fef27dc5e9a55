// Who may see, make and change appointments. Pure.

import { isStaffOf } from '#src/availability/policy.ts'
import type { AccountActor } from '#src/context.ts'

/** The appointments an actor may find, as the union of four conditions; `all` is the admin's. */
export interface Sight {
  all: boolean
  patientIds: readonly string[]
  doctorId: string | null
  clinicIds: readonly string[]
}

/** What an account sees, also of patients whom it may only look at; every query is limited to it. */
export function sightOf(actor: AccountActor): Sight {
  return {
    all: actor.role === 'admin',
    patientIds: actor.seenPatientIds,
    doctorId: actor.doctorId,
    clinicIds: actor.clinicIds,
  }
}

/** Whether the account sees the staff's side of a visit: its staff do, unless it is that of a patient of their own. */
export function seesStaffSide(
  actor: AccountActor,
  visit: { doctorId: string; clinicId: string; patientId: string },
): boolean {
  return isStaffOf(actor, visit) && !actor.seenPatientIds.includes(visit.patientId)
}

/**
 * Whether the account may book for this patient with this doctor at this clinic. Who may only look at the
 * patient may not. Staff may for everyone:
 * who phones a clinic for the first time has been registered elsewhere. What they see by it is bounded in
 * docs/decisions/2026-11-20-who-sees-a-patient.md.
 */
export function mayBook(
  actor: AccountActor,
  visit: { doctorId: string; clinicId: string; patientId: string },
): boolean {
  return actor.patientIds.includes(visit.patientId) || isStaffOf(actor, visit)
}
