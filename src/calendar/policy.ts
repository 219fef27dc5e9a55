// Whose visits an account may take into other calendars, and as whom it sees a visit there. Pure.

import type { AccountActor } from '#src/context.ts'
import type { CalendarSide } from './event.ts'

/** Whether the account may have a feed of these visits: a doctor of their own, others of those they see. */
export function mayHaveFeed(
  actor: AccountActor,
  of: { doctorId: string } | { patientId: string },
): boolean {
  return 'doctorId' in of
    ? of.doctorId === actor.doctorId
    : actor.seenPatientIds.includes(of.patientId)
}

/** As whom the account sees a visit that it may see. Who sees the patient's side sees that one first. */
export function sideOf(
  actor: AccountActor,
  visit: { patient_id: string; doctor_id: string },
): CalendarSide {
  if (actor.seenPatientIds.includes(visit.patient_id)) return 'patient'
  return actor.doctorId === visit.doctor_id ? 'doctor' : 'desk'
}
