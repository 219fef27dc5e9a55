import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** What a repeated request is answered: which appointment, as it was at which version. */
export interface StoredAnswer {
  id: string
  version: number
}

export interface IdempotentRequest {
  accountId: string
  route: string
  key: string
  bodyHash: Buffer
}

/** Where and when an appointment is, and what it claims for that. */
export interface Placement {
  doctorId: string
  clinicId: string
  visitTypeId: string
  startsAt: Instant
  endsAt: Instant
  timeZone: string
  localStartsAt: string
  /** Why it is put over others or outside the rules; null for an ordinary one. */
  overbookedReason: string | null
  /** What the doctor and the patient are claimed for, sorted by calendar id. */
  claims: ({ calendarId: string } & Interval)[]
  /** The rooms of which one is claimed, in the order to try them; null when none is needed. */
  rooms: ({ ids: string[] } & Interval) | null
  /** Of the schedules that it was computed from; null when their rules don't bind it. */
  versions: { doctor: number; clinic: number; visitType: number } | null
}

/** Who calls, when, and as which request. */
export interface Caller {
  now: Instant
  origin: string
  requestId: string
  /** Null for what Visita does by itself. */
  accountId: string | null
}

export interface NewAppointment extends Placement {
  id: string
  status: AppointmentStatus
  patientId: string
  reason: string | null
  expiresAt: Instant | null
  /** A hold for someone on the waitlist. */
  isOffer: boolean
}

/** Columns that a step writes, by name. */
export interface Change {
  status?: AppointmentStatus
  expires_at?: Instant | null
  reason?: string
  cancelled_reason?: string | null
  staff_note?: string | null
  proposed_slots?: unknown[] | null
  is_offer?: boolean
  sequence?: number
}

const utcOrNull = (at: Instant | null) => (at === null ? null : formatUtc(at))

function rangeOf({ startsAt, endsAt }: Interval): string {
  return `[${formatUtc(startsAt)},${formatUtc(endsAt)})`
}

function placementColumns(placement: Placement) {
  return {
    doctor_id: placement.doctorId,
    clinic_id: placement.clinicId,
    visit_type_id: placement.visitTypeId,
    starts_at: formatUtc(placement.startsAt),
    ends_at: formatUtc(placement.endsAt),
    time_zone: placement.timeZone,
    local_starts_at: placement.localStartsAt,
    overbooked_reason: placement.overbookedReason,
  }
}

/** The arguments that `book_appointment` and `step_appointment` end with. */
function claimArguments({ claims, rooms }: Placement) {
  return sql`${claims.map(({ calendarId }) => calendarId)}::uuid[],
    ${claims.map(rangeOf)}::tstzrange[], ${rooms?.ids ?? null}::uuid[],
    ${rooms && rangeOf(rooms)}::tstzrange`
}

const noClaims = sql`null::uuid[], null::tstzrange[], null::uuid[], null::tstzrange`

/**
 * Makes an appointment in one call, or answers what the first request with this key was answered.
 * `ended` are the holds that it replaced. Throws the database's error with the name of the constraint
 * that refused (see 0009_booking_in_full.sql).
 */
export async function bookInOneCall(
  db: Queryable,
  options: Caller & {
    request: IdempotentRequest | null
    command: string
    appointment: NewAppointment
  },
): Promise<{ answer: StoredAnswer; ended: string[] | null }> {
  const { appointment, request } = options
  const { versions } = appointment
  const columns = {
    ...placementColumns(appointment),
    id: appointment.id,
    status: appointment.status,
    patient_id: appointment.patientId,
    reason: appointment.reason,
    booked_by: options.accountId,
    expires_at: utcOrNull(appointment.expiresAt),
    is_offer: appointment.isOffer,
    version: 1,
    sequence: 0,
    created_at: formatUtc(options.now),
  }
  const { rows } = await sql<{ answer: StoredAnswer; ended: string[] | null }>`
    select answer, ended from book_appointment(
      ${formatUtc(options.now)}, ${options.origin}, ${options.requestId}, ${options.accountId},
      ${request?.route ?? null}, ${request?.key ?? null}, ${request?.bodyHash ?? null},
      ${JSON.stringify({ id: appointment.id, version: 1 } satisfies StoredAnswer)},
      ${versions?.doctor ?? null}, ${versions?.clinic ?? null}, ${versions?.visitType ?? null},
      ${options.command}, ${JSON.stringify(columns)},
      ${claimArguments(appointment)})`.execute(db)
  return rows[0]!
}

/**
 * Leads an appointment one step on in one call, or answers what the first request with this key was
 * answered. Throws the database's error with the name of the constraint that refused.
 */
export async function stepInOneCall(
  db: Queryable,
  options: Caller & {
    request: IdempotentRequest
    id: string
    /** The version that the step was decided on. */
    version: number
    command: string
    event: string
    change: Change
    note: string | null
    /** Null for a step that leaves the time as it is. */
    placement: Placement | null
    /** Whether the placement's claims are there already. */
    keepsClaims: boolean
    /** Holds that the step uses up. */
    ends: string[]
  },
): Promise<StoredAnswer> {
  const { request, placement, change } = options
  const versions = placement?.versions
  const answer: StoredAnswer = { id: options.id, version: options.version + 1 }
  const columns = {
    ...change,
    ...(change.expires_at !== undefined && { expires_at: utcOrNull(change.expires_at) }),
    ...(placement && placementColumns(placement)),
  }
  const { rows } = await sql<{ answer: StoredAnswer }>`
    select step_appointment(
      ${formatUtc(options.now)}, ${options.origin}, ${options.requestId}, ${options.accountId},
      ${request.route}, ${request.key}, ${request.bodyHash}, ${JSON.stringify(answer)},
      ${versions?.doctor ?? null}, ${versions?.clinic ?? null}, ${versions?.visitType ?? null},
      ${options.id}, ${options.version}, ${options.command}, ${options.event},
      ${JSON.stringify(columns)}, ${options.note},
      ${placement && !options.keepsClaims ? claimArguments(placement) : noClaims},
      ${options.ends}::uuid[]) as answer`.execute(db)
  return rows[0]!.answer
}

/** Remembers the request; answers what it was answered before, or null. Waits for a twin. */
export async function rememberRequest(
  db: Queryable,
  request: IdempotentRequest,
  now: Instant,
): Promise<StoredAnswer | null> {
  const { rows } = await sql<{ answer: StoredAnswer | null }>`
    select remember_request(${request.accountId}, ${request.route}, ${request.key},
      ${request.bodyHash}, ${formatUtc(now)}) as answer`.execute(db)
  return rows[0]!.answer
}

/** Stores what a remembered request is answered, for when it is made again. */
export async function storeAnswer(
  db: Queryable,
  { accountId, route, key }: IdempotentRequest,
  answer: StoredAnswer,
): Promise<void> {
  await sql`
    update idempotency_key set answer = ${JSON.stringify(answer)}
      where account_id = ${accountId} and route = ${route} and key = ${key}`.execute(db)
}

/** Whether a claim of the calendar that has not run out overlaps the interval, of another appointment. */
export async function isClaimed(
  db: Queryable,
  options: { calendarId: string; during: Interval; now: Instant; exceptIds: readonly string[] },
): Promise<boolean> {
  const { rows } = await sql<{ is_claimed: boolean }>`
    select exists (select from claim where calendar_id = ${options.calendarId}
      and during && ${rangeOf(options.during)}::tstzrange
      and appointment_id <> all (${options.exceptIds}::uuid[])
      and (expires_at is null or expires_at > ${formatUtc(options.now)})) as is_claimed`.execute(db)
  return rows[0]!.is_claimed
}
