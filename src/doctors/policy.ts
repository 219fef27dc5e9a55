// Who may do what with doctors' profiles and specialties.

import type { Actor } from '#src/context.ts'

export type DoctorAction =
  /** Add a doctor, or change the list of specialties. */
  | 'create'
  /** Change the profile and how it is booked. */
  | 'edit'
  /** Change the clinics a doctor works at and the specialties they have. */
  | 'place'

/** What the decision needs to know of a doctor. */
export interface DoctorSubject {
  doctorId: string
  clinicIds: readonly string[]
}

/** Whether the actor may do it; `subject` is null when there is no doctor yet. */
export function may(actor: Actor, action: DoctorAction, subject: DoctorSubject | null): boolean {
  if (actor === null) return false
  if (actor.role === 'admin') return true
  return action === 'edit' && subject !== null && isTheirs(actor, subject)
}

/** Whether the actor is the doctor, or works at the front desk of one of the doctor's clinics. */
export function isTheirs(actor: NonNullable<Actor>, subject: DoctorSubject): boolean {
  if (actor.role === 'patient') return false
  if (actor.doctorId === subject.doctorId) return true
  return subject.clinicIds.some((clinicId) => actor.clinicIds.includes(clinicId))
}
