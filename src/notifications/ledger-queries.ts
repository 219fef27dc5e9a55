import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { NotificationChannel } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { NotificationRow } from './notification.ts'

/** A row of the ledger with the name of whoever it went to, as it is now. */
export interface LedgerRow extends NotificationRow {
  recipient_name: string | null
}

/** The most rows that are shown of a visit: its newest. */
export const ledgerRowsMax = 500

/** What anyone was told of the appointment, oldest first. */
export async function ledgerOf(db: Queryable, appointmentId: string): Promise<LedgerRow[]> {
  const rows = await db
    .selectFrom('notification')
    .leftJoin('account', 'account.id', 'notification.account_id')
    .leftJoin('patient', 'patient.id', 'notification.patient_id')
    .selectAll('notification')
    .select(sql<string | null>`coalesce(account.name, patient.name)`.as('recipient_name'))
    .where('appointment_id', '=', appointmentId)
    .orderBy('queued_at', 'desc')
    .orderBy('notification.id', 'desc')
    .limit(ledgerRowsMax)
    .execute()
  return rows.toReversed()
}

export interface DeliveryRow {
  channel: NotificationChannel
  waiting: number
  oldest_waiting_at: Instant | null
  failed: number
}

/** How many messages wait to be sent, since when, and how many failed from `since` on, by channel. */
export async function deliveryByChannel(db: Queryable, since: Instant): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    select channel,
      (count(*) filter (where status = 'queued'))::integer as waiting,
      min(queued_at) filter (where status = 'queued') as oldest_waiting_at,
      (count(*) filter (where status = 'failed'))::integer as failed
    from notification
    where (status = 'queued' and due_at is not null)
      or (status = 'failed' and failed_at >= ${formatUtc(since)}::timestamptz)
    group by channel`.execute(db)
  return rows
}
