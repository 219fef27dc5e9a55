// Asking the database again when it could not answer, so that a short outage or a deadlock between
// two others is not the caller's problem.

import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '#src/kernel/errors.ts'
import { isLostConnection, isTransient } from './constraints.ts'

const patienceMilliseconds = 30_000
const transientTriesMax = 10

/** Runs `work` again when the database undid it in favour of another transaction. */
export async function withTransientRetry<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isTransient(error) || tries === transientTriesMax) throw error
      await delay(Math.random() * 20)
    }
  }
}

/**
 * Runs `work` until it answers. It must be safe to run again after it was done and its answer lost.
 *
 * @throws Refusal `busy` when the database stays away for 30 s.
 */
export async function withRetry<Result>(work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  for (;;) {
    try {
      return await withTransientRetry(work)
    } catch (error) {
      // Given up on after many deadlocks, which is the database's matter and not the caller's.
      if (isTransient(error))
        throw new Refusal('busy', 'The database is busy. Try again in a moment.')
      if (!isLostConnection(error)) throw error
      if (performance.now() - startedAt > patienceMilliseconds)
        throw new Refusal('busy', 'The database does not answer. Try again in a moment.')
      await delay(100 + Math.random() * 200)
    }
  }
}

/** Whether what was asked with `withRetry` may have been done although it failed. */
export function isOutcomeUnknown(error: unknown): boolean {
  return isLostConnection(error) || (error instanceof Refusal && error.code === 'busy')
}
