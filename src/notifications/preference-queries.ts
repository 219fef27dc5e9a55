import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { ChoosableKind, ChosenChannel, Preference } from './preferences.ts'
import type { QuietHours } from './quiet-hours.ts'

export interface ChoicesRow {
  locale: string | null
  preferences: Preference[]
  quiet_hours: QuietHours | null
}

/** What the account chose. */
export async function choicesOf(db: Queryable, accountId: string): Promise<ChoicesRow | undefined> {
  const { rows } = await sql<ChoicesRow>`
    select locale,
      coalesce((select json_agg(json_build_object(
          'kind', kind, 'channel', channel, 'wanted', wanted))
        from notification_preference where account_id = account.id), '[]') as preferences,
      (select json_build_object(
          'fromMinute', from_minute, 'toMinute', to_minute, 'timeZone', time_zone)
        from quiet_hours where account_id = account.id) as quiet_hours
    from account where id = ${accountId}`.execute(db)
  return rows[0]
}

/** Writes what the account wants of a kind by a channel, in place of what it wanted. */
export async function writePreference(
  db: Queryable,
  choice: { accountId: string; kind: ChoosableKind; channel: ChosenChannel; wanted: boolean },
): Promise<void> {
  const { accountId, kind, channel, wanted } = choice
  await db
    .insertInto('notification_preference')
    .values({ account_id: accountId, kind, channel, wanted })
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'kind', 'channel']).doUpdateSet({ wanted }),
    )
    .execute()
}

/** Writes the account's quiet hours, in place of others. */
export async function writeQuietHours(
  db: Queryable,
  accountId: string,
  { fromMinute, toMinute, timeZone }: QuietHours,
): Promise<void> {
  const values = { from_minute: fromMinute, to_minute: toMinute, time_zone: timeZone }
  await db
    .insertInto('quiet_hours')
    .values({ account_id: accountId, ...values })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values))
    .execute()
}

/** Leaves the account without quiet hours. */
export async function deleteQuietHours(db: Queryable, accountId: string): Promise<void> {
  await db.deleteFrom('quiet_hours').where('account_id', '=', accountId).execute()
}
