// Why a request of the mix was refused, as far as the history tells. Pure.

import { decide, type Command } from '#src/booking/appointment-state.ts'
import { localDateOf, spanOfDates, type Instant } from '#src/kernel/time.ts'
import type { Content, StoredStep } from './mix-content.ts'
import type { Calendars, Occupancy, Period } from './mix-occupancy.ts'
import { requestOf, type madeBy, type MixRecord, type Wanted } from './mix-records.ts'

export interface History {
  content: Content
  periods: Map<string, Period[]>
  calendars: Calendars
  /** The appointment that each request was answered. */
  made: ReturnType<typeof madeBy>
}

const never = Number.POSITIVE_INFINITY

/**
 * How many milliseconds before the request was sent what explains its refusal had ended at the latest: 0
 * when it was there while the request was under way, Infinity when nothing explains it.
 */
export function lagOfRefusal(history: History, record: MixRecord): number {
  switch (record.problem) {
    case 'slot-taken':
      return lagOfTaken(history, record)
    case 'patient-busy':
      return lagOfBusyPatient(history, record)
    case 'stale-version':
      return lagOfVersions(history, record, ({ step }) => step.version !== record.requestedVersion)
    case 'too-late':
      return lagOfVersions(
        history,
        record,
        ({ step }) => step.startsAt - history.content.changeNotice < record.answeredAt,
      )
    case 'not-allowed':
    case 'not-offered':
      return lagOfVersions(history, record, ({ step }) => isOtherVisit(step, record))
    case 'wrong-state':
    case 'hold-expired':
      return lagOfVersions(history, record, (period) => refuses(period, record))
    case null:
    default:
      return never
  }
}

/** How long before the request was sent something ended that may have been there from `mayBeginAt` on. */
function lagOf(
  { mayBeginAt, hasEndedAt }: Pick<Period, 'mayBeginAt' | 'hasEndedAt'>,
  record: MixRecord,
): number {
  if (mayBeginAt > record.answeredAt) return never
  return Math.max(0, record.lastSentAt - hasEndedAt)
}

function least(lags: readonly number[]): number {
  return Math.min(never, ...lags)
}

function lagOfVersions(
  { periods }: History,
  record: MixRecord,
  explains: (period: Period) => boolean,
): number {
  const ofAppointment = periods.get(record.appointmentId ?? '') ?? []
  return least(ofAppointment.filter(explains).map((period) => lagOf(period, record)))
}

/** Whether an appointment that is so answers the command of the record with this very refusal. */
function refuses({ step }: Period, { command, role, problem, answeredAt }: MixRecord): boolean {
  const isPast = step.expiresAt !== null && step.expiresAt <= answeredAt
  return [step.to, ...(isPast ? (['expired'] as const) : [])].some((status) => {
    const decision = decide(command as Command, status, role)
    return decision.kind === 'refusal' && decision.code === problem
  })
}

/** Patients move within a doctor's visits of one kind; the desk may have led theirs elsewhere meanwhile. */
function isOtherVisit(step: StoredStep, { command, role, wanted, problem }: MixRecord): boolean {
  if (command !== 'reschedule' || role !== 'patient' || wanted === null) return false
  return problem === 'not-allowed'
    ? step.doctorId !== wanted.doctorId
    : step.visitTypeId !== wanted.visitTypeId
}

/** The time that a request was about; a hold's own when it was to be booked. */
function wantedOf({ periods }: History, record: MixRecord): Wanted | null {
  if (record.wanted !== null) return record.wanted
  const held = periods.get(record.appointmentId ?? '')?.[0]
  if (!held) return null
  const { doctorId, visitTypeId, startsAt, isOverbooked } = held.step
  return { doctorId, visitTypeId, patientId: held.appointment.patientId, startsAt, isOverbooked }
}

/**
 * Whether an appointment may be in the way of the request: not the one that is to be moved, and not a
 * hold of the patient with this doctor, which a booking or a move uses up, unless it came or went by
 * another request meanwhile, nor what this very request has made when it was sent before.
 */
function isInTheWay(
  { made }: History,
  period: Period,
  { record, wanted }: { record: MixRecord; wanted: Wanted },
): boolean {
  const { appointment, step, hasBegunAt, mayEndAt } = period
  if (appointment.id === record.appointmentId) return false
  if (appointment.id === made.get(requestOf(record))) return false
  const isOwn = appointment.patientId === wanted.patientId && step.doctorId === wanted.doctorId
  const stoodStill = hasBegunAt <= record.lastSentAt && mayEndAt >= record.answeredAt
  return !(step.to === 'held' && isOwn && stoodStill)
}

