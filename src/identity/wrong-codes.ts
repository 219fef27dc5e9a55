// How many wrong codes one place may try: of invitations, of links to records, and the network's own.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import { forgiveTry, takeTry } from '#src/http/tries.ts'

const tries = { name: 'wrong-code', max: 10, windowSeconds: 3600 }

/**
 * Runs a check of a code that throws when it is wrong, which then counts for where the request came from.
 * Call it outside a transaction.
 *
 * @throws TooManyRequests, and what the check throws.
 */
export async function countWrongCodes<Result>(
  context: Context,
  check: () => Promise<Result>,
): Promise<Result> {
  const subject = context.clientAddress
  if (subject === null) return check()
  // Counted before the check, so that of many at once no more than these are checked.
  await takeTry(context, { ...tries, subject }, () =>
    record(context, context.db, {
      action: 'code.try',
      subjectType: 'code',
      subjectId: null,
      allowed: false,
      details: { limit: tries.name },
    }),
  )
  const result = await check()
  await forgiveTry(context, { name: tries.name, subject })
  return result
}
