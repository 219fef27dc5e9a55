-- What happened, in two append-only tables that hold ids and no personal data, so that erasing a
-- person leaves them whole.

-- A lower seq can commit later than a higher one: readers order by (xid, seq) and take only rows
-- below the oldest running transaction.
create table event (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  origin uuid not null,
  type text not null,
  subjects jsonb not null,
  actor_id uuid,
  occurred_at timestamptz not null
);
create index event_by_commit_order on event (xid, seq);

create table audit_entry (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  occurred_at timestamptz not null,
  actor_id uuid,
  action text not null,
  subject_type text not null,
  subject_id uuid,
  allowed boolean not null,
  request_id text,
  details jsonb not null default '{}'
);
create index audit_entry_by_subject on audit_entry (subject_type, subject_id, seq);

-- The application's role has no right to change these rows; this also stops the owner's role, which
-- the application uses when it is given one role only.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function refuse_change();
