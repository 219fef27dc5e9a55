-- Everything that happens to an appointment: holds, moves, walk-ins, overbooking, history.

-- How late a patient may still move or cancel by themselves, and how long a request waits.
alter table clinic
  add column change_notice_minutes_min integer not null default 0
    constraint clinic_change_notice check (change_notice_minutes_min between 0 and 525600),
  add column request_lapses_minutes integer not null default 2880
    constraint clinic_request_lapses check (request_lapses_minutes between 15 and 43200);

alter table appointment
  -- Why it was put over another visit or outside the rules; null for an ordinary one.
  add column overbooked_reason text,
  -- A hold for someone on the waitlist: it claims doctor and room, not the patient, who may be
  -- elsewhere then.
  add column is_offer boolean not null default false,
  -- For staff only.
  add column staff_note text,
  -- Slots that were proposed when a request was declined, as the API shows them.
  add column proposed_slots jsonb;
create unique index appointment_one_hold on appointment (patient_id, doctor_id)
  where status = 'held' and not is_offer;

-- What the appointment was after each step, so that a step can be undone and a repeated request be
-- answered as the first one was.
alter table appointment_event
  add column command text,
  add column doctor_id uuid,
  add column clinic_id uuid,
  add column visit_type_id uuid,
  add column room_id uuid,
  add column ends_at timestamptz,
  add column expires_at timestamptz,
  add column sequence integer,
  add column overbooked_reason text,
  add column time_zone text,
  add column local_starts_at timestamp,
  add column reason text,
  add column staff_note text,
  add column proposed_slots jsonb,
  -- Of the schedules where it was before the step: undo leads back by the same rules, or looks again.
  add column former_doctor_version integer,
  add column former_clinic_version integer;
create index appointment_event_by_time on appointment_event (occurred_at);

-- No step before these columns moved a visit, so what it was then is what it is.
update appointment_event as step set
  command = case when step.from_status is null then 'book' when step.to_status = 'confirmed' then 'accept'
    when step.to_status = 'declined' then 'decline' when step.to_status = 'cancelled' then 'cancel'
    else 'expire' end,
  doctor_id = appointment.doctor_id, clinic_id = appointment.clinic_id,
  visit_type_id = appointment.visit_type_id, room_id = appointment.room_id, ends_at = appointment.ends_at,
  time_zone = appointment.time_zone, local_starts_at = appointment.local_starts_at,
  reason = appointment.reason,
  expires_at = case when appointment.version = step.version then appointment.expires_at end,
  sequence = step.version - case when step.to_status = 'expired' then 2 else 1 end
  from appointment where appointment.id = step.appointment_id;
alter table appointment_event
  alter column command set not null,
  alter column doctor_id set not null,
  alter column clinic_id set not null,
  alter column visit_type_id set not null,
  alter column ends_at set not null,
  alter column time_zone set not null,
  alter column local_starts_at set not null,
  alter column sequence set not null;

-- Writes a step down: the appointment as it is now, and as it was before (null for a new one).
create function record_step(
  p_appointment appointment, p_before appointment, p_now timestamptz, p_origin uuid,
  p_actor_id uuid, p_command text, p_event text, p_note text
) returns void language plpgsql as $$
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
end $$;

-- Ends those of p_due that are past their time, and those of p_holds that are holds, due or not.
-- Answers the ids of those that it ended.
create function end_appointments(p_due uuid[], p_holds uuid[], p_now timestamptz, p_origin uuid)
returns uuid[] language plpgsql as $$
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
end $$;

drop function expire_appointments(uuid[], timestamptz, uuid);

-- The appointments past their time that hold one of the wanted times.
create function due_in_the_way(
  p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, p_now timestamptz
) returns uuid[] language sql stable as $$
  select array_agg(claim.appointment_id)
    from unnest(p_calendar_ids || p_room_ids,
      p_durings || array_fill(p_room_during, array[coalesce(cardinality(p_room_ids), 0)]))
      as wanted (calendar_id, during)
    join claim on claim.calendar_id = wanted.calendar_id and claim.during && wanted.during
    where claim.expires_at <= p_now
$$;

-- Locks the schedules that a booking was computed from and answers the doctor's daily limit. Raises
-- when one of them has moved on.
create function lock_schedules(
  p_doctor_id uuid, p_doctor_version integer, p_clinic_id uuid, p_clinic_version integer,
  p_visit_type_id uuid, p_visit_type_version integer
) returns integer language plpgsql as $$
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
end $$;

