// What an appointment claims when it is put at a time of an offer.

import { claimOf, roomIdsOf, slotAt, type Offer } from '#src/availability/open-times.ts'
import { localDateTimeOf, type Instant } from '#src/kernel/time.ts'
import type { Placement } from './call-queries.ts'

/**
 * The place of the appointment in the offer at `startsAt`: the doctor for the visit and its buffers, the
 * patient (unless null) for the visit alone, a room for as long as the doctor, `roomId` before others. An
 * overbooking is not bound by the schedules' rules.
 */
export function placementOf(
  offer: Offer,
  wanted: {
    appointmentId: string
    patientId: string | null
    startsAt: Instant
    overbookedReason?: string | null
    roomId?: string | null
  },
): Placement {
  const { doctor, clinic, visitType } = offer
  const slot = slotAt(offer, wanted.startsAt)
  const whole = claimOf(offer, slot.startsAt)
  const claims = [{ calendarId: doctor.id, ...whole }]
  if (wanted.patientId !== null)
    claims.push({ calendarId: wanted.patientId, startsAt: slot.startsAt, endsAt: slot.endsAt })
  const roomIds = roomIdsOf(offer)
  const overbookedReason = wanted.overbookedReason ?? null
  return {
    doctorId: doctor.id,
    clinicId: offer.clinicId,
    visitTypeId: offer.visitTypeId,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    timeZone: slot.timeZone,
    localStartsAt: localDateTimeOf(slot.startsAt, slot.timeZone),
    overbookedReason,
    claims: claims.sort((one, other) => (one.calendarId < other.calendarId ? -1 : 1)),
    rooms: roomIds && { ids: inTurn(roomIds, wanted), ...whole },
    versions:
      overbookedReason === null
        ? {
            doctor: doctor.scheduleVersion,
            clinic: clinic.scheduleVersion,
            visitType: visitType.scheduleVersion,
          }
        : null,
  }
}

/** The rooms from another one on for each appointment, so that not everyone waits for the first. */
function inTurn(
  roomIds: string[],
  { appointmentId, roomId }: { appointmentId: string; roomId?: string | null },
): string[] {
  const wanted = roomIds.indexOf(roomId ?? '')
  const turn = Number.parseInt(appointmentId.slice(-6), 16) % Math.max(1, roomIds.length)
  const first = wanted === -1 ? turn : wanted
  return [...roomIds.slice(first), ...roomIds.slice(0, first)]
}
