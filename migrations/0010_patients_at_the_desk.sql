-- People who are served without an account of theirs: who registered them, what finds them among a
-- million others, and the links by which they claim their record.

alter table patient
  add column registered_by uuid constraint patient_registered_by references account on delete set null,
  add column registered_at_clinic_id uuid
    constraint patient_registered_at_clinic references clinic on delete set null;
create index patient_by_registrar on patient (registered_by) where registered_by is not null;
create index patient_by_clinic_of_registration on patient (registered_at_clinic_id)
  where registered_at_clinic_id is not null;

-- How names are compared: without accents and case. Letters that Unicode does not take apart are
-- written out, and so are the capitals that lower() leaves alone in the locale C.
create function fold_name(name text) returns text language sql immutable strict parallel safe
return replace(replace(replace(replace(
  translate(
    lower(regexp_replace(normalize(name, nfkd),
      '[\u0300-\u036F\u0591-\u05C7\u064B-\u065F\u0670\u1AB0-\u1AFF\u1DC0-\u1DFF]', '', 'g')),
    'øłđðıħØŁĐÐĦÆŒÞẞς'
      'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ'
      'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЄІҐ',
    'olddiholddhæœþßσ'
      'αβγδεζηθικλμνξοπρστυφχψω'
      'абвгдежзиклмнопрстуфхцчшщъыьэюяєіґ'),
  'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');

-- The words of a folded name. What separates them is named by its code, since what the server calls a
-- letter depends on its locale.
create function words_of(folded text) returns text[] language sql immutable strict parallel safe
return array_remove(
  regexp_split_to_array(folded,
    '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00BF\u2000-\u206F\u3000-\u303F]+'),
  '');

-- A folded name in which those that an apostrophe or a hyphen joins are one word.
create function join_words(folded text) returns text language sql immutable strict parallel safe
return regexp_replace(folded, '[''`´‘’ʼ‐‑-]', '', 'g');

-- The words by which a name is found: O'Brien by o, brien and obrien. The cost keeps the planner from
-- working this out for every patient instead of asking the index; for that it must be a call, which a
-- subquery makes it.
create function name_vector(name text) returns tsvector language sql immutable strict parallel safe
cost 10000
return (select array_to_tsvector(words_of(fold_name(name)) || words_of(join_words(fold_name(name)))));

-- That each of the words begins a word of the name.
create function each_begins(words text[]) returns tsquery language sql immutable strict parallel safe
return case when cardinality(words) = 0 then ''
  else '''' || array_to_string(words, ''':* & ''') || ''':*' end::tsquery;

-- What is typed to find a name: beginnings of its words, in any order.
create function name_query(typed text) returns tsquery language sql immutable strict parallel safe
return each_begins(words_of(join_words(fold_name(typed)))) || each_begins(words_of(fold_name(typed)));

-- The words of a name, each once, where those that an apostrophe or a hyphen joins are one.
create function whole_words(name text) returns text[] language sql immutable strict parallel safe
return (select tsvector_to_array(array_to_tsvector(words_of(join_words(fold_name(name))))));

-- Whether all words of the shorter name are in the longer one, however they are joined.
create function name_covers(longer text, shorter text) returns boolean
language sql immutable strict parallel safe cost 10000
return cardinality(whole_words(shorter)) > 0 and (
  tsvector_to_array(name_vector(longer)) @> words_of(fold_name(shorter))
  or tsvector_to_array(name_vector(longer)) @> whole_words(shorter));

-- Whether one name is in the other, so that one person may go by both.
create function is_namesake(one text, other text) returns boolean
language sql immutable strict parallel safe cost 10000
return abs(cardinality(whole_words(one)) - cardinality(whole_words(other))) <= 3
  and (name_covers(one, other) or name_covers(other, one));

-- Whether someone who typed one name knows the other: two whole words of it, or all there are. A surname
-- with an apostrophe is one word here.
create function is_same_name(one text, other text) returns boolean
language sql immutable strict parallel safe cost 10000
return cardinality(whole_words(one)) > 0 and (
  whole_words(one) = whole_words(other)
  or (
    select count(*) >= 2 from unnest(whole_words(one)) as word
    where word = any (whole_words(other))));

-- The digits of a telephone number however it is written.
create function phone_digits(phone text) returns text language sql immutable strict parallel safe
return regexp_replace(phone, '[^0-9]', '', 'g');

-- Each run of four digits in it: whoever looks for a part of a number looks for the parts of that.
create function phone_parts(phone text) returns text[] language sql immutable strict parallel safe
cost 10000
return (
  select array_agg(distinct substr(phone_digits(phone), place, 4))
  from generate_series(1, length(phone_digits(phone)) - 3) as place
);

create index patient_by_name_words on patient using gin (name_vector(name));
create index patient_by_phone_parts on patient using gin (phone_parts(phone));
create index patient_by_date_of_birth on patient (date_of_birth);
create index patient_by_email on patient (lower(email));

-- A one-time way for an account to someone's record; only the code's hash is kept. `tries` counts the
-- wrong dates of birth.
create table patient_claim_link (
  id uuid primary key,
  patient_id uuid not null
    constraint patient_claim_link_patient references patient on delete cascade,
  code_hash bytea not null constraint patient_claim_link_code_unique unique,
  made_by uuid constraint patient_claim_link_made_by references account on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by uuid constraint patient_claim_link_used_by references account on delete set null,
  tries smallint not null default 0 constraint patient_claim_link_tries check (tries between 0 and 5)
);
create unique index patient_claim_link_one_open on patient_claim_link (patient_id)
  where used_at is null;
