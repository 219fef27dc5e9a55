import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** How far the work has come, its mark locked; undefined while another process is at it. */
export async function lockMark(
  db: Queryable,
  { name, now }: { name: string; now: Instant },
): Promise<Instant | undefined> {
  await sql`
    insert into clock_mark (name, reached_at) values (${name}, ${formatUtc(now)})
    on conflict (name) do nothing`.execute(db)
  const { rows } = await sql<{ reached_at: Instant }>`
    select reached_at from clock_mark where name = ${name} for update skip locked`.execute(db)
  return rows[0]?.reached_at
}

export async function moveMark(
  db: Queryable,
  { name, reachedAt }: { name: string; reachedAt: Instant },
): Promise<void> {
  await db
    .updateTable('clock_mark')
    .set({ reached_at: formatUtc(reachedAt) })
    .where('name', '=', name)
    .execute()
}

export interface DueReminderRow {
  appointment_id: string
  patient_id: string
  version: number
  starts_at: Instant
  minutes: number
}

/**
 * The visits whose reminders came due from `after` to `until`: each once, and not by a time ahead where a
 * shorter one has passed by `now` too. What was arranged, or moved there, later than that time ahead is no
 * news to anyone.
 */
export async function dueReminders(
  db: Queryable,
  { after, until, now }: { after: Instant; until: Instant; now: Instant },
): Promise<DueReminderRow[]> {
  const ahead = sql`make_interval(mins => minutes)`
  const { rows } = await sql<DueReminderRow>`
    select appointment.id as appointment_id, patient_id, appointment.version, appointment.starts_at, minutes
    from (select distinct unnest(reminder_minutes) as minutes from clinic) as reminder
    join appointment
      on appointment.starts_at > ${formatUtc(after)}::timestamptz + ${ahead}
      and appointment.starts_at <= ${formatUtc(until)}::timestamptz + ${ahead}
    join clinic on clinic.id = appointment.clinic_id and minutes = any (clinic.reminder_minutes)
    where status = 'confirmed' and appointment.starts_at > ${formatUtc(now)}
      and not exists (
        select from unnest(clinic.reminder_minutes) as shorter
        where shorter < minutes
          and appointment.starts_at <= ${formatUtc(now)}::timestamptz + make_interval(mins => shorter))
      and not exists (
        select from appointment_event as step
        where step.appointment_id = appointment.id and step.command <> 'note'
          and step.occurred_at > appointment.starts_at - ${ahead})
    order by appointment.starts_at, appointment.id`.execute(db)
  return rows
}
