// Whose the sockets are: what each account may see as it is now, and the end of a socket whose session
// is over.

import type { AccountActor, Runtime } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import type { StoredEvent } from '#src/events/events.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { findActor } from '#src/identity/queries.ts'
import { messageOf, NotSignedIn } from '#src/kernel/errors.ts'
import type { Connection } from './connection.ts'
import type { RealtimeLimits } from './limits.ts'
import { whyNotSubscribe } from './policy.ts'
import { closeCodes } from './protocol.ts'
import { endedSessions, nextAccessEnd, threadVisits } from './queries.ts'
import type { Stream } from './stream.ts'
import { accountsWithOtherRights, channelsOf } from './subscriptions.ts'

export interface Sessions {
  /**
   * Finds out who is there.
   *
   * @throws Refusal `busy` when the database stays away.
   */
  join(connection: Connection, accessToken: string): Promise<'joined' | 'unknown' | 'too-many'>
  leave(connection: Connection): void
  /** How many sockets there are of which it is known whose they are. */
  count(): number
  /**
   * Reads again what the account may see, and applies it to its subscriptions. Closes the socket whose
   * session is over. What was begun to be read after `since` (of `performance.now()`) will do.
   *
   * @throws Refusal `busy` when the database stays away.
   */
  refresh(connection: Connection, since: number): Promise<void>
  /** Brings up to date whoever the events gave other rights, or took a visit from. */
  prepare(events: readonly StoredEvent[]): Promise<void>
  close(): void
}

