// How the text of a configuration variable becomes a value. Each reader answers the value or throws
// `WrongValue`, whose message completes the sentence `NAME: "text" …`.

import { accessSync, constants } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import { isLoopback } from '#src/kernel/loopback.ts'

/** The text is not a value of its variable; `part` is the piece of a list that is at fault. */
export class WrongValue extends Error {
  readonly part: string | null

  constructor(problem: string, part: string | null = null) {
    super(problem)
    this.part = part
  }
}

/** The code of an error of the system, such as ENOENT; null for any other error. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null
}

/** Reads decimal whole numbers within the bounds, both included; `what` names them in the refusal. */
export function wholeNumber(options: { min: number; max: number; what?: string }) {
  const { min, max, what = 'whole number' } = options
  return (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new WrongValue(`is not a ${what} from ${min} to ${max}`)
  }
}

/** Reads one of the given words. */
export function oneOf<const Word extends string>(...words: Word[]) {
  return (text: string): Word => {
    const word = words.find((candidate) => candidate === text)
    if (word !== undefined) return word
    throw new WrongValue(`is none of ${words.join(', ')}`)
  }
}

/** Reads a list with commas between its items; an item that occurs twice is kept once. */
export function listOf<Item>(readItem: (text: string) => Item) {
  return (text: string): readonly Item[] => {
    const items = text.split(',').map((item) => item.trim())
    return [...new Set(items.filter((item) => item !== '').map(readItem))]
  }
}

/** An IP address or a host name to listen on. */
export function listenHost(text: string): string {
  if (isIP(text) !== 0) return text
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
  const isName = new RegExp(`^${label}(?:\\.${label})*$`, 'i').test(text) && text.length <= 253
  if (isName && !/(?:^|\.)\d+$/.test(text)) return text
  throw new WrongValue('is not an IP address (without brackets or port) or a host name')
}

/** The absolute path of a directory, which need not exist yet. */
export function directory(text: string): string {
  if (text.startsWith('~'))
    throw new WrongValue('starts with "~", which only a shell expands, so write the path out')
  return resolve(text)
}

const databaseParameters = {
  sslmode: oneOf('disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'),
  sslrootcert: readableFile,
  sslcert: readableFile,
  sslkey: readableFile,
  sslnegotiation: oneOf('postgres', 'direct'),
  uselibpqcompat: oneOf('true', 'false'),
  host: (text: string) => text,
  port: wholeNumber({ min: 1, max: 65_535 }),
  user: (text: string) => text,
  password: (text: string) => text,
  application_name: (text: string) => text,
  channel_binding: (text: string) => text,
  connect_timeout: (text: string) => text,
  target_session_attrs: (text: string) => text,
}

/**
 * A connection URI of PostgreSQL (libpq, "Connection URIs"). Parameters that the driver would ignore
 * are refused, because a misspelled `sslmode` would mean no TLS.
 */
