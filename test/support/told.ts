// What people were told: the work that tells them, done now, and the ledger as the database has it.

import { sql } from 'kysely'
import { tellNews } from '#src/notifications/tell.ts'
import type { NotificationRow } from '#src/notifications/notification.ts'
import type { Clock } from '#src/kernel/time.ts'
import { testVisita } from './visita.ts'

/** Tells everything that has been committed so far, as at the clock's time. */
export async function tellEverything(clock?: Clock): Promise<void> {
  const { runtime } = await testVisita()
  while (await hasUnreadEvents()) await tellNews({ ...runtime, ...(clock && { clock }) })
}

async function hasUnreadEvents(): Promise<boolean> {
  const { runtime } = await testVisita()
  const { rows } = await sql<{ unread: boolean }>`
    select exists (
      select from event, event_reader
      where name = 'notifications'
        and (event.xid, event.seq) > (event_reader.xid, event_reader.seq)
        and event.type <> 'notification.added') as unread`.execute(runtime.db)
  return rows[0]!.unread
}

/** Passes over everything that other tests did, which nobody here wants to be told or sent. */
export async function skipEarlierNews(): Promise<void> {
  const { runtime } = await testVisita()
  await runtime.db
    .updateTable('notification')
    .set({ status: 'withdrawn', due_at: null })
    .where('due_at', 'is not', null)
    .execute()
  await sql`
    update event_reader set xid = pg_snapshot_xmin(pg_current_snapshot()), seq = 0
    where name = 'notifications'`.execute(runtime.db)
}

/** The rows about a visit, oldest first. */
export async function ledgerOf(appointmentId: string): Promise<NotificationRow[]> {
  const { runtime } = await testVisita()
  return runtime.db
    .selectFrom('notification')
    .selectAll()
    .where('appointment_id', '=', appointmentId)
    .orderBy('queued_at')
    .orderBy('id')
    .execute()
}

/** The rows about a visit for one recipient, as "channel kind status". */
export async function toldOf(appointmentId: string, recipientId: string): Promise<string[]> {
  const rows = await ledgerOf(appointmentId)
  return rows
    .filter(({ recipient_id }) => recipient_id === recipientId)
    .map(({ channel, kind, status }) => `${channel} ${kind} ${status}`)
    .toSorted()
}
