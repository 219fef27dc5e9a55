// Where an entry's patient could be seen, and the open times there that suit.

import { firstOpenStart } from '#src/availability/first-open.ts'
import {
  horizonOf,
  offersOf,
  openStartsOf,
  slotAt,
  todayOf,
  type Offer,
  type Slot,
} from '#src/availability/open-times.ts'
import { matchingDoctors } from '#src/availability/queries.ts'
import type { Context } from '#src/context.ts'
import { addDays, earlierOf, laterOf } from '#src/kernel/calendar.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import type { EntryRow } from './queries.ts'
import { fits } from './wish.ts'

type Whereabouts = Pick<
  EntryRow,
  'appointment_id' | 'visit_type_id' | 'doctor_id' | 'specialty_id' | 'clinic_id'
>

/**
 * What the entry's doctor, or each doctor of its specialty, offers of its type of visit; looked at as
 * patients do. Who has a visit of a kind that patients can't book themselves may have it earlier.
 */
export async function placesFor(
  { board, db }: Pick<Context, 'board' | 'db'>,
  entry: Whereabouts,
): Promise<Offer[]> {
  const { doctor_id, specialty_id, clinic_id, appointment_id } = entry
  const doctors =
    doctor_id === null
      ? await matchingDoctors(db, { specialty: specialty_id ?? '' })
      : [{ id: doctor_id }]
  const offers = await offersOf(board, {
    doctorIds: doctors.map(({ id }) => id),
    clinicId: clinic_id ?? undefined,
    visitTypeId: entry.visit_type_id,
    viewerAt: () => (appointment_id === null ? 'patient' : 'staff'),
  })
  return [...offers.values()].flat().map((offer) => ({ ...offer, viewer: 'patient' }))
}

export interface Candidate {
  offer: Offer
  slot: Slot
}

/** The first `limit` open times of each of the places that suit the entry, soonest first. */
export function openTimesFor(
  entry: EntryRow,
  offers: readonly Offer[],
  asked: { now: Instant; limit: number; isNew: (slot: Slot) => boolean },
): Candidate[] {
  const found = offers.flatMap((offer) => {
    const ofOffer: Candidate[] = []
    for (const slot of openSlotsOf(entry, offer, asked.now)) {
      if (!fits(entry, slot) || !asked.isNew(slot)) continue
      ofOffer.push({ offer, slot })
      if (ofOffer.length === asked.limit) break
    }
    return ofOffer
  })
  return found.sort((one, other) => one.slot.startsAt - other.slot.startsAt)
}

/** Day by day, and only days that have something open: looking at full ones costs next to nothing. */
function* openSlotsOf(entry: EntryRow, offer: Offer, now: Instant): Generator<Slot> {
  const { timeZone } = offer.clinic.calendar
  const { from_date, until_date, visit_starts_at } = entry
  let date = laterOf(todayOf(offer, now), from_date ?? '')
  let last = horizonOf(offer, now)
  if (until_date !== null) last = earlierOf(last, until_date)
  if (visit_starts_at !== null) last = earlierOf(last, localDateOf(visit_starts_at, timeZone))
  while (date <= last) {
    const first = firstOpenStart(offer, { from: date, to: last, now })
    if (first === null) return
    date = localDateOf(first, timeZone)
    for (const start of openStartsOf(offer, { from: date, to: date, now }))
      yield slotAt(offer, start)
    date = addDays(date, 1)
  }
}
