// Who writes and reads the messages about a visit, as whom, and until when. Pure.

import type { AccountActor } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { addDays, localDateOf, spanOfDates, type Instant } from '#src/kernel/time.ts'

/** As whom someone writes: for the patient, or as the visit's doctor or the desk of its clinic. */
export const sides = ['patient', 'staff'] as const
export type Side = (typeof sides)[number]

/** Whose messages an account finds; the visits of its patients come before those of its work. */
export interface MessageSight {
  /** The patients for whom it may write. */
  patientIds: readonly string[]
  /** The patients whose messages it may read. */
  seenPatientIds: readonly string[]
  doctorId: string | null
  clinicIds: readonly string[]
}

/** Admins run the network and read nobody's messages, so that `all` of other sights is not here. */
export function messageSightOf(actor: AccountActor): MessageSight {
  const { patientIds, seenPatientIds, doctorId, clinicIds } = actor
  return { patientIds, seenPatientIds, doctorId, clinicIds }
}

/** As whom the account takes part in the messages of a visit; null for someone who does not. */
export function sideOf(
  actor: MessageSight,
  visit: { doctorId: string; clinicId: string; patientId: string },
): Side | null {
  if (actor.patientIds.includes(visit.patientId)) return 'patient'
  const isStaff = actor.doctorId === visit.doctorId || actor.clinicIds.includes(visit.clinicId)
  if (isStaff) return 'staff'
  return actor.seenPatientIds.includes(visit.patientId) ? 'patient' : null
}

/** Whether the account may write about a visit and mark as read, and not only look on. */
export function mayWrite(
  actor: MessageSight,
  visit: { doctorId: string; clinicId: string; patientId: string },
): boolean {
  return sideOf({ ...actor, seenPatientIds: [] }, visit) !== null
}

/**
 * When writing about a visit ends: at the midnight, on the clinic's calendar, that ends the day so many
 * days after the visit's last one.
 */
export function closesAt(visit: {
  endsAt: Instant
  timeZone: string
  messagesCloseDays: number
}): Instant {
  const { endsAt, timeZone, messagesCloseDays } = visit
  // A visit that ends at midnight was on the day before.
  const lastDate = addDays(localDateOf(endsAt - 1, timeZone), messagesCloseDays)
  return spanOfDates(timeZone, lastDate, lastDate).endsAt
}

export type Closed = 'erased' | 'held' | 'offered' | 'declined' | 'expired' | 'too-late'

/** Why nobody may write about the visit at `now`; null while they may. Who cancels is asked why. */
export function whyClosed(
  visit: {
    status: AppointmentStatus
    isOffer: boolean
    /** Whether the patient was erased. */
    isErased: boolean
    endsAt: Instant
    timeZone: string
    messagesCloseDays: number
  },
  now: Instant,
): Closed | null {
  const { status } = visit
  if (visit.isErased) return 'erased'
  if (visit.isOffer) return 'offered'
  if (status === 'held' || status === 'declined' || status === 'expired') return status
  return now < closesAt(visit) ? null : 'too-late'
}
