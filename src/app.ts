// Puts a process of Visita together: database, schema, memory, web server; and takes it apart again.

import { pino, type Logger } from 'pino'
import { importRoutes } from '#src/admin/import-routes.ts'
import { adminRoutes } from '#src/admin/routes.ts'
import { createBoard } from '#src/availability/board.ts'
import { availabilityRoutes } from '#src/availability/routes.ts'
import { scheduleRoutes } from '#src/availability/schedule-routes.ts'
import { commandRoutes } from '#src/booking/command-routes.ts'
import { delayRoutes } from '#src/booking/delay-routes.ts'
import { rebookingRoutes } from '#src/booking/rebooking-routes.ts'
import { appointmentRoutes } from '#src/booking/routes.ts'
import { calendarFeedRoute, calendarRoutes } from '#src/calendar/routes.ts'
import { clinicRoutes } from '#src/clinics/routes.ts'
import { publicUrlAt, type Config } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import { dashboardRoutes } from '#src/dashboards/routes.ts'
import { connect, currentRole } from '#src/db/connect.ts'
import { startEmbedded, type EmbeddedOptions, type EmbeddedServer } from '#src/db/embedded.ts'
import { migrate } from '#src/db/migrate.ts'
import { createVault } from '#src/db/vault.ts'
import type { Senders } from '#src/delivery/delivery.ts'
import { closeSenders, sendersOf } from '#src/delivery/senders.ts'
import { doctorRoutes } from '#src/doctors/routes.ts'
import { createEventBus, followEvents } from '#src/events/events.ts'
import { currentCursor } from '#src/events/queries.ts'
import { createServer, type App } from '#src/http/server.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { accountRoutes } from '#src/identity/account-routes.ts'
import { linkPageRoutes } from '#src/identity/link-page-routes.ts'
import { createLinkSigner } from '#src/identity/link-signer.ts'
import { invitationRoutes } from '#src/identity/invitation-routes.ts'
import { joinPageRoutes } from '#src/identity/join-routes.ts'
import { identityRoutes, keySetRoute } from '#src/identity/routes.ts'
import { secondFactorRoutes } from '#src/identity/second-factor-routes.ts'
import { sessionRoutes } from '#src/identity/session-routes.ts'
import { createTokenSigner, tokenIssuer } from '#src/identity/tokens.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { systemClock, type Clock } from '#src/kernel/time.ts'
import { linkRoutes } from '#src/links/routes.ts'
import { visitPageRoutes } from '#src/links/visit-page-routes.ts'
import { medicalHistoryRoutes } from '#src/medical-history/routes.ts'
import { messageRoutes } from '#src/messaging/routes.ts'
import { claimPageRoutes } from '#src/patients/claim-page-routes.ts'
import { notificationRoutes } from '#src/notifications/routes.ts'
import { mergeRoutes } from '#src/patients/merge-routes.ts'
import { patientRoutes } from '#src/patients/routes.ts'
import { privacyRoutes } from '#src/privacy/routes.ts'
import { realtimeRoutes } from '#src/realtime/routes.ts'
import { checkReadiness } from '#src/readiness.ts'
import { StartRefused } from '#src/refusal-at-start.ts'
import { resolveSecrets, type Secrets } from '#src/secrets.ts'
import { waitlistRoutes } from '#src/waitlist/routes.ts'
import { keepWorking } from '#src/work.ts'

export interface RuntimeOptions {
  config: Config
  log?: Logger
  clock?: Clock
  /** How the embedded database is run, when it is used. */
  embedded?: Pick<EmbeddedOptions, 'ephemeral' | 'durable'>
  /** In place of what the configuration sets up: a mailbox to look into, or a server of a test. */
  senders?: Senders
  /** Told in plain sentences what is going on while something takes time. */
  say?: (sentence: string) => void
}

