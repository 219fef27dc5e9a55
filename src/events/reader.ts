// Readers that remember in the database how far they have come, so that each event is worked on once
// over all processes and all time.

import type { Context } from '#src/context.ts'
import { transact, type Transact } from './events.ts'
import { eventsAfter, type StoredEvent } from './queries.ts'
import { lockReader, moveReader } from './reader-queries.ts'

const batchSize = 200

/**
 * Gives `work` the next events, in the transaction that moves the reader past them. Answers how many
 * there were: none also while another process reads.
 */
export async function readEvents(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  name: string,
  work: (tx: Transact, events: readonly StoredEvent[]) => Promise<void>,
): Promise<number> {
  return transact(context, async (tx) => {
    const cursor = await lockReader(tx.db, name)
    if (!cursor) return 0
    const events = await eventsAfter(tx.db, cursor, batchSize)
    const last = events.at(-1)
    if (!last) return 0
    await work(tx, events)
    await moveReader(tx.db, name, last)
    return events.length
  })
}
