import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

export interface DelayRow {
  doctor_id: string
  clinic_id: string
  on_date: LocalDate
  minutes: number
  set_at: Instant
}

export async function writeDelay(
  db: Queryable,
  delay: Omit<DelayRow, 'set_at'> & { setBy: string; setAt: Instant },
): Promise<void> {
  const set_at = formatUtc(delay.setAt)
  await db
    .insertInto('delay')
    .values({
      doctor_id: delay.doctor_id,
      clinic_id: delay.clinic_id,
      on_date: delay.on_date,
      minutes: delay.minutes,
      set_by: delay.setBy,
      set_at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['doctor_id', 'clinic_id', 'on_date'])
        .doUpdateSet({ minutes: delay.minutes, set_by: delay.setBy, set_at }),
    )
    .execute()
}

export async function deleteDelay(
  db: Queryable,
  { doctor_id, clinic_id, on_date }: Pick<DelayRow, 'doctor_id' | 'clinic_id' | 'on_date'>,
): Promise<void> {
  await db
    .deleteFrom('delay')
    .where('doctor_id', '=', doctor_id)
    .where('clinic_id', '=', clinic_id)
    .where('on_date', '=', on_date)
    .execute()
}

/** The doctor's delays on one date at each of the clinics, in the order of `days`. */
export async function delaysOn(
  db: Queryable,
  { doctorId, days }: { doctorId: string; days: { clinicId: string; date: LocalDate }[] },
): Promise<DelayRow[]> {
  const clinicIds = days.map(({ clinicId }) => clinicId)
  const { rows } = await sql<DelayRow>`
    select delay.doctor_id, delay.clinic_id, delay.on_date, delay.minutes, delay.set_at
    from unnest(${clinicIds}::uuid[], ${days.map(({ date }) => date)}::date[])
      with ordinality as day (clinic_id, on_date, place)
    join delay on delay.doctor_id = ${doctorId} and delay.clinic_id = day.clinic_id
      and delay.on_date = day.on_date
    order by day.place`.execute(db)
  return rows
}

/** Removes the delays of dates before `date`. */
export async function deleteDelaysBefore(db: Queryable, date: LocalDate): Promise<void> {
  await db.deleteFrom('delay').where('on_date', '<', date).execute()
}
