// Open times are offered in turn to those who wait. What is to be done is read off the state of things
// and not off events, so that nothing is missed when a process dies.

import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises'
import { claimOf } from '#src/availability/open-times.ts'
import { isPatientOf } from '#src/availability/queries.ts'
import { isForKnownPatients } from '#src/availability/search.ts'
import { canBeUndone, isAhead } from '#src/booking/appointment-state.ts'
import { take } from '#src/booking/book.ts'
import { undoMilliseconds } from '#src/booking/undo.ts'
import { forgetOffer } from '#src/booking/wanted-time.ts'
import type { Context, Runtime } from '#src/context.ts'
import { isDatabaseError } from '#src/db/constraints.ts'
import { transact } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { overlaps } from '#src/kernel/interval.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import {
  busyTimesOf,
  insertOffer,
  openOffers,
  reopenUndone,
  timesFreedSince,
  type FreedTime,
} from './offer-queries.ts'
import { outcomeOf, settleOffer } from './outcome.ts'
import {
  beginPass,
  groupOf,
  keepSeen,
  newSurvey,
  openTimesFor,
  type Candidate,
  type Survey,
} from './places.ts'
import {
  endEntry,
  lockWaitingEntry,
  lockWaitlist,
  someoneWaits,
  waitingInTurn,
  type WaitingRow,
} from './queries.ts'
import { isOver } from './wish.ts'

const pauseMilliseconds = 5000
const batchSize = 200

/** How long ago an offer that was taken may have been made, for a look at whether that was undone. */
const reopenedMilliseconds = 24 * 60 * 60_000

/** How long a time is held for someone. */
const heldMilliseconds = 20 * 60_000

/** Whoever lets an offer run out is not at the phone: the next one comes this long after. */
const lapsePauseMilliseconds = 60 * 60_000

type Working = Pick<Runtime, 'db' | 'clock' | 'events' | 'board'>

/** What one pass through the waitlist leaves for the next. */
export interface Passes {
  survey: Survey
  /** The entry at which the last pass broke: the next one goes on after it, so that all have their turn. */
  brokeAt: WaitingRow | null
}

/** Before the first pass. */
export function noPassYet(): Passes {
  return { survey: newSurvey(), brokeAt: null }
}

/** Offers what is open every few seconds, until `signal` aborts. */
export async function keepWaitlist(runtime: Runtime, signal: AbortSignal): Promise<void> {
  const passes = noPassYet()
  while (!signal.aborted) {
    try {
      await offerOpenTimes(runtime, passes, signal)
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
export async function offerOpenTimes(
  runtime: Working,
  passes: Passes = noPassYet(),
  signal?: AbortSignal,
): Promise<number> {
  const { db, clock } = runtime
  await reopenUndone(db, clock() - reopenedMilliseconds)
  if (!(await someoneWaits(db))) return 0
  const context = { ...runtime, actor: null, requestId: newId(), clientAddress: null }
  // The lock ends with its connection, and so with a process that dies.
  return db.transaction().execute(async (lock) => {
    if (!(await lockWaitlist(lock))) return 0
    for (const offer of await openOffers(lock, clock())) {
      const settled = outcomeOf(offer)
      if (settled !== null) await settleOffer(context, offer, settled)
    }
    beginPass(passes.survey)
    let offerCount = 0
    let batch: WaitingRow[]
    do {
      batch = await waitingInTurn(lock, { now: clock(), after: passes.brokeAt, limit: batchSize })
      for (const entry of batch) {
        if (signal?.aborted) return offerCount
        passes.brokeAt = entry
        if (await serve(context, passes.survey, entry)) offerCount += 1
        // Requests go first.
        await breathe()
      }
    } while (batch.length === batchSize)
    passes.brokeAt = null
    keepSeen(passes.survey)
    return offerCount
  })
}

type OfferingContext = Working & Pick<Context, 'actor' | 'requestId'>

/** Does for one entry what is to be done; answers whether it was offered a time. */
async function serve(
  context: OfferingContext,
  survey: Survey,
  entry: WaitingRow,
): Promise<boolean> {
  const now = context.clock()
  if (isOver(entry, { now, patienceMilliseconds: undoMilliseconds })) {
    await endEntry(context.db, entry.id)
    return false
  }
  const isOff = entry.visit_status !== null && !isAhead(entry.visit_status)
  const isAway = entry.lapsed_at !== null && now - entry.lapsed_at < lapsePauseMilliseconds
  if (isOff || isAway) return false
  const group = await groupOf(context, survey, { entry, now })
  // Nobody is left who could see the patient: the doctor is gone, or such visits are.
  if (group.places.length === 0) await endEntry(context.db, entry.id)
  const before = new Set(entry.offered_before.map(([doctorId, at]) => `${doctorId} ${at}`))
  const candidates = await openTimesFor(survey, entry, {
    group,
    now,
    isNew: ({ doctorId, startsAt }) => !before.has(`${doctorId} ${startsAt}`),
  })
  if (candidates.length === 0) return false
  // Read after the open times, which may be as new as this moment.
  const freed = await freedTimes(context, candidates, now)
  const { patient_id: patientId, appointment_id: exceptId } = entry
  // The visit itself may overlap: it makes way for the earlier time.
  const busy = await busyTimesOf(context.db, { patientId, exceptId, now })
  const isSeenBy = asksOnce((doctorId) =>
    isPatientOf(context.db, { patientIds: [patientId], doctorId, now }),
  )
  for (const candidate of candidates) {
    const { offer, slot, place } = candidate
    if (place.isLost || freed.some((time) => isWaitingForUndo(time, candidate))) continue
    if (busy.some((time) => overlaps(time, slot))) continue
    const isKnown = !isForKnownPatients(offer) || entry.visit_doctor_id === offer.doctor.id
    if (!isKnown && !(await isSeenBy(offer.doctor.id))) continue
    if (await makeOffer(context, entry, { offer, slot, now })) return true
    place.isLost = true
  }
  return false
}

/** The same answers, each asked for once. */
function asksOnce(ask: (id: string) => Promise<boolean>): (id: string) => Promise<boolean> {
  const answers = new Map<string, Promise<boolean>>()
  return (id) => {
    const answer = answers.get(id) ?? ask(id)
    answers.set(id, answer)
    return answer
  }
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

interface Offering extends Pick<Candidate, 'offer' | 'slot'> {
  now: Instant
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
  const expiresAt = now + heldMilliseconds
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
