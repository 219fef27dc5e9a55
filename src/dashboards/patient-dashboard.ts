// What is ahead of a patient, for the accounts that have access to the record.

import { record } from '#src/audit/audit.ts'
import { presentAppointment } from '#src/booking/appointment.ts'
import { appointmentsByIds, type AppointmentRow } from '#src/booking/queries.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { formatInstant } from '#src/kernel/time.ts'
import { messageSightOf } from '#src/messaging/policy.ts'
import { unreadThreads } from '#src/messaging/queries.ts'
import { entriesByAge, type EntryRow } from '#src/waitlist/queries.ts'
import { presentEntry } from '#src/waitlist/schemas.ts'
import { maySeePatient } from './policy.ts'
import { patientVisits, relatives, type RelativeRow } from './queries.ts'
import type { PatientDashboardAnswer } from './schemas.ts'

export interface PatientDashboard {
  patient: { id: string; name: string }
  /** Soonest first, at most `visitsMax`. */
  next: AppointmentRow[]
  requestCount: number
  requests: AppointmentRow[]
  /** Longest waiting first, at most `entriesMax`, with their offers. */
  waitlist: EntryRow[]
  unreadMessages: number
  /** The other records of the account, by name, at most `familyMax`. */
  family: RelativeRow[]
}

const visitsMax = 5
const entriesMax = 20
const familyMax = 50

/**
 * What is ahead of the patient, and of the other people of the asking account. The reading leaves an audit
 * row with the ids of the visits and of the others, a refused one too. It takes five queries and an audit
 * row.
 *
 * @throws NotFound, also for a patient to whom the account has no access.
 */
export async function readPatientDashboard(
  context: SignedInContext,
  patientId: string,
): Promise<PatientDashboard> {
  const { actor, db } = context
  const now = context.clock()
  const found = maySeePatient(actor, patientId)
    ? await patientVisits(db, { patientId, now, visitsMax })
    : undefined
  if (found === undefined) {
    await record(context, db, { ...auditOf(patientId), allowed: false })
    throw new NotFound('patient')
  }
  const sight = { all: false, patientIds: [patientId], doctorId: null, clinicIds: [] }
  const ids = [...found.nextIds, ...found.requestIds]
  const rows = await appointmentsByIds(db, ids, { sight, now })
  const waitlist = await entriesByAge(db, {
    sight,
    now,
    filter: { patientId },
    after: null,
    limit: entriesMax,
  })
  const [unread] = await unreadThreads(db, {
    sight: messageSightOf(actor),
    accountId: actor.accountId,
    now,
    limit: 1,
    only: { patientId },
  })
  const others = actor.seenPatientIds.filter((id) => id !== patientId).slice(0, familyMax)
  const family = others.length === 0 ? [] : await relatives(db, { patientIds: others, now })
  await record(context, db, {
    ...auditOf(patientId),
    details: {
      ids: [...ids, ...family.flatMap(({ next }) => next?.id ?? [])],
      ...(others.length > 0 && { family: others }),
    },
  })
  return {
    patient: { id: patientId, name: found.name },
    next: rows.filter(({ id }) => found.nextIds.includes(id)),
    requestCount: found.requestCount,
    requests: rows.filter(({ id }) => found.requestIds.includes(id)),
    waitlist,
    unreadMessages: unread?.total_count ?? 0,
    family,
  }
}

function auditOf(patientId: string) {
  return { action: 'patient.dashboard.read', subjectType: 'patient', subjectId: patientId }
}

/** The dashboard as the API shows it. */
export function presentPatientDashboard(
  dashboard: PatientDashboard,
  actor: AccountActor,
): PatientDashboardAnswer {
  const { patient, next, requestCount, requests, waitlist, unreadMessages, family } = dashboard
  const present = (row: AppointmentRow) => presentAppointment(row, actor)
  return {
    patient,
    nextVisits: next.map(present),
    requests: { count: requestCount, items: requests.map(present) },
    waitlist: waitlist.map(presentEntry),
    unreadMessages,
    family: family.map(presentRelative),
  }
}

function presentRelative({
  id,
  name,
  next,
}: RelativeRow): PatientDashboardAnswer['family'][number] {
  if (next === null) return { id, name }
  const { timeZone, startsAt, endsAt, doctor, clinic, status } = next
  return {
    id,
    name,
    nextVisit: {
      id: next.id,
      status,
      startsAt: formatInstant(startsAt, timeZone),
      endsAt: formatInstant(endsAt, timeZone),
      timeZone,
      doctor,
      clinic,
    },
  }
}
