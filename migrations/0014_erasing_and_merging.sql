-- Two records of one person become one; people and what is no longer needed are erased. What the
-- application's role may not change or delete is erased by functions that run with the owner's rights.

-- A doctor who left stays for the visits that there were.
alter table doctor
  drop constraint doctor_status_known,
  add constraint doctor_status_known check (status in ('bookable', 'paused', 'left'));

-- What is old is found by its age; a summary of blocks costs writers next to nothing.
create index event_by_age on event using brin (occurred_at);
create index session_ended on session (ended_at) where ended_at is not null;
create index notification_by_age on notification using brin (queued_at);
create index patient_by_age on patient (created_at, id) where erased_at is null;

-- The few who keep the last of them from leaving.
create index account_active_admin on account (id) where role = 'admin' and status = 'active';

-- Locks records and all their visits against bookings and steps, both in the order of their ids. The visits
-- come first, since a step has its visit before it refers to the patient; those that were booked until the
-- records were locked come last, and nobody waits with them for this. Answers the records that are there and
-- were not erased.
create function lock_patients(p_ids uuid[]) returns setof uuid language plpgsql as $$
begin
  perform from appointment where patient_id = any (p_ids) order by id for update;
  return query select id from patient where id = any (p_ids) and erased_at is null order by id for update;
  perform from appointment where patient_id = any (p_ids) order by id for update;
end $$;

-- Locks an account that is to be erased, and where it is an admin all admins before it in the order of their
-- ids, so that of the last two one waits for the other. Whoever gives it something waits, and finds it gone.
create function lock_account_to_erase(p_account_id uuid) returns void language plpgsql as $$
begin
  if exists (select from account where id = p_account_id and role = 'admin' and status = 'active') then
    perform from account where role = 'admin' and status = 'active' order by id for no key update;
  end if;
  perform from account where id = p_account_id for update;
end $$;

-- The visits of two patients that claim the same time, which one person cannot keep. What is over does
-- not matter any more.
create function clashing_visits(p_kept uuid, p_dropped uuid, p_now timestamptz)
returns setof uuid language sql stable as $$
  select unnest(array[kept.appointment_id, dropped.appointment_id])
    from claim as kept join claim as dropped
      on dropped.calendar_id = p_dropped and kept.during && dropped.during
    where kept.calendar_id = p_kept and upper(kept.during) > p_now and upper(dropped.during) > p_now
      and (kept.expires_at is null or kept.expires_at > p_now)
      and (dropped.expires_at is null or dropped.expires_at > p_now)
$$;

-- Writes that it was the kept patient who acted on the visits, where it was the one that is gone. Good for
-- nothing else: no account and no patient may have the former id.
create function rename_merged_actor(p_former uuid, p_patient uuid)
returns void language sql security definer as $$
  update appointment_event set actor_id = p_patient
    where actor_id = p_former
      and appointment_id in (select id from appointment where patient_id = p_patient)
      and exists (select from patient where id = p_patient)
      and not exists (select from patient where id = p_former)
      and not exists (select from account where id = p_former)
$$;

-- Moves everything of one patient to another and deletes the record that is left over. Contact data that
-- the kept record lacks are filled. Answers the accounts that had access to the dropped record and how
-- theirs changed. Raises when accounts act as two different people themselves, when visits clash, and when
-- dates of birth differ unless p_despite_date_of_birth.
create function merge_patients(
  p_kept uuid, p_dropped uuid, p_now timestamptz, p_origin uuid, p_actor_id uuid,
  p_despite_date_of_birth boolean
) returns table (account_id uuid, change text) language plpgsql as $$
declare
  kept patient;
  dropped patient;
  repeated_wishes uuid[];
  before appointment;
  after appointment;
