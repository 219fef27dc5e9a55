-- People: how accounts sign in and come to an end, who acts for whom, what is known of a patient, and how
-- the network is set.

-- An erased account stays as a row without a person, for what others keep to refer to.
alter table account
  add column email_verified_at timestamptz,
  drop constraint account_status_known,
  add constraint account_status_known check (status in ('active', 'disabled', 'erased'));

alter table session
  add column user_agent text,
  -- When its refresh token was last exchanged; null for never.
  add column used_at timestamptz;

-- One-time links in mails to an account. Their words are made by a key from the id and stored nowhere.
-- `email` is the address that the link was mailed to; `former_email` is the one that a change of the address
-- took the place of, where its owner is told so.
create table account_link (
  id uuid primary key,
  account_id uuid not null constraint account_link_account references account on delete cascade,
  purpose text not null constraint account_link_purpose_known
    check (purpose in ('reset_password', 'verify_email', 'change_email')),
  email text not null,
  former_email text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index account_link_by_account on account_link (account_id, purpose);

-- The second factor of an account: a secret shared with an app (RFC 6238), encrypted. Null confirmed_at is
-- one being set up. last_step is the 30-second step of the last code taken: a code works once. `locks` counts
-- how often in a row wrong codes have locked it.
create table second_factor (
  account_id uuid primary key constraint second_factor_account references account on delete cascade,
  secret bytea not null,
  created_at timestamptz not null,
  confirmed_at timestamptz,
  last_step bigint not null default 0,
  tries smallint not null default 0,
  locks smallint not null default 0,
  locked_until timestamptz
);

create table recovery_code (
  account_id uuid not null
    constraint recovery_code_factor references second_factor on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (account_id, code_hash)
);

-- `tries` counts registrations with the right code and a wrong e-mail address.
alter table invitation
  add column revoked_at timestamptz,
  add column tries smallint not null default 0;

-- The settings of the network, in its one row.
create table network_settings (
  singleton boolean primary key default true constraint network_settings_one check (singleton),
  name text not null default 'Visita',
  second_factor_for_staff boolean not null default false,
  child_access_ends_at_age smallint not null default 18
    constraint network_settings_age check (child_access_ends_at_age between 12 and 25),
  keep_events_days integer not null default 90
    constraint network_settings_events check (keep_events_days between 7 and 3650),
  keep_notifications_days integer not null default 365
    constraint network_settings_notifications check (keep_notifications_days between 30 and 3650),
  -- How long after the last visit a record that no account manages is kept; null for always.
  keep_patients_years smallint
    constraint network_settings_patients check (keep_patients_years between 1 and 100),
  -- The version that brought another age by which the ends of accesses are still to be worked out.
  child_ends_due integer,
  version integer not null default 1
);
insert into network_settings default values;

-- How much was asked for lately, by a keyed hash of who asked and the kind of request. What is lost in a
-- crash is forgiven.
create unlogged table request_count (
  subject bytea primary key,
  used integer not null,
  window_ends_at timestamptz not null
);
create index request_count_by_end on request_count (window_ends_at);

alter table patient
  add column street text,
  add column postal_code text,
  add column city text,
  add column country text,
  add column insurance_number text,
  add column emergency_name text,
  add column emergency_phone text,
  add column emergency_relation text,
  -- A record whose person was erased stays for its visits.
  add column erased_at timestamptz;

-- `agreed_ends_at` is the end that was agreed on; `ends_at` is when the access ends in fact, which for a
-- parent, and for whoever was given it while the patient was younger, is no later than the age that the
-- network sets. `created_at` is when it was given last.
alter table patient_access
  add column granted_by uuid constraint patient_access_granted_by references account on delete set null,
  add column agreed_ends_at timestamptz,
  -- The end that the account was last told of beforehand.
  add column end_told_at timestamptz,
  -- The end that was made known when it had come.
  add column end_noted_at timestamptz;
create index patient_access_by_end on patient_access (ends_at) where ends_at is not null;
create index patient_access_ended on patient_access (ends_at) where end_noted_at is distinct from ends_at;
create index patient_access_to_others on patient_access (patient_id) where relation <> 'self';
update patient_access set agreed_ends_at = ends_at;
-- By the age that the settings begin with.
update patient_access as access
set ends_at = least(agreed_ends_at, (date_of_birth + interval '18 years')::timestamp at time zone 'UTC')
from patient where patient.id = access.patient_id and date_of_birth is not null
  and (relation = 'parent' or (relation = 'carer'
    and access.created_at < (date_of_birth + interval '18 years')::timestamp at time zone 'UTC'));

-- An access that was offered to an e-mail address and waits for its account. The word of its link is made
-- by a key from the id.
create table access_invitation (
  id uuid primary key,
  patient_id uuid not null
    constraint access_invitation_patient references patient on delete cascade,
  email text not null,
  relation text not null constraint access_invitation_relation_known check (relation in ('parent', 'carer')),
  scope text not null constraint access_invitation_scope_known check (scope in ('book', 'see', 'manage')),
  agreed_ends_at timestamptz,
  invited_by uuid not null constraint access_invitation_by references account on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by uuid constraint access_invitation_used_by references account on delete set null
);
create index access_invitation_by_patient on access_invitation (patient_id);
create index access_invitation_by_inviter on access_invitation (invited_by);

-- Medical history: what is said of a patient's health, each entry encrypted and never changed. A correction
-- is a new entry that names the one it replaces; each is replaced once.
create table medical_entry (
  id uuid primary key,
  patient_id uuid not null constraint medical_entry_patient references patient on delete cascade,
  kind text not null constraint medical_entry_kind_known
    check (kind in ('condition', 'allergy', 'medicine', 'note')),
  -- Null for a correction that takes an entry back and says no reason.
  content bytea,
  takes_back boolean not null default false,
  author_id uuid constraint medical_entry_author references account on delete set null,
  -- The profile of a doctor who wrote it as such, whose name outlasts the account.
  author_doctor_id uuid constraint medical_entry_doctor references doctor on delete set null,
  author_side text not null constraint medical_entry_side_known check (author_side in ('patient', 'doctor')),
  recorded_at timestamptz not null,
  corrects uuid constraint medical_entry_corrects references medical_entry on delete cascade,
  constraint medical_entry_corrected_once unique (corrects),
  constraint medical_entry_content check (content is not null or takes_back),
  constraint medical_entry_takes_back check (corrects is not null or not takes_back)
);
create index medical_entry_by_patient on medical_entry (patient_id, recorded_at, id);
create index medical_entry_by_author on medical_entry (author_id) where author_id is not null;

-- Seals over the audit, in the order of commits: each covers the rows after the one before it up to
-- (to_xid, to_seq), and its hash covers them and the hash before.
create table audit_seal (
  seq bigint generated always as identity primary key,
  to_xid xid8 not null,
  to_seq bigint not null,
  rows integer not null,
  hash bytea not null,
  sealed_at timestamptz not null
);
create trigger audit_seal_append_only before update or delete or truncate on audit_seal
  for each statement execute function refuse_change();
create index audit_entry_by_commit_order on audit_entry (xid, seq);
create index audit_entry_by_time on audit_entry (occurred_at, seq);
create index audit_entry_by_actor on audit_entry (actor_id, occurred_at, seq) where actor_id is not null;
create index audit_entry_refused on audit_entry (occurred_at, seq) where not allowed;

-- Whoever is offered an access by mail is told of it as whoever is invited is.
alter table notification
  drop constraint notification_once,
  drop constraint notification_one_recipient,
  drop column recipient_id,
  add column access_invitation_id uuid
    constraint notification_access_invitation references access_invitation on delete cascade;
alter table notification
  add column recipient_id uuid not null
    generated always as (coalesce(account_id, patient_id, invitation_id, access_invitation_id)) stored,
  add constraint notification_one_recipient
    check (num_nonnulls(account_id, patient_id, invitation_id, access_invitation_id) = 1),
  add constraint notification_once unique (recipient_id, channel, topic);
create index notification_by_access_invitation on notification (access_invitation_id)
  where access_invitation_id is not null;
