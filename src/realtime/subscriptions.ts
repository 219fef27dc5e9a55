// Which event is told to which subscription, and what it says there. Pure: a subscription listens to
// channels, and an event is sent on channels.

import type { AccountActor } from '#src/context.ts'
import type { StoredEvent } from '#src/events/events.ts'
import type { LocalDate } from '#src/kernel/time.ts'
import { seesDay } from './policy.ts'
import type { EventFields, Topic } from './protocol.ts'

/** Where a visit was at one version of it. */
export interface VisitPlace {
  clinicId: string
  doctorId: string
  /** Of the clinic's calendar. */
  date: LocalDate
}

/** What the events of a batch do not say themselves. */
export interface Facts {
  /** By `visitAt`. */
  places: ReadonlyMap<string, VisitPlace>
  /** The doctors for whom a clinic's or a visit type's rules count, by the id of that. */
  doctors: ReadonlyMap<string, readonly string[]>
  /** The visits that a delay concerns, by `delayOf`. */
  delays: ReadonlyMap<string, { date: LocalDate; visits: readonly DelayedVisit[] }>
}

export interface DelayedVisit {
  appointmentId: string
  patientId: string
}

/** The key of a visit at a version. */
export function visitAt(appointmentId: string, version: number): string {
  return `${appointmentId}/${version}`
}

/** The key of the delay that an event set. */
export function delayOf({ xid, seq }: StoredEvent): string {
  return `${xid}/${seq}`
}

const ownVisitsOfPatient = (id: string) => `patient/${id}`
const ownVisitsOfDoctor = (id: string) => `doctor/${id}`
const openTimes = (doctorId: string) => `open-times/${doctorId}`
const clinicDay = (clinicId: string, date: LocalDate) => `day/${clinicId}/${date}`
const doctorDay = ({ clinicId, date, doctorId }: VisitPlace) =>
  `day/${clinicId}/${date}/${doctorId}`
const thread = (appointmentId: string) => `thread/${appointmentId}`
const notifications = (accountId: string) => `account/${accountId}`

/** The channels that a subscription of the account listens to. */
export function channelsOf(topic: Topic, actor: AccountActor): string[] {
  switch (topic.topic) {
    case 'appointments':
      return [
        ...actor.seenPatientIds.map(ownVisitsOfPatient),
        ...(actor.doctorId === null ? [] : [ownVisitsOfDoctor(actor.doctorId)]),
      ]
    case 'open-times':
      return [openTimes(topic.doctorId)]
    case 'clinic-day': {
      const { clinicId, date } = topic
      if (seesDay(actor, clinicId)) return [clinicDay(clinicId, date)]
      const { doctorId } = actor
      return doctorId === null ? [] : [doctorDay({ clinicId, date, doctorId })]
    }
    case 'thread':
      return [thread(topic.appointmentId)]
    case 'notifications':
      return [notifications(actor.accountId)]
    default:
      return topic satisfies never
  }
}

/**
 * One thing to tell, and how it reads on each channel. A subscription is told it once, by the first of
 * its channels here.
 */
export type Delivery = readonly (readonly [channel: string, fields: EventFields])[]

/** What an event tells. */
export function deliveriesOf(event: StoredEvent, facts: Facts): Delivery[] {
  const { type, subjects } = event
  switch (type.split('.', 1)[0] ?? '') {
    case 'appointment':
      return [ownVisit(event), day(event, facts), openTimesOfVisit(event)]
    case 'message': {
      const { appointmentId, messageId } = subjects
      if (appointmentId === undefined) return []
      const fields = { event: type, appointmentId, ...(messageId !== undefined && { messageId }) }
      return [[[thread(appointmentId), fields]]]
    }
    case 'notification':
      return subjects.accountId === undefined
        ? []
        : [[[notifications(subjects.accountId), { event: type }]]]
    case 'delay':
      return delay(event, facts)
    case 'doctor':
    case 'clinic':
    case 'visit-type':
      return type.endsWith('.schedule-changed') ? [openTimesOfRules(event, facts)] : []
    default:
      return []
  }
}

/** Everything about the visit, for those who see it. */
function whole({ type, subjects }: StoredEvent): EventFields {
  const { appointmentId, version, patientId, doctorId, clinicId } = subjects
  return {
    event: type,
    ...(appointmentId !== undefined && { appointmentId }),
    ...(version !== undefined && { version }),
    ...(patientId !== undefined && { patientId }),
    ...(doctorId !== undefined && { doctorId }),
    ...(clinicId !== undefined && { clinicId }),
  }
}

