// What happened, told to this process at once and to every other one by the event table.

import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '#src/context.ts'
import type { Database, DatabaseTransaction } from '#src/db/connect.ts'
import { isLostConnection } from '#src/db/constraints.ts'
import { withTransientRetry } from '#src/db/retry.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  eventsAfter,
  insertEvents,
  type Cursor,
  type NewEvent,
  type StoredEvent,
} from './queries.ts'

export type { Cursor, NewEvent, StoredEvent, Subjects } from './queries.ts'

export interface EventBus {
  /** This process, by which it knows its own events again. */
  readonly origin: string
  subscribe(listener: (event: NewEvent) => void): void
  /** Tells this process of events whose transaction has committed. */
  announce(events: readonly NewEvent[]): void
  /**
   * Hears of all that commits anywhere, this process included: each event once, in the order of
   * commits. Answers what ends it.
   */
  listen(listener: (batch: readonly StoredEvent[]) => void): () => void
  /** Says that something was committed, so that whoever reads the table looks at once. */
  hurry(): void
  readonly reading: Reading
}

/** The side of the bus for the one who reads the table, and how far that one is. */
export interface Reading {
  /** How far listeners have been told; null before the table is read. */
  position(): Cursor | null
  /**
   * When a look last found no more to read, as `performance.now()` has it; null for never. More may
   * have been committed all the same, that an older transaction held back.
   */
  readToEndAt(): number | null
  /**
   * What was read, how far that is, and whether there was no more. Announces what other processes did.
   */
  passOn(read: { batch: readonly StoredEvent[]; position: Cursor; isEnd: boolean }): void
  /** Waits for `hurry`, at most so long. Answers whether there was one. */
  rest(milliseconds: number, signal: AbortSignal): Promise<boolean>
}

/** How long what is committed here is gathered before the reader looks. */
const gatherMilliseconds = 5

export function createEventBus(): EventBus {
  const origin = newId()
  const subscribers: ((event: NewEvent) => void)[] = []
  const listeners = new Set<(batch: readonly StoredEvent[]) => void>()
  let position: Cursor | null = null
  let readToEndAt: number | null = null
  let isHurried = false
  let wake = () => {}

  function tell(event: NewEvent): void {
    for (const subscriber of subscribers) subscriber(event)
  }

  function hurry(): void {
    isHurried = true
    wake()
  }

  function hurryOrEnd(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        wake = () => {}
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      signal.addEventListener('abort', end)
      wake = end
      if (isHurried || signal.aborted) end()
    })
  }

  return {
    origin,
    subscribe: (subscriber) => void subscribers.push(subscriber),
    announce(events) {
      for (const event of events) tell(event)
      if (events.length > 0) hurry()
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    hurry,
    reading: {
      position: () => position,
      readToEndAt: () => readToEndAt,
      passOn(read) {
        position = read.position
        if (read.isEnd) readToEndAt = performance.now()
        for (const event of read.batch) if (event.origin !== origin) tell(event)
        if (read.batch.length > 0) for (const listener of listeners) listener(read.batch)
      },
      async rest(milliseconds, signal) {
        await hurryOrEnd(milliseconds, signal)
        const wasHurried = isHurried
        if (wasHurried) await delay(gatherMilliseconds, undefined, { signal }).catch(() => {})
        isHurried = false
        return wasHurried
      },
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

/** A statement has room for 65,535 parameters, of which an event takes five. */
const eventsAtOnceMax = 5000

function commit<Result>(
  context: Pick<Context, 'db' | 'events' | 'clock' | 'actor'>,
  events: NewEvent[],
  work: (tx: Transact) => Promise<Result>,
): Promise<Result> {
  return context.db.transaction().execute(async (db) => {
    const answer = await work({ db, append: (event) => void events.push(event) })
    for (let index = 0; index < events.length; index += eventsAtOnceMax)
      await insertEvents(db, {
        origin: context.events.origin,
        actorId: context.actor?.accountId ?? null,
        occurredAt: context.clock(),
        events: events.slice(index, index + eventsAtOnceMax),
      })
    return answer
  })
}

const batchSize = 500

/** The pause after a look at what was just committed here. */
const shortPauseMilliseconds = 10

/** The longest pause while the database does not answer. */
const failurePauseMillisecondsMax = 2000
const newsEveryMilliseconds = 60_000

/**
 * Reads what is committed from `cursor` on and passes it on, until `signal` aborts. `onError` hears of
 * each look that a database that is away did not answer, after pauses that double up to 2 s; `isNews`
 * is true of the first since it last answered and once a minute from then on. Reading goes on where it
 * was.
 *
 * It looks every `pauseMilliseconds`; when something was committed here at once, and then after pauses
 * that double, since a transaction that runs longer may still keep the event back.
 */
export async function followEvents(options: {
  db: Database
  events: EventBus
  cursor: Cursor
  signal: AbortSignal
  pauseMilliseconds: number
  onError: (error: unknown, isNews: boolean) => void
}): Promise<void> {
  const { db, signal, pauseMilliseconds } = options
  const { reading } = options.events
  let { cursor } = options
  let pause = pauseMilliseconds
  let failurePause = pauseMilliseconds
  let newsAt: number | null = null
  reading.passOn({ batch: [], position: cursor, isEnd: false })
  while (!signal.aborted) {
    try {
      const batch = await eventsAfter(db, cursor, batchSize)
      cursor = batch.at(-1) ?? cursor
      const isEnd = batch.length < batchSize
      reading.passOn({ batch, position: cursor, isEnd })
      failurePause = pauseMilliseconds
      newsAt = null
      if (!isEnd) continue
    } catch (error) {
      if (signal.aborted) return
      const now = performance.now()
      const isNews = newsAt === null || now - newsAt >= newsEveryMilliseconds
      if (isNews) newsAt = now
      options.onError(error, isNews)
      failurePause = Math.min(failurePause, failurePauseMillisecondsMax)
      await delay(failurePause, undefined, { signal }).catch(() => {})
      failurePause *= 2
      continue
    }
    const wasHurried = await reading.rest(pause, signal)
    pause = Math.min(wasHurried ? shortPauseMilliseconds : pause * 2, pauseMilliseconds)
  }
}
