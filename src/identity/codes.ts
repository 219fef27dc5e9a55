// Codes that people copy by hand, for invitations, for links to records and for the day a second factor is
// lost: how they are made and written, and the hash by which they are stored.

import { createHash, randomBytes } from 'node:crypto'

/** Crockford's base 32: digits and capitals without I, L, O and U. */
const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** In symbols of five bits. */
export const codeLength = 24

/** 120 random bits. */
export function newCode(): string {
  return codeFrom(randomBytes(codeLength))
}

/** One symbol for each byte, of which five bits count. */
export function codeFrom(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => symbols[byte % symbols.length]).join('')
}

/** The code with this hash; without a hash, or where none has it, the first. */
export function pickCode(codes: readonly string[], hash: Buffer | undefined): string {
  return codes.find((code) => hash?.equals(hashOfCode(code))) ?? codes[0]!
}

/** The hash to store or look up, the same for what one may make of a code when copying it by hand. */
export function hashOfCode(code: string): Buffer {
  const written = code
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  return createHash('sha256').update(written).digest()
}
