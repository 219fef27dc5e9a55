// The secrets in links and addresses that Visita gives out. Each is made of an id by a key that never
// leaves the process, so none is stored, and the same link can be written into a mail that is sent again.

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a secret is good for: one that is known opens nothing else. */
export type LinkPurpose =
  | 'view'
  | 'cancel'
  | 'move'
  | 'confirm'
  | 'offer'
  | 'claim'
  | 'invitation'
  | 'calendar'
  | 'reset_password'
  | 'verify_email'
  | 'change_email'
  | 'access'
  | 'refresh'

export interface LinkSigner {
  /**
   * 32 bytes that cannot be guessed, always the same for the purpose and the id: by each key that is
   * accepted, the one in use first.
   */
  secretsOf(purpose: LinkPurpose, id: string): Buffer[]
  /** The id and its secret as one word for an address. */
  tokenOf(purpose: LinkPurpose, id: string): string
  /** The id that the token of this purpose was made for; null when it is none of ours. */
  idOf(purpose: LinkPurpose, token: string): string | null
  /** 32 bytes, always the same for a text, from which nobody without the key can find it. */
  hashOf(text: string): Buffer
}

const tokenPattern = /^(?<id>[\w-]{22})(?<secret>[\w-]{43})$/

/**
 * `signingKeys` are those of the access tokens; the links have keys of their own, derived from them. The
 * first makes links, and those that the others made are still taken.
 */
export function createLinkSigner(signingKeys: readonly string[]): LinkSigner {
  const [current, ...former] = signingKeys.map((signingKey) =>
    Buffer.from(hkdfSync('sha256', Buffer.from(signingKey, 'base64url'), '', 'visita links', 32)),
  )
  if (current === undefined) throw new Error('There must be a signing key.')
  const secretBy = (key: Buffer, purpose: LinkPurpose, id: string) =>
    createHmac('sha256', key).update(`${purpose} ${id}`).digest()
  const tokenBy = (key: Buffer, purpose: LinkPurpose, id: string) => {
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
    return bytes.toString('base64url') + secretBy(key, purpose, id).toString('base64url')
  }
  return {
    secretsOf: (purpose, id) => [current, ...former].map((key) => secretBy(key, purpose, id)),
    tokenOf: (purpose, id) => tokenBy(current, purpose, id),
    // No purpose has this name.
    hashOf: (text) => createHmac('sha256', current).update(`hash ${text}`).digest(),
    idOf(purpose, token) {
      const { id: packed, secret } = tokenPattern.exec(token)?.groups ?? {}
      if (packed === undefined || secret === undefined) return null
      const hex = Buffer.from(packed, 'base64url').toString('hex')
      const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      const given = Buffer.from(secret, 'base64url')
      // Of several ways to write the bits of a token one is ours.
      const isOurs = [current, ...former].some(
        (key) =>
          timingSafeEqual(given, secretBy(key, purpose, id)) && token === tokenBy(key, purpose, id),
      )
      return isOurs ? id : null
    },
  }
}
