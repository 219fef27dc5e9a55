// Who has to do with a patient's health, as a condition that stands in SQL.

import { sql } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import { isVisibleTo, openAccess } from '#src/patients/sight-queries.ts'
import type { HistorySight } from './policy.ts'

/** For how long after a visit its doctor reads and writes the history: 365 days. */
const treatmentMilliseconds = 365 * 86_400_000

const came = sql.raw("('arrived', 'with_doctor', 'completed')")
const expected = sql.raw("('requested', 'confirmed', 'no_show')")

/**
 * Whether the actor is a doctor with a visit of the patient that counts, to come or no more than 365 days
 * back. One to which the patient came counts when someone else had a hand in it, by booking or by receiving
 * them: a doctor can do both alone for anyone. One that is expected counts when the patient's side booked
 * it, which is not the doctor's own account, even where that books for the patient. Steps without an actor
 * are those of time and of the waitlist, which nobody vouches for.
 */
function isTreating({ role, doctorId, accountId }: AccountActor, now: Instant) {
  return sql<boolean>`coalesce((
    select true from appointment
    where appointment.patient_id = patient.id
      and (appointment.doctor_id = ${role === 'doctor' ? doctorId : null}::uuid) is true
      and appointment.ends_at > ${formatUtc(now - treatmentMilliseconds)}::timestamptz
      and (
        (appointment.status in ${came} and exists (
          select from appointment_event as step
          where step.appointment_id = appointment.id and step.actor_id <> ${accountId}
            and (step.from_status is null or step.from_status = 'held'
              or (step.to_status in ${came} and step.from_status not in ${came}))))
        or (appointment.status in ${expected}
          and (appointment.expires_at is null
            or appointment.expires_at > ${formatUtc(now)}::timestamptz)
          and exists (
            select from patient_access as own
            where own.patient_id = appointment.patient_id
              and own.account_id = appointment.booked_by and own.account_id <> ${accountId})))
    limit 1), false)`
}

/** What the actor may have to do with the patient's history; undefined for a patient they may not see. */
export async function findHistorySight(
  db: Queryable,
  { patientId, actor, now }: { patientId: string; actor: AccountActor; now: Instant },
): Promise<HistorySight | undefined> {
  return db
    .selectFrom('patient')
    .leftJoin('patient_access', (join) =>
      join
        .onRef('patient_access.patient_id', '=', 'patient.id')
        .on(openAccess(actor.accountId, now)),
    )
    .select(['patient_access.scope', isTreating(actor, now).as('isTreating')])
    .where('patient.id', '=', patientId)
    .where(isVisibleTo(actor, now))
    .executeTakeFirst()
}
