// Keeps nothing for longer than the network's settings say. One process at a time, in small steps, so that
// nobody waits for it.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { readSettings } from '#src/settings/queries.ts'
import { erasePatientWithin } from './patient-erasure.ts'
import { lockRecord } from './queries.ts'
import {
  deleteOver,
  isStillForgotten,
  lockRetention,
  nextPatients,
  purgeEvents,
  type AgingTable,
  type PatientPosition,
} from './retention-queries.ts'

export type Keeping = Pick<Runtime, 'db' | 'clock' | 'events' | 'log'>

const pauseMilliseconds = 3_600_000
const day = 86_400_000
const year = 365.25 * day
const batchSize = 1000

/** How many records are looked at in one statement, and erased at most in one transaction. */
const patientsLookedAt = 2000
const patientsErased = 50

/**
 * How many of these statements there are in one run, once an hour: they look at 100,000 records at most, and
 * erase 2500.
 */
const stepsMax = 50

/** For how many days rows are kept after they are over, where no setting says it. */
export const daysKept = {
  session: 90,
  account_link: 30,
  invitation: 2 * 365,
  access_invitation: 365,
  patient_claim_link: 365,
  waitlist_entry: 365,
} as const satisfies Partial<Record<AgingTable, number>>

/**
 * Removes all that is older than it may be. What another process is removing is left to it. Of records it
 * looks at a part, from the position `from` on, and answers where the next run goes on; null for the
 * beginning. Where another process is at them, that is where this one was to begin.
 */
export async function removeWhatIsOver(
  runtime: Keeping,
  from: PatientPosition | null = null,
): Promise<PatientPosition | null> {
  const settings = await readSettings(runtime.db)
  const now = runtime.clock()
  const over = { ...daysKept, notification: settings.keepNotificationsDays }
  for (const [table, days] of Object.entries(over) as [AgingTable, number][])
    await inBatches(runtime, (db) =>
      deleteOver(db, { table, before: now - days * day, limit: batchSize }),
    )
  const eventsBefore = now - settings.keepEventsDays * day
  await inBatches(runtime, (db) => purgeEvents(db, { before: eventsBefore, limit: batchSize }))
  if (settings.keepPatientsYears === null) return null
  return eraseForgotten(runtime, { before: now - settings.keepPatientsYears * year, from })
}

async function inBatches(
  { db }: Keeping,
  remove: (db: Keeping['db']) => Promise<number>,
): Promise<void> {
  const removeSome = () =>
    db.transaction().execute(async (tx) => ((await lockRetention(tx)) ? remove(tx) : 0))
  while ((await removeSome()) === batchSize);
}

/**
 * Erases records without an account, a wait, or a visit since `before`, in as many steps as an hour may
 * take, from the position on. Answers where to go on, null for the beginning.
 */
async function eraseForgotten(
  runtime: Keeping,
  { before, from }: { before: number; from: PatientPosition | null },
): Promise<PatientPosition | null> {
  const context = { ...runtime, actor: null, requestId: 'retention' }
  let after = from
  for (let step = 0; step < stepsMax; step += 1) {
    const next: PatientPosition | null | 'busy' = await transact(context, async (tx) => {
      if (!(await lockRetention(tx.db))) return 'busy'
      const now = runtime.clock()
      const asked = { after, before, now, limit: patientsLookedAt }
      const patients = await nextPatients(tx.db, asked)
      const forgotten = patients.filter((one) => one.is_forgotten).slice(0, patientsErased)
      for (const { id } of forgotten) {
        // Somebody may have booked for one meanwhile; it stays, and the others go.
        const isThere = (await lockRecord(tx.db, id)) !== undefined
        if (isThere && (await isStillForgotten(tx.db, { patientId: id, before, now })))
          await erasePatientWithin(context, tx, id)
      }
      if (forgotten.length === patientsErased) return forgotten.at(-1)!
      return patients.length === patientsLookedAt ? patients.at(-1)! : null
    })
    if (next === 'busy') return after
    if (next === null) return null
    after = next
  }
  return after
}

/** Removes once an hour until `signal` aborts. */
export async function keepRetention(runtime: Keeping, signal: AbortSignal): Promise<void> {
  let from: PatientPosition | null = null
  while (!signal.aborted) {
    try {
      from = await removeWhatIsOver(runtime, from)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'what is over could not be removed')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}
