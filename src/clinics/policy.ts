// Who may do what with clinics and what belongs to them.

import type { AccountActor, Actor } from '#src/context.ts'

export type ClinicAction =
  /** Add a clinic. */
  | 'create-clinic'
  /** Change name, time zone and address. */
  | 'edit-clinic'
  /** Change phone and e-mail. */
  | 'edit-clinic-contact'
  /** Add and remove closures, also from a file. */
  | 'edit-closures'
  /** Add and remove rooms. */
  | 'edit-rooms'
  | 'see-rooms'
  /** Add and change visit types. */
  | 'edit-visit-types'
  /** See visit types that only staff may book, retired ones, and video links. */
  | 'see-visit-types-as-staff'

/** What the decision needs to know. */
export interface ClinicSubject {
  /** Null for what belongs to the whole network. */
  clinicId: string | null
  /** The clinics that the actor works at as a doctor. */
  practiceClinicIds?: readonly string[]
}

/** Whether the actor may do it; `subject` is null when there is no clinic yet. */
export function may(actor: Actor, action: ClinicAction, subject: ClinicSubject | null): boolean {
  if (actor === null || actor.role === 'patient') return false
  if (actor.role === 'admin') return true
  if (subject === null) return false
  const { clinicId, practiceClinicIds = [] } = subject
  if (action === 'see-rooms' || action === 'see-visit-types-as-staff')
    return clinicId === null || isDeskOf(actor, clinicId) || practiceClinicIds.includes(clinicId)
  return deskActions.has(action) && clinicId !== null && isDeskOf(actor, clinicId)
}

const deskActions = new Set<ClinicAction>([
  'edit-clinic-contact',
  'edit-closures',
  'edit-rooms',
  'edit-visit-types',
])

function isDeskOf(actor: AccountActor, clinicId: string): boolean {
  return actor.role === 'front_desk' && actor.clinicIds.includes(clinicId)
}
