// What has to be told about a visit: the difference between what someone was told last and what is so
// now. So a step that was undone is told to nobody, and two moves in a row are told as one. Pure.

import type { AppointmentStatus, VisitMode } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Side } from './facts.ts'

/** Where and how a visit is, or was when someone was told of it. */
export interface VisitState {
  version: number
  status: AppointmentStatus
  startsAt: Instant
  endsAt: Instant
  doctorId: string
  clinicId: string
  mode: VisitMode
}

/** The kinds of notification that tell what became of a visit. */
export const visitKinds = ['requested', 'confirmed', 'declined', 'moved', 'cancelled'] as const
export type VisitKind = (typeof visitKinds)[number]

const over: Partial<Record<AppointmentStatus, VisitKind>> = {
  cancelled: 'cancelled',
  declined: 'declined',
  expired: 'declined',
}

/** As what the change is told to someone on that side; null when there is nothing to tell. */
export function changeToTell(options: {
  side: Side
  /** The doctor or the clinic on whose account staff are told. */
  subjectId: string
  told: VisitState | null
  now: VisitState
}): VisitKind | null {
  const { side, subjectId, told, now } = options
  const isTheirs = (state: VisitState) => side !== 'doctor' || state.doctorId === subjectId
  const knew = told !== null && isArranged(told) && isTheirs(told) ? told : null
  if (side === 'desk') return changeForDesk({ subjectId, knew, now })
  if (!isTheirs(now)) return knew === null ? null : 'moved'
  const end = over[now.status]
  if (end !== undefined) return knew === null ? null : end
  if (now.status !== 'requested' && now.status !== 'confirmed') return null
  if (knew === null) return now.status
  if (isOtherwise(knew, now)) return 'moved'
  if (knew.status === now.status) return null
  // Who was told of a visit that has begun, and hears of it again, knows that it is confirmed.
  return knew.status === 'requested' || now.status === 'requested' ? now.status : null
}

/** Whether there was a visit: a time that was only held was none, and one that was called off is none. */
function isArranged({ status }: VisitState): boolean {
  return status !== 'held' && over[status] === undefined
}

/** The desk hears of what it has to answer. */
function changeForDesk(options: {
  subjectId: string
  knew: VisitState | null
  now: VisitState
}): VisitKind | null {
  const { subjectId, knew, now } = options
  if (now.status !== 'requested' || now.clinicId !== subjectId) return null
  return knew?.status === 'requested' && !isOtherwise(knew, now) ? null : 'requested'
}

/** Whether the visit takes place at another time, with or at someone else's, or by other means. */
function isOtherwise(one: VisitState, other: VisitState): boolean {
  return (
    one.startsAt !== other.startsAt ||
    one.endsAt !== other.endsAt ||
    one.mode !== other.mode ||
    one.doctorId !== other.doctorId ||
    one.clinicId !== other.clinicId
  )
}
