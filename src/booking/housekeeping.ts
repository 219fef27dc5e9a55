// What time alone changes: holds and requests that run out, and rows that nothing needs any more. No
// promise depends on it, since every reader and every booking looks at the clock itself.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { deleteClaimsEndedBefore, deleteKeysMadeBefore, expireDue } from './housekeeping-queries.ts'

const pauseMilliseconds = 60_000
const batchSize = 2000
const day = 86_400_000

/** How long claims are kept after their end, so that staff can correct what happened. */
const claimDaysKept = 30

/** Does one round: expires what is due, removes claims and idempotency keys that are old enough. */
export async function keepHouse({
  db,
  clock,
  events,
}: Pick<Runtime, 'db' | 'clock' | 'events'>): Promise<void> {
  const now = clock()
  await expireDue(db, { now, origin: events.origin, limit: batchSize })
  while ((await deleteClaimsEndedBefore(db, now - claimDaysKept * day, batchSize)) === batchSize);
  while ((await deleteKeysMadeBefore(db, now - day, batchSize)) === batchSize);
}

/** Does a round each minute until `signal` aborts. */
export async function keepHouseForever(
  runtime: Pick<Runtime, 'db' | 'clock' | 'events' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await keepHouse(runtime)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the housekeeping of bookings failed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}
