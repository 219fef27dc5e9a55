// Sealing the secrets of second factors anew by the key in use.

import type { Runtime } from '#src/context.ts'
import { resealColumn, type ResealCounts } from '#src/db/reseal.ts'
import { withRetry } from '#src/db/retry.ts'
import { replaceSealedFactors, sealedFactorsAfter } from './reseal-queries.ts'
import { placeOf } from './second-factor-codes.ts'

/** Seals by the key in use what a former key sealed, as `resealColumn` does. */
export async function resealSecondFactors(
  { db, vault }: Pick<Runtime, 'db' | 'vault'>,
  onProgress?: (counts: ResealCounts) => void,
): Promise<ResealCounts> {
  return resealColumn({
    vault,
    placeOf,
    read: (afterId, rowsMax) => withRetry(() => sealedFactorsAfter(db, { afterId, rowsMax })),
    replace: (changes) => withRetry(() => replaceSealedFactors(db, changes)),
    ...(onProgress && { onProgress }),
  })
}
