// Compares what the clients of a mix were answered with what the database holds, and names whatever
// does not fit. Pure.

import { keepsClaims, transitions } from '#src/booking/appointment-state.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import type { Content, StoredAppointment, StoredClaim, StoredStep } from './mix-content.ts'
import {
  calendarsOf,
  claimsByDesign,
  periodsOf,
  versionKey,
  type Occupancy,
  type Period,
} from './mix-occupancy.ts'
import { madeBy, requestOf, type MixRecord } from './mix-records.ts'
import { aboutRefusal, lagOfRefusal, type History } from './mix-refusals.ts'

export interface CheckOptions {
  /**
   * For how long after it ended another process may still have a claim in memory, in milliseconds. It
   * never excuses the refusal of a hold that is to be booked, nor what only the database decides.
   */
  memoryLagMax: number
  /** How far the clocks of clients and application may be apart, in milliseconds. */
  clockTolerance: number
}

interface Checked {
  violations: string[]
  /** The longest that memory lagged behind where a refusal needs that to be explained. */
  memoryLag: number
}

/** Everything in which answers and database contradict the design or each other. */
export function checkMix(
  records: readonly MixRecord[],
  content: Content,
  options: CheckOptions,
): Checked {
  const periods = periodsOf(records, content)
  const history = {
    content,
    periods,
    calendars: calendarsOf(content, periods),
    made: madeBy(records),
  }
  const refusals = checkRefusals(records, history, options)
  const violations = [
    ...checkClaims(content),
    ...checkSteps(content),
    ...checkOverlapsOverTime(history),
    ...checkOrdinaryTakes(history),
    ...checkDailyLimits(history),
    ...checkAnswers(records, content, options),
    ...refusals.violations,
  ]
  return { violations, memoryLag: refusals.memoryLag }
}

/** As in a message: without what lets someone in. */
const text = (value: unknown) =>
  JSON.stringify(value, (name, field: unknown) => (name === 'as' ? undefined : field))

// ── What the database holds ──────────────────────────────────────────────────────────────────────

/** Claims of one calendar overlap only beside an overbooking, and each appointment has exactly its own. */
function checkClaims(content: Content): string[] {
  const appointments = new Map(content.appointments.map((one) => [one.id, one]))
  const patientIds = new Set(content.appointments.map(({ patientId }) => patientId))
  const claims = Map.groupBy(content.claims, ({ appointmentId }) => appointmentId)
  return [
    ...content.appointments.flatMap((appointment) =>
      wrongClaims(content, appointment, claims.get(appointment.id) ?? []),
    ),
    ...overlaps(content.claims, ({ calendarId }) => calendarId)
      .filter(([one, other]) => {
        const isMarked = [one, other].some(
          ({ appointmentId }) => appointments.get(appointmentId)?.isOverbooked,
        )
        return !isMarked || patientIds.has(one.calendarId) || one.lane === other.lane
      })
      .map((pair) => `claims overlap: ${text(pair)}`),
  ]
}

function wrongClaims(
  content: Content,
  appointment: StoredAppointment,
  found: readonly StoredClaim[],
): string[] {
  const designed = keepsClaims(appointment.status)
    ? claimsByDesign(content, appointment, appointment)
    : []
  const sorted = (claims: readonly Omit<StoredClaim, 'lane'>[]) =>
    claims
      .map(({ calendarId, startsAt, endsAt, expiresAt }) =>
        text({ calendarId, startsAt, endsAt, expiresAt }),
      )
      .toSorted()
      .join(' ')
  const violations: string[] = []
  if (sorted(found) !== sorted(designed))
    violations.push(`claims of ${text(appointment)} are ${sorted(found)}, not ${sorted(designed)}`)
  const { roomIds } = content.visitTypes.get(appointment.visitTypeId)!
  const hasRoom = appointment.roomId !== null && roomIds?.includes(appointment.roomId) === true
  const mayLackRoom = roomIds === null ? appointment.roomId === null : appointment.isOverbooked
  if (keepsClaims(appointment.status) && !hasRoom && !mayLackRoom)
    violations.push(`the room is wrong of ${text(appointment)}`)
  return violations
}

