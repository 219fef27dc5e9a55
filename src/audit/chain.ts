// What a seal is a hash of. Whoever checks the audit with a program of their own follows this file.

import { createHash } from 'node:crypto'
import type { Cursor } from '#src/events/queries.ts'
import type { SealedRow } from './seal-queries.ts'

/** What stands in place of the hash before, for the first seal. */
export const noHash = Buffer.alloc(32)

/** Where the order of commits begins. */
export const beginning: Cursor = { xid: '0', seq: '0' }

export interface SealHash {
  add(row: SealedRow): void
  /** To be called once, after all rows. `sealedAt` is in UTC with microseconds. */
  complete(seal: { to: Cursor; rows: number; sealedAt: string }): Buffer
}

/**
 * SHA-256 over the 32 bytes of the hash before, a line for each row in the order of commits, and a line
 * for the seal itself. A line is a JSON array (RFC 8259) of text, true, false, null and numbers without
 * spaces, in UTF-8, and a line feed, which JSON writes as \n inside of text: no two contents give the
 * same bytes.
 */
export function sealHash(previous: Buffer): SealHash {
  const hash = createHash('sha256').update(previous)
  const addLine = (values: unknown[]) => void hash.update(`${JSON.stringify(values)}\n`)
  return {
    add: (row) =>
      addLine([
        row.xid,
        row.seq,
        row.occurredAt,
        row.actorId,
        row.action,
        row.subjectType,
        row.subjectId,
        row.allowed,
        row.requestId,
        row.details,
      ]),
    complete({ to, rows, sealedAt }) {
      addLine([to.xid, to.seq, rows, sealedAt])
      return hash.digest()
    },
  }
}
