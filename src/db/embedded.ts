// The database that comes with Visita: a real PostgreSQL in the data directory, for whoever names no
// other. It is a process of its own that outlives a crash of the application; every process of Visita
// on the same data directory shares it, and the last to leave ends it.

import type { Client } from 'pg'
import { messageOf } from '#src/kernel/errors.ts'
import { copyName, findPackage, findRunnable, type PostgresPackage } from './embedded-binaries.ts'
import {
  appRole,
  databaseName,
  giveToUser,
  hasCluster,
  makeCluster,
  ownerRole,
  prepareDatabase,
  prepareStaging,
  readPasswords,
  removeTree,
  superuser,
} from './embedded-cluster.ts'
import { type Guard, startFreely, startGuard } from './embedded-guard.ts'
import { findPlace, findTraces, nameEverything, type Place } from './embedded-place.ts'
import { endServer, type LaunchOptions, reachServer, tryReach } from './embedded-process.ts'
import { EmbeddedRefused } from './embedded-refused.ts'
import { urlOf } from './embedded-socket.ts'
import { takeStartLock } from './embedded-start-lock.ts'
import { canEnter } from './embedded-user.ts'

export { EmbeddedRefused } from './embedded-refused.ts'

export interface EmbeddedOptions {
  /** The database lies in its folder `postgres`; other files in it are left alone. */
  dataDirectory: string
  /** The database is thrown away when this process ends, however it ends. */
  ephemeral?: boolean
  /** False gives up safety from power cuts for speed, for data that is thrown away; default true. */
  durable?: boolean
  log: (message: string) => void
  /** The npm package with the programs, when it is not where npm put it. */
  packageDirectory?: string
  /** Where databases go that the server's user cannot reach in the data directory. */
  relocationRoot?: string
}

export interface EmbeddedServer {
  /** Connection URLs over the Unix socket, which pg and psql both take. This one owns database "visita". */
  ownerUrl: string
  /** Connects as the application, which has only the rights that the owner grants it. */
  appUrl: string
  superuserUrl: string
  /**
   * Leaves: the last process to leave ends the server. A throw-away server always ends, and what it
   * made is removed. May be called again.
   */
  stop(): Promise<void>
  /**
   * Makes sure that the server answers, and starts a dead one again.
   *
   * @throws EmbeddedRefused when it does not start.
   */
  revive(): Promise<void>
}

/** Stands for "a process of Visita is here" among the advisory locks of database "postgres". */
const presenceLock = 7_281_006

interface Presence {
  client: Client
  socketDirectory: string
}