/** The pairs of one group that overlap. */
function overlaps<One extends { startsAt: Instant; endsAt: Instant }>(
  all: readonly One[],
  groupOf: (one: One) => string,
): [One, One][] {
  const pairs: [One, One][] = []
  for (const group of Map.groupBy(all, groupOf).values()) {
    const sorted = group.toSorted((one, other) => one.startsAt - other.startsAt)
    for (const [index, one] of sorted.entries())
      for (let next = index + 1; next < sorted.length; next += 1) {
        const other = sorted[next]!
        if (other.startsAt >= one.endsAt) break
        pairs.push([one, other])
      }
  }
  return pairs
}

/** Each history is gapless, leads by steps that there are to what is stored, and was told to others. */
function checkSteps(content: Content): string[] {
  const steps = Map.groupBy(content.steps, ({ appointmentId }) => appointmentId)
  const told = Map.groupBy(content.events, ({ appointmentId, version }) =>
    versionKey(appointmentId, version),
  )
  return content.appointments.flatMap((appointment) => {
    const ofAppointment = steps.get(appointment.id) ?? []
    const violations = ofAppointment.flatMap((step, index) =>
      wrongStep(step, ofAppointment[index - 1]),
    )
    const last = ofAppointment.at(-1)
    if (ofAppointment.length !== appointment.version || !last)
      violations.push(`${ofAppointment.length} steps of ${text(appointment)}`)
    else if (stateOf(last) !== stateOf({ ...appointment, to: appointment.status }))
      violations.push(`the last step ${text(last)} is not ${text(appointment)}`)
    for (const { version } of ofAppointment)
      if (told.get(versionKey(appointment.id, version))?.length !== 1)
        violations.push(`not one event of version ${version} of ${appointment.id}`)
    return violations
  })
}

function stateOf(
  step: Omit<StoredStep, 'appointmentId' | 'command' | 'from' | 'occurredAt' | 'actorId'>,
) {
  const { to, doctorId, visitTypeId, roomId, startsAt, endsAt, expiresAt } = step
  const { isOverbooked, sequence, version } = step
  const times = { startsAt, endsAt, expiresAt }
  return text({ to, doctorId, visitTypeId, roomId, ...times, isOverbooked, sequence, version })
}

function wrongStep(step: StoredStep, before: StoredStep | undefined): string[] {
  const isFirst = before === undefined
  const raises = !isFirst && step.command !== 'expire' && step.command !== 'renew-hold'
  const isKnown = isFirst
    ? step.from === null && (step.to === 'held') === (step.command === 'hold')
    : step.from === before.to &&
      transitions.some(
        ({ command, from, to }) =>
          command === step.command && from === step.from && to.includes(step.to),
      )
  const violations: string[] = []
  if (!isKnown) violations.push(`no such step: ${text(step)} after ${text(before)}`)
  if (step.version !== (before?.version ?? 0) + 1)
    violations.push(`a gap before version ${step.version} of ${step.appointmentId}`)
  if (step.sequence !== (before?.sequence ?? 0) + (raises ? 1 : 0))
    violations.push(`the sequence of ${text(step)} after ${before?.sequence}`)
  return violations
}

// ── What was so in between ───────────────────────────────────────────────────────────────────────

/** No two visits had one calendar at one moment, unless one of them was overbooked then. */
function checkOverlapsOverTime({ content, calendars }: History): string[] {
  const patientIds = new Set(content.appointments.map(({ patientId }) => patientId))
  return overlaps(
    [...calendars.byCalendar.values()].flat().filter(wasThere),
    ({ calendarId }) => calendarId,
  )
    .filter(([one, other]) => {
      const wereTogether =
        one.appointment.id !== other.appointment.id &&
        Math.max(one.hasBegunAt, other.hasBegunAt) < Math.min(one.mayEndAt, other.mayEndAt)
      const isMarked = one.step.isOverbooked || other.step.isOverbooked
      return wereTogether && (!isMarked || patientIds.has(one.calendarId))
    })
    .map(([one, other]) => `at one time: ${text(one.step)} and ${text(other.step)}`)
}

