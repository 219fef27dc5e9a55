// Who may subscribe to what. Pure.

import type { AccountActor } from '#src/context.ts'
import { sideOf } from '#src/messaging/policy.ts'
import type { Topic } from './protocol.ts'

/** Whose the visit of a thread is. */
export interface ThreadVisit {
  doctorId: string
  clinicId: string
  patientId: string
}

/**
 * Why the account may not subscribe; null when it may. `visit` is that of a thread, null for none.
 *
 * Open times, its own appointments and its own notifications are anyone's. The day of a clinic is the
 * front desk's and the admins', and a doctor's as far as the visits are theirs. A thread is the patient's
 * and the visit's staff's; for all others there is none.
 */
export function whyNotSubscribe(
  actor: AccountActor,
  topic: Topic,
  visit: ThreadVisit | null,
): 'not-allowed' | 'not-found' | null {
  if (topic.topic === 'thread')
    return visit === null || sideOf(actor, visit) === null ? 'not-found' : null
  if (topic.topic === 'clinic-day')
    return seesDay(actor, topic.clinicId) || actor.doctorId !== null ? null : 'not-allowed'
  return null
}

/** Whether the account sees all visits of a clinic's day. */
export function seesDay(actor: AccountActor, clinicId: string): boolean {
  return actor.role === 'admin' || actor.clinicIds.includes(clinicId)
}
