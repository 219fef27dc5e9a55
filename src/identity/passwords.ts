// Passwords: which ones are good enough, and how they are kept. Argon2id (RFC 9106) with the memory
// and passes that OWASP gives as its first choice, stored as a PHC string so that they can be raised later.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { commonPasswords } from './common-passwords.ts'
import { passwordLengthMax, passwordLengthMin } from './password-lengths.ts'
import { createTurns } from './turns.ts'

const memoryKibibytes = 19_456
const passes = 2
const saltBytes = 16
const tagBytes = 32

const deriveTag = promisify(argon2)

/**
 * Hashing runs in the four threads of Node's pool, which also check access tokens and read files:
 * one stays free for those.
 */
const turns = createTurns({
  atOnceMax: Math.min(availableParallelism(), 3),
  workMilliseconds: 50,
  waitMillisecondsMax: 5000,
})

/** A password typed on two keyboards can differ in code points alone (NIST SP 800-63B 3.1.1.2). */
function normalize(password: string): string {
  return password.normalize('NFKC')
}

/**
 * What is wrong with a new password, as a sentence for the person who chose it; null when nothing is.
 * `network` is the name of the network, which anyone would try.
 */
export async function passwordProblem(
  password: string,
  { email, name, network }: { email: string; name: string; network: string },
): Promise<string | null> {
  const normalized = normalize(password)
  const length = Array.from(normalized).length
  if (length < passwordLengthMin || length > passwordLengthMax)
    return `The password must have ${passwordLengthMin} to ${passwordLengthMax} characters.`
  const lowered = normalized.toLowerCase()
  const [mailbox] = email.split('@')
  const known = [email, mailbox ?? '', name].map((text) => normalize(text.trim()).toLowerCase())
  if (known.includes(lowered))
    return 'The password must not be the e-mail address or the name of its owner.'
  if (isOfThePlace(lowered, network))
    return 'The password must be more than the name of this place with a few digits or signs.'
  if (isSequence(lowered) || (await commonPasswords()).has(lowered))
    return 'This password is among those that are guessed first. Choose a longer or rarer one.'
  return null
}

/** Whether nothing is left of it without the names that stand on every page here, digits and signs. */
function isOfThePlace(lowered: string, network: string): boolean {
  const letters = (text: string) =>
    normalize(text)
      .toLowerCase()
      .replaceAll(/[^\p{L}]+/gv, '')
  const names = ['visita', letters(network)].filter((name) => name !== '')
  const rest = names.reduce((text, name) => text.replaceAll(name, ''), letters(lowered))
  return rest === '' && letters(lowered) !== ''
}

/** Whether it is a few characters again and again, or characters in their order or the reverse. */
function isSequence(text: string): boolean {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)))
  const isInOrder = steps.size === 1 && [-1, 0, 1].some((step) => steps.has(step))
  return isInOrder || /^(?<piece>.{1,6})\k<piece>+$/su.test(text)
}

/** The PHC string to store. Throws Refusal `busy` when too many others are being hashed. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const tag = await derive(normalize(password), { salt, memoryKibibytes, passes, lanes: 1 })
  return phcString(salt, tag)
}

/**
 * Whether the password is the one that was stored. With null, for an account that does not exist,
 * it takes as long and answers false. Throws Refusal `busy` when too many others are being checked.
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const { tag, ...parameters } = parsePhcString(stored ?? storedForNobody)
  const derived = await derive(normalize(password), parameters)
  return timingSafeEqual(derived, tag) && stored !== null
}

interface Parameters {
  salt: Buffer
  memoryKibibytes: number
  passes: number
  lanes: number
}

function derive(password: string, parameters: Parameters): Promise<Buffer> {
  return turns.take(() =>
    deriveTag('argon2id', {
      message: password,
      nonce: parameters.salt,
      memory: parameters.memoryKibibytes,
      passes: parameters.passes,
      parallelism: parameters.lanes,
      tagLength: tagBytes,
    }),
  )
}

const storedForNobody = phcString(randomBytes(saltBytes), randomBytes(tagBytes))

function phcString(salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memoryKibibytes},t=${passes},p=1$${unpadded(salt)}$${unpadded(tag)}`
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(?<memory>\d{1,7}),t=(?<passes>\d{1,2}),p=(?<lanes>\d{1,2})\$(?<salt>[\w+/]+)\$(?<tag>[\w+/]+)$/

function parsePhcString(text: string): Parameters & { tag: Buffer } {
  const groups = phcPattern.exec(text)?.groups
  const tag = Buffer.from(groups?.['tag'] ?? '', 'base64')
  if (!groups || tag.length !== tagBytes) throw new Error('A stored password hash is damaged.')
  return {
    memoryKibibytes: Number(groups['memory']),
    passes: Number(groups['passes']),
    lanes: Number(groups['lanes']),
    salt: Buffer.from(groups['salt'] ?? '', 'base64'),
    tag,
  }
}