export function createSessions(options: {
  runtime: Runtime
  limits: RealtimeLimits
  stream: () => Stream
}): Sessions {
  const { runtime, limits } = options
  const byAccount = new Map<string, Set<Connection>>()
  const refreshing = new WeakMap<Connection, Promise<void>>()
  let joined = 0
  let isChecking = false
  let isEndingAccesses = false
  const timer = setInterval(() => void check(), limits.sessionCheckMilliseconds)
  timer.unref()

  function connections(): Connection[] {
    return [...byAccount.values()].flatMap((those) => [...those])
  }

  async function readActor(connection: Connection, bearer: AccountActor): Promise<void> {
    const now = runtime.clock()
    const begunAt = performance.now()
    const { accountId, sessionId } = bearer
    const actor = await withRetry(() => findActor(runtime.db, { accountId, sessionId, now }))
    const accessEndsAt = await withRetry(() => nextAccessEnd(runtime.db, { accountId, now }))
    await readThreads(connection)
    if (!connection.isOpen) return
    if (!actor || actor.needsSecondFactor)
      return connection.end(closeCodes.notSignedIn, 'The session is over.')
    connection.actor = { accountId, sessionId, ...actor }
    connection.accessEndsAt = accessEndsAt
    connection.refreshedAt = begunAt
    apply(connection, connection.actor)
  }

  /** Reads again whose the visits of the socket's threads are: by merging they become another patient's. */
  async function readThreads({ subscriptions }: Connection): Promise<void> {
    const topics = [...subscriptions.values()].map(({ topic }) => topic)
    const ids = new Set(
      topics.flatMap((topic) => (topic.topic === 'thread' ? [topic.appointmentId] : [])),
    )
    if (ids.size === 0) return
    const visits = await withRetry(() => threadVisits(runtime.db, [...ids]))
    for (const subscription of subscriptions.values()) {
      const { topic } = subscription
      if (topic.topic === 'thread' && ids.has(topic.appointmentId))
        subscription.visit = visits.get(topic.appointmentId) ?? null
    }
  }

  function apply(connection: Connection, actor: AccountActor): void {
    for (const subscription of connection.subscriptions.values()) {
      const { id, topic, visit, channels } = subscription
      const code = whyNotSubscribe(actor, topic, visit)
      if (code !== null) {
        connection.subscriptions.delete(id)
        options.stream().remove(subscription)
        connection.send({ type: 'ended', id, code, detail: 'This is not yours to see any more.' })
        continue
      }
      const now = channelsOf(topic, actor)
      const isSame =
        now.length === channels.length && now.every((channel, index) => channel === channels[index])
      if (!isSame) options.stream().rechannel(subscription, now)
    }
  }

  /** One after the other, so that what was read last is what holds. */
  function refresh(connection: Connection, since: number): Promise<void> {
    const before = refreshing.get(connection) ?? Promise.resolve()
    const next = before
      .catch(() => {})
      .then(() => {
        const { actor, isOpen, refreshedAt } = connection
        if (actor === null || !isOpen || refreshedAt > since) return undefined
        return readActor(connection, actor)
      })
    refreshing.set(connection, next)
    return next
  }

  /** Sockets with threads of visits that have another doctor or clinic now. */
  function withMovedThreads(events: readonly StoredEvent[]): Connection[] {
    const moved = new Set(
      events.flatMap(({ subjects }) => {
        const { appointmentId, formerDoctorId, formerClinicId } = subjects
        const isMoved = formerDoctorId !== undefined || formerClinicId !== undefined
        return isMoved && appointmentId !== undefined ? [appointmentId] : []
      }),
    )
    if (moved.size === 0) return []
    return connections().filter(({ subscriptions }) =>
      subscriptions
        .values()
        .some(({ topic }) => topic.topic === 'thread' && moved.has(topic.appointmentId)),
    )
  }

  /** Brings up to date whose accesses to patients have run out, while sessions are looked at on. */
  async function endAccesses(): Promise<void> {
    if (isEndingAccesses) return
    isEndingAccesses = true
    try {
      const now = runtime.clock()
      for (const connection of connections())
        if (connection.accessEndsAt !== null && connection.accessEndsAt <= now)
          await refresh(connection, performance.now())
    } catch (error) {
      sayUnread(error)
    } finally {
      isEndingAccesses = false
    }
  }

  /** Sockets are kept while the database is away, and looked at when it is back. */
  function sayUnread(error: unknown): void {
    runtime.log.debug({ error: messageOf(error) }, 'the sessions of sockets could not be read')
  }

  /** Sessions that are over, and accesses to patients that have run out. */
  async function check(): Promise<void> {
    if (byAccount.size === 0 || isChecking) return
    isChecking = true
    try {
      const now = runtime.clock()
      const open = connections()
      const sessionIds = [...new Set(open.map(({ actor }) => actor!.sessionId))]
      const ended = new Set(await endedSessions(runtime.db, { sessionIds, now }))
      for (const connection of open) {
        if (ended.has(connection.actor!.sessionId))
          connection.end(closeCodes.notSignedIn, 'The session is over.')
      }
      void endAccesses()
    } catch (error) {
      sayUnread(error)
    } finally {
      isChecking = false
    }
  }

  return {
    async join(connection, accessToken) {
      const actor = await authenticate(runtime, `Bearer ${accessToken}`).catch((error: unknown) => {
        if (error instanceof NotSignedIn) return null
        throw error
      })
      if (actor === null || actor.needsSecondFactor) return 'unknown'
      const { accountId } = actor
      const those = byAccount.get(accountId) ?? new Set()
      if (those.size >= limits.accountSocketsMax) return 'too-many'
      if (!connection.isOpen) return 'joined'
      connection.actor = actor
      byAccount.set(accountId, those.add(connection))
      joined += 1
      return 'joined'
    },
    leave(connection) {
      const { actor } = connection
      if (actor === null) return
      const those = byAccount.get(actor.accountId)
      if (those?.delete(connection)) joined -= 1
      if (those?.size === 0) byAccount.delete(actor.accountId)
    },
    count: () => joined,
    refresh,
    async prepare(events) {
      const since = performance.now()
      const accounts = new Set(events.flatMap(accountsWithOtherRights))
      const concerned = new Set(withMovedThreads(events))
      for (const accountId of accounts)
        for (const connection of byAccount.get(accountId) ?? []) concerned.add(connection)
      for (const connection of concerned) await refresh(connection, since)
    },
    close: () => clearInterval(timer),
  }
}