/** A process without its web server: what the command line works with. */
export interface OpenRuntime {
  runtime: Runtime
  /** Where the database can be reached by its owner. */
  databaseUrl: string
  close(): Promise<void>
}

/** How often it is looked what other processes did. A look without news takes the database 0.1 ms. */
const followPauseMilliseconds = 100

/** The structured log of a process, on standard output. */
export function createLog(config: Pick<Config, 'logLevel'>): Logger {
  return pino({ level: config.logLevel, base: null })
}

/**
 * Finds the database or starts the embedded one, brings it to this version's schema, and connects.
 *
 * @throws ConfigRefused, EmbeddedRefused, MigrationRefused: each with sentences for the operator.
 */
export async function openRuntime(options: RuntimeOptions): Promise<OpenRuntime> {
  const { config, say = () => {}, clock = systemClock } = options
  const log = options.log ?? createLog(config)
  const embedded =
    config.database.url === null
      ? await startEmbedded({
          dataDirectory: config.dataDirectory,
          log: say,
          ...options.embedded,
        })
      : null
  const url = embedded?.appUrl ?? config.database.url!
  const ownerUrl = embedded?.ownerUrl ?? config.database.migrationUrl ?? url
  try {
    const secrets = resolveSecrets(config)
    await prepareDatabase({ url, ownerUrl, schema: config.database.schema, say })
    const senders = options.senders ?? sendersOf(config)
    return await connectRuntime({ config, log, clock, embedded, secrets, senders, url, ownerUrl })
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

async function prepareDatabase(options: {
  url: string
  ownerUrl: string
  schema: string
  say: (sentence: string) => void
}): Promise<void> {
  const { url, ownerUrl, schema, say } = options
  const appRole = await reach(url, 'DATABASE_URL')
  if (ownerUrl !== url) await reach(ownerUrl, 'MIGRATION_DATABASE_URL')
  const applied = await migrate({ url: ownerUrl, schema, appRole })
  if (applied.length > 0) say(`The database has been brought up to date (${applied.length} steps).`)
}

async function connectRuntime(options: {
  config: Config
  log: Logger
  clock: Clock
  embedded: EmbeddedServer | null
  secrets: Secrets
  senders: Senders
  url: string
  ownerUrl: string
}): Promise<OpenRuntime> {
  const { config, log, clock, embedded, secrets, senders } = options
  const events = createEventBus()
  const revive = reviver(embedded, log)
  const { db, pool } = connect({
    ...config.database,
    url: options.url,
    onLost(error) {
      log.warn({ error: error.message }, 'a database connection was lost')
      revive()
    },
  })
  // Taken before anything is read into memory, so that no change of it is missed.
  const cursor = await currentCursor(db).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  const ending = new AbortController()
  const following = followEvents({
    db,
    events,
    cursor,
    signal: ending.signal,
    pauseMilliseconds: followPauseMilliseconds,
    onError(error, isNews) {
      if (isNews) log.warn({ error: messageOf(error) }, 'the event table could not be read')
      revive()
    },
  })

  const runtime: Runtime = {
    config,
    db,
    clock,
    log,
    events,
    board: createBoard({ db, clock, events }),
    tokens: createTokenSigner({
      signingKeys: secrets.tokenSigningKey.split(','),
      issuer: tokenIssuer,
      accessTokenMinutes: config.accessTokenMinutes,
    }),
    links: createLinkSigner(secrets.tokenSigningKey.split(',')),
    vault: createVault(secrets.encryptionKey.split(',')),
    senders,
  }
  return {
    runtime,
    databaseUrl: options.ownerUrl,
    async close() {
      ending.abort()
      await following
      closeSenders(senders)
      await pool.end()
      await embedded?.stop()
    },
  }
}

/** The role that the URL of this variable signs in as. */
async function reach(url: string, variable: string): Promise<string> {
  try {
    return await currentRole(url)
  } catch (error) {
    throw new StartRefused(
      `The database of ${variable} cannot be used (${messageOf(error)}). Check that it runs and that the URL is right.`,
    )
  }
}

/** Starts a dead embedded server again, once at a time. */
function reviver(embedded: EmbeddedServer | null, log: Logger): () => void {
  let reviving: Promise<void> | null = null
  return () => {
    if (embedded === null || reviving !== null) return
    reviving = embedded
      .revive()
      .catch((error: unknown) =>
        log.error({ error: messageOf(error) }, 'the embedded database could not be started again'),
      )
      .finally(() => {
        reviving = null
      })
  }
}

export interface Visita extends OpenRuntime {
  app: App
  /** Where it answers, such as http://127.0.0.1:3000. */
  url: string
}

export interface ServeOptions {
  /** Adds routes at the root that are not part of every Visita, such as those of the demo. */
  furtherRoutes?: (app: App) => void
}

/** The web server of a runtime, not yet listening. */
export async function createApp(
  runtime: Runtime,
  { furtherRoutes = () => {} }: ServeOptions = {},
): Promise<App> {
  return createServer({
    runtime,
    authenticate,
    readiness: () => checkReadiness(runtime),
    rootRoutes(app) {
      keySetRoute(app)
      joinPageRoutes(app)
      linkPageRoutes(app)
      claimPageRoutes(app)
      visitPageRoutes(app)
      calendarFeedRoute(app)
      furtherRoutes(app)
    },
    routes(app) {
      identityRoutes(app)
      sessionRoutes(app)
      secondFactorRoutes(app)
      accountRoutes(app)
      invitationRoutes(app)
      clinicRoutes(app)
      doctorRoutes(app)
      patientRoutes(app)
      medicalHistoryRoutes(app)
      mergeRoutes(app)
      scheduleRoutes(app)
      availabilityRoutes(app)
      appointmentRoutes(app)
      commandRoutes(app)
      rebookingRoutes(app)
      delayRoutes(app)
      waitlistRoutes(app)
      linkRoutes(app)
      calendarRoutes(app)
      messageRoutes(app)
      notificationRoutes(app)
      realtimeRoutes(app)
      dashboardRoutes(app)
      importRoutes(app)
      adminRoutes(app, { readiness: () => checkReadiness(runtime) })
      privacyRoutes(app)
    },
  })
}

/** Opens a runtime and serves it. */
export async function startVisita(options: RuntimeOptions): Promise<Visita> {
  return serve(await openRuntime(options))
}

/**
 * Listens for requests. The answer's `close` lets those in flight finish and closes the runtime, as
 * does a refusal to listen.
 *
 * @throws StartRefused
 */
export async function serve(opened: OpenRuntime, options: ServeOptions = {}): Promise<Visita> {
  const { runtime } = opened
  const ending = new AbortController()
  try {
    const app = await createApp(runtime, options)
    const port = await listen(app, runtime.config)
    // Port 0 means any free one, so links can be made only now.
    const url = publicUrlAt({ ...runtime.config, publicUrl: null }, port)
    runtime.config = { ...runtime.config, publicUrl: publicUrlAt(runtime.config, port) }
    const working =
      runtime.config.backgroundWork === 'here'
        ? keepWorking(runtime, ending.signal)
        : Promise.resolve()
    return {
      ...opened,
      app,
      url,
      async close() {
        ending.abort()
        try {
          await app.close()
          await working
        } finally {
          await opened.close()
        }
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** Answers the port listened on. */
async function listen(app: App, { host, port }: Config): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    const remedy = isTaken
      ? `Choose another port: PORT=${port + 1}, for the demo -- --port ${port + 1}.`
      : 'Set HOST to an address of this machine, such as HOST=127.0.0.1, and PORT to a port that you may use.'
    throw new StartRefused(
      `Visita cannot listen on port ${port} of ${host}: ${isTaken ? 'it is in use' : messageOf(error)}. ${remedy}`,
    )
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}
