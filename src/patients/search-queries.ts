import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Instant, LocalDate } from '#src/kernel/time.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { isManaged, isVisibleTo } from './queries.ts'

/** What patients are looked for by; all that is there must match. */
export interface PatientWanted {
  /** Beginnings of words of the name, in any order. */
  words?: string | undefined
  /** Four to eight digits that follow each other in the telephone number. */
  digits?: string | undefined
  dateOfBirth?: LocalDate | undefined
}

export interface FoundPatientRow {
  id: string
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  hasAccount: boolean
  version: number
  /** Of the visits that the actor may see, the last one that began and the next one. */
  lastVisitAt: Instant | null
  lastVisitZone: string | null
  nextVisitAt: Instant | null
  nextVisitZone: string | null
}

/**
 * The patients that match, by name and then id, after `afterId`: those the actor may see, and for the
 * front desk also anyone it can identify by the date of birth together with the name or the telephone
 * number.
 */
export async function patientsWanted(
  db: Queryable,
  options: {
    wanted: PatientWanted
    actor: AccountActor
    now: Instant
    afterId: string | null
    rowsMax: number
  },
): Promise<FoundPatientRow[]> {
  const { wanted, actor, now, afterId } = options
  const { words, digits, dateOfBirth } = wanted
  const isIdentified = dateOfBirth !== undefined && (words !== undefined || digits !== undefined)
  // Put in order before it is known who may be seen, since that is asked for one by one until the page
  // is full. The offset keeps the two apart.
  let matching = db
    .selectFrom('patient')
    .selectAll()
    .orderBy('name')
    .orderBy('id')
    .offset(sql.lit(0))
  if (words !== undefined)
    matching = matching.where(sql<SqlBool>`name_vector(patient.name) @@ name_query(${words})`)
  if (digits !== undefined) matching = matching.where(hasDigits(digits))
  if (dateOfBirth !== undefined) matching = matching.where('date_of_birth', '=', dateOfBirth)
  if (afterId !== null)
    matching = matching.where(
      sql<SqlBool>`(patient.name, patient.id) >
        (select last.name, last.id from patient as last where last.id = ${afterId})`,
    )
  let found = db
    .selectFrom(matching.as('patient'))
    .selectAll()
    .orderBy('patient.name')
    .orderBy('patient.id')
    .limit(options.rowsMax)
  if (!(isIdentified && actor.role === 'front_desk')) found = found.where(isVisibleTo(actor, now))
  return db
    .selectFrom(found.as('patient'))
    .leftJoinLateral(visitSeenBy(actor, { now, which: 'last' }).as('last'), (join) => join.onTrue())
    .leftJoinLateral(visitSeenBy(actor, { now, which: 'next' }).as('next'), (join) => join.onTrue())
    .select([
      'patient.id',
      'patient.name',
      'patient.phone',
      'patient.email',
      'patient.date_of_birth as dateOfBirth',
      'patient.version',
      isManaged(now).as('hasAccount'),
      'last.starts_at as lastVisitAt',
      'last.time_zone as lastVisitZone',
      'next.starts_at as nextVisitAt',
      'next.time_zone as nextVisitZone',
    ])
    .orderBy('patient.name')
    .orderBy('patient.id')
    .execute()
}

function hasDigits(digits: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(phone_parts(patient.phone) @> phone_parts(${digits})
    and phone_digits(patient.phone) like '%' || ${digits}::text || '%')`
}

type Visit = { starts_at: Instant; time_zone: string }

/** The patient's visit before or after `now`, of those that took or take place and the actor may see. */
function visitSeenBy(
  actor: AccountActor,
  { now, which }: { now: Instant; which: 'last' | 'next' },
): RawBuilder<Visit> {
  const at = formatUtc(now)
  const span =
    which === 'last'
      ? sql`appointment.starts_at <= ${at} order by appointment.starts_at desc`
      : sql`appointment.starts_at > ${at} order by appointment.starts_at`
  return sql<Visit>`(
    select appointment.starts_at, appointment.time_zone from appointment
    where appointment.patient_id = patient.id
      and appointment.status in ('confirmed', 'arrived', 'with_doctor', 'completed')
      and (${actor.role === 'admin'}::boolean
        or appointment.doctor_id = ${actor.doctorId}::uuid
        or appointment.clinic_id = any(${[...actor.clinicIds]}::uuid[]))
      and ${span} limit 1)`
}

export interface CandidateRow {
  id: string
  name: string
  dateOfBirth: LocalDate | null
  /** The last digits of the telephone number, at most four. */
  phoneEndsWith: string | null
  hasAccount: boolean
}

/** Makes those who register a person of this name do so one after the other, until they commit. */
export async function lockName(db: Queryable, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('patient ' || fold_name(${name}), 0))`.execute(
    db,
  )
}

/**
 * Patients of the network who are likely the same person: the e-mail address is the same, or a word of
 * the name is and either the date of birth or the last eight digits of the telephone number.
 */
export async function likelyDuplicates(
  db: Queryable,
  options: {
    person: {
      name: string
      phone: string | null
      email: string | null
      dateOfBirth: LocalDate | null
    }
    now: Instant
    rowsMax: number
  },
): Promise<CandidateRow[]> {
  const { name, phone, email, dateOfBirth } = options.person
  const digits = (phone ?? '').replaceAll(/[^0-9]/g, '').slice(-8)
  const lastDigits = digits.length === 8 ? digits : null
  const birth = sql<SqlBool>`patient.date_of_birth = ${dateOfBirth}::date`
  const sameEmail = sql<SqlBool>`lower(patient.email) = lower(${email})`
  const samePhone = sql<SqlBool>`(phone_parts(patient.phone) @> phone_parts(${lastDigits}::text)
    and right(phone_digits(patient.phone), 8) = ${lastDigits}::text)`
  const sharesWord = sql<SqlBool>`tsvector_to_array(name_vector(patient.name))
    && tsvector_to_array(name_vector(${name}))`
  return db
    .selectFrom('patient')
    .select([
      'id',
      'name',
      'date_of_birth as dateOfBirth',
      sql<string | null>`nullif(right(phone_digits(patient.phone), 4), '')`.as('phoneEndsWith'),
      isManaged(options.now).as('hasAccount'),
    ])
    .where(sql<SqlBool>`(${sameEmail} or ((${birth} or ${samePhone}) and ${sharesWord}))`)
    .orderBy(sql`coalesce(${birth}, false)`, 'desc')
    .orderBy('id')
    .limit(options.rowsMax)
    .execute()
}
