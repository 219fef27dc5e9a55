// Open times are offered in turn to those who wait. What is to be done is read off the state of things
// and not off events, so that nothing is missed when a process dies.

import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises'
import { claimOf, type Offer } from '#src/availability/open-times.ts'
import { isPatientOf } from '#src/availability/queries.ts'
import { isForKnownPatients } from '#src/availability/search.ts'
import { canBeUndone, isAhead } from '#src/booking/appointment-state.ts'
import { take } from '#src/booking/book.ts'
import { isClaimed } from '#src/booking/call-queries.ts'
import { undoMilliseconds } from '#src/booking/undo.ts'
import { forgetOffer } from '#src/booking/wanted-time.ts'
import type { Context, Runtime } from '#src/context.ts'
import { isDatabaseError } from '#src/db/constraints.ts'
import { transact } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { overlaps } from '#src/kernel/interval.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import { insertOffer, openOffers, timesFreedSince, type FreedTime } from './offer-queries.ts'
import { outcomeOf, settleOffer } from './outcome.ts'
import { openTimesFor, placesFor, type Candidate } from './places.ts'
import {
  endEntry,
  lockWaitingEntry,
  lockWaitlist,
  someoneWaits,
  waitingInTurn,
  type WaitingRow,
} from './queries.ts'
import { isOver, minuteOfDay } from './wish.ts'

const pauseMilliseconds = 5000
const batchSize = 200

/** How long a time is held for someone. */
const heldMilliseconds = 20 * 60_000

/** Whoever lets an offer run out is not at the phone: the next one comes this long after. */
const lapsePauseMilliseconds = 60 * 60_000

/** By the clinic's clock, from and to: nobody is asked at night. */
const awakeMinutes = { from: 8 * 60, to: 20 * 60 }

/** How many of a doctor's times are looked at when the first ones must wait. */
const candidatesMax = 20

type Working = Pick<Runtime, 'db' | 'clock' | 'events' | 'board'>

/** Offers what is open every few seconds, until `signal` aborts. */
export async function keepWaitlist(runtime: Runtime, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await offerFreedTimes(runtime, signal)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the work on the waitlist failed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}

/**
 * Goes through the waitlist once: writes down what became of offers, ends entries that nothing can suit
 * any more, and offers each of the others the soonest time that suits. Does nothing while another
 * process is at it. Answers how many offers it made.
 */
export async function offerFreedTimes(runtime: Working, signal?: AbortSignal): Promise<number> {
  if (!(await someoneWaits(runtime.db))) return 0
  const context = { ...runtime, actor: null, requestId: newId() }
  // The lock ends with its connection, and so with a process that dies.
  return runtime.db.transaction().execute(async (lock) => {
    if (!(await lockWaitlist(lock))) return 0
    for (const offer of await openOffers(lock, runtime.clock())) {
      const settled = outcomeOf(offer)
      if (settled !== null) await settleOffer(context, offer, settled)
    }
    let offerCount = 0
    let batch: WaitingRow[] = []
    do {
      const after = batch.at(-1) ?? null
      batch = await waitingInTurn(lock, { now: runtime.clock(), after, limit: batchSize })
      for (const entry of batch) {
        if (signal?.aborted) return offerCount
        if (await serve(context, entry)) offerCount += 1
        // Requests go first.
        await breathe()
      }
    } while (batch.length === batchSize)
    return offerCount
  })
}

type OfferingContext = Working & Pick<Context, 'actor' | 'requestId'>

/** Does for one entry what is to be done; answers whether it was offered a time. */
async function serve(context: OfferingContext, entry: WaitingRow): Promise<boolean> {
  const now = context.clock()
  if (isOver(entry, { now, patienceMilliseconds: undoMilliseconds })) {
    await endEntry(context.db, entry.id)
    return false
  }
  const isOff = entry.visit_status !== null && !isAhead(entry.visit_status)
  const isAway = entry.lapsed_at !== null && now - entry.lapsed_at < lapsePauseMilliseconds
  if (isOff || isAway) return false
  const offers = (await placesFor(context, entry)).filter((offer) => isAwake(offer, now))
  const before = new Set(entry.offered_before.map(([doctorId, at]) => `${doctorId} ${at}`))
  const candidates = openTimesFor(entry, offers, {
    now,
    limit: candidatesMax,
    isNew: ({ doctorId, startsAt }) => !before.has(`${doctorId} ${startsAt}`),
  })
  if (candidates.length === 0) return false
  // Read after the open times, which may be as new as this moment.
  const freed = await freedTimes(context, candidates, now)
  for (const candidate of candidates) {
    if (freed.some((time) => isWaitingForUndo(time, candidate))) continue
    if (!(await isForPatient(context, entry, { ...candidate, now }))) continue
    if (await makeOffer(context, entry, { ...candidate, now })) return true
  }
  return false
}

