import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { NotificationChannel } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { NotificationRow } from './notification.ts'

/**
 * Takes up to `limit` rows that are due: what is to be sent, and what was sent and is to be asked after.
 * Until `leasedUntil` they are nobody else's; if this process dies, another takes them then.
 */
export async function takeDue(
  db: Queryable,
  options: {
    channels: readonly NotificationChannel[]
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
      where due_at <= ${formatUtc(options.now)} and channel = any (${[...options.channels]})
      order by due_at limit ${options.limit}
      for update skip locked)
    returning *`.execute(db)
  return rows
}

/**
 * Which of these are still true: the reminder of a visit that takes place then, the offer of a time that
 * is held, messages that nobody has read; and whose recipient is still concerned.
 */
export async function stillTrue(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select notification.id from notification
    left join appointment on appointment.id = appointment_id
    left join delay on delay.doctor_id = appointment.doctor_id and delay.clinic_id = appointment.clinic_id
      and delay.on_date = appointment.local_starts_at::date
    where notification.id = any (${ids}::uuid[])
      and case kind
        when 'reminder' then appointment.status = 'confirmed'
          and extract(epoch from appointment.starts_at) * 1000 = (details->>'startsAt')::numeric
        when 'waitlist_offer' then appointment.status = 'held'
          and appointment.expires_at > ${formatUtc(now)}
        when 'delay' then appointment.status = 'confirmed'
          and coalesce(delay.minutes, 0) = (details->>'minutes')::integer
        when 'message' then exists (
          select from message left join message_read
            on message_read.appointment_id = message.appointment_id
              and message_read.account_id = notification.account_id
          where message.appointment_id = notification.appointment_id
            and message.author_id is distinct from notification.account_id
            and (read_until is null or sent_at > read_until))
        when 'claim_link' then exists (
          select from patient_claim_link
          where id = (details->>'linkId')::uuid and used_at is null)
        else true end
      -- Who no longer acts for the patient and is not staff has no business with the visit any more.
      and (appointment_id is null or account_id is null
        or exists (
          select from patient_access
          where patient_access.account_id = notification.account_id
            and patient_access.patient_id = appointment.patient_id and scope <> 'see'
            and (ends_at is null or ends_at > ${formatUtc(now)}))
        or exists (select from doctor where doctor.account_id = notification.account_id)
        or exists (select from membership where membership.account_id = notification.account_id))
  `.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Writes down that the message was handed over; `askAt` is when to ask what became of it. */
export async function noteSent(
  db: Queryable,
  options: {
    id: string
    address: string
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
      address: options.address,
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
