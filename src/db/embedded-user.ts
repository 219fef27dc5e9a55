// The operating system's user that the embedded server runs as. PostgreSQL refuses to run as root.

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { EmbeddedRefused } from './embedded-refused.ts'

const execute = promisify(execFile)

export interface ServerUser {
  name: string
  uid: number
  gid: number
}

/** True when this process is root and so has to start the server as somebody else. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** What `spawn` needs to run a program as that user: nothing when we are that user. */
export function identityOf(user: ServerUser): { uid?: number; gid?: number } {
  return isRoot() ? { uid: user.uid, gid: user.gid } : {}
}

/**
 * The user to run as: for an ordinary user that user, for root the owner of the database files if
 * there are some already, else `postgres`, else `nobody`.
 *
 * @throws EmbeddedRefused when root has nobody to run the server as.
 */
export async function findServerUser(ownerOfFilesUid: number | null): Promise<ServerUser> {
  if (!isRoot()) {
    return { name: 'this user', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  }
  const users = await readUsers()
  if (ownerOfFilesUid !== null && ownerOfFilesUid !== 0) {
    const owner = users.find((user) => user.uid === ownerOfFilesUid)
    return owner ?? { name: `user ${ownerOfFilesUid}`, uid: ownerOfFilesUid, gid: ownerOfFilesUid }
  }
  const found = ['postgres', '_postgres', 'nobody']
    .map((name) => users.find((user) => user.name === name && user.uid !== 0))
    .find((user) => user !== undefined)
  if (!found) {
    throw new EmbeddedRefused(
      'PostgreSQL does not run as root, and this system has neither a user "postgres" nor "nobody": start Visita as an ordinary user, or set DATABASE_URL to a PostgreSQL server.',
    )
  }
  return found
}

async function readUsers(): Promise<ServerUser[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    if (!name || !/^-?\d+$/.test(uid ?? '') || !/^-?\d+$/.test(gid ?? '')) return []
    // macOS lists nobody as -2, which the system calls take as an unsigned number.
    return [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }]
  })
}

/** Whether that user can enter the directory: tried, since modes alone do not tell (access lists, mounts). */
export async function canEnter(user: ServerUser, directory: string): Promise<boolean> {
  try {
    await execute('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], {
      cwd: '/',
      ...identityOf(user),
    })
    return true
  } catch {
    return false
  }
}
