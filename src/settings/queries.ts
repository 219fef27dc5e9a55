import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'

/** The settings of the network. */
export interface Settings {
  name: string
  secondFactorForStaff: boolean
  childAccessEndsAtAge: number
  keepEventsDays: number
  keepNotificationsDays: number
  /** Null for always. */
  keepPatientsYears: number | null
  version: number
}

const columns = [
  'name',
  'second_factor_for_staff as secondFactorForStaff',
  'child_access_ends_at_age as childAccessEndsAtAge',
  'keep_events_days as keepEventsDays',
  'keep_notifications_days as keepNotificationsDays',
  'keep_patients_years as keepPatientsYears',
  'version',
] as const

export async function readSettings(db: Queryable): Promise<Settings> {
  return db.selectFrom('network_settings').select(columns).executeTakeFirstOrThrow()
}

/** As they are, locked until the transaction ends. */
export async function lockSettings(db: Queryable): Promise<Settings> {
  return db
    .selectFrom('network_settings')
    .select(columns)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
}

/** What is to change; undefined stays as it is. */
export type SettingsChange = { [Name in Exclude<keyof Settings, 'version'>]?: Settings[Name] }

/** Raises the version. Another age leaves the ends of accesses due, see `childEndsDue`. */
export async function updateSettings(db: Queryable, change: SettingsChange): Promise<Settings> {
  return db
    .updateTable('network_settings')
    .set((settings) => ({
      name: change.name,
      second_factor_for_staff: change.secondFactorForStaff,
      child_access_ends_at_age: change.childAccessEndsAtAge,
      child_ends_due: sql<number | null>`case
        when child_access_ends_at_age <> ${change.childAccessEndsAtAge ?? null}::smallint
        then version + 1 else child_ends_due end`,
      keep_events_days: change.keepEventsDays,
      keep_notifications_days: change.keepNotificationsDays,
      keep_patients_years: change.keepPatientsYears,
      version: settings('version', '+', 1),
    }))
    .returning(columns)
    .executeTakeFirstOrThrow()
}

/**
 * The version of the settings that brought another age by which the ends of accesses are still to be worked
 * out; null when all are.
 */
export async function childEndsDue(db: Queryable): Promise<number | null> {
  const { version } = await db
    .selectFrom('network_settings')
    .select('child_ends_due as version')
    .executeTakeFirstOrThrow()
  return version
}

/** Notes that the ends are worked out by the age of that version, unless the age has changed since. */
export async function noteChildEndsDone(db: Queryable, version: number): Promise<void> {
  await db
    .updateTable('network_settings')
    .set({ child_ends_due: null })
    .where('child_ends_due', '=', version)
    .execute()
}
