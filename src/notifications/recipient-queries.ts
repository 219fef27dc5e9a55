import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { Preference } from './preferences.ts'
import type { QuietHours } from './quiet-hours.ts'

/** Someone who may be told something, with how they can be reached and how they want to be. */
export interface RecipientRow {
  /** The patient, doctor or clinic on whose account they are told. */
  subject_id: string
  account_id: string | null
  /** The patient, when they have no account. */
  patient_id: string | null
  has_email: boolean
  has_phone: boolean
  preferences: Preference[]
  quiet_hours: QuietHours | null
}

const choices = sql`
  coalesce((select json_agg(json_build_object(
      'kind', kind, 'channel', channel, 'wanted', wanted))
    from notification_preference where notification_preference.account_id = account.id), '[]') as preferences,
  (select json_build_object(
      'fromMinute', from_minute, 'toMinute', to_minute, 'timeZone', time_zone)
    from quiet_hours where quiet_hours.account_id = account.id) as quiet_hours`

const accountOf = sql`account.id as account_id, null::uuid as patient_id, account.email is not null as has_email,
  account.phone is not null as has_phone, ${choices}`

/** Who acts for each of the patients: accounts that may do so now, or the patient where there is none. */
export async function patientSide(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<RecipientRow[]> {
  const { rows } = await sql<RecipientRow>`
    select patient.id as subject_id, account.id as account_id,
      case when account.id is null then patient.id end as patient_id,
      coalesce(account.email, patient.email) is not null as has_email,
      coalesce(account.phone, case when relation is null or relation = 'self' then patient.phone end)
        is not null as has_phone, ${choices}
    from patient left join (
      select patient_access.patient_id, relation, account.* from patient_access
      join account on account.id = patient_access.account_id and account.status = 'active'
      where scope <> 'see' and (ends_at is null or ends_at > ${formatUtc(now)})) as account on account.patient_id = patient.id
    where patient.id = any (${patientIds}::uuid[])
    order by patient.id, account.id`.execute(db)
  return rows
}

/** The accounts of the doctors. */
export async function doctorSide(
  db: Queryable,
  doctorIds: readonly string[],
): Promise<RecipientRow[]> {
  const { rows } = await sql<RecipientRow>`
    select doctor.id as subject_id, ${accountOf}
    from doctor join account on account.id = doctor.account_id and account.status = 'active'
    where doctor.id = any (${doctorIds}::uuid[])`.execute(db)
  return rows
}

/** The accounts at the front desks of the clinics. */
export async function deskSide(
  db: Queryable,
  clinicIds: readonly string[],
): Promise<RecipientRow[]> {
  const { rows } = await sql<RecipientRow>`
    select membership.clinic_id as subject_id, ${accountOf}
    from membership join account on account.id = membership.account_id and account.status = 'active'
    where membership.clinic_id = any (${clinicIds}::uuid[]) and membership.role = 'front_desk'
    order by account.id`.execute(db)
  return rows
}

/** An account that may be told something of itself. */
export interface AccountRecipientRow extends RecipientRow {
  is_active: boolean
}

/** These accounts themselves, disabled ones too. */
export async function accountSide(
  db: Queryable,
  accountIds: readonly string[],
): Promise<AccountRecipientRow[]> {
  const { rows } = await sql<AccountRecipientRow>`
    select account.id as subject_id, account.status = 'active' as is_active, ${accountOf}
    from account where account.id = any (${accountIds}::uuid[]) and account.status <> 'erased'`.execute(
    db,
  )
  return rows
}
