import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** A notification about a visit, as far as a link in it must know. */
export interface NotificationRow {
  id: string
  /** The account that was told, or else the patient. */
  recipient_id: string
  recipient_name: string
  appointment_id: string
  patient_id: string
  confirmed_at: Instant | null
  /** Whether the recipient may act for the patient now, and the mail went where they are reached now. */
  has_access: boolean
}

/** The notification when it is about a visit, and one that went to an account or a patient. */
export async function notificationById(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<NotificationRow | undefined> {
  const { rows } = await sql<NotificationRow>`
    select notification.id, notification.recipient_id, notification.appointment_id,
      notification.confirmed_at, visit.patient_id,
      coalesce(account.name, patient.name) as recipient_name,
      (case when account.id is null then patient.id = visit.patient_id
          else account.status = 'active' and exists (
            select from patient_access
            where patient_access.account_id = account.id
              and patient_access.patient_id = visit.patient_id and patient_access.scope <> 'see'
              and (patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)}))
        end
        -- A mail that went astray opens nothing once the address has been corrected.
        and (notification.channel <> 'email' or notification.address is null or coalesce(
          lower(notification.address) = lower(coalesce(account.email, patient.email)), false)))
        as has_access
    from notification
    join appointment as visit on visit.id = notification.appointment_id
    left join account on account.id = notification.account_id
    left join patient on patient.id = notification.patient_id
    where notification.id = ${id} and coalesce(account.id, patient.id) is not null`.execute(db)
  return rows[0]
}

/** The entry of the waitlist that was offered the time of this appointment, and until when it is held. */
export async function offerOfAppointment(
  db: Queryable,
  appointmentId: string,
): Promise<{ entryId: string; expiresAt: Instant } | undefined> {
  return db
    .selectFrom('waitlist_offer')
    .select(['entry_id as entryId', 'expires_at as expiresAt'])
    .where('appointment_id', '=', appointmentId)
    .executeTakeFirst()
}

/** Notes that the recipient will come; answers whether that is news. */
export async function confirmNotification(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('notification')
    .set({ confirmed_at: formatUtc(now) })
    .where('id', '=', id)
    .where('confirmed_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
