import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant, type LocalDate } from '#src/kernel/time.ts'

/** How long before its end an account is told of it. */
export const aheadMilliseconds = 30 * 86_400_000

/** Whose access to whom. */
export interface AccessKey {
  accountId: string
  patientId: string
}

/** The age at which parents' access ends, kept as it is until the transaction's end. */
const childAge = sql`(select child_access_ends_at_age from network_settings for share)`

/** When who was born on that date is of age: at the midnight of UTC that begins the birthday. */
function ofAgeAt(dateOfBirth: RawBuilder<LocalDate | null>) {
  return sql<Instant | null>`(
    (${dateOfBirth} + make_interval(years => ${childAge}))::timestamp at time zone 'UTC')`
}

/**
 * When an access to `patient` ends: a parent's no later than when the child is of age, and neither that of
 * anyone else to whom it was given before that.
 */
export function endOfAccess(access: {
  relation: RawBuilder<string>
  agreed: RawBuilder<Instant | null>
  givenAt: RawBuilder<Instant>
}) {
  const { relation, agreed, givenAt } = access
  const ofAge = ofAgeAt(sql`patient.date_of_birth`)
  return sql<Instant | null>`least(${agreed}, case when ${relation} = 'parent'
    or (${relation} <> 'self' and ${givenAt} < ${ofAge}) then ${ofAge} end)`
}

/** Whether who was born on that date is of age at `now`. */
export async function isOfAge(
  db: Queryable,
  { dateOfBirth, now }: { dateOfBirth: LocalDate; now: Instant },
): Promise<boolean> {
  const { rows } = await sql<{ isOfAge: boolean }>`
    select ${ofAgeAt(sql`${dateOfBirth}::date`)} <= ${formatUtc(now)}::timestamptz
      as "isOfAge"`.execute(db)
  return rows[0]!.isOfAge
}

/** The end, where it is so near that whoever agrees to it needs not be told of it again. */
export function endTold(endsAt: RawBuilder<Instant | null>, now: Instant) {
  return sql<Instant | null>`(
    case when ${endsAt} <= ${formatUtc(now + aheadMilliseconds)}::timestamptz then ${endsAt} end)`
}

/**
 * The next patients, in the order of their ids, to whom somebody else has access, locked so that neither
 * their dates of birth nor who has access change.
 */
export async function lockPatientsOfOthers(
  db: Queryable,
  { afterId, limit }: { afterId: string | null; limit: number },
): Promise<string[]> {
  const after = afterId === null ? sql`true` : sql`patient_id > ${afterId}::uuid`
  const { rows } = await sql<{ id: string }>`
    select id from patient
    where id in (
      select distinct patient_id from patient_access where relation <> 'self' and ${after}
      order by patient_id limit ${limit})
    order by id for no key update`.execute(db)
  return rows.map(({ id }) => id)
}

/**
 * Works out anew when the accesses of others to these patients end, whose rows are locked; answers those
 * that end at another time now. What has ended stays so: who has grown up is not given back.
 */
export async function updateChildEnds(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<AccessKey[]> {
  const end = endOfAccess({
    relation: sql`other.relation`,
    agreed: sql`other.agreed_ends_at`,
    givenAt: sql`other.created_at`,
  })
  const { rows } = await sql<AccessKey>`
    update patient_access as access set ends_at = wanted.ends_at
    from (
      select other.account_id, other.patient_id, ${end} as ends_at
      from patient_access as other join patient on patient.id = other.patient_id
      where other.relation <> 'self' and other.patient_id = any (${patientIds}::uuid[])
    ) as wanted
    where access.account_id = wanted.account_id and access.patient_id = wanted.patient_id
      and access.ends_at is distinct from wanted.ends_at
      and (access.ends_at is null or access.ends_at > ${formatUtc(now)}::timestamptz)
    returning access.account_id as "accountId", access.patient_id as "patientId"`.execute(db)
  return rows
}

/** Notes that up to `limit` accounts are told of the end of an access that is near; answers which. */
export async function noteEndsAhead(
  db: Queryable,
  { now, limit }: { now: Instant; limit: number },
): Promise<AccessKey[]> {
  const isNear = sql<SqlBool>`ends_at > ${formatUtc(now)}
    and ends_at <= ${formatUtc(now + aheadMilliseconds)}
    and end_told_at is distinct from ends_at`
  return noteEnd(db, { column: 'end_told_at', isDue: isNear, limit })
}

/** Notes that up to `limit` accesses have ended; answers which. Their patients are locked then. */
export async function noteEnds(
  db: Queryable,
  { now, limit }: { now: Instant; limit: number },
): Promise<AccessKey[]> {
  const hasEnded = sql<SqlBool>`ends_at <= ${formatUtc(now)}
    and end_noted_at is distinct from ends_at`
  return noteEnd(db, { column: 'end_noted_at', isDue: hasEnded, limit })
}

/**
 * Ends what access is open to those of the patients, whose rows are locked, whose record nobody manages at
 * `now`; answers which.
 */
export async function closeUnmanaged(
  db: Queryable,
  { patientIds, now }: { patientIds: readonly string[]; now: Instant },
): Promise<AccessKey[]> {
  const at = sql`${formatUtc(now)}::timestamptz`
  const { rows } = await sql<AccessKey>`
    update patient_access as access set ends_at = ${at}, agreed_ends_at = ${at}, end_noted_at = ${at}
    where access.patient_id = any (${patientIds}::uuid[]) and access.relation <> 'self'
      and (access.ends_at is null or access.ends_at > ${at})
      and not exists (
        select from patient_access as managing
        where managing.patient_id = access.patient_id and managing.scope = 'manage'
          and (managing.ends_at is null or managing.ends_at > ${at}))
    returning access.account_id as "accountId", access.patient_id as "patientId"`.execute(db)
  return rows
}

/**
 * What another process is noting, or changing, is left for the next time. The patients are locked as by
 * whoever gives access, so that nobody comes to manage a record while its other accesses end.
 */
async function noteEnd(
  db: Queryable,
  options: {
    column: 'end_told_at' | 'end_noted_at'
    isDue: RawBuilder<SqlBool>
    limit: number
  },
): Promise<AccessKey[]> {
  const { rows } = await sql<AccessKey>`
    with due as (
      select account_id, patient_id from patient_access join patient on patient.id = patient_id
      where ${options.isDue}
      order by ends_at limit ${options.limit} for no key update skip locked
    )
    update patient_access as access set ${sql.ref(options.column)} = ends_at
    from due where access.account_id = due.account_id and access.patient_id = due.patient_id
    returning access.account_id as "accountId", access.patient_id as "patientId"`.execute(db)
  return rows
}
