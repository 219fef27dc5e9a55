-- Generated from migrations/ by `npm run generate`. Do not edit.

create table access_invitation (
  id uuid not null,
  patient_id uuid not null,
  email text not null,
  relation text not null,
  scope text not null,
  agreed_ends_at timestamp with time zone,
  invited_by uuid not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  used_by uuid,
  constraint access_invitation_by FOREIGN KEY (invited_by) REFERENCES account(id) ON DELETE CASCADE,
  constraint access_invitation_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint access_invitation_pkey PRIMARY KEY (id),
  constraint access_invitation_relation_known CHECK ((relation = ANY (ARRAY['parent'::text, 'carer'::text]))),
  constraint access_invitation_scope_known CHECK ((scope = ANY (ARRAY['book'::text, 'see'::text, 'manage'::text]))),
  constraint access_invitation_used_by FOREIGN KEY (used_by) REFERENCES account(id) ON DELETE SET NULL
);

create table account (
  id uuid not null,
  email text not null,
  password_hash text not null,
  name text not null,
  phone text,
  locale text,
  role text not null,
  status text not null default 'active'::text,
  created_at timestamp with time zone not null,
  email_verified_at timestamp with time zone,
  constraint account_pkey PRIMARY KEY (id),
  constraint account_role_known CHECK ((role = ANY (ARRAY['patient'::text, 'doctor'::text, 'front_desk'::text, 'admin'::text]))),
  constraint account_status_known CHECK ((status = ANY (ARRAY['active'::text, 'disabled'::text, 'erased'::text])))
);

create table account_link (
  id uuid not null,
  account_id uuid not null,
  purpose text not null,
  email text not null,
  former_email text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint account_link_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint account_link_pkey PRIMARY KEY (id),
  constraint account_link_purpose_known CHECK ((purpose = ANY (ARRAY['reset_password'::text, 'verify_email'::text, 'change_email'::text])))
);

create table appointment (
  id uuid not null,
  status text not null,
  doctor_id uuid not null,
  clinic_id uuid not null,
  patient_id uuid not null,
  visit_type_id uuid not null,
  room_id uuid,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  time_zone text not null,
  local_starts_at timestamp without time zone not null,
  reason text,
  booked_by uuid,
  expires_at timestamp with time zone,
  cancelled_reason text,
  version integer not null default 1,
  sequence integer not null default 0,
  created_at timestamp with time zone not null,
  overbooked_reason text,
  is_offer boolean not null default false,
  staff_note text,
  proposed_slots jsonb,
  constraint appointment_booked_by FOREIGN KEY (booked_by) REFERENCES account(id) ON DELETE SET NULL,
  constraint appointment_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id),
  constraint appointment_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id),
  constraint appointment_expires CHECK (((status = ANY (ARRAY['held'::text, 'requested'::text])) = (expires_at IS NOT NULL))),
  constraint appointment_ordered CHECK ((starts_at < ends_at)),
  constraint appointment_patient FOREIGN KEY (patient_id) REFERENCES patient(id),
  constraint appointment_pkey PRIMARY KEY (id),
  constraint appointment_room FOREIGN KEY (room_id) REFERENCES room(id),
  constraint appointment_status_known CHECK ((status = ANY (ARRAY['held'::text, 'requested'::text, 'confirmed'::text, 'arrived'::text, 'with_doctor'::text, 'completed'::text, 'no_show'::text, 'cancelled'::text, 'declined'::text, 'expired'::text]))),
  constraint appointment_visit_type FOREIGN KEY (visit_type_id) REFERENCES visit_type(id)
);

create table appointment_event (
  appointment_id uuid not null,
  version integer not null,
  occurred_at timestamp with time zone not null,
  actor_id uuid,
  from_status text,
  to_status text not null,
  starts_at timestamp with time zone not null,
  note text,
  command text not null,
  doctor_id uuid not null,
  clinic_id uuid not null,
  visit_type_id uuid not null,
  room_id uuid,
  ends_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  sequence integer not null,
  overbooked_reason text,
  time_zone text not null,
  local_starts_at timestamp without time zone not null,
  reason text,
  staff_note text,
  proposed_slots jsonb,
  former_doctor_version integer,
  former_clinic_version integer,
  constraint appointment_event_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint appointment_event_pkey PRIMARY KEY (appointment_id, version)
);

create table audit_entry (
  seq bigint not null generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  occurred_at timestamp with time zone not null,
  actor_id uuid,
  action text not null,
  subject_type text not null,
  subject_id uuid,
  allowed boolean not null,
  request_id text,
  details jsonb not null default '{}'::jsonb,
  constraint audit_entry_pkey PRIMARY KEY (seq)
);

create table audit_seal (
  seq bigint not null generated always as identity,
  to_xid xid8 not null,
  to_seq bigint not null,
  rows integer not null,
  hash bytea not null,
  sealed_at timestamp with time zone not null,
  constraint audit_seal_pkey PRIMARY KEY (seq)
);

create table calendar_feed (
  id uuid not null,
  account_id uuid not null,
  doctor_id uuid,
  patient_id uuid,
  created_at timestamp with time zone not null,
  read_at timestamp with time zone,
  constraint calendar_feed_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint calendar_feed_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint calendar_feed_of_whom CHECK ((num_nonnulls(doctor_id, patient_id) = 1)),
  constraint calendar_feed_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint calendar_feed_pkey PRIMARY KEY (id)
);

create table claim (
  calendar_id uuid not null,
  lane smallint not null default 0,
  during tstzrange not null,
  appointment_id uuid not null,
  expires_at timestamp with time zone,
  constraint claim_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint claim_bounded CHECK (((NOT isempty(during)) AND lower_inc(during) AND (NOT upper_inc(during)) AND (lower(during) IS NOT NULL) AND (upper(during) IS NOT NULL))),
  constraint claim_no_overlap EXCLUDE USING gist (calendar_id WITH =, lane WITH =, during WITH &&)
);

create table clinic (
  id uuid not null,
  name text not null,
  time_zone text not null,
  street text,
  postal_code text,
  city text not null,
  country text not null,
  phone text,
  email text,
  schedule_version integer not null default 1,
  version integer not null default 1,
  created_at timestamp with time zone not null,
  change_notice_minutes_min integer not null default 0,
  request_lapses_minutes integer not null default 2880,
  reminder_minutes integer[] not null default '{2880,120}'::integer[],
  messages_close_days integer not null default 14,
  constraint clinic_change_notice CHECK (((change_notice_minutes_min >= 0) AND (change_notice_minutes_min <= 525600))),
  constraint clinic_messages_close CHECK (((messages_close_days >= 0) AND (messages_close_days <= 365))),
  constraint clinic_pkey PRIMARY KEY (id),
  constraint clinic_reminders CHECK (((cardinality(reminder_minutes) <= 4) AND (15 <= ALL (reminder_minutes)) AND (20160 >= ALL (reminder_minutes)))),
  constraint clinic_request_lapses CHECK (((request_lapses_minutes >= 15) AND (request_lapses_minutes <= 43200)))
);

create table clock_mark (
  name text not null,
  reached_at timestamp with time zone not null,
  constraint clock_mark_pkey PRIMARY KEY (name)
);

create table closure (
  id uuid not null,
  clinic_id uuid not null,
  starts_on date not null,
  start_minute integer not null default 0,
  ends_on date not null,
  end_minute integer not null default 1440,
  name text not null,
  source_uid text,
  constraint closure_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint closure_minutes CHECK ((((start_minute >= 0) AND (start_minute <= 1439)) AND ((end_minute >= 1) AND (end_minute <= 1440)))),
  constraint closure_ordered CHECK ((ROW(starts_on, start_minute) < ROW(ends_on, end_minute))),
  constraint closure_pkey PRIMARY KEY (id),
  constraint closure_source_unique UNIQUE (clinic_id, source_uid, starts_on)
);

create table delay (
  doctor_id uuid not null,
  clinic_id uuid not null,
  on_date date not null,
  minutes integer not null,
  set_by uuid,
  set_at timestamp with time zone not null,
  constraint delay_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint delay_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint delay_minutes CHECK (((minutes >= 1) AND (minutes <= 720))),
  constraint delay_pkey PRIMARY KEY (doctor_id, clinic_id, on_date),
  constraint delay_set_by FOREIGN KEY (set_by) REFERENCES account(id) ON DELETE SET NULL
);

create table doctor (
  id uuid not null,
  account_id uuid,
  title text,
  name text not null,
  designation text,
  languages text[] not null default '{}'::text[],
  phone text,
  email text,
  bio text,
  accepting_new_patients boolean not null default true,
  status text not null default 'bookable'::text,
  booking_mode text not null default 'instant'::text,
  notice_minutes_min integer not null default 60,
  horizon_days integer not null default 90,
  daily_limit integer,
  schedule_version integer not null default 1,
  version integer not null default 1,
  created_at timestamp with time zone not null,
  constraint doctor_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE SET NULL,
  constraint doctor_account_unique UNIQUE (account_id),
  constraint doctor_booking_mode_known CHECK ((booking_mode = ANY (ARRAY['instant'::text, 'on_request'::text]))),
  constraint doctor_daily_limit CHECK (((daily_limit >= 1) AND (daily_limit <= 500))),
  constraint doctor_horizon CHECK (((horizon_days >= 1) AND (horizon_days <= 730))),
  constraint doctor_notice CHECK (((notice_minutes_min >= 0) AND (notice_minutes_min <= 525600))),
  constraint doctor_pkey PRIMARY KEY (id),
  constraint doctor_status_known CHECK ((status = ANY (ARRAY['bookable'::text, 'paused'::text, 'left'::text])))
);

create table doctor_clinic (
  doctor_id uuid not null,
  clinic_id uuid not null,
  constraint doctor_clinic_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id),
  constraint doctor_clinic_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint doctor_clinic_pkey PRIMARY KEY (doctor_id, clinic_id)
);

