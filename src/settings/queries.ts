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

export async function readSettings(db: Queryable): Promise<Settings> {
  return db
    .selectFrom('network_settings')
    .select([
      'name',
      'second_factor_for_staff as secondFactorForStaff',
      'child_access_ends_at_age as childAccessEndsAtAge',
      'keep_events_days as keepEventsDays',
      'keep_notifications_days as keepNotificationsDays',
      'keep_patients_years as keepPatientsYears',
      'version',
    ])
    .executeTakeFirstOrThrow()
}
