// What is encrypted in its column, so that neither a backup nor a look into the database tells it: AES-256-GCM
// (NIST SP 800-38D) with a random nonce, bound to the row that it stands in.

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

export interface Vault {
  /** The text encrypted for this place, such as `medical_entry ${id}`, where alone it can be opened. */
  seal(text: string, place: string): Buffer
  /** Throws when it was sealed for another place, changed, or sealed by a key that is not at hand. */
  open(sealed: Buffer, place: string): string
  /** Whether it was sealed by the key in use, and not by a former one. */
  isCurrent(sealed: Buffer): boolean
}

/** A sealed value is the version, the key's id, the nonce, the tag and the text, in this order. */
const version = 1
const keyIdBytes = 8
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + keyIdBytes + nonceBytes + tagBytes

/** How many bytes at its beginning tell by which key a value was sealed. */
export const sealHeadBytes = 1 + keyIdBytes

/** What everything begins with that the key sealed; tells nothing of the key. */
export function sealHeadOf(encryptionKey: string): Buffer {
  return Buffer.concat([Buffer.from([version]), keyIdOf(Buffer.from(encryptionKey, 'base64url'))])
}

function keyIdOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, keyIdBytes)
}

/** `encryptionKeys` are 32 bytes as base64url each: the first seals, the others open what they sealed. */
export function createVault(encryptionKeys: readonly string[]): Vault {
  const keys = encryptionKeys.map((text) => {
    const bytes = Buffer.from(text, 'base64url')
    return {
      id: keyIdOf(bytes),
      key: Buffer.from(hkdfSync('sha256', bytes, '', 'visita vault', 32)),
    }
  })
  const [current] = keys
  if (current === undefined) throw new Error('There must be an encryption key.')
  const idOf = (sealed: Buffer) => sealed.subarray(1, 1 + keyIdBytes)

  return {
    seal(text, place) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce)
      cipher.setAAD(Buffer.from(place))
      const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([
        Buffer.from([version]),
        current.id,
        nonce,
        cipher.getAuthTag(),
        encrypted,
      ])
    },

    open(sealed, place) {
      const holder = keys.find(({ id }) => id.equals(idOf(sealed)))
      if (sealed[0] !== version || sealed.length < headBytes || holder === undefined)
        throw new Error('A column was encrypted by a key that ENCRYPTION_KEY does not hold.')
      const nonce = sealed.subarray(1 + keyIdBytes, 1 + keyIdBytes + nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', holder.key, nonce, {
        authTagLength: tagBytes,
      })
      decipher.setAAD(Buffer.from(place))
      decipher.setAuthTag(sealed.subarray(headBytes - tagBytes, headBytes))
      const text = Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()])
      return text.toString('utf8')
    },

    isCurrent: (sealed) => idOf(sealed).equals(current.id),
  }
}
