// Reads a JSON body strictly: what two readers could understand differently, or what the database
// cannot store, is refused.

import { InvalidRequest, Refusal, type FieldError } from '#src/kernel/errors.ts'

/** How deep objects and lists may be nested. */
const depthMax = 32

/** How many faults one answer names at most. */
export const faultsMax = 20

/** How much of a key, and of all keys together, a pointer shows. */
const keyCharactersMax = 100
const pointerCharactersMax = 400

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of bytes in UTF-8. Throws `malformed-request` when they are not. */
export function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Refusal('malformed-request', 'The body is not valid UTF-8.')
  }
}

/**
 * The value of JSON text (RFC 8259) in UTF-8. Throws `malformed-request` when it is not JSON and
 * InvalidRequest when it repeats a key, or holds a NUL character or half of a surrogate pair.
 */
export function parseJson(bytes: Buffer): unknown {
  const text = decodeText(bytes)
  const value = parseText(text)
  const faults = findFaults(text)
  if (faults.length > 0) throw new InvalidRequest(faults)
  return value
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal('malformed-request', `The body is not valid JSON${placeOf(error)}.`)
  }
}

/** The parser's message quotes the body, so only the place is taken from it. */
function placeOf(error: unknown): string {
  const place = error instanceof Error ? /\(line \d+ column \d+\)/.exec(error.message) : null
  return place === null ? '' : ` ${place[0]}`
}

/** What is wrong with a text that PostgreSQL cannot store or that is not Unicode; null when nothing. */
export function textFault(text: string): string | null {
  if (text.includes('\0')) return 'must not contain the NUL character'
  if (!text.isWellFormed()) return 'must not contain half of a surrogate pair'
  return null
}

/** Where a scan of the text is: in an object at a key, or in a list at an index. */
interface Level {
  /** The keys so far; null in a list. */
  keys: Set<string> | null
  place: string | number
  expectsKey: boolean
}

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Scans text that is known to be JSON for what JSON.parse lets pass. One pass over the characters,
 * with native search inside strings: 1.5 µs for a booking, where JSON.parse takes 0.5.
 */
function findFaults(text: string): FieldError[] {
  const levels: Level[] = []
  const faults: FieldError[] = []
  for (let index = 0; index < text.length; index += 1) {
    const level = levels.at(-1)
    switch (text.charCodeAt(index)) {
      case quote: {
        const end = endOfString(text, index)
        const fault = stringFault(text.slice(index + 1, end), level)
        if (fault !== null) faults.push(at(levels, fault))
        if (faults.length === faultsMax) return faults
        index = end
        break
      }
      case openBrace:
        levels.push({ keys: new Set(), place: '', expectsKey: true })
        refuseDepth(levels.length)
        break
      case openBracket:
        levels.push({ keys: null, place: 0, expectsKey: false })
        refuseDepth(levels.length)
        break
      case closeBrace:
      case closeBracket:
        levels.pop()
        break
      case comma:
        if (level?.keys) level.expectsKey = true
        else if (level && typeof level.place === 'number') level.place += 1
        break
      default:
    }
  }
  return faults
}

function refuseDepth(depth: number): void {
  if (depth <= depthMax) return
  throw new Refusal('malformed-request', `The body is nested more than ${depthMax} levels deep.`)
}

/** The index of the quote that ends the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0
  while (text[index - 1 - backslashes] === '\\') backslashes += 1
  return backslashes % 2 === 1
}

/** What is wrong with a string, a key where the level expects one; moves the level on. */
function stringFault(raw: string, level: Level | undefined): string | null {
  const text = raw.includes('\\') ? decodeString(raw) : raw
  const fault = raw.includes('\\u') ? textFault(text) : null
  if (!level?.keys || !level.expectsKey) return fault
  level.expectsKey = false
  level.place = text
  if (fault !== null) return fault
  if (text === '__proto__') return 'is not a field here'
  if (level.keys.has(text)) return 'is given more than once'
  level.keys.add(text)
  return null
}

function decodeString(raw: string): string {
  return String(JSON.parse(`"${raw}"`))
}

function at(levels: readonly Level[], fault: string): FieldError {
  const pointer = pointerTo(levels.map(({ place }) => place))
  return { in: 'body', pointer, detail: `${pointer || 'The body'} ${fault}.` }
}

/**
 * The JSON Pointer (RFC 6901, section 3) to a place, always well-formed text. Long keys and long
 * pointers are cut, so that a refusal stays small whatever was sent.
 */
export function pointerTo(places: readonly (string | number)[]): string {
  return places
    .map((place) => String(place).slice(0, keyCharactersMax))
    .map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, pointerCharactersMax)
    .toWellFormed()
}
