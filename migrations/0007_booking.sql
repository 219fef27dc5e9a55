-- Appointments and the claims that decide occupancy.

create table appointment (
  id uuid primary key,
  status text not null constraint appointment_status_known check (status in (
    'held', 'requested', 'confirmed', 'arrived', 'with_doctor', 'completed', 'no_show',
    'cancelled', 'declined', 'expired')),
  doctor_id uuid not null constraint appointment_doctor references doctor,
  clinic_id uuid not null constraint appointment_clinic references clinic,
  patient_id uuid not null constraint appointment_patient references patient,
  visit_type_id uuid not null constraint appointment_visit_type references visit_type,
  room_id uuid constraint appointment_room references room,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  -- The wall time and zone that were promised, kept to find visits that a change of the zone's
  -- rules moves.
  time_zone text not null,
  local_starts_at timestamp not null,
  reason text,
  booked_by uuid constraint appointment_booked_by references account on delete set null,
  expires_at timestamptz,
  cancelled_reason text,
  version integer not null default 1,
  sequence integer not null default 0,
  created_at timestamptz not null,
  constraint appointment_ordered check (starts_at < ends_at),
  constraint appointment_expires check ((status in ('held', 'requested')) = (expires_at is not null))
);
create index appointment_by_doctor on appointment (doctor_id, starts_at, id);
create index appointment_by_patient on appointment (patient_id, starts_at, id);
create index appointment_by_clinic on appointment (clinic_id, starts_at, id);
create index appointment_by_start on appointment (starts_at, id);
create index appointment_by_expiry on appointment (expires_at) where expires_at is not null;

-- That a calendar (a doctor, a patient, a room) is taken for a time range.
create table claim (
  calendar_id uuid not null,
  lane smallint not null default 0,
  during tstzrange not null,
  appointment_id uuid not null constraint claim_appointment references appointment on delete cascade,
  expires_at timestamptz,
  constraint claim_no_overlap exclude using gist
    (calendar_id with =, lane with =, during with &&),
  -- An empty range would pass the exclusion, an unbounded one would take all time.
  constraint claim_bounded check (
    not isempty(during) and lower_inc(during) and not upper_inc(during)
    and lower(during) is not null and upper(during) is not null)
);
create index claim_by_appointment on claim (appointment_id);

-- Each step of an appointment's life.
create table appointment_event (
  appointment_id uuid not null
    constraint appointment_event_appointment references appointment on delete cascade,
  version integer not null,
  occurred_at timestamptz not null,
  actor_id uuid,
  from_status text,
  to_status text not null,
  starts_at timestamptz not null,
  note text,
  primary key (appointment_id, version)
);

-- The answer that a request with an Idempotency-Key got, so that a repeat gets it again. `answer`
-- holds ids, times and a status, nothing personal.
create table idempotency_key (
  account_id uuid not null constraint idempotency_key_account references account on delete cascade,
  route text not null,
  key text not null,
  body_hash bytea not null,
  created_at timestamptz not null,
  asked_at timestamptz not null,
  answer jsonb,
  primary key (account_id, route, key)
);
create index idempotency_key_by_age on idempotency_key (created_at);
