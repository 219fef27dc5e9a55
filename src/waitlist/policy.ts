// Who may answer an offer. Who may find an entry is in the query that finds it. Pure.

import { isStaffOf } from '#src/availability/policy.ts'
import type { AccountActor } from '#src/context.ts'

/** The patient's accounts, and the staff of the doctor and clinic whose time is offered. */
export function mayAnswerOffer(
  actor: AccountActor,
  offer: { patientId: string; doctorId: string; clinicId: string },
): boolean {
  return actor.patientIds.includes(offer.patientId) || isStaffOf(actor, offer)
}
