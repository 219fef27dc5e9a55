// A doctor's day and week at a glance, for the doctor, the desks of their clinics and admins.

import { record } from '#src/audit/audit.ts'
import { clinicsSeenBy } from '#src/availability/affected-visits.ts'
import { liveClaims } from '#src/availability/board.ts'
import { doctorFor, type ScheduledDoctor } from '#src/availability/schedule.ts'
import { presentAppointment } from '#src/booking/appointment.ts'
import { sightOf } from '#src/booking/policy.ts'
import { appointmentsByIds, type AppointmentRow } from '#src/booking/queries.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { doctorIdOf } from '#src/doctors/doctors.ts'
import { NotAllowed } from '#src/kernel/errors.ts'
import { addDays, localDateOf, type Instant, type LocalDate } from '#src/kernel/time.ts'
import { messageSightOf } from '#src/messaging/policy.ts'
import { unreadThreads } from '#src/messaging/queries.ts'
import { openMinutes } from './open-minutes.ts'
import { bookedDays, doctorVisits, type DoctorScope } from './queries.ts'
import type { DoctorDashboardAnswer } from './schemas.ts'

export interface DoctorDashboard {
  doctorId: string
  /** Of the clinics' today, in order. */
  today: AppointmentRow[]
  next: AppointmentRow | null
  requestCount: number
  /** The oldest first, at most `requestsMax`. */
  requests: AppointmentRow[]
  week: DayLoad[]
  unreadMessages: number
  waiting: number
}

/** A date of the clinics; of two zones, the date that each has. */
export interface DayLoad {
  date: LocalDate
  visits: number
  bookedMinutes: number
  /** From now on. */
  openMinutes: number
}

const requestsMax = 10
const weekDays = 7

/**
 * What concerns the doctor, whom `doctorKey` names by id or as `me`, now; for a front desk that at its own
 * clinics. The reading leaves an audit row with the ids of the visits, a refused one too. It takes six
 * queries and an audit row, and three more when the doctor's schedule is not in memory.
 *
 * @throws NotFound, NotAllowed.
 */
export async function readDoctorDashboard(
  context: SignedInContext,
  doctorKey: string,
): Promise<DoctorDashboard> {
  const { actor, db } = context
  const now = context.clock()
  const doctor = await doctorOf(context, doctorKey)
  const scope = { doctorId: doctor.id, clinicIds: clinicsSeenBy(actor, doctor.id) }
  const found = await doctorVisits(db, { ...scope, now, requestsMax })
  const todayIds = found.near
    .filter(({ date, timeZone }) => date === localDateOf(now, timeZone))
    .map(({ id }) => id)
  const ids = new Set([...todayIds, ...found.requestIds])
  if (found.nextId !== null) ids.add(found.nextId)
  const rows = await appointmentsByIds(db, [...ids], { sight: sightOf(actor), now })
  const byId = new Map(rows.map((row) => [row.id, row]))
  const rowsOf = (wanted: readonly string[]) => wanted.flatMap((id) => byId.get(id) ?? [])
  const week = await weekOf(context, doctor, scope)
  const [unread] = await unreadThreads(db, {
    sight: messageSightOf(actor),
    accountId: actor.accountId,
    now,
    limit: 1,
    only: { doctorId: doctor.id },
  })
  await record(context, db, { ...auditOf(doctor.id), details: { ids: rows.map(({ id }) => id) } })
  return {
    doctorId: doctor.id,
    today: rowsOf(todayIds),
    next: byId.get(found.nextId ?? '') ?? null,
    requestCount: found.requestCount,
    requests: rowsOf(found.requestIds),
    week,
    unreadMessages: unread?.total_count ?? 0,
    waiting: found.waiting,
  }
}

function auditOf(doctorId: string) {
  return { action: 'doctor.dashboard.read', subjectType: 'doctor', subjectId: doctorId }
}

async function doctorOf(context: SignedInContext, doctorKey: string): Promise<ScheduledDoctor> {
  try {
    return await doctorFor(context, { doctorKey, action: 'see-schedule' })
  } catch (error) {
    if (error instanceof NotAllowed) {
      const entry = auditOf(doctorIdOf(context, doctorKey))
      await record(context, context.db, { ...entry, allowed: false })
    }
    throw error
  }
}

/** Seven days from the first date that is today at one of the clinics. */
async function weekOf(
  { board, db, clock }: SignedInContext,
  doctor: ScheduledDoctor,
  scope: DoctorScope,
): Promise<DayLoad[]> {
  const now = clock()
  const dates = datesOf(doctor, now)
  const [from, to] = [dates[0]!, dates.at(-1)!]
  const booked = new Map(
    (await bookedDays(db, { ...scope, from, to, now })).map((row) => [row.date, row]),
  )
  const open = dates.map(() => 0)
  const schedule = (await board.doctors.get([doctor.id])).get(doctor.id)
  const clinics = await board.clinics.get(doctor.clinics.map(({ id }) => id))
  const visitTypes = await board.visitTypes.get(doctor.visitTypeIds)
  for (const [clinicId, { calendar }] of schedule === undefined ? [] : clinics) {
    const visitTypeIds = doctor.visitTypeIds.filter((id) => {
      const visitType = visitTypes.get(id)
      return visitType?.active === true && [null, clinicId].includes(visitType.clinicId)
    })
    const claims = liveClaims(schedule!.claims, now)
    const at = { schedule: schedule!.schedule, calendar, visitTypeIds, claims }
    for (const [index, minutes] of openMinutes(at, { dates, now }).entries())
      open[index] = (open[index] ?? 0) + minutes
  }
  return dates.map((date, index) => ({
    date,
    visits: booked.get(date)?.visits ?? 0,
    bookedMinutes: booked.get(date)?.minutes ?? 0,
    openMinutes: open[index] ?? 0,
  }))
}

function datesOf({ clinics }: ScheduledDoctor, now: Instant): LocalDate[] {
  const todays = clinics.map(({ timeZone }) => localDateOf(now, timeZone)).toSorted()
  const from = todays[0] ?? localDateOf(now, 'UTC')
  return Array.from({ length: weekDays }, (_, index) => addDays(from, index))
}

/** The dashboard as the API shows it. */
export function presentDoctorDashboard(
  dashboard: DoctorDashboard,
  actor: AccountActor,
): DoctorDashboardAnswer {
  const { doctorId, today, next, requestCount, requests, week, unreadMessages, waiting } = dashboard
  const present = (row: AppointmentRow) => presentAppointment(row, actor)
  return {
    doctorId,
    today: today.map(present),
    ...(next !== null && { nextVisit: present(next) }),
    requests: { count: requestCount, items: requests.map(present) },
    week,
    unreadMessages,
    waiting,
  }
}
