// Where the embedded database lies: in the data directory, unless the user that the server runs as
// cannot enter it.

import { createHash, randomBytes } from 'node:crypto'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { messageOf } from '#src/kernel/errors.ts'
import { codeOf, EmbeddedRefused } from './embedded-refused.ts'
import { socketTraces } from './embedded-socket.ts'
import { canEnter, findServerUser, isRoot, type ServerUser } from './embedded-user.ts'

export interface Place {
  /** The directory that holds everything else named here. */
  home: string
  /** PostgreSQL's own directory (PGDATA). */
  cluster: string
  /** What is being made lies here until it is whole; the name is this process's own. */
  staging: string
  lockFile: string
  logFile: string
  user: ServerUser
}

/** What a throw-away database makes, known before it makes it. */
export interface Traces {
  remove: string[]
  /** Directories that go only if nothing else is in them, the deepest first. */
  removeIfEmpty: string[]
}

interface Names {
  dataDirectory: string
  /** Names the home when it is elsewhere. */
  pointer: string
  relocationRoot: string
  /** The home for data that cannot lie in the data directory. */
  relocated: string
  staging: string
}

/** Every path that a database in this data directory may take, without touching the disk's contents. */
export async function nameEverything(
  dataDirectory: string,
  relocationRoot: string,
): Promise<Names> {
  const path = await realPathOf(resolve(dataDirectory))
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 8)
  const readable = path.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(-40)
  return {
    dataDirectory: path,
    pointer: join(path, 'postgres.location'),
    relocationRoot,
    relocated: join(relocationRoot, `${readable.replace(/^-/, '')}-${hash}`),
    staging: `postgres-new-${randomBytes(6).toString('hex')}`,
  }
}

/** The path without symbolic links, also when its last parts are still to be made. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) return path
    return join(await realPathOf(dirname(path)), basename(path))
  }
}

/**
 * What to remove after a throw-away database here; `alsoMade` are further names in its home.
 *
 * @throws EmbeddedRefused when there is a database already, which would be removed with it.
 */
export async function findTraces(names: Names, alsoMade: string[]): Promise<Traces> {
  const inside = await list(names.dataDirectory)
  const atHome = ['postgres', 'postgres.lock', 'postgres.log', 'postgres.location']
  if (
    inside?.some((name) => atHome.includes(name)) ||
    (isRoot() && (await list(names.relocated)))
  ) {
    throw new EmbeddedRefused(
      `There is a database in ${names.dataDirectory} already, and a throw-away one would be removed in the end: name an empty directory.`,
    )
  }
  const ours = [...atHome, ...alsoMade, names.staging]
  const remove = inside?.length
    ? ours.map((name) => join(names.dataDirectory, name))
    : [names.dataDirectory]
  const removeIfEmpty = await missingAbove(names.dataDirectory)
  const { uid } = await findServerUser(null)
  remove.push(...socketTraces(join(names.dataDirectory, 'postgres'), uid))
  if (isRoot()) {
    remove.push(names.relocated, ...socketTraces(join(names.relocated, 'postgres'), uid))
    removeIfEmpty.push(names.relocationRoot)
  }
  return { remove, removeIfEmpty }
}

/** The directories above a path that are still to be made, the deepest first. */
async function missingAbove(path: string): Promise<string[]> {
  const parent = dirname(path)
  return (await isMissing(parent)) ? [parent, ...(await missingAbove(parent))] : []
}

async function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => codeOf(error) === 'ENOENT',
  )
}

/** The names in a directory, or null when there is none. */
async function list(directory: string): Promise<string[] | null> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw new EmbeddedRefused(
      `The directory ${directory} cannot be read (${messageOf(error)}): give this user the right to, or choose another DATA_DIR.`,
    )
  }
}

/**
 * Finds or chooses where the database lies, and makes the directory for it.
 *
 * @throws EmbeddedRefused when there is something that is no database of the `major` version, it
 * belongs to another user, or a directory cannot be made; nothing has been changed then.
 */
