-- One booking is one call, so one round trip holds its locks. Every writer takes them in the same
-- order: idempotency key, schedule versions (doctor, clinic, visit type), daily limit, appointment
-- rows by id, claims by calendar id, a room's last. A refusal is raised with a constraint's name, which
-- src/db/constraints.ts turns into the domain's; raising undoes the key, so a repeat may succeed.

-- Remembers that a request was made. Waits for a twin that is still running; answers what it was
-- answered, or null when this is the first. A repeat writes too, so that its commit waits for a
-- synchronous standby like the first one's. Keys live 24 hours.
create function remember_request(
  p_account_id uuid, p_route text, p_key text, p_body_hash bytea, p_now timestamptz
) returns jsonb language plpgsql as $$
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
end $$;

-- Ends those of the appointments that are holds or requests past their time.
create function expire_appointments(p_ids uuid[], p_now timestamptz, p_origin uuid)
returns void language plpgsql as $$
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
end $$;

-- Claims the first of the rooms that is free; null when none is.
create function claim_free_room(
  p_room_ids uuid[], p_during tstzrange, p_appointment_id uuid, p_expires_at timestamptz
) returns uuid language plpgsql as $$
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
end $$;

-- p_calendar_ids and p_durings are the wanted claims, the doctor's and the patient's, sorted by
-- calendar id. p_room_ids are the rooms of which one is needed, in the order to try them, for as long as
-- the doctor's claim; null when none is. Rooms are claimed last, by everyone, so that nobody waits for a
-- doctor or a patient while holding a room. Answers what the first request with this key was answered,
-- or p_answer.
create function book_appointment(
  p_now timestamptz, p_origin uuid, p_request_id text, p_account_id uuid,
  p_route text, p_key text, p_body_hash bytea, p_answer jsonb,
  p_doctor_version integer, p_clinic_version integer, p_visit_type_version integer,
  p_id uuid, p_status text, p_doctor_id uuid, p_clinic_id uuid, p_patient_id uuid,
  p_visit_type_id uuid, p_starts_at timestamptz, p_ends_at timestamptz,
  p_time_zone text, p_local_starts_at timestamp, p_reason text, p_expires_at timestamptz,
  p_calendar_ids uuid[], p_durings tstzrange[], p_room_ids uuid[], p_room_during tstzrange
) returns jsonb language plpgsql as $$
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
end $$;