begin
  if (select count(*) from lock_patients(array[p_kept, p_dropped])) < 2 then
    raise exception 'there is no such patient'
      using errcode = 'foreign_key_violation', constraint = 'appointment_patient';
  end if;
  select * into kept from patient where id = p_kept;
  select * into dropped from patient where id = p_dropped;
  if kept.date_of_birth <> dropped.date_of_birth and not p_despite_date_of_birth then
    raise exception 'the dates of birth differ'
      using errcode = 'integrity_constraint_violation', constraint = 'merge_date_of_birth';
  end if;
  if exists (
    select from patient_access as own join patient_access as other
      on other.patient_id = p_dropped and other.relation = 'self' and other.account_id <> own.account_id
        and (other.ends_at is null or other.ends_at > p_now)
    where own.patient_id = p_kept and own.relation = 'self' and (own.ends_at is null or own.ends_at > p_now))
  then
    raise exception 'two accounts act as the patient'
      using errcode = 'integrity_constraint_violation', constraint = 'merge_two_selves';
  end if;

  -- What has run out is in nobody's way, and of two holds with one doctor one is enough.
  perform end_appointments(
    array(select id from appointment where patient_id in (p_kept, p_dropped) and expires_at <= p_now),
    array(select held.id from appointment as held
      where held.patient_id = p_dropped and held.status = 'held' and not held.is_offer
        and exists (select from appointment as own
          where own.patient_id = p_kept and own.doctor_id = held.doctor_id
            and own.status = 'held' and not own.is_offer)),
    p_now, p_origin);
  if exists (select from clashing_visits(p_kept, p_dropped, p_now)) then
    raise exception 'visits of the two overlap'
      using errcode = 'exclusion_violation', constraint = 'merge_visits_clash';
  end if;
  -- Claims on the past keep nobody away.
  delete from claim as past
    where past.calendar_id = p_dropped and exists (
      select from claim as own where own.calendar_id = p_kept and own.during && past.during);

  -- Each visit gets a step of its own, so that whoever decided on a step of the former patient's visit
  -- decides again.
  for before in
    select * from appointment where patient_id = p_dropped order by id for update
  loop
    after := before;
    after.patient_id := p_kept;
    after.version := before.version + 1;
    update appointment set patient_id = p_kept, version = after.version where id = after.id;
    perform record_step(after, before, p_now, p_origin, p_actor_id, 'merge', 'appointment.merged', null);
  end loop;
  update claim set calendar_id = p_kept where calendar_id = p_dropped;

  -- Of two equal wishes the one of the record that goes ends, with what is offered to it.
  repeated_wishes := array(
    select wish.id from waitlist_entry as wish
    where wish.patient_id = p_dropped and wish.status = 'waiting' and wish.appointment_id is null
      and exists (select from waitlist_entry as own
        where own.patient_id = p_kept and own.status = 'waiting' and own.appointment_id is null
          and own.visit_type_id = wish.visit_type_id
          and coalesce(own.doctor_id, own.specialty_id) = coalesce(wish.doctor_id, wish.specialty_id)));
  perform end_appointments(null, array(
    select appointment_id from waitlist_offer
    where entry_id = any (repeated_wishes) and outcome is null), p_now, p_origin);
  update waitlist_offer set outcome = 'expired'
    where entry_id = any (repeated_wishes) and outcome is null;
  update waitlist_entry set status = 'ended' where id = any (repeated_wishes);
  update waitlist_entry set patient_id = p_kept where patient_id = p_dropped;

  update medical_entry set patient_id = p_kept where patient_id = p_dropped;
  update calendar_feed set patient_id = p_kept where patient_id = p_dropped;
  delete from notification as repeated
    where repeated.patient_id = p_dropped and exists (
      select from notification as own
      where own.patient_id = p_kept and own.channel = repeated.channel and own.topic = repeated.topic);
  update notification set patient_id = p_kept where patient_id = p_dropped;

  -- An open link or invitation to either was made for less than there is now.
  delete from patient_claim_link where patient_id in (p_kept, p_dropped) and used_at is null;
  update patient_claim_link set patient_id = p_kept where patient_id = p_dropped;
  delete from access_invitation where patient_id in (p_kept, p_dropped) and used_at is null;
  update access_invitation set patient_id = p_kept where patient_id = p_dropped;

  -- Of two accesses of an account the one that is open holds, and of two open ones the wider. Those that have
  -- ended stay: what their accounts booked was booked by the patient's side.
  return query
    with both_of as (
      delete from patient_access as moved
      where moved.patient_id = p_dropped and exists (
        select from patient_access as own
        where own.patient_id = p_kept and own.account_id = moved.account_id)
      returning moved.*
    ), pair as (
      select moved.*, coalesce(own.ends_at <= p_now, false) as takes_place,
        coalesce(own.ends_at <= p_now, false) or moved.relation = 'self' or (own.relation <> 'self'
          and (array_position('{see,book,manage}'::text[], moved.scope), coalesce(moved.ends_at, 'infinity'))
            > (array_position('{see,book,manage}'::text[], own.scope), coalesce(own.ends_at, 'infinity')))
          as is_wider
      from both_of as moved join patient_access as own
        on own.patient_id = p_kept and own.account_id = moved.account_id
      where moved.ends_at is null or moved.ends_at > p_now
    ), widened as (
      update patient_access as own set relation = pair.relation, scope = pair.scope,
        created_at = pair.created_at, ends_at = pair.ends_at, agreed_ends_at = pair.agreed_ends_at,
        granted_by = pair.granted_by, end_told_at = pair.end_told_at, end_noted_at = pair.end_noted_at
      from pair where own.patient_id = p_kept and own.account_id = pair.account_id and pair.is_wider
    )
    select pair.account_id, case when pair.takes_place then 'granted' else 'changed' end from pair
    union all
    select own.account_id, 'granted' from patient_access as own
    where own.patient_id = p_dropped and (own.ends_at is null or own.ends_at > p_now)
      and own.account_id not in (select both_of.account_id from both_of);
  update patient_access set patient_id = p_kept where patient_id = p_dropped;

  delete from patient where id = p_dropped;
  perform rename_merged_actor(p_dropped, p_kept);
  update patient set
    phone = coalesce(kept.phone, dropped.phone),
    email = coalesce(kept.email, dropped.email),
    date_of_birth = coalesce(kept.date_of_birth, dropped.date_of_birth),
    locale = coalesce(kept.locale, dropped.locale),
    (street, postal_code, city, country) = (
      select one.street, one.postal_code, one.city, one.country
      from (values (1, kept.street, kept.postal_code, kept.city, kept.country),
        (2, dropped.street, dropped.postal_code, dropped.city, dropped.country))
        as one (place, street, postal_code, city, country)
      order by num_nonnulls(one.street, one.postal_code, one.city, one.country) = 0, one.place limit 1),
    insurance_number = coalesce(kept.insurance_number, dropped.insurance_number),
    (emergency_name, emergency_phone, emergency_relation) = (
      select one.name, one.phone, one.relation
      from (values (1, kept.emergency_name, kept.emergency_phone, kept.emergency_relation),
        (2, dropped.emergency_name, dropped.emergency_phone, dropped.emergency_relation))
        as one (place, name, phone, relation)
      order by num_nonnulls(one.name, one.phone, one.relation) = 0, one.place limit 1),
    (registered_by, registered_at_clinic_id) = (
      select one.account, one.clinic
      from (values (1, kept.registered_by, kept.registered_at_clinic_id),
        (2, dropped.registered_by, dropped.registered_at_clinic_id)) as one (place, account, clinic)
      order by num_nonnulls(one.account, one.clinic) = 0, one.place limit 1),
    created_at = least(kept.created_at, dropped.created_at),
    version = kept.version + 1
    where id = p_kept;
