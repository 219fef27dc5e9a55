import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { AccountActor } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Instant, LocalDate } from '#src/kernel/time.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { idsOfTheirs, isManaged, isVisibleTo, seesInFull } from './sight-queries.ts'

/** What patients are looked for by; all that is there must match. */
export interface PatientWanted {
  /** Beginnings of words of the name, in any order. */
  words?: string | undefined
  /** Four to eight digits that follow each other in the telephone number. */
  digits?: string | undefined
  dateOfBirth?: LocalDate | undefined
}

/** What the actor may not see and did not name is null. */
export interface FoundPatientRow {
  id: string
  name: string
  phone: string | null
  /** Of a number that the actor named and does not see. */
  phoneEndsWith: string | null
  email: string | null
  dateOfBirth: LocalDate | null
  hasAccount: boolean
  version: number | null
  /** Of the visits that the actor may see, the last one that began and the next one. */
  lastVisitAt: Instant | null
  lastVisitZone: string | null
  nextVisitAt: Instant | null
  nextVisitZone: string | null
}

/** Whom a page begins after. */
export interface FoundPosition {
  name: string
  id: string
}

/** As many digits of a telephone number as help to identify a stranger. */
const identifyingDigits = 6

/** Up to how many visits and patients are few. */
const fewMax = 5000

/**
 * Whether the actor has few visits and patients. A search then begins with them; else with the names,
 * whose page is full before many strangers were looked at.
 */
export async function hasFewPatients(db: Queryable, actor: AccountActor): Promise<boolean> {
  if (actor.role === 'admin') return false
  const clinics = sql`any(${[...actor.clinicIds]}::uuid[])`
  const limit = sql.lit(fewMax)
  const { rows } = await sql<{ is_few: boolean }>`select count(*) < ${limit} as is_few from (
    (select from appointment where doctor_id = ${actor.doctorId}::uuid limit ${limit})
    union all (select from appointment where clinic_id = ${clinics} limit ${limit})
    union all (select from patient where registered_at_clinic_id = ${clinics} limit ${limit})
  ) as theirs`.execute(db)
  return rows[0]!.is_few
}

/**
 * The patients that match, by name and then id, after `after`: those the actor may see, and for a front
 * desk also who is identified by the exact date of birth together with two whole words of the name, or
 * one and six digits of the telephone number. Of those it learns no more than it named, but the name.
 */
