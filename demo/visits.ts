// Visits for the demo: two weeks that were and three that come, each at a time that the engine
// offers beside all the others.

import type { Board, RoomBoard } from '#src/availability/board.ts'
import {
  claimOf,
  offersOf,
  openStartsOf,
  slotAt,
  type Offer,
  type Slot,
} from '#src/availability/open-times.ts'
import { newId } from '#src/kernel/ids.ts'
import { overlaps, type Interval } from '#src/kernel/interval.ts'
import { addDays, localDateOf, type Instant, type LocalDate } from '#src/kernel/time.ts'
import { clinics, visitTypes, type ClinicKey, type VisitTypeKey } from './clinics.ts'
import { clinicsOf, type Directory } from './directory.ts'
import type { Random } from './random.ts'
import { reasonsFor, staffNotes } from './reasons.ts'
import { lifeOf, type Life } from './visit-life.ts'

const daysBack = 15
const daysAhead = 21
const dayLength = 86_400_000

/** When the first visits are planned from: what is past now was to come then. */
export function planningStart(now: Instant): Instant {
  return now - (daysBack + 2) * dayLength
}

type Doctor = Directory['doctors'][number]
type Patient = Directory['patients'][number]

export interface Visit extends Life {
  id: string
  slot: Slot
  patientId: string
  roomId: string | null
  /** What doctor and room are claimed for: the visit and its buffers. */
  claimed: Interval
  reason: string | null
  staffNote: string | null
}

interface Planning {
  directory: Directory
  random: Random
  now: Instant
  visits: Visit[]
  /** By a doctor's id, every kind of visit at every clinic. */
  offers: Map<string, Offer[]>
  /** By a visit type's id, how often it is booked. */
  demand: Map<string, number>
  /** By a doctor's id, the patients who have a visit with them that was not cancelled. */
  known: Map<string, Patient[]>
  /** By a patient's id, when their visits begin. */
  busy: Map<string, Instant[]>
}

/** One doctor's day at one clinic. */
interface Day {
  doctor: Doctor
  clinic: ClinicKey
  date: LocalDate
  offers: Offer[]
}

/** Plans the visits; `board` must show the network as of `planningStart`, and is written on. */
export async function planVisits(
  board: Board,
  options: { directory: Directory; random: Random; now: Instant },
): Promise<Visit[]> {
  const { directory } = options
  const offers = await allOffers(board, directory)
  const planning: Planning = {
    ...options,
    offers,
    demand: demandOf(directory),
    visits: [],
    known: new Map(),
    busy: new Map(),
  }
  for (let days = -daysBack; days <= daysAhead; days += 1) {
    const today = directory.doctors.flatMap((doctor) => daysOf(planning, doctor, days))
    for (const patient of directory.patients)
      if (patient.accountId !== null) planOwnVisit(planning, patient, { days, today })
    for (const day of today) planDay(planning, day, day.doctor.demand * demandIn(days))
  }
  return planning.visits
}

async function allOffers(board: Board, directory: Directory): Promise<Map<string, Offer[]>> {
  const all = new Map<string, Offer[]>()
  const doctorIds = directory.doctors.map(({ id }) => id)
  for (const visitTypeId of Object.values(directory.visitTypeIds))
    for (const [doctorId, offers] of await offersOf(board, {
      doctorIds,
      visitTypeId,
      viewerAt: () => 'staff',
    }))
      all.set(doctorId, [...(all.get(doctorId) ?? []), ...offers])
  return all
}

function demandOf({ visitTypeIds }: Directory): Map<string, number> {
  const keys = Object.keys(visitTypeIds) as VisitTypeKey[]
  return new Map(keys.map((key) => [visitTypeIds[key], visitTypes[key].demand]))
}

function daysOf({ directory, offers, now }: Planning, doctor: Doctor, days: number): Day[] {
  if (days > (doctor.horizonDays ?? daysAhead)) return []
  return clinicsOf(doctor).map((clinic) => ({
    doctor,
    clinic,
    date: addDays(localDateOf(now, clinics[clinic].timeZone), days),
    offers: (offers.get(doctor.id) ?? []).filter(
      ({ clinicId }) => clinicId === directory.clinicIds[clinic],
    ),
  }))
}

/** The share of the usual demand, so many days ahead: fewer visits are booked the further they are. */
function demandIn(days: number): number {
  if (days < 0) return 0.5
  return Math.exp(-days / 4)
}

/** Days on which, or soon after which, someone who can sign in has a visit. */
const ownVisitDays = [-12, -5, 3, 10]

/** Books for a patient with an account when the next visit is due, for adults with another doctor each time. */
function planOwnVisit(
  planning: Planning,
  patient: Patient,
  { days, today }: { days: number; today: Day[] },
): void {
  const count = planning.busy.get(patient.id)?.length ?? 0
  if (count >= ownVisitDays.filter((due) => due <= days).length) return
  const possible = today
    .filter(({ clinic, doctor }) => clinic === patient.clinic && suits(doctor, patient))
    .filter(({ doctor }) => doctor.acceptingNewPatients !== false)
    .filter(({ doctor }) => patient.isChild || !planning.known.get(doctor.id)?.includes(patient))
  for (const day of possible) {
    const offer = day.offers.find(({ visitType }) => visitType.whoMayBook === 'anyone')
    const startsAt = offer && planning.random.pickFrom(startsOn(planning, day, offer))
    if (offer === undefined || startsAt === undefined) continue
    addVisit(planning, day, { offer, startsAt, patient })
    return
  }
}

