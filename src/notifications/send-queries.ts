import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { NotificationChannel } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import { isOpenLink } from './account-facts-queries.ts'
import { linkNotices } from './notice.ts'
import type { NotificationRow } from './notification.ts'
import { visitKinds } from './told.ts'

/**
 * Takes up to `limit` rows that are due: what is to be sent, and what was sent and is to be asked after.
 * Until `leasedUntil` they are nobody else's; if this process dies, another takes them then.
 */
export async function takeDue(
  db: Queryable,
  options: {
    channel: NotificationChannel
    now: Instant
    leasedUntil: Instant
    limit: number
  },
): Promise<NotificationRow[]> {
  const { rows } = await sql<NotificationRow>`
    update notification set due_at = ${formatUtc(options.leasedUntil)},
      attempts = least(attempts + case when status = 'queued' then 1 else 0 end, 1000)
    where id in (
      select id from notification
      where due_at <= ${formatUtc(options.now)} and channel = ${options.channel}
      order by due_at limit ${options.limit}
      for update skip locked)
    returning *`.execute(db)
  return rows
}

/** Whether the recipient is still concerned as whom they were told: by a present access, or as staff. */
function isConcerned(now: Instant) {
  return sql<boolean>`(notification.appointment_id is null or account_id is null
    or case notification.side
      when 'patient' then exists (
        select from patient_access
        where patient_access.account_id = notification.account_id
          and patient_access.patient_id = appointment.patient_id and scope <> 'see'
          and (ends_at is null or ends_at > ${formatUtc(now)}))
      when 'doctor' then exists (
        select from doctor join appointment_event as step on step.doctor_id = doctor.id
        where doctor.account_id = notification.account_id
          and step.appointment_id = notification.appointment_id
          and step.version in (notification.version, former_version))
      else exists (
        select from membership
        where membership.account_id = notification.account_id
          and membership.clinic_id = told.clinic_id) end)`
}

/**
 * Which of these are still true: the newest news of a visit, the reminder of one that takes place then and
 * there, the offer of a time that is held, messages that nobody has read, links that nobody has used; and
 * whose recipient is still concerned.
 */
export async function stillTrue(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select notification.id from notification
    left join appointment on appointment.id = notification.appointment_id
    left join appointment_event as told on told.appointment_id = notification.appointment_id
      and told.version = notification.version
    left join delay on delay.doctor_id = appointment.doctor_id and delay.clinic_id = appointment.clinic_id
      and delay.on_date = appointment.local_starts_at::date
    where notification.id = any (${ids}::uuid[])
      and case
        when kind = any (${[...visitKinds]}) then not exists (
          select from notification as newer
          where newer.recipient_id = notification.recipient_id
            and newer.appointment_id = notification.appointment_id
            and newer.channel = notification.channel and newer.kind = any (${[...visitKinds]})
            and newer.version > notification.version and newer.status <> 'withdrawn')
        when kind = 'reminder' then appointment.status = 'confirmed'
          and appointment.starts_at = told.starts_at and appointment.doctor_id = told.doctor_id
          and appointment.clinic_id = told.clinic_id
        when kind = 'waitlist_offer' then appointment.status = 'held'
          and appointment.expires_at > ${formatUtc(now)}
        when kind = 'delay' then appointment.status = 'confirmed'
          and coalesce(delay.minutes, 0) = (details->>'minutes')::integer
        when kind = 'message' then exists (
          select from message left join message_read
            on message_read.appointment_id = message.appointment_id
              and message_read.account_id = notification.account_id
          where message.appointment_id = notification.appointment_id
            and (message.side = 'patient') = (notification.side <> 'patient')
            and (read_until is null or sent_at > read_until))
        when kind = 'claim_link' then exists (
          select from patient_claim_link
          where id = (details->>'linkId')::uuid and used_at is null)
        when kind = 'invitation' then exists (
          select from invitation
          where invitation.id = invitation_id and used_at is null and revoked_at is null)
        when access_invitation_id is not null then exists (
          select from access_invitation
          where access_invitation.id = access_invitation_id and used_at is null)
        when kind = 'account' and details->>'notice' = any (${[...linkNotices]}) then exists (
          select from account_link join account on account.id = account_link.account_id
          where account_link.id = (details->>'linkId')::uuid and ${isOpenLink(now)})
        else true end
      and ${isConcerned(now)}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Which of these rows of lists are about visits that still concern the account. */
export async function stillConcerning(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select notification.id from notification
    left join appointment on appointment.id = notification.appointment_id
    left join appointment_event as told on told.appointment_id = notification.appointment_id
      and told.version = notification.version
    where notification.id = any (${ids}::uuid[]) and ${isConcerned(now)}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Writes down where the message is about to go, so that its links open for who gets it there alone. */
export async function noteAddress(
  db: Queryable,
  { id, address }: { id: string; address: string },
): Promise<void> {
  await db.updateTable('notification').set({ address }).where('id', '=', id).execute()
}

/** Writes down that the message was handed over; `askAt` is when to ask what became of it. */
export async function noteSent(
  db: Queryable,
  options: {
    id: string
    providerId: string | null
    now: Instant
    askAt: Instant | null
  },
): Promise<void> {
  await db
    .updateTable('notification')
    .set({
      status: 'sent',
      status_reason: null,
      provider_id: options.providerId,
      sent_at: formatUtc(options.now),
      due_at: options.askAt === null ? null : formatUtc(options.askAt),
    })
    .where('id', '=', options.id)
    .execute()
}

/** Writes down that the message is not sent: for good, or because nobody is to be told any more. */
export async function noteUnsent(
  db: Queryable,
  options: {
    ids: readonly string[]
    status: 'failed' | 'skipped' | 'withdrawn'
    reason: string
    now: Instant
  },
): Promise<void> {
  if (options.ids.length === 0) return
  await db
    .updateTable('notification')
    .set({
      status: options.status,
      status_reason: options.reason,
      due_at: null,
      failed_at: options.status === 'failed' ? formatUtc(options.now) : null,
    })
    .where('id', 'in', options.ids)
    .where('status', '=', 'queued')
    .execute()
}

/** Puts the next try off. */
export async function noteRetry(
  db: Queryable,
  { id, dueAt, reason }: { id: string; dueAt: Instant; reason: string },
): Promise<void> {
  await db
    .updateTable('notification')
    .set({ due_at: formatUtc(dueAt), status_reason: reason })
    .where('id', '=', id)
    .where('status', '=', 'queued')
    .execute()
}

/** Writes down what the provider says of a message that it took; `askAt` when it does not know yet. */
export async function noteDelivery(
  db: Queryable,
  options: {
    id: string
    delivery: 'under-way' | 'delivered' | 'failed'
    now: Instant
    askAt: Instant | null
  },
): Promise<void> {
  const at = formatUtc(options.now)
  await db
    .updateTable('notification')
    .set({
      ...(options.delivery === 'delivered' && { status: 'delivered', delivered_at: at }),
      ...(options.delivery === 'failed' && {
        status: 'failed',
        status_reason: 'undelivered',
        failed_at: at,
      }),
      due_at:
        options.delivery === 'under-way' && options.askAt !== null
          ? formatUtc(options.askAt)
          : null,
    })
    .where('id', '=', options.id)
    .where('status', '=', 'sent')
    .execute()
}
