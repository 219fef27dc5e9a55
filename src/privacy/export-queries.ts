// What there is about an account and the records it manages, as JSON as it stands: instants come as RFC 3339
// text in UTC, and what is not known is left out.

import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export type Item = Record<string, unknown>

/** More rows than a person has; beyond it the newest are told. */
const rowsMax = 20_000

/** The rows of the query, which must name its columns as the export has them. */
async function items(db: Queryable, query: RawBuilder<unknown>): Promise<Item[]> {
  const { rows } = await sql<{ item: Item }>`
    select jsonb_strip_nulls(to_jsonb(one)) as item from (${query}) as one limit ${rowsMax}`.execute(
    db,
  )
  return rows.map(({ item }) => item)
}

/** The records that the account manages at `now`: its own, or the one asked for. */
export async function managedRecords(
  db: Queryable,
  options: { accountId: string; patientId: string | null; now: Instant },
): Promise<string[]> {
  const { accountId, patientId, now } = options
  const { rows } = await sql<{ patient_id: string }>`
    select patient_id from patient_access
    where account_id = ${accountId} and scope = 'manage'
      and (ends_at is null or ends_at > ${formatUtc(now)})
      and case when ${patientId}::uuid is null then relation = 'self'
        else patient_id = ${patientId}::uuid end`.execute(db)
  return rows.map((row) => row.patient_id)
}

export async function accountItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select id, email, name, phone, locale, role, status,
      email_verified_at as "emailVerifiedAt", created_at as "createdAt"
      from account where id = ${accountId}`,
  )
}

export async function sessionItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select id, user_agent as "userAgent", created_at as "createdAt", used_at as "usedAt",
      expires_at as "expiresAt", ended_at as "endedAt"
      from session where account_id = ${accountId} order by created_at desc`,
  )
}

/** Whether there is a second factor, and how many of its recovery codes are left; none of the secrets. */
export async function secondFactorItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select created_at as "createdAt", confirmed_at as "confirmedAt",
      (select count(*) from recovery_code
        where recovery_code.account_id = factor.account_id and used_at is null) as "recoveryCodesLeft"
      from second_factor as factor where account_id = ${accountId}`,
  )
}

/** The one-time links that were mailed to the account, without their words. */
export async function accountLinkItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select purpose, email, former_email as "formerEmail", created_at as "createdAt",
      expires_at as "expiresAt", used_at as "usedAt"
      from account_link where account_id = ${accountId} order by created_at desc`,
  )
}

export async function preferenceItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select kind, channel, wanted from notification_preference where account_id = ${accountId}
      order by kind, channel`,
  )
}

export async function quietHoursItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select from_minute as "fromMinute", to_minute as "toMinute", time_zone as "timeZone"
      from quiet_hours where account_id = ${accountId}`,
  )
}

/** What the account, or the patient without one, was told, and where it went. */
export async function notificationItems(
  db: Queryable,
  whose: { accountId: string } | { patientId: string },
): Promise<Item[]> {
  const theirs =
    'accountId' in whose
      ? sql`account_id = ${whose.accountId}::uuid`
      : sql`patient_id = ${whose.patientId}::uuid`
  return items(
    db,
    sql`select id, kind, channel, side, appointment_id as "appointmentId", status, address,
      queued_at as "queuedAt", sent_at as "sentAt", delivered_at as "deliveredAt",
      failed_at as "failedAt", read_at as "readAt", confirmed_at as "confirmedAt"
      from notification where ${theirs} order by queued_at desc`,
  )
}

export async function calendarFeedItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select id, doctor_id as "doctorId", patient_id as "patientId", created_at as "createdAt",
      read_at as "readAt"
      from calendar_feed where account_id = ${accountId} order by created_at`,
  )
}

export async function membershipItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select membership.clinic_id as "clinicId", clinic.name as "clinicName", membership.role,
      membership.created_at as "createdAt"
      from membership join clinic on clinic.id = membership.clinic_id
      where membership.account_id = ${accountId} order by clinic.name`,
  )
}

/** Invitations that the account came by or made. */
export async function invitationItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select role, clinic_id as "clinicId", doctor_id as "doctorId", created_at as "createdAt",
      expires_at as "expiresAt", used_at as "usedAt", revoked_at as "revokedAt",
      used_by = ${accountId} as "wasForYou",
      case when used_by = ${accountId} or invited_by = ${accountId} then email end as email
      from invitation where used_by = ${accountId} or invited_by = ${accountId} order by created_at`,
  )
}

/** What the account wrote, about whoever's visit. */
export async function writtenMessageItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select id, appointment_id as "appointmentId", side, text, sent_at as "sentAt"
      from message where author_id = ${accountId} order by sent_at desc`,
  )
}

