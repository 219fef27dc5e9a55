// The Unix socket of the embedded server, and the URLs that name it.

import { createHash } from 'node:crypto'
import { chown, lstat, mkdir, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf, EmbeddedRefused } from './embedded-refused.ts'
import { canEnter, isRoot, type ServerUser } from './embedded-user.ts'

/** Names the socket's file; there is no TCP, so it can be the same everywhere. */
export const port = 5432

export const socketName = `.s.PGSQL.${port}`

/** How long a socket's path may be, in bytes (sun_path less its final zero). */
const pathBytesMax = process.platform === 'darwin' ? 103 : 107

/** A comma would end the path in a list of hosts, as libpq reads it. */
function fits(directory: string): boolean {
  return Buffer.byteLength(join(directory, socketName)) <= pathBytesMax && !/[,"\n]/.test(directory)
}

/** Where the socket may lie when the database's own directory will not do; best first. */
function substitutes(cluster: string, uid: number): string[] {
  const hash = createHash('sha256').update(cluster).digest('hex').slice(0, 12)
  return [...new Set([tmpdir(), '/tmp'])]
    .map((folder) => join(folder, `visita-${uid}-${hash}`))
    .filter(fits)
}

/** The directories outside the database's own that its socket may take. */
export function socketTraces(cluster: string, uid: number): string[] {
  return fits(cluster) ? [] : substitutes(cluster, uid)
}

/**
 * The directory for the socket, made if it has to be: the database's own if the path is short enough,
 * else a private one in the temporary folder, of the same name each time.
 *
 * @throws EmbeddedRefused when somebody else made a directory of that name.
 */
export async function makeSocketDirectory(cluster: string, user: ServerUser): Promise<string> {
  if (fits(cluster)) return cluster
  for (const directory of substitutes(cluster, user.uid)) {
    try {
      await mkdir(directory, { mode: 0o700 })
      if (isRoot()) await chown(directory, user.uid, user.gid)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') continue
      await refuseStranger(directory, user)
    }
    if (!isRoot() || (await canEnter(user, directory))) return directory
    await rmdir(directory)
  }
  throw new EmbeddedRefused(
    `The path ${cluster} is too long for a socket and the temporary folder cannot be used for it: choose a DATA_DIR with a shorter path.`,
  )
}

async function refuseStranger(directory: string, user: ServerUser): Promise<void> {
  const found = await lstat(directory)
  if (found.isDirectory() && found.uid === user.uid && (found.mode & 0o077) === 0) return
  throw new EmbeddedRefused(
    `The directory ${directory}, which the database needs, was made by somebody else: remove it, or choose a DATA_DIR with a shorter path.`,
  )
}

/** Removes the socket's directory if it is not the database's own, and nothing is left in it. */
export async function removeSocketDirectory(cluster: string, directory: string): Promise<void> {
  if (directory !== cluster) await rmdir(directory).catch(() => {})
}

/** A connection URL that both pg and libpq take. */
export function urlOf(options: {
  user: string
  password: string
  database: string
  socketDirectory: string
}): string {
  const host = encodeURIComponent(options.socketDirectory).replaceAll('%2F', '/')
  return `postgresql://${options.user}:${options.password}@/${options.database}?host=${host}&port=${port}&sslmode=disable`
}