/** That the visit is no longer theirs, for those who see it no more: not where it went. */
function gone(event: StoredEvent): EventFields {
  const { event: type, appointmentId, version } = whole(event)
  return {
    event: type,
    ...(appointmentId !== undefined && { appointmentId }),
    ...(version !== undefined && { version }),
  }
}

function ownVisit(event: StoredEvent): Delivery {
  const { patientId, doctorId, formerDoctorId } = event.subjects
  const fields = whole(event)
  return [
    ...(patientId === undefined ? [] : [[ownVisitsOfPatient(patientId), fields] as const]),
    ...(doctorId === undefined ? [] : [[ownVisitsOfDoctor(doctorId), fields] as const]),
    ...(formerDoctorId === undefined
      ? []
      : [[ownVisitsOfDoctor(formerDoctorId), gone(event)] as const]),
  ]
}

/** The days that the visit is on now, and was on before. */
function day(event: StoredEvent, { places }: Facts): Delivery {
  const { appointmentId, version } = event.subjects
  if (appointmentId === undefined || version === undefined) return []
  const now = places.get(visitAt(appointmentId, version))
  const before = places.get(visitAt(appointmentId, version - 1))
  const fields = whole(event)
  return [
    ...(now === undefined
      ? []
      : [[clinicDay(now.clinicId, now.date), fields] as const, [doctorDay(now), fields] as const]),
    ...(before === undefined
      ? []
      : [
          [
            clinicDay(before.clinicId, before.date),
            before.clinicId === now?.clinicId ? fields : gone(event),
          ] as const,
          [doctorDay(before), before.doctorId === now?.doctorId ? fields : gone(event)] as const,
        ]),
  ]
}

const openTimesChanged = 'open-times.changed'

/** The steps by which times are taken or become free. */
const takesOrFrees: ReadonlySet<string> = new Set(
  ['held', 'requested', 'confirmed', 'moved', 'cancelled', 'declined', 'expired', 'undone'].map(
    (name) => `appointment.${name}`,
  ),
)

/**
 * Says neither whose visit it was nor what became of it, and nothing of the other steps: strangers are
 * not told when the patient of ten o'clock comes and goes.
 */
function openTimesOfVisit({ type, subjects }: StoredEvent): Delivery {
  const { doctorId, clinicId, formerDoctorId, formerClinicId = clinicId, version } = subjects
  // A visit that begins with its arrival is a walk-in, which takes a time.
  const isWalkIn = type === 'appointment.arrived' && version === 1
  if (!takesOrFrees.has(type) && !isWalkIn) return []
  return [
    ...(doctorId === undefined ? [] : [openTimesOf(doctorId, clinicId)]),
    ...(formerDoctorId === undefined ? [] : [openTimesOf(formerDoctorId, formerClinicId)]),
  ]
}

function openTimesOfRules({ subjects }: StoredEvent, { doctors }: Facts): Delivery {
  const { doctorId, clinicId, visitTypeId } = subjects
  const ids = [
    ...(doctorId === undefined ? [] : [doctorId]),
    ...(doctors.get(clinicId ?? '') ?? []),
    ...(doctors.get(visitTypeId ?? '') ?? []),
  ]
  return ids.map((id) => openTimesOf(id, clinicId))
}

function openTimesOf(doctorId: string, clinicId: string | undefined) {
  const fields = { event: openTimesChanged, doctorId, ...(clinicId !== undefined && { clinicId }) }
  return [openTimes(doctorId), fields] as const
}

/** A delay shows on each visit of the day, so each is told of for itself. */
function delay(event: StoredEvent, { delays }: Facts): Delivery[] {
  const { doctorId, clinicId } = event.subjects
  const concerned = delays.get(delayOf(event))
  if (doctorId === undefined || clinicId === undefined || concerned === undefined) return []
  const { date, visits } = concerned
  const fields = whole(event)
  return [
    [
      [ownVisitsOfDoctor(doctorId), fields],
      [clinicDay(clinicId, date), fields],
      [doctorDay({ clinicId, date, doctorId }), fields],
    ],
    ...visits.map(({ appointmentId, patientId }): Delivery => [
      [ownVisitsOfPatient(patientId), { ...fields, appointmentId, patientId }],
    ]),
  ]
}

const rightsChanging = /^(?:patient\.(?:claimed|registered)|(?:account|membership|access)\..*)$/

/** The accounts that may see more or less since the event. */
export function accountsWithOtherRights({ type, actorId, subjects }: StoredEvent): string[] {
  if (!rightsChanging.test(type)) return []
  return [actorId, subjects.accountId].filter((id) => typeof id === 'string')
}
