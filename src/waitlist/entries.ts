// The waitlist as those see it who are on it, or whose patients are: reading, leaving.

import { record } from '#src/audit/audit.ts'
import { sightOf } from '#src/booking/policy.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { offerOfEntry, type OfferRow } from './offer-queries.ts'
import { announceRelease, outcomeOf, settleWithin } from './outcome.ts'
import { mayLeave } from './policy.ts'
import {
  endEntry,
  entriesByAge,
  entryById,
  type EntryFilter,
  type EntryPosition,
  type EntryRow,
} from './queries.ts'

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
 * @throws NotFound, also for an entry that is not the actor's to see; NotAllowed for those who see it
 * only because the offered time is theirs.
 */
export async function leaveWaitlist(context: SignedInContext, id: string): Promise<void> {
  const entry = await entryFor(context, { id, action: 'leave' })
  if (!mayLeave(context.actor, entry)) {
    await record(context, context.db, { ...auditOf(id, 'leave'), allowed: false })
    throw new NotAllowed('Only the patient and the clinic whose patient waits may end the wait.')
  }
  const released = await transact(context, (tx) => leaveWithin(context, tx, id))
  if (released) announceRelease(context, released)
}

/**
 * As `leaveWaitlist`, in a transaction of someone who may do so. Answers the offer whose time it lets go,
 * for `announceRelease` after the commit; null for none.
 */
export async function leaveWithin(
  context: SignedInContext,
  tx: Transact,
  id: string,
): Promise<OfferRow | null> {
  const hasEnded = await endEntry(tx.db, id)
  await record(context, tx.db, auditOf(id, 'leave'))
  if (!hasEnded) return null
  const now = context.clock()
  const offer = await offerOfEntry(tx.db, { entryId: id, appointmentId: null, now })
  if (!offer || offer.outcome !== null) return null
  const settled = outcomeOf(offer) ?? { outcome: 'refused', isHeld: true }
  await settleWithin(context, tx, { offer, ...settled })
  return settled.isHeld ? offer : null
}
