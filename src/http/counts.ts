// How much was asked for lately, by whom. Each process counts in memory, and adds what matters to the
// database, which answers what all processes counted together.

import type { Runtime } from '#src/context.ts'
import { withTransientRetry } from '#src/db/retry.ts'
import { messageOf } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { addCounts } from './count-queries.ts'
import type { Limit, LimitClass } from './limit-classes.ts'

/** Where a subject stands with one limit. */
export interface Standing {
  name: string
  remaining: number
  /** Until the window ends, at least 1. */
  resetSeconds: number
}

export interface Taken {
  /** Null when the request may be served, else the limit that is used up. */
  refusedBy: Standing | null
  standings: readonly Standing[]
}

export interface Counts {
  /** Counts one request of the subject, unless it is refused; in the database where that is exact. */
  take(limitClass: LimitClass, subject: string): Promise<Taken>
  /** As `take`, in memory for now. */
  takeHere(limitClass: LimitClass, subject: string): Taken
  /** Adds up now what would be a moment later. */
  share(): Promise<void>
  /** How many subjects are in memory. */
  size(): number
  close(): Promise<void>
}

interface Entry {
  windowEndsAt: Instant
  /** What all processes counted, as far as this one was told. */
  shared: number
  /** What was counted here since. */
  own: number
}

/** A subject and one limit, as a request finds them. */
interface Counted {
  limit: Limit
  max: number
  key: string
  entry: Entry
  /** Of the window that was open then: the entry goes over to the next one. */
  windowEndsAt: Instant
}

const shareMilliseconds = 500
const batchMax = 1000

/**
 * What is below this part of its limit in a process stays there. So hardly anyone is ever written down,
 * and up to eight processes together let through twice the limit at the very worst.
 */
const sharedFrom = 1 / 8

/** Subjects in memory, of about 200 bytes each; beyond them the ones that came first are forgotten. */
const entriesMaxUsually = 50_000
const sweepMilliseconds = 60_000

