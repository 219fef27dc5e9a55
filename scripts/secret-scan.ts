// Looks for secrets in files, so that none is committed. It knows the shapes of well-known tokens, and takes
// for a secret what is random enough and is called one.

import { createHash } from 'node:crypto'
import { madeUpSecrets } from './made-up-secrets.ts'

export interface FoundSecret {
  line: number
  /** What kind of secret it looks like; never the secret. */
  what: string
  /** Of the text that was found, for the list of what is made up. */
  fingerprint: string
}

/** The shapes that their makers gave to tokens, so that they are found. */
const shapes: [what: string, pattern: RegExp][] = [
  ['a private key', /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/],
  ['a key of AWS', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a token of GitHub', /\bgh[opsur]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}/],
  ['a token of GitLab', /\bglpat-[\w-]{20,}/],
  ['a token of npm', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a token of Slack', /\bxox[abeoprs]-[\w-]{10,}|hooks\.slack\.com\/services\/T\w+\/B\w+\/\w+/],
  ['a key of Stripe', /\b[rs]k_live_[A-Za-z0-9]{20,}/],
  ['a key of Google', /\bAIza[\w-]{35}/],
  ['a key of SendGrid', /\bSG\.[\w-]{20,}\.[\w-]{20,}/],
  ['a key of Resend', /\bre_[A-Za-z0-9]{6,}_[A-Za-z0-9]{16,}/],
  ['a key of Twilio', /\bSK[0-9a-f]{32}\b/],
  ['a signed token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/],
]

const passwordInUrl =
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@'"`]*:(?<password>[^\s/@'"`]+)@(?<host>[^\s/:?#'"`]+)/gi

/** Hosts that nobody can have (RFC 2606), and this machine. */
const madeUpHost =
  /(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$|^(?:127\.|\[|localhost|\$|<|…)/i

/** A name that says that a secret follows, and what does. */
const assignment =
  /(?:secret|token|(?:api|signing|encryption|private|access)[_-]?key|passw(?:or)?d|credential|auth)[\w-]*["'`]?\s*[:=]\s*["'`]?(?<value>[A-Za-z0-9+/_=.-]{20,})/gi

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Bits of information in each character, as Shannon has it, for text of which nothing else is known. */
function entropyOf(text: string): number {
  const counts = Map.groupBy(text, (character) => character)
  const shares = [...counts.values()].map(({ length }) => length / text.length)
  return -shares.reduce((sum, share) => sum + share * Math.log2(share), 0)
}

/** Whether no person and no programmer's habit made this up. */
function isRandom(text: string): boolean {
  if (uuid.test(text)) return false
  const hasAll = /\d/.test(text) && /[a-z]/i.test(text)
  const isHexadecimal = /^[0-9a-f]+$/i.test(text)
  // Names of things have dots, and words between capitals, hyphens or underscores.
  const words = text.match(/[a-z]{4,}/g) ?? []
  const inWords = words.reduce((sum, word) => sum + word.length, 0)
  return hasAll && entropyOf(text) >= (isHexadecimal ? 3 : 3.8) && inWords < text.length / 2
}

/** What in a text looks like a secret and is not known to be made up, by its lines from 1. */
export function findSecrets(text: string): FoundSecret[] {
  return text.split('\n').flatMap((line, index) =>
    findInLine(line)
      .map(({ what, secret }) => ({ line: index + 1, what, fingerprint: fingerprintOf(secret) }))
      .filter(({ fingerprint }) => !madeUpSecrets.has(fingerprint)),
  )
}

function findInLine(line: string): { what: string; secret: string }[] {
  const known = shapes.flatMap(([what, pattern]) => {
    const secret = pattern.exec(line)?.[0]
    return secret === undefined ? [] : [{ what, secret }]
  })
  if (known.length > 0) return known
  const inAddresses = [...line.matchAll(passwordInUrl)]
    .map(({ groups }) => ({ secret: groups?.['password'] ?? '', host: groups?.['host'] ?? '' }))
    .filter(({ secret, host }) => !madeUpHost.test(host) && !/^[$<{…]/.test(secret))
    .filter(({ secret, host }) => host.includes('.') || isRandom(secret))
    .map(({ secret }) => ({ what: 'a password in an address', secret }))
  const assigned = [...line.matchAll(assignment)]
    .map(({ groups }) => groups?.['value'] ?? '')
    .filter(isRandom)
    .map((secret) => ({ what: 'a random text that is called a secret', secret }))
  return [...inAddresses, ...assigned]
}

function fingerprintOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 16)
}