create table doctor_specialty (
  doctor_id uuid not null,
  specialty_id uuid not null,
  constraint doctor_specialty_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint doctor_specialty_pkey PRIMARY KEY (doctor_id, specialty_id),
  constraint doctor_specialty_specialty FOREIGN KEY (specialty_id) REFERENCES specialty(id)
);

create table doctor_visit_type (
  doctor_id uuid not null,
  visit_type_id uuid not null,
  constraint doctor_visit_type_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint doctor_visit_type_pkey PRIMARY KEY (doctor_id, visit_type_id),
  constraint doctor_visit_type_visit_type FOREIGN KEY (visit_type_id) REFERENCES visit_type(id)
);

create table event (
  seq bigint not null generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  origin uuid not null,
  type text not null,
  subjects jsonb not null,
  actor_id uuid,
  occurred_at timestamp with time zone not null,
  constraint event_pkey PRIMARY KEY (seq)
);

create table event_reader (
  name text not null,
  xid xid8 not null,
  seq bigint not null,
  constraint event_reader_pkey PRIMARY KEY (name)
);

create table idempotency_key (
  account_id uuid not null,
  route text not null,
  key text not null,
  body_hash bytea not null,
  created_at timestamp with time zone not null,
  asked_at timestamp with time zone not null,
  answer jsonb,
  constraint idempotency_key_pkey PRIMARY KEY (account_id, route, key)
);

create table invitation (
  id uuid not null,
  code_hash bytea not null,
  role text not null,
  email text,
  clinic_id uuid,
  doctor_id uuid,
  invited_by uuid,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  used_by uuid,
  revoked_at timestamp with time zone,
  tries smallint not null default 0,
  constraint invitation_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint invitation_code_unique UNIQUE (code_hash),
  constraint invitation_desk_has_clinic CHECK (((role <> 'front_desk'::text) OR (clinic_id IS NOT NULL))),
  constraint invitation_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint invitation_invited_by FOREIGN KEY (invited_by) REFERENCES account(id) ON DELETE SET NULL,
  constraint invitation_pkey PRIMARY KEY (id),
  constraint invitation_role_known CHECK ((role = ANY (ARRAY['doctor'::text, 'front_desk'::text, 'admin'::text]))),
  constraint invitation_used_by FOREIGN KEY (used_by) REFERENCES account(id) ON DELETE SET NULL
);

create table medical_entry (
  id uuid not null,
  patient_id uuid not null,
  kind text not null,
  content bytea,
  takes_back boolean not null default false,
  author_id uuid,
  author_doctor_id uuid,
  author_side text not null,
  recorded_at timestamp with time zone not null,
  corrects uuid,
  constraint medical_entry_author FOREIGN KEY (author_id) REFERENCES account(id) ON DELETE SET NULL,
  constraint medical_entry_content CHECK (((content IS NOT NULL) OR takes_back)),
  constraint medical_entry_corrected_once UNIQUE (corrects),
  constraint medical_entry_corrects FOREIGN KEY (corrects) REFERENCES medical_entry(id) ON DELETE CASCADE,
  constraint medical_entry_doctor FOREIGN KEY (author_doctor_id) REFERENCES doctor(id) ON DELETE SET NULL,
  constraint medical_entry_kind_known CHECK ((kind = ANY (ARRAY['condition'::text, 'allergy'::text, 'medicine'::text, 'note'::text]))),
  constraint medical_entry_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint medical_entry_pkey PRIMARY KEY (id),
  constraint medical_entry_side_known CHECK ((author_side = ANY (ARRAY['patient'::text, 'doctor'::text]))),
  constraint medical_entry_takes_back CHECK (((corrects IS NOT NULL) OR (NOT takes_back)))
);

create table membership (
  account_id uuid not null,
  clinic_id uuid not null,
  role text not null,
  created_at timestamp with time zone not null,
  constraint membership_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint membership_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint membership_pkey PRIMARY KEY (account_id, clinic_id, role),
  constraint membership_role_known CHECK ((role = 'front_desk'::text))
);

create table message (
  id uuid not null,
  appointment_id uuid not null,
  author_id uuid,
  side text not null,
  text text not null,
  sent_at timestamp with time zone not null,
  constraint message_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint message_author FOREIGN KEY (author_id) REFERENCES account(id) ON DELETE SET NULL,
  constraint message_length CHECK (((length(text) >= 1) AND (length(text) <= 4000))),
  constraint message_pkey PRIMARY KEY (id),
  constraint message_side_known CHECK ((side = ANY (ARRAY['patient'::text, 'staff'::text])))
);

create table message_read (
  account_id uuid not null,
  appointment_id uuid not null,
  side text not null,
  read_until timestamp with time zone not null,
  constraint message_read_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint message_read_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint message_read_pkey PRIMARY KEY (account_id, appointment_id),
  constraint message_read_side_known CHECK ((side = ANY (ARRAY['patient'::text, 'staff'::text])))
);

create table network_settings (
  singleton boolean not null default true,
  name text not null default 'Visita'::text,
  second_factor_for_staff boolean not null default false,
  child_access_ends_at_age smallint not null default 18,
  keep_events_days integer not null default 90,
  keep_notifications_days integer not null default 365,
  keep_patients_years smallint,
  child_ends_due integer,
  version integer not null default 1,
  constraint network_settings_age CHECK (((child_access_ends_at_age >= 12) AND (child_access_ends_at_age <= 25))),
  constraint network_settings_events CHECK (((keep_events_days >= 7) AND (keep_events_days <= 3650))),
  constraint network_settings_notifications CHECK (((keep_notifications_days >= 30) AND (keep_notifications_days <= 3650))),
  constraint network_settings_one CHECK (singleton),
  constraint network_settings_patients CHECK (((keep_patients_years >= 1) AND (keep_patients_years <= 100))),
  constraint network_settings_pkey PRIMARY KEY (singleton)
);

create table notification (
  id uuid not null,
  kind text not null,
  channel text not null,
  account_id uuid,
  patient_id uuid,
  invitation_id uuid,
  side text not null,
  appointment_id uuid,
  version integer,
  former_version integer,
  topic text not null,
  details jsonb not null default '{}'::jsonb,
  status text not null,
  status_reason text,
  queued_at timestamp with time zone not null,
  due_at timestamp with time zone,
  expires_at timestamp with time zone,
  attempts smallint not null default 0,
  address text,
  provider_id text,
  sent_at timestamp with time zone,
  delivered_at timestamp with time zone,
  failed_at timestamp with time zone,
  read_at timestamp with time zone,
  confirmed_at timestamp with time zone,
  access_invitation_id uuid,
  recipient_id uuid not null default COALESCE(account_id, patient_id, invitation_id, access_invitation_id),
  constraint notification_access_invitation FOREIGN KEY (access_invitation_id) REFERENCES access_invitation(id) ON DELETE CASCADE,
  constraint notification_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint notification_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint notification_channel_known CHECK ((channel = ANY (ARRAY['in_app'::text, 'email'::text, 'sms'::text]))),
  constraint notification_due CHECK (((due_at IS NOT NULL) OR (status <> 'queued'::text))),
  constraint notification_in_app_has_account CHECK (((channel <> 'in_app'::text) OR (account_id IS NOT NULL))),
  constraint notification_invitation FOREIGN KEY (invitation_id) REFERENCES invitation(id) ON DELETE CASCADE,
  constraint notification_kind_known CHECK ((kind = ANY (ARRAY['requested'::text, 'confirmed'::text, 'declined'::text, 'moved'::text, 'cancelled'::text, 'reminder'::text, 'waitlist_offer'::text, 'delay'::text, 'message'::text, 'account'::text, 'invitation'::text, 'claim_link'::text]))),
  constraint notification_once UNIQUE (recipient_id, channel, topic),
  constraint notification_one_recipient CHECK ((num_nonnulls(account_id, patient_id, invitation_id, access_invitation_id) = 1)),
  constraint notification_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint notification_pkey PRIMARY KEY (id),
  constraint notification_side_known CHECK ((side = ANY (ARRAY['patient'::text, 'doctor'::text, 'desk'::text]))),
  constraint notification_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'sent'::text, 'delivered'::text, 'failed'::text, 'skipped'::text, 'withdrawn'::text])))
);

create table notification_preference (
  account_id uuid not null,
  kind text not null,
  channel text not null,
  wanted boolean not null,
  constraint notification_preference_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint notification_preference_channel_known CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text]))),
  constraint notification_preference_pkey PRIMARY KEY (account_id, kind, channel)
);

create table opening (
  id uuid not null,
  doctor_id uuid not null,
  clinic_id uuid not null,
  opens_on date not null,
  from_minute integer not null,
  to_minute integer not null,
  visit_type_ids uuid[],
  constraint opening_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id),
  constraint opening_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint opening_minutes CHECK ((((from_minute >= 0) AND (from_minute <= 1439)) AND ((to_minute >= 0) AND (to_minute <= 1440)))),
  constraint opening_pkey PRIMARY KEY (id)
);

create table patient (
  id uuid not null,
  name text not null,
  phone text,
  email text,
  date_of_birth date,
  version integer not null default 1,
  created_at timestamp with time zone not null,
  registered_by uuid,
  registered_at_clinic_id uuid,
  locale text,
  street text,
  postal_code text,
  city text,
  country text,
  insurance_number text,
  emergency_name text,
  emergency_phone text,
  emergency_relation text,
  erased_at timestamp with time zone,
  constraint patient_pkey PRIMARY KEY (id),
  constraint patient_registered_at_clinic FOREIGN KEY (registered_at_clinic_id) REFERENCES clinic(id) ON DELETE SET NULL,
  constraint patient_registered_by FOREIGN KEY (registered_by) REFERENCES account(id) ON DELETE SET NULL
);

