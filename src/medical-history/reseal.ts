// Sealing the entries anew by the key in use, which is the only change that an entry ever sees.

import type { Runtime } from '#src/context.ts'
import { resealColumn, type ResealCounts } from '#src/db/reseal.ts'
import { withRetry } from '#src/db/retry.ts'
import { placeOfEntry } from './content.ts'
import { replaceSealedEntries, sealedEntriesAfter } from './queries.ts'

/** Seals by the key in use what a former key sealed, as `resealColumn` does. */
export async function resealEntries(
  { db, vault }: Pick<Runtime, 'db' | 'vault'>,
  onProgress?: (counts: ResealCounts) => void,
): Promise<ResealCounts> {
  return resealColumn({
    vault,
    placeOf: placeOfEntry,
    read: (afterId, rowsMax) => withRetry(() => sealedEntriesAfter(db, { afterId, rowsMax })),
    replace: (changes) => withRetry(() => replaceSealedEntries(db, changes)),
    ...(onProgress && { onProgress }),
  })
}