export async function findPlace(
  names: Names,
  options: { major: string; log: (message: string) => void },
): Promise<Place> {
  const pointed = await readFile(names.pointer, 'utf8').catch(() => null)
  if (pointed !== null) return findPointed(names, pointed.trim(), options.major)
  const ownerUid = await inspect(join(names.dataDirectory, 'postgres'), options.major)
  const user = await findServerUser(ownerUid)
  await makeDirectory(names.dataDirectory)
  if (ownerUid !== null || (await admit(user, names.dataDirectory))) {
    return placeIn(names.dataDirectory, names.staging, user)
  }
  await makeDirectory(names.relocated)
  await writeWhole(names.pointer, `${names.relocated}\n`)
  options.log(
    `The user "${user.name}", which runs the database, cannot enter ${names.dataDirectory}: the database is in ${names.relocated} instead.`,
  )
  return placeIn(names.relocated, names.staging, user)
}

async function findPointed(names: Names, home: string, major: string): Promise<Place> {
  if ((await list(home)) === null) {
    throw new EmbeddedRefused(
      `The database of ${names.dataDirectory} was in ${home}, which is gone: bring it back, or delete the file ${names.pointer} to begin with an empty database.`,
    )
  }
  const ownerUid = await inspect(join(home, 'postgres'), major)
  return placeIn(home, names.staging, await findServerUser(ownerUid))
}

function placeIn(home: string, staging: string, user: ServerUser): Place {
  return {
    home,
    cluster: join(home, 'postgres'),
    staging: join(home, staging),
    lockFile: join(home, 'postgres.lock'),
    logFile: join(home, 'postgres.log'),
    user,
  }
}

/** Whose files the database consists of (a user id), or null when there is none yet. */
async function inspect(cluster: string, major: string): Promise<number | null> {
  const names = await list(cluster)
  if (!names || names.length === 0) return null
  if (!names.includes('PG_VERSION')) {
    throw new EmbeddedRefused(
      `The directory ${cluster} holds files that are no database: move them away, or choose another DATA_DIR.`,
    )
  }
  const { uid } = await stat(cluster)
  if (!isRoot() && uid !== process.getuid?.()) {
    throw new EmbeddedRefused(
      `The database in ${cluster} belongs to another user (${uid}): start Visita as that user, or choose another DATA_DIR.`,
    )
  }
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
  if (version !== major) {
    throw new EmbeddedRefused(
      `The database in ${cluster} was made by PostgreSQL ${version} and this Visita comes with ${major}: start the version of Visita that made it, or choose an empty DATA_DIR. Nothing was changed.`,
    )
  }
  return uid
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeMissing(directory)
  } catch (error) {
    throw new EmbeddedRefused(
      `The directory ${directory} cannot be made (${messageOf(error)}): give this user the right to, or choose another DATA_DIR.`,
    )
  }
}

/**
 * Makes the directory and those above it. Root's can be passed through, not listed, by the user that
 * the server runs as. Node's own recursive `mkdir` never returns where a file system takes no
 * directories, as /proc.
 */
async function makeMissing(directory: string): Promise<void> {
  const mode = isRoot() ? 0o711 : 0o700
  try {
    await mkdir(directory, { mode })
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(directory)).isDirectory()) return
    if (codeOf(error) !== 'ENOENT' || !(await isMissing(dirname(directory)))) throw error
    await makeMissing(dirname(directory))
    await mkdir(directory, { mode })
  }
  await chmod(directory, mode)
}

/** Whether the server's user can enter, let in if all that bars it is an empty directory of root's. */
async function admit(user: ServerUser, directory: string): Promise<boolean> {
  if (!isRoot() || (await canEnter(user, directory))) return true
  const { uid, mode } = await stat(directory)
  if (uid !== 0 || (await list(directory))?.length !== 0) return false
  await chmod(directory, 0o711)
  if (await canEnter(user, directory)) return true
  await chmod(directory, mode & 0o777)
  return false
}

async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}-${randomBytes(6).toString('hex')}`
  await writeFile(unfinished, text, { mode: 0o644, flush: true })
  await rename(unfinished, file)
}
