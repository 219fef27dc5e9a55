// Readers that remember in the database how far they have come, so that each event is worked on once
// over all processes and all time.

import type { Context } from '#src/context.ts'
import { transact, type Transact } from './events.ts'
import { currentCursor, eventsAfter, type StoredEvent } from './queries.ts'
import { lockReader, moveReader } from './reader-queries.ts'

const batchSize = 200

/**
 * Gives `work` the next events, up to `limit`, in the transaction that moves the reader past them. Answers
 * how many there were: none also while another process reads.
 */
export async function readEvents(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  name: string,
  work: (tx: Transact, events: readonly StoredEvent[]) => Promise<void>,
  { limit = batchSize }: { limit?: number } = {},
): Promise<number> {
  return transact(context, async (tx) => {
    const reader = await lockReader(tx.db, name)
    if (!reader) return 0
    if (reader.is_ahead) {
      await moveReader(tx.db, name, await currentCursor(tx.db))
      return 0
    }
    const events = await eventsAfter(tx.db, reader, limit)
    const last = events.at(-1)
    if (!last) return 0
    await work(tx, events)
    await moveReader(tx.db, name, last)
    return events.length
  })
}

/** Another process has worked on the event meanwhile. */
class IsPast extends Error {}

/**
 * Moves the reader past an event of which `work` cannot be done, while that is the next one. Answers
 * whether it did.
 */
export async function passOver(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  name: string,
  event: StoredEvent,
): Promise<boolean> {
  const isNext = async (_tx: Transact, [next]: readonly StoredEvent[]) => {
    if (next?.seq !== event.seq) throw new IsPast()
  }
  try {
    return (await readEvents(context, name, isNext, { limit: 1 })) > 0
  } catch (error) {
    if (error instanceof IsPast) return false
    throw error
  }
}
