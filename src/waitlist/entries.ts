// The waitlist as those see it who are on it, or whose patients are: joining, reading, leaving.

import { record } from '#src/audit/audit.ts'
import { findAppointment } from '#src/booking/appointment.ts'
import { isAhead } from '#src/booking/appointment-state.ts'
import { mayBook, sightOf } from '#src/booking/policy.ts'
import { patientExists, type AppointmentRow } from '#src/booking/queries.ts'
import { NotOffered } from '#src/booking/refusals.ts'
import { patientOf, unknownPatient } from '#src/booking/wish.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateOf, parseMinute, type Instant } from '#src/kernel/time.ts'
import { offerOfEntry } from './offer-queries.ts'
import { announceRelease, outcomeOf, settleWithin } from './outcome.ts'
import { placesFor } from './places.ts'
import {
  endEntry,
  entriesByAge,
  entryById,
  insertEntry,
  type EntryFilter,
  type EntryPosition,
  type EntryRow,
} from './queries.ts'

export interface NewEntry {
  appointmentId?: string
  patientId?: string
  visitTypeId?: string
  doctorId?: string
  specialtyId?: string
  clinicId?: string
  weekdays?: number[]
  from?: string
  to?: string
  fromDate?: string
  untilDate?: string
}

/**
 * Puts a patient on the waitlist: for an earlier time of the visit that is named, or for a first one.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, NotOffered when nobody asked for offers such visits,
 * Refusal `wrong-state` for a visit that is no longer to come, `conflict` for who waits already.
 */
export async function joinWaitlist(context: SignedInContext, body: NewEntry): Promise<EntryRow> {
  const id = newId()
  const entry = { subjectType: 'waitlist-entry', subjectId: id, action: 'waitlist.join' }
  try {
    const hours = hoursOf(body)
    const wanted =
      body.appointmentId === undefined
        ? await firstVisit(context, body)
        : await earlierVisit(context, body, body.appointmentId)
    await transact(context, async (tx) => {
      const createdAt = context.clock()
      await insertEntry(tx.db, { id, ...wanted, ...hours, createdAt })
      await record(context, tx.db, { ...entry, details: { patientId: wanted.patient_id } })
    })
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...entry, allowed: false })
    throw error
  }
  return findEntry(context, id)
}

/** When it would suit. */
function hoursOf(body: NewEntry) {
  const { weekdays = null, fromDate = null, untilDate = null } = body
  const from = body.from === undefined ? null : parseMinute(body.from)
  const to = body.to === undefined ? null : parseMinute(body.to)
  if (from !== null && from >= (to ?? 1440))
    throw invalidField('/to', '/to must be later than /from.')
  if (to === 0) throw invalidField('/to', '/to must be later than 00:00.')
  if (fromDate !== null && untilDate !== null && untilDate < fromDate)
    throw invalidField('/untilDate', '/untilDate must not be before /fromDate.')
  return {
    weekdays: weekdays === null ? null : weekdays.toSorted(),
    from_minute: from,
    to_minute: to,
    from_date: fromDate,
    until_date: untilDate,
  }
}

/** With whom and where, in columns. `doctorId` is the one to wait for when the body names nobody. */
function whereaboutsOf(body: NewEntry, doctorId: string | null) {
  if (body.doctorId !== undefined && body.specialtyId !== undefined)
    throw invalidField('/specialtyId', 'Name /doctorId or /specialtyId, not both.')
  const { specialtyId: specialty_id = null, clinicId: clinic_id = null } = body
  return {
    specialty_id,
    clinic_id,
    doctor_id: body.doctorId ?? (specialty_id === null ? doctorId : null),
  }
}

async function earlierVisit(context: SignedInContext, body: NewEntry, appointmentId: string) {
  const visit = await findAppointment(context, appointmentId)
  for (const [field, own] of [
    ['patientId', visit.patient_id],
    ['visitTypeId', visit.visit_type_id],
  ] as const)
    if (body[field] !== undefined && body[field] !== own)
      throw invalidField(`/${field}`, `/${field} differs from that of the visit; leave it out.`)
  const now = context.clock()
  if (!isAhead(visit.status) || visit.starts_at <= now)
    throw new Refusal(
      'wrong-state',
      'Only a visit that is requested or confirmed, and still to come, can be earlier.',
      { appointmentStatus: visit.status },
    )
  refuseDates(body, { visit, now })
  const wanted = {
    appointment_id: appointmentId,
    patient_id: visit.patient_id,
    visit_type_id: visit.visit_type_id,
    ...whereaboutsOf(body, visit.doctor_id),
  }
  if ((await placesFor(context, wanted)).length === 0) throw nowhere(body)
  return wanted
}