end $$;

-- Nothing new comes to a record that was erased. The trigger runs after the check of the foreign key, whose
-- lock waits for an erasure under way, since its name sorts behind that one's.
create function refuse_erased_patient() returns trigger language plpgsql as $$
begin
  if exists (select from patient where id = new.patient_id and erased_at is not null) then
    raise exception 'the patient was erased'
      using errcode = 'foreign_key_violation', constraint = 'appointment_patient';
  end if;
  return null;
end $$;
create trigger refuse_erased_patient after insert on appointment
  for each row execute function refuse_erased_patient();
create trigger refuse_erased_patient after insert on waitlist_entry
  for each row execute function refuse_erased_patient();
create trigger refuse_erased_patient after insert on medical_entry
  for each row execute function refuse_erased_patient();
create trigger refuse_erased_patient after insert on patient_access
  for each row execute function refuse_erased_patient();

-- Nothing is written any more about the visits of whoever was erased, neither messages nor notes and reasons
-- of steps. Here too the check of the foreign key waits for an erasure under way.
create function refuse_words_of_erased() returns trigger language plpgsql as $$
begin
  if exists (
    select from appointment join patient on patient.id = appointment.patient_id
    where appointment.id = new.appointment_id and patient.erased_at is not null)
  then
    raise exception 'the patient was erased'
      using errcode = 'integrity_constraint_violation', constraint = 'visit_of_erased_patient';
  end if;
  return null;
