// How many mails anyone can have sent: to one address, and from one place.

import type { Context } from '#src/context.ts'
import { takeTry } from '#src/http/tries.ts'
import { TooManyRequests } from '#src/kernel/errors.ts'

const hourSeconds = 3600
const mailsToOneAddressMax = 3
const mailsFromOnePlaceMax = 20
const mailsOfOneAccountMax = 5

/**
 * Counts a mail that someone had sent from where the request comes.
 *
 * @throws TooManyRequests.
 */
export async function countMailFrom(context: Context): Promise<void> {
  const subject = context.clientAddress
  if (subject === null) return
  await takeTry(context, {
    name: 'mail-from',
    subject,
    max: mailsFromOnePlaceMax,
    windowSeconds: hourSeconds,
  })
}

/**
 * Counts a mail that the account that is signed in had sent.
 *
 * @throws TooManyRequests.
 */
export async function countMailOf(context: Context, accountId: string): Promise<void> {
  await takeTry(context, {
    name: 'mail-of',
    subject: accountId,
    max: mailsOfOneAccountMax,
    windowSeconds: hourSeconds,
  })
}

/**
 * Counts a mail to the address and answers whether it may be sent: whoever asks is not told, since the
 * count may come of others who asked. Each purpose has a count of its own, so that nobody uses up the mails
 * by which an owner gets in again.
 */
export async function mayMailTo(
  context: Context,
  { email, purpose }: { email: string; purpose: 'reset' | 'change' },
): Promise<boolean> {
  try {
    await takeTry(context, {
      name: `${purpose}-mail-to`,
      subject: email.toLowerCase(),
      max: mailsToOneAddressMax,
      windowSeconds: hourSeconds,
    })
    return true
  } catch (error) {
    if (error instanceof TooManyRequests) return false
    throw error
  }
}