/** Whether there is a moment at which it surely was. */
function wasThere({ hasBegunAt, mayEndAt }: Occupancy): boolean {
  return hasBegunAt < mayEndAt
}

/** The steps that take a time which was not the appointment's before. */
const takes = new Set(['book', 'hold', 'reschedule'])

/** No ordinary visit was put where another one was before, in no lane, and stayed. */
function checkOrdinaryTakes({ calendars }: History): string[] {
  return [...calendars.byCalendar.values()].flat().flatMap((taken) => {
    const { step, calendarId, appointment } = taken
    if (step.isOverbooked || !takes.has(step.command)) return []
    return calendars
      .at(calendarId, taken)
      .filter(
        (one) =>
          one.appointment.id !== appointment.id &&
          one.hasBegunAt < step.occurredAt &&
          one.mayEndAt > taken.hasBegunAt,
      )
      .map((one) => `over another visit: ${text(step)}, ${text(one.step)}`)
  })
}

/** No ordinary visit was put on a date that already had as many as the doctor takes a day. */
function checkDailyLimits({ content, periods }: History): string[] {
  return [...content.dailyLimits].flatMap(([doctorId, limit]) => {
    const stays = [...periods.values()].flatMap((ofAppointment) =>
      staysOf(ofAppointment, doctorId, content.timeZone),
    )
    const dates = Map.groupBy(stays, ({ date }) => date)
    return [...dates].flatMap(([date, ofDate]) =>
      ofDate.some((stay) => isBeyond(limit, ofDate, stay.hasBegunAt))
        ? [`more than ${limit} visits of ${doctorId} on ${date}: ${text(ofDate)}`]
        : [],
    )
  })
}

/** That an appointment counted for a date of the doctor, through any steps that left it there. */
interface Stay {
  date: string
  isOverbooked: boolean
  mayBeginAt: Instant
  hasBegunAt: Instant
  mayEndAt: Instant
}

function staysOf(periods: readonly Period[], doctorId: string, timeZone: string): Stay[] {
  const stays: Stay[] = []
  for (const { step, mayBeginAt, hasBegunAt, mayEndAt } of periods) {
    if (!keepsClaims(step.to) || step.doctorId !== doctorId) continue
    const { isOverbooked } = step
    const until = Math.min(mayEndAt, step.expiresAt ?? mayEndAt)
    const date = localDateOf(step.startsAt, timeZone)
    const last = stays.at(-1)
    if (last?.date === date && last.isOverbooked === isOverbooked && last.mayEndAt === mayBeginAt)
      last.mayEndAt = until
    else stays.push({ date, isOverbooked, mayBeginAt, hasBegunAt, mayEndAt: until })
  }
  return stays
}

/**
 * Whether, of the visits that surely were there at a moment, the last ordinary one came when there were
 * as many already: all other ordinary ones, and the overbooked ones from before it was asked for.
 */
function isBeyond(limit: number, ofDate: readonly Stay[], at: Instant): boolean {
  const there = ofDate.filter(({ hasBegunAt, mayEndAt }) => hasBegunAt <= at && at < mayEndAt)
  const ordinary = there.filter(({ isOverbooked }) => !isOverbooked)
  const lastMayBegin = Math.max(...ordinary.map(({ mayBeginAt }) => mayBeginAt))
  const mayBeLast = ordinary.filter(({ hasBegunAt }) => hasBegunAt >= lastMayBegin)
  const askedAt = Math.min(...mayBeLast.map(({ mayBeginAt }) => mayBeginAt))
  const before = there.filter(
    ({ isOverbooked, hasBegunAt }) => isOverbooked && hasBegunAt <= askedAt,
  )
  return ordinary.length > 0 && ordinary.length - 1 + before.length >= limit
}

// ── What the clients were told ───────────────────────────────────────────────────────────────────

