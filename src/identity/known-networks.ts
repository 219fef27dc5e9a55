// From where an account was signed in: whoever comes from there again is not kept out by the tries of others
// elsewhere. Kept as a keyed hash of the two, so the table names nobody.

import type { Context } from '#src/context.ts'
import { keepCounted } from '#src/http/count-queries.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { sessionDaysMax } from './session-lengths.ts'
import { isCounted } from './sign-in-queries.ts'

const dayMilliseconds = 86_400_000

/** Longer than any session lives, so that an owner whose session ends comes in again. */
const rememberedDays = sessionDaysMax + 30

type Asking = Pick<Context, 'db' | 'clock' | 'links' | 'clientAddress'>

/**
 * Remembers for `rememberedDays` from now that the account of the address was signed in from here. Never
 * rejects: what could not be remembered is logged, and is with the next tokens.
 */
export async function rememberNetwork(
  context: Asking & Pick<Context, 'log'>,
  email: string,
): Promise<void> {
  const subject = hereOf(context, email)
  if (subject === null) return
  const windowEndsAt = context.clock() + rememberedDays * dayMilliseconds
  try {
    // Once a day is often enough: tokens are exchanged every few minutes.
    await keepCounted(context.db, { subject, windowEndsAt, unlessWithin: dayMilliseconds })
  } catch (error) {
    context.log.warn({ error: messageOf(error) }, 'a network could not be remembered')
  }
}

/** Whether the account was signed in from here lately; the same statement for an address of none. */
export async function isNetworkKnown(context: Asking, email: string): Promise<boolean> {
  const subject = hereOf(context, email)
  return subject !== null && isCounted(context.db, { subject, now: context.clock() })
}

/** Null for who comes from nowhere, as from the command line. */
function hereOf({ links, clientAddress }: Asking, email: string): Buffer | null {
  if (clientAddress === null) return null
  return links.hashOf(`signed-in-from ${email.toLowerCase()} ${clientAddress}`)
}
