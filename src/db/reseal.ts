// Sealing a column anew by the key in use, beside servers that read and write it.

import { messageOf } from '#src/kernel/errors.ts'
import type { Vault } from './vault.ts'

export interface ResealCounts {
  /** How many values were looked at. */
  seen: number
  /** How many were sealed by a former key, and now are by the key in use. */
  resealed: number
  /** The ids of rows that no key at hand opens, or that were changed by other hands. They stay as they are. */
  unreadable: string[]
}

export interface SealedRow {
  id: string
  sealed: Buffer
}

/** How many rows are read and written at once. */
export const resealBatchSize = 200

/**
 * Goes over a column in the order of the rows' ids and seals by the key in use what a former one sealed.
 * It may be stopped at any time and begun again: what is done is passed over. `replace` puts a value in the
 * place of one that is still there, and answers how many were; what someone else changed or deleted
 * meanwhile is left alone. `onProgress` hears of each batch.
 */
export async function resealColumn(options: {
  vault: Vault
  placeOf: (id: string) => string
  read: (afterId: string | null, rowsMax: number) => Promise<SealedRow[]>
  replace: (changes: readonly (SealedRow & { resealed: Buffer })[]) => Promise<number>
  onProgress?: (counts: ResealCounts) => void
}): Promise<ResealCounts> {
  const { vault, placeOf, read, replace, onProgress } = options
  const counts: ResealCounts = { seen: 0, resealed: 0, unreadable: [] }
  let afterId: string | null = null
  for (;;) {
    const rows = await read(afterId, resealBatchSize)
    const changes = rows.flatMap((row) => {
      if (vault.isCurrent(row.sealed)) return []
      const resealed = resealOf(vault, row.sealed, placeOf(row.id))
      if (resealed === null) counts.unreadable.push(row.id)
      return resealed === null ? [] : [{ ...row, resealed }]
    })
    counts.seen += rows.length
    if (changes.length > 0) counts.resealed += await replace(changes)
    if (rows.length > 0) onProgress?.({ ...counts, unreadable: [...counts.unreadable] })
    afterId = rows.at(-1)?.id ?? afterId
    if (rows.length < resealBatchSize) return counts
  }
}

function resealOf(vault: Vault, sealed: Buffer, place: string): Buffer | null {
  const text = tryToOpen(vault, sealed, place)
  return text === null ? null : vault.seal(text, place)
}

/** The text of a sealed value; null when none of the keys opens it there. `onFault` hears why. */
export function tryToOpen(
  vault: Vault,
  sealed: Buffer,
  place: string,
  onFault: (message: string) => void = () => {},
): string | null {
  try {
    return vault.open(sealed, place)
  } catch (error) {
    onFault(messageOf(error))
    return null
  }
}
