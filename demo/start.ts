// A Visita of its own with the demo's network in it, in a directory that goes with it unless it is
// to be kept.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { destination, pino } from 'pino'
import { openRuntime, serve, type Visita } from '#src/app.ts'
import { loadConfig, type Config } from '#src/config.ts'
import { mailboxRoutes } from '#src/delivery/mailbox-routes.ts'
import { createMailbox } from '#src/delivery/mailbox.ts'
import { systemClock } from '#src/kernel/time.ts'
import { newKey } from '#src/secrets.ts'
import type { DemoOptions } from './options.ts'
import { ensureNetwork } from './seed.ts'

/**
 * Starts the demo; it listens only once the network is there.
 *
 * @throws StartRefused and the other refusals of a start, each with sentences for people.
 */
export async function startDemo({
  port,
  dataDirectory,
}: Pick<DemoOptions, 'port' | 'dataDirectory'>): Promise<Visita> {
  forgetDatabaseSettings()
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'visita-demo-')))
  const removeDirectory = async () => {
    if (dataDirectory === null) await rm(directory, { recursive: true, force: true })
  }
  try {
    const visita = await startIn(directory, { port, isKept: dataDirectory !== null })
    return {
      ...visita,
      async close() {
        await visita.close()
        await removeDirectory()
      },
    }
  } catch (error) {
    await removeDirectory()
    throw error
  }
}

async function startIn(
  directory: string,
  { port, isKept }: { port: number; isKept: boolean },
): Promise<Visita> {
  const config = configOf(directory, { port, isKept })
  const log = pino({ level: config.logLevel, base: null }, destination({ dest: 2, sync: true }))
  const mailbox = createMailbox({ clock: systemClock, from: sender })
  const opened = await openRuntime({
    config,
    log,
    senders: mailbox.senders,
    embedded: isKept ? {} : { ephemeral: true, durable: false },
  })
  try {
    await ensureNetwork(opened.runtime)
  } catch (error) {
    await opened.close()
    throw error
  }
  return serve(opened, { furtherRoutes: (app) => mailboxRoutes(app, mailbox) })
}

/** Nobody can have this domain, and nothing leaves the demo: its mails go to a mailbox in memory. */
const sender = 'Visita <visits@visita.example>'

/** The driver of PostgreSQL reads variables such as PGSSLMODE by itself; they mean other databases. */
function forgetDatabaseSettings(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name]
}

/**
 * The configuration of a demo. It takes nothing from the environment: with DATABASE_URL set, it would
 * write made-up people into a database that matters. It answers this machine alone, since its
 * passwords are known to everyone.
 */
function configOf(directory: string, { port, isKept }: { port: number; isKept: boolean }): Config {
  return loadConfig({
    envFile: null,
    env: {
      DATA_DIR: directory,
      PORT: String(port),
      LOG_LEVEL: 'warn',
      MAIL_FROM: sender,
      // It answers this machine alone, on which everyone who tries it out has one address.
      RATE_LIMIT_FACTOR: '100',
      // What is thrown away leaves no file of secrets behind, however it ends.
      ...(isKept ? {} : { TOKEN_SIGNING_KEY: newKey(), ENCRYPTION_KEY: newKey() }),
    },
  })
}