/** `entriesMax` bounds the memory. */
export function createCounts(
  runtime: Pick<Runtime, 'config' | 'db' | 'clock' | 'links' | 'log'>,
  entriesMax = entriesMaxUsually,
): Counts {
  const entries = new Map<string, Entry>()
  const toShare = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let sharing: Promise<void> = Promise.resolve()
  let hasFailed = false
  let isClosed = false
  let sweepAt: Instant = 0

  function find(limit: Limit, subject: string, now: Instant): Counted {
    const key = `${limit.name} ${subject}`
    const milliseconds = limit.windowSeconds * 1000
    const windowEndsAt = now - (now % milliseconds) + milliseconds
    let entry = entries.get(key)
    if (entry === undefined) {
      makeRoom(now)
      entry = { windowEndsAt, shared: 0, own: 0 }
      entries.set(key, entry)
    } else if (entry.windowEndsAt !== windowEndsAt) {
      Object.assign(entry, { windowEndsAt, shared: 0, own: 0 })
    }
    return { limit, max: limit.max * runtime.config.rateLimitFactor, key, entry, windowEndsAt }
  }

  function makeRoom(now: Instant): void {
    if (now >= sweepAt) {
      sweepAt = now + sweepMilliseconds
      for (const [key, { windowEndsAt }] of entries) if (windowEndsAt <= now) entries.delete(key)
    }
    if (entries.size < entriesMax) return
    const [first] = entries.keys()
    if (first !== undefined) entries.delete(first)
  }

  /** Counts each in the database; answers what all processes counted, by key. */
  async function add(counted: readonly (Pick<Counted, 'key' | 'entry'> & { own: number })[]) {
    const rows = counted.map(({ key, entry, own }) => ({
      key,
      subject: runtime.links.hashOf(key),
      used: own,
      windowEndsAt: entry.windowEndsAt,
    }))
    // In one order in every process, so that none waits for another in a circle.
    rows.sort((one, other) => Buffer.compare(one.subject, other.subject))
    const totals = await withTransientRetry(() => addCounts(runtime.db, rows))
    return new Map(rows.map(({ key, subject }) => [key, totals.get(subject.toString('hex')) ?? 0]))
  }

  function noteFailure(error: unknown): void {
    if (!hasFailed) runtime.log.warn({ error: messageOf(error) }, 'counts could not be added up')
    hasFailed = true
  }

  async function shareBatch(): Promise<void> {
    const batch = [...toShare].slice(0, batchMax).flatMap((key) => {
      toShare.delete(key)
      const entry = entries.get(key)
      if (entry === undefined || entry.own === 0) return []
      return [{ key, entry, own: entry.own, windowEndsAt: entry.windowEndsAt }]
    })
    if (batch.length === 0) return
    try {
      const totals = await add(batch)
      hasFailed = false
      for (const { key, entry, own, windowEndsAt } of batch) {
        if (entry.windowEndsAt !== windowEndsAt) continue
        entry.own -= own
        entry.shared = totals.get(key)!
      }
    } catch (error) {
      noteFailure(error)
      for (const { key } of batch) toShare.add(key)
    }
  }

  function share(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    sharing = shareAfter(sharing)
    return sharing
  }

  async function shareAfter(before: Promise<void>): Promise<void> {
    await before
    await shareBatch()
    if (toShare.size > 0) shareSoon()
  }

  function shareSoon(): void {
    if (!isClosed) timer ??= setTimeout(() => void share(), shareMilliseconds).unref()
  }

  /** What is counted already, and a refusal when one of the limits is used up. */
  function begin(limitClass: LimitClass, subject: string) {
    const now = runtime.clock()
    const counted = limitClass.limits.map((limit) => find(limit, subject, now))
    const index = counted.findIndex(({ entry, max }) => entry.shared + entry.own >= max)
    if (index < 0) return { counted, now, refused: null }
    const standings = standingsOf(counted, now)
    return { counted, now, refused: { refusedBy: standings[index]!, standings } }
  }

  function takeHere(limitClass: LimitClass, subject: string): Taken {
    const { counted, now, refused } = begin(limitClass, subject)
    if (refused !== null) return refused
    for (const { entry, key, max } of counted) {
      entry.own += 1
      if (entry.shared + entry.own < max * sharedFrom) continue
      toShare.add(key)
      shareSoon()
    }
    return { refusedBy: null, standings: standingsOf(counted, now) }
  }

  async function takeExactly(limitClass: LimitClass, subject: string): Promise<Taken> {
    const { counted, now, refused } = begin(limitClass, subject)
    if (refused !== null) return refused
    for (const { entry } of counted) entry.own += 1
    try {
      const totals = await add(counted.map(({ key, entry }) => ({ key, entry, own: 1 })))
      hasFailed = false
      for (const { entry, key, windowEndsAt } of counted) {
        if (entry.windowEndsAt !== windowEndsAt) continue
        entry.own = Math.max(0, entry.own - 1)
        entry.shared = Math.max(entry.shared, totals.get(key)!)
      }
      const standings = standingsOf(counted, now)
      const index = counted.findIndex(({ key, max }) => totals.get(key)! > max)
      return { refusedBy: standings[index] ?? null, standings }
    } catch (error) {
      // Nobody is locked out because the database is away; what was counted here still holds.
      noteFailure(error)
      return { refusedBy: null, standings: standingsOf(counted, now) }
    }
  }

  return {
    take: async (limitClass, subject) =>
      limitClass.isExact ? takeExactly(limitClass, subject) : takeHere(limitClass, subject),
    takeHere,
    share,
    size: () => entries.size,
    async close() {
      isClosed = true
      clearTimeout(timer)
      await sharing
    },
  }
}

function standingsOf(counted: readonly Counted[], now: Instant): Standing[] {
  return counted.map(({ limit, max, entry, windowEndsAt }) => ({
    name: limit.name,
    remaining: Math.max(0, max - entry.shared - entry.own),
    resetSeconds: Math.ceil((windowEndsAt - now) / 1000),
  }))
}
