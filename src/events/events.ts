// What happened, told to this process at once and to every other one by the event table.

import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '#src/context.ts'
import type { Database, DatabaseTransaction } from '#src/db/connect.ts'
import { isLostConnection } from '#src/db/constraints.ts'
import { withTransientRetry } from '#src/db/retry.ts'
import { newId } from '#src/kernel/ids.ts'
import { eventsAfter, insertEvents, type Cursor, type NewEvent } from './queries.ts'

export type { NewEvent, Subjects } from './queries.ts'

export interface EventBus {
  /** This process, by which it knows its own events again. */
  readonly origin: string
  subscribe(listener: (event: NewEvent) => void): void
  /** Tells this process of events whose transaction has committed. */
  announce(events: readonly NewEvent[]): void
}

export function createEventBus(): EventBus {
  const listeners: ((event: NewEvent) => void)[] = []
  return {
    origin: newId(),
    subscribe: (listener) => void listeners.push(listener),
    announce(events) {
      for (const event of events) for (const listener of listeners) listener(event)
    },
  }
}

/** A transaction that says what it does. */
export interface Transact {
  db: DatabaseTransaction
  append(event: NewEvent): void
}

/**
 * Runs `work` in one transaction, writes its events with it, and announces them once it has
 * committed. `work` runs again after a deadlock, so all it does must be in the transaction.
 */
export async function transact<Result>(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  work: (tx: Transact) => Promise<Result>,
): Promise<Result> {
  let events: NewEvent[] = []
  try {
    return await withTransientRetry(() => {
      events = []
      return commit(context, events, work)
    })
  } catch (error) {
    // The commit may have happened all the same; to look again at what did not change does no harm.
    if (!isLostConnection(error)) events = []
    throw error
  } finally {
    context.events.announce(events)
  }
}

function commit<Result>(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  events: NewEvent[],
  work: (tx: Transact) => Promise<Result>,
): Promise<Result> {
  return context.db.transaction().execute(async (db) => {
    const answer = await work({ db, append: (event) => void events.push(event) })
    if (events.length > 0)
      await insertEvents(db, {
        origin: context.events.origin,
        actorId: context.actor?.accountId ?? null,
        occurredAt: context.clock(),
        events,
      })
    return answer
  })
}

const batchSize = 500

/**
 * Reads what other processes do from `cursor` on and announces it here, until `signal` aborts.
 * `onError` hears of a database that does not answer; reading goes on where it was.
 */
export async function followEvents(options: {
  db: Database
  events: EventBus
  cursor: Cursor
  signal: AbortSignal
  pauseMilliseconds: number
  onError: (error: unknown) => void
}): Promise<void> {
  const { db, events, signal } = options
  let { cursor } = options
  while (!signal.aborted) {
    try {
      const batch = await eventsAfter(db, cursor, batchSize)
      cursor = batch.at(-1) ?? cursor
      events.announce(batch.filter((event) => event.origin !== events.origin))
      if (batch.length === batchSize) continue
    } catch (error) {
      if (!signal.aborted) options.onError(error)
    }
    await delay(options.pauseMilliseconds, undefined, { signal }).catch(() => {})
  }
}
