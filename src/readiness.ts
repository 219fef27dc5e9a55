// Whether this process can serve: the checks behind /readyz.

import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Runtime } from '#src/context.ts'
import { isLostConnection } from '#src/db/constraints.ts'
import { missingMigrations, readMigrations } from '#src/db/migrate.ts'
import { firstUnread } from '#src/events/reader-queries.ts'
import type { Readiness, ReadinessCheck } from '#src/http/health.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { formatUtc, localDateTimeOf } from '#src/kernel/time.ts'
import { reader } from '#src/notifications/tell.ts'

/** Runs every check; none throws. */
export async function checkReadiness(runtime: Runtime): Promise<Readiness> {
  const checks = await Promise.all([
    named(runtime, 'database', checkDatabase),
    named(runtime, 'migrations', checkMigrations),
    named(runtime, 'audit', checkAudit),
    named(runtime, 'time zones', checkTimeZones),
    named(runtime, 'mail', checkMail),
    named(runtime, 'background work', checkWork),
  ])
  return { checks }
}

const migrations = readMigrations()

type Finding = Omit<ReadinessCheck, 'name'>

async function named(
  runtime: Runtime,
  name: string,
  check: (runtime: Runtime) => Promise<Finding>,
): Promise<ReadinessCheck> {
  try {
    return { name, ...(await check(runtime)) }
  } catch (error) {
    if (isLostConnection(error))
      return { name, status: 'fail', detail: 'The database does not answer.' }
    runtime.log.error({ check: name, error: messageOf(error) }, 'a readiness check failed')
    return { name, status: 'fail', detail: 'The check failed; the log says why.' }
  }
}

async function checkDatabase({ db }: Runtime): Promise<Finding> {
  const { rows } = await sql<{ version: string }>`
    select current_setting('server_version') as version`.execute(db)
  return { status: 'ok', detail: `PostgreSQL ${rows[0]!.version} answers.` }
}

async function checkMigrations({ db }: Runtime): Promise<Finding> {
  const { rows } = await sql<{ name: string }>`select name from schema_migration`.execute(db)
  const missing = missingMigrations(await migrations, new Set(rows.map(({ name }) => name)))
  return missing.length === 0
    ? { status: 'ok', detail: `${rows.length} migrations are applied.` }
    : { status: 'fail', detail: `Migrations are missing: ${missing.join(', ')}.` }
}

async function checkAudit({ db }: Runtime): Promise<Finding> {
  const { rows } = await sql<{ may_change: boolean }>`
    select bool_or(has_table_privilege(name, 'UPDATE, DELETE, TRUNCATE')) as may_change
    from unnest(array['audit_entry', 'audit_seal']) as name`.execute(db)
  return rows[0]!.may_change
    ? {
        status: 'warn',
        detail:
          'The application owns its tables, so only a trigger guards the audit. Set MIGRATION_DATABASE_URL to the owner and DATABASE_URL to a role of its own.',
      }
    : { status: 'ok', detail: 'The application cannot change or delete audit entries.' }
}

/**
 * Node resolves local times and PostgreSQL only stores instants, but people read both: where their
 * rules for a clinic's zone differ within a year, someone will be an hour off.
 */
async function checkTimeZones({ db, clock }: Runtime): Promise<Finding> {
  const day = 86_400_000
  const today = Math.floor(clock() / day) * day
  const instants = Array.from({ length: 13 }, (_, index) => today + index * 30 * day)
  const { rows } = await sql<{ zone: string; at: number; local: string | null }>`
    select zone, at, case when name is not null then
        to_char(to_timestamp(at / 1000.0) at time zone name, 'YYYY-MM-DD"T"HH24:MI:SS') end as local
    from (select distinct time_zone as zone from clinic) as zones
      left join (select name from pg_timezone_names) as known on name = zone,
      unnest(${instants}::float8[]) as at`.execute(db)
  const differing = new Set(
    rows
      .filter(({ zone, at, local }) => localDateTimeOf(at, zone) !== local)
      .map(({ zone }) => zone),
  )
  const versions = `Node.js has time zone data ${process.versions.tz}, the operating system ${await systemEdition()}`
  return differing.size === 0
    ? { status: 'ok', detail: `${versions}; PostgreSQL agrees for the zones of all clinics.` }
    : {
        status: 'warn',
        detail: `${versions}; PostgreSQL differs within a year for ${[...differing].join(', ')}. Update the older one.`,
      }
}

/** How late a mail may be before somebody should look, in minutes. */
const lateMinutes = 10

/** After so many tries (the fourth comes some eight minutes after the first) a mail counts as late. */
const lateAttempts = 4

async function checkMail({ db, clock, senders }: Runtime): Promise<Finding> {
  const { rows } = await sql<{ waiting: number; late: number; since: number | null }>`
    select count(*)::integer as waiting,
      (count(*) filter (where due_at < to_timestamp(${clock() / 1000}) - make_interval(mins => ${lateMinutes})
        or attempts >= ${lateAttempts}))::integer as late,
      (extract(epoch from min(queued_at)) * 1000)::float8 as since
    from notification
    where due_at is not null and status = 'queued' and channel = 'email'`.execute(db)
  const { waiting, late, since } = rows[0]!
  const oldest = since === null ? '' : `, the oldest since ${formatUtc(Math.floor(since))}`
  if (senders.mail === null)
    return {
      status: 'warn',
      detail: `E-mail is not set up: messages wait. Set MAIL_FROM and SMTP_URL or RESEND_API_KEY.${waiting === 0 ? '' : ` Waiting: ${waiting}${oldest}.`}`,
    }
  if (late > 0)
    return {
      status: 'warn',
      detail: `E-mail goes by ${senders.mail.name}, but does not get away. Late: ${late} of ${waiting}${oldest}. Try npm run visita -- send-test-mail, and see that a process does the background work.`,
    }
  return { status: 'ok', detail: `E-mail goes by ${senders.mail.name}.` }
}

/** After how many seconds somebody should have been told what happened. */
const untoldSeconds = 60

/** Whether some process reads what happens, tells people of it, and so most likely does the other work. */
async function checkWork({ db, clock }: Runtime): Promise<Finding> {
  const waiting = await firstUnread(db, { name: reader, now: clock() })
  if (waiting === undefined || waiting.age < untoldSeconds)
    return { status: 'ok', detail: 'People are told what happens.' }
  const minutes = Math.round(waiting.age / 60)
  return {
    status: 'warn',
    detail: `Nobody has been told what happened ${minutes === 1 ? 'a minute' : `${minutes} minutes`} ago. See that a process does the background work: this one without BACKGROUND_WORK=elsewhere, or npm run worker; its log says what is wrong.`,
  }
}

/** The edition of the operating system's IANA data, such as "2026a". */
async function systemEdition(): Promise<string> {
  try {
    const text = await readFile('/usr/share/zoneinfo/tzdata.zi', 'utf8')
    return /^# version (\S+)/.exec(text)?.[1] ?? 'an unknown one'
  } catch {
    return 'none'
  }
}
