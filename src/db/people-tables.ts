// The tables of accounts' access, of what is known of patients, and of the network's settings, as tables.ts
// has the others.

import type { Generated } from 'kysely'
import type { At, NullableAt, Role } from './tables.ts'

export interface AccountTable {
  id: string
  email: string
  password_hash: string
  name: string
  phone: string | null
  locale: string | null
  role: Role
  status: Generated<'active' | 'disabled' | 'erased'>
  email_verified_at: NullableAt
  created_at: At
}

export interface SessionTable {
  id: string
  account_id: string
  refresh_token_hash: Buffer
  user_agent: string | null
  created_at: At
  used_at: NullableAt
  expires_at: At
  ended_at: NullableAt
}

export interface InvitationTable {
  id: string
  code_hash: Buffer
  role: 'doctor' | 'front_desk' | 'admin'
  email: string | null
  clinic_id: string | null
  doctor_id: string | null
  invited_by: string | null
  created_at: At
  expires_at: At
  used_at: NullableAt
  used_by: string | null
  revoked_at: NullableAt
  tries: Generated<number>
}

export type AccountLinkPurpose = 'reset_password' | 'verify_email' | 'change_email'

export interface AccountLinkTable {
  id: string
  account_id: string
  purpose: AccountLinkPurpose
  email: string
  former_email: string | null
  created_at: At
  expires_at: At
  used_at: NullableAt
}

export interface SecondFactorTable {
  account_id: string
  secret: Buffer
  created_at: At
  confirmed_at: NullableAt
  last_step: Generated<string>
  tries: Generated<number>
  locks: Generated<number>
  locked_until: NullableAt
}

export interface RecoveryCodeTable {
  account_id: string
  code_hash: Buffer
  used_at: NullableAt
}

export interface NetworkSettingsTable {
  singleton: Generated<true>
  name: Generated<string>
  second_factor_for_staff: Generated<boolean>
  child_access_ends_at_age: Generated<number>
  keep_events_days: Generated<number>
  keep_notifications_days: Generated<number>
  keep_patients_years: number | null
  child_ends_due: number | null
  version: Generated<number>
}

export interface RequestCountTable {
  subject: Buffer
  used: number
  window_ends_at: At
}

export interface PatientAccessTable {
  account_id: string
  patient_id: string
  relation: 'self' | 'parent' | 'carer'
  scope: 'book' | 'see' | 'manage'
  created_at: At
  ends_at: NullableAt
  granted_by: string | null
  agreed_ends_at: NullableAt
  end_told_at: NullableAt
  end_noted_at: NullableAt
}

export interface AccessInvitationTable {
  id: string
  patient_id: string
  email: string
  relation: 'parent' | 'carer'
  scope: 'book' | 'see' | 'manage'
  agreed_ends_at: NullableAt
  invited_by: string
  created_at: At
  expires_at: At
  used_at: NullableAt
  used_by: string | null
}

export interface MedicalEntryTable {
  id: string
  patient_id: string
  kind: 'condition' | 'allergy' | 'medicine' | 'note'
  content: Buffer | null
  takes_back: Generated<boolean>
  author_id: string | null
  author_doctor_id: string | null
  author_side: 'patient' | 'doctor'
  recorded_at: At
  corrects: string | null
}

export interface AuditSealTable {
  seq: Generated<string>
  to_xid: string
  to_seq: string
  rows: number
  hash: Buffer
  sealed_at: At
}
