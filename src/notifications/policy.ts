// Who may see whom else a visit was told to. What is in one's own list follows from whose it is. Pure.

import { seesStaffSide } from '#src/booking/policy.ts'
import type { AccountActor } from '#src/context.ts'

/** The staff of the visit and admins; not those who are its patient, even if they work there. */
export function maySeeLedger(
  actor: AccountActor,
  visit: { doctorId: string; clinicId: string; patientId: string },
): boolean {
  return seesStaffSide(actor, visit)
}
