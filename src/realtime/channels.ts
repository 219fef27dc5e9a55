// Who listens to which channel.

import type { Delivery } from './subscriptions.ts'
import type { EventFields } from './protocol.ts'

export interface Channels<Listener> {
  add(listener: Listener, channels: readonly string[]): void
  remove(listener: Listener, channels: readonly string[]): void
  /** Tells each listener of the delivery once, by the first of its channels. */
  tell(delivery: Delivery, to: (listener: Listener, fields: EventFields) => void): void
}

export function createChannels<Listener extends object>(): Channels<Listener> {
  const listeners = new Map<string, Set<Listener>>()
  return {
    add(listener, channels) {
      for (const channel of channels) {
        const those = listeners.get(channel)
        if (those) those.add(listener)
        else listeners.set(channel, new Set([listener]))
      }
    },
    remove(listener, channels) {
      for (const channel of channels) {
        const those = listeners.get(channel)
        those?.delete(listener)
        if (those?.size === 0) listeners.delete(channel)
      }
    },
    tell(delivery, to) {
      const told = new Set<Listener>()
      for (const [channel, fields] of delivery)
        for (const listener of listeners.get(channel) ?? []) {
          if (told.has(listener)) continue
          told.add(listener)
          to(listener, fields)
        }
    },
  }
}
