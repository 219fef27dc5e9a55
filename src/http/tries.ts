// Tries that are counted one by one, for all processes together: wrong passwords, codes, mails that anyone
// can ask for. What is counted is kept by a keyed hash, so the table names nobody.

import type { Context } from '#src/context.ts'
import { TooManyRequests } from '#src/kernel/errors.ts'
import { countOne, uncountOne } from './count-queries.ts'

/** What is counted: so many of a name by (or about) a subject, such as an address or an e-mail. */
export interface Tries {
  /** Of the limit, also told to whoever is refused: lower-case words with hyphens. */
  name: string
  subject: string
  /** How many in a window; the configured factor widens it. */
  max: number
  /** From the first try on. */
  windowSeconds: number
}

type Counting = Pick<Context, 'db' | 'clock' | 'links' | 'config'>

/**
 * Counts one try, in one statement that is committed at once: of tries at the same time no more than `max`
 * pass. Call it outside a transaction, which would take it back.
 *
 * `noteLimit` is run for the first that does not pass. What did not pass must not be forgiven.
 *
 * @throws TooManyRequests when the window's tries are used up.
 */
export async function takeTry(
  context: Counting,
  tries: Tries,
  noteLimit?: () => Promise<void>,
): Promise<void> {
  const { db, clock, links, config } = context
  const now = clock()
  const max = tries.max * config.rateLimitFactor
  const count = await countOne(db, {
    subject: links.hashOf(`${tries.name} ${tries.subject}`),
    // One more than may pass is the first that was refused, and another one stands for all after it.
    usedMax: max + 2,
    now,
    windowEndsAt: now + tries.windowSeconds * 1000,
  })
  if (count.used <= max) return
  if (count.used === max + 1) await noteLimit?.()
  throw new TooManyRequests(Math.ceil((count.window_ends_at - now) / 1000), tries.name)
}

/** Takes a try back that turned out to be right, where only wrong ones count. */
export async function forgiveTry(
  { db, clock, links }: Counting,
  { name, subject }: Pick<Tries, 'name' | 'subject'>,
): Promise<void> {
  await uncountOne(db, { subject: links.hashOf(`${name} ${subject}`), now: clock() })
}
