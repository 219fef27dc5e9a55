// Calendars belong to this module: how a visit looks in one, the file of a single visit, and the feeds
// that other programs read. This file writes iCalendar (RFC 5545) and knows nothing of visits.

import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** One content line. `value` is written as it is; the functions below make it. */
export interface Property {
  name: string
  parameters: Readonly<Record<string, string>>
  value: string
}

export interface Component {
  name: string
  properties: readonly Property[]
  components?: readonly Component[]
}

/** The media type of what `serialize` makes. */
export const calendarType = 'text/calendar; charset=utf-8'

const octetsMax = 75

/** A property of any kind whose value stands already as the standard wants it, such as a number. */
export function plain(
  name: string,
  value: string,
  parameters: Readonly<Record<string, string>> = {},
): Property {
  return { name, parameters, value }
}

/** A property for people to read (RFC 5545 section 3.3.11); line breaks stay, other controls do not. */
export function text(name: string, value: string): Property {
  const escaped = cleaned(value)
    .replaceAll(/[\\;,]/g, (character) => `\\${character}`)
    .replaceAll('\n', '\\n')
  return plain(name, escaped)
}

/** A moment in UTC to the second (section 3.3.5, form 2), '20261124T094000Z'. */
export function moment(name: string, at: Instant): Property {
  return plain(name, formatUtc(at).replaceAll(/[:-]|\.\d+/g, ''))
}

/** A property with an address (section 3.3.13); null for a text that is none. */
export function address(
  name: string,
  value: string,
  parameters: Readonly<Record<string, string>> = {},
): Property | null {
  const href = URL.parse(value)?.href
  return href === undefined ? null : plain(name, href, parameters)
}

/** An e-mail address as a value of type CAL-ADDRESS, by RFC 6068 section 2. */
export function mailto(email: string): string {
  return `mailto:${encodeURI(cleaned(email)).replaceAll(/[&;=,:/?#']/g, percentEncoded)}`
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

/** The component as the lines of a file, each of at most 75 octets and ended by CRLF (section 3.1). */
export function serialize(component: Component): string {
  return linesOf(component)
    .map((line) => `${folded(line)}\r\n`)
    .join('')
}

function linesOf({ name, properties, components = [] }: Component): string[] {
  return [
    `BEGIN:${name}`,
    ...properties.map(lineOf),
    ...components.flatMap((inner) => linesOf(inner)),
    `END:${name}`,
  ]
}

function lineOf({ name, parameters, value }: Property): string {
  const written = Object.entries(parameters).map(([key, text]) => `;${key}=${parameterValue(text)}`)
  return `${name}${written.join('')}:${value}`
}

/** A parameter's value (RFC 6868 section 3.1), in quotes where it needs them. */
function parameterValue(value: string): string {
  const escaped = cleaned(value).replaceAll('^', '^^').replaceAll('\n', '^n').replaceAll('"', "^'")
  return /[:;,]/.test(escaped) ? `"${escaped}"` : escaped
}

/** Characters at which some program or other ends a line. */
const lineBreaks = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/g

// oxlint-disable-next-line no-control-regex -- it is these that a calendar must not hold
const controls = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g

function cleaned(value: string): string {
  return value.toWellFormed().replaceAll(lineBreaks, '\n').replaceAll(controls, '')
}

/** The line, broken before the character by which a piece would become too long. */
function folded(line: string): string {
  if (Buffer.byteLength(line) <= octetsMax) return line
  let result = ''
  let octets = 0
  for (const character of line) {
    const length = octetsOf(character.codePointAt(0) ?? 0)
    if (octets + length > octetsMax) {
      result += '\r\n '
      octets = 1
    }
    result += character
    octets += length
  }
  return result
}

/** How long a character is in UTF-8. */
function octetsOf(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}
