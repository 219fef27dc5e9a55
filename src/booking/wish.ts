// What someone wants to book, read from the request.

import { parseSlotId } from '#src/availability/slot-id.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { invalidField, NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { parseInstant, type Instant } from '#src/kernel/time.ts'

export interface BookingWish {
  slotId?: string
  doctorId?: string
  startsAt?: string
  clinicId?: string
  visitTypeId?: string
  patientId?: string
  reason?: string
  hold?: boolean
  overbook?: { reason: string }
}

/** Whose wish names a time, as a booking or a move does. */
export type TimeWish = Pick<
  BookingWish,
  'slotId' | 'doctorId' | 'startsAt' | 'clinicId' | 'visitTypeId'
>

export interface Wish {
  doctorId: string
  startsAt: Instant
  clinicId: string | undefined
  visitTypeId: string | undefined
  /** The field that named the time. */
  pointer: '/slotId' | '/startsAt' | '/doctorId'
}

/**
 * The time that is wished, named by a slot's id or by its parts.
 *
 * @throws InvalidRequest when it is named by neither or by both in different ways.
 */
export function readWish(body: TimeWish): Wish {
  if (body.slotId !== undefined) {
    const slot = parseSlotId(body.slotId)
    if (slot === null)
      throw invalidField('/slotId', '/slotId must be the id of a slot from the list of open times.')
    for (const field of ['doctorId', 'clinicId', 'visitTypeId'] as const)
      if (body[field] !== undefined && body[field] !== slot[field])
        throw invalidField(`/${field}`, `/${field} differs from that of the slot; leave it out.`)
    if (body.startsAt !== undefined && parseInstant(body.startsAt) !== slot.startsAt)
      throw invalidField('/startsAt', '/startsAt differs from that of the slot; leave it out.')
    return { ...slot, pointer: '/slotId' }
  }
  const { doctorId, startsAt } = body
  if (doctorId === undefined || startsAt === undefined) {
    const missing = doctorId === undefined ? '/doctorId' : '/startsAt'
    throw invalidField(
      startsAt === undefined && doctorId === undefined ? '/slotId' : missing,
      'Name the time by /slotId, or by /doctorId and /startsAt.',
    )
  }
  const instant = parseInstant(startsAt)
  if (instant === null)
    throw invalidField(
      '/startsAt',
      '/startsAt must be an instant such as 2026-11-24T10:40:00+01:00.',
    )
  return {
    doctorId,
    startsAt: instant,
    clinicId: body.clinicId,
    visitTypeId: body.visitTypeId,
    pointer: '/startsAt',
  }
}

/**
 * For whom the visit is to be: the account's own record unless the request says otherwise.
 *
 * @throws InvalidRequest.
 */
export function patientOf({ actor }: SignedInContext, body: BookingWish): string {
  if (body.patientId !== undefined) return body.patientId
  const own = actor.role === 'patient' ? actor.ownPatientId : null
  if (own === null)
    throw invalidField('/patientId', '/patientId must name the patient whom the visit is for.')
  return own
}

/**
 * Why the visit is to be put over others; null for an ordinary one.
 *
 * @throws InvalidRequest for a hold: a hold waits for nobody's form at the desk.
 */
export function overbookedReasonOf({ overbook, hold }: BookingWish): string | null {
  if (overbook === undefined) return null
  if (hold === true)
    throw invalidField('/hold', '/hold and /overbook exclude each other: overbook at once.')
  return overbook.reason
}

/** Why a patient's account may not act for this patient; null when it may, and for staff. */
export function whyNotTheirs(
  { role, patientIds, seenPatientIds }: AccountActor,
  patientId: string,
): NotFound | NotAllowed | null {
  if (role !== 'patient' || patientIds.includes(patientId)) return null
  return seenPatientIds.includes(patientId) ? onlyLooking() : unknownPatient()
}

/** The refusal of an account that may look at a patient's visits and do nothing about them. */
export function onlyLooking(): NotAllowed {
  return new NotAllowed('Your access lets you look at the visits of this patient, and do no more.')
}

/** The refusal of a patient who is none of the caller's, which names the field. */
export function unknownPatient(): NotFound {
  return new NotFound('patient', { in: 'body', pointer: '/patientId' })
}
