// Who may see and change when a doctor works.

import type { AccountActor, Actor } from '#src/context.ts'
import { isTheirs, type DoctorSubject } from '#src/doctors/policy.ts'

export type ScheduleAction =
  /** Read the rules: hours, openings and time off. Open times are everyone's to read. */
  | 'see-schedule'
  /** Change them. */
  | 'change-schedule'

/** The doctor, the front desk of one of the doctor's clinics, and admins may do both. */
export function may(actor: Actor, _action: ScheduleAction, subject: DoctorSubject): boolean {
  return actor !== null && (actor.role === 'admin' || isTheirs(actor, subject))
}

/** Whether the account acts for the doctor or the clinic of a visit, and not as a patient. */
export function isStaffOf(
  actor: AccountActor,
  visit: { doctorId: string; clinicId: string },
): boolean {
  return (
    actor.role === 'admin' ||
    actor.doctorId === visit.doctorId ||
    actor.clinicIds.includes(visit.clinicId)
  )
}
