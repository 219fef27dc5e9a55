import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, NotificationChannel, VisitMode } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { Draft } from './draft.ts'
import { visitKinds } from './told.ts'

/** Where and how a visit is or was, after the step that made a version. */
export interface StateRow {
  version: number
  status: AppointmentStatus
  starts_at: Instant
  ends_at: Instant
  doctor_id: string
  clinic_id: string
  mode: VisitMode
}

/** A visit as it is, with the last step of its life; a note is none. */
export interface VisitRow extends StateRow {
  id: string
  patient_id: string
  command: string
  from_status: AppointmentStatus | null
  actor_id: string | null
  occurred_at: Instant
  step_version: number
  /** How it was before that step; null for one that was just made. */
  before: StateRow | null
}

/** The visits with these ids; times that are only offered are none. */
export async function visitsToTell(db: Queryable, ids: readonly string[]): Promise<VisitRow[]> {
  const { rows } = await sql<VisitRow>`
    select appointment.id, appointment.version, appointment.status, patient_id, appointment.doctor_id,
      appointment.clinic_id, appointment.starts_at, appointment.ends_at, visit_type.mode,
      step.command, step.from_status, step.actor_id, step.occurred_at, step.version as step_version,
      (select json_build_object('version', before.version, 'status', before.to_status,
          'starts_at', extract(epoch from before.starts_at) * 1000,
          'ends_at', extract(epoch from before.ends_at) * 1000, 'doctor_id', before.doctor_id,
          'clinic_id', before.clinic_id, 'mode', former_type.mode)
        from appointment_event as before
        join visit_type as former_type on former_type.id = before.visit_type_id
        where before.appointment_id = appointment.id and before.version < step.version
          and before.command <> 'note'
        order by before.version desc limit 1) as before
    from appointment
    join visit_type on visit_type.id = appointment.visit_type_id
    cross join lateral (
      select * from appointment_event
      where appointment_id = appointment.id and command <> 'note'
      order by version desc limit 1) as step
    where appointment.id = any (${ids}::uuid[]) and not is_offer
    order by appointment.id`.execute(db)
  return rows
}

/** What someone was told last of a visit, by one channel. */
export interface ToldRow extends StateRow {
  appointment_id: string
  recipient_id: string
  channel: NotificationChannel
  /** It was taken back before anyone saw it. */
  is_withdrawn: boolean
}

/**
 * What everyone was told last of these visits by each channel, newest first, and apart from that the last
 * of what was taken back.
 */
export async function lastTold(
  db: Queryable,
  appointmentIds: readonly string[],
): Promise<ToldRow[]> {
  const { rows } = await sql<ToldRow>`
    select * from (
      select distinct on (appointment_id, recipient_id, channel, is_withdrawn)
        notification.appointment_id, recipient_id, channel, notification.version,
        notification.status = 'withdrawn' as is_withdrawn,
        step.to_status as status, step.starts_at, step.ends_at, step.doctor_id, step.clinic_id,
        visit_type.mode
      from notification
      join appointment_event as step
        on step.appointment_id = notification.appointment_id and step.version = notification.version
      join visit_type on visit_type.id = step.visit_type_id
      where notification.appointment_id = any (${appointmentIds}::uuid[])
        and kind = any (${[...visitKinds]})
      order by appointment_id, recipient_id, channel, is_withdrawn, notification.version desc) as told
    order by version desc`.execute(db)
  return rows
}

/**
 * Takes back what has not been sent of earlier versions of these visits. What somebody is sending right
 * now, or tried to send, counts as told.
 */
export async function withdrawUnsent(
  db: Queryable,
  visits: readonly Pick<VisitRow, 'id' | 'version'>[],
): Promise<void> {
  await sql`
    update notification set status = 'withdrawn', due_at = null
    from unnest(${visits.map(({ id }) => id)}::uuid[], ${visits.map(({ version }) => version)}::integer[])
      as visit (id, version)
    where appointment_id = visit.id and notification.version < visit.version
      and kind = any (${[...visitKinds]}) and status = 'queued' and attempts = 0`.execute(db)
}

/**
 * Takes steps that were undone out of the lists in which nobody has read of them yet. Answers the accounts
 * whose lists they were in.
 */
export async function withdrawUndone(
  db: Queryable,
  visits: readonly Pick<VisitRow, 'id' | 'step_version' | 'before'>[],
): Promise<string[]> {
  const { rows } = await sql<{ account_id: string }>`
    update notification set status = 'withdrawn'
    from unnest(${visits.map(({ id }) => id)}::uuid[],
      ${visits.map(({ before }) => before?.version ?? null)}::integer[],
      ${visits.map(({ step_version }) => step_version)}::integer[]) as visit (id, undone, version)
    where appointment_id = visit.id
      and notification.version >= visit.undone and notification.version < visit.version
      and kind = any (${[...visitKinds]}) and channel = 'in_app' and status = 'sent' and read_at is null
    returning account_id`.execute(db)
  return rows.map(({ account_id }) => account_id)
}

/**
 * Takes requests that wait for no answer any more out of the unread ones of the front desk. Answers the
 * accounts whose lists they were in.
 */
export async function withdrawAnsweredRequests(
  db: Queryable,
  appointmentIds: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ account_id: string }>`
    update notification set status = 'withdrawn'
    where appointment_id = any (${appointmentIds}::uuid[]) and kind = 'requested' and side = 'desk'
      and channel = 'in_app' and status = 'sent' and read_at is null
    returning account_id`.execute(db)
  return rows.map(({ account_id }) => account_id)
}

const rowsMax = 500

/**
 * Writes the rows, apart from those that say again what someone has been told. Answers the accounts whose
 * lists have something new.
 */
export async function insertNotifications(
  db: Queryable,
  drafts: readonly Draft[],
): Promise<string[]> {
  const news = new Set<string>()
  for (let start = 0; start < drafts.length; start += rowsMax) {
    const rows = await db
      .insertInto('notification')
      .values(drafts.slice(start, start + rowsMax).map(toRow))
      .onConflict((conflict) => conflict.constraint('notification_once').doNothing())
      .returning(['account_id', 'channel', 'status', 'read_at'])
      .execute()
    for (const { account_id, channel, status, read_at } of rows)
      if (account_id !== null && channel === 'in_app' && status === 'sent' && read_at === null)
        news.add(account_id)
  }
  return [...news]
}

function toRow(draft: Draft) {
  const at = (instant: Instant | null) => (instant === null ? null : formatUtc(instant))
  return {
    id: draft.id,
    kind: draft.kind,
    channel: draft.channel,
    account_id: draft.accountId,
    patient_id: draft.patientId,
    invitation_id: draft.invitationId,
    access_invitation_id: draft.accessInvitationId,
    side: draft.side,
    appointment_id: draft.appointmentId,
    version: draft.version,
    former_version: draft.formerVersion,
    topic: draft.topic,
    details: JSON.stringify(draft.details),
    status: draft.status,
    status_reason: draft.statusReason,
    queued_at: formatUtc(draft.queuedAt),
    due_at: at(draft.dueAt),
    expires_at: at(draft.expiresAt),
    sent_at: at(draft.sentAt),
    read_at: at(draft.readAt),
  }
}
