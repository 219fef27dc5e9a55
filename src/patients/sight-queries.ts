// How much of a patient an account sees, as conditions for queries that have `patient` in them. The table
// of them is in docs/domain/front-desk.md.

import { sql, type SqlBool } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

/** The patient has come. */
const came = sql.raw("('arrived', 'with_doctor', 'completed')")

/** The patient is or was expected. What was called off, declined or never more than held shows nobody. */
const expected = sql.raw("('requested', 'confirmed', 'no_show')")

/** The access that the account has to the patient at `now`. */
export function openAccess(accountId: string, now: Instant) {
  return sql<SqlBool>`patient_access.account_id = ${accountId}
    and (patient_access.ends_at is null or patient_access.ends_at > ${formatUtc(now)})`
}

/** Whether an account manages the patient at `now`. */
export function isManaged(now: Instant) {
  return sql<boolean>`exists (
    select from patient_access as managing
    where managing.patient_id = patient.id and managing.scope = 'manage'
      and (managing.ends_at is null or managing.ends_at > ${formatUtc(now)}))`
}

/** Whether the actor registered the patient, at a clinic where they still work or at none. */
export function isRegisteredBy(actor: AccountActor) {
  return sql<boolean>`coalesce(patient.registered_by = ${actor.accountId}
    and (patient.registered_at_clinic_id is null
      or ${isOfDesk(actor)}
      or exists (
        select from doctor_clinic
        where doctor_clinic.doctor_id = ${actor.doctorId}::uuid
          and doctor_clinic.clinic_id = patient.registered_at_clinic_id)), false)`
}

/** Whether the patient was registered at a clinic whose front desk the actor works at. */
function isOfDesk({ clinicIds }: AccountActor) {
  return sql<boolean>`coalesce(
    patient.registered_at_clinic_id = any(${[...clinicIds]}::uuid[]), false)`
}

/** Whether the visit is with the actor, or at a clinic whose front desk they work at. */
function isTheirs({ doctorId, clinicIds }: AccountActor) {
  // `is true` keeps the planner from reading all visits of the clinic to find those of one patient.
  return sql<SqlBool>`((appointment.doctor_id = ${doctorId}::uuid
    or appointment.clinic_id = any(${[...clinicIds]}::uuid[])) is true)`
}

/** Whether the actor has to do with the patient by no visit: is an admin, registered them, has access. */
function isTheirsWithoutVisit(actor: AccountActor, now: Instant) {
  // Single values instead of `exists`, here and below, so that the planner asks by the patient's index
  // and does not read every appointment to have them at hand.
  return sql<boolean>`(${actor.role === 'admin'}::boolean
    or ${isRegisteredBy(actor)}
    or ${isOfDesk(actor)}
    or coalesce((
      select true from patient_access
      where patient_access.patient_id = patient.id and ${openAccess(actor.accountId, now)}
      limit 1), false))`
}

/**
 * Whether the actor sees the whole record: without any visit, or by one of theirs to which the patient
 * came or which the patient's own account booked. Of a visit that staff booked nothing follows before
 * the patient comes.
 */
export function seesInFull(actor: AccountActor, now: Instant) {
  return sql<boolean>`(${isTheirsWithoutVisit(actor, now)}
    or coalesce((
      select true from appointment
      where appointment.patient_id = patient.id and ${isTheirs(actor)}
        and (appointment.status in ${came}
          or (appointment.status in ${expected} and exists (
            select from patient_access as own
            where own.patient_id = appointment.patient_id
              and own.account_id = appointment.booked_by)))
      limit 1), false))`
}

/**
 * Whether the actor sees anything of the patient: the whole record, or the contact alone, to reach them
 * about a visit or an entry of the waitlist that is theirs.
 */
export function isVisibleTo(actor: AccountActor, now: Instant) {
  return sql<boolean>`(${isTheirsWithoutVisit(actor, now)}
    or coalesce((
      select true from appointment
      where appointment.patient_id = patient.id and ${isTheirs(actor)}
        and (appointment.status in ${came} or appointment.status in ${expected})
      limit 1), false)
    or coalesce((
      select true from waitlist_entry
      left join appointment on appointment.id = waitlist_entry.appointment_id
      where waitlist_entry.patient_id = patient.id and waitlist_entry.status = 'waiting'
        and ${isWaitingForThem(actor)}
      limit 1), false))`
}

/**
 * Whether an entry of the waitlist, with its visit if it has one, waits for the actor or at a clinic whose
 * front desk they work at; with a doctor alone, at each clinic of the doctor.
 */
function isWaitingForThem({ doctorId, clinicIds }: AccountActor) {
  const clinics = sql`any(${[...clinicIds]}::uuid[])`
  return sql<SqlBool>`(coalesce(appointment.doctor_id, waitlist_entry.doctor_id) = ${doctorId}::uuid
    or coalesce(appointment.clinic_id, waitlist_entry.clinic_id) = ${clinics}
    or (appointment.id is null and waitlist_entry.clinic_id is null and exists (
      select from doctor_clinic where doctor_clinic.doctor_id = waitlist_entry.doctor_id
        and doctor_clinic.clinic_id = ${clinics})))`
}

/**
 * Whether the actor may say who the person is: registered them, or works at the desk that did, or has a
 * visit to which they came that others booked and others received. Anyone at a desk can make up a visit
 * alone; it takes two to make one up that counts here.
 */
export function mayVouch(actor: AccountActor) {
  return sql<boolean>`(${isRegisteredBy(actor)}
    or ${isOfDesk(actor)}
    or coalesce((
      select true from appointment
      where appointment.patient_id = patient.id and ${isTheirs(actor)}
        and appointment.status in ${came}
        and not exists (
          select from appointment_event as step
          where step.appointment_id = appointment.id and step.actor_id = ${actor.accountId}
            and (step.from_status is null or step.from_status = 'held'
              or (step.to_status in ${came} and step.from_status not in ${came})))
      limit 1), false))`
}

/** The ids of all patients of whom the actor may see anything, and maybe some more. */
export function idsOfTheirs(actor: AccountActor) {
  const { accountId, doctorId, clinicIds } = actor
  const clinics = sql`any(${[...clinicIds]}::uuid[])`
  return sql<{ id: string }>`(
    select patient_id from appointment where doctor_id = ${doctorId}::uuid
    union select patient_id from appointment where clinic_id = ${clinics}
    union select id from patient where registered_by = ${accountId}
    union select id from patient where registered_at_clinic_id = ${clinics}
    union select patient_id from patient_access where account_id = ${accountId}
    union select waitlist_entry.patient_id from waitlist_entry
    left join appointment on appointment.id = waitlist_entry.appointment_id
    where waitlist_entry.status = 'waiting' and ${isWaitingForThem(actor)})`
}
