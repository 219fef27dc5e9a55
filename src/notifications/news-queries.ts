import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface OfferNewsRow {
  appointment_id: string
  patient_id: string
  version: number
  expires_at: Instant
  /** The visit that would move there, if there is one. */
  visit_id: string | null
  visit_version: number | null
}

/** The times with these ids that are still held for someone who waits. */
export async function openOffersOf(
  db: Queryable,
  { appointmentIds, now }: { appointmentIds: readonly string[]; now: Instant },
): Promise<OfferNewsRow[]> {
  const { rows } = await sql<OfferNewsRow>`
    select appointment.id as appointment_id, appointment.patient_id, appointment.version,
      appointment.expires_at, visit.id as visit_id, visit.version as visit_version
    from waitlist_offer
    join appointment on appointment.id = waitlist_offer.appointment_id
    join waitlist_entry on waitlist_entry.id = entry_id
    left join appointment as visit on visit.id = waitlist_entry.appointment_id
    where appointment.id = any (${appointmentIds}::uuid[]) and outcome is null
      and appointment.status = 'held' and appointment.expires_at > ${formatUtc(now)}`.execute(db)
  return rows
}

export interface DelayNewsRow {
  appointment_id: string
  patient_id: string
  version: number
  starts_at: Instant
  minutes: number
}

/**
 * The visits still to come today with the doctor at the clinic whose patients have not been told that
 * the delay is what it is now; one that is in time counts as 0.
 */
export async function delaysToTell(
  db: Queryable,
  { doctorId, clinicId, now }: { doctorId: string; clinicId: string; now: Instant },
): Promise<DelayNewsRow[]> {
  const { rows } = await sql<DelayNewsRow>`
    select * from (
      select appointment.id as appointment_id, patient_id, version, starts_at,
        coalesce(delay.minutes, 0) as minutes,
        coalesce((
          select (details->>'minutes')::integer from notification
          where notification.appointment_id = appointment.id and kind = 'delay' and status <> 'withdrawn'
          order by queued_at desc, id desc limit 1), 0) as told_minutes
      from appointment
      left join delay on delay.doctor_id = appointment.doctor_id and delay.clinic_id = appointment.clinic_id
        and delay.on_date = appointment.local_starts_at::date
      where appointment.doctor_id = ${doctorId} and appointment.clinic_id = ${clinicId}
        and status = 'confirmed'
        and starts_at > ${formatUtc(now)}::timestamptz - make_interval(mins => coalesce(delay.minutes, 0))
        and starts_at < ${formatUtc(now)}::timestamptz + interval '1 day'
        and local_starts_at::date = (${formatUtc(now)}::timestamptz at time zone appointment.time_zone)::date
    ) as visit
    where minutes <> told_minutes`.execute(db)
  return rows
}

/** Takes back what has not been sent of earlier delays of these visits. */
export async function withdrawDelays(
  db: Queryable,
  appointmentIds: readonly string[],
): Promise<void> {
  await sql`
    update notification set status = 'withdrawn', due_at = null
    where appointment_id = any (${appointmentIds}::uuid[]) and kind = 'delay' and status = 'queued'
      and attempts = 0`.execute(db)
}

export interface MessageNewsRow {
  id: string
  appointment_id: string
  version: number
  patient_id: string
  doctor_id: string
  clinic_id: string
  author_id: string | null
  side: 'patient' | 'staff'
}

export async function messagesToTell(
  db: Queryable,
  messageIds: readonly string[],
): Promise<MessageNewsRow[]> {
  const { rows } = await sql<MessageNewsRow>`
    select message.id, appointment_id, version, patient_id, doctor_id, clinic_id, author_id, side
    from message join appointment on appointment.id = appointment_id
    where message.id = any (${messageIds}::uuid[])
    order by message.sent_at`.execute(db)
  return rows
}

/**
 * Of these visits, the accounts that were told since then that there are messages and have not read it,
 * as "visit account".
 */
export async function unreadMessageNews(
  db: Queryable,
  { appointmentIds, since }: { appointmentIds: readonly string[]; since: Instant },
): Promise<Set<string>> {
  const { rows } = await sql<{ key: string }>`
    select distinct appointment_id || ' ' || account_id as key from notification
    where appointment_id = any (${appointmentIds}::uuid[]) and kind = 'message' and channel = 'in_app'
      and status = 'sent' and read_at is null and queued_at > ${formatUtc(since)}`.execute(db)
  return new Set(rows.map(({ key }) => key))
}

/** Whoever read messages of a visit needs no news of those any more; true when the list had any. */
export async function settleMessageNews(
  db: Queryable,
  { appointmentId, accountId, now }: { appointmentId: string; accountId: string; now: Instant },
): Promise<boolean> {
  const { rows } = await sql<{ channel: string }>`
    update notification set
      status = case when status = 'queued' then 'withdrawn' else status end,
      due_at = case when status = 'queued' then null else due_at end,
      read_at = case when channel = 'in_app' then ${formatUtc(now)}::timestamptz end
    where appointment_id = ${appointmentId} and account_id = ${accountId} and kind = 'message'
      and exists (
        select from message join message_read on message_read.appointment_id = message.appointment_id
        where message.id = (details->>'messageId')::uuid
          and message_read.account_id = ${accountId} and sent_at <= read_until)
      and (status = 'queued' and attempts = 0 or channel = 'in_app' and status = 'sent' and read_at is null)
    returning channel`.execute(db)
  return rows.some(({ channel }) => channel === 'in_app')
}

/** Of these readings, the newest message that the reader has still not read, if there is one. */
export async function unreadAfter(
  db: Queryable,
  readings: readonly { appointmentId: string; accountId: string }[],
): Promise<{ message_id: string; account_id: string }[]> {
  const { rows } = await sql<{ message_id: string; account_id: string }>`
    select message.id as message_id, reading.account_id
    from unnest(${readings.map(({ appointmentId }) => appointmentId)}::uuid[],
      ${readings.map(({ accountId }) => accountId)}::uuid[]) as reading (appointment_id, account_id)
    join message_read on message_read.appointment_id = reading.appointment_id
      and message_read.account_id = reading.account_id
    cross join lateral (
      select id from message
      where message.appointment_id = reading.appointment_id and message.side <> message_read.side
        and sent_at > read_until
      order by sent_at desc limit 1) as message`.execute(db)
  return rows
}

export interface InvitationNewsRow {
  id: string
  expires_at: Instant
}

/** The invitations with these ids that can be mailed and are still good. */
export async function invitationsToTell(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Instant },
): Promise<InvitationNewsRow[]> {
  return db
    .selectFrom('invitation')
    .select(['id', 'expires_at'])
    .where('id', 'in', ids)
    .where('email', 'is not', null)
    .where('used_at', 'is', null)
    .where(sql<SqlBool>`expires_at > ${formatUtc(now)}`)
    .execute()
}

export interface ClaimNewsRow {
  id: string
  patient_id: string
  expires_at: Instant
}

/**
 * The open links to the records of these patients whom a mail can reach. Only a date of birth protects a
 * record from whoever reads the mail at an address that was written down wrong.
 */
export async function claimLinksToTell(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<ClaimNewsRow[]> {
  const { rows } = await sql<ClaimNewsRow>`
    select patient_claim_link.id, patient_id, expires_at
    from patient_claim_link join patient on patient.id = patient_id
    where patient_id = any (${patientIds}::uuid[]) and used_at is null and email is not null
      and date_of_birth is not null
      and expires_at > ${formatUtc(now)}`.execute(db)
  return rows
}
