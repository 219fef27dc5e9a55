-- When a doctor sees patients. Local wall-clock minutes of the clinic's zone, resolved to instants
-- by src/kernel/time.ts and never here: PostgreSQL takes the later instant when clocks go back.
-- to_minute at or before from_minute runs past midnight.

create table weekly_hours (
  id uuid primary key,
  doctor_id uuid not null constraint weekly_hours_doctor references doctor on delete cascade,
  clinic_id uuid not null constraint weekly_hours_clinic references clinic,
  weekday smallint not null constraint weekly_hours_weekday check (weekday between 1 and 7),
  from_minute integer not null,
  to_minute integer not null,
  valid_from date,
  valid_until date,
  visit_type_ids uuid[],
  constraint weekly_hours_minutes check (from_minute between 0 and 1439 and to_minute between 0 and 1440),
  constraint weekly_hours_validity check (valid_from <= valid_until)
);
create index weekly_hours_by_doctor on weekly_hours (doctor_id);

create table opening (
  id uuid primary key,
  doctor_id uuid not null constraint opening_doctor references doctor on delete cascade,
  clinic_id uuid not null constraint opening_clinic references clinic,
  opens_on date not null,
  from_minute integer not null,
  to_minute integer not null,
  visit_type_ids uuid[],
  constraint opening_minutes check (from_minute between 0 and 1439 and to_minute between 0 and 1440)
);
create index opening_by_doctor on opening (doctor_id, opens_on);

create table time_off (
  id uuid primary key,
  doctor_id uuid not null constraint time_off_doctor references doctor on delete cascade,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  note text,
  constraint time_off_ordered check (starts_at < ends_at)
);
create index time_off_by_doctor on time_off (doctor_id, starts_at);
