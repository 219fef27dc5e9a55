// What the operator sees of live updates.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { EventBus } from '#src/events/events.ts'

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
  events: EventBus
  sockets: () => number
  subscriptions: () => number
}): RealtimeMetrics {
  const { registry, events } = options
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number | null) =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const value = read()
          if (value !== null) this.set(value)
        },
      }),
    )
  gauge('realtime_sockets', 'Open sockets.', options.sockets)
  gauge('realtime_subscriptions', 'Subscriptions of open sockets.', options.subscriptions)
  gauge('event_reader_lag_seconds', 'Time since the event table was last read to its end.', () => {
    const readAt = events.readToEndAt()
    return readAt === null ? null : (performance.now() - readAt) / 1000
  })
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
