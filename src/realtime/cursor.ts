// Places in the order of commits as clients keep them: opaque text, to be compared by the server alone.

import type { Cursor } from '#src/events/events.ts'

const cursorPattern = /^(?<xid>[0-9a-z]{1,13})\.(?<seq>[0-9a-z]{1,13})$/
const xidMax = 2n ** 64n - 1n
const seqMax = 2n ** 63n - 1n

/** The cursor as text. */
export function encodeCursor({ xid, seq }: Cursor): string {
  return `${BigInt(xid).toString(36)}.${BigInt(seq).toString(36)}`
}

/** The cursor that `encodeCursor` was given; null for any other text. */
export function decodeCursor(text: string): Cursor | null {
  const parts = cursorPattern.exec(text)?.groups
  if (!parts) return null
  const [xid, seq] = [readNumber(parts['xid']!), readNumber(parts['seq']!)]
  return xid > xidMax || seq > seqMax ? null : { xid: String(xid), seq: String(seq) }
}

function readNumber(text: string): bigint {
  let number = 0n
  for (const digit of text) number = number * 36n + BigInt(Number.parseInt(digit, 36))
  return number
}

/** Below 0 when `one` comes before `other`, 0 when they are the same, above 0 when it comes after. */
export function compareCursors(one: Cursor, other: Cursor): number {
  return compareNumbers(one.xid, other.xid) || compareNumbers(one.seq, other.seq)
}

/** Compares whole numbers in decimal without leading zeros, which are too large for a number. */
function compareNumbers(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length
  if (one === other) return 0
  return one < other ? -1 : 1
}
