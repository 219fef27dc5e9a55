// Joining the waitlist: for an earlier time of a visit, or for a first visit.

import { record } from '#src/audit/audit.ts'
import { findAppointment, placeOf } from '#src/booking/appointment.ts'
import { isAhead } from '#src/booking/appointment-state.ts'
import { rememberRequest, storeAnswer, type IdempotentRequest } from '#src/booking/call-queries.ts'
import { earlierAnswer } from '#src/booking/idempotency.ts'
import { mayBook, sightOf } from '#src/booking/policy.ts'
import { bookingFailureOf, IdempotencyKeyReused, NotOffered } from '#src/booking/refusals.ts'
import { onlyLooking, patientOf, unknownPatient, whyNotTheirs } from '#src/booking/wish.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { addDays, laterOf } from '#src/kernel/calendar.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateOf, parseMinute } from '#src/kernel/time.ts'
import { findEntry } from './entries.ts'
import { offersFor, type Whereabouts } from './places.ts'
import {
  countWaiting,
  entryById,
  insertEntry,
  lockPatient,
  type EntryRow,
  type NewEntryColumns,
} from './queries.ts'

/** How many entries of a patient may wait at a time. */
const entriesMax = 10

/** How far ahead a date may lie. */
const daysMax = 730

/** How long one waits for a first visit who names no last date. */
const daysWithoutDate = 365

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

/** What an entry is, but for its id and age. */
type Wanted = Omit<NewEntryColumns, 'id' | 'createdAt'>

/**
 * Puts a patient on the waitlist: for an earlier time of the visit that is named, or for a first one. A
 * request with a key that was answered before gets its entry again.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, NotOffered when nobody asked for offers such visits,
 * Refusal `wrong-state` for a visit that is no longer to come, `conflict` for who waits already or for
 * too much, IdempotencyKeyReused.
 */
export async function joinWaitlist(
  context: SignedInContext,
  body: NewEntry,
  request: IdempotentRequest | null,
): Promise<EntryRow> {
  const earlier = await earlierAnswer(context, request, context.clock())
  if (earlier !== null) return findEntry(context, earlier.id)
  const { appointmentId } = body
  try {
    const wanted =
      appointmentId === undefined
        ? await firstVisit(context, body)
        : await earlierVisit(context, body, appointmentId)
    return await makeEntry(context, wanted, request)
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, {
        ...joining,
        subjectId: null,
        allowed: false,
        details: { appointmentId, patientId: body.patientId },
      })
    if (bookingFailureOf(error) === 'key-reused') throw new IdempotencyKeyReused()
    throw error
  }
}

const joining = { subjectType: 'waitlist-entry', action: 'waitlist.join' }

async function makeEntry(
  context: SignedInContext,
  wanted: Wanted,
  request: IdempotentRequest | null,
): Promise<EntryRow> {
  const id = newId()
  const { patient_id: patientId } = wanted
  return transact(context, async (tx) => {
    const now = context.clock()
    const find = { sight: sightOf(context.actor), now }
    const twin = request && (await rememberRequest(tx.db, request, now))
    if (twin) {
      const known = await entryById(tx.db, twin.id, find)
      if (!known) throw new NotFound('waitlist entry')
      return known
    }
    if (!(await lockPatient(tx.db, patientId))) throw unknownPatient()
    if ((await countWaiting(tx.db, patientId)) >= entriesMax)
      throw new Refusal('conflict', `The patient waits for ${entriesMax} visits already.`)
    await insertEntry(tx.db, { id, ...wanted, createdAt: now })
    const entry = await entryById(tx.db, id, find)
    // Nobody makes what they could not look after.
    if (!entry) throw notYours()
    if (request) await storeAnswer(tx.db, request, { id, version: 1 })
    await record(context, tx.db, { ...joining, subjectId: id, details: { patientId } })
    return entry
  })
}

function notYours(): NotAllowed {
  return new NotAllowed('You may put patients on the waitlist for yourself, or for your clinic.')
}

/** At which hours it would suit. */
function hoursOf(body: NewEntry) {
  const { weekdays = null, fromDate, untilDate } = body
  const from = body.from === undefined ? null : parseMinute(body.from)
  const to = body.to === undefined ? null : parseMinute(body.to)
  if (from !== null && from >= (to ?? 1440))
    throw invalidField('/to', '/to must be later than /from.')
  if (to === 0) throw invalidField('/to', '/to must be later than 00:00.')
  if (fromDate !== undefined && untilDate !== undefined && untilDate < fromDate)
    throw invalidField('/untilDate', '/untilDate must not be before /fromDate.')
  return {
    weekdays: weekdays === null ? null : weekdays.toSorted(),
    from_minute: from,
    to_minute: to,
  }
}