function lagOfTaken(history: History, record: MixRecord): number {
  const { content, calendars } = history
  const wanted = wantedOf(history, record)
  if (wanted === null) return never
  const { before, after, duration, roomIds } = content.visitTypes.get(wanted.visitTypeId)!
  const whole = { startsAt: wanted.startsAt - before, endsAt: wanted.startsAt + duration + after }
  const lagAt = (calendarId: string) =>
    least(
      calendars
        .at(calendarId, whole)
        .filter((one) => isInTheWay(history, one, { record, wanted }))
        .map((one) => lagOf(one, record)),
    )
  const rooms = roomIds === null ? never : Math.max(0, ...roomIds.map(lagAt))
  const lag = Math.min(lagAt(wanted.doctorId), rooms)
  return lag === 0 ? 0 : Math.min(lag, lagOfFullDay(history, record, wanted))
}

/** What took the wanted time or part of it about then, for whoever looks into an unexplained refusal. */
export function aboutRefusal(history: History, record: MixRecord): object[] {
  const wanted = wantedOf(history, record)
  if (wanted === null) return []
  const { before, after, duration, roomIds } = history.content.visitTypes.get(wanted.visitTypeId)!
  const whole = { startsAt: wanted.startsAt - before, endsAt: wanted.startsAt + duration + after }
  return [wanted.doctorId, wanted.patientId, ...(roomIds ?? [])].flatMap((calendarId) =>
    history.calendars
      .at(calendarId, whole)
      .filter(
        (one) =>
          one.mayBeginAt < record.answeredAt + 1000 && one.hasEndedAt > record.lastSentAt - 2000,
      )
      .map(({ appointment, ...one }) => ({
        calendarId,
        patientId: appointment.patientId,
        ...one.step,
        mayBegin: one.mayBeginAt - record.lastSentAt,
        hasBegun: one.hasBegunAt - record.lastSentAt,
        mayEnd: one.mayEndAt - record.lastSentAt,
        hasEnded: one.hasEndedAt - record.lastSentAt,
      })),
  )
}

function lagOfBusyPatient(history: History, record: MixRecord): number {
  const wanted = wantedOf(history, record)
  if (wanted === null) return never
  const { duration } = history.content.visitTypes.get(wanted.visitTypeId)!
  const visit = { startsAt: wanted.startsAt, endsAt: wanted.startsAt + duration }
  const others = history.calendars
    .at(wanted.patientId, visit)
    .filter((one) => isInTheWay(history, one, { record, wanted }))
  return least(others.map((one) => lagOf(one, record)))
}

/** Nothing that ended longer ago is looked at, in milliseconds. */
const lookedBack = 5000

/** Ordinary visits are refused on a date that has as many as the doctor takes, overbooked ones included. */
function lagOfFullDay(history: History, record: MixRecord, wanted: Wanted): number {
  const { content, calendars } = history
  const limit = content.dailyLimits.get(wanted.doctorId)
  if (limit === undefined || wanted.isOverbooked) return never
  const kept = visitsOfDate(content, calendars, wanted).filter(
    (one) =>
      isInTheWay(history, one, { record, wanted }) &&
      one.mayBeginAt <= record.answeredAt &&
      one.hasEndedAt >= record.lastSentAt - lookedBack,
  )
  // The latest moment at which that many may have been there at once.
  const moments = [record.lastSentAt, ...kept.flatMap((one) => [one.mayBeginAt, one.hasEndedAt])]
  const full = moments.filter((moment) => {
    const there = kept.filter((one) => one.mayBeginAt <= moment && moment <= one.hasEndedAt)
    return new Set(there.map(({ appointment }) => appointment.id)).size >= limit
  })
  return least(full.map((moment) => Math.max(0, record.lastSentAt - moment)))
}

/** The occupancies of the doctor's calendar that count for the clinic-local date of a start. */
function visitsOfDate(
  { timeZone }: Content,
  calendars: Calendars,
  { doctorId, startsAt }: { doctorId: string; startsAt: Instant },
): Occupancy[] {
  const date = localDateOf(startsAt, timeZone)
  return calendars
    .at(doctorId, spanOfDates(timeZone, date, date))
    .filter(({ step }) => localDateOf(step.startsAt, timeZone) === date)
}
