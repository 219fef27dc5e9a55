import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, WaitlistOfferTable } from '#src/db/tables.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export type Outcome = NonNullable<WaitlistOfferTable['outcome']>

/** An offer, what became of its appointment, and the visit that was to be earlier. */
export interface OfferRow {
  appointment_id: string
  entry_id: string
  outcome: Outcome | null
  /** Of the appointment by which the time is held; `expired` when it is past its time. */
  status: AppointmentStatus
  patient_id: string
  doctor_id: string
  clinic_id: string
  visit_type_id: string
  room_id: string | null
  starts_at: Instant
  visit_id: string | null
  visit_status: AppointmentStatus | null
  visit_doctor_id: string | null
  visit_starts_at: Instant | null
}

const offersAt = (now: Instant) => sql`
  select offer.appointment_id, offer.entry_id, offer.outcome,
    case when held.expires_at <= ${formatUtc(now)}::timestamptz then 'expired'
      else held.status end as status,
    held.patient_id, offer.doctor_id, held.clinic_id, held.visit_type_id, held.room_id,
    offer.starts_at, visit.id as visit_id,
    case when visit.expires_at <= ${formatUtc(now)}::timestamptz then 'expired'
      else visit.status end as visit_status,
    visit.doctor_id as visit_doctor_id, visit.starts_at as visit_starts_at
  from waitlist_offer as offer
  join waitlist_entry as entry on entry.id = offer.entry_id
  join appointment as held on held.id = offer.appointment_id
  left join appointment as visit on visit.id = entry.appointment_id`

/** The offers of which nobody has written down what became of them. */
export async function openOffers(db: Queryable, now: Instant): Promise<OfferRow[]> {
  const { rows } = await sql<OfferRow>`${offersAt(now)}
    where offer.outcome is null order by offer.offered_at`.execute(db)
  return rows
}

/** The entry's offer with this appointment, or else its last one. */
export async function offerOfEntry(
  db: Queryable,
  options: { entryId: string; appointmentId: string | null; now: Instant },
): Promise<OfferRow | undefined> {
  const { rows } = await sql<OfferRow>`${offersAt(options.now)}
    where offer.entry_id = ${options.entryId}
      and offer.appointment_id = coalesce(${options.appointmentId}::uuid, offer.appointment_id)
    order by offer.outcome is not null, offer.offered_at desc limit 1`.execute(db)
  return rows[0]
}

export async function insertOffer(
  db: Queryable,
  offer: {
    appointmentId: string
    entryId: string
    doctorId: string
    startsAt: Instant
    offeredAt: Instant
    expiresAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('waitlist_offer')
    .values({
      appointment_id: offer.appointmentId,
      entry_id: offer.entryId,
      doctor_id: offer.doctorId,
      starts_at: formatUtc(offer.startsAt),
      offered_at: formatUtc(offer.offeredAt),
      expires_at: formatUtc(offer.expiresAt),
      outcome: null,
    })
    .execute()
}

/**
 * Writes down what became of an offer; answers whether that was still to be done. That it was taken is
 * true also where it was let go in the same moment: the visit is there.
 */
export async function closeOffer(
  db: Queryable,
  { appointmentId, outcome }: { appointmentId: string; outcome: Outcome },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('waitlist_offer')
    .set({ outcome })
    .where('appointment_id', '=', appointmentId)
    .where((column) =>
      column.or([
        column('outcome', 'is', null),
        ...(outcome === 'taken' ? [column('outcome', '<>', 'taken')] : []),
      ]),
    )
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Lets those wait again who took an offer that was made after `since` and undid that. The offer counts as
 * refused.
 */
export async function reopenUndone(db: Queryable, since: Instant): Promise<void> {
  await sql`
    with undone as (
      update waitlist_offer as offer set outcome = 'refused'
      from waitlist_entry as entry
      join appointment_event as taking
        on taking.appointment_id = entry.appointment_id and taking.command = 'reschedule'
      where offer.outcome = 'taken' and offer.offered_at > ${formatUtc(since)}
        and entry.id = offer.entry_id
        and taking.starts_at = offer.starts_at and taking.doctor_id = offer.doctor_id
        and (select command from appointment_event as step
          where step.appointment_id = taking.appointment_id and step.version > taking.version
            and step.command <> 'note'
          order by step.version limit 1) = 'undo'
      returning offer.entry_id)
    update waitlist_entry as entry set status = 'waiting' from undone
    where entry.id = undone.entry_id and entry.status = 'fulfilled' and not exists (
      select from waitlist_entry as other
      where other.appointment_id = entry.appointment_id and other.status = 'waiting')`.execute(db)
}

/** Frees a held time before it runs out, by booking's own function for that. */
export async function releaseHold(
  db: Queryable,
  options: { appointmentId: string; now: Instant; origin: string },
): Promise<void> {
  await sql`select end_appointments(null, ${[options.appointmentId]}::uuid[],
    ${formatUtc(options.now)}, ${options.origin})`.execute(db)
}

/**
 * When the patient is somewhere else or may be: at other appointments than `exceptId`, and at the times
 * that are offered to them.
 */
export async function busyTimesOf(
  db: Queryable,
  options: { patientId: string; exceptId: string | null; now: Instant },
): Promise<Interval[]> {
  const { patientId, exceptId } = options
  const now = formatUtc(options.now)
  const { rows } = await sql<Interval>`
    select lower(during) as "startsAt", upper(during) as "endsAt" from claim
    where calendar_id = ${patientId} and upper(during) > ${now}
      and appointment_id is distinct from ${exceptId}::uuid
      and (expires_at is null or expires_at > ${now})
    union all
    select starts_at, ends_at from appointment
    where patient_id = ${patientId} and starts_at > ${now} and status = 'held' and is_offer
      and expires_at > ${now}`.execute(db)
  return rows
}

/** A time that a step freed: the doctor's and the room's, with the visit's buffers. */
export interface FreedTime extends Interval {
  doctorId: string
  clinicId: string
  roomId: string | null
  visitStartsAt: Instant
  /** The step that freed it. */
  command: string
  from: AppointmentStatus
}

/** The times at these doctors, or in rooms of these clinics, that were freed after `since`. */
export async function timesFreedSince(
  db: Queryable,
  options: { doctorIds: readonly string[]; clinicIds: readonly string[]; since: Instant },
): Promise<FreedTime[]> {
  const { rows } = await sql<FreedTime>`
    select before.doctor_id as "doctorId", before.clinic_id as "clinicId", before.room_id as "roomId",
      before.starts_at as "visitStartsAt", step.command, step.from_status as "from",
      before.starts_at - make_interval(mins => buffer_before_minutes) as "startsAt",
      before.ends_at + make_interval(mins => buffer_after_minutes) as "endsAt"
    from appointment_event as step
    join appointment_event as before
      on before.appointment_id = step.appointment_id and before.version = step.version - 1
    join visit_type on visit_type.id = before.visit_type_id
    where step.occurred_at > ${formatUtc(options.since)} and step.command is not null
      and (before.doctor_id = any (${options.doctorIds}::uuid[])
        or (before.room_id is not null and before.clinic_id = any (${options.clinicIds}::uuid[])))
      and before.to_status not in ('cancelled', 'declined', 'expired')
      and (step.to_status in ('cancelled', 'declined', 'expired')
        or (step.doctor_id, step.clinic_id, step.room_id, step.starts_at, step.ends_at) is distinct from
          (before.doctor_id, before.clinic_id, before.room_id, before.starts_at, before.ends_at))`.execute(
    db,
  )
  return rows
}
