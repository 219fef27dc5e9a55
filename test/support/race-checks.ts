// What the database must hold after a race, asked in SQL and not through the application.

import assert from 'node:assert/strict'
import type pg from 'pg'

export interface StoredClaim {
  appointmentId: string
  calendarId: string
  startsAt: number
  endsAt: number
}

const milliseconds = (expression: string) => `(extract(epoch from ${expression}) * 1000)::float8`

/** Fails when two claims of one calendar and lane overlap anywhere in the database. */
export async function assertNoOverlap(database: pg.Client): Promise<void> {
  const { rows } = await database.query(`
    select one.calendar_id, one.during, other.during as overlapping
    from claim as one join claim as other
      on one.calendar_id = other.calendar_id and one.lane = other.lane and one.during && other.during
    where one.ctid < other.ctid`)
  assert.deepEqual(rows, [], 'claims overlap')
}

/** All claims of these calendars, by calendar and start. */
export async function claimsOf(
  database: pg.Client,
  calendarIds: readonly string[],
): Promise<StoredClaim[]> {
  const { rows } = await database.query<StoredClaim>(
    `select appointment_id as "appointmentId", calendar_id as "calendarId",
       ${milliseconds('lower(during)')} as "startsAt", ${milliseconds('upper(during)')} as "endsAt"
     from claim where calendar_id = any ($1::uuid[]) order by calendar_id, during`,
    [calendarIds],
  )
  return rows
}

/** The ids of all appointments with these doctors that are not cancelled. */
export async function appointmentsOf(
  database: pg.Client,
  doctorIds: readonly string[],
): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `select id from appointment where doctor_id = any ($1::uuid[]) and status <> 'cancelled'
     order by id`,
    [doctorIds],
  )
  return rows.map((row) => row.id)
}
