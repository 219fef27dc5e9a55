// Who had which time when, as far as it can be told from outside: from the history that the database
// keeps, and from when the clients were answered. A step's commit lies between the application's clock
// before it and the first answer that shows it. Pure.

import { keepsClaims } from '#src/booking/appointment-state.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Content, StoredAppointment, StoredStep } from './mix-content.ts'
import type { MixRecord } from './mix-records.ts'

/** That a version of an appointment was the newest one. */
export interface Period {
  appointment: StoredAppointment
  step: StoredStep
  /** It cannot have been so before this, */
  mayBeginAt: Instant
  /** was so from here, */
  hasBegunAt: Instant
  /** until here at least, */
  mayEndAt: Instant
  /** and cannot have been so any more from here on. */
  hasEndedAt: Instant
}

/** That an appointment took a stretch of a calendar, for a period. */
export interface Occupancy extends Period {
  calendarId: string
  startsAt: Instant
  endsAt: Instant
}

const never = Number.POSITIVE_INFINITY

/** What clients were told of a version: `<appointment id> <version>` to when first. */
function firstSeen(records: readonly MixRecord[], content: Content): Map<string, Instant> {
  const seen = new Map<string, Instant>()
  const see = (key: string, at: Instant) => void seen.set(key, Math.min(seen.get(key) ?? never, at))
  for (const { answer, answeredAt } of records)
    if (answer !== null) see(versionKey(answer.id, answer.version), answeredAt)
  // A hold that ended because of another booking ended in its transaction.
  const companions = Map.groupBy(content.events, ({ transaction }) => transaction)
  for (const together of companions.values()) {
    if (together.length === 1) continue
    const keys = together.map(({ appointmentId, version }) => versionKey(appointmentId, version))
    const at = Math.min(...keys.map((key) => seen.get(key) ?? never))
    for (const key of keys) see(key, at)
  }
  return seen
}

export function versionKey(id: string, version: number): string {
  return `${id} ${version}`
}

/** The periods of every appointment's versions, by its id, in order of version. */
export function periodsOf(records: readonly MixRecord[], content: Content): Map<string, Period[]> {
  const seen = firstSeen(records, content)
  const steps = Map.groupBy(content.steps, ({ appointmentId }) => appointmentId)
  const periods = new Map<string, Period[]>()
  for (const appointment of content.appointments) {
    const ofAppointment: Period[] = []
    const ofSteps = steps.get(appointment.id) ?? []
    // Who saw a version saw that those before it were there, and none came before its forerunner.
    const occurred = ofSteps.map((_, index) =>
      Math.max(...ofSteps.slice(0, index + 1).map(({ occurredAt }) => occurredAt)),
    )
    const shown = ofSteps.map((_, index) =>
      Math.min(
        ...ofSteps
          .slice(index)
          .map(({ version }) => seen.get(versionKey(appointment.id, version)) ?? never),
      ),
    )
    for (const [index, step] of ofSteps.entries())
      ofAppointment.push({
        appointment,
        step,
        mayBeginAt: occurred[index]!,
        hasBegunAt: shown[index]!,
        mayEndAt: occurred[index + 1] ?? never,
        hasEndedAt: shown[index + 1] ?? never,
      })
    periods.set(appointment.id, ofAppointment)
  }
  return periods
}

/** What an appointment claims by design while it is as after this step. */
export function claimsByDesign(
  { visitTypes }: Pick<Content, 'visitTypes'>,
  { id, patientId }: Pick<StoredAppointment, 'id' | 'patientId'>,
  placed: Pick<
    StoredStep,
    'doctorId' | 'visitTypeId' | 'roomId' | 'startsAt' | 'endsAt' | 'expiresAt'
  >,
) {
  const { before, after } = visitTypes.get(placed.visitTypeId)!
  const { doctorId, roomId, startsAt, endsAt, expiresAt } = placed
  const whole = { startsAt: startsAt - before, endsAt: endsAt + after }
  const one = { appointmentId: id, expiresAt }
  return [
    { ...one, calendarId: doctorId, ...whole },
    { ...one, calendarId: patientId, startsAt, endsAt },
    ...(roomId === null ? [] : [{ ...one, calendarId: roomId, ...whole }]),
  ]
}

const day = 86_400_000

/** All occupancies, findable by calendar and time. */
export interface Calendars {
  /** Those of the calendar that overlap the stretch of time. */
  at(calendarId: string, during: { startsAt: Instant; endsAt: Instant }): Occupancy[]
  byCalendar: Map<string, Occupancy[]>
}

export function calendarsOf(content: Content, periods: Map<string, Period[]>): Calendars {
  const occupancies = [...periods.values()].flat().flatMap((period): Occupancy[] => {
    const { appointment, step } = period
    if (!keepsClaims(step.to)) return []
    // What is past its time is in nobody's way.
    const until = step.expiresAt ?? never
    return claimsByDesign(content, appointment, step).map(({ calendarId, startsAt, endsAt }) => ({
      ...period,
      mayEndAt: Math.min(period.mayEndAt, until),
      hasEndedAt: Math.min(period.hasEndedAt, until),
      calendarId,
      startsAt,
      endsAt,
    }))
  })
  const byDay = Map.groupBy(occupancies, ({ calendarId, startsAt }) => dayKey(calendarId, startsAt))
  return {
    byCalendar: Map.groupBy(occupancies, ({ calendarId }) => calendarId),
    at(calendarId, { startsAt, endsAt }) {
      const days = new Set([dayKey(calendarId, startsAt - day), dayKey(calendarId, startsAt)])
      days.add(dayKey(calendarId, endsAt))
      return [...days].flatMap((key) =>
        (byDay.get(key) ?? []).filter((one) => one.startsAt < endsAt && one.endsAt > startsAt),
      )
    },
  }
}

function dayKey(calendarId: string, at: Instant): string {
  return `${calendarId} ${Math.floor(at / day)}`
}
