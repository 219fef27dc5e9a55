// Who may answer an offer and take an entry off. Who may find an entry is in the query that finds it. Pure.

import { isStaffOf } from '#src/availability/policy.ts'
import type { AccountActor } from '#src/context.ts'
import type { EntryRow } from './queries.ts'

/** The patient's accounts, and the staff of the doctor and clinic whose time is offered. */
export function mayAnswerOffer(
  actor: AccountActor,
  offer: { patientId: string; doctorId: string; clinicId: string },
): boolean {
  return actor.patientIds.includes(offer.patientId) || isStaffOf(actor, offer)
}

/** The patient's accounts, and the staff whose patient waits; not those who merely have the offered time. */
export function mayLeave(
  actor: AccountActor,
  entry: Pick<EntryRow, 'patient_id' | 'about_doctor_id' | 'about_clinic_ids'>,
): boolean {
  return (
    actor.role === 'admin' ||
    actor.patientIds.includes(entry.patient_id) ||
    (actor.doctorId !== null && actor.doctorId === entry.about_doctor_id) ||
    entry.about_clinic_ids.some((id) => actor.clinicIds.includes(id))
  )
}
