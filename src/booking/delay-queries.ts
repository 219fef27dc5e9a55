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

/** The doctor's delays of the present day of each of the clinics. */
export async function delaysNow(
  db: Queryable,
  options: { doctorId: string; clinicIds: readonly string[]; now: Instant },
): Promise<DelayRow[]> {
  const { rows } = await sql<DelayRow>`
    select doctor_id, clinic_id, on_date, minutes, set_at
    from delay join clinic on clinic.id = clinic_id
    where doctor_id = ${options.doctorId} and clinic_id = any (${options.clinicIds}::uuid[])
      and on_date = (${formatUtc(options.now)}::timestamptz at time zone time_zone)::date
    order by clinic.name, clinic_id`.execute(db)
  return rows
}
