// What the operator sees of live updates.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Runtime } from '#src/context.ts'
import { oldestUnread } from '#src/events/queries.ts'

export interface RealtimeMetrics {
  /** Events that went out to subscriptions. */
  sent(count: number): void
  /** How long after it happened an event went out, in milliseconds. */
  delayed(milliseconds: number): void
  replay(outcome: 'replayed' | 'reset'): void
  closed(reason: string): void
}

/** Registers the measurements. */
export function createRealtimeMetrics(options: {
  registry: Registry
  runtime: Pick<Runtime, 'db' | 'events' | 'clock'>
  sockets: () => number
  subscriptions: () => number
}): RealtimeMetrics {
  const { registry } = options
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number | Promise<number | null>) =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        async collect() {
          const value = await read()
          if (value !== null) this.set(value)
        },
      }),
    )
  gauge('realtime_sockets', 'Open sockets.', options.sockets)
  gauge('realtime_subscriptions', 'Subscriptions of open sockets.', options.subscriptions)
  gauge(
    'event_reader_lag_seconds',
    'Age of the oldest event that this process has not told, or time since it could read them all.',
    async () => {
      const milliseconds = await readerLag(options.runtime)
      return milliseconds === null ? null : milliseconds / 1000
    },
  )
  const sent = new Counter({
    name: 'realtime_events_sent_total',
    help: 'Events sent, counted once for each subscription.',
    registers,
  })
  const delays = new Histogram({
    name: 'realtime_event_delay_seconds',
    help: 'Time from the event to its going out, counted once for each event that someone is told.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const replays = new Counter({
    name: 'realtime_replays_total',
    help: 'Subscriptions that went on after a cursor, by whether the client had to load afresh.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const closed = new Counter({
    name: 'realtime_sockets_closed_total',
    help: 'Sockets that the server closed, by reason.',
    labelNames: ['reason'] as const,
    registers,
  })
  return {
    sent: (count) => sent.inc(count),
    delayed: (milliseconds) => delays.observe(Math.max(0, milliseconds) / 1000),
    replay: (outcome) => replays.inc({ outcome }),
    closed: (reason) => closed.inc({ reason }),
  }
}

/** Looks find the end more often than this when the database answers, in milliseconds. */
const lookEveryMax = 1000

/**
 * How far behind the reader of the event table is, in milliseconds; null before it has begun. A reader
 * that finds no more to read may be held back all the same, by a transaction that is older than what it
 * waits for, so the table is asked then.
 */
async function readerLag({
  db,
  events,
  clock,
}: Pick<Runtime, 'db' | 'events' | 'clock'>): Promise<number | null> {
  const [readAt, position] = [events.reading.readToEndAt(), events.reading.position()]
  if (readAt === null || position === null) return null
  const sinceRead = performance.now() - readAt
  if (sinceRead > lookEveryMax) return sinceRead
  const oldestAt = await oldestUnread(db, position).catch(() => null)
  return oldestAt === null ? 0 : Math.max(0, clock() - oldestAt)
}