/**
 * Attaches to the server of the data directory, starting it, and making its database, where needed.
 *
 * @throws EmbeddedRefused when that cannot be done here.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const postgres = await findPackage(options.packageDirectory)
  const names = await nameEverything(
    options.dataDirectory,
    options.relocationRoot ?? '/var/lib/visita',
  )
  const traces = options.ephemeral
    ? await findTraces(names, [copyName(postgres), 'postgres.log.old'])
    : null
  const guard = traces ? await startGuard(traces) : null
  try {
    const place = await findPlace(names, { major: postgres.major, log: options.log })
    return await attach({ options, postgres, place, guard })
  } catch (error) {
    await guard?.finish()
    throw error instanceof EmbeddedRefused
      ? error
      : new EmbeddedRefused(
          `The database in ${options.dataDirectory} cannot be started (${messageOf(error)}): mend that, or set DATABASE_URL to a PostgreSQL server.`,
          { cause: error },
        )
  }
}

interface Attachment {
  options: EmbeddedOptions
  postgres: PostgresPackage
  place: Place
  guard: Guard | null
}

async function attach({ options, postgres, place, guard }: Attachment): Promise<EmbeddedServer> {
  const { log, durable = true } = options
  const start = guard?.start ?? startFreely
  let programs: string | null = null
  let presence: Presence | null = null
  let reviving: Promise<void> | null = null
  let stopping: Promise<void> | null = null

  /** Runs `work` with a directory for unfinished work and with programs that run here. */
  async function withPrograms(work: (programs: string) => Promise<void>): Promise<string> {
    await prepareStaging(place)
    try {
      programs ??= await findRunnable(postgres, { ...place, log })
      await work(programs)
      return programs
    } finally {
      await removeTree(place.staging)
    }
  }

  async function prepareLaunch(): Promise<LaunchOptions> {
    if (!(await canEnter(place.user, place.home))) {
      throw new EmbeddedRefused(
        `The user "${place.user.name}", which runs the database, cannot enter ${place.home}: allow it to (chmod o+x on the directories above), or move the data to another DATA_DIR.`,
      )
    }
    log(`Starting the database in ${place.cluster}`)
    return {
      programs: await withPrograms(() => giveToUser(place)),
      durable,
      throwAway: guard !== null,
      start,
    }
  }

  /** Reaches the server, whatever that takes, and tells the other processes that we are here. */
  async function enter(mayMake: boolean): Promise<Presence> {
    const release = await takeStartLock(place.lockFile)
    try {
      if (!hasCluster(place)) {
        if (!mayMake) {
          throw new EmbeddedRefused(
            `The database in ${place.cluster} is gone: bring it back from a backup, or start Visita again to begin with an empty one.`,
          )
        }
        log(`Making a new database in ${place.cluster}`)
        await withPrograms((programs) => makeCluster(place, { programs, durable, start }))
      }
      const passwords = await readPasswords(place)
      const reached = await reachServer(place, passwords.superuser, prepareLaunch)
      try {
        await prepareDatabase(reached.client, passwords, reached.launched)
        await reached.client.query('select pg_advisory_lock_shared($1)', [presenceLock])
      } catch (error) {
        await endQuietly(reached.client)
        // Nobody else can have come while we hold the start lock.
        if (reached.launched) await endServer(place, 'orderly')
        throw error
      }
      return reached
    } finally {
      release()
    }
  }

  function settle(entered: Presence): void {
    presence = entered
    entered.client.once('end', () => {
      if (presence?.client !== entered.client) return
      presence = null
      if (stopping) return
      log('The connection to the database was lost: making sure that it runs')
      revive().catch((error: unknown) => log(messageOf(error)))
    })
  }

  function revive(): Promise<void> {
    if (stopping) return Promise.resolve()
    reviving ??= reviveOnce().finally(() => {
      reviving = null
    })
    return reviving
  }

  async function reviveOnce(): Promise<void> {
    if (presence && (await answers())) return
    const lost = presence
    presence = null
    if (lost) await endQuietly(lost.client)
    settle(await enter(false))
  }

  /** Whether the server takes a new connection; one that is about to stop keeps only the old ones. */
  async function answers(): Promise<boolean> {
    const { superuser: password } = await readPasswords(place)
    const reached = await tryReach(place, password)
    if (typeof reached === 'string') return false
    await endQuietly(reached.client)
    return true
  }

  async function leave(): Promise<void> {
    await reviving?.catch(() => {})
    try {
      const release = await takeStartLock(place.lockFile)
      try {
        const alone = guard ? true : await isLast()
        if (presence) await endQuietly(presence.client)
        if (alone) await endServer(place, guard ? 'at once' : 'orderly')
      } finally {
        release()
      }
    } finally {
      await guard?.finish()
    }
  }

  /** Gives up our presence, and answers whether no other process is present. */
  async function isLast(): Promise<boolean> {
    if (presence) {
      const last = await leaveBy(presence.client)
      if (last !== null) return last
    }
    const { superuser: password } = await readPasswords(place)
    const reached = await tryReach(place, password)
    if (typeof reached === 'string') return false
    const last = await leaveBy(reached.client)
    await endQuietly(reached.client)
    return last ?? false
  }

  settle(await enter(true))
  const passwords = await readPasswords(place)
  const { socketDirectory } = presence!
  const url = (user: string, password: string, database: string) =>
    urlOf({ user, password, database, socketDirectory })
  return {
    ownerUrl: url(ownerRole, passwords.owner, databaseName),
    appUrl: url(appRole, passwords.app, databaseName),
    superuserUrl: url(superuser, passwords.superuser, databaseName),
    stop() {
      stopping ??= leave()
      return stopping
    },
    revive,
  }
}

/** Whether the connection's process was the last present; null when the connection does not work. */
async function leaveBy(client: Client): Promise<boolean | null> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [presenceLock])
    const { rows } = await client.query<{ alone: boolean }>(
      'select pg_try_advisory_lock($1) as alone',
      [presenceLock],
    )
    return rows[0]?.alone ?? false
  } catch {
    return null
  }
}

async function endQuietly(client: Client): Promise<void> {
  await client.end().catch(() => {})
}
