// Lets a few pieces of heavy work run at once, a few more wait, and turns the rest away.

import { Refusal } from '#src/kernel/errors.ts'

export interface Turns {
  /** Runs `work` when it is its turn. Throws Refusal `busy` when that would take too long. */
  take<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * Turns for work of which `atOnceMax` pieces run at a time. Work is turned away when those before it
 * are expected to keep it waiting longer than `waitMillisecondsMax`; how long a piece takes is
 * learned from the ones before, beginning with `workMilliseconds`.
 */
export function createTurns(options: {
  atOnceMax: number
  workMilliseconds: number
  waitMillisecondsMax: number
}): Turns {
  const waiting: (() => void)[] = []
  let running = 0
  let usualMilliseconds = options.workMilliseconds

  function refuseLongWait(): void {
    const expected = ((waiting.length + 1) * usualMilliseconds) / options.atOnceMax
    if (expected > options.waitMillisecondsMax)
      throw new Refusal('busy', 'Too many others are waiting. Try again in a moment.')
  }

  async function start(): Promise<void> {
    if (running < options.atOnceMax) running += 1
    else {
      refuseLongWait()
      await new Promise<void>((resolve) => void waiting.push(resolve))
    }
  }

  /** Whoever waits longest takes over the place, so that `running` stays as it is. */
  function finish(): void {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }

  return {
    async take(work) {
      await start()
      const startedAt = performance.now()
      try {
        return await work()
      } finally {
        usualMilliseconds += (performance.now() - startedAt - usualMilliseconds) / 10
        finish()
      }
    },
  }
}
