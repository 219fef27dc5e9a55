// Links as the mails of the ledger have them, without any mail being sent.

import type { Runtime } from '#src/context.ts'
import type { NotificationKind } from '#src/db/tables.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import type { VisitPurpose } from '#src/links/address.ts'

/** A row of the ledger for a mail about the visit, at the time that it has now, that was sent. */
export async function mailAbout(
  { db, clock }: Runtime,
  mail: {
    appointmentId: string
    accountId?: string
    patientId?: string
    kind?: NotificationKind
    /** Where the recipient is reached now, unless said otherwise. */
    address?: string | null
  },
): Promise<string> {
  const id = newId()
  const at = formatUtc(clock())
  const { starts_at: startsAt } = await db
    .selectFrom('appointment')
    .select('starts_at')
    .where('id', '=', mail.appointmentId)
    .executeTakeFirstOrThrow()
  const { email } = await db
    .selectFrom(mail.accountId === undefined ? 'patient' : 'account')
    .select('email')
    .where('id', '=', mail.accountId ?? mail.patientId ?? '')
    .executeTakeFirstOrThrow()
  await db
    .insertInto('notification')
    .values({
      id,
      kind: mail.kind ?? 'confirmed',
      channel: 'email',
      account_id: mail.accountId ?? null,
      patient_id: mail.patientId ?? null,
      appointment_id: mail.appointmentId,
      version: 1,
      side: 'patient',
      topic: id,
      details: JSON.stringify({ startsAt }),
      status: 'sent',
      queued_at: at,
      sent_at: at,
      address: mail.address === undefined ? email : mail.address,
    })
    .execute()
  return id
}

/** What stands after the # of the link with this purpose in the mail. */
export function wordOf({ links }: Runtime, purpose: VisitPurpose, notificationId: string): string {
  return `${purpose}.${links.tokenOf(purpose, notificationId)}`
}