end $$;
create trigger refuse_words_of_erased after insert on message
  for each row execute function refuse_words_of_erased();
create trigger refuse_words_of_erased after insert on appointment_event
  for each row when (new.note is not null or new.staff_note is not null)
  execute function refuse_words_of_erased();

-- Nor does an account that was erased get access to anyone; an erasure under way is waited for. An access
-- that was given anew is one whose end is not noted any more.
create function refuse_erased_account() returns trigger language plpgsql as $$
begin
  perform from account where id = new.account_id and status <> 'erased' for key share;
  if not found then
    raise exception 'the account was erased'
      using errcode = 'foreign_key_violation', constraint = 'patient_access_account';
  end if;
  return null;
end $$;
create trigger refuse_erased_account after insert on patient_access
  for each row execute function refuse_erased_account();
create trigger refuse_erased_account_anew after update on patient_access
  for each row when (old.end_noted_at is not null and new.end_noted_at is null)
  execute function refuse_erased_account();

-- Whether a visit took place, which clinics must keep on record.
create function has_taken_place(p_status text) returns boolean language sql immutable
return p_status in ('arrived', 'with_doctor', 'completed', 'no_show');

-- Makes a record nobody's: what says who the person is or why they came goes; times, doctors and outcomes of
-- the visits stay. Not for a record with a visit ahead. Answers false for one that is not there or was
-- erased before.
create function erase_patient(p_patient_id uuid, p_now timestamptz)
returns boolean language plpgsql security definer as $$
declare
  visits uuid[];
begin
  perform lock_patients(array[p_patient_id]);
  if not found then
    return false;
  end if;
  visits := array(select id from appointment where patient_id = p_patient_id order by id);
  if exists (
    select from appointment
    where id = any (visits) and status in ('held', 'requested', 'confirmed', 'arrived', 'with_doctor')
      and ends_at > p_now and (expires_at is null or expires_at > p_now))
  then
    raise exception 'the patient has visits ahead'
      using errcode = 'integrity_constraint_violation', constraint = 'patient_visits_open';
  end if;
  delete from medical_entry where patient_id = p_patient_id;
  delete from message where appointment_id = any (visits);
  delete from message_read where appointment_id = any (visits);
  delete from notification where patient_id = p_patient_id
    or (appointment_id = any (visits) and side = 'patient');
  delete from calendar_feed where patient_id = p_patient_id;
  delete from waitlist_entry where patient_id = p_patient_id;
  delete from patient_claim_link where patient_id = p_patient_id;
  delete from access_invitation where patient_id = p_patient_id;
  delete from patient_access where patient_id = p_patient_id;
  update appointment set reason = null, cancelled_reason = null, staff_note = null,
    overbooked_reason = case when overbooked_reason is not null then 'Erased' end
    where id = any (visits);
  update appointment_event set reason = null, note = null, staff_note = null,
    overbooked_reason = case when overbooked_reason is not null then 'Erased' end
    where appointment_id = any (visits);
  update patient set name = 'Erased', phone = null, email = null, date_of_birth = null, locale = null,
    street = null, postal_code = null, city = null, country = null, insurance_number = null,
    emergency_name = null, emergency_phone = null, emergency_relation = null,
    registered_by = null, registered_at_clinic_id = null, erased_at = p_now, version = version + 1
    where id = p_patient_id;
  return true;
end $$;

