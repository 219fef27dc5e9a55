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
  { name, now }: { name: string; now: Instant },
): Promise<void> {
  await db
    .updateTable('clock_mark')
    .set({ reached_at: formatUtc(now) })
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
 * The visits of which their patients are to be reminded since `after`: each once, by the shortest time
 * ahead. What was arranged, or moved there, later than that time ahead is no news to anyone.
 */
export async function dueReminders(
  db: Queryable,
  { after, now }: { after: Instant; now: Instant },
): Promise<DueReminderRow[]> {
  const { rows } = await sql<DueReminderRow>`
    select distinct on (appointment.id) appointment.id as appointment_id, patient_id, appointment.version,
      appointment.starts_at, minutes
    from (select distinct unnest(reminder_minutes) as minutes from clinic) as ahead
    join appointment
      on appointment.starts_at > ${formatUtc(after)}::timestamptz + make_interval(mins => minutes)
      and appointment.starts_at <= ${formatUtc(now)}::timestamptz + make_interval(mins => minutes)
    join clinic on clinic.id = appointment.clinic_id and minutes = any (clinic.reminder_minutes)
    where status = 'confirmed' and appointment.starts_at > ${formatUtc(now)}
      and not exists (
        select from appointment_event as step
        where step.appointment_id = appointment.id and step.command <> 'note'
          and step.occurred_at > appointment.starts_at - make_interval(mins => minutes))
    order by appointment.id, minutes`.execute(db)
  return rows
}
