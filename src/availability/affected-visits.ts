// Booked visits that a change of a doctor's schedule leaves without their time: listed for those who
// move them, and in the way of a change until someone has seen them. Each look leaves an audit row.

import { record } from '#src/audit/audit.ts'
import type { AccountActor, Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Transact } from '#src/events/events.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { addDays, formatInstant, localDateOf, type Instant } from '#src/kernel/time.ts'
import { confirmationOf, visitsLeftOutside, type OpenHours } from './affected.ts'
import { visitsAhead, visitsByIds, type AffectedRow } from './affected-queries.ts'
import { changeSchedule, type ScheduledDoctor } from './schedule.ts'
import { openingsAfter, type HoursRow } from './schedule-queries.ts'
import type { AffectedVisitAnswer } from './schemas-schedule.ts'
import type { Opening, WeeklyHours } from './windows.ts'

/** More visits than this are counted and not listed. */
export const affectedMax = 200

export interface Affected {
  /** Soonest first, at most `affectedMax`. */
  visits: AffectedRow[]
  /** Of all of them. */
  count: number
}

/** The clinics whose visits with the doctor the account may see; null for all. */
export function clinicsSeenBy(actor: AccountActor, doctorId: string): readonly string[] | null {
  return actor.role === 'admin' || actor.doctorId === doctorId ? null : actor.clinicIds
}

/** A change of hours that nobody has agreed to yet, seeing the visits that it leaves outside. */
export class VisitsAffected extends Refusal {
  readonly ids: readonly string[]

  constructor({ visits, count }: Affected, confirmation: string) {
    const subject = count === 1 ? '1 booked visit' : `${count} booked visits`
    super(
      'visits-affected',
      `${subject} would lie outside the hours. Nothing was saved: look at them, and send the confirmation to go on.`,
      {
        affected: visits.map(presentAffectedVisit),
        affectedCount: count,
        confirmation,
      },
    )
    this.ids = visits.map(({ id }) => id)
  }
}

/** A change of hours and openings: those at the clinics of `doctor`, before and after. */
export interface HoursChange {
  doctor: ScheduledDoctor
  before: OpenHours
  after: OpenHours
  now: Instant
}

/** The visits ahead that the change leaves outside the hours, and what confirms that they were seen. */
export async function visitsLeftBy(
  db: Queryable,
  { doctor, before, after, now }: HoursChange,
): Promise<Affected & { confirmation: string }> {
  const clinicIds = doctor.clinics.map(({ id }) => id)
  const ahead = await visitsAhead(db, { doctorId: doctor.id, clinicIds, now })
  const left = visitsLeftOutside(ahead, { before, after, clinics: doctor.clinics })
  const ids = left.slice(0, affectedMax).map(({ id }) => id)
  return {
    visits: ids.length > 0 ? await visitsByIds(db, ids) : [],
    count: left.length,
    confirmation: confirmationOf(left),
  }
}

/**
 * Changes hours or openings with `work`, which calls `confirm` before it is done; a refusal of that
 * undoes the change and leaves its audit row.
 *
 * @throws what `changeSchedule` throws; VisitsAffected when visits would be left outside and
 * `confirmation` does not stand for exactly those.
 */
export async function changeConfirmed<Result>(
  context: SignedInContext,
  options: { doctorKey: string; action: string; confirmation: string | undefined },
  work: (
    tx: Transact,
    doctor: ScheduledDoctor,
    confirm: (change: Pick<HoursChange, 'before' | 'after'>) => Promise<void>,
  ) => Promise<Result>,
): Promise<Result> {
  const { doctorKey, action, confirmation } = options
  let doctorId: string | null = null
  try {
    return await changeSchedule(context, { doctorKey, action }, (tx, doctor) => {
      doctorId = doctor.id
      return work(tx, doctor, async ({ before, after }) => {
        const left = await visitsLeftBy(tx.db, { doctor, before, after, now: context.clock() })
        if (left.count === 0) return
        if (left.confirmation !== confirmation) throw new VisitsAffected(left, left.confirmation)
        await recordAffected(context, tx.db, { doctorId: doctor.id, ids: idsOf(left) })
      })
    })
  } catch (error) {
    if (error instanceof VisitsAffected && doctorId !== null)
      await recordAffected(context, context.db, { doctorId, ids: error.ids })
    throw error
  }
}

/** Notes which visits the actor was shown, or wanted to be shown, because of a change. */
export async function recordAffected(
  context: Context,
  db: Queryable,
  shown: { doctorId: string; ids: readonly string[]; timeOffId?: string; allowed?: boolean },
): Promise<void> {
  const { doctorId, ids, timeOffId, allowed = true } = shown
  await record(context, db, {
    action: 'appointment.list-affected',
    subjectType: 'doctor',
    subjectId: doctorId,
    allowed,
    details: { ids, ...(timeOffId !== undefined && { timeOffId }) },
  })
}

export function idsOf({ visits }: Pick<Affected, 'visits'>): string[] {
  return visits.map(({ id }) => id)
}

/** Hours as the engine has them. */
export function weeklyHoursOf(row: HoursRow): WeeklyHours {
  return {
    clinicId: row.clinic_id,
    weekday: row.weekday,
    fromMinute: row.from_minute,
    toMinute: row.to_minute,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    visitTypeIds: row.visit_type_ids,
  }
}

/** More than a doctor may have. */
const openingsMax = 10_000

/** The openings at the doctor's clinics that may hold a visit after `now`, as the engine has them. */
export async function openingsOf(
  db: Queryable,
  { doctor, now }: { doctor: ScheduledDoctor; now: Instant },
): Promise<(Opening & { id: string })[]> {
  // One may run past midnight, in a zone that is a day behind, over a date that was skipped.
  const from = addDays(localDateOf(now, 'UTC'), -3)
  const rows = await openingsAfter(db, { doctor, from, after: null, limit: openingsMax })
  return rows.map((row) => ({
    id: row.id,
    clinicId: row.clinic_id,
    opensOn: row.opens_on,
    fromMinute: row.from_minute,
    toMinute: row.to_minute,
    visitTypeIds: row.visit_type_ids,
  }))
}

/** The visit as the API shows it, with the clinic's offset. */
export function presentAffectedVisit(row: AffectedRow): AffectedVisitAnswer {
  return {
    appointmentId: row.id,
    status: row.status,
    startsAt: formatInstant(row.starts_at, row.time_zone),
    endsAt: formatInstant(row.ends_at, row.time_zone),
    timeZone: row.time_zone,
    clinicId: row.clinic_id,
    visitTypeId: row.visit_type_id,
    version: row.version,
    patient: {
      id: row.patient_id,
      name: row.patient_name,
      ...(row.patient_phone !== null && { phone: row.patient_phone }),
      ...(row.patient_email !== null && { email: row.patient_email }),
    },
  }
}
