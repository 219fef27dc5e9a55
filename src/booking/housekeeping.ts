// What time alone changes: holds and requests that run out, and rows that nothing needs any more. No
// promise depends on it, since every reader and every booking looks at the clock itself.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateOf } from '#src/kernel/time.ts'
import { deleteDelaysBefore } from './delay-queries.ts'
import { deleteClaimsEndedBefore, deleteKeysMadeBefore, expireDue } from './housekeeping-queries.ts'

const pauseMilliseconds = 60_000
const batchSize = 2000
const day = 86_400_000

/** How long claims are kept after their end, so that staff can correct what happened; delays too. */
const claimDaysKept = 30

/** Ends the holds and requests that have run out. Every process hears of it, this one too. */
export async function expireWhatIsDue({ db, clock }: Pick<Runtime, 'db' | 'clock'>): Promise<void> {
  await expireDue(db, { now: clock(), origin: newId(), limit: batchSize })
}

/** Removes the claims, idempotency keys and delays that are old enough. */
export async function removeWhatIsOld({ db, clock }: Pick<Runtime, 'db' | 'clock'>): Promise<void> {
  const now = clock()
  while ((await deleteClaimsEndedBefore(db, now - claimDaysKept * day, batchSize)) === batchSize);
  while ((await deleteKeysMadeBefore(db, now - day, batchSize)) === batchSize);
  await deleteDelaysBefore(db, localDateOf(now - claimDaysKept * day, 'UTC'))
}

/** Expires each minute and removes each hour, until `signal` aborts. */
export async function keepHouse(
  runtime: Pick<Runtime, 'db' | 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  for (let minute = 0; !signal.aborted; minute += 1) {
    try {
      await expireWhatIsDue(runtime)
      if (minute % 60 === 0) await removeWhatIsOld(runtime)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the housekeeping of bookings failed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}