function planDay(planning: Planning, day: Day, share: number): void {
  const { random } = planning
  let minutesLeft = share * capacityOf(planning, day)
  let possible = day.offers
  while (minutesLeft > 0 && possible.length > 0) {
    const offer = pickOffer(planning, possible)
    const starts = startsOn(planning, day, offer)
    // The early times go first.
    const startsAt = starts[Math.floor(starts.length * random.next() ** 1.4)]
    const patient =
      startsAt === undefined ? undefined : findPatient(planning, day, { offer, startsAt })
    if (startsAt === undefined || patient === undefined) {
      possible = possible.filter((other) => other !== offer)
      continue
    }
    addVisit(planning, day, { offer, startsAt, patient })
    minutesLeft -= offer.visitType.rule.durationMinutes
  }
}

function startsOn(planning: Planning, { date }: Day, offer: Offer): Instant[] {
  const now = planningStart(planning.now)
  return openStartsOf(offer, { from: date, to: date, now })
}

/** How many minutes of visits the day could have. */
function capacityOf(planning: Planning, day: Day): number {
  const minutes = day.offers.map(
    (offer) => startsOn(planning, day, offer).length * offer.visitType.rule.durationMinutes,
  )
  return Math.max(0, ...minutes)
}

function pickOffer({ demand, random }: Planning, offers: readonly Offer[]): Offer {
  const weights = offers.map(({ visitTypeId }) => demand.get(visitTypeId) ?? 1)
  let rest = random.next() * weights.reduce((sum, weight) => sum + weight, 0)
  const index = weights.findIndex((weight) => (rest -= weight) < 0)
  return offers[index] ?? offers[0]!
}

function suits({ specialties }: Doctor, { isChild }: Patient): boolean {
  return specialties.includes('paediatrics') === isChild
}

/** Two visits of a patient lie so far apart at least. */
const patientPause = 2 * dayLength

/** Someone whom the visit suits: often someone the doctor knows, always where it is for them alone. */
function findPatient(
  planning: Planning,
  { doctor, clinic }: Day,
  { offer, startsAt }: { offer: Offer; startsAt: Instant },
): Patient | undefined {
  const { directory, random, busy } = planning
  const anyone = directory.patients.filter(
    (patient) => patient.clinic === clinic && patient.accountId === null && suits(doctor, patient),
  )
  const known = (planning.known.get(doctor.id) ?? []).filter((patient) => anyone.includes(patient))
  // Who takes no new patients did so once.
  const isOpen = doctor.acceptingNewPatients !== false || known.length < 10
  const isForKnown = offer.visitType.whoMayBook === 'existing_patients' || !isOpen
  const possible = isForKnown || (known.length > 0 && random.chance(0.4)) ? known : anyone
  for (let tries = 0; tries < 8; tries += 1) {
    const patient = random.pickFrom(possible)
    const starts = busy.get(patient?.id ?? '') ?? []
    if (starts.every((start) => Math.abs(start - startsAt) > patientPause)) return patient
  }
  return undefined
}

function addVisit(
  planning: Planning,
  { doctor, clinic, date }: Day,
  { offer, startsAt, patient }: { offer: Offer; startsAt: Instant; patient: Patient },
): void {
  const { random, now, directory } = planning
  const slot = slotAt(offer, startsAt)
  const claimed = claimOf(offer, startsAt)
  const room = freeRoomOf(offer, claimed)
  const desk = directory.deskAccountIds[clinic] ?? null
  const people = { bookedBy: patient.accountId ?? desk, doctor: doctor.accountId, desk }
  const visit: Visit = {
    id: newId(),
    slot,
    patientId: patient.id,
    roomId: room?.id ?? null,
    claimed,
    reason: random.chance(0.6)
      ? (random.pickFrom(reasonsFor(doctor.specialties[0] ?? 'general-practice', clinic)) ?? null)
      : null,
    staffNote: random.chance(0.08) ? random.pick(staffNotes) : null,
    ...lifeOf({ offer, slot, people }, { random, now }),
  }
  planning.visits.push(visit)
  if (visit.cancelledReason !== null) return
  const claim = { ...claimed, expiresAt: null, appointmentId: visit.id, date }
  offer.doctor.claims = [...offer.doctor.claims, claim]
  room?.claims.push(claim)
  append(planning.known, doctor.id, patient)
  append(planning.busy, patient.id, startsAt)
}

function freeRoomOf({ clinic, visitType }: Offer, claimed: Interval): RoomBoard | undefined {
  return clinic.rooms.find(
    ({ kind, claims }) =>
      kind === visitType.roomKind && claims.every((claim) => !overlaps(claim, claimed)),
  )
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
