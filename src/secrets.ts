// The secrets that Visita cannot do without. Beside the embedded database a missing one is made once
// and kept in `secrets.json`; beside a database server it must come from the environment, because
// disks come and go there and every process needs the same one.

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigRefused, makeKeyCommand, type Config } from './config.ts'
import { errorCode, secretKeys, WrongValue } from './config-values.ts'

/** One secret: the variable that may give it, how to check one and how to make one. */
export interface SecretKind {
  variable: string
  check: (text: string) => string
  make: () => string
  makeCommand: string
}

const kinds = {
  tokenSigningKey: {
    variable: 'TOKEN_SIGNING_KEY',
    check: secretKeys,
    make: newKey,
    makeCommand: makeKeyCommand,
  },
  encryptionKey: {
    variable: 'ENCRYPTION_KEY',
    check: secretKeys,
    make: newKey,
    makeCommand: makeKeyCommand,
  },
} satisfies Partial<Record<keyof Config, SecretKind>>

type SecretName = keyof typeof kinds

export type Secrets = Readonly<Record<SecretName, string>>

/** 32 random bytes as base64url, which serve as an Ed25519 private key (RFC 8032 5.1.5). */
export function newKey(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * The secrets to use: from the environment where it has them, else kept in the data directory.
 *
 * @throws ConfigRefused when a database server is used and one is missing, or when the kept file is
 * damaged or readable by others.
 */
export function resolveSecrets(config: Config): Secrets {
  // The table has these keys alone.
  const rows = Object.entries(kinds) as [SecretName, SecretKind][]
  const missing = rows.filter(([key]) => config[key] === null).map(([, kind]) => kind)
  if (config.database.url !== null && missing.length > 0)
    throw new ConfigRefused(
      missing.map(
        (kind) =>
          `${kind.variable}: it is missing, and with DATABASE_URL it must come from the environment; make one with ${kind.makeCommand}.`,
      ),
    )
  const kept = missing.length > 0 ? keptSecrets(config.dataDirectory, missing) : {}
  const resolved = rows.map(([key, kind]) => [key, config[key] ?? kept[kind.variable]])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `keptSecrets` answers all it is asked
  return Object.freeze(Object.fromEntries(resolved) as Secrets)
}

/**
 * The secrets of the given kinds by the names of their variables, from `secrets.json` in the data
 * directory, where missing ones are added. Processes that start at the same time get the same ones:
 * a file appears complete under its name by `link`, which only the first succeeds in.
 *
 * @throws ConfigRefused as `resolveSecrets` does.
 */
function keptSecrets(dataDirectory: string, wanted: readonly SecretKind[]): Record<string, string> {
  const path = join(dataDirectory, 'secrets.json')
  return explainErrors(path, () => {
    makeDirectory(dataDirectory)
    for (;;) {
      const text = readPrivate(path)
      const kept = text === null ? {} : parseKept(path, text)
      const missing = wanted.filter((kind) => kept[kind.variable] === undefined)
      const found = checked(
        path,
        kept,
        wanted.filter((kind) => !missing.includes(kind)),
      )
      // Nothing is added to a file that is damaged.
      if (missing.length === 0) return found
      const added = Object.fromEntries(missing.map((kind) => [kind.variable, kind.make()]))
      const next = `${JSON.stringify({ ...kept, ...added }, null, 2)}\n`
      if (text === null) publish(path, next)
      else replace(path, text, next)
    }
  })
}

/**
 * Replaces the content `before`, unless another process does so first. The file named after
 * `before` holds its one successor: the first to publish it decides, everyone else copies it, and
 * it goes only when `before` is no longer the content. So nobody waits for a process that died.
 */
function replace(path: string, before: string, after: string): void {
  const successor = `${path}.${createHash('sha256').update(before).digest('hex').slice(0, 16)}`
  publish(successor, after)
  const decided = readPrivate(successor)
  // In this order: a successor that was read before this look is the one that was decided.
  if (decided !== null && readPrivate(path) === before)
    fs.renameSync(writeBeside(path, decided), path)
  fs.rmSync(successor, { force: true })
  flush(dirname(path))
}

/** Makes the file with all its content at once; leaves one that is there as it is. */
function publish(path: string, text: string): void {
  const draft = writeBeside(path, text)
  try {
    fs.linkSync(draft, path)
    flush(dirname(path))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    fs.rmSync(draft)
  }
}

function writeBeside(path: string, text: string): string {
  const draft = `${path}.${randomUUID()}.draft`
  fs.writeFileSync(draft, text, { flag: 'wx', mode: 0o600, flush: true })
  return draft
}

function flush(directory: string): void {
  const descriptor = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

function makeDirectory(path: string): void {
  // As root, the embedded database runs as another user, who must be able to pass through.
  fs.mkdirSync(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
}

/** The content of a file that only its owner may read; null when there is none. */
function readPrivate(path: string): string | null {
  let descriptor: number
  try {
    descriptor = fs.openSync(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
  try {
    const { mode } = fs.fstatSync(descriptor)
    if ((mode & 0o077) !== 0)
      throw new ConfigRefused([
        `${path}: others than its owner may read or change it (mode ${(mode & 0o777).toString(8)}); run chmod 600 ${shellWord(path)}.`,
      ])
    return fs.readFileSync(descriptor, 'utf8')
  } finally {
    fs.closeSync(descriptor)
  }
}

/** A list of keys that can be changed by command. */
export const keyNames = ['token-signing', 'encryption'] as const
export type KeyName = (typeof keyNames)[number]

const secretOfKey: Record<KeyName, SecretName> = {
  'token-signing': 'tokenSigningKey',
  encryption: 'encryptionKey',
}

/** How a list of keys was changed, or is to be. Every process takes it up when it next starts. */
export interface KeyChange {
  variable: string
  /** The file that was changed; null where the list comes from the environment, and nothing was. */
  path: string | null
  /** What the operator sets, where the list comes from the environment; else null. */
  valueToSet: string | null
  /**
   * What several processes are given before that, one after the other, so that none meets a key that it
   * does not know; null where that does not arise.
   */
  valueToSetFirst: string | null
  /** How many keys the list has then, the one in use first, and how many it had more before. */
  keyCount: number
  droppedCount: number
}

/**
 * How many keys sign and are accepted for links, feeds and tokens. Encryption keys are never dropped here:
 * what they sealed would be lost.
 */
const signingKeysMax = 3

/**
 * Puts a new key before those that there are: beside the embedded database in `secrets.json`; a list from
 * the environment is only answered as it should be.
 *
 * @throws ConfigRefused as `resolveSecrets` does.
 */
export function rotateKey(config: Config, name: KeyName): KeyChange {
  const kind = kinds[secretOfKey[name]]
  const fresh = kind.make()
  const keysMax = name === 'token-signing' ? signingKeysMax : Number.POSITIVE_INFINITY
  const change = changeKeys(config, name, (keys) =>
    keys.includes(fresh) ? keys : [fresh, ...keys].slice(0, keysMax),
  )
  const { valueToSet } = change
  return {
    ...change,
    valueToSetFirst:
      valueToSet === null ? null : [...valueToSet.split(',').slice(1), fresh].join(','),
  }
}

/**
 * Drops the keys behind the first that nothing needs, by `isNeeded`. What a dropped encryption key sealed
 * cannot be opened again; tokens, links and feeds that a dropped signing key made end.
 *
 * @throws ConfigRefused as `resolveSecrets` does.
 */
export function dropFormerKeys(
  config: Config,
  name: KeyName,
  isNeeded: (key: string) => boolean,
): KeyChange {
  return changeKeys(config, name, (keys) =>
    keys.filter((key, index) => index === 0 || isNeeded(key)),
  )
}

/** `change` may be asked again, when another process changes the file at the same time. */
function changeKeys(
  config: Config,
  name: KeyName,
  change: (keys: readonly string[]) => readonly string[],
): KeyChange {
  const secret = secretOfKey[name]
  const { variable } = kinds[secret]
  const given = resolveSecrets(config)[secret].split(',')
  if (config[secret] !== null) {
    const keys = change(given)
    return changeOf(variable, { path: null, before: given, keys })
  }
  const path = join(config.dataDirectory, 'secrets.json')
  return explainErrors(path, () => {
    for (let before: readonly string[] = given; ;) {
      const text = readPrivate(path) ?? '{}'
      const kept = parseKept(path, text)
      const present = checked(path, kept, [kinds[secret]])[variable]!.split(',')
      const keys = change(present)
      if (keys.join() === present.join())
        return changeOf(variable, { path, before, keys: [...keys] })
      before = present
      replace(path, text, `${JSON.stringify({ ...kept, [variable]: keys.join(',') }, null, 2)}\n`)
    }
  })
}

function changeOf(
  variable: string,
  options: { path: string | null; before: readonly string[]; keys: readonly string[] },
): KeyChange {
  const { path, before, keys } = options
  return {
    variable,
    path,
    valueToSet: path === null ? keys.join(',') : null,
    valueToSetFirst: null,
    keyCount: keys.length,
    droppedCount: before.filter((key) => !keys.includes(key)).length,
  }
}

function parseKept(path: string, text: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(text)
    if (typeof kept === 'object' && kept !== null && !Array.isArray(kept))
      return Object.fromEntries(Object.entries(kept))
  } catch {
    // The parser's message would quote the content; the refusal below does not.
  }
  throw new ConfigRefused([`${path}: it is not a JSON object; restore it from a backup.`])
}

function checked(
  path: string,
  kept: Record<string, unknown>,
  wanted: readonly SecretKind[],
): Record<string, string> {
  const entries = wanted.map((kind): [string, string] => {
    const value = kept[kind.variable]
    try {
      return [kind.variable, kind.check(typeof value === 'string' ? value : '')]
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error
      throw new ConfigRefused([
        `${kind.variable}: the value in ${path} ${error.message}; restore the file from a backup, or make one with ${kind.makeCommand}.`,
      ])
    }
  })
  return Object.fromEntries(entries)
}

function explainErrors<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    throw new ConfigRefused([
      `DATA_DIR: ${path} cannot be read or written (${code}); name a directory of this process's user, for example DATA_DIR=/var/lib/visita.`,
    ])
  }
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
