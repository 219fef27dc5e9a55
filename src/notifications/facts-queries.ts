import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus, VisitMode } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { InvitedRole } from '#src/identity/invitations.ts'

/** A visit as it was after the step that made a version; nothing of why it takes place. */
export interface ToldVisitRow {
  appointment_id: string
  version: number
  status: AppointmentStatus
  sequence: number
  starts_at: Instant
  ends_at: Instant
  time_zone: string
  proposed_count: number
  doctor_id: string
  doctor_title: string | null
  doctor_name: string
  patient_id: string
  patient_name: string
  clinic_id: string
  clinic_name: string
  clinic_phone: string | null
  clinic_email: string | null
  clinic_street: string | null
  clinic_postal_code: string | null
  clinic_city: string
  clinic_country: string
  mode: VisitMode
  video_link: string | null
  /** Of an appointment that is held: until when. */
  expires_at: Instant | null
}

/** These visits at these versions, in pairs. */
export async function toldVisits(
  db: Queryable,
  wanted: readonly { appointmentId: string; version: number }[],
): Promise<ToldVisitRow[]> {
  const { rows } = await sql<ToldVisitRow>`
    select step.appointment_id, step.version, step.to_status as status, step.sequence, step.starts_at,
      step.ends_at, step.time_zone, coalesce(jsonb_array_length(step.proposed_slots), 0) as proposed_count,
      step.doctor_id, doctor.title as doctor_title, doctor.name as doctor_name,
      appointment.patient_id, patient.name as patient_name,
      step.clinic_id, clinic.name as clinic_name, clinic.phone as clinic_phone, clinic.email as clinic_email,
      clinic.street as clinic_street, clinic.postal_code as clinic_postal_code, clinic.city as clinic_city,
      clinic.country as clinic_country,
      visit_type.mode, visit_type.video_link, step.expires_at
    from unnest(${wanted.map(({ appointmentId }) => appointmentId)}::uuid[],
      ${wanted.map(({ version }) => version)}::integer[]) as wanted (appointment_id, version)
    join appointment_event as step
      on step.appointment_id = wanted.appointment_id and step.version = wanted.version
    join appointment on appointment.id = step.appointment_id
    join patient on patient.id = appointment.patient_id
    join doctor on doctor.id = step.doctor_id
    join clinic on clinic.id = step.clinic_id
    join visit_type on visit_type.id = step.visit_type_id`.execute(db)
  return rows
}

/** The hashes of the codes of invitations and of links to records with these ids. */
export async function codeHashesOf(
  db: Queryable,
  ids: readonly string[],
): Promise<{ id: string; hash: Buffer }[]> {
  const { rows } = await sql<{ id: string; hash: Buffer }>`
    select id, code_hash as hash from invitation where id = any (${ids}::uuid[])
    union all
    select id, code_hash from patient_claim_link where id = any (${ids}::uuid[])`.execute(db)
  return rows
}

/** Who a notification goes to, as they are now. */
export interface AddressRow {
  id: string
  name: string
  email: string | null
  phone: string | null
  locale: string | null
  /** The patients for whom the account acts as themselves. */
  own_patient_ids: string[]
  role: InvitedRole | null
  /** A disabled account is told of that alone. */
  is_disabled: boolean
}

/** The recipients with these ids: accounts, patients, and whoever is invited or offered an access. */
export async function addressesOf(
  db: Queryable,
  recipientIds: readonly string[],
): Promise<AddressRow[]> {
  const ids = sql`any (${recipientIds}::uuid[])`
  const { rows } = await sql<AddressRow>`
    select account.id, account.name, account.email,
      coalesce(account.phone, own.phone) as phone, account.locale,
      case when own.id is null then '{}' else array[own.id] end as own_patient_ids, null as role,
      account.status = 'disabled' as is_disabled
    from account
    left join (select patient.id, patient.phone, account_id from patient_access
        join patient on patient.id = patient_id where relation = 'self') as own
      on own.account_id = account.id
    where account.id = ${ids} and account.status <> 'erased'
    union all
    select id, name, email, phone, locale, array[id], null, false from patient where id = ${ids}
    union all
    select id, '', email, null, null, '{}', role, false from invitation
    where id = ${ids} and used_at is null and revoked_at is null
    union all
    select id, '', email, null, null, '{}', null, false from access_invitation
    where id = ${ids} and used_at is null`.execute(db)
  return rows
}