-- What of the records that an account leaves becomes when it is erased: `kept`, since a visit took place or
-- someone else manages the record; `given-back` to the desk that knows the person; `erased`, since there
-- were only visits that came to nothing; `deleted`. Its own contact data go from a record that is kept.
-- Where nobody manages the record any more, nobody has access to it: answers whose ended with this one's.
create function leave_patients(p_account_id uuid, p_now timestamptz)
returns table (patient_id uuid, outcome text, others uuid[]) language plpgsql as $$
declare
  access patient_access;
  what text;
  ended uuid[];
  took_place boolean;
  has_visit boolean;
begin
  perform lock_account_to_erase(p_account_id);
  -- There will be nobody to be told.
  update patient_access as one set end_noted_at = one.ends_at
    where one.account_id = p_account_id and one.ends_at <= p_now;
  perform lock_patients(array(
    select one.patient_id from patient_access as one
    where one.account_id = p_account_id and (one.ends_at is null or one.ends_at > p_now)));
  loop
    select one.* into access from patient_access as one
      where one.account_id = p_account_id and (one.ends_at is null or one.ends_at > p_now)
      order by one.patient_id limit 1;
    exit when not found;
    -- One that a merge moved to another record, until this had locked it, is found there.
    perform lock_patients(array[access.patient_id]);
    update patient_access as one set ends_at = p_now, agreed_ends_at = p_now, end_noted_at = p_now
      where one.account_id = p_account_id and one.patient_id = access.patient_id
        and (one.ends_at is null or one.ends_at > p_now);
    continue when not found;
    what := 'kept';
    ended := '{}';
    -- An access that gave less than managing leaves nothing behind.
    if access.scope = 'manage' and not exists (
      select from patient_access as other
      where other.patient_id = access.patient_id and other.scope = 'manage'
        and (other.ends_at is null or other.ends_at > p_now))
    then
      select coalesce(bool_or(has_taken_place(status)), false), count(*) > 0
        into took_place, has_visit from appointment where appointment.patient_id = access.patient_id;
      if access.relation <> 'self' then
        if has_visit or exists (
          select from patient
          where id = access.patient_id
            and (registered_by is not null or registered_at_clinic_id is not null))
        then
          what := 'given-back';
        else
          what := 'deleted';
        end if;
      elsif exists (
        select from appointment
        where appointment.patient_id = access.patient_id
          and status in ('held', 'requested', 'confirmed') and ends_at > p_now
          and (expires_at is null or expires_at > p_now))
      then
        raise exception 'the patient has visits ahead'
          using errcode = 'integrity_constraint_violation', constraint = 'patient_visits_open';
      elsif took_place then
        update patient set phone = null, email = null, locale = null, street = null,
          postal_code = null, city = null, country = null, emergency_name = null,
          emergency_phone = null, emergency_relation = null, version = version + 1
          where id = access.patient_id;
        update notification set address = null
          where notification.patient_id = access.patient_id and address is not null;
      elsif has_visit then
        what := 'erased';
      else
        what := 'deleted';
      end if;
      with closed as (
        update patient_access as other set ends_at = p_now, agreed_ends_at = p_now, end_noted_at = p_now
        where other.patient_id = access.patient_id and (other.ends_at is null or other.ends_at > p_now)
        returning other.account_id
      )
      select coalesce(array_agg(closed.account_id order by closed.account_id), '{}') into ended from closed;
      delete from access_invitation
        where access_invitation.patient_id = access.patient_id and used_at is null;
    end if;
    if what = 'erased' then
      perform erase_patient(access.patient_id, p_now);
    elsif what = 'deleted' then
      delete from patient where id = access.patient_id;
    end if;
    patient_id := access.patient_id;
    outcome := what;
    others := ended;
    return next;
  end loop;
end $$;

-- Makes an account nobody's, whose records were left before: its row stays for those who refer to it, with
-- its accesses, which have ended. p_password_hash is one that no password has. Raises for the last admin
-- there is. Answers false for one that was erased before.
create function erase_account(p_account_id uuid, p_password_hash text)
returns boolean language plpgsql as $$
declare
  former account;