export async function patientsWanted(
  db: Queryable,
  options: {
    wanted: PatientWanted
    actor: AccountActor
    now: Instant
    after: FoundPosition | null
    rowsMax: number
    /** Whether to begin with the actor's own patients, which is faster when they are few. */
    isAmongFew: boolean
  },
): Promise<FoundPatientRow[]> {
  const { wanted, actor, now, after } = options
  const { words, digits, dateOfBirth } = wanted
  // Put in order before it is known who may be seen, since that is asked for one by one until the page
  // is full. The offset keeps the two apart.
  let matching = db
    .selectFrom('patient')
    .selectAll()
    .where('erased_at', 'is', null)
    .orderBy('name')
    .orderBy('id')
    .offset(sql.lit(0))
  if (words !== undefined)
    matching = matching.where(sql<SqlBool>`name_vector(patient.name) @@ name_query(${words})`)
  if (digits !== undefined) matching = matching.where(hasDigits(digits))
  if (dateOfBirth !== undefined) matching = matching.where('date_of_birth', '=', dateOfBirth)
  if (options.isAmongFew && !canIdentify(wanted, actor))
    matching = matching.where(sql<SqlBool>`patient.id in ${idsOfTheirs(actor)}`)
  if (after !== null)
    matching = matching.where(
      sql<SqlBool>`(patient.name, patient.id) > (${after.name}, ${after.id}::uuid)`,
    )
  const found = db
    .selectFrom(matching.as('patient'))
    .selectAll()
    .where(sql<SqlBool>`(${isVisibleTo(actor, now)} or ${isIdentifiedBy(wanted, actor)})`)
    .orderBy('patient.name')
    .orderBy('patient.id')
    .limit(options.rowsMax)
  const sight = sql<{ is_seen: boolean; is_whole: boolean }>`(
    select ${isVisibleTo(actor, now)} as is_seen, ${seesInFull(actor, now)} as is_whole offset 0)`
  const whenSeen = <Value>(column: RawBuilder<Value>) =>
    sql<Value | null>`case when sight.is_seen then ${column} end`
  return db
    .selectFrom(found.as('patient'))
    .innerJoinLateral(sight.as('sight'), (join) => join.onTrue())
    .leftJoinLateral(visitSeenBy(actor, { now, which: 'last' }).as('last'), (join) => join.onTrue())
    .leftJoinLateral(visitSeenBy(actor, { now, which: 'next' }).as('next'), (join) => join.onTrue())
    .select([
      'patient.id',
      'patient.name',
      whenSeen(sql<string | null>`patient.phone`).as('phone'),
      sql<string | null>`case when not sight.is_seen
          and right(phone_digits(patient.phone), length(${digits ?? null}::text)) = ${digits ?? null}::text
        then ${lastFourDigits} end`.as('phoneEndsWith'),
      whenSeen(sql<string | null>`patient.email`).as('email'),
      sql<LocalDate | null>`case when sight.is_whole or ${dateOfBirth !== undefined}::boolean
        then patient.date_of_birth end`.as('dateOfBirth'),
      whenSeen(sql<number>`patient.version`).as('version'),
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

const lastFourDigits = sql<string | null>`nullif(right(phone_digits(patient.phone), 4), '')`

/** Whether enough was typed, by someone at a desk, to show whom they mean; if it is right. */
function canIdentify({ words, dateOfBirth }: PatientWanted, actor: AccountActor): boolean {
  const isOfAnyDesk = actor.role === 'front_desk' && actor.clinicIds.length > 0
  return isOfAnyDesk && words !== undefined && dateOfBirth !== undefined
}

/** Whether what was typed shows that the desk knows who it is asking for. The rest of it must match. */
function isIdentifiedBy(wanted: PatientWanted, actor: AccountActor): RawBuilder<SqlBool> {
  const { words, digits } = wanted
  if (!canIdentify(wanted, actor)) return sql<SqlBool>`${false}::boolean`
  if (digits === undefined || digits.length < identifyingDigits)
    return sql<SqlBool>`is_same_name(${words}, patient.name)`
  return sql<SqlBool>`whole_words(${words}) && tsvector_to_array(name_vector(patient.name))`
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

/** What the actor does not see and did not type is null. */
export interface CandidateRow {
  id: string
  name: string | null
  dateOfBirth: LocalDate | null
  /** The last digits of the telephone number, at most four. */
  phoneEndsWith: string | null
  hasAccount: boolean
}

/**
 * Makes those who register someone of the same e-mail address or with a word of the name in common do so
 * one after the other, until they commit. Two who are likely the same always have one of these.
 */
export async function lockLikelySame(db: Queryable, person: PersonTyped): Promise<void> {
  const { name, email } = person
  // Apart from those who register many at once, shared among all others.
  await sql`select pg_advisory_xact_lock_shared(${registrationsKey})`.execute(db)
  // In the order of the keys, so that no two wait for each other.
  await sql`
    select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended('patient ' || what, 0) as key
      from unnest(array[lower(${email}::text)]
        || tsvector_to_array(name_vector(${name}))) as what
      where what is not null
      order by key
      offset 0
    ) as locks`.execute(db)
}

const registrationsKey = sql`hashtextextended('patients ' || current_schema(), 0)`

/**
 * Makes everyone else who registers people wait until this transaction commits. For who registers many at
 * once: a lock for each word of their names would be too many locks.
 */
export async function lockRegistrations(db: Queryable): Promise<void> {
  await sql`select pg_advisory_xact_lock(${registrationsKey})`.execute(db)
}

/** What is typed of someone who is to be registered. */
export interface PersonTyped {
  name: string
  phone: string | null
  email: string | null
  dateOfBirth: LocalDate | null
}

/** The last eight digits, which a number has with and without its country's code; null for fewer. */
export function lastEightOf(phone: string | null): string | null {
  const digits = (phone ?? '').replaceAll(/[^0-9]/g, '').slice(-8)
  return digits.length === 8 ? digits : null
}

/**
 * Patients of the network who are likely the same person: the e-mail address is the same, or one name
 * is in the other and either the date of birth or the last eight digits of the telephone number are the
 * same. Of those whom the actor does not see it tells what was typed and is so.
 */
export async function likelyDuplicates(
  db: Queryable,
  options: { person: PersonTyped; actor: AccountActor; now: Instant; rowsMax: number },
): Promise<CandidateRow[]> {
  const { actor, now } = options
  const { name, phone, email, dateOfBirth } = options.person
  const lastEight = lastEightOf(phone)
  const birth = sql<SqlBool>`patient.date_of_birth = ${dateOfBirth}::date`
  const sameEmail = sql<SqlBool>`lower(patient.email) = lower(${email})`
  const samePhone = sql<SqlBool>`(phone_parts(patient.phone) @> phone_parts(${lastEight}::text)
    and right(phone_digits(patient.phone), 8) = ${lastEight}::text)`
  const isSeen = isVisibleTo(actor, now)
  return db
    .selectFrom('patient')
    .select([
      'id',
      sql<string | null>`case when ${isSeen} or is_same_name(patient.name, ${name})
        then patient.name end`.as('name'),
      sql<LocalDate | null>`case when ${seesInFull(actor, now)} or ${birth}
        then patient.date_of_birth end`.as('dateOfBirth'),
      sql<string | null>`case when ${isSeen} or ${samePhone} then ${lastFourDigits} end`.as(
        'phoneEndsWith',
      ),
      isManaged(now).as('hasAccount'),
    ])
    .where('erased_at', 'is', null)
    .where(
      sql<SqlBool>`(${sameEmail}
        or ((${birth} or ${samePhone}) and is_namesake(patient.name, ${name})))`,
    )
    .orderBy(sql`coalesce(${birth}, false)`, 'desc')
    .orderBy('id')
    .limit(options.rowsMax)
    .execute()
}