export async function readMarkItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select appointment_id as "appointmentId", side, read_until as "readUntil"
      from message_read where account_id = ${accountId} order by read_until desc`,
  )
}

/** The name of the account that gave the access; nobody for one's own, and for what a clinic's link gave. */
const giverOf = sql`(select giver.name from account as giver where giver.id = granted_by)`

/** Accesses of the account to others' records, also those that ended. */
export async function accessItems(db: Queryable, accountId: string): Promise<Item[]> {
  return items(
    db,
    sql`select patient_id as "patientId", relation, scope, created_at as "createdAt",
      ends_at as "endsAt", ${giverOf} as "givenBy"
      from patient_access where account_id = ${accountId} order by created_at`,
  )
}

/** A doctor's profile with hours, openings, time off and delays. */
export async function doctorItems(db: Queryable, doctorId: string): Promise<Item[]> {
  return items(
    db,
    sql`select id, title, name, designation, languages, phone, email, bio, status,
      created_at as "createdAt",
      (select jsonb_agg(specialty.name) from doctor_specialty
        join specialty on specialty.id = specialty_id where doctor_id = doctor.id) as specialties,
      (select jsonb_agg(clinic.name) from doctor_clinic
        join clinic on clinic.id = clinic_id where doctor_id = doctor.id) as clinics,
      (select jsonb_agg(visit_type.name) from doctor_visit_type
        join visit_type on visit_type.id = visit_type_id where doctor_id = doctor.id) as "visitTypes",
      (select jsonb_agg(jsonb_build_object('clinicId', clinic_id, 'weekday', weekday,
          'fromMinute', from_minute, 'toMinute', to_minute, 'validFrom', valid_from,
          'validUntil', valid_until)) from weekly_hours where doctor_id = doctor.id) as hours,
      (select jsonb_agg(jsonb_build_object('clinicId', clinic_id, 'date', opens_on,
          'fromMinute', from_minute, 'toMinute', to_minute))
        from opening where doctor_id = doctor.id) as openings,
      (select jsonb_agg(jsonb_build_object('startsAt', starts_at, 'endsAt', ends_at, 'note', note))
        from time_off where doctor_id = doctor.id) as "timeOff",
      (select jsonb_agg(jsonb_build_object('clinicId', clinic_id, 'date', on_date, 'minutes', minutes))
        from delay where doctor_id = doctor.id) as delays
      from doctor where id = ${doctorId}`,
  )
}

export async function recordItems(db: Queryable, patientId: string): Promise<Item[]> {
  return items(
    db,
    sql`select patient.id, patient.name, patient.phone, patient.email,
      date_of_birth as "dateOfBirth", locale, patient.street, patient.postal_code as "postalCode",
      patient.city, patient.country, insurance_number as "insuranceNumber",
      emergency_name as "emergencyName", emergency_phone as "emergencyPhone",
      emergency_relation as "emergencyRelation", clinic.name as "registeredAt",
      patient.created_at as "createdAt"
      from patient left join clinic on clinic.id = registered_at_clinic_id
      where patient.id = ${patientId}`,
  )
}

/** Who has or had access to the record, and who was offered it. */
export async function recordAccessItems(db: Queryable, patientId: string): Promise<Item[]> {
  return items(
    db,
    sql`select account.name, relation, scope, patient_access.created_at as "createdAt",
      ends_at as "endsAt", ${giverOf} as "givenBy", null as email, null::timestamptz as "usedAt"
      from patient_access join account on account.id = account_id where patient_id = ${patientId}
      union all
      select null, relation, scope, created_at, agreed_ends_at,
        (select giver.name from account as giver where giver.id = invited_by), email, used_at
      from access_invitation where patient_id = ${patientId}
      order by 4`,
  )
}

/** Links by which someone could get to the record, without their codes. */
export async function claimLinkItems(db: Queryable, patientId: string): Promise<Item[]> {
  return items(
    db,
    sql`select created_at as "createdAt", expires_at as "expiresAt", used_at as "usedAt", tries
      from patient_claim_link where patient_id = ${patientId} order by created_at`,
  )
}

/** The visits with each step of theirs and the messages, oldest first. Notes of staff to staff stay out. */
export async function visitItems(db: Queryable, patientId: string): Promise<Item[]> {
  return items(
    db,
    sql`select appointment.id, appointment.status, starts_at as "startsAt", ends_at as "endsAt",
      appointment.time_zone as "timeZone", appointment.local_starts_at as "localStartsAt",
      jsonb_build_object('id', doctor.id, 'title', doctor.title, 'name', doctor.name) as doctor,
      jsonb_build_object('id', clinic.id, 'name', clinic.name, 'city', clinic.city) as clinic,
      visit_type.name as "visitType", room.name as room, reason,
      cancelled_reason as "cancelledReason", proposed_slots as "proposedSlots",
      nullif(is_offer, false) as "isOffer", appointment.created_at as "createdAt",
      (select jsonb_agg(jsonb_build_object('at', occurred_at, 'command', command,
          'from', from_status, 'to', to_status, 'startsAt', step.starts_at, 'endsAt', step.ends_at,
          'reason', note, 'by', coalesce(account.role,
            case when step.actor_id = patient_id then 'patient' else 'system' end)) order by version)
        from appointment_event as step left join account on account.id = step.actor_id
        where step.appointment_id = appointment.id and command <> 'note') as history,
      (select jsonb_agg(jsonb_build_object('sentAt', sent_at, 'side', side, 'text', text)
          order by sent_at)
        from message where message.appointment_id = appointment.id) as messages
      from appointment
      join doctor on doctor.id = doctor_id
      join clinic on clinic.id = clinic_id
      join visit_type on visit_type.id = visit_type_id
      left join room on room.id = room_id
      where patient_id = ${patientId} order by starts_at, appointment.id`,
  )
}

export async function waitlistItems(db: Queryable, patientId: string): Promise<Item[]> {
  return items(
    db,
    sql`select entry.id, status, appointment_id as "appointmentId", visit_type_id as "visitTypeId",
      doctor_id as "doctorId", specialty_id as "specialtyId", clinic_id as "clinicId", weekdays,
      from_minute as "fromMinute", to_minute as "toMinute", from_date as "fromDate",
      until_date as "untilDate", created_at as "createdAt",
      (select jsonb_agg(jsonb_build_object('startsAt', starts_at, 'offeredAt', offered_at,
          'expiresAt', expires_at, 'outcome', outcome) order by offered_at)
        from waitlist_offer where entry_id = entry.id) as offers
      from waitlist_entry as entry where patient_id = ${patientId} order by created_at`,
  )
}

/** Rows of the audit as the account is told of them, newest first. */
function auditItems(
  db: Queryable,
  { entries, accountId }: { entries: RawBuilder<unknown>; accountId: string },
): Promise<Item[]> {
  return items(
    db,
    sql`select occurred_at as "at", action, subject_type as "about", subject_id as "id", allowed,
      case when actor_id = ${accountId}::uuid then 'you' else coalesce(actor.role, 'system') end as "by",
      (select jsonb_agg(clinic.name order by clinic.name) from clinic
        where actor.id <> ${accountId}::uuid and (
          clinic.id in (select clinic_id from membership where membership.account_id = actor.id)
          or clinic.id in (select clinic_id from doctor_clinic join doctor on doctor.id = doctor_id
            where doctor.account_id = actor.id))) as clinics
      from (${entries}) as entry left join account as actor on actor.id = actor_id
      order by seq desc`,
  )
}

// Each subject has a query of its own, so that the index by subject answers it: a condition that joins
// them by `or` reads the whole audit.

/** Who did what with the account: when, as whom, and whether it was allowed; newest first. */
export async function accountAuditItems(db: Queryable, accountId: string): Promise<Item[]> {
  const entries = sql`
    select * from audit_entry where subject_type = 'account' and subject_id = ${accountId}
    union all
    select audit_entry.* from session
    join audit_entry on subject_type = 'session' and subject_id = session.id
    where session.account_id = ${accountId}`
  return auditItems(db, { entries, accountId })
}

/**
 * Who looked at the record, its visits and waits or changed them, and the records that were merged into it:
 * when, in which role and at which clinics. Newest first.
 */
export async function recordAuditItems(
  db: Queryable,
  { patientId, accountId }: { patientId: string; accountId: string },
): Promise<Item[]> {
  const entries = sql`
    with recursive known (id) as (
      select ${patientId}::uuid
      union
      select (details ->> 'formerPatientId')::uuid from known
      join audit_entry on subject_type = 'patient' and subject_id = known.id
      where action = 'patient.merge' and allowed
    )
    select audit_entry.* from known
    join audit_entry on subject_type = 'patient' and subject_id = known.id
    union all
    select audit_entry.* from appointment
    join audit_entry on subject_type = 'appointment' and subject_id = appointment.id
    where patient_id = ${patientId}
    union all
    select audit_entry.* from waitlist_entry
    join audit_entry on subject_type = 'waitlist-entry' and subject_id = waitlist_entry.id
    where patient_id = ${patientId}`
  return auditItems(db, { entries, accountId })
}
