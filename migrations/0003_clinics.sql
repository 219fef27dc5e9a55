-- Places, what is done there, and who works there. A change of anything that open times depend on
-- raises schedule_version, whose row a booking locks FOR SHARE.

create table clinic (
  id uuid primary key,
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
  created_at timestamptz not null
);

-- Local wall-clock times of the clinic, half-open, so that a holiday stays on its date when the
-- zone's rules change. source_uid is the UID of the imported iCalendar event.
create table closure (
  id uuid primary key,
  clinic_id uuid not null constraint closure_clinic references clinic on delete cascade,
  starts_on date not null,
  start_minute integer not null default 0,
  ends_on date not null,
  end_minute integer not null default 1440,
  name text not null,
  source_uid text,
  constraint closure_minutes check (start_minute between 0 and 1439 and end_minute between 1 and 1440),
  constraint closure_ordered check ((starts_on, start_minute) < (ends_on, end_minute)),
  constraint closure_source_unique unique (clinic_id, source_uid, starts_on)
);
create index closure_by_clinic on closure (clinic_id, starts_on);

create table membership (
  account_id uuid not null constraint membership_account references account on delete cascade,
  clinic_id uuid not null constraint membership_clinic references clinic on delete cascade,
  role text not null constraint membership_role_known check (role in ('front_desk')),
  created_at timestamptz not null,
  primary key (account_id, clinic_id, role)
);
create index membership_by_clinic on membership (clinic_id);

create table room (
  id uuid primary key,
  clinic_id uuid not null constraint room_clinic references clinic on delete cascade,
  name text not null,
  kind text not null,
  constraint room_name_unique unique (clinic_id, name)
);

create table visit_type (
  id uuid primary key,
  clinic_id uuid constraint visit_type_clinic references clinic on delete cascade,
  name text not null,
  duration_minutes integer not null,
  buffer_before_minutes integer not null default 0,
  buffer_after_minutes integer not null default 0,
  step_minutes integer,
  mode text not null constraint visit_type_mode_known check (mode in ('in_person', 'video', 'phone')),
  video_link text,
  instructions text,
  who_may_book text not null default 'anyone' constraint visit_type_who_known
    check (who_may_book in ('anyone', 'existing_patients', 'staff')),
  booking_mode text constraint visit_type_booking_mode_known
    check (booking_mode in ('instant', 'on_request')),
  room_kind text,
  status text not null default 'active' constraint visit_type_status_known
    check (status in ('active', 'retired')),
  schedule_version integer not null default 1,
  version integer not null default 1,
  created_at timestamptz not null,
  constraint visit_type_lengths check (
    duration_minutes between 5 and 1440
    and buffer_before_minutes between 0 and 240
    and buffer_after_minutes between 0 and 240
    and (step_minutes is null or step_minutes between 5 and 1440))
);