begin
  perform lock_account_to_erase(p_account_id);
  select * into former from account where id = p_account_id;
  if former.id is null or former.status = 'erased' then
    return false;
  end if;
  if former.role = 'admin' and former.status = 'active' and not exists (
    select from account where role = 'admin' and status = 'active' and id <> p_account_id)
  then
    raise exception 'the last admin stays'
      using errcode = 'integrity_constraint_violation', constraint = 'account_last_admin';
  end if;
  delete from session where account_id = p_account_id;
  delete from second_factor where account_id = p_account_id;
  delete from account_link where account_id = p_account_id;
  delete from notification where account_id = p_account_id;
  delete from notification_preference where account_id = p_account_id;
  delete from quiet_hours where account_id = p_account_id;
  delete from calendar_feed where account_id = p_account_id;
  delete from message_read where account_id = p_account_id;
  delete from membership where account_id = p_account_id;
  delete from access_invitation where invited_by = p_account_id;
  delete from access_invitation
    where used_by = p_account_id or lower(email) = lower(former.email);
  delete from idempotency_key where account_id = p_account_id;
  update notification set address = null
    where address is not null and invitation_id in (
      select id from invitation where used_by = p_account_id or lower(email) = lower(former.email));
  update invitation set email = null where used_by = p_account_id or lower(email) = lower(former.email);
  update account set email = id || '@erased.invalid', password_hash = p_password_hash,
    name = 'Former account', phone = null, locale = null, email_verified_at = null, status = 'erased'
    where id = p_account_id;
  return true;
end $$;

-- As in 0009, but for a doctor who left meanwhile: whoever wants to book looks again.
create or replace function lock_against_bookings(p_doctor_id uuid, p_clinic_id uuid)
returns void language plpgsql as $$
begin
  perform from doctor where id = p_doctor_id and status <> 'left' for no key update;
  if not found then
    raise exception 'the doctor has left'
      using errcode = 'integrity_constraint_violation', constraint = 'schedule_version_stale';
  end if;
  perform from clinic where id = p_clinic_id for no key update;
end $$;

-- Takes a doctor out of the directory and out of all schedules, whose row the caller has locked and who has
-- no visits ahead. Answers the account that the profile had.
create function remove_doctor(p_doctor_id uuid, p_now timestamptz)
returns uuid language plpgsql as $$
declare
  former_account uuid;
begin
  select account_id into former_account from doctor where id = p_doctor_id;
  delete from weekly_hours where doctor_id = p_doctor_id;
  delete from opening where doctor_id = p_doctor_id;
  delete from time_off where doctor_id = p_doctor_id;
  delete from delay where doctor_id = p_doctor_id;
  delete from doctor_visit_type where doctor_id = p_doctor_id;
  delete from doctor_clinic where doctor_id = p_doctor_id;
  delete from calendar_feed where doctor_id = p_doctor_id;
  update invitation set revoked_at = p_now
    where doctor_id = p_doctor_id and used_at is null and revoked_at is null;
  update doctor set status = 'left', account_id = null, phone = null, email = null, bio = null,
    accepting_new_patients = false, version = version + 1
    where id = p_doctor_id;
  return former_account;
end $$;

-- Deletes up to p_limit events from before p_before, at least a week old, that every reader has read.
-- Answers how many.
create function purge_events(p_before timestamptz, p_limit integer)
returns integer language plpgsql security definer as $$
declare
  purged integer;
begin
  delete from event where ctid = any (array(
    select old.ctid from event as old
    where old.occurred_at < least(p_before, now() - interval '7 days')
      and not exists (
        select from event_reader as reader where (old.xid, old.seq) > (reader.xid, reader.seq))
    limit p_limit));
  get diagnostics purged = row_count;
  return purged;
end $$;

-- Functions with the owner's rights find the tables of this schema and nothing that someone else put in
-- their way, and are for the application's role alone, which is given them at each start.
do $$
declare
  signature regprocedure;
begin
  foreach signature in array array[
    'rename_merged_actor(uuid, uuid)', 'erase_patient(uuid, timestamptz)',
    'purge_events(timestamptz, integer)']::regprocedure[]
  loop
    execute format('alter function %s set search_path = pg_catalog, %I, pg_temp', signature, current_schema());
    execute format('revoke execute on function %s from public', signature);
  end loop;
end $$;
