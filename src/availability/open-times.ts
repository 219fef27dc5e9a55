// Open times of the doctors on the board: what the engine is asked for lists, searches and bookings
// alike, so that what is listed can be booked.

import { addDays, daysBetween, type LocalDate } from '#src/kernel/calendar.ts'
import { localDateOf, spanOfDates, type Instant } from '#src/kernel/time.ts'
import {
  liveClaims,
  type Board,
  type Claim,
  type ClinicBoard,
  type DoctorBoard,
  type RoomBoard,
  type VisitTypeBoard,
} from './board.ts'
import { checkStart, openStarts, type SlotSearch } from './open-slots.ts'
import type { SlotKey } from './slot-id.ts'
import { cutsOf, windowsOf } from './windows.ts'

export interface Slot extends SlotKey {
  endsAt: Instant
  timeZone: string
}

/** Staff are not bound by the notice, the horizon and who may book the visit type. */
export type Viewer = 'patient' | 'staff'

/** One doctor at one clinic for one type of visit, as one viewer sees it. */
export interface Offer {
  doctor: DoctorBoard
  clinicId: string
  clinic: ClinicBoard
  visitTypeId: string
  visitType: VisitTypeBoard
  viewer: Viewer
}

const staffHorizonDays = 730
const minute = 60_000

/**
 * What each of the doctors offers: one entry a clinic, for the visit type asked for or else the
 * doctor's first one that the viewer may book. Doctors who offer nothing are left out.
 */
export async function offersOf(
  board: Board,
  asked: {
    doctorIds: readonly string[]
    clinicId?: string | undefined
    visitTypeId?: string | undefined
    /** How the actor looks at a doctor's times at a clinic. */
    viewerAt: (place: { doctorId: string; clinicId: string }) => Viewer
  },
): Promise<Map<string, Offer[]>> {
  const doctors = [...(await board.doctors.get(asked.doctorIds)).values()]
  const clinics = await board.clinics.get([...new Set(doctors.flatMap((one) => one.clinicIds))])
  const visitTypes = await board.visitTypes.get([
    ...new Set(doctors.flatMap((one) => one.visitTypeIds)),
  ])
  const offers = new Map<string, Offer[]>()
  for (const doctor of doctors) {
    const ofDoctor: Offer[] = []
    for (const clinicId of doctor.clinicIds) {
      const clinic = clinics.get(clinicId)
      if (!clinic || (asked.clinicId !== undefined && clinicId !== asked.clinicId)) continue
      const viewer = asked.viewerAt({ doctorId: doctor.id, clinicId })
      const visitTypeId =
        asked.visitTypeId === undefined
          ? firstVisitType(doctor, visitTypes, clinicId, viewer)
          : asked.visitTypeId
      const visitType = visitTypes.get(visitTypeId ?? '')
      if (visitTypeId === undefined || !doctor.visitTypeIds.includes(visitTypeId) || !visitType)
        continue
      if (!isOffered(visitType, clinicId, viewer)) continue
      ofDoctor.push({ doctor, clinicId, clinic, visitTypeId, visitType, viewer })
    }
    if (ofDoctor.length > 0) offers.set(doctor.id, ofDoctor)
  }
  return offers
}

/** Whether the visit type can be had there at all by such a viewer. */
function isOffered(visitType: VisitTypeBoard, clinicId: string, viewer: Viewer): boolean {
  return (
    visitType.active &&
    (visitType.clinicId === null || visitType.clinicId === clinicId) &&
    (viewer === 'staff' || visitType.whoMayBook !== 'staff')
  )
}

/** The visit type that is meant when none is named: anyone's before existing patients', oldest first. */
function firstVisitType(
  doctor: DoctorBoard,
  visitTypes: ReadonlyMap<string, VisitTypeBoard>,
  clinicId: string,
  viewer: Viewer,
): string | undefined {
  const offered = doctor.visitTypeIds.filter((id) => {
    const visitType = visitTypes.get(id)
    return visitType !== undefined && isOffered(visitType, clinicId, viewer)
  })
  return offered.find((id) => visitTypes.get(id)?.whoMayBook === 'anyone') ?? offered[0]
}

/** Today at the clinic. */
export function todayOf(offer: Offer, now: Instant): LocalDate {
  return localDateOf(now, offer.clinic.calendar.timeZone)
}

/** The last clinic-local date on which the viewer may book. */
export function horizonOf(offer: Offer, now: Instant): LocalDate {
  const days = offer.viewer === 'staff' ? staffHorizonDays : offer.doctor.horizonDays
  return addDays(todayOf(offer, now), days)
}

