// A doctor leaves: gone from the directory and from all schedules at once, and still there in the visits
// that there were.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { lockSchedule } from '#src/doctors/doctors.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { disableAccount } from '#src/identity/standing.ts'
import { NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { leaveWithin } from '#src/waitlist/entries.ts'
import type { OfferRow } from '#src/waitlist/offer-queries.ts'
import { announceRelease } from '#src/waitlist/outcome.ts'
import { refuseOpenVisits } from './open-visits.ts'
import { hasLeft, releaseHeldTimes, removeDoctorRow, waitingEntries } from './queries.ts'

/** What a doctor who left leaves to do. */
export interface LeftDoctor {
  accountId: string | null
  released: OfferRow[]
}

/**
 * Takes a doctor out of the network. Hours, openings and time off end, the account loses the profile and is
 * disabled; held times are let go, and who waits with this doctor alone waits no more. Once more changes
 * nothing.
 *
 * @throws NotFound, VisitsOpen, Refusal `conflict` for the last admin.
 */
export async function removeDoctor(context: SignedInContext, doctorId: string): Promise<void> {
  const released = await transact(context, async (tx) => {
    const left = await removeDoctorWithin(context, tx, doctorId)
    if (left.accountId !== null) await disableAccount(context, tx, left.accountId)
    return left.released
  })
  for (const offer of released) announceRelease(context, offer)
}

/**
 * As `removeDoctor`, in a transaction that does with the account what is right. Answers its id, null for
 * none, and the offers whose times were let go, for `announceRelease` after the commit. Bookings under way
 * finish first and are then in the way, later ones find the doctor gone.
 *
 * @throws NotFound, VisitsOpen.
 */
export async function removeDoctorWithin(
  context: SignedInContext,
  tx: Transact,
  doctorId: string,
): Promise<LeftDoctor> {
  if (!(await lockSchedule(tx.db, doctorId))) throw new NotFound('doctor')
  if (await hasLeft(tx.db, doctorId)) return { accountId: null, released: [] }
  const now = context.clock()
  await refuseOpenVisits(tx.db, { whose: { doctorId }, now })
  const released: OfferRow[] = []
  for (const id of await waitingEntries(tx.db, { doctorId })) {
    const offer = await leaveWithin(context, tx, id)
    if (offer) released.push(offer)
  }
  // Not this process's origin: it must read of the holds that end like every other one.
  await releaseHeldTimes(tx.db, { whose: { doctorId }, now, origin: newId() })
  const accountId = await removeDoctorRow(tx.db, { doctorId, now })
  tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, {
    action: 'doctor.leave',
    subjectType: 'doctor',
    subjectId: doctorId,
    ...(accountId !== null && { details: { accountId } }),
  })
  return { accountId, released }
}
