// What an admin should see at one glance: today's load, what waits, and what is wrong. The number of
// queries does not depend on how much there is.

import { record } from '#src/audit/audit.ts'
import { isAuditAhead, oldestUnsealed } from '#src/audit/seal-queries.ts'
import { unsealedMillisecondsMax } from '#src/audit/seal.ts'
import { statuses } from '#src/booking/appointment-state.ts'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { withRetry } from '#src/db/retry.ts'
import type { Readiness } from '#src/http/health.ts'
import { formatUtc, localDateOf, type LocalDate } from '#src/kernel/time.ts'
import { readDelivery } from '#src/notifications/ledger.ts'
import { readSettings } from '#src/settings/queries.ts'
import {
  clinicsByName,
  countsOf,
  doctorsDisabled,
  doctorsWithoutHours,
  loadByHour,
  staffWithoutSecondFactor,
  type ClinicRow,
  type ConcernedRow,
  type LoadRow,
} from './overview-queries.ts'
import type { OverviewAnswer } from './overview-schemas.ts'
import { refuseUnlessAdmin } from './policy.ts'

type Warning = OverviewAnswer['warnings'][number]

/** Visits that take up time, or did. */
const counted = new Set<AppointmentStatus>([
  'held',
  'requested',
  'confirmed',
  'arrived',
  'with_doctor',
  'completed',
  'no_show',
])
const concernedMax = 10

/** `date` is the clinics' own; without it each clinic's today. Throws NotAllowed. */
export async function readOverview(
  context: SignedInContext,
  options: { date: LocalDate | undefined; readiness: () => Promise<Readiness> },
): Promise<OverviewAnswer> {
  refuseUnlessAdmin(context)
  const { db, clock } = context
  const now = clock()
  const clinics = (await withRetry(() => clinicsByName(db))).map((clinic) => ({
    ...clinic,
    date: options.date ?? localDateOf(now, clinic.timeZone),
  }))
  const days = clinics.map(({ id, date }) => ({ clinicId: id, date }))
  const [load, counts, delivery, warnings] = await Promise.all([
    withRetry(() => loadByHour(db, { days, now })),
    withRetry(() => countsOf(db, now)),
    readDelivery(context),
    findWarnings(context, options.readiness),
  ])
  await record(context, db, { action: 'overview.read', subjectType: 'network', subjectId: null })
  const visits = byStatus(load)
  const { oldestRequestAt } = counts
  const { waiting, oldestWaitingAt, failedLastDay } = delivery.email
  return {
    at: formatUtc(now),
    visits,
    clinics: clinics.map((clinic) => loadOf(clinic, load)),
    requests: {
      open: counts.openRequests,
      ...(oldestRequestAt !== null && { oldestAt: formatUtc(oldestRequestAt) }),
    },
    noShows: {
      onDate: visits.no_show,
      last30Days: counts.noShows,
      visitsLast30Days: counts.visits,
    },
    waitlist: { waiting: counts.waiting },
    mails: {
      unsent: waiting,
      ...(oldestWaitingAt !== undefined && { oldestAt: oldestWaitingAt }),
      failedLastDay,
    },
    warnings,
  }
}

function byStatus(load: readonly LoadRow[]): OverviewAnswer['visits'] {
  const visits = Object.fromEntries(statuses.map((status) => [status, 0]))
  for (const { status, visits: count } of load) visits[status] = (visits[status] ?? 0) + count
  return visits as OverviewAnswer['visits']
}

function loadOf(clinic: ClinicRow & { date: LocalDate }, load: readonly LoadRow[]) {
  const { id, name, date } = clinic
  const here = load.filter(({ clinicId }) => clinicId === id)
  const standing = here.filter(({ status }) => counted.has(status))
  const hours = Map.groupBy(standing, ({ hour }) => hour)
  return {
    id,
    name,
    date,
    visits: byStatus(here),
    bookedMinutes: sum(standing.map(({ minutes }) => minutes)),
    byHour: [...hours]
      .map(([hour, rows]) => ({ hour, visits: sum(rows.map((row) => row.visits)) }))
      .toSorted((one, other) => one.hour - other.hour),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

async function findWarnings(
  context: SignedInContext,
  readiness: () => Promise<Readiness>,
): Promise<Warning[]> {
  const { db, clock } = context
  const now = clock()
  // A day back, since it is still yesterday somewhere.
  const date = localDateOf(now - 86_400_000, 'UTC')
  const [{ checks }, settings, unsealedSince, isAhead, idle, shutOut, unproven] = await withRetry(
    () =>
      Promise.all([
        readiness(),
        readSettings(db),
        oldestUnsealed(db),
        isAuditAhead(db),
        doctorsWithoutHours(db, { date, limit: concernedMax }),
        doctorsDisabled(db, concernedMax),
        staffWithoutSecondFactor(db, concernedMax),
      ]),
  )
  return [
    ...checks
      .filter(({ status }) => status !== 'ok')
      .map(({ name, detail }) => ({ code: name.replaceAll(' ', '-'), detail })),
    ...(unsealedSince !== null && now - unsealedSince > unsealedMillisecondsMax
      ? [
          {
            code: 'audit-not-sealed',
            detail: `Audit entries since ${formatUtc(unsealedSince)} are not sealed. See that a process does the background work.`,
          },
        ]
      : []),
    ...(isAhead
      ? [
          {
            code: 'audit-ahead',
            detail:
              'The audit was restored from a server with more transactions: until this one has made as many, new entries are not sealed.',
          },
        ]
      : []),
    ...concern('doctors-without-hours', 'Doctors who can be booked and have no hours', idle),
    ...concern(
      'doctors-disabled',
      'Doctors who can be booked and whose account is disabled',
      shutOut,
    ),
    ...(settings.secondFactorForStaff
      ? concern(
          'staff-without-second-factor',
          'Staff who still have to set up the second factor that the network asks for',
          unproven,
        )
      : []),
  ]
}

function concern(code: string, what: string, rows: readonly ConcernedRow[]): Warning[] {
  const total = rows[0]?.total ?? 0
  if (total === 0) return []
  return [
    { code, detail: `${what}: ${total}.`, concerns: rows.map(({ id, name }) => ({ id, name })) },
  ]
}
