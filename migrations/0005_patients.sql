-- The person who is seen, apart from the accounts that may act for them.
create table patient (
  id uuid primary key,
  name text not null,
  phone text,
  email text,
  date_of_birth date,
  version integer not null default 1,
  created_at timestamptz not null
);

create table patient_access (
  account_id uuid not null constraint patient_access_account references account on delete cascade,
  patient_id uuid not null constraint patient_access_patient references patient on delete cascade,
  relation text not null constraint patient_access_relation_known
    check (relation in ('self', 'parent', 'carer')),
  scope text not null constraint patient_access_scope_known check (scope in ('book', 'see', 'manage')),
  created_at timestamptz not null,
  ends_at timestamptz,
  primary key (account_id, patient_id)
);
create index patient_access_by_patient on patient_access (patient_id);
create unique index patient_access_one_self on patient_access (account_id) where relation = 'self';
