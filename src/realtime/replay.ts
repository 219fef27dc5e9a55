// What subscriptions missed, read again from the event table. One reading at a time serves all that it
// is of use to, so that thousands who come back at once do not read the table thousands of times. It is
// made for the one that waits longest, so that nobody waits for those who have more to read.

import type { Runtime } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import type { Cursor, StoredEvent } from '#src/events/events.ts'
import { eventsAfter } from '#src/events/queries.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { createChannels } from './channels.ts'
import { compareCursors } from './cursor.ts'
import { loadFacts } from './facts.ts'
import type { RealtimeLimits } from './limits.ts'
import type { EventFields } from './protocol.ts'
import { interestOf, type Subscription } from './subscription.ts'
import { deliveriesOf } from './subscriptions.ts'

export interface Replays {
  /** Begins to tell what lies after `after`, up to `until`. */
  add(subscription: Subscription, span: { after: Cursor; until: Cursor }): void
  remove(subscription: Subscription): void
  /** Listens to other channels from here on; to be called before the subscription has them. */
  rechannel(subscription: Subscription, channels: readonly string[]): void
}

interface Replay {
  subscription: Subscription
  /** Up to where it was told. */
  at: Cursor
  until: Cursor
  scanned: number
  told: number
}

const batchSize = 200

export function createReplays(options: {
  runtime: Pick<Runtime, 'db' | 'log'>
  limits: RealtimeLimits
  tell: (subscription: Subscription, event: StoredEvent, fields: EventFields) => void
  /** The subscription was told all, or it was too much or cannot be read. */
  finish: (subscription: Subscription, outcome: 'replayed' | 'reset') => void
}): Replays {
  const { runtime, limits } = options
  /** In the order of who waits longest. */
  const replays = new Map<Subscription, Replay>()
  const channels = createChannels<Replay>()
  let isRunning = false

  function remove(subscription: Subscription): void {
    const replay = replays.get(subscription)
    if (!replay) return
    replays.delete(subscription)
    channels.remove(replay, subscription.channels)
  }

  function finish(replay: Replay, outcome: 'replayed' | 'reset'): void {
    remove(replay.subscription)
    options.finish(replay.subscription, outcome)
  }

  async function run(): Promise<void> {
    isRunning = true
    while (replays.size > 0) {
      const [next] = replays.values()
      const from = next!.at
      const served = new Set(replays.values().filter(({ at }) => compareCursors(at, from) >= 0))
      try {
        await serve(served, from)
      } catch (error) {
        runtime.log.warn({ error: messageOf(error) }, 'missed events could not be read')
        for (const replay of served) if (isWaiting(replay)) finish(replay, 'reset')
      }
    }
    isRunning = false
  }

  function isWaiting(replay: Replay): boolean {
    return replays.get(replay.subscription) === replay
  }

  /** Reads on after the cursor, which none of them is before, and tells each what is new to it. */
  async function serve(served: ReadonlySet<Replay>, from: Cursor): Promise<void> {
    const batch = await withRetry(() => eventsAfter(runtime.db, from, batchSize))
    const interest = interestOf([...served].map(({ subscription }) => subscription))
    const facts = await loadFacts(runtime.db, batch, interest)
    for (const event of batch)
      for (const delivery of deliveriesOf(event, facts))
        channels.tell(delivery, (replay, fields) => {
          if (!served.has(replay) || !isBetween(replay, event)) return
          replay.told += 1
          if (replay.told > limits.replayedMax) finish(replay, 'reset')
          else options.tell(replay.subscription, event, fields)
        })
    for (const replay of served) if (isWaiting(replay)) advance(replay, batch)
  }

  function isBetween(replay: Replay, event: Cursor): boolean {
    return compareCursors(event, replay.at) > 0 && compareCursors(event, replay.until) <= 0
  }

  function advance(replay: Replay, batch: readonly StoredEvent[]): void {
    const last = batch.at(-1)
    const isEnd = batch.length < batchSize || !last || compareCursors(last, replay.until) >= 0
    if (isEnd) return finish(replay, 'replayed')
    if (compareCursors(last, replay.at) <= 0) return
    replay.at = last
    replay.scanned += batch.length
    if (replay.scanned > limits.scannedMax) return finish(replay, 'reset')
    // It had its turn, and goes behind those that have not.
    replays.delete(replay.subscription)
    replays.set(replay.subscription, replay)
  }

  return {
    add(subscription, { after, until }) {
      const replay = { subscription, at: after, until, scanned: 0, told: 0 }
      replays.set(subscription, replay)
      channels.add(replay, subscription.channels)
      if (!isRunning) void run()
    },
    remove,
    rechannel(subscription, changed) {
      const replay = replays.get(subscription)
      if (!replay) return
      channels.remove(replay, subscription.channels)
      channels.add(replay, changed)
    },
  }
}
