// Whether the audit is what was sealed: all rows are read again and hashed as they were.

import type { Queryable } from '#src/db/connect.ts'
import type { Cursor } from '#src/events/queries.ts'
import type { Instant } from '#src/kernel/time.ts'
import { beginning, noHash, sealHash } from './chain.ts'
import {
  auditRowsAfter,
  countAuditRowsAfter,
  lastSeal,
  oldestUnsealed,
  sealsAfter,
  type SealedRow,
  type SealRow,
} from './seal-queries.ts'

/** Something that is wrong. */
export interface AuditFault {
  /**
   * Rows of the seal's range are gone or too many; rows, the seal or the one before it are not as they
   * were; or a hash that was noted elsewhere is not there, be it that all else fits together.
   */
  what: 'missing' | 'added' | 'changed' | 'rebuilt'
  /** The number of the seal; null for `rebuilt`. */
  seal: string | null
  /** The range of the seal in the order of commits, after the first and up to the second. */
  after: Cursor | null
  to: Cursor | null
  /** One sentence for the operator. */
  detail: string
}

export interface AuditReport {
  /** How many seals and sealed rows are as they were. */
  seals: number
  rows: number
  /** How many rows there are after the newest seal. */
  unsealed: number
  /** When the first of them happened; null when there is none. */
  unsealedSince: Instant | null
  /** The newest hash in hexadecimal, worth noting elsewhere; null without a seal. */
  lastHash: string | null
  /** The first of what is wrong, in the order of the seals. */
  faults: AuditFault[]
  faultCount: number
}

const rowsAtOnce = 5000
const sealsAtOnce = 1000
const faultsMax = 20

/**
 * Reads all seals that there are at the start and all rows that they cover, a few thousand at a time. After
 * a seal that does not fit it goes on as if it did, so that what comes later is looked at too. `expect` are
 * hashes in hexadecimal that were noted before, from the log or an earlier run: each must be that of a seal.
 * `onProgress` hears after each seal how many rows fit so far.
 */
export async function verifyAudit(
  db: Queryable,
  options: { expect?: readonly string[]; onProgress?: (rows: number) => void } = {},
): Promise<AuditReport> {
  const { expect = [], onProgress = () => {} } = options
  const newest = await lastSeal(db)
  const end = newest?.to ?? beginning
  const rows = readRows(db, end)
  const done = { seals: 0, rows: 0 }
  const faults: AuditFault[] = []
  let faultCount = 0
  const note = (fault: AuditFault) => {
    faultCount += 1
    if (faults.length < faultsMax) faults.push(fault)
  }
  let previous: Pick<SealRow, 'to' | 'hash'> = { to: beginning, hash: noHash }
  const missing = new Set(expect.map((hash) => hash.trim().toLowerCase()))
  for await (const seal of readSeals(db, newest?.seq ?? '0')) {
    const fault = await faultOf(seal, previous, rows)
    if (fault === null) {
      done.seals += 1
      done.rows += seal.rows
    } else note(fault)
    missing.delete(seal.hash.toString('hex'))
    previous = seal
    onProgress(done.rows)
  }
  for (const hash of missing) note(rebuilt(hash))
  return {
    ...done,
    unsealed: await countAuditRowsAfter(db, end),
    unsealedSince: await oldestUnsealed(db),
    lastHash: newest?.hash.toString('hex') ?? null,
    faults,
    faultCount,
  }
}

function rebuilt(hash: string): AuditFault {
  return {
    what: 'rebuilt',
    seal: null,
    after: null,
    to: null,
    detail: `No seal has the hash ${hash} that was expected: the seals were made anew or taken out, or the hash is of another database.`,
  }
}

/** Reads the rows that the seal must cover; what is wrong, or null. */
async function faultOf(
  seal: SealRow,
  previous: Pick<SealRow, 'to' | 'hash'>,
  rows: RowReader,
): Promise<AuditFault | null> {
  const hash = sealHash(previous.hash)
  let count = 0
  for (let row = await rows.peek(); row && !isAfter(row, seal.to); row = await rows.peek()) {
    hash.add(row)
    count += 1
    rows.take()
  }
  if (isAfter(seal.to, previous.to) && hash.complete(seal).equals(seal.hash)) return null
  const what = count < seal.rows ? 'missing' : count > seal.rows ? 'added' : 'changed'
  return { what, seal: seal.seq, after: previous.to, to: seal.to, detail: detailOf(seal, count) }
}

function detailOf(seal: SealRow, count: number): string {
  const found = `Seal ${seal.seq} of ${seal.sealedAt} was made over ${seal.rows} rows, and there are ${count}`
  if (count < seal.rows) return `${found}: rows were taken out, or the seal was changed.`
  if (count > seal.rows)
    return `${found}: rows were slipped in, or a seal was changed or taken out.`
  return `${found}, but not the same: a row, this seal or the one before it was changed.`
}

function isAfter(one: Cursor, other: Cursor): boolean {
  const [oneXid, otherXid] = [BigInt(one.xid), BigInt(other.xid)]
  return oneXid === otherXid ? BigInt(one.seq) > BigInt(other.seq) : oneXid > otherXid
}

async function* readSeals(db: Queryable, to: string): AsyncGenerator<SealRow> {
  let after = '0'
  for (;;) {
    const batch = await sealsAfter(db, { after, to, limit: sealsAtOnce })
    yield* batch
    after = batch.at(-1)?.seq ?? after
    if (batch.length < sealsAtOnce) return
  }
}

/** The rows one by one, of which the next can be looked at before it is taken. */
interface RowReader {
  peek(): Promise<SealedRow | undefined>
  take(): void
}

function readRows(db: Queryable, to: Cursor): RowReader {
  let batch: SealedRow[] = []
  let index = 0
  let after = beginning
  let isEnd = false
  return {
    async peek() {
      if (index === batch.length && !isEnd) {
        batch = await auditRowsAfter(db, { after, to, limit: rowsAtOnce })
        index = 0
        after = batch.at(-1) ?? after
        isEnd = batch.length < rowsAtOnce
      }
      return batch[index]
    },
    take: () => void (index += 1),
  }
}
