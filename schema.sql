-- Generated from migrations/ by `npm run generate`. Do not edit.

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
  constraint account_pkey PRIMARY KEY (id),
  constraint account_role_known CHECK ((role = ANY (ARRAY['patient'::text, 'doctor'::text, 'front_desk'::text, 'admin'::text]))),
  constraint account_status_known CHECK ((status = ANY (ARRAY['active'::text, 'disabled'::text])))
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
  constraint clinic_pkey PRIMARY KEY (id)
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
  constraint doctor_status_known CHECK ((status = ANY (ARRAY['bookable'::text, 'paused'::text])))
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

create table idempotency_key (
  account_id uuid not null,
  route text not null,
  key text not null,
  body_hash bytea not null,
  created_at timestamp with time zone not null,
  asked_at timestamp with time zone not null,
  answer jsonb,
  constraint idempotency_key_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
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
  constraint invitation_clinic FOREIGN KEY (clinic_id) REFERENCES clinic(id) ON DELETE CASCADE,
  constraint invitation_code_unique UNIQUE (code_hash),
  constraint invitation_desk_has_clinic CHECK (((role <> 'front_desk'::text) OR (clinic_id IS NOT NULL))),
  constraint invitation_doctor FOREIGN KEY (doctor_id) REFERENCES doctor(id) ON DELETE CASCADE,
  constraint invitation_invited_by FOREIGN KEY (invited_by) REFERENCES account(id) ON DELETE SET NULL,
  constraint invitation_pkey PRIMARY KEY (id),
  constraint invitation_role_known CHECK ((role = ANY (ARRAY['doctor'::text, 'front_desk'::text, 'admin'::text]))),
  constraint invitation_used_by FOREIGN KEY (used_by) REFERENCES account(id) ON DELETE SET NULL
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
  constraint patient_pkey PRIMARY KEY (id)
);