/** Whether it is day at the clinic. */
function isAwake({ clinic }: Offer, now: Instant): boolean {
  const minute = minuteOfDay(now, clinic.calendar.timeZone)
  return minute >= awakeMinutes.from && minute < awakeMinutes.to
}

/** What was freed so short a time ago that whoever freed it may still undo that. */
async function freedTimes(
  { db }: OfferingContext,
  candidates: readonly Candidate[],
  now: Instant,
): Promise<FreedTime[]> {
  const freed = await timesFreedSince(db, {
    doctorIds: [...new Set(candidates.map(({ offer }) => offer.doctor.id))],
    clinicIds: [...new Set(candidates.map(({ offer }) => offer.clinicId))],
    since: now - undoMilliseconds,
  })
  return freed.filter(({ command, from }) => canBeUndone(command, from))
}

/** Whether to offer the candidate would take what undoing needs: the doctor, the room or the full day. */
function isWaitingForUndo(freed: FreedTime, { offer, slot }: Candidate): boolean {
  const { doctor, clinicId, visitType } = offer
  const isInTheWay = overlaps(freed, claimOf(offer, slot.startsAt))
  if (freed.doctorId === doctor.id) {
    const dateOf = (at: Instant) => localDateOf(at, slot.timeZone)
    const isOfLimitedDay =
      doctor.dailyLimit !== null && dateOf(freed.visitStartsAt) === dateOf(slot.startsAt)
    return isInTheWay || isOfLimitedDay
  }
  const isRoom = freed.roomId !== null && freed.clinicId === clinicId && visitType.roomKind !== null
  return isInTheWay && isRoom
}

interface Offering extends Candidate {
  now: Instant
}

/** Whether the doctor would see this patient, who is not somewhere else then. */
async function isForPatient(
  { db }: OfferingContext,
  entry: WaitingRow,
  { offer, slot, now }: Offering,
): Promise<boolean> {
  const { patient_id: patientId, appointment_id: visitId, visit_doctor_id } = entry
  const doctorId = offer.doctor.id
  if (isForKnownPatients(offer) && visit_doctor_id !== doctorId)
    if (!(await isPatientOf(db, { patientIds: [patientId], doctorId, now }))) return false
  // The visit itself may overlap: it makes way for the earlier time.
  return !(await isClaimed(db, { calendarId: patientId, during: slot, now, exceptId: visitId }))
}

/** The time was taken, or the entry offered another one, in the same moment. */
class OfferLost extends Error {}

/** Holds the time for the entry's patient, if the entry waits and the time is free; answers whether. */
export async function makeOffer(
  context: OfferingContext,
  entry: Pick<WaitingRow, 'id' | 'patient_id'>,
  { offer, slot, now }: Offering,
): Promise<boolean> {
  const appointmentId = newId()
  const { startsAt, doctorId, clinicId } = slot
  const expiresAt = Math.min(now + heldMilliseconds, startsAt)
  try {
    return await transact(context, async (tx) => {
      if (!(await lockWaitingEntry(tx.db, entry.id))) return false
      const { failure } = await take({ ...context, db: tx.db }, offer, {
        appointmentId,
        patientId: entry.patient_id,
        command: 'offer',
        request: null,
        startsAt,
        reason: null,
        overbookedReason: null,
        now,
        expiresAt,
      })
      if (failure !== null) throw new OfferLost(failure)
      const offered = { appointmentId, entryId: entry.id, doctorId, startsAt }
      await insertOffer(tx.db, { ...offered, offeredAt: now, expiresAt })
      tx.append({
        type: 'waitlist.offered',
        subjects: { appointmentId, patientId: entry.patient_id, doctorId, clinicId },
      })
      return true
    })
  } catch (error) {
    // What memory says of the time is wrong, or is so now that the claim was undone.
    forgetOffer(context, offer)
    if (error instanceof OfferLost || isOfferedAlready(error)) return false
    throw error
  }
}

function isOfferedAlready(error: unknown): boolean {
  return isDatabaseError(error) && (error.constraint ?? '').startsWith('waitlist_offer_')
}
