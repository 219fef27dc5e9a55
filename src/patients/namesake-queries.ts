import { sql } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { LocalDate } from '#src/kernel/time.ts'

/** The words by which a name is compared. */
export interface NameWords {
  words: string[]
  /** Who is a namesake has at least so many of them. */
  wordsMin: number
}

/** The words of each name, in the order of the names. */
export async function wordsOfNames(db: Queryable, names: readonly string[]): Promise<NameWords[]> {
  const { rows } = await sql<NameWords>`
    select tsvector_to_array(name_vector(typed.name)) as words,
      least(cardinality(whole_words(typed.name)), (select count(distinct word)
        from unnest(words_of(fold_name(typed.name))) as word))::integer as "wordsMin"
    from unnest(${names}::text[]) with ordinality as typed (name, place)
    order by typed.place`.execute(db)
  return rows
}

/** Whether the two names of each pair may be one person's, in the order of the pairs. */
export async function areNamesakes(
  db: Queryable,
  pairs: readonly { one: string; other: string }[],
): Promise<boolean[]> {
  const { rows } = await sql<{ are: boolean }>`
    select is_namesake(pair.one, pair.other) as are
    from unnest(${pairs.map(({ one }) => one)}::text[], ${pairs.map(({ other }) => other)}::text[])
      with ordinality as pair (one, other, place)
    order by pair.place`.execute(db)
  return rows.map(({ are }) => are)
}

export interface NearPatientRow {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  registeredAtClinicId: string | null
}

/**
 * The patients who have one of the e-mail addresses (in lower case), dates of birth or last eight digits of a
 * telephone number; and those with one of the bare names who have none of these.
 */
export async function patientsNear(
  db: Queryable,
  known: {
    emails: readonly string[]
    datesOfBirth: readonly LocalDate[]
    lastEights: readonly string[]
    bareNames: readonly string[]
  },
): Promise<NearPatientRow[]> {
  const { rows } = await sql<NearPatientRow>`
    with near as (
      select id from patient where lower(email) = any (${known.emails}::text[])
      union select id from patient where date_of_birth = any (${known.datesOfBirth}::date[])
      union select patient.id from unnest(${known.lastEights}::text[]) as typed (digits)
        join patient on phone_parts(patient.phone) @> phone_parts(typed.digits)
          and right(phone_digits(patient.phone), 8) = typed.digits
      union select patient.id from unnest(${known.bareNames}::text[]) as typed (name)
        join patient on name_vector(patient.name) @@ name_query(typed.name)
          and patient.name = typed.name and patient.email is null and patient.date_of_birth is null
          and coalesce(length(phone_digits(patient.phone)), 0) < 8)
    select patient.id, patient.name, patient.phone, patient.email,
      patient.date_of_birth as "dateOfBirth",
      patient.registered_at_clinic_id as "registeredAtClinicId"
    from near join patient on patient.id = near.id
    where patient.erased_at is null
    order by patient.id`.execute(db)
  return rows
}