create table patient_access (
  account_id uuid not null,
  patient_id uuid not null,
  relation text not null,
  scope text not null,
  created_at timestamp with time zone not null,
  ends_at timestamp with time zone,
  constraint patient_access_account FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE,
  constraint patient_access_patient FOREIGN KEY (patient_id) REFERENCES patient(id) ON DELETE CASCADE,
  constraint patient_access_pkey PRIMARY KEY (account_id, patient_id),
  constraint patient_access_relation_known CHECK ((relation = ANY (ARRAY['self'::text, 'parent'::text, 'carer'::text]))),
  constraint patient_access_scope_known CHECK ((scope = ANY (ARRAY['book'::text, 'see'::text, 'manage'::text])))
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

create table session (
  id uuid not null,
  account_id uuid not null,
  refresh_token_hash bytea not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
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

CREATE UNIQUE INDEX account_email_unique ON public.account USING btree (lower(email));

CREATE INDEX appointment_by_clinic ON public.appointment USING btree (clinic_id, starts_at, id);

CREATE INDEX appointment_by_doctor ON public.appointment USING btree (doctor_id, starts_at, id);

CREATE INDEX appointment_by_expiry ON public.appointment USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX appointment_by_patient ON public.appointment USING btree (patient_id, starts_at, id);

CREATE INDEX appointment_by_start ON public.appointment USING btree (starts_at, id);

CREATE INDEX audit_entry_by_subject ON public.audit_entry USING btree (subject_type, subject_id, seq);

CREATE INDEX claim_by_appointment ON public.claim USING btree (appointment_id);

CREATE INDEX closure_by_clinic ON public.closure USING btree (clinic_id, starts_on);

CREATE INDEX doctor_clinic_by_clinic ON public.doctor_clinic USING btree (clinic_id, doctor_id);

CREATE INDEX doctor_specialty_by_specialty ON public.doctor_specialty USING btree (specialty_id, doctor_id);

CREATE INDEX doctor_visit_type_by_visit_type ON public.doctor_visit_type USING btree (visit_type_id, doctor_id);

CREATE INDEX event_by_commit_order ON public.event USING btree (xid, seq);

CREATE INDEX idempotency_key_by_age ON public.idempotency_key USING btree (created_at);

CREATE INDEX membership_by_clinic ON public.membership USING btree (clinic_id);

CREATE INDEX opening_by_doctor ON public.opening USING btree (doctor_id, opens_on);

CREATE INDEX patient_access_by_patient ON public.patient_access USING btree (patient_id);

CREATE UNIQUE INDEX patient_access_one_self ON public.patient_access USING btree (account_id) WHERE (relation = 'self'::text);

CREATE INDEX session_by_account ON public.session USING btree (account_id);

CREATE INDEX time_off_by_doctor ON public.time_off USING btree (doctor_id, starts_at);

CREATE INDEX weekly_hours_by_doctor ON public.weekly_hours USING btree (doctor_id);

CREATE OR REPLACE FUNCTION public.book_appointment(p_now timestamp with time zone, p_origin uuid, p_request_id text, p_account_id uuid, p_route text, p_key text, p_body_hash bytea, p_answer jsonb, p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer, p_id uuid, p_status text, p_doctor_id uuid, p_clinic_id uuid, p_patient_id uuid, p_visit_type_id uuid, p_starts_at timestamp with time zone, p_ends_at timestamp with time zone, p_time_zone text, p_local_starts_at timestamp without time zone, p_reason text, p_expires_at timestamp with time zone, p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  earlier_answer jsonb;
  day_limit integer;
  expired_ids uuid[];
  taken uuid[];
  free_room_id uuid;
begin
  if p_key is not null then
    earlier_answer := remember_request(p_account_id, p_route, p_key, p_body_hash, p_now);
    if earlier_answer is not null then
      return earlier_answer;
    end if;
  end if;
  if exists (select from appointment where id = p_id) then
    -- This very call was made before and its answer was lost.
    return p_answer;
  end if;

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

  if day_limit is not null then
    perform pg_advisory_xact_lock(hashtextextended(p_doctor_id::text || p_local_starts_at::date, 0));
    if day_limit <= (
      select count(*) from appointment
      where doctor_id = p_doctor_id
        and starts_at between p_starts_at - interval '2 days' and p_starts_at + interval '2 days'
        and local_starts_at::date = p_local_starts_at::date
        and status not in ('cancelled', 'declined', 'expired')
        and (expires_at is null or expires_at > p_now)
        and id <> p_id)
    then
      raise exception 'the day is full'
        using errcode = 'integrity_constraint_violation', constraint = 'daily_limit_reached';
    end if;
  end if;

  select array_agg(claim.appointment_id) into expired_ids
    from unnest(p_calendar_ids || p_room_ids,
      p_durings || array_fill(p_room_during, array[coalesce(cardinality(p_room_ids), 0)]))
      as wanted (calendar_id, during)
    join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
    where claim.expires_at <= p_now;
  if expired_ids is not null then
    perform expire_appointments(expired_ids, p_now, p_origin);
  end if;

  -- A look before the writes: most who come too late are told so for the price of a read.
  select array_agg(claim.calendar_id) into taken
    from unnest(p_calendar_ids, p_durings) as wanted (calendar_id, during)
    join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
    where claim.appointment_id <> p_id;

  if taken is null then
    insert into appointment (
      id, status, doctor_id, clinic_id, patient_id, visit_type_id, starts_at, ends_at,
      time_zone, local_starts_at, reason, booked_by, expires_at, created_at)
    values (
      p_id, p_status, p_doctor_id, p_clinic_id, p_patient_id, p_visit_type_id, p_starts_at,
      p_ends_at, p_time_zone, p_local_starts_at, p_reason, p_account_id, p_expires_at, p_now)
    on conflict (id) do nothing;
    if not found then
      -- The call made before was still running when this one looked.
      return p_answer;
    end if;

    -- The constraint decides. Fewer rows than wanted, counted by RETURNING, means taken.
    with inserted as (
      insert into claim (calendar_id, during, appointment_id, expires_at)
      select wanted.calendar_id, wanted.during, p_id, p_expires_at
      from unnest(p_calendar_ids, p_durings) as wanted (calendar_id, during)
      order by wanted.calendar_id
      on conflict on constraint claim_no_overlap do nothing
      returning calendar_id)
    select array_agg(wanted.calendar_id) into taken
      from unnest(p_calendar_ids) as wanted (calendar_id)
      where wanted.calendar_id not in (select calendar_id from inserted);
  end if;

  -- A visit that was overbooked into another lane also keeps its time, whatever happens in lane 0.
  if taken is null then
    select array_agg(claim.calendar_id) into taken
      from unnest(p_calendar_ids, p_durings) as wanted (calendar_id, during)
      join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
      where claim.lane <> 0 and claim.appointment_id <> p_id;
  end if;

  if taken is not null then
    raise exception 'the time is taken'
      using errcode = 'exclusion_violation', constraint = case
        when p_doctor_id = any (taken) then 'doctor_time_taken' else 'patient_time_taken' end;
  end if;

  if p_room_ids is not null then
    free_room_id := claim_free_room(p_room_ids, p_room_during, p_id, p_expires_at);
    if free_room_id is null then
      raise exception 'every room is taken'
        using errcode = 'exclusion_violation', constraint = 'room_time_taken';
    end if;
    update appointment set room_id = free_room_id where id = p_id;
  end if;

  insert into appointment_event (appointment_id, version, occurred_at, actor_id, to_status, starts_at)
  values (p_id, 1, p_now, p_account_id, p_status, p_starts_at);
  insert into event (origin, type, subjects, actor_id, occurred_at)
  values (p_origin, 'appointment.' || p_status, jsonb_build_object(
    'appointmentId', p_id, 'doctorId', p_doctor_id, 'clinicId', p_clinic_id, 'patientId', p_patient_id,
    'roomId', free_room_id), p_account_id, p_now);
  insert into audit_entry (
    occurred_at, actor_id, action, subject_type, subject_id, allowed, request_id, details)
  values (p_now, p_account_id, 'appointment.book', 'appointment', p_id, true, p_request_id,
    jsonb_build_object('patientId', p_patient_id, 'doctorId', p_doctor_id));
  if p_key is not null then
    update idempotency_key set answer = p_answer
      where account_id = p_account_id and route = p_route and key = p_key;
  end if;
  return p_answer;
end $function$;

CREATE OR REPLACE FUNCTION public.claim_free_room(p_room_ids uuid[], p_during tstzrange, p_appointment_id uuid, p_expires_at timestamp with time zone)
 RETURNS uuid
 LANGUAGE plpgsql
AS $function$
declare
  room_id uuid;
begin
  foreach room_id in array p_room_ids loop
    -- Also leaves a room alone that is taken in another lane.
    if not exists (select from claim where calendar_id = room_id and during && p_during) then
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

CREATE OR REPLACE FUNCTION public.expire_appointments(p_ids uuid[], p_now timestamp with time zone, p_origin uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  due_ids uuid[];
begin
  select array_agg(due.id) into due_ids from (
    select id from appointment where id = any (p_ids) and expires_at <= p_now
    order by id for update) as due;
  if due_ids is null then
    return;
  end if;
  delete from claim where appointment_id = any (due_ids);
  insert into appointment_event (appointment_id, version, occurred_at, from_status, to_status, starts_at)
    select id, version + 1, p_now, status, 'expired', starts_at from appointment where id = any (due_ids);
  insert into event (origin, type, subjects, occurred_at)
    select p_origin, 'appointment.expired', jsonb_build_object('appointmentId', id, 'doctorId', doctor_id,
      'clinicId', clinic_id, 'patientId', patient_id, 'roomId', room_id), p_now
    from appointment where id = any (due_ids);
  update appointment set status = 'expired', expires_at = null, version = version + 1
    where id = any (due_ids);
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
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

CREATE TRIGGER audit_entry_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