-- What the rules don't bind runs alone on its doctor and clinic: an ordinary booking sees it before it
-- looks across the lanes, and whoever lists the visits that a change of the schedule affects has it too.
create function lock_against_bookings(p_doctor_id uuid, p_clinic_id uuid)
returns void language plpgsql as $$
begin
  perform from doctor where id = p_doctor_id for no key update;
  perform from clinic where id = p_clinic_id for no key update;
end $$;

-- Raises when the doctor's date is full without the appointments p_except. Whoever counts holds the
-- date's lock until the end of the transaction.
create function refuse_full_day(
  p_appointment appointment, p_limit integer, p_except uuid[], p_now timestamptz
) returns void language plpgsql as $$
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
end $$;

-- Raises when one of the calendars is taken by another appointment in one of the lanes. In an overbooking
-- the doctor's calendar is not looked at.
create function refuse_taken(
  p_appointment appointment, p_calendar_ids uuid[], p_durings tstzrange[], p_lanes int4range
) returns void language plpgsql as $$
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
end $$;

create function raise_taken(p_appointment appointment, p_calendar_ids uuid[])
returns void language plpgsql as $$
begin
  raise exception 'the time is taken'
    using errcode = 'exclusion_violation', constraint = case
      when p_appointment.doctor_id = any (p_calendar_ids) then 'doctor_time_taken'
      else 'patient_time_taken' end;
end $$;

drop function claim_free_room(uuid[], tstzrange, uuid, timestamptz);

-- Claims the first of the rooms that is free in all the lanes that count; null when none is.
create function claim_free_room(
  p_room_ids uuid[], p_during tstzrange, p_appointment_id uuid, p_expires_at timestamptz,
  p_lanes int4range
) returns uuid language plpgsql as $$
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
end $$;

-- Claims the first lane of a calendar that is free, at most the tenth.
create function claim_free_lane(
  p_calendar_id uuid, p_during tstzrange, p_appointment_id uuid, p_expires_at timestamptz
) returns boolean language plpgsql as $$
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
end $$;

-- Claims what an appointment wants, whose row is there and whose own claims are not. Answers the room
-- that it got. p_calendar_ids are in order; a room comes last, for everyone, so that nobody waits for a
-- doctor or a patient while holding a room. Raises when something is taken.
create function claim_times(
  p_appointment appointment, p_calendar_ids uuid[], p_durings tstzrange[],
  p_room_ids uuid[], p_room_during tstzrange, p_lanes int4range
) returns uuid language plpgsql as $$
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
end $$;

drop function book_appointment(
  timestamptz, uuid, text, uuid, text, text, bytea, jsonb, integer, integer, integer, uuid, text, uuid,
  uuid, uuid, uuid, timestamptz, timestamptz, text, timestamp, text, timestamptz, uuid[], tstzrange[],
  uuid[], tstzrange);

-- Makes an appointment in one call, or answers what the first request with this key was answered.
-- p_appointment has its columns by name. p_doctor_version is null when the rules don't bind it, as in an
-- overbooking. p_calendar_ids and p_durings are the wanted claims, sorted by calendar id; p_room_ids are
-- the rooms of which one is needed, in the order to try them, null when none is. `ended` are the
-- patient's holds with the doctor that it replaced, and what was past its time and in the way.
create function book_appointment(
  p_now timestamptz, p_origin uuid, p_request_id text, p_account_id uuid,
  p_route text, p_key text, p_body_hash bytea, p_answer jsonb,
  p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer,
  p_command text, p_appointment jsonb,
  p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange,
  out answer jsonb, out ended uuid[]
) language plpgsql as $$
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
end $$;

-- Leads an appointment one step on in one call, or answers what the first request with this key was
-- answered. p_change has the columns that change, by name; p_version is the version that the step was
-- decided on. A step to another time has p_calendar_ids (see book_appointment), and its claims take the
-- place of those before: the new time is looked at first, so that two visits that want each other's time
-- are refused and don't wait for each other. p_ends are holds that the step uses up.
create function step_appointment(
  p_now timestamptz, p_origin uuid, p_request_id text, p_account_id uuid,
  p_route text, p_key text, p_body_hash bytea, p_answer jsonb,
  p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer,
  p_id uuid, p_version integer, p_command text, p_event text, p_change jsonb, p_note text,
  p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange, p_ends uuid[]
) returns jsonb language plpgsql as $$
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
end $$;

-- How late a doctor runs at a clinic on one of its dates.
create table delay (
  doctor_id uuid not null constraint delay_doctor references doctor on delete cascade,
  clinic_id uuid not null constraint delay_clinic references clinic on delete cascade,
  on_date date not null,
  minutes integer not null constraint delay_minutes check (minutes between 1 and 720),
  set_by uuid constraint delay_set_by references account on delete set null,
  set_at timestamptz not null,
  primary key (doctor_id, clinic_id, on_date)
);
