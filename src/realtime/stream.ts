// The events as they are committed, told to the subscriptions that they concern.
//
// Between what a subscription is told again and what it is told as it happens there is neither gap nor
// overlap: it is told live what comes after the events that are being told when it is added, and by a
// replay what lies between its cursor and there.

import { setImmediate } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import type { Cursor, StoredEvent } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { createChannels } from './channels.ts'
import { compareCursors, encodeCursor } from './cursor.ts'
import { loadFacts, type Interest } from './facts.ts'
import type { RealtimeLimits } from './limits.ts'
import type { RealtimeMetrics } from './metrics.ts'
import type { EventFields } from './protocol.ts'
import { createReplays } from './replay.ts'
import type { Subscription } from './subscription.ts'
import { deliveriesOf } from './subscriptions.ts'

export interface Stream {
  /** Up to where events have been told, or are being told. A subscription without a cursor begins here. */
  heading(): Cursor
  /** Up to where all subscriptions that are not being replayed have been told. */
  position(): Cursor
  size(): number
  /** Says `subscribed` and tells what comes after `after`, or from now on. */
  add(subscription: Subscription, after: Cursor | null): void
  remove(subscription: Subscription): void
  rechannel(subscription: Subscription, channels: readonly string[]): void
  /** Makes the client load afresh, and goes on from now. */
  reset(subscription: Subscription): void
  close(): void
}

/** After so many events sent, others get their turn. */
const sendsAtOnceMax = 2000

export function createStream(options: {
  runtime: Pick<Runtime, 'db' | 'log' | 'events' | 'clock'>
  limits: RealtimeLimits
  metrics: RealtimeMetrics
  /** Brings up to date who may see what, before the events are told. */
  prepare: (events: readonly StoredEvent[]) => Promise<void>
  /**
   * Events are not told, and may have been of rights: nobody whose rights are not known anew may go on
   * listening. Whoever comes back is asked again who it is, and told what it missed.
   */
  giveUp: () => void
}): Stream {
  const { runtime, limits, metrics } = options
  const subscriptions = new Set<Subscription>()
  const channels = createChannels<Subscription>()
  const days = new Map<string, number>()
  let openTimesCount = 0
  let appointmentsCount = 0
  let heading: Cursor = runtime.events.reading.position() ?? { xid: '0', seq: '0' }
  let position = heading
  let batches: (readonly StoredEvent[])[] = []
  let isTelling = false

  const replays = createReplays({
    runtime,
    limits,
    tell: (subscription, event, fields) => send(subscription, event, fields),
    finish(subscription, outcome) {
      metrics.replay(outcome)
      if (outcome === 'reset') reset(subscription)
      else tellWaiting(subscription)
    },
  })

  function count(topic: Subscription['topic'], change: 1 | -1): void {
    if (topic.topic === 'open-times') openTimesCount += change
    if (topic.topic === 'appointments') appointmentsCount += change
    if (topic.topic !== 'clinic-day') return
    const left = (days.get(topic.clinicId) ?? 0) + change
    if (left === 0) days.delete(topic.clinicId)
    else days.set(topic.clinicId, left)
  }

  function interest(): Interest {
    return {
      clinicIds: new Set(days.keys()),
      hasOpenTimes: openTimesCount > 0,
      hasAppointments: appointmentsCount > 0,
    }
  }

  function messageOfEvent(subscription: Subscription, event: Cursor, fields: EventFields) {
    const { id } = subscription
    return { type: 'event' as const, id, cursor: encodeCursor(event), ...fields }
  }

  function send(subscription: Subscription, event: Cursor, fields: EventFields): void {
    subscription.send(messageOfEvent(subscription, event, fields))
    metrics.sent(1)
  }

  function reset(subscription: Subscription): void {
    replays.remove(subscription)
    subscription.from = heading
    subscription.waiting = null
    subscription.send({ type: 'reset', id: subscription.id, cursor: encodeCursor(heading) })
  }

  function tellWaiting(subscription: Subscription): void {
    const { waiting } = subscription
    subscription.waiting = null
    for (const message of waiting ?? []) subscription.send(message)
    metrics.sent(waiting?.length ?? 0)
  }

  /** Answers to how many subscriptions the event went. */
  function tell(event: StoredEvent, facts: Parameters<typeof deliveriesOf>[1]): number {
    let told = 0
    for (const delivery of deliveriesOf(event, facts))
      channels.tell(delivery, (subscription, fields) => {
        if (compareCursors(event, subscription.from) <= 0) return
        told += 1
        const { waiting } = subscription
        if (waiting === null) send(subscription, event, fields)
        else if (waiting.length < limits.replayedMax)
          waiting.push(messageOfEvent(subscription, event, fields))
        else reset(subscription)
      })
    if (told > 0) metrics.delayed(runtime.clock() - event.occurredAt)
    return told
  }

  async function tellBatch(batch: readonly StoredEvent[]): Promise<void> {
    await options.prepare(batch)
    const facts = await loadFacts(runtime.db, batch, interest())
    let told = 0
    for (const event of batch) {
      told += tell(event, facts)
      position = event
      if (told < sendsAtOnceMax) continue
      told = 0
      await setImmediate()
    }
  }

  async function run(): Promise<void> {
    isTelling = true
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      heading = batch.at(-1) ?? heading
      try {
        if (subscriptions.size > 0) await tellBatch(batch)
      } catch (error) {
        runtime.log.error({ error: messageOf(error) }, 'events could not be told to open sockets')
        options.giveUp()
      }
      position = heading
    }
    isTelling = false
  }

  const stopListening = runtime.events.listen((batch) => {
    batches.push(batch)
    if (batches.length > limits.batchesMax) {
      // What cannot be told in time is not told.
      heading = batch.at(-1) ?? heading
      batches = []
      options.giveUp()
    }
    if (!isTelling) void run()
  })

  return {
    heading: () => heading,
    position: () => position,
    size: () => subscriptions.size,
    add(subscription, after) {
      const start = after ?? heading
      const isBehind = compareCursors(start, heading) < 0
      subscription.from = isBehind ? heading : start
      subscription.waiting = isBehind ? [] : null
      subscriptions.add(subscription)
      channels.add(subscription, subscription.channels)
      count(subscription.topic, 1)
      subscription.send({
        type: 'subscribed',
        id: subscription.id,
        cursor: encodeCursor(start),
      })
      if (isBehind) replays.add(subscription, { after: start, until: heading })
    },
    remove(subscription) {
      if (!subscriptions.delete(subscription)) return
      replays.remove(subscription)
      channels.remove(subscription, subscription.channels)
      count(subscription.topic, -1)
    },
    rechannel(subscription, changed) {
      replays.rechannel(subscription, changed)
      channels.remove(subscription, subscription.channels)
      channels.add(subscription, changed)
      subscription.channels = changed
    },
    reset,
    close: stopListening,
  }
}
