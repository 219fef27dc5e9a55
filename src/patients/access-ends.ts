// How access comes to its end by time: when a child is of age, or when it was agreed to. Every request looks
// at the clock itself; what is kept here is that ends follow the age that the network sets, and that people
// are told, once.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { childEndsDue, noteChildEndsDone } from '#src/settings/queries.ts'
import {
  closeUnmanaged,
  lockPatientsOfOthers,
  noteEnds,
  noteEndsAhead,
  updateChildEnds,
  type AccessKey,
} from './access-end-queries.ts'

/** What looking for ends, and telling of them, takes of a process. */
export type Noting = Pick<Runtime, 'db' | 'clock' | 'events'>

const pauseMilliseconds = 10_000
const batchSize = 500

/**
 * Works out anew when the accesses of others to the patient end, after the date of birth or who has access
 * has changed, in the transaction of that change, which has locked the patient's row. Answers the accesses
 * that end at another time now, for whoever tells of it by `access.changed`.
 */
export async function recomputeChildEnds(
  db: Queryable,
  { patientId, now }: { patientId: string; now: Instant },
): Promise<AccessKey[]> {
  return updateChildEnds(db, { patientIds: [patientId], now })
}

/**
 * Works out when all accesses of others end after the network has set another age, and appends
 * `access.changed` for each that ends at another time now. Each batch is a transaction of its own, so that
 * nobody waits for long; a process that dies leaves it due, and the next begins anew. Answers how many
 * accesses it moved.
 */
export async function moveDueChildEnds(runtime: Noting): Promise<number> {
  let count = 0
  for (;;) {
    const version = await childEndsDue(runtime.db)
    if (version === null) return count
    count += await moveChildEndsOfAll(runtime)
    // It stays due where the age has changed meanwhile.
    await noteChildEndsDone(runtime.db, version)
  }
}

async function moveChildEndsOfAll(runtime: Noting): Promise<number> {
  const context = { ...runtime, actor: null }
  let count = 0
  let afterId: string | null = null
  for (;;) {
    const batch: { lastId: string | undefined; moved: number } = await transact(
      context,
      async (tx) => {
        const patientIds = await lockPatientsOfOthers(tx.db, { afterId, limit: batchSize })
        const keys = await updateChildEnds(tx.db, { patientIds, now: runtime.clock() })
        for (const subjects of keys) tx.append({ type: 'access.changed', subjects })
        return { lastId: patientIds.at(-1), moved: keys.length }
      },
    )
    if (batch.lastId === undefined) return count
    afterId = batch.lastId
    count += batch.moved
  }
}

/**
 * Appends `access.ending` for each access that ends within 30 days, and `access.ended` for each that has
 * ended by itself: once for each end, in the transaction that notes it, whatever process dies and however
 * many are at it. Where nobody manages the record any more, all access to it ends, as when the last manager
 * leaves. Answers how many ends of both kinds came by time.
 */
export async function noteAccessEnds(runtime: Noting): Promise<{ ending: number; ended: number }> {
  return {
    ended: await noteAll(runtime, { type: 'access.ended', note: noteEnds }),
    ending: await noteAll(runtime, { type: 'access.ending', note: noteEndsAhead }),
  }
}

async function noteAll(
  runtime: Noting,
  { type, note }: { type: string; note: typeof noteEnds },
): Promise<number> {
  const context = { ...runtime, actor: null }
  let count = 0
  let noted: number
  do {
    noted = await transact(context, async (tx) => {
      const now = runtime.clock()
      const keys = await note(tx.db, { now, limit: batchSize })
      for (const { accountId, patientId } of keys)
        tx.append({ type, subjects: { accountId, patientId } })
      if (note === noteEnds) {
        const patientIds = keys.map(({ patientId }) => patientId)
        for (const subjects of await closeUnmanaged(tx.db, { patientIds, now }))
          tx.append({ type, subjects })
      }
      return keys.length
    })
    count += noted
  } while (noted === batchSize)
  return count
}

/**
 * Works out the ends that another age has made due, and notes those that have come: as soon as the settings
 * of the network change, and each ten seconds, until `signal` aborts.
 */
export async function keepAccessEnds(
  runtime: Noting & Pick<Runtime, 'log'>,
  signal: AbortSignal,
): Promise<void> {
  let rest = new AbortController()
  const stopListening = runtime.events.listen((batch) => {
    if (batch.some(({ type }) => type === 'settings.changed')) rest.abort()
  })
  while (!signal.aborted) {
    rest = new AbortController()
    try {
      await moveDueChildEnds(runtime)
      await noteAccessEnds(runtime)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the ends of access could not be noted')
    }
    const isOver = AbortSignal.any([signal, rest.signal])
    await delay(pauseMilliseconds, undefined, { signal: isOver, ref: false }).catch(() => {})
  }
  stopListening()
}
