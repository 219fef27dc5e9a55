// How far a visit of the demo has come by now, and the steps that led there.

import type { Offer, Slot } from '#src/availability/open-times.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Random } from './random.ts'
import { cancelReasons } from './reasons.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

export interface Step {
  at: Instant
  actorId: string | null
  to: AppointmentStatus
}

export interface Life {
  /** The first one is the booking. */
  steps: [Step, ...Step[]]
  /** Until when a request waits for its answer. */
  expiresAt: Instant | null
  cancelledReason: string | null
}

/** Accounts, where there are any. */
export interface People {
  bookedBy: string | null
  doctor: string | null
  desk: string | null
}

/** A request waits two days for its answer. */
const requestLapsesAfter = 2 * day

/** The life of a visit in this slot that was booked in the three weeks before. */
export function lifeOf(
  visit: { offer: Offer; slot: Slot; people: People },
  { random, now }: { random: Random; now: Instant },
): Life {
  const { offer, slot, people } = visit
  const bookedAt = Math.min(
    slot.startsAt - random.between(24 * 60, 21 * 24 * 60) * minute,
    now - random.between(60, 80 * 60) * minute,
  )
  const isOnRequest = (offer.visitType.bookingMode ?? offer.doctor.bookingMode) === 'on_request'
  if (isOnRequest && slot.startsAt > now + 2 * day && random.chance(0.6)) {
    const askedAt = now - random.between(30, 30 * 60) * minute
    return {
      steps: [{ at: askedAt, actorId: people.bookedBy, to: 'requested' }],
      expiresAt: Math.min(askedAt + requestLapsesAfter, slot.startsAt),
      cancelledReason: null,
    }
  }
  const booking: Step = { at: bookedAt, actorId: people.bookedBy, to: 'confirmed' }
  const steps: Life['steps'] = isOnRequest
    ? [
        { ...booking, to: 'requested' },
        { at: bookedAt + random.between(10, 50) * minute, actorId: people.doctor, to: 'confirmed' },
      ]
    : [booking]
  const isCancelled = random.chance(0.07)
  if (isCancelled) {
    const until = Math.min(slot.startsAt - hour, now)
    const since = bookedAt + hour
    const at = since + Math.floor((random.next() * (until - since)) / minute) * minute
    steps.push({ at: Math.min(at, now), actorId: people.bookedBy, to: 'cancelled' })
  } else {
    steps.push(...stepsOfTheDay(slot, people, { random, now }))
  }
  return {
    steps,
    expiresAt: null,
    cancelledReason: isCancelled ? random.pick(cancelReasons) : null,
  }
}

/** What has happened since the patient was due. */
function stepsOfTheDay(
  { startsAt, endsAt }: Slot,
  people: People,
  { random, now }: { random: Random; now: Instant },
): Step[] {
  const missed: Step = { at: startsAt + 15 * minute, actorId: people.desk, to: 'no_show' }
  if (endsAt <= now && missed.at <= now && random.chance(0.06)) return [missed]
  const late = random.between(-3, 6) * minute
  const steps: Step[] = [
    { at: startsAt - random.between(4, 15) * minute, actorId: people.desk, to: 'arrived' },
    { at: startsAt + late, actorId: people.doctor, to: 'with_doctor' },
    { at: endsAt + Math.min(late, 0), actorId: people.doctor, to: 'completed' },
  ]
  return steps.filter(({ at }) => at <= now)
}
