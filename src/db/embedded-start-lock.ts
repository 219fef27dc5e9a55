// One process at a time starts, stops or attaches to the server of a data directory.

import { chown, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '#src/kernel/errors.ts'
import { codeOf, EmbeddedRefused } from './embedded-refused.ts'
import { isRoot } from './embedded-user.ts'

const waitSecondsMax = 660
const sqliteBusy = 5

/**
 * Waits for the lock and answers the function that releases it.
 *
 * The lock is the kernel's own (fcntl), taken through SQLite because Node has no call for it: it ends
 * with the process that holds it, however that ends, and holds between containers that share the
 * directory, where process ids mean nothing. The file stays empty.
 *
 * @throws EmbeddedRefused when the file cannot be made, or another process keeps the lock for 11 minutes.
 */
export async function takeStartLock(file: string): Promise<() => void> {
  await makeLockFile(file)
  const giveUpAt = performance.now() + waitSecondsMax * 1000
  while (performance.now() < giveUpAt) {
    const release = tryLock(file)
    if (release) return release
    await sleep(5 + Math.random() * 10)
  }
  throw new EmbeddedRefused(
    `Another process has been starting or stopping the database for ${waitSecondsMax / 60} minutes (it holds ${file}): end that process and start again.`,
  )
}

/** Never opens a file that is there: closing it would drop a lock which this very process holds. */
async function makeLockFile(file: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.close()
    const { uid, gid } = await stat(dirname(file))
    if (isRoot() && uid !== 0) await chown(file, uid, gid)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    throw new EmbeddedRefused(
      `The database cannot write to ${dirname(file)} (${messageOf(error)}): give this user the right to, or choose another DATA_DIR.`,
    )
  }
}

function tryLock(file: string): (() => void) | null {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(file, { timeout: 0 })
    lock.exec('pragma journal_mode = memory')
    lock.exec('begin exclusive')
    return lock.close.bind(lock)
  } catch (error) {
    if (lock?.isOpen) lock.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return null
    throw new EmbeddedRefused(
      `The file ${file} cannot be locked (${messageOf(error)}): it must be on a local disk and belong to the user who starts Visita; choose another DATA_DIR if it is not.`,
    )
  }
}
