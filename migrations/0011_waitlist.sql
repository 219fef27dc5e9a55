-- Who waits for an earlier time, and the times that were offered to them.

create table waitlist_entry (
  id uuid primary key,
  patient_id uuid not null
    constraint waitlist_entry_patient references patient on delete cascade,
  -- The visit that is to be earlier; null for someone who has none yet.
  appointment_id uuid constraint waitlist_entry_appointment references appointment on delete cascade,
  visit_type_id uuid not null
    constraint waitlist_entry_visit_type references visit_type on delete cascade,
  doctor_id uuid constraint waitlist_entry_doctor references doctor on delete cascade,
  specialty_id uuid constraint waitlist_entry_specialty references specialty on delete cascade,
  clinic_id uuid constraint waitlist_entry_clinic references clinic on delete cascade,
  -- When it would suit, by calendar and clock of the clinic; null for any. The visit lies within the
  -- hours.
  weekdays smallint[] constraint waitlist_entry_weekdays
    check (weekdays <@ '{1,2,3,4,5,6,7}' and cardinality(weekdays) between 1 and 7),
  from_minute integer,
  to_minute integer,
  from_date date,
  until_date date,
  -- `offered` is not stored: it is waiting with an offer that is held.
  status text not null constraint waitlist_entry_status_known
    check (status in ('waiting', 'fulfilled', 'ended')),
  created_at timestamptz not null,
  constraint waitlist_entry_with_whom check (num_nonnulls(doctor_id, specialty_id) = 1),
  constraint waitlist_entry_hours check (from_minute >= 0 and to_minute <= 1440 and from_minute < to_minute),
  constraint waitlist_entry_dates check (from_date <= until_date)
);
create unique index waitlist_entry_one_for_visit on waitlist_entry (appointment_id)
  where status = 'waiting';
create unique index waitlist_entry_one_wish on waitlist_entry
  (patient_id, visit_type_id, coalesce(doctor_id, specialty_id))
  where status = 'waiting' and appointment_id is null;
create index waitlist_entry_in_turn on waitlist_entry ((doctor_id is null), created_at, id)
  where status = 'waiting';
create index waitlist_entry_by_patient on waitlist_entry (patient_id, created_at, id);
create index waitlist_entry_by_age on waitlist_entry (created_at, id);

-- Times that were offered: each is an appointment that is held for the patient. None is offered twice
-- to the same entry.
create table waitlist_offer (
  appointment_id uuid primary key
    constraint waitlist_offer_appointment references appointment on delete cascade,
  entry_id uuid not null constraint waitlist_offer_entry references waitlist_entry on delete cascade,
  doctor_id uuid not null,
  starts_at timestamptz not null,
  offered_at timestamptz not null,
  expires_at timestamptz not null,
  -- Null while nobody has written down what became of it.
  outcome text constraint waitlist_offer_outcome_known
    check (outcome in ('taken', 'refused', 'expired')),
  constraint waitlist_offer_once unique (entry_id, doctor_id, starts_at)
);
create unique index waitlist_offer_one_open on waitlist_offer (entry_id) where outcome is null;
-- Those whose taking may have been undone.
create index waitlist_offer_taken on waitlist_offer (offered_at) where outcome = 'taken';
