// The tables as Kysely sees them. Instants come as milliseconds since the epoch and go as RFC 3339
// text (`formatUtc`), dates are 'YYYY-MM-DD' both ways.

import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { Instant, LocalDate } from '#src/kernel/time.ts'
import type {
  AccessInvitationTable,
  AccountLinkTable,
  AccountTable,
  AuditSealTable,
  InvitationTable,
  MedicalEntryTable,
  NetworkSettingsTable,
  PatientAccessTable,
  RecoveryCodeTable,
  RequestCountTable,
  SecondFactorTable,
  SessionTable,
} from './people-tables.ts'
import type {
  CalendarFeedTable,
  ClockMarkTable,
  EventReaderTable,
  MessageReadTable,
  MessageTable,
  NotificationPreferenceTable,
  NotificationTable,
  QuietHoursTable,
} from './telling-tables.ts'

export type { AccountLinkPurpose, PatientAccessTable } from './people-tables.ts'
export type { NotificationChannel, NotificationKind, NotificationStatus } from './telling-tables.ts'

export type At = ColumnType<Instant, string, string>
export type NullableAt = ColumnType<Instant | null, string | null | undefined, string | null>
export type Json<Value extends object> = JSONColumnType<Value>

export interface EventTable {
  seq: Generated<string>
  xid: Generated<string>
  origin: string
  type: string
  subjects: Json<Record<string, string>>
  actor_id: string | null
  occurred_at: At
}

export interface AuditEntryTable {
  seq: Generated<string>
  xid: Generated<string>
  occurred_at: At
  actor_id: string | null
  action: string
  subject_type: string
  subject_id: string | null
  allowed: boolean
  request_id: string | null
  details: Json<Record<string, unknown>>
}

export type Role = 'patient' | 'doctor' | 'front_desk' | 'admin'

export interface ClinicTable {
  id: string
  name: string
  time_zone: string
  street: string | null
  postal_code: string | null
  city: string
  country: string
  phone: string | null
  email: string | null
  change_notice_minutes_min: Generated<number>
  request_lapses_minutes: Generated<number>
  reminder_minutes: Generated<number[]>
  messages_close_days: Generated<number>
  schedule_version: Generated<number>
  version: Generated<number>
  created_at: At
}

export interface ClosureTable {
  id: string
  clinic_id: string
  starts_on: LocalDate
  start_minute: Generated<number>
  ends_on: LocalDate
  end_minute: Generated<number>
  name: string
  source_uid: string | null
}

export interface MembershipTable {
  account_id: string
  clinic_id: string
  role: 'front_desk'
  created_at: At
}

export interface RoomTable {
  id: string
  clinic_id: string
  name: string
  kind: string
}

export type VisitMode = 'in_person' | 'video' | 'phone'
export type WhoMayBook = 'anyone' | 'existing_patients' | 'staff'
export type BookingMode = 'instant' | 'on_request'

export interface VisitTypeTable {
  id: string
  clinic_id: string | null
  name: string
  duration_minutes: number
  buffer_before_minutes: Generated<number>
  buffer_after_minutes: Generated<number>
  step_minutes: number | null
  mode: VisitMode
  video_link: string | null
  instructions: string | null
  who_may_book: Generated<WhoMayBook>
  booking_mode: BookingMode | null
  room_kind: string | null
  status: Generated<'active' | 'retired'>
  schedule_version: Generated<number>
  version: Generated<number>
  created_at: At
}

export interface SpecialtyTable {
  id: string
  code: string
  name: string
}

export interface DoctorTable {
  id: string
  account_id: string | null
  title: string | null
  name: string
  designation: string | null
  languages: Generated<string[]>
  phone: string | null
  email: string | null
  bio: string | null
  accepting_new_patients: Generated<boolean>
  status: Generated<'bookable' | 'paused' | 'left'>
  booking_mode: Generated<BookingMode>
  notice_minutes_min: Generated<number>
  horizon_days: Generated<number>
  daily_limit: number | null
  schedule_version: Generated<number>
  version: Generated<number>
  created_at: At
}

export interface DoctorSpecialtyTable {
  doctor_id: string
  specialty_id: string
}

export interface DoctorClinicTable {
  doctor_id: string
  clinic_id: string
}

export interface DoctorVisitTypeTable {
  doctor_id: string
  visit_type_id: string
}

export interface PatientTable {
  id: string
  name: string
  phone: string | null
  email: string | null
  date_of_birth: LocalDate | null
  registered_by: string | null
  registered_at_clinic_id: string | null
  locale: string | null
  street: string | null
  postal_code: string | null
  city: string | null
  country: string | null
  insurance_number: string | null
  emergency_name: string | null
  emergency_phone: string | null
  emergency_relation: string | null
  erased_at: NullableAt
  version: Generated<number>
  created_at: At
}

export interface PatientClaimLinkTable {
  id: string
  patient_id: string
  code_hash: Buffer
  made_by: string | null
  created_at: At
  expires_at: At
  used_at: NullableAt
  used_by: string | null
  tries: Generated<number>
}

