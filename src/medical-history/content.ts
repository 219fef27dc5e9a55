// What an entry says, sealed for its row.

import type { Logger } from 'pino'
import { tryToOpen } from '#src/db/reseal.ts'
import type { Vault } from '#src/db/vault.ts'

export const severities = ['mild', 'moderate', 'severe'] as const

export interface EntryDetails {
  /** Of a condition or medicine: a year, a month or a date, as 2019, 2019-03 or 2019-03-12. */
  since?: string
  /** Of an allergy: what happens, and how bad it is. */
  reaction?: string
  severity?: (typeof severities)[number]
  /** Of a medicine: how much and when. */
  dose?: string
}

export interface EntryContent {
  /** Undefined for a correction that takes an entry back. */
  text?: string
  details?: EntryDetails
  /** Why an entry was corrected. */
  reason?: string
}

/** Where the content of an entry stands, and where alone it can be opened. */
export function placeOfEntry(id: string): string {
  return `medical_entry ${id}`
}

/** The content sealed for the entry; null for one that says nothing. */
export function sealContent(vault: Vault, id: string, content: EntryContent): Buffer | null {
  const { text, details, reason } = content
  if (text === undefined && reason === undefined) return null
  return vault.seal(JSON.stringify({ text, details, reason }), placeOfEntry(id))
}

/**
 * What the entry says; null when no key at hand opens it. That is logged, and does not keep the other
 * entries from those who need them.
 */
export function openContent(
  { vault, log }: { vault: Vault; log: Logger },
  { id, content }: { id: string; content: Buffer | null },
): EntryContent | null {
  if (content === null) return {}
  const text = tryToOpen(vault, content, placeOfEntry(id), (message) =>
    log.error({ entryId: id, error: message }, 'an entry of a medical history cannot be opened'),
  )
  // What was sealed here was made by `sealContent`: nobody else has the key.
  return text === null ? null : (JSON.parse(text) as EntryContent)
}
