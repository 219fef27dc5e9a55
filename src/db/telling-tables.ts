// The tables of what people are told and write to each other, as tables.ts has the others.

import type { GeneratedAlways, Generated } from 'kysely'
import type { At, Json, NullableAt } from './tables.ts'

export interface EventReaderTable {
  name: string
  xid: string
  seq: string
}

export interface ClockMarkTable {
  name: string
  reached_at: At
}

export type NotificationKind =
  | 'requested'
  | 'confirmed'
  | 'declined'
  | 'moved'
  | 'cancelled'
  | 'reminder'
  | 'waitlist_offer'
  | 'delay'
  | 'message'
  | 'account'
  | 'invitation'
  | 'claim_link'

export type NotificationChannel = 'in_app' | 'email' | 'sms'

export type NotificationStatus =
  | 'queued'
  | 'sent'
  | 'delivered'
  | 'failed'
  | 'skipped'
  | 'withdrawn'

export interface NotificationTable {
  id: string
  kind: NotificationKind
  channel: NotificationChannel
  account_id: string | null
  patient_id: string | null
  invitation_id: string | null
  access_invitation_id: string | null
  recipient_id: GeneratedAlways<string>
  side: 'patient' | 'doctor' | 'desk'
  appointment_id: string | null
  version: number | null
  former_version: number | null
  topic: string
  details: Json<Record<string, string | number>>
  status: NotificationStatus
  status_reason: string | null
  queued_at: At
  due_at: NullableAt
  expires_at: NullableAt
  attempts: Generated<number>
  address: string | null
  provider_id: string | null
  sent_at: NullableAt
  delivered_at: NullableAt
  failed_at: NullableAt
  read_at: NullableAt
  confirmed_at: NullableAt
}

export interface NotificationPreferenceTable {
  account_id: string
  kind: NotificationKind
  channel: 'email' | 'sms'
  wanted: boolean
}

export interface QuietHoursTable {
  account_id: string
  from_minute: number
  to_minute: number
  time_zone: string
}

export interface MessageTable {
  id: string
  appointment_id: string
  author_id: string | null
  side: 'patient' | 'staff'
  text: string
  sent_at: At
}

export interface MessageReadTable {
  account_id: string
  appointment_id: string
  side: 'patient' | 'staff'
  read_until: At
}

export interface CalendarFeedTable {
  id: string
  account_id: string
  doctor_id: string | null
  patient_id: string | null
  created_at: At
  read_at: NullableAt
}