/** Each answer "yes" is in the history, and each step of the history was answered to who made it. */
function checkAnswers(
  records: readonly MixRecord[],
  content: Content,
  { clockTolerance }: Pick<CheckOptions, 'clockTolerance'>,
): string[] {
  const violations: string[] = []
  const steps = new Map(
    content.steps.map((step) => [versionKey(step.appointmentId, step.version), step]),
  )
  /** Which requests were answered a version as theirs. */
  const owners = new Map<string, Set<unknown>>()
  const requests = Map.groupBy(records, requestOf)
  for (const [request, together] of requests) {
    const answered = together.filter(({ answer }) => answer !== null)
    if (new Set(answered.map(({ answer }) => text(answer))).size > 1)
      violations.push(`one key, several answers: ${text(answered)}`)
    const [record] = answered
    if (!record?.answer) continue
    const key = versionKey(record.answer.id, record.answer.version)
    const step = steps.get(key)
    if (!step || told(record) !== stored(step)) {
      violations.push(`answered ${text(record)}, stored ${text(step)}`)
      continue
    }
    const sentAt = Math.min(...together.map((one) => one.sentAt)) - clockTolerance
    const answeredAt = Math.min(...answered.map((one) => one.answeredAt)) + clockTolerance
    const isOwn =
      step.command === record.command &&
      step.actorId === record.accountId &&
      step.occurredAt >= sentAt &&
      step.occurredAt <= answeredAt
    if (isOwn) owners.set(key, (owners.get(key) ?? new Set<unknown>()).add(request))
    else if (!isDoneAlready(record, step))
      violations.push(`a step that is not the request's: ${text(record)}, ${text(step)}`)
  }
  for (const [key, step] of steps) {
    const count = owners.get(key)?.size ?? 0
    if (step.actorId !== null && count === 0)
      violations.push(`a step that nobody was told of: ${text(step)}`)
    if (count > 1 && step.command !== 'cancel' && step.command !== 'reschedule')
      violations.push(`${count} requests were answered ${text(step)}`)
  }
  return violations
}

/** What a command is answered that finds its work done. */
function isDoneAlready({ command, wanted }: MixRecord, step: StoredStep): boolean {
  if (command === 'cancel') return step.to === 'cancelled'
  return (
    command === 'reschedule' &&
    wanted?.startsAt === step.startsAt &&
    wanted.doctorId === step.doctorId &&
    wanted.visitTypeId === step.visitTypeId
  )
}

function told({ answer }: MixRecord): string {
  const { id, version, status, startsAt, endsAt, doctorId, visitTypeId } = answer!
  const { sequence, isOverbooked } = answer!
  const placed = { startsAt, endsAt, doctorId, visitTypeId, sequence, isOverbooked }
  return text({ id, version, status, ...placed })
}

function stored(step: StoredStep): string {
  const { appointmentId: id, version, to: status, startsAt, endsAt, doctorId, visitTypeId } = step
  const { sequence, isOverbooked } = step
  const placed = { startsAt, endsAt, doctorId, visitTypeId, sequence, isOverbooked }
  return text({ id, version, status, ...placed })
}

/** 403 and 422 are those of patients whose visit the desk has led to another doctor meanwhile. */
const refusalStatuses = new Set([403, 409, 412, 422])

/** Each answer "no" is one of the domain's, and has its reason in what was so at that time. */
function checkRefusals(
  records: readonly MixRecord[],
  history: History,
  { memoryLagMax, clockTolerance }: CheckOptions,
): Checked {
  const violations: string[] = []
  let memoryLag = 0
  for (const record of records) {
    if (record.answer !== null) continue
    if (!refusalStatuses.has(record.status)) {
      violations.push(`an answer that there must not be: ${text(record)}`)
      continue
    }
    const lag = Math.max(0, lagOfRefusal(history, record) - clockTolerance)
    const maySeeOldMemory = record.problem === 'slot-taken' && record.command !== 'confirm-hold'
    if (lag > (maySeeOldMemory ? memoryLagMax : 0))
      violations.push(
        `nothing explains the refusal (${lag} ms): ${text(record)} ${text(aboutRefusal(history, record))}`,
      )
    else memoryLag = Math.max(memoryLag, lag)
  }
  return { violations, memoryLag }
}
