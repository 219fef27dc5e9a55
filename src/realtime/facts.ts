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
  timeZonesOf,
  visitPlaces,
} from './queries.ts'
import { delayOf, visitAt, type Facts } from './subscriptions.ts'

/** What the subscriptions are about that the facts are read for. */
export interface Interest {
  /** The clinics of whose days there are subscriptions. */
  clinicIds: ReadonlySet<string>
  hasOpenTimes: boolean
  /** Whether anyone listens to visits of their own. */
  hasAppointments: boolean
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
    delays: await loadDelays(db, events, interest),
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
  { clinicIds, hasAppointments }: Interest,
): Promise<Facts['delays']> {
  const set = events.flatMap((event) => {
    const { doctorId, clinicId } = event.subjects
    if (event.type !== 'delay.set' || doctorId === undefined || clinicId === undefined) return []
    return hasAppointments || clinicIds.has(clinicId) ? [{ event, doctorId, clinicId }] : []
  })
  if (set.length === 0) return new Map()
  const timeZones = await withRetry(() =>
    timeZonesOf(
      db,
      set.map(({ clinicId }) => clinicId),
    ),
  )
  const asked = set.flatMap(({ event, doctorId, clinicId }) => {
    const timeZone = timeZones.get(clinicId)
    if (timeZone === undefined) return []
    const date = localDateOf(event.occurredAt, timeZone)
    const { startsAt, endsAt } = spanOfDates(timeZone, date, date)
    return [{ key: delayOf(event), date, doctorId, clinicId, startsAt, endsAt }]
  })
  const visits = await withRetry(() => expectedVisits(db, asked))
  return new Map(
    asked.map(({ key, date }) => [
      key,
      { date, visits: visits.filter((visit) => visit.key === key) },
    ]),
  )
}
