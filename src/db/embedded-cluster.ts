// The contents of the embedded database: its making, its passwords, its roles and its one database.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import type { Client } from 'pg'
import { messageOf } from '#src/kernel/errors.ts'
import type { StartProgram } from './embedded-guard.ts'
import type { Place } from './embedded-place.ts'
import { EmbeddedRefused } from './embedded-refused.ts'
import { isRoot } from './embedded-user.ts'

export const superuser = 'postgres'
export const ownerRole = 'visita_owner'
export const appRole = 'visita_app'
export const databaseName = 'visita'

export interface Passwords {
  superuser: string
  owner: string
  app: string
}

const passwordsFile = 'visita-passwords.json'

/** Whether a database is there. Making one is atomic, so that it is then whole. */
export function hasCluster(place: Place): boolean {
  return existsSync(join(place.cluster, 'PG_VERSION'))
}

/**
 * Makes an empty database, whole or not at all. The start lock must be held.
 *
 * @throws EmbeddedRefused with what `initdb` said.
 */
export async function makeCluster(
  place: Place,
  options: { programs: string; durable: boolean; start: StartProgram },
): Promise<void> {
  const unfinished = join(place.staging, 'cluster')
  const passwords = { superuser: newPassword(), owner: newPassword(), app: newPassword() }
  const passwordFile = join(place.staging, 'password')
  await writeOwned(place, passwordFile, passwords.superuser)
  const child = await options.start({
    file: join(options.programs, 'bin', 'initdb'),
    parameters: [
      `--pgdata=${unfinished}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(options.durable ? [] : ['--no-sync']),
    ],
    user: place.user,
    output: 'pipe',
  })
  const [output, errors] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ])
  if (child.exitCode !== 0) {
    throw new EmbeddedRefused(
      `The database could not be made in ${place.home}; free some space or mend what this says, and start again: ${lastLines(errors || output)}`,
    )
  }
  await writeOwned(place, join(unfinished, passwordsFile), JSON.stringify(passwords, null, 2))
  await rename(unfinished, place.cluster)
  await syncDirectory(place.home)
}

function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** The last lines of a program's output as one line, for a message. */
export function lastLines(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-5).join(' | ') || 'it said nothing'
}

async function writeOwned(place: Place, file: string, contents: string): Promise<void> {
  await writeFile(file, contents, { mode: 0o600, flush: true })
  if (isRoot()) await chown(file, place.user.uid, place.user.gid)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync()
  await handle.close()
}

/** Makes the directory for unfinished work, and removes what killed processes left of theirs. */
export async function prepareStaging(place: Place): Promise<void> {
  for (const name of await readdir(place.home)) {
    if (name.startsWith('postgres-new-')) await removeTree(join(place.home, name))
  }
  await mkdir(place.staging, { mode: 0o700 })
  await chmod(place.staging, 0o700)
  if (isRoot()) await chown(place.staging, place.user.uid, place.user.gid)
}

export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** Gives files that root copied in (a restored backup) to the user that the server runs as. */
export async function giveToUser(place: Place): Promise<void> {
  if (!isRoot() || (await lstat(place.cluster)).uid !== 0) return
  const { uid, gid } = place.user
  const entries = await readdir(place.cluster, { recursive: true, withFileTypes: true })
  for (const entry of entries) await lchown(join(entry.parentPath, entry.name), uid, gid)
  await chown(place.cluster, uid, gid)
  await chmod(place.cluster, 0o700)
}

/** @throws EmbeddedRefused when the file is gone or damaged. */
export async function readPasswords(place: Place): Promise<Passwords> {
  const file = join(place.cluster, passwordsFile)
  try {
    const read: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (!isPasswords(read)) throw new Error('a password is missing')
    return read
  } catch (error) {
    throw new EmbeddedRefused(
      `The passwords of the database in ${file} cannot be read (${messageOf(error)}): restore this file from a backup of ${dirname(file)}.`,
    )
  }
}

function isPasswords(value: unknown): value is Passwords {
  if (typeof value !== 'object' || value === null) return false
  return ['superuser', 'owner', 'app'].every((name) => name in value)
}

/**
 * Makes the roles and the database where they are missing. `renew` also sets the passwords again, in
 * case somebody changed them by hand.
 */
export async function prepareDatabase(
  client: Client,
  passwords: Passwords,
  renew: boolean,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select rolname as name from pg_roles where rolname in ('${ownerRole}', '${appRole}')
     union all select datname from pg_database where datname = '${databaseName}'`,
  )
  const there = new Set(rows.map((row) => row.name))
  for (const [role, password] of [
    [ownerRole, passwords.owner],
    [appRole, passwords.app],
  ] as const) {
    if (there.has(role) && !renew) continue
    await client.query(
      `${there.has(role) ? 'alter' : 'create'} role ${role} login nosuperuser nocreatedb nocreaterole password ${client.escapeLiteral(password)}`,
    )
  }
  if (there.has(databaseName) && !renew) return
  if (!there.has(databaseName)) {
    await client.query(`create database ${databaseName} owner ${ownerRole} template template0`)
  }
  await client.query(`
    revoke all on database ${databaseName}, postgres, template1 from public;
    grant connect on database ${databaseName} to ${appRole};
  `)
}
