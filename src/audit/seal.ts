// Seals over the audit: each covers the rows since the one before and its hash, so that a row which is
// changed, taken out or slipped in later no longer fits. Rows are not chained as they are written, which
// would have every booking wait for the one before.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { beginning, noHash, sealHash } from './chain.ts'
import { auditRowsAfter, insertSeal, isAuditAhead, lastSeal, lockSealing } from './seal-queries.ts'

type Sealing = Pick<Runtime, 'db' | 'clock' | 'log'>

/** How many rows a seal covers at most. */
const sealRowsMax = 5000
const pauseMilliseconds = 1000
/** Rows that no seal covers after so long are a sign that something is wrong. */
export const unsealedMillisecondsMax = 60_000

const hourMilliseconds = 3_600_000
const complaintEveryMilliseconds = 60_000

/**
 * Seals the next rows, at most `limit`. Answers how many there were: none also while another process
 * seals, and in a database that was restored into a server whose transactions are numbered anew, until
 * these have come as far.
 */
export async function sealNext(
  { db, clock }: Pick<Sealing, 'db' | 'clock'>,
  { limit = sealRowsMax }: { limit?: number } = {},
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    if (!(await lockSealing(tx))) return 0
    const before = await lastSeal(tx)
    const rows = await auditRowsAfter(tx, { after: before?.to ?? beginning, to: null, limit })
    const last = rows.at(-1)
    if (!last) return 0
    const hash = sealHash(before?.hash ?? noHash)
    for (const row of rows) hash.add(row)
    const seal = {
      to: { xid: last.xid, seq: last.seq },
      rows: rows.length,
      // The form in which it is read again, with microseconds.
      sealedAt: formatUtc(clock()).replace('Z', '000Z'),
    }
    await insertSeal(tx, { ...seal, hash: hash.complete(seal) })
    return rows.length
  })
}

/**
 * Seals each second until `signal` aborts, and logs the newest hash at first and once an hour: logs that
 * are kept elsewhere are witnesses against whoever writes rows and seals anew.
 */
export async function keepSealing(runtime: Sealing, signal: AbortSignal): Promise<void> {
  const { log } = runtime
  const isWitnessDue = everyMilliseconds(hourMilliseconds)
  const isComplaintDue = everyMilliseconds(complaintEveryMilliseconds)
  while (!signal.aborted) {
    try {
      while (!signal.aborted && (await sealNext(runtime)) === sealRowsMax);
      if (isWitnessDue()) {
        await logNewest(runtime)
        if (await isAuditAhead(runtime.db))
          log.warn('the audit is not sealed: it was restored from a server with more transactions')
      }
    } catch (error) {
      if (isComplaintDue()) log.warn({ error: messageOf(error) }, 'the audit could not be sealed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}

async function logNewest({ db, log }: Sealing): Promise<void> {
  const seal = await lastSeal(db)
  if (seal === undefined) return
  const { seq, sealedAt } = seal
  log.info({ seal: seq, hash: seal.hash.toString('hex'), sealedAt }, 'audit sealed')
}

/** A question that is answered yes at first, and again when so much time has passed since. */
function everyMilliseconds(milliseconds: number): () => boolean {
  let yesAt: number | null = null
  return () => {
    const now = performance.now()
    if (yesAt !== null && now - yesAt < milliseconds) return false
    yesAt = now
    return true
  }
}
