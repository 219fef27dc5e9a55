// Rows of the ledger as telling and sending leave them, without anything having been told or sent.

import type { Insertable } from 'kysely'
import type { Runtime } from '#src/context.ts'
import type { NotificationTable } from '#src/db/telling-tables.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'

/** Writes a row: of the app, sent now and unread, unless `values` say otherwise; answers its id. */
export async function writeNotification(
  { db, clock }: Pick<Runtime, 'db' | 'clock'>,
  values: Partial<Insertable<NotificationTable>>,
): Promise<string> {
  const id = newId()
  const at = formatUtc(clock())
  await db
    .insertInto('notification')
    .values({
      id,
      kind: 'confirmed',
      channel: 'in_app',
      side: 'patient',
      topic: id,
      details: JSON.stringify({}),
      status: 'sent',
      queued_at: at,
      sent_at: at,
      ...(values.appointment_id != null && { version: 1 }),
      ...values,
    })
    .execute()
  return id
}