export function databaseUrl(text: string): string {
  const hint = 'percent-encode characters such as @ : / # % in the password'
  const url = URL.parse(text) ?? URL.parse(text.replace('@/', '@localhost/'))
  if (!url || !/^postgres(?:ql)?:\/\//i.test(text) || url.hash !== '' || !isDecodable(url))
    throw new WrongValue(`is not a postgres:// URL (${hint})`)
  for (const [name, value] of url.searchParams) {
    const read = Object.entries(databaseParameters).find(([known]) => known === name)?.[1]
    if (!read)
      throw new WrongValue(
        `has a parameter that Visita does not know; known are ${Object.keys(databaseParameters).join(', ')}`,
      )
    try {
      read(value)
    } catch (error) {
      if (error instanceof WrongValue)
        throw new WrongValue(`has the parameter ${name}, whose value ${error.message}`)
      throw error
    }
  }
  if (url.hostname === '' && !url.searchParams.get('host')) throw new WrongValue('names no host')
  if (url.pathname.length < 2) throw new WrongValue('names no database')
  return text
}

function readableFile(text: string): string {
  try {
    accessSync(text, constants.R_OK)
  } catch {
    throw new WrongValue('is not a file that this process may read')
  }
  return text
}

function isDecodable(url: URL): boolean {
  try {
    for (const part of [url.username, url.password, url.hostname, url.pathname])
      decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** The name of a schema as it may stand unquoted in SQL. */
export function schemaName(text: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(text))
    throw new WrongValue(
      'is not a schema name of 1 to 63 lower-case letters, digits and _, not starting with a digit',
    )
  if (text.startsWith('pg_') || text === 'information_schema')
    throw new WrongValue("is a schema of PostgreSQL's own")
  return text
}

/** A web origin (RFC 6454): scheme, host and port, and nothing behind them. */
export function origin(text: string): string {
  const url = URL.parse(text)
  const isOrigin =
    url !== null &&
    /^https?:\/\/[^/?#@\\\s]+$/i.test(text) &&
    (url.protocol === 'https:' || url.protocol === 'http:')
  if (isOrigin) return url.origin
  throw new WrongValue('is not an http:// or https:// address without path, query and slash', text)
}

/** An IP address, or a range of them in CIDR notation (RFC 4632). */
export function addressRange(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  const bitsMax = family === 4 ? 32 : 128
  if (family === 0 || rest.length > 0)
    throw new WrongValue('is not an IP address or a range such as 10.0.0.0/8', text)
  if (bits === undefined) return text
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bitsMax)
    throw new WrongValue(`has a prefix that is not from 1 to ${bitsMax}`, text)
  if (Number(bits) === 0)
    throw new WrongValue('would trust every sender to name its own address', text)
  return text
}

/** A sender as a mail's From line has it: an address, or a name and an address in <>. */
export function mailSender(text: string): string {
  const address = '[^\\s@<>"(),:;\\[\\]\\\\]+@[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)*'
  const name = '(?:"[^"\\\\]*"|[^"<>@,;:\\\\]*)'
  if (new RegExp(`^(?:${address}|${name}\\s*<${address}>)$`, 'u').test(text)) return text
  throw new WrongValue('is not an e-mail address, or a name and an address in <>')
}

/** Each is true or false. */
const smtpParameters = ['requireTLS', 'tls.rejectUnauthorized']

/**
 * Where mail is handed in: `smtp://` (STARTTLS when offered) or `smtps://` (TLS from the start).
 * Parameters that would be ignored are refused, because a misspelled `requireTLS` would mean no TLS.
 */
export function smtpUrl(text: string): string {
  const url = URL.parse(text)
  const isSmtp =
    url !== null &&
    /^smtps?:\/\//i.test(text) &&
    url.hostname !== '' &&
    url.hash === '' &&
    (url.pathname === '' || url.pathname === '/') &&
    isDecodable(url) &&
    domainToASCII(decodeURIComponent(url.hostname)) !== ''
  if (!isSmtp)
    throw new WrongValue(
      'is not an smtp:// or smtps:// URL (percent-encode characters such as @ : / # % in the password)',
    )
  if (url.port === '0') throw new WrongValue('names port 0, on which no server listens')
  for (const [name, value] of url.searchParams) {
    const isOnce = url.searchParams.getAll(name).length === 1
    if (!smtpParameters.includes(name) || !['true', 'false'].includes(value) || !isOnce)
      throw new WrongValue(
        `may have the parameters ${smtpParameters.join(' and ')}, each once and true or false, and no others`,
      )
  }
  return text
}

/** A key of Resend's API. */
export function resendKey(text: string): string {
  if (/^re_[A-Za-z0-9_]{8,200}$/.test(text)) return text
  throw new WrongValue('is not re_ and at least 8 letters, digits or _ after it')
}

/**
 * The address of an API that is called with a password: https, or http on this machine; a path is
 * allowed. Answered without a slash at its end.
 */
export function apiUrl(text: string): string {
  const url = URL.parse(text)
  const isPlain =
    url !== null && /^https?:\/\//i.test(text) && /^[^?#@\\\s]+$/.test(text) && isDecodable(url)
  if (!isPlain) throw new WrongValue('is not an https:// address without query and fragment')
  if (url.protocol !== 'https:' && !isLoopback(url.hostname))
    throw new WrongValue('would carry the password in the clear; only https:// will do')
  return url.href.replace(/\/+$/, '')
}

/** The name of an account at a provider of text messages, as it stands in a path. */
export function smsAccount(text: string): string {
  if (/^[A-Za-z0-9-]{4,64}$/.test(text)) return text
  throw new WrongValue('is not the id of an account (4 to 64 letters, digits and -)')
}

/** The password of such an account. */
export function smsToken(text: string): string {
  if (/^[A-Za-z0-9_-]{16,128}$/.test(text)) return text
  throw new WrongValue('does not have 16 to 128 letters, digits, _ and -')
}

/** A number by E.164 with its +, or a name that phones show in place of one. */
export function smsSender(text: string): string {
  const isName = /^[A-Za-z0-9 ]{3,11}$/.test(text) && /[A-Za-z]/.test(text)
  if (isName || /^\+[1-9]\d{6,14}$/.test(text)) return text
  throw new WrongValue(
    'is not a number such as +493023125100, nor a name of 3 to 11 Latin letters, digits and spaces',
  )
}

const keyBytes = 32
const differentBytesMin = 12

/**
 * A key of 32 bytes as base64url without padding (RFC 4648 5). Refuses what no random source gives:
 * few different bytes, bytes in even steps, or typed text.
 */
export function secretKey(text: string): string {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== keyBytes || bytes.toString('base64url') !== text)
    throw new WrongValue(`is not ${keyBytes} bytes as base64url (43 of A-Z a-z 0-9 - _)`)
  const isTyped = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  const steps = new Set(bytes.subarray(1).map((byte, index) => byte - bytes[index]!))
  if (isTyped || steps.size === 1 || new Set(bytes).size < differentBytesMin)
    throw new WrongValue('is a weak key, not 32 random bytes')
  return text
}

/** A key and its forerunners, with commas between: the first is in use, the others are still accepted. */
export function secretKeys(text: string): string {
  const keys = listOf(secretKey)(text)
  if (keys.length === 0) throw new WrongValue('holds no key')
  return keys.join(',')
}

/** The code that makes whoever knows it a doctor: long enough not to be guessed. */
export function invitationCode(text: string): string {
  const letters = Array.from(text)
  if (letters.length < 12 || letters.length > 128)
    throw new WrongValue('does not have 12 to 128 characters')
  if (new Set(letters).size < 4) throw new WrongValue('is too easy to guess')
  return text
}