export interface WeeklyHoursTable {
  id: string
  doctor_id: string
  clinic_id: string
  weekday: number
  from_minute: number
  to_minute: number
  valid_from: LocalDate | null
  valid_until: LocalDate | null
  visit_type_ids: string[] | null
}

export interface OpeningTable {
  id: string
  doctor_id: string
  clinic_id: string
  opens_on: LocalDate
  from_minute: number
  to_minute: number
  visit_type_ids: string[] | null
}

export interface TimeOffTable {
  id: string
  doctor_id: string
  starts_at: At
  ends_at: At
  note: string | null
}

export type AppointmentStatus =
  | 'held'
  | 'requested'
  | 'confirmed'
  | 'arrived'
  | 'with_doctor'
  | 'completed'
  | 'no_show'
  | 'cancelled'
  | 'declined'
  | 'expired'

export interface AppointmentTable {
  id: string
  status: AppointmentStatus
  doctor_id: string
  clinic_id: string
  patient_id: string
  visit_type_id: string
  room_id: string | null
  starts_at: At
  ends_at: At
  time_zone: string
  local_starts_at: string
  reason: string | null
  booked_by: string | null
  expires_at: NullableAt
  cancelled_reason: string | null
  version: Generated<number>
  sequence: Generated<number>
  created_at: At
  overbooked_reason: string | null
  is_offer: Generated<boolean>
  staff_note: string | null
  proposed_slots: JSONColumnType<Record<string, unknown>[]> | null
}

export interface ClaimTable {
  calendar_id: string
  lane: Generated<number>
  during: string
  appointment_id: string
  expires_at: NullableAt
}

export interface AppointmentEventTable {
  appointment_id: string
  version: number
  occurred_at: At
  actor_id: string | null
  from_status: AppointmentStatus | null
  to_status: AppointmentStatus
  starts_at: At
  note: string | null
  command: string
  doctor_id: string
  clinic_id: string
  visit_type_id: string
  room_id: string | null
  ends_at: At
  expires_at: NullableAt
  sequence: number
  overbooked_reason: string | null
  time_zone: string
  local_starts_at: string
  reason: string | null
  staff_note: string | null
  proposed_slots: JSONColumnType<Record<string, unknown>[]> | null
  former_doctor_version: number | null
  former_clinic_version: number | null
}

export interface DelayTable {
  doctor_id: string
  clinic_id: string
  on_date: LocalDate
  minutes: number
  set_by: string | null
  set_at: At
}

export interface WaitlistEntryTable {
  id: string
  patient_id: string
  appointment_id: string | null
  visit_type_id: string
  doctor_id: string | null
  specialty_id: string | null
  clinic_id: string | null
  weekdays: number[] | null
  from_minute: number | null
  to_minute: number | null
  from_date: LocalDate | null
  until_date: LocalDate | null
  status: 'waiting' | 'fulfilled' | 'ended'
  created_at: At
}

export interface WaitlistOfferTable {
  appointment_id: string
  entry_id: string
  doctor_id: string
  starts_at: At
  offered_at: At
  expires_at: At
  outcome: 'taken' | 'refused' | 'expired' | null
}

export interface IdempotencyKeyTable {
  account_id: string
  route: string
  key: string
  body_hash: Buffer
  created_at: At
  asked_at: At
  answer: JSONColumnType<Record<string, unknown>> | null
}

export interface Tables {
  event: EventTable
  audit_entry: AuditEntryTable
  account: AccountTable
  session: SessionTable
  clinic: ClinicTable
  closure: ClosureTable
  membership: MembershipTable
  room: RoomTable
  visit_type: VisitTypeTable
  specialty: SpecialtyTable
  doctor: DoctorTable
  doctor_specialty: DoctorSpecialtyTable
  doctor_clinic: DoctorClinicTable
  doctor_visit_type: DoctorVisitTypeTable
  invitation: InvitationTable
  patient: PatientTable
  patient_access: PatientAccessTable
  patient_claim_link: PatientClaimLinkTable
  weekly_hours: WeeklyHoursTable
  opening: OpeningTable
  time_off: TimeOffTable
  appointment: AppointmentTable
  claim: ClaimTable
  appointment_event: AppointmentEventTable
  delay: DelayTable
  waitlist_entry: WaitlistEntryTable
  waitlist_offer: WaitlistOfferTable
  idempotency_key: IdempotencyKeyTable
  event_reader: EventReaderTable
  clock_mark: ClockMarkTable
  notification: NotificationTable
  notification_preference: NotificationPreferenceTable
  quiet_hours: QuietHoursTable
  message: MessageTable
  message_read: MessageReadTable
  calendar_feed: CalendarFeedTable
  account_link: AccountLinkTable
  second_factor: SecondFactorTable
  recovery_code: RecoveryCodeTable
  network_settings: NetworkSettingsTable
  request_count: RequestCountTable
  access_invitation: AccessInvitationTable
  medical_entry: MedicalEntryTable
  audit_seal: AuditSealTable
}
