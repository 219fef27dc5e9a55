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

/** Moves the reader past the next event, of which `work` cannot be done. Answers that event. */
export async function passOver(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  name: string,
): Promise<StoredEvent | null> {
  let passed: StoredEvent | null = null
  await readEvents(
    context,
    name,
    async (_tx, [event]) => {
      passed = event ?? null
    },
    { limit: 1 },
  )
  return passed
}