create table patient_access (
  account_id uuid not null,
  patient_id uuid not null,
  relation text not null,
  scope text not null,
  created_at timestamp with time zone not null,
  ends_at timestamp with time zone,
  granted_by uuid,
  agreed_ends_at timestamp with time zone,
  end_told_at timestamp with time zone,
  end_noted_at timestamp with time zone,
  constraint patient_access_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint patient_access_granted_by FOREIGN KEY (granted_by) REFERENCES account(id) ON DELETE SET NULL,
  constraint patient_access_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint patient_access_pkey PRIMARY KEY (account_id, patient_id),
  constraint patient_access_relation_known CHECK ((relation = ANY (ARRAY['self'::text, 'parent'::text, 'carer'::text]))),
  constraint patient_access_scope_known CHECK ((scope = ANY (ARRAY['book'::text, 'see'::text, 'manage'::text])))
);

create table patient_claim_link (
  id uuid not null,
  patient_id uuid not null,
  code_hash bytea not null,
  made_by uuid,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  used_by uuid,
  tries smallint not null default 0,
  constraint patient_claim_link_code_unique UNIQUE (code_hash),
  constraint patient_claim_link_made_by FOREIGN KEY (made_by) REFERENCES account(id) ON DELETE SET NULL,
  constraint patient_claim_link_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint patient_claim_link_pkey PRIMARY KEY (id),
  constraint patient_claim_link_tries CHECK (((tries >= 0) AND (tries <= 5))),
  constraint patient_claim_link_used_by FOREIGN KEY (used_by) REFERENCES account(id) ON DELETE SET NULL
);

create table quiet_hours (
  account_id uuid not null,
  from_minute integer not null,
  to_minute integer not null,
  time_zone text not null,
  constraint quiet_hours_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint quiet_hours_minutes CHECK ((((from_minute >= 0) AND (from_minute <= 1439)) AND ((to_minute >= 0) AND (to_minute <= 1439)) AND (from_minute <> to_minute))),
  constraint quiet_hours_pkey PRIMARY KEY (account_id)
);

create table recovery_code (
  account_id uuid not null,
  code_hash bytea not null,
  used_at timestamp with time zone,
  constraint recovery_code_factor FOREIGN KEY (account_id) REFERENCES second_factor(account_id) ON DELETE CASCADE,
  constraint recovery_code_pkey PRIMARY KEY (account_id, code_hash)
);

create table request_count (
  subject bytea not null,
  used integer not null,
  window_ends_at timestamp with time zone not null,
  constraint request_count_pkey PRIMARY KEY (subject)
);

create table room (
  id uuid not null,
  clinic_id uuid not null,
  name text not null,
  kind text not null,
  constraint room_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint room_name_unique UNIQUE (clinic_id, name),
  constraint room_pkey PRIMARY KEY (id)
);

create table schema_migration (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migration_pkey PRIMARY KEY (name)
);

create table second_factor (
  account_id uuid not null,
  secret bytea not null,
  created_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  last_step bigint not null default 0,
  tries smallint not null default 0,
  locks smallint not null default 0,
  locked_until timestamp with time zone,
  constraint second_factor_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint second_factor_pkey PRIMARY KEY (account_id)
);

create table session (
  id uuid not null,
  account_id uuid not null,
  refresh_token_hash bytea not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  user_agent text,
  used_at timestamp with time zone,
  constraint session_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint session_pkey PRIMARY KEY (id),
  constraint session_refresh_token_unique UNIQUE (refresh_token_hash)
);

create table specialty (
  id uuid not null,
  code text not null,
  name text not null,
  constraint specialty_code_unique UNIQUE (code),
  constraint specialty_name_unique UNIQUE (name),
  constraint specialty_pkey PRIMARY KEY (id)
);

create table time_off (
  id uuid not null,
  doctor_id uuid not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  note text,
  constraint time_off_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint time_off_ordered CHECK ((starts_at < ends_at)),
  constraint time_off_pkey PRIMARY KEY (id)
);

create table visit_type (
  id uuid not null,
  clinic_id uuid,
  name text not null,
  duration_minutes integer not null,
  buffer_before_minutes integer not null default 0,
  buffer_after_minutes integer not null default 0,
  step_minutes integer,
  mode text not null,
  video_link text,
  instructions text,
  who_may_book text not null default 'anyone'::text,
  booking_mode text,
  room_kind text,
  status text not null default 'active'::text,
  schedule_version integer not null default 1,
  version integer not null default 1,
  created_at timestamp with time zone not null,
  constraint visit_type_booking_mode_known CHECK ((booking_mode = ANY (ARRAY['instant'::text, 'on_request'::text]))),
  constraint visit_type_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint visit_type_lengths CHECK ((((duration_minutes >= 5) AND (duration_minutes <= 1440)) AND ((buffer_before_minutes >= 0) AND (buffer_before_minutes <= 240)) AND ((buffer_after_minutes >= 0) AND (buffer_after_minutes <= 240)) AND ((step_minutes IS NULL) OR ((step_minutes >= 5) AND (step_minutes <= 1440))))),
  constraint visit_type_mode_known CHECK ((mode = ANY (ARRAY['in_person'::text, 'video'::text, 'phone'::text]))),
  constraint visit_type_pkey PRIMARY KEY (id),
  constraint visit_type_status_known CHECK ((status = ANY (ARRAY['active'::text, 'retired'::text]))),
  constraint visit_type_who_known CHECK ((who_may_book = ANY (ARRAY['anyone'::text, 'existing_patients'::text, 'staff'::text])))
);

create table waitlist_entry (
  id uuid not null,
  patient_id uuid not null,
  appointment_id uuid,
  visit_type_id uuid not null,
  doctor_id uuid,
  specialty_id uuid,
  clinic_id uuid,
  weekdays smallint[],
  from_minute integer,
  to_minute integer,
  from_date date,
  until_date date,
  status text not null,
  created_at timestamp with time zone not null,
  constraint waitlist_entry_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint waitlist_entry_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint waitlist_entry_dates CHECK ((from_date <= until_date)),
  constraint waitlist_entry_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint waitlist_entry_hours CHECK (((from_minute >= 0) AND (to_minute <= 1440) AND (from_minute < to_minute))),
  constraint waitlist_entry_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint waitlist_entry_pkey PRIMARY KEY (id),
  constraint waitlist_entry_specialty FOREIGN KEY (specialty_id) REFERENCES specialty(id) ON DELETE CASCADE,
  constraint waitlist_entry_status_known CHECK ((status = ANY (ARRAY['waiting'::text, 'fulfilled'::text, 'ended'::text]))),
  constraint waitlist_entry_visit_type FOREIGN KEY (visit_type_id) REFERENCES visit_type(id) ON DELETE CASCADE,
  constraint waitlist_entry_weekdays CHECK (((weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]) AND ((cardinality(weekdays) >= 1) AND (cardinality(weekdays) <= 7)))),
  constraint waitlist_entry_with_whom CHECK ((num_nonnulls(doctor_id, specialty_id) = 1))
);

create table waitlist_offer (
  appointment_id uuid not null,
  entry_id uuid not null,
  doctor_id uuid not null,
  starts_at timestamp with time zone not null,
  offered_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  outcome text,
  constraint waitlist_offer_appointment FOREIGN KEY (appointment_id) REFERENCES appointment(id) ON DELETE CASCADE,
  constraint waitlist_offer_entry FOREIGN KEY (entry_id) REFERENCES waitlist_entry(id) ON DELETE CASCADE,
  constraint waitlist_offer_once UNIQUE (entry_id, doctor_id, starts_at),
  constraint waitlist_offer_outcome_known CHECK ((outcome = ANY (ARRAY['taken'::text, 'refused'::text, 'expired'::text]))),
  constraint waitlist_offer_pkey PRIMARY KEY (appointment_id)
);

create table weekly_hours (
  id uuid not null,
  doctor_id uuid not null,
  clinic_id uuid not null,
  weekday smallint not null,
  from_minute integer not null,
  to_minute integer not null,
  valid_from date,
  valid_until date,
  visit_type_ids uuid[],
  constraint weekly_hours_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id),
  constraint weekly_hours_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint weekly_hours_minutes CHECK ((((from_minute >= 0) AND (from_minute <= 1439)) AND ((to_minute >= 0) AND (to_minute <= 1440)))),
  constraint weekly_hours_pkey PRIMARY KEY (id),
  constraint weekly_hours_validity CHECK ((valid_from <= valid_until)),
  constraint weekly_hours_weekday CHECK (((weekday >= 1) AND (weekday <= 7)))
);

CREATE INDEX access_invitation_by_inviter ON public.access_invitation USING btree (invited_by);

CREATE INDEX access_invitation_by_patient ON public.access_invitation USING btree (patient_id);

CREATE INDEX account_active_admin ON public.account USING btree (id) WHERE ((role = 'admin'::text) AND (status = 'active'::text));

CREATE UNIQUE INDEX account_email_unique ON public.account USING btree (lower(email));

CREATE INDEX account_link_by_account ON public.account_link USING btree (account_id, purpose);

CREATE INDEX appointment_by_clinic ON public.appointment USING btree (clinic_id, starts_at, id);

CREATE INDEX appointment_by_doctor ON public.appointment USING btree (doctor_id, starts_at, id);

CREATE INDEX appointment_by_expiry ON public.appointment USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX appointment_by_patient ON public.appointment USING btree (patient_id, starts_at, id);

CREATE INDEX appointment_by_start ON public.appointment USING btree (starts_at, id);

CREATE INDEX appointment_event_by_time ON public.appointment_event USING btree (occurred_at);

