-- What people are told of, by which way and whether it arrived; the messages that patients and staff
-- write to each other; and the calendars that others read.

-- How far a reader of the events has come, in their commit-safe order.
create table event_reader (
  name text primary key,
  xid xid8 not null,
  seq bigint not null
);
-- People hear of what happens from now on.
insert into event_reader values ('notifications', pg_snapshot_xmin(pg_current_snapshot()), 0);

-- How far work that goes by the clock has come.
create table clock_mark (
  name text primary key,
  reached_at timestamptz not null
);

-- Everything that someone is told by one channel: what is to be sent, and the record of what was.
create table notification (
  id uuid primary key,
  kind text not null constraint notification_kind_known check (kind in (
    'requested', 'confirmed', 'declined', 'moved', 'cancelled', 'reminder', 'waitlist_offer', 'delay',
    'message', 'account', 'invitation', 'claim_link')),
  channel text not null constraint notification_channel_known check (channel in ('in_app', 'email', 'sms')),
  -- Who is told: an account, a patient without one, or whoever an invitation is for.
  account_id uuid constraint notification_account references account on delete cascade,
  patient_id uuid constraint notification_patient references patient on delete cascade,
  invitation_id uuid constraint notification_invitation references invitation on delete cascade,
  recipient_id uuid not null generated always as (coalesce(account_id, patient_id, invitation_id)) stored,
  -- As whom.
  side text not null constraint notification_side_known check (side in ('patient', 'doctor', 'desk')),
  -- The visit that it is about, at the version that is told, and the version that the recipient knew.
  appointment_id uuid constraint notification_appointment references appointment on delete cascade,
  version integer,
  former_version integer,
  -- What is told, for nobody to be told it twice by one channel.
  topic text not null,
  -- What the kind needs besides, as ids and numbers.
  details jsonb not null default '{}',
  status text not null constraint notification_status_known
    check (status in ('queued', 'sent', 'delivered', 'failed', 'skipped', 'withdrawn')),
  -- Why it failed or was skipped: a code, or the word of the provider.
  status_reason text,
  queued_at timestamptz not null,
  -- When it is to be sent or looked at next. Whoever sends it puts this off first, so that it is tried
  -- again by another process if this one dies.
  due_at timestamptz,
  -- From when on it would be of no use.
  expires_at timestamptz,
  attempts smallint not null default 0,
  -- Where it went, and under which name the provider knows it.
  address text,
  provider_id text,
  sent_at timestamptz,
  delivered_at timestamptz,
  failed_at timestamptz,
  read_at timestamptz,
  -- When the recipient answered by a link in it that they will come.
  confirmed_at timestamptz,
  constraint notification_one_recipient check (num_nonnulls(account_id, patient_id, invitation_id) = 1),
  constraint notification_due check (due_at is not null or status <> 'queued'),
  constraint notification_in_app_has_account check (channel <> 'in_app' or account_id is not null),
  constraint notification_once unique (recipient_id, channel, topic)
);
create index notification_due_by_time on notification (channel, due_at) where due_at is not null;
create index notification_failed_by_time on notification (failed_at) where status = 'failed';
create index notification_by_account on notification (account_id) where account_id is not null;
create index notification_by_appointment on notification (appointment_id, queued_at);
create index notification_in_app on notification (account_id, queued_at, id)
  where channel = 'in_app' and status = 'sent';
create index notification_unread on notification (account_id)
  where channel = 'in_app' and status = 'sent' and read_at is null;
create index notification_by_patient on notification (patient_id) where patient_id is not null;
create index notification_by_invitation on notification (invitation_id) where invitation_id is not null;

-- What someone wants to be told, where that is not what everyone is.
create table notification_preference (
  account_id uuid constraint notification_preference_account references account on delete cascade,
  kind text,
  channel text constraint notification_preference_channel_known check (channel in ('email', 'sms')),
  wanted boolean not null,
  primary key (account_id, kind, channel)
);

-- The hours of the day at which someone does not want to be disturbed; they may run past midnight.
create table quiet_hours (
  account_id uuid primary key constraint quiet_hours_account references account on delete cascade,
  from_minute integer not null,
  to_minute integer not null,
  time_zone text not null,
  constraint quiet_hours_minutes check (
    from_minute between 0 and 1439 and to_minute between 0 and 1439 and from_minute <> to_minute)
);

alter table clinic
  -- How long before a visit its patient is reminded.
  add column reminder_minutes integer[] not null default '{2880,120}'
    constraint clinic_reminders check (
      cardinality(reminder_minutes) <= 4 and 15 <= all (reminder_minutes) and 20160 >= all (reminder_minutes)),
  -- For how long after a visit those whom it concerns may write to each other about it.
  add column messages_close_days integer not null default 14
    constraint clinic_messages_close check (messages_close_days between 0 and 365);

-- The language in which a patient without an account is written to.
alter table patient add column locale text;

-- What patients and staff write to each other about a visit.
create table message (
  id uuid primary key,
  appointment_id uuid not null constraint message_appointment references appointment on delete cascade,
  author_id uuid constraint message_author references account on delete set null,
  -- As whom the author wrote.
  side text not null constraint message_side_known check (side in ('patient', 'staff')),
  text text not null constraint message_length check (length(text) between 1 and 4000),
  sent_at timestamptz not null
);
-- Each message of a visit has an instant of its own, in the order of their commits.
create unique index message_in_order on message (appointment_id, sent_at);
create index message_by_author on message (author_id) where author_id is not null;

-- Up to which message an account has read the messages of a visit.
create table message_read (
  account_id uuid constraint message_read_account references account on delete cascade,
  appointment_id uuid constraint message_read_appointment references appointment on delete cascade,
  -- As whom the account read.
  side text not null constraint message_read_side_known check (side in ('patient', 'staff')),
  read_until timestamptz not null,
  primary key (account_id, appointment_id)
);
create index message_read_by_appointment on message_read (appointment_id);

-- Calendars that other programs read by a secret address, until it is revoked.
create table calendar_feed (
  id uuid primary key,
  account_id uuid not null constraint calendar_feed_account references account on delete cascade,
  doctor_id uuid constraint calendar_feed_doctor references doctor on delete cascade,
  patient_id uuid constraint calendar_feed_patient references patient on delete cascade,
  created_at timestamptz not null,
  read_at timestamptz,
  constraint calendar_feed_of_whom check (num_nonnulls(doctor_id, patient_id) = 1)
);
create index calendar_feed_by_account on calendar_feed (account_id, created_at);
create index calendar_feed_by_doctor on calendar_feed (doctor_id) where doctor_id is not null;
create index calendar_feed_by_patient on calendar_feed (patient_id) where patient_id is not null;

-- Patients without an account give commands too, by the links in their mails.
alter table idempotency_key drop constraint idempotency_key_account;