function refuseDates(
  { fromDate, untilDate }: NewEntry,
  { visit, now }: { visit: AppointmentRow; now: Instant },
): void {
  const { time_zone } = visit
  if (untilDate !== undefined && untilDate < localDateOf(now, time_zone))
    throw invalidField('/untilDate', '/untilDate must not lie in the past.')
  if (fromDate !== undefined && fromDate > localDateOf(visit.starts_at, time_zone))
    throw invalidField('/fromDate', '/fromDate must not be after the visit.')
}

async function firstVisit(context: SignedInContext, body: NewEntry) {
  const { doctorId, specialtyId, visitTypeId } = body
  if (visitTypeId === undefined)
    throw invalidField(
      '/visitTypeId',
      'Name the visit by /appointmentId, or /visitTypeId for a first.',
    )
  if (doctorId === undefined && specialtyId === undefined)
    throw invalidField('/doctorId', 'Name whom to see by /doctorId or /specialtyId.')
  const patientId = patientOf(context, body)
  const wanted = {
    appointment_id: null,
    patient_id: patientId,
    visit_type_id: visitTypeId,
    ...whereaboutsOf(body, null),
  }
  const places = await placesFor(context, wanted)
  const [first] = places
  if (!first) throw nowhere(body)
  const today = localDateOf(context.clock(), first.clinic.calendar.timeZone)
  if (body.untilDate !== undefined && body.untilDate < today)
    throw invalidField('/untilDate', '/untilDate must not lie in the past.')
  const isPossible = places.some(({ doctor, clinicId }) =>
    mayBook(context.actor, { doctorId: doctor.id, clinicId, patientId }),
  )
  if (!isPossible)
    throw new NotAllowed('You may put your own patients on the waitlist, or those of your clinic.')
  if (!(await patientExists(context.db, patientId))) throw unknownPatient()
  return wanted
}

function nowhere({ specialtyId }: NewEntry): NotOffered {
  return specialtyId === undefined
    ? new NotOffered('/doctorId', 'The doctor does not offer this type of visit there.')
    : new NotOffered('/specialtyId', 'No doctor of the specialty offers this type of visit there.')
}

/** @throws NotFound, also for an entry that is not the actor's to see. */
export async function findEntry(context: SignedInContext, id: string): Promise<EntryRow> {
  const row = await withRetry(() =>
    entryById(context.db, id, { sight: sightOf(context.actor), now: context.clock() }),
  )
  if (!row) throw new NotFound('waitlist entry')
  return row
}

/**
 * The entry, for someone who reads or changes it; whoever may not see it leaves an audit row.
 *
 * @throws NotFound, also for an entry that is not the actor's to see.
 */
export async function entryFor(
  context: SignedInContext,
  { id, action }: { id: string; action: string },
): Promise<EntryRow> {
  try {
    return await findEntry(context, id)
  } catch (error) {
    if (error instanceof NotFound)
      await record(context, context.db, { ...auditOf(id, action), allowed: false })
    throw error
  }
}

/** The audit row of something that was done with an entry. */
export function auditOf(id: string, action: string) {
  return { action: `waitlist.${action}`, subjectType: 'waitlist-entry', subjectId: id }
}

/** @throws NotFound, also for an entry that is not the actor's to see. */
export async function readEntry(context: SignedInContext, id: string): Promise<EntryRow> {
  const row = await entryFor(context, { id, action: 'read' })
  await record(context, context.db, auditOf(id, 'read'))
  return row
}

/** The entries that the actor may see and that match, longest waiting first; one more than `limit`. */
export async function listEntries(
  context: SignedInContext,
  options: { filter: EntryFilter; after: EntryPosition | null; limit: number },
): Promise<EntryRow[]> {
  const { filter, after, limit } = options
  const sight = sightOf(context.actor)
  const now = context.clock()
  const rows = await withRetry(() =>
    entriesByAge(context.db, { sight, now, filter, after, limit: limit + 1 }),
  )
  await record(context, context.db, {
    action: 'waitlist.list',
    subjectType: 'waitlist-entry',
    subjectId: null,
    details: { ids: rows.slice(0, limit).map(({ id }) => id) },
  })
  return rows
}

/**
 * Takes someone off the waitlist; a time that is held for them is free at once. Leaving again changes
 * nothing.
 *
 * @throws NotFound, also for an entry that is not the actor's to see.
 */
export async function leaveWaitlist(context: SignedInContext, id: string): Promise<void> {
  await entryFor(context, { id, action: 'leave' })
  const released = await transact(context, async (tx) => {
    const hasEnded = await endEntry(tx.db, id)
    await record(context, tx.db, auditOf(id, 'leave'))
    if (!hasEnded) return null
    const now = context.clock()
    const offer = await offerOfEntry(tx.db, { entryId: id, appointmentId: null, now })
    if (!offer || offer.outcome !== null) return null
    const isHeld = outcomeOf(offer) === null
    await settleWithin(context, tx, { offer, outcome: 'refused', isHeld })
    return isHeld ? offer : null
  })
  if (released) announceRelease(context, released)
}