CREATE UNIQUE INDEX appointment_one_hold ON public.appointment USING btree (patient_id, doctor_id) WHERE ((status = 'held'::text) AND (NOT is_offer));

CREATE INDEX audit_entry_by_actor ON public.audit_entry USING btree (actor_id, occurred_at, seq) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_entry_by_commit_order ON public.audit_entry USING btree (xid, seq);

CREATE INDEX audit_entry_by_subject ON public.audit_entry USING btree (subject_type, subject_id, seq);

CREATE INDEX audit_entry_by_time ON public.audit_entry USING btree (occurred_at, seq);

CREATE INDEX audit_entry_refused ON public.audit_entry USING btree (occurred_at, seq) WHERE (NOT allowed);

CREATE INDEX calendar_feed_by_account ON public.calendar_feed USING btree (account_id, created_at);

CREATE INDEX calendar_feed_by_doctor ON public.calendar_feed USING btree (doctor_id) WHERE (doctor_id IS NOT NULL);

CREATE INDEX calendar_feed_by_patient ON public.calendar_feed USING btree (patient_id) WHERE (patient_id IS NOT NULL);

CREATE INDEX claim_by_appointment ON public.claim USING btree (appointment_id);

CREATE INDEX closure_by_clinic ON public.closure USING btree (clinic_id, starts_on);

CREATE INDEX doctor_clinic_by_clinic ON public.doctor_clinic USING btree (clinic_id, doctor_id);

CREATE INDEX doctor_specialty_by_specialty ON public.doctor_specialty USING btree (specialty_id, doctor_id);

CREATE INDEX doctor_visit_type_by_visit_type ON public.doctor_visit_type USING btree (visit_type_id, doctor_id);

CREATE INDEX event_by_age ON public.event USING brin (occurred_at);

CREATE INDEX event_by_commit_order ON public.event USING btree (xid, seq);

CREATE INDEX idempotency_key_by_age ON public.idempotency_key USING btree (created_at);

CREATE INDEX medical_entry_by_author ON public.medical_entry USING btree (author_id) WHERE (author_id IS NOT NULL);

CREATE INDEX medical_entry_by_patient ON public.medical_entry USING btree (patient_id, recorded_at, id);

CREATE INDEX membership_by_clinic ON public.membership USING btree (clinic_id);

CREATE INDEX message_by_author ON public.message USING btree (author_id) WHERE (author_id IS NOT NULL);

CREATE UNIQUE INDEX message_in_order ON public.message USING btree (appointment_id, sent_at);

CREATE INDEX message_read_by_appointment ON public.message_read USING btree (appointment_id);

CREATE INDEX notification_by_access_invitation ON public.notification USING btree (access_invitation_id) WHERE (access_invitation_id IS NOT NULL);

CREATE INDEX notification_by_account ON public.notification USING btree (account_id) WHERE (account_id IS NOT NULL);

CREATE INDEX notification_by_age ON public.notification USING brin (queued_at);

CREATE INDEX notification_by_appointment ON public.notification USING btree (appointment_id, queued_at);

CREATE INDEX notification_by_invitation ON public.notification USING btree (invitation_id) WHERE (invitation_id IS NOT NULL);

CREATE INDEX notification_by_patient ON public.notification USING btree (patient_id) WHERE (patient_id IS NOT NULL);