/** On which dates it would suit, and what is today in the zone. */
function datesOf({ clock }: SignedInContext, body: NewEntry, timeZone: string) {
  const today = localDateOf(clock(), timeZone)
  const { fromDate = null, untilDate = null } = body
  if (untilDate !== null && untilDate < today)
    throw invalidField('/untilDate', '/untilDate must not lie in the past.')
  const last = addDays(today, daysMax)
  for (const field of ['fromDate', 'untilDate'] as const)
    if ((body[field] ?? today) > last)
      throw invalidField(`/${field}`, `/${field} must lie within the next ${daysMax} days.`)
  return { today, from_date: fromDate, until_date: untilDate }
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

async function earlierVisit(
  context: SignedInContext,
  body: NewEntry,
  appointmentId: string,
): Promise<Wanted> {
  const hours = hoursOf(body)
  const visit = await findAppointment(context, appointmentId)
  if (!mayBook(context.actor, placeOf(visit))) throw onlyLooking()
  for (const [field, own] of [
    ['patientId', visit.patient_id],
    ['visitTypeId', visit.visit_type_id],
  ] as const)
    if (body[field] !== undefined && body[field] !== own)
      throw invalidField(`/${field}`, `/${field} differs from that of the visit; leave it out.`)
  if (!isAhead(visit.status) || visit.starts_at <= context.clock())
    throw new Refusal(
      'wrong-state',
      'Only a visit that is requested or confirmed, and still to come, can be earlier.',
      { appointmentStatus: visit.status },
    )
  const { from_date, until_date } = datesOf(context, body, visit.time_zone)
  if (from_date !== null && from_date > localDateOf(visit.starts_at, visit.time_zone))
    throw invalidField('/fromDate', '/fromDate must not be after the visit.')
  const wanted = {
    appointment_id: appointmentId,
    patient_id: visit.patient_id,
    visit_type_id: visit.visit_type_id,
    ...whereaboutsOf(body, visit.doctor_id),
    ...hours,
    from_date,
    until_date,
  }
  if ((await offersFor(context, wanted)).length === 0) throw await nowhere(context, wanted, body)
  return wanted
}

async function firstVisit(context: SignedInContext, body: NewEntry): Promise<Wanted> {
  const hours = hoursOf(body)
  const { actor } = context
  const { doctorId, specialtyId, visitTypeId } = body
  if (visitTypeId === undefined)
    throw invalidField(
      '/visitTypeId',
      'Name the visit by /appointmentId, or /visitTypeId for a first.',
    )
  if (doctorId === undefined && specialtyId === undefined)
    throw invalidField('/doctorId', 'Name whom to see by /doctorId or /specialtyId.')
  const patientId = patientOf(context, body)
  const notTheirs = whyNotTheirs(actor, patientId)
  if (notTheirs !== null) throw notTheirs
  const isTheirs = actor.patientIds.includes(patientId)
  const whereabouts = whereaboutsOf(body, null)
  if (doctorId === undefined && !isTheirs) whereabouts.clinic_id ??= deskClinicOf(context)
  const named = {
    appointment_id: null,
    patient_id: patientId,
    visit_type_id: visitTypeId,
    ...whereabouts,
  }
  const offers = await offersFor(context, named)
  const [first] = offers
  if (!first) throw await nowhere(context, named, body)
  const { today, from_date, until_date } = datesOf(context, body, first.clinic.calendar.timeZone)
  const isPossible = offers.some(({ doctor, clinicId }) =>
    mayBook(actor, { doctorId: doctor.id, clinicId, patientId }),
  )
  if (!isPossible) throw notYours()
  return {
    ...named,
    ...hours,
    from_date,
    until_date: until_date ?? addDays(laterOf(today, from_date ?? ''), daysWithoutDate),
  }
}

/** Where a front desk that names no clinic lets its patients wait; null for whoever has no desk. */
function deskClinicOf({ actor }: SignedInContext): string | null {
  const [first, second] = actor.clinicIds
  if (second !== undefined) throw invalidField('/clinicId', 'Name which of your clinics it is for.')
  return first ?? null
}

/** Which part of the wish nobody offers. */
async function nowhere(
  context: SignedInContext,
  wanted: Whereabouts,
  { visitTypeId, specialtyId }: NewEntry,
): Promise<NotOffered> {
  const isOffered = async (change: Partial<Whereabouts>) =>
    (await offersFor(context, { ...wanted, ...change })).length > 0
  if (wanted.clinic_id !== null && (await isOffered({ clinic_id: null })))
    return new NotOffered('/clinicId', 'Nobody offers this type of visit at this clinic.')
  if (visitTypeId !== undefined && (await isOffered({ clinic_id: null, visit_type_id: null })))
    return new NotOffered('/visitTypeId', 'Nobody whom you ask for offers this type of visit.')
  return specialtyId === undefined
    ? new NotOffered('/doctorId', 'The doctor does not offer this type of visit.')
    : new NotOffered('/specialtyId', 'No doctor of the specialty offers this type of visit.')
}
