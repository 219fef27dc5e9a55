import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, NotificationChannel } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** A notification about a visit, as far as a link in it must know. */
export interface NotificationRow {
  id: string
  /** The account that was told, or else the patient. */
  recipient_id: string
  recipient_name: string
  appointment_id: string
  patient_id: string
  /** When the visit began that a reminder asked about; null for any other notification. */
  asked_starts_at: Instant | null
  confirmed_at: Instant | null
  /** Whether the recipient acts for the patient now, and a mail went where they are reached now. */
  has_access: boolean
  channel: NotificationChannel
  address: string | null
  /** Where the recipient is reached by telephone now, as it was written, and the country of the clinic. */
  phone: string | null
  clinic_country: string
}

/** The accounts that act for the patient of `visit` now, as a table. */
const actsFor = (now: Instant) => sql`(
  select account_id from patient_access
  where patient_access.patient_id = visit.patient_id and patient_access.scope <> 'see'
    and (patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)})) as acting`

/** The notification when it is about a visit, and one that went to an account or a patient. */
export async function notificationById(
  db: Queryable,
  { id, now }: { id: string; now: Instant },
): Promise<NotificationRow | undefined> {
  const { rows } = await sql<NotificationRow>`
    select notification.id, notification.recipient_id, notification.appointment_id,
      notification.confirmed_at, notification.channel, notification.address, visit.patient_id,
      (notification.details->>'startsAt')::float8 as asked_starts_at,
      coalesce(account.name, patient.name) as recipient_name,
      coalesce(account.phone, own.phone, patient.phone) as phone, clinic.country as clinic_country,
      -- Who has no account acts until someone else does for them.
      (case when account.id is null
          then patient.id = visit.patient_id and not exists (
            select from ${actsFor(now)}
            join account as other on other.id = account_id and other.status = 'active')
          else account.status = 'active' and exists (
            select from ${actsFor(now)} where account_id = account.id)
        end
        -- A mail that went astray opens nothing once the address has been corrected.
        and (notification.channel <> 'email' or coalesce(
          lower(notification.address) = lower(coalesce(account.email, patient.email)), false)))
        as has_access
    from notification
    join appointment as visit on visit.id = notification.appointment_id
    join clinic on clinic.id = visit.clinic_id
    left join account on account.id = notification.account_id
    left join (
      select account_id, patient.phone from patient_access
      join patient on patient.id = patient_id where relation = 'self') as own
      on own.account_id = account.id
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

/** How the visit stands; it stays so until the transaction's end. */
export async function lockStanding(
  db: Queryable,
  appointmentId: string,
): Promise<{ status: AppointmentStatus; version: number; starts_at: Instant } | undefined> {
  return db
    .selectFrom('appointment')
    .select(['status', 'version', 'starts_at'])
    .where('id', '=', appointmentId)
    .forShare()
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