CREATE INDEX notification_due_by_time ON public.notification USING btree (channel, due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX notification_failed_by_time ON public.notification USING btree (failed_at) WHERE (status = 'failed'::text);

CREATE INDEX notification_in_app ON public.notification USING btree (account_id, queued_at, id) WHERE ((channel = 'in_app'::text) AND (status = 'sent'::text));

CREATE INDEX notification_unread ON public.notification USING btree (account_id) WHERE ((channel = 'in_app'::text) AND (status = 'sent'::text) AND (read_at IS NULL));

CREATE INDEX opening_by_doctor ON public.opening USING btree (doctor_id, opens_on);

CREATE INDEX patient_access_by_end ON public.patient_access USING btree (ends_at) WHERE (ends_at IS NOT NULL);

CREATE INDEX patient_access_by_patient ON public.patient_access USING btree (patient_id);

CREATE INDEX patient_access_ended ON public.patient_access USING btree (ends_at) WHERE (end_noted_at IS DISTINCT FROM ends_at);

CREATE UNIQUE INDEX patient_access_one_self ON public.patient_access USING btree (account_id) WHERE (relation = 'self'::text);

CREATE INDEX patient_access_to_others ON public.patient_access USING btree (patient_id) WHERE (relation <> 'self'::text);

CREATE INDEX patient_by_age ON public.patient USING btree (created_at, id) WHERE (erased_at IS NULL);

CREATE INDEX patient_by_clinic_of_registration ON public.patient USING btree (registered_at_clinic_id) WHERE (registered_at_clinic_id IS NOT NULL);

CREATE INDEX patient_by_date_of_birth ON public.patient USING btree (date_of_birth);

CREATE INDEX patient_by_email ON public.patient USING btree (lower(email));

CREATE INDEX patient_by_name_words ON public.patient USING gin (name_vector(name));

CREATE INDEX patient_by_phone_parts ON public.patient USING gin (phone_parts(phone));

CREATE INDEX patient_by_registrar ON public.patient USING btree (registered_by) WHERE (registered_by IS NOT NULL);

CREATE UNIQUE INDEX patient_claim_link_one_open ON public.patient_claim_link USING btree (patient_id) WHERE (used_at IS NULL);

CREATE INDEX request_count_by_end ON public.request_count USING btree (window_ends_at);

CREATE INDEX session_by_account ON public.session USING btree (account_id);

CREATE INDEX session_ended ON public.session USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX time_off_by_doctor ON public.time_off USING btree (doctor_id, starts_at);

CREATE INDEX waitlist_entry_by_age ON public.waitlist_entry USING btree (created_at, id);

CREATE INDEX waitlist_entry_by_patient ON public.waitlist_entry USING btree (patient_id, created_at, id);

CREATE INDEX waitlist_entry_in_turn ON public.waitlist_entry USING btree (((doctor_id IS NULL)), created_at, id) WHERE (status = 'waiting'::text);

CREATE UNIQUE INDEX waitlist_entry_one_for_visit ON public.waitlist_entry USING btree (appointment_id) WHERE (status = 'waiting'::text);

CREATE UNIQUE INDEX waitlist_entry_one_wish ON public.waitlist_entry USING btree (patient_id, visit_type_id, COALESCE(doctor_id, specialty_id)) WHERE ((status = 'waiting'::text) AND (appointment_id IS NULL));

CREATE UNIQUE INDEX waitlist_offer_one_open ON public.waitlist_offer USING btree (entry_id) WHERE (outcome IS NULL);

CREATE INDEX waitlist_offer_taken ON public.waitlist_offer USING btree (offered_at) WHERE (outcome = 'taken'::text);

CREATE INDEX weekly_hours_by_doctor ON public.weekly_hours USING btree (doctor_id);

CREATE OR REPLACE FUNCTION public.book_appointment(p_now timestamp with time zone, p_origin uuid, p_request_id text, p_account_id uuid, p_route text, p_key text, p_body_hash bytea, p_answer jsonb, p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer, p_command text, p_appointment jsonb, p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, OUT answer jsonb, OUT ended uuid[])
 RETURNS record
 LANGUAGE plpgsql
AS $function$
declare
  booked appointment := jsonb_populate_record(null::appointment, p_appointment);
  day_limit integer;
  own_holds uuid[];
  held_since timestamptz;
begin
  if p_key is not null then
    answer := remember_request(p_account_id, p_route, p_key, p_body_hash, p_now);
    if answer is not null then
      return;
    end if;
  end if;
  answer := p_answer;
  if exists (select from appointment where id = booked.id) then
    -- This very call was made before and its answer was lost.
    return;
  end if;

  if p_doctor_version is not null then
    day_limit := lock_schedules(booked.doctor_id, p_doctor_version, booked.clinic_id, p_clinic_version,
      booked.visit_type_id, p_visit_type_version);
  else
    perform lock_against_bookings(booked.doctor_id, booked.clinic_id);
  end if;
  if not booked.is_offer then
    select array_agg(id) into own_holds from appointment
      where patient_id = booked.patient_id and doctor_id = booked.doctor_id and status = 'held'
        and not is_offer and id <> booked.id;
  end if;
  if p_command = 'hold' then
    -- Holding the same time again is no way around the limit of a hold.
    select min(created_at) into held_since from appointment
      where id = any (own_holds) and expires_at > p_now
        and starts_at < booked.ends_at and ends_at > booked.starts_at;
    booked.created_at := coalesce(held_since, booked.created_at);
    booked.expires_at := least(booked.expires_at, booked.created_at + interval '15 minutes');
  end if;
  if day_limit is not null then
    perform refuse_full_day(booked, day_limit, own_holds, p_now);
  end if;
  ended := end_appointments(
    due_in_the_way(p_calendar_ids, p_durings, p_room_ids, p_room_during, p_now), own_holds, p_now, p_origin);

  -- A look before the writes: most who come too late are told so for the price of a read.
  perform refuse_taken(booked, p_calendar_ids, p_durings, int4range(0, null));
  insert into appointment values (booked.*) on conflict (id) do nothing;
  if not found then
    -- The call made before was still running when this one looked.
    return;
  end if;
  booked.room_id := claim_times(
    booked, p_calendar_ids, p_durings, p_room_ids, p_room_during, int4range(0, null));
  if booked.room_id is not null then
    update appointment set room_id = booked.room_id where id = booked.id;
  end if;

  perform record_step(booked, null, p_now, p_origin, p_account_id, p_command,
    'appointment.' || booked.status, null);
  insert into audit_entry (
    occurred_at, actor_id, action, subject_type, subject_id, allowed, request_id, details)
  values (p_now, p_account_id, 'appointment.' || p_command, 'appointment', booked.id, true, p_request_id,
    jsonb_strip_nulls(jsonb_build_object('patientId', booked.patient_id, 'doctorId', booked.doctor_id,
      'overbooked', nullif(booked.overbooked_reason is not null, false))));
  if p_key is not null then
    update idempotency_key set answer = p_answer
      where account_id = p_account_id and route = p_route and key = p_key;
  end if;
end $function$;

CREATE OR REPLACE FUNCTION public.claim_free_lane(p_calendar_id uuid, p_during tstzrange, p_appointment_id uuid, p_expires_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
begin
  for free_lane in 0..9 loop
    insert into claim (calendar_id, lane, during, appointment_id, expires_at)
      values (p_calendar_id, free_lane, p_during, p_appointment_id, p_expires_at)
      on conflict on constraint claim_no_overlap do nothing;
    if found then
      return true;
    end if;
  end loop;
  return false;
end $function$;

CREATE OR REPLACE FUNCTION public.claim_free_room(p_room_ids uuid[], p_during tstzrange, p_appointment_id uuid, p_expires_at timestamp with time zone, p_lanes int4range)
 RETURNS uuid
 LANGUAGE plpgsql
AS $function$
declare
  room_id uuid;
begin
  foreach room_id in array p_room_ids loop
    if not exists (
      select from claim where calendar_id = room_id and during && p_during and lane::integer <@ p_lanes)
    then
      insert into claim (calendar_id, during, appointment_id, expires_at)
        values (room_id, p_during, p_appointment_id, p_expires_at)
        on conflict on constraint claim_no_overlap do nothing;
      if found then
        return room_id;
      end if;
    end if;
  end loop;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.claim_times(p_appointment appointment, p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, p_lanes int4range)
 RETURNS uuid
 LANGUAGE plpgsql
AS $function$
declare
  is_overbooked boolean := p_appointment.overbooked_reason is not null;
  taken uuid[];
  free_room_id uuid;
begin
  if is_overbooked then
    for place in 1..cardinality(p_calendar_ids) loop
      if p_calendar_ids[place] = p_appointment.doctor_id then
        if not claim_free_lane(
          p_calendar_ids[place], p_durings[place], p_appointment.id, p_appointment.expires_at)
        then
          taken := taken || p_calendar_ids[place];
        end if;
      else
        insert into claim (calendar_id, during, appointment_id, expires_at)
          values (p_calendar_ids[place], p_durings[place], p_appointment.id, p_appointment.expires_at)
          on conflict on constraint claim_no_overlap do nothing;
        if not found then
          taken := taken || p_calendar_ids[place];
        end if;
      end if;
    end loop;
  else
    -- The constraint decides. Fewer rows than wanted, counted by RETURNING, means taken.
    with inserted as (
      insert into claim (calendar_id, during, appointment_id, expires_at)
      select wanted.calendar_id, wanted.during, p_appointment.id, p_appointment.expires_at
      from unnest(p_calendar_ids, p_durings) as wanted (calendar_id, during)
      order by wanted.calendar_id
      on conflict on constraint claim_no_overlap do nothing
      returning calendar_id)
    select array_agg(wanted.calendar_id) into taken
      from unnest(p_calendar_ids) as wanted (calendar_id)
      where wanted.calendar_id not in (select calendar_id from inserted);
  end if;
  if taken is not null then
    perform raise_taken(p_appointment, taken);
  end if;
  -- A visit that was overbooked into another lane also keeps its time, whatever happens in lane 0.
  perform refuse_taken(p_appointment, p_calendar_ids, p_durings, p_lanes * int4range(1, null));

  if p_room_ids is not null then
    free_room_id := claim_free_room(
      p_room_ids, p_room_during, p_appointment.id, p_appointment.expires_at, p_lanes);
    if free_room_id is null and is_overbooked and cardinality(p_room_ids) > 0
      and claim_free_lane(p_room_ids[1], p_room_during, p_appointment.id, p_appointment.expires_at)
    then
      free_room_id := p_room_ids[1];
    end if;
    if free_room_id is null and not is_overbooked then
      raise exception 'every room is taken'
        using errcode = 'exclusion_violation', constraint = 'room_time_taken';
    end if;
  end if;
  return free_room_id;
end $function$;

CREATE OR REPLACE FUNCTION public.clashing_visits(p_kept uuid, p_dropped uuid, p_now timestamp with time zone)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
AS $function$
  select unnest(array[kept.appointment_id, dropped.appointment_id])
    from claim as kept join claim as dropped
      on dropped.calendar_id = p_dropped and kept.during && dropped.during
    where kept.calendar_id = p_kept and upper(kept.during) > p_now and upper(dropped.during) > p_now
      and (kept.expires_at is null or kept.expires_at > p_now)
      and (dropped.expires_at is null or dropped.expires_at > p_now)
$function$;

CREATE OR REPLACE FUNCTION public.due_in_the_way(p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, p_now timestamp with time zone)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE
AS $function$
  select array_agg(claim.appointment_id)
    from unnest(p_calendar_ids || p_room_ids,
      p_durings || array_fill(p_room_during, array[coalesce(cardinality(p_room_ids), 0)]))
      as wanted (calendar_id, during)
    join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
    where claim.expires_at <= p_now
$function$;

CREATE OR REPLACE FUNCTION public.each_begins(words text[])
 RETURNS tsquery
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (CASE WHEN (cardinality(words) = 0) THEN ''::text ELSE ((''''::text || array_to_string(words, ''':* & '''::text)) || ''':*'::text) END)::tsquery;

CREATE OR REPLACE FUNCTION public.end_appointments(p_due uuid[], p_holds uuid[], p_now timestamp with time zone, p_origin uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
AS $function$
declare
  before appointment;
  after appointment;
  ended uuid[] := '{}';
begin
  for before in
    select * from appointment where id = any (p_due || p_holds)
      and (expires_at <= p_now or (status = 'held' and id = any (p_holds)))
    order by id for update
  loop
    after := before;
    after.status := 'expired';
    after.expires_at := null;
    after.version := before.version + 1;
    delete from claim where appointment_id = after.id;
    update appointment set status = after.status, expires_at = null, version = after.version
      where id = after.id;
    perform record_step(after, before, p_now, p_origin, null, 'expire', 'appointment.expired', null);
    ended := ended || after.id;
  end loop;
  return ended;
end $function$;

CREATE OR REPLACE FUNCTION public.erase_account(p_account_id uuid, p_password_hash text)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
declare
  former account;
begin
  perform lock_account_to_erase(p_account_id);
  select * into former from account where id = p_account_id;
  if former.id is null or former.status = 'erased' then
    return false;
  end if;
  if former.role = 'admin' and former.status = 'active' and not exists (
    select from account where role = 'admin' and status = 'active' and id <> p_account_id)
  then
    raise exception 'the last admin stays'
      using errcode = 'integrity_constraint_violation', constraint = 'account_last_admin';
  end if;
  delete from session where account_id = p_account_id;
  delete from second_factor where account_id = p_account_id;
  delete from account_link where account_id = p_account_id;
  delete from notification where account_id = p_account_id;
  delete from notification_preference where account_id = p_account_id;
  delete from quiet_hours where account_id = p_account_id;
  delete from calendar_feed where account_id = p_account_id;
  delete from message_read where account_id = p_account_id;
  delete from membership where account_id = p_account_id;
  delete from access_invitation where invited_by = p_account_id;
  delete from access_invitation
    where used_by = p_account_id or lower(email) = lower(former.email);
  delete from idempotency_key where account_id = p_account_id;
  update notification set address = null
    where address is not null and invitation_id in (
      select id from invitation where used_by = p_account_id or lower(email) = lower(former.email));
  update invitation set email = null where used_by = p_account_id or lower(email) = lower(former.email);
  update account set email = id || '@erased.invalid', password_hash = p_password_hash,
    name = 'Former account', phone = null, locale = null, email_verified_at = null, status = 'erased'
    where id = p_account_id;
  return true;
end $function$;

CREATE OR REPLACE FUNCTION public.erase_patient(p_patient_id uuid, p_now timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  visits uuid[];
begin
  perform lock_patients(array[p_patient_id]);
  if not found then
    return false;
  end if;
  visits := array(select id from appointment where patient_id = p_patient_id order by id);
  if exists (
    select from appointment
    where id = any (visits) and status in ('held', 'requested', 'confirmed', 'arrived', 'with_doctor')
      and ends_at > p_now and (expires_at is null or expires_at > p_now))
  then
    raise exception 'the patient has visits ahead'
      using errcode = 'integrity_constraint_violation', constraint = 'patient_visits_open';
  end if;
  delete from medical_entry where patient_id = p_patient_id;
  delete from message where appointment_id = any (visits);
  delete from message_read where appointment_id = any (visits);
  delete from notification where patient_id = p_patient_id
    or (appointment_id = any (visits) and side = 'patient');
  delete from calendar_feed where patient_id = p_patient_id;
  delete from waitlist_entry where patient_id = p_patient_id;
  delete from patient_claim_link where patient_id = p_patient_id;
  delete from access_invitation where patient_id = p_patient_id;
  delete from patient_access where patient_id = p_patient_id;
  update appointment set reason = null, cancelled_reason = null, staff_note = null,
    overbooked_reason = case when overbooked_reason is not null then 'Erased' end
    where id = any (visits);
  update appointment_event set reason = null, note = null, staff_note = null,
    overbooked_reason = case when overbooked_reason is not null then 'Erased' end
    where appointment_id = any (visits);
  update patient set name = 'Erased', phone = null, email = null, date_of_birth = null, locale = null,
    street = null, postal_code = null, city = null, country = null, insurance_number = null,
    emergency_name = null, emergency_phone = null, emergency_relation = null,
    registered_by = null, registered_at_clinic_id = null, erased_at = p_now, version = version + 1
    where id = p_patient_id;
  return true;
end $function$;

CREATE OR REPLACE FUNCTION public.fold_name(name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN replace(replace(replace(replace(translate(lower(regexp_replace(NORMALIZE(name, NFKD), '[\u0300-\u036F\u0591-\u05C7\u064B-\u065F\u0670\u1AB0-\u1AFF\u1DC0-\u1DFF]'::text, ''::text, 'g'::text)), 'øłđðıħØŁĐÐĦÆŒÞẞςΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЄІҐ'::text, 'olddiholddhæœþßσαβγδεζηθικλμνξοπρστυφχψωабвгдежзиклмнопрстуфхцчшщъыьэюяєіґ'::text), 'ß'::text, 'ss'::text), 'æ'::text, 'ae'::text), 'œ'::text, 'oe'::text), 'þ'::text, 'th'::text);

CREATE OR REPLACE FUNCTION public.has_taken_place(p_status text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (p_status = ANY (ARRAY['arrived'::text, 'with_doctor'::text, 'completed'::text, 'no_show'::text]));

CREATE OR REPLACE FUNCTION public.is_namesake(one text, other text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 10000
RETURN ((abs((cardinality(whole_words(one)) - cardinality(whole_words(other)))) <= 3) AND (name_covers(one, other) OR name_covers(other, one)));

CREATE OR REPLACE FUNCTION public.is_same_name(one text, other text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 10000
RETURN ((cardinality(whole_words(one)) > 0) AND ((whole_words(one) = whole_words(other)) OR (SELECT (count(*) >= 2) FROM unnest(whole_words(is_same_name.one)) word(word) WHERE (word.word = ANY (whole_words(is_same_name.other))))));

CREATE OR REPLACE FUNCTION public.join_words(folded text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(folded, '[''`´‘’ʼ‐‑-]'::text, ''::text, 'g'::text);

CREATE OR REPLACE FUNCTION public.leave_patients(p_account_id uuid, p_now timestamp with time zone)
 RETURNS TABLE(patient_id uuid, outcome text, others uuid[])
 LANGUAGE plpgsql
AS $function$
declare
  access patient_access;
  what text;
  ended uuid[];
  took_place boolean;
  has_visit boolean;
begin
  perform lock_account_to_erase(p_account_id);
  -- There will be nobody to be told.
  update patient_access as one set end_noted_at = one.ends_at
    where one.account_id = p_account_id and one.ends_at <= p_now;
  perform lock_patients(array(
    select one.patient_id from patient_access as one
    where one.account_id = p_account_id and (one.ends_at is null or one.ends_at > p_now)));
  loop
    select one.* into access from patient_access as one
      where one.account_id = p_account_id and (one.ends_at is null or one.ends_at > p_now)
      order by one.patient_id limit 1;
    exit when not found;
    -- One that a merge moved to another record, until this had locked it, is found there.
    perform lock_patients(array[access.patient_id]);
    update patient_access as one set ends_at = p_now, agreed_ends_at = p_now, end_noted_at = p_now
      where one.account_id = p_account_id and one.patient_id = access.patient_id
        and (one.ends_at is null or one.ends_at > p_now);
    continue when not found;
    what := 'kept';
    ended := '{}';
    -- An access that gave less than managing leaves nothing behind.
    if access.scope = 'manage' and not exists (
      select from patient_access as other
      where other.patient_id = access.patient_id and other.scope = 'manage'
        and (other.ends_at is null or other.ends_at > p_now))
    then
      select coalesce(bool_or(has_taken_place(status)), false), count(*) > 0
        into took_place, has_visit from appointment where appointment.patient_id = access.patient_id;
      if access.relation <> 'self' then
        if has_visit or exists (
          select from patient
          where id = access.patient_id
            and (registered_by is not null or registered_at_clinic_id is not null))
        then
          what := 'given-back';
        else
          what := 'deleted';
        end if;
      elsif exists (
        select from appointment
        where appointment.patient_id = access.patient_id
          and status in ('held', 'requested', 'confirmed') and ends_at > p_now
          and (expires_at is null or expires_at > p_now))
      then
        raise exception 'the patient has visits ahead'
          using errcode = 'integrity_constraint_violation', constraint = 'patient_visits_open';
      elsif took_place then
        update patient set phone = null, email = null, locale = null, street = null,
          postal_code = null, city = null, country = null, emergency_name = null,
          emergency_phone = null, emergency_relation = null, version = version + 1
          where id = access.patient_id;
        update notification set address = null
          where notification.patient_id = access.patient_id and address is not null;
      elsif has_visit then
        what := 'erased';
      else
        what := 'deleted';
      end if;
      with closed as (
        update patient_access as other set ends_at = p_now, agreed_ends_at = p_now, end_noted_at = p_now
        where other.patient_id = access.patient_id and (other.ends_at is null or other.ends_at > p_now)
        returning other.account_id
      )
      select coalesce(array_agg(closed.account_id order by closed.account_id), '{}') into ended from closed;
      delete from access_invitation
        where access_invitation.patient_id = access.patient_id and used_at is null;
    end if;
    if what = 'erased' then
      perform erase_patient(access.patient_id, p_now);
    elsif what = 'deleted' then
      delete from patient where id = access.patient_id;
    end if;
    patient_id := access.patient_id;
    outcome := what;
    others := ended;
    return next;
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_account_to_erase(p_account_id uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from account where id = p_account_id and role = 'admin' and status = 'active') then
    perform from account where role = 'admin' and status = 'active' order by id for no key update;
  end if;
  perform from account where id = p_account_id for update;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_against_bookings(p_doctor_id uuid, p_clinic_id uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  perform from doctor where id = p_doctor_id and status <> 'left' for no key update;
  if not found then
    raise exception 'the doctor has left'
      using errcode = 'integrity_constraint_violation', constraint = 'schedule_version_stale';
  end if;
  perform from clinic where id = p_clinic_id for no key update;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_patients(p_ids uuid[])
 RETURNS SETOF uuid
 LANGUAGE plpgsql
AS $function$
begin
  perform from appointment where patient_id = any (p_ids) order by id for update;
  return query select id from patient where id = any (p_ids) and erased_at is null order by id for update;
  perform from appointment where patient_id = any (p_ids) order by id for update;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_schedules(p_doctor_id uuid, p_doctor_version integer, p_clinic_id uuid, p_clinic_version integer, p_visit_type_id uuid, p_visit_type_version integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  day_limit integer;
begin
  select daily_limit into day_limit from doctor
    where id = p_doctor_id and schedule_version = p_doctor_version for share;
  if found then
    perform from clinic where id = p_clinic_id and schedule_version = p_clinic_version for share;
  end if;
  if found then
    perform from visit_type
      where id = p_visit_type_id and schedule_version = p_visit_type_version for share;
  end if;
  if not found then
    raise exception 'the schedule has changed'
      using errcode = 'integrity_constraint_violation', constraint = 'schedule_version_stale';
  end if;
  return day_limit;
end $function$;

CREATE OR REPLACE FUNCTION public.merge_patients(p_kept uuid, p_dropped uuid, p_now timestamp with time zone, p_origin uuid, p_actor_id uuid, p_despite_date_of_birth boolean)
 RETURNS TABLE(account_id uuid, change text)
 LANGUAGE plpgsql
AS $function$
declare
  kept patient;
  dropped patient;
  repeated_wishes uuid[];
  before appointment;
  after appointment;
begin
  if (select count(*) from lock_patients(array[p_kept, p_dropped])) < 2 then
    raise exception 'there is no such patient'
      using errcode = 'foreign_key_violation', constraint = 'appointment_patient';
  end if;
  select * into kept from patient where id = p_kept;
  select * into dropped from patient where id = p_dropped;
  if kept.date_of_birth <> dropped.date_of_birth and not p_despite_date_of_birth then
    raise exception 'the dates of birth differ'
      using errcode = 'integrity_constraint_violation', constraint = 'merge_date_of_birth';
  end if;
  if exists (
    select from patient_access as own join patient_access as other
      on other.patient_id = p_dropped and other.relation = 'self' and other.account_id <> own.account_id
        and (other.ends_at is null or other.ends_at > p_now)
    where own.patient_id = p_kept and own.relation = 'self' and (own.ends_at is null or own.ends_at > p_now))
  then
    raise exception 'two accounts act as the patient'
      using errcode = 'integrity_constraint_violation', constraint = 'merge_two_selves';
  end if;

  -- What has run out is in nobody's way, and of two holds with one doctor one is enough.
  perform end_appointments(
    array(select id from appointment where patient_id in (p_kept, p_dropped) and expires_at <= p_now),
    array(select held.id from appointment as held
      where held.patient_id = p_dropped and held.status = 'held' and not held.is_offer
        and exists (select from appointment as own
          where own.patient_id = p_kept and own.doctor_id = held.doctor_id
            and own.status = 'held' and not own.is_offer)),
    p_now, p_origin);
  if exists (select from clashing_visits(p_kept, p_dropped, p_now)) then
    raise exception 'visits of the two overlap'
      using errcode = 'exclusion_violation', constraint = 'merge_visits_clash';
  end if;
  -- Claims on the past keep nobody away.
  delete from claim as past
    where past.calendar_id = p_dropped and exists (
      select from claim as own where own.calendar_id = p_kept and own.during && past.during);

  -- Each visit gets a step of its own, so that whoever decided on a step of the former patient's visit
  -- decides again.
  for before in
    select * from appointment where patient_id = p_dropped order by id for update
  loop
    after := before;
    after.patient_id := p_kept;
    after.version := before.version + 1;
    update appointment set patient_id = p_kept, version = after.version where id = after.id;
    perform record_step(after, before, p_now, p_origin, p_actor_id, 'merge', 'appointment.merged', null);
  end loop;
  update claim set calendar_id = p_kept where calendar_id = p_dropped;

  -- Of two equal wishes the one of the record that goes ends, with what is offered to it.
  repeated_wishes := array(
    select wish.id from waitlist_entry as wish
    where wish.patient_id = p_dropped and wish.status = 'waiting' and wish.appointment_id is null
      and exists (select from waitlist_entry as own
        where own.patient_id = p_kept and own.status = 'waiting' and own.appointment_id is null
          and own.visit_type_id = wish.visit_type_id
          and coalesce(own.doctor_id, own.specialty_id) = coalesce(wish.doctor_id, wish.specialty_id)));
  perform end_appointments(null, array(
    select appointment_id from waitlist_offer
    where entry_id = any (repeated_wishes) and outcome is null), p_now, p_origin);
  update waitlist_offer set outcome = 'expired'
    where entry_id = any (repeated_wishes) and outcome is null;
  update waitlist_entry set status = 'ended' where id = any (repeated_wishes);
  update waitlist_entry set patient_id = p_kept where patient_id = p_dropped;

  update medical_entry set patient_id = p_kept where patient_id = p_dropped;
  update calendar_feed set patient_id = p_kept where patient_id = p_dropped;
  delete from notification as repeated
    where repeated.patient_id = p_dropped and exists (
      select from notification as own
      where own.patient_id = p_kept and own.channel = repeated.channel and own.topic = repeated.topic);
  update notification set patient_id = p_kept where patient_id = p_dropped;

  -- An open link or invitation to either was made for less than there is now.
  delete from patient_claim_link where patient_id in (p_kept, p_dropped) and used_at is null;
  update patient_claim_link set patient_id = p_kept where patient_id = p_dropped;
  delete from access_invitation where patient_id in (p_kept, p_dropped) and used_at is null;
  update access_invitation set patient_id = p_kept where patient_id = p_dropped;

  -- Of two accesses of an account the one that is open holds, and of two open ones the wider. Those that have
  -- ended stay: what their accounts booked was booked by the patient's side.
  return query
    with both_of as (
      delete from patient_access as moved
      where moved.patient_id = p_dropped and exists (
        select from patient_access as own
        where own.patient_id = p_kept and own.account_id = moved.account_id)
      returning moved.*
    ), pair as (
      select moved.*, coalesce(own.ends_at <= p_now, false) as takes_place,
        coalesce(own.ends_at <= p_now, false) or moved.relation = 'self' or (own.relation <> 'self'
          and (array_position('{see,book,manage}'::text[], moved.scope), coalesce(moved.ends_at, 'infinity'))
            > (array_position('{see,book,manage}'::text[], own.scope), coalesce(own.ends_at, 'infinity')))
          as is_wider
      from both_of as moved join patient_access as own
        on own.patient_id = p_kept and own.account_id = moved.account_id
      where moved.ends_at is null or moved.ends_at > p_now
    ), widened as (
      update patient_access as own set relation = pair.relation, scope = pair.scope,
        created_at = pair.created_at, ends_at = pair.ends_at, agreed_ends_at = pair.agreed_ends_at,
        granted_by = pair.granted_by, end_told_at = pair.end_told_at, end_noted_at = pair.end_noted_at
      from pair where own.patient_id = p_kept and own.account_id = pair.account_id and pair.is_wider
    )
    select pair.account_id, case when pair.takes_place then 'granted' else 'changed' end from pair
    union all
    select own.account_id, 'granted' from patient_access as own
    where own.patient_id = p_dropped and (own.ends_at is null or own.ends_at > p_now)
      and own.account_id not in (select both_of.account_id from both_of);
  update patient_access set patient_id = p_kept where patient_id = p_dropped;

  delete from patient where id = p_dropped;
  perform rename_merged_actor(p_dropped, p_kept);
  update patient set
    phone = coalesce(kept.phone, dropped.phone),
    email = coalesce(kept.email, dropped.email),
    date_of_birth = coalesce(kept.date_of_birth, dropped.date_of_birth),
    locale = coalesce(kept.locale, dropped.locale),
    (street, postal_code, city, country) = (
      select one.street, one.postal_code, one.city, one.country
      from (values (1, kept.street, kept.postal_code, kept.city, kept.country),
        (2, dropped.street, dropped.postal_code, dropped.city, dropped.country))
        as one (place, street, postal_code, city, country)
      order by num_nonnulls(one.street, one.postal_code, one.city, one.country) = 0, one.place limit 1),
    insurance_number = coalesce(kept.insurance_number, dropped.insurance_number),
    (emergency_name, emergency_phone, emergency_relation) = (
      select one.name, one.phone, one.relation
      from (values (1, kept.emergency_name, kept.emergency_phone, kept.emergency_relation),
        (2, dropped.emergency_name, dropped.emergency_phone, dropped.emergency_relation))
        as one (place, name, phone, relation)
      order by num_nonnulls(one.name, one.phone, one.relation) = 0, one.place limit 1),
    (registered_by, registered_at_clinic_id) = (
      select one.account, one.clinic
      from (values (1, kept.registered_by, kept.registered_at_clinic_id),
        (2, dropped.registered_by, dropped.registered_at_clinic_id)) as one (place, account, clinic)
      order by num_nonnulls(one.account, one.clinic) = 0, one.place limit 1),
    created_at = least(kept.created_at, dropped.created_at),
    version = kept.version + 1
    where id = p_kept;
end $function$;

CREATE OR REPLACE FUNCTION public.name_covers(longer text, shorter text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 10000
RETURN ((cardinality(whole_words(shorter)) > 0) AND ((tsvector_to_array(name_vector(longer)) @> words_of(fold_name(shorter))) OR (tsvector_to_array(name_vector(longer)) @> whole_words(shorter))));

CREATE OR REPLACE FUNCTION public.name_query(typed text)
 RETURNS tsquery
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (each_begins(words_of(join_words(fold_name(typed)))) || each_begins(words_of(fold_name(typed))));

CREATE OR REPLACE FUNCTION public.name_vector(name text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 10000
RETURN (SELECT array_to_tsvector((words_of(fold_name(name)) || words_of(join_words(fold_name(name))))) AS array_to_tsvector);

CREATE OR REPLACE FUNCTION public.phone_digits(phone text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(phone, '[^0-9]'::text, ''::text, 'g'::text);

CREATE OR REPLACE FUNCTION public.phone_parts(phone text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 10000
RETURN (SELECT array_agg(DISTINCT substr(phone_digits(phone_parts.phone), place.place, 4)) AS array_agg FROM generate_series(1, (length(phone_digits(phone_parts.phone)) - 3)) place(place));

CREATE OR REPLACE FUNCTION public.purge_events(p_before timestamp with time zone, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  purged integer;
begin
  delete from event where ctid = any (array(
    select old.ctid from event as old
    where old.occurred_at < least(p_before, now() - interval '7 days')
      and not exists (
        select from event_reader as reader where (old.xid, old.seq) > (reader.xid, reader.seq))
    limit p_limit));
  get diagnostics purged = row_count;
  return purged;
end $function$;

CREATE OR REPLACE FUNCTION public.raise_taken(p_appointment appointment, p_calendar_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'the time is taken'
    using errcode = 'exclusion_violation', constraint = case
      when p_appointment.doctor_id = any (p_calendar_ids) then 'doctor_time_taken'
      else 'patient_time_taken' end;
end $function$;

CREATE OR REPLACE FUNCTION public.record_step(p_appointment appointment, p_before appointment, p_now timestamp with time zone, p_origin uuid, p_actor_id uuid, p_command text, p_event text, p_note text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  insert into appointment_event (
    appointment_id, version, occurred_at, actor_id, command, from_status, to_status, starts_at, ends_at,
    doctor_id, clinic_id, visit_type_id, room_id, expires_at, sequence, overbooked_reason, time_zone,
    local_starts_at, reason, staff_note, proposed_slots, note, former_doctor_version,
    former_clinic_version)
  values (
    p_appointment.id, p_appointment.version, p_now, p_actor_id, p_command, p_before.status,
    p_appointment.status, p_appointment.starts_at, p_appointment.ends_at, p_appointment.doctor_id,
    p_appointment.clinic_id, p_appointment.visit_type_id, p_appointment.room_id, p_appointment.expires_at,
    p_appointment.sequence, p_appointment.overbooked_reason, p_appointment.time_zone,
    p_appointment.local_starts_at, p_appointment.reason, p_appointment.staff_note,
    p_appointment.proposed_slots, p_note,
    (select schedule_version from doctor where id = p_before.doctor_id),
    (select schedule_version from clinic where id = p_before.clinic_id));
  insert into event (origin, type, subjects, actor_id, occurred_at)
  values (p_origin, p_event, jsonb_strip_nulls(jsonb_build_object(
    'appointmentId', p_appointment.id, 'version', p_appointment.version,
    'doctorId', p_appointment.doctor_id, 'clinicId', p_appointment.clinic_id,
    'patientId', p_appointment.patient_id, 'roomId', p_appointment.room_id,
    'formerDoctorId', nullif(p_before.doctor_id, p_appointment.doctor_id),
    'formerClinicId', nullif(p_before.clinic_id, p_appointment.clinic_id),
    'formerRoomId', nullif(p_before.room_id, p_appointment.room_id))), p_actor_id, p_now);
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_erased_account()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform from account where id = new.account_id and status <> 'erased' for key share;
  if not found then
    raise exception 'the account was erased'
      using errcode = 'foreign_key_violation', constraint = 'patient_access_account';
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_erased_patient()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from patient where id = new.patient_id and erased_at is not null) then
    raise exception 'the patient was erased'
      using errcode = 'foreign_key_violation', constraint = 'appointment_patient';
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_full_day(p_appointment appointment, p_limit integer, p_except uuid[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock(
    hashtextextended(p_appointment.doctor_id::text || p_appointment.local_starts_at::date, 0));
  if p_limit <= (
    select count(*) from appointment
    where doctor_id = p_appointment.doctor_id
      and starts_at between p_appointment.starts_at - interval '2 days'
        and p_appointment.starts_at + interval '2 days'
      and local_starts_at::date = p_appointment.local_starts_at::date
      and status not in ('cancelled', 'declined', 'expired')
      and (expires_at is null or expires_at > p_now)
      and id <> all (p_except || p_appointment.id))
  then
    raise exception 'the day is full'
      using errcode = 'integrity_constraint_violation', constraint = 'daily_limit_reached';
  end if;
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_taken(p_appointment appointment, p_calendar_ids uuid[], p_durings tstzrange[], p_lanes int4range)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  taken uuid[];
begin
  select array_agg(claim.calendar_id) into taken
    from unnest(p_calendar_ids, p_durings) as wanted (calendar_id, during)
    join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
    where claim.appointment_id <> p_appointment.id and claim.lane::integer <@ p_lanes
      and (p_appointment.overbooked_reason is null or claim.calendar_id <> p_appointment.doctor_id);
  if taken is not null then
    perform raise_taken(p_appointment, taken);
  end if;
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_words_of_erased()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (
    select from appointment join patient on patient.id = appointment.patient_id
    where appointment.id = new.appointment_id and patient.erased_at is not null)
  then
    raise exception 'the patient was erased'
      using errcode = 'integrity_constraint_violation', constraint = 'visit_of_erased_patient';
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.remember_request(p_account_id uuid, p_route text, p_key text, p_body_hash bytea, p_now timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  known_hash bytea;
  known_answer jsonb;
begin
  insert into idempotency_key as known (account_id, route, key, body_hash, created_at, asked_at)
  values (p_account_id, p_route, p_key, p_body_hash, p_now, p_now)
  on conflict (account_id, route, key) do update set
    asked_at = excluded.asked_at,
    created_at = case when known.created_at < p_now - interval '24 hours' then p_now else known.created_at end,
    body_hash = case when known.created_at < p_now - interval '24 hours' then excluded.body_hash else known.body_hash end,
    answer = case when known.created_at < p_now - interval '24 hours' then null else known.answer end
  returning known.body_hash, known.answer into known_hash, known_answer;
  if known_hash <> p_body_hash then
    raise exception 'the idempotency key was used with another body'
      using errcode = 'integrity_constraint_violation', constraint = 'idempotency_key_reused';
  end if;
  return known_answer;
end $function$;

CREATE OR REPLACE FUNCTION public.remove_doctor(p_doctor_id uuid, p_now timestamp with time zone)
 RETURNS uuid
 LANGUAGE plpgsql
AS $function$
declare
  former_account uuid;
begin
  select account_id into former_account from doctor where id = p_doctor_id;
  delete from weekly_hours where doctor_id = p_doctor_id;
  delete from opening where doctor_id = p_doctor_id;
  delete from time_off where doctor_id = p_doctor_id;
  delete from delay where doctor_id = p_doctor_id;
  delete from doctor_visit_type where doctor_id = p_doctor_id;
  delete from doctor_clinic where doctor_id = p_doctor_id;
  delete from calendar_feed where doctor_id = p_doctor_id;
  update invitation set revoked_at = p_now
    where doctor_id = p_doctor_id and used_at is null and revoked_at is null;
  update doctor set status = 'left', account_id = null, phone = null, email = null, bio = null,
    accepting_new_patients = false, version = version + 1
    where id = p_doctor_id;
  return former_account;
end $function$;

CREATE OR REPLACE FUNCTION public.rename_merged_actor(p_former uuid, p_patient uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  update appointment_event set actor_id = p_patient
    where actor_id = p_former
      and appointment_id in (select id from appointment where patient_id = p_patient)
      and exists (select from patient where id = p_patient)
      and not exists (select from patient where id = p_former)
      and not exists (select from account where id = p_former)
$function$;

CREATE OR REPLACE FUNCTION public.step_appointment(p_now timestamp with time zone, p_origin uuid, p_request_id text, p_account_id uuid, p_route text, p_key text, p_body_hash bytea, p_answer jsonb, p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer, p_id uuid, p_version integer, p_command text, p_event text, p_change jsonb, p_note text, p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, p_ends uuid[])
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  earlier_answer jsonb;
  day_limit integer;
  due uuid[];
  before appointment;
  after appointment;
  -- Undo leads back under a visit that was put over this one.
  lanes int4range := int4range(0, case when p_command = 'undo' then 1 end);
begin
  earlier_answer := remember_request(p_account_id, p_route, p_key, p_body_hash, p_now);
  if earlier_answer is not null then
    return earlier_answer;
  end if;
  if p_doctor_version is not null then
    after := jsonb_populate_record(null::appointment, p_change);
    after.id := p_id;
    day_limit := lock_schedules(after.doctor_id, p_doctor_version, after.clinic_id, p_clinic_version,
      after.visit_type_id, p_visit_type_version);
    -- What keeps its claims was counted when it made them.
    if day_limit is not null and p_calendar_ids is not null then
      perform refuse_full_day(after, day_limit, p_ends, p_now);
    end if;
  elsif p_calendar_ids is not null then
    perform lock_against_bookings(
      (p_change ->> 'doctor_id')::uuid, (p_change ->> 'clinic_id')::uuid);
  end if;

  if p_calendar_ids is not null then
    due := due_in_the_way(p_calendar_ids, p_durings, p_room_ids, p_room_during, p_now);
  end if;
  perform from appointment where id = any (due || p_ends || p_id) order by id for update;
  select * into before from appointment where id = p_id;
  if before.version is distinct from p_version then
    raise exception 'the appointment has changed'
      using errcode = 'integrity_constraint_violation', constraint = 'appointment_version_stale';
  end if;
  after := jsonb_populate_record(before, p_change);
  after.version := before.version + 1;

  if p_calendar_ids is not null then
    perform end_appointments(due, p_ends, p_now, p_origin);
    perform refuse_taken(after, p_calendar_ids, p_durings, lanes);
    delete from claim where appointment_id = p_id;
    after.room_id := claim_times(
      after, p_calendar_ids, p_durings, p_room_ids, p_room_during, lanes);
  elsif after.status in ('cancelled', 'declined', 'expired') then
    delete from claim where appointment_id = p_id;
  elsif after.expires_at is distinct from before.expires_at then
    update claim set expires_at = after.expires_at where appointment_id = p_id;
  end if;
  update appointment set
    status = after.status, doctor_id = after.doctor_id, clinic_id = after.clinic_id,
    visit_type_id = after.visit_type_id, room_id = after.room_id, starts_at = after.starts_at,
    ends_at = after.ends_at, time_zone = after.time_zone, local_starts_at = after.local_starts_at,
    reason = after.reason, expires_at = after.expires_at, cancelled_reason = after.cancelled_reason,
    overbooked_reason = after.overbooked_reason, staff_note = after.staff_note,
    proposed_slots = after.proposed_slots, is_offer = after.is_offer, version = after.version,
    sequence = after.sequence
    where id = p_id;

  perform record_step(after, before, p_now, p_origin, p_account_id, p_command, p_event, p_note);
  insert into audit_entry (
    occurred_at, actor_id, action, subject_type, subject_id, allowed, request_id, details)
  values (p_now, p_account_id, 'appointment.' || p_command, 'appointment', p_id, true, p_request_id,
    case when after.overbooked_reason is distinct from before.overbooked_reason
      then jsonb_build_object('overbooked', after.overbooked_reason is not null) else '{}' end);
  update idempotency_key set answer = p_answer
    where account_id = p_account_id and route = p_route and key = p_key;
  return p_answer;
end $function$;

CREATE OR REPLACE FUNCTION public.whole_words(name text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT tsvector_to_array(array_to_tsvector(words_of(join_words(fold_name(name))))) AS tsvector_to_array);

CREATE OR REPLACE FUNCTION public.words_of(folded text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN array_remove(regexp_split_to_array(folded, '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00BF\u2000-\u206F\u3000-\u303F]+'::text), ''::text);

CREATE TRIGGER audit_entry_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_seal_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_seal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_erased_account AFTER INSERT ON public.patient_access FOR EACH ROW EXECUTE FUNCTION refuse_erased_account();

CREATE TRIGGER refuse_erased_account_anew AFTER UPDATE ON public.patient_access FOR EACH ROW WHEN (((old.end_noted_at IS NOT NULL) AND (new.end_noted_at IS NULL))) EXECUTE FUNCTION refuse_erased_account();

CREATE TRIGGER refuse_erased_patient AFTER INSERT ON public.appointment FOR EACH ROW EXECUTE FUNCTION refuse_erased_patient();

CREATE TRIGGER refuse_erased_patient AFTER INSERT ON public.medical_entry FOR EACH ROW EXECUTE FUNCTION refuse_erased_patient();

CREATE TRIGGER refuse_erased_patient AFTER INSERT ON public.patient_access FOR EACH ROW EXECUTE FUNCTION refuse_erased_patient();

CREATE TRIGGER refuse_erased_patient AFTER INSERT ON public.waitlist_entry FOR EACH ROW EXECUTE FUNCTION refuse_erased_patient();

CREATE TRIGGER refuse_words_of_erased AFTER INSERT ON public.appointment_event FOR EACH ROW WHEN (((new.note IS NOT NULL) OR (new.staff_note IS NOT NULL))) EXECUTE FUNCTION refuse_words_of_erased();

CREATE TRIGGER refuse_words_of_erased AFTER INSERT ON public.message FOR EACH ROW EXECUTE FUNCTION refuse_words_of_erased();
