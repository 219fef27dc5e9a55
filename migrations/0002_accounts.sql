-- Who signs in.

create table account (
  id uuid primary key,
  email text not null,
  password_hash text not null,
  name text not null,
  phone text,
  locale text,
  role text not null constraint account_role_known
    check (role in ('patient', 'doctor', 'front_desk', 'admin')),
  status text not null default 'active' constraint account_status_known
    check (status in ('active', 'disabled')),
  created_at timestamptz not null
);
create unique index account_email_unique on account (lower(email));

-- One sign-in on one device. Only the hash of its current refresh token is kept; a rotated token
-- that comes back ends the session.
create table session (
  id uuid primary key,
  account_id uuid not null constraint session_account references account on delete cascade,
  refresh_token_hash bytea not null constraint session_refresh_token_unique unique,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index session_by_account on session (account_id);
