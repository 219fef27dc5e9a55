// From where an account was signed in: whoever comes from there again is not kept out by the tries of others
// elsewhere. Kept as a keyed hash of the two, so the table names nobody.

import type { Context } from '#src/context.ts'
import { keepCounted } from '#src/http/count-queries.ts'
import { sessionDaysMax } from './session-lengths.ts'
import { isCounted } from './sign-in-queries.ts'

const dayMilliseconds = 86_400_000

/** Longer than any session lives, so that an owner whose session ends comes in again. */
export const rememberedDays = sessionDaysMax + 30

type Remembering = Pick<Context, 'db' | 'clock' | 'links' | 'clientAddress'>

/** Remembers for `rememberedDays` from now that the account of the address was signed in from here. */
export async function rememberNetwork(context: Remembering, email: string): Promise<void> {
  const subject = hereOf(context, email)
  if (subject === null) return
  const windowEndsAt = context.clock() + rememberedDays * dayMilliseconds
  // Once a day is often enough: tokens are exchanged every few minutes.
  await keepCounted(context.db, { subject, windowEndsAt, unlessWithin: dayMilliseconds })
}

/** Whether the account was signed in from here lately; the same statement for an address of none. */
export async function isNetworkKnown(context: Remembering, email: string): Promise<boolean> {
  const subject = hereOf(context, email)
  return subject !== null && isCounted(context.db, { subject, now: context.clock() })
}

/** Null for who comes from nowhere, as from the command line. */
function hereOf({ links, clientAddress }: Remembering, email: string): Buffer | null {
  if (clientAddress === null) return null
  return links.hashOf(`signed-in-from ${email.toLowerCase()} ${clientAddress}`)
}
