// What the database holds after a mix, asked in SQL and not through the application.

import type pg from 'pg'
import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'

/** Where and how an appointment is, or was after a step. */
export interface Placed {
  doctorId: string
  visitTypeId: string
  roomId: string | null
  startsAt: Instant
  endsAt: Instant
  expiresAt: Instant | null
  isOverbooked: boolean
  sequence: number
  version: number
}

export interface StoredAppointment extends Placed {
  id: string
  status: AppointmentStatus
  patientId: string
}

export interface StoredStep extends Placed {
  appointmentId: string
  command: string
  from: AppointmentStatus | null
  to: AppointmentStatus
  /** The application's clock before it was made. */
  occurredAt: Instant
  actorId: string | null
}

export interface StoredClaim {
  appointmentId: string
  calendarId: string
  lane: number
  startsAt: Instant
  endsAt: Instant
  expiresAt: Instant | null
}

/** An event of the event table, by which others hear of a step. */
export interface StoredEvent {
  appointmentId: string
  version: number
  transaction: string
}

export interface VisitRules {
  /** In milliseconds. */
  duration: number
  before: number
  after: number
  /** The rooms of which one is needed; null when none is. */
  roomIds: string[] | null
}

export interface Content {
  appointments: StoredAppointment[]
  steps: StoredStep[]
  claims: StoredClaim[]
  events: StoredEvent[]
  visitTypes: Map<string, VisitRules>
  /** Of the doctors who have one. */
  dailyLimits: Map<string, number>
  timeZone: string
  /** How long before its start a patient may still change a visit, in milliseconds. */
  changeNotice: number
}

const instant = (column: string, name: string) =>
  `round(extract(epoch from ${column}) * 1000)::float8 as "${name}"`

const placed = `doctor_id as "doctorId", visit_type_id as "visitTypeId", room_id as "roomId",
  ${instant('starts_at', 'startsAt')}, ${instant('ends_at', 'endsAt')},
  ${instant('expires_at', 'expiresAt')}, overbooked_reason is not null as "isOverbooked", sequence, version`

/** Everything about the appointments of one clinic, and all claims of anyone who has one there. */
export async function readContent(database: pg.Client, clinicId: string): Promise<Content> {
  const rowsOf = async <Row extends pg.QueryResultRow>(statement: string) =>
    (await database.query<Row>(statement, [clinicId])).rows
  const visitTypes = await rowsOf<VisitRules & { id: string }>(
    `select visit_type.id, duration_minutes * 60000 as duration, buffer_before_minutes * 60000 as before,
       buffer_after_minutes * 60000 as after, case when room_kind is not null then array(
         select id::text from room where room.clinic_id = $1 and kind = room_kind) end as "roomIds"
     from visit_type where clinic_id = $1`,
  )
  const doctors = await rowsOf<{ id: string; limit: number }>(
    `select id, daily_limit as "limit" from doctor join doctor_clinic on doctor_id = id
     where clinic_id = $1 and daily_limit is not null`,
  )
  const [clinic] = await rowsOf<{ timeZone: string; changeNotice: number }>(
    `select time_zone as "timeZone", change_notice_minutes_min * 60000 as "changeNotice"
     from clinic where id = $1`,
  )
  return {
    ...clinic!,
    visitTypes: new Map(visitTypes.map(({ id, ...rules }) => [id, rules])),
    dailyLimits: new Map(doctors.map(({ id, limit }) => [id, limit])),
    appointments: await rowsOf<StoredAppointment>(
      `select id, status, patient_id as "patientId", ${placed} from appointment where clinic_id = $1`,
    ),
    steps: await rowsOf<StoredStep>(
      `select appointment_id as "appointmentId", command, from_status as "from", to_status as "to",
         ${instant('occurred_at', 'occurredAt')}, actor_id as "actorId", ${placed}
       from appointment_event where appointment_id in (select id from appointment where clinic_id = $1)
       order by appointment_id, version`,
    ),
    claims: await rowsOf<StoredClaim>(
      `select appointment_id as "appointmentId", calendar_id as "calendarId", lane,
         ${instant('lower(during)', 'startsAt')}, ${instant('upper(during)', 'endsAt')},
         ${instant('expires_at', 'expiresAt')}
       from claim where calendar_id in (select calendar_id from claim where appointment_id in
         (select id from appointment where clinic_id = $1))
       order by calendar_id, during`,
    ),
    events: await rowsOf<StoredEvent>(
      `select subjects->>'appointmentId' as "appointmentId", (subjects->>'version')::integer as version,
         xid::text as transaction
       from event where type like 'appointment.%' and subjects->>'clinicId' = $1::text`,
    ),
  }
}
