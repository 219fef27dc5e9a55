create table specialty (
  id uuid primary key,
  code text not null constraint specialty_code_unique unique,
  name text not null constraint specialty_name_unique unique
);

-- account_id is null for a doctor who never signs in.
create table doctor (
  id uuid primary key,
  account_id uuid constraint doctor_account_unique unique
    constraint doctor_account references account on delete set null,
  title text,
  name text not null,
  designation text,
  languages text[] not null default '{}',
  phone text,
  email text,
  bio text,
  accepting_new_patients boolean not null default true,
  status text not null default 'bookable' constraint doctor_status_known
    check (status in ('bookable', 'paused')),
  booking_mode text not null default 'instant' constraint doctor_booking_mode_known
    check (booking_mode in ('instant', 'on_request')),
  notice_minutes_min integer not null default 60 constraint doctor_notice
    check (notice_minutes_min between 0 and 525600),
  horizon_days integer not null default 90 constraint doctor_horizon
    check (horizon_days between 1 and 730),
  daily_limit integer constraint doctor_daily_limit check (daily_limit between 1 and 500),
  schedule_version integer not null default 1,
  version integer not null default 1,
  created_at timestamptz not null
);

create table doctor_specialty (
  doctor_id uuid not null constraint doctor_specialty_doctor references doctor on delete cascade,
  specialty_id uuid not null constraint doctor_specialty_specialty references specialty,
  primary key (doctor_id, specialty_id)
);
create index doctor_specialty_by_specialty on doctor_specialty (specialty_id, doctor_id);

create table doctor_clinic (
  doctor_id uuid not null constraint doctor_clinic_doctor references doctor on delete cascade,
  clinic_id uuid not null constraint doctor_clinic_clinic references clinic,
  primary key (doctor_id, clinic_id)
);
create index doctor_clinic_by_clinic on doctor_clinic (clinic_id, doctor_id);

create table doctor_visit_type (
  doctor_id uuid not null constraint doctor_visit_type_doctor references doctor on delete cascade,
  visit_type_id uuid not null constraint doctor_visit_type_visit_type references visit_type,
  primary key (doctor_id, visit_type_id)
);
create index doctor_visit_type_by_visit_type on doctor_visit_type (visit_type_id, doctor_id);

-- A one-time way in for a doctor, the front desk or an admin; only the code's hash is kept.
create table invitation (
  id uuid primary key,
  code_hash bytea not null constraint invitation_code_unique unique,
  role text not null constraint invitation_role_known check (role in ('doctor', 'front_desk', 'admin')),
  email text,
  clinic_id uuid constraint invitation_clinic references clinic on delete cascade,
  doctor_id uuid constraint invitation_doctor references doctor on delete cascade,
  invited_by uuid constraint invitation_invited_by references account on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by uuid constraint invitation_used_by references account on delete set null,
  constraint invitation_desk_has_clinic check (role <> 'front_desk' or clinic_id is not null)
);