/** The first instant at which the viewer may book: the shortest notice from now. */
export function earliestOf(offer: Offer, now: Instant): Instant {
  return offer.viewer === 'staff' ? now : now + offer.doctor.noticeMinutesMin * minute
}

interface Asked {
  from: LocalDate
  to: LocalDate
  now: Instant
  limit?: number
  /** Appointments that are to be moved or used up: their claims are not in the way. */
  exceptIds?: readonly string[] | undefined
}

function searchOf(offer: Offer, { from, to, now, limit, exceptIds }: Asked): SlotSearch {
  const { doctor, clinic, visitTypeId, visitType } = offer
  const { timeZone } = clinic.calendar
  const windows = windowsOf(doctor.schedule, clinic.calendar, visitTypeId, from, to)
  const first = windows[0]
  const last = windows.at(-1)
  const cuts =
    first && last
      ? cutsOf(doctor.schedule, clinic.calendar, { startsAt: first.startsAt, endsAt: last.endsAt })
      : []
  const lastDate = horizonOf(offer, now)
  return {
    windows,
    cuts,
    claims: claimsOfOthers(doctor.claims, now, exceptIds),
    rooms: rooms(offer)?.map((room) => claimsOfOthers(room.claims, now, exceptIds)) ?? null,
    fullDays: fullDates(doctor, now, exceptIds).map((date) => spanOfDates(timeZone, date, date)),
    visitType: visitType.rule,
    earliest: earliestOf(offer, now),
    latest: spanOfDates(timeZone, lastDate, lastDate).endsAt,
    ...(limit === undefined ? {} : { limit }),
  }
}

function claimsOfOthers(
  claims: readonly Claim[],
  now: Instant,
  exceptIds: readonly string[] = [],
): readonly Claim[] {
  const live = liveClaims(claims, now)
  return exceptIds.length === 0
    ? live
    : live.filter(({ appointmentId }) => !exceptIds.includes(appointmentId))
}

function rooms({ clinic, visitType }: Offer): readonly RoomBoard[] | null {
  if (visitType.roomKind === null) return null
  return clinic.rooms.filter((room) => room.kind === visitType.roomKind)
}

function fullDates(
  { dailyLimit, claims }: DoctorBoard,
  now: Instant,
  exceptIds: readonly string[] = [],
): LocalDate[] {
  if (dailyLimit === null) return []
  const counts = new Map<LocalDate, number>()
  for (const { date } of claimsOfOthers(claims, now, exceptIds))
    if (date !== null) counts.set(date, (counts.get(date) ?? 0) + 1)
  return [...counts].filter(([, count]) => count >= dailyLimit).map(([date]) => date)
}

/** The open starts on the clinic-local dates `from` to `to`, both included, in order. */
export function openStartsOf(offer: Offer, asked: Asked): Instant[] {
  const to = asked.to < asked.from ? asked.from : asked.to
  return openStarts(searchOf(offer, { ...asked, to }))
}

/** The slot of this offer that begins at `startsAt`. */
export function slotAt(offer: Offer, startsAt: Instant): Slot {
  return {
    doctorId: offer.doctor.id,
    clinicId: offer.clinicId,
    visitTypeId: offer.visitTypeId,
    startsAt,
    endsAt: startsAt + offer.visitType.rule.durationMinutes * minute,
    timeZone: offer.clinic.calendar.timeZone,
  }
}

/** Whether exactly this start is open to the viewer, and if not, whether it is merely taken. */
export function checkOffer(
  offer: Offer,
  asked: { startsAt: Instant; now: Instant; exceptIds?: readonly string[] | undefined },
): 'open' | 'taken' | 'not-offered' {
  const date = localDateOf(asked.startsAt, offer.clinic.calendar.timeZone)
  // A date beyond a century away is nobody's horizon, and would only make the engine count days.
  if (Math.abs(daysBetween(todayOf(offer, asked.now), date)) > 36_500) return 'not-offered'
  return checkStart(searchOf(offer, { ...asked, from: date, to: date }), asked.startsAt)
}

/** The rooms of which a visit takes one; null when it needs none. */
export function roomIdsOf(offer: Offer): string[] | null {
  return rooms(offer)?.map(({ id }) => id) ?? null
}

/** What a visit at `startsAt` takes of the doctor's and the room's time: itself and its buffers. */
export function claimOf(offer: Offer, startsAt: Instant): { startsAt: Instant; endsAt: Instant } {
  const { bufferBeforeMinutes, durationMinutes, bufferAfterMinutes } = offer.visitType.rule
  return {
    startsAt: startsAt - bufferBeforeMinutes * minute,
    endsAt: startsAt + (durationMinutes + bufferAfterMinutes) * minute,
  }
}
