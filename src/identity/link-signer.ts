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

export interface LinkSigner {
  /** 32 bytes that cannot be guessed, always the same for the purpose and the id. */
  secretOf(purpose: LinkPurpose, id: string): Buffer
  /** The id and its secret as one word for an address. */
  tokenOf(purpose: LinkPurpose, id: string): string
  /** The id that the token of this purpose was made for; null when it is none of ours. */
  idOf(purpose: LinkPurpose, token: string): string | null
}

const tokenPattern = /^(?<id>[\w-]{22})(?<secret>[\w-]{43})$/

/** `signingKey` is that of the access tokens; the links have a key of their own, derived from it. */
export function createLinkSigner(signingKey: string): LinkSigner {
  const key = Buffer.from(
    hkdfSync('sha256', Buffer.from(signingKey, 'base64url'), '', 'visita links', 32),
  )
  const secretOf = (purpose: LinkPurpose, id: string) =>
    createHmac('sha256', key).update(`${purpose} ${id}`).digest()
  const tokenOf = (purpose: LinkPurpose, id: string) => {
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
    return bytes.toString('base64url') + secretOf(purpose, id).toString('base64url')
  }
  return {
    secretOf,
    tokenOf,
    idOf(purpose, token) {
      const { id: packed, secret } = tokenPattern.exec(token)?.groups ?? {}
      if (packed === undefined || secret === undefined) return null
      const hex = Buffer.from(packed, 'base64url').toString('hex')
      const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      const isOurs = timingSafeEqual(Buffer.from(secret, 'base64url'), secretOf(purpose, id))
      // Of several ways to write the bits of a token one is ours.
      return isOurs && token === tokenOf(purpose, id) ? id : null
    },
  }
}
