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
export function keptSecrets(
  dataDirectory: string,
  wanted: readonly SecretKind[],
): Record<string, string> {
  const path = join(dataDirectory, 'secrets.json')
  return explainErrors(path, () => {
    makeDirectory(dataDirectory)
    for (;;) {
      const text = readPrivate(path)
      const kept = text === null ? {} : parseKept(path, text)
      const missing = wanted.filter((kind) => kept[kind.variable] === undefined)
      if (missing.length === 0) return checked(path, kept, wanted)
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
