// What is read besides the events to know whom they concern: one query for each kind of thing and
// batch, and none for what nobody has subscribed to.

import type { Database } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import type { StoredEvent } from '#src/events/events.ts'
import { localDateOf, spanOfDates } from '#src/kernel/time.ts'
import {
  doctorsOfClinics,
  doctorsOfVisitTypes,
  expectedVisits,
  timeZoneOf,
  visitPlaces,
} from './queries.ts'
import { delayOf, visitAt, type Facts } from './subscriptions.ts'

/** What the subscriptions are about that the facts are read for. */
export interface Interest {
  /** The clinics of whose days there are subscriptions. */
  clinicIds: ReadonlySet<string>
  hasOpenTimes: boolean
}

/**
 * The facts that telling the events needs.
 *
 * @throws Refusal `busy` when the database stays away.
 */
export async function loadFacts(
  db: Database,
  events: readonly StoredEvent[],
  interest: Interest,
): Promise<Facts> {
  const visits = events.flatMap(({ type, subjects }) => {
    const { appointmentId, version, clinicId = '', formerClinicId = '' } = subjects
    const isOfInterest = interest.clinicIds.has(clinicId) || interest.clinicIds.has(formerClinicId)
    return type.startsWith('appointment.') && isOfInterest && appointmentId && version
      ? [{ appointmentId, version }]
      : []
  })
  const places: Facts['places'] =
    visits.length === 0
      ? new Map()
      : new Map(
          (await withRetry(() => visitPlaces(db, visits))).map(
            ({ appointmentId, version, ...place }) => [visitAt(appointmentId, version), place],
          ),
        )
  return {
    places,
    doctors: interest.hasOpenTimes ? await loadDoctors(db, events) : new Map(),
    delays: await loadDelays(db, events),
  }
}

async function loadDoctors(
  db: Database,
  events: readonly StoredEvent[],
): Promise<Map<string, string[]>> {
  const changed = (type: string, idOf: (event: StoredEvent) => string | undefined) => [
    ...new Set(
      events
        .filter((event) => event.type === type)
        .map(idOf)
        .filter((id) => id !== undefined),
    ),
  ]
  const clinicIds = changed('clinic.schedule-changed', ({ subjects }) => subjects.clinicId)
  const visitTypeIds = changed(
    'visit-type.schedule-changed',
    ({ subjects }) => subjects.visitTypeId,
  )
  const pairs = [
    ...(clinicIds.length === 0 ? [] : await withRetry(() => doctorsOfClinics(db, clinicIds))),
    ...(visitTypeIds.length === 0
      ? []
      : await withRetry(() => doctorsOfVisitTypes(db, visitTypeIds))),
  ]
  const doctors = new Map<string, string[]>()
  for (const { id, doctorId } of pairs) doctors.set(id, [...(doctors.get(id) ?? []), doctorId])
  return doctors
}

async function loadDelays(
  db: Database,
  events: readonly StoredEvent[],
): Promise<Map<string, { date: string; visits: { appointmentId: string; patientId: string }[] }>> {
  const delays: Awaited<ReturnType<typeof loadDelays>> = new Map()
  for (const event of events) {
    const { doctorId, clinicId } = event.subjects
    if (event.type !== 'delay.set' || doctorId === undefined || clinicId === undefined) continue
    const timeZone = await withRetry(() => timeZoneOf(db, clinicId))
    if (timeZone === undefined) continue
    const date = localDateOf(event.occurredAt, timeZone)
    const span = spanOfDates(timeZone, date, date)
    const visits = await withRetry(() => expectedVisits(db, { doctorId, clinicId, ...span }))
    delays.set(delayOf(event), { date, visits })
  }
  return delays
}
