// A subscription of a socket, as the stream of events and the replays see it.

import type { Cursor } from '#src/events/events.ts'
import type { Interest } from './facts.ts'
import type { ThreadVisit } from './policy.ts'
import type { ServerMessage, Topic } from './protocol.ts'

export interface Subscription {
  /** The client's name for it. */
  readonly id: string
  readonly topic: Topic
  /** The visit of a thread. */
  visit: ThreadVisit | null
  channels: readonly string[]
  /** Events up to here are not sent: they were, or are replayed, or need not be. */
  from: Cursor
  /** What happened since, while events before it are still being replayed; null when none are. */
  waiting: ServerMessage[] | null
  readonly send: (message: ServerMessage) => void
}

/** What must be read to tell these subscriptions of events. */
export function interestOf(subscriptions: readonly Subscription[]): Interest {
  const clinicIds = subscriptions.flatMap(({ topic }) =>
    topic.topic === 'clinic-day' ? [topic.clinicId] : [],
  )
  return {
    clinicIds: new Set(clinicIds),
    hasOpenTimes: subscriptions.some(({ topic }) => topic.topic === 'open-times'),
    hasAppointments: subscriptions.some(({ topic }) => topic.topic === 'appointments'),
  }
}
