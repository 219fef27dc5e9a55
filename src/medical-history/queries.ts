import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { MedicalEntryTable } from '#src/db/people-tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'
import type { Side } from './policy.ts'

export type EntryKind = MedicalEntryTable['kind']

/** An entry as it is kept, its content sealed. */
export interface EntryRow {
  id: string
  kind: EntryKind
  content: Buffer | null
  takesBack: boolean
  side: Side
  /** Null for an account that is gone, unless a doctor wrote it as such. */
  authorName: string | null
  /** The profile of a doctor who wrote it as such. */
  doctorId: string | null
  recordedAt: Instant
  /** The entry that this one replaces or takes back. */
  corrects: string | null
  /** The entry that replaces this one or takes it back. */
  correctedBy: string | null
}

/** A place in the list, after which older entries come. */
export interface EntryPosition {
  recordedAt: Instant
  id: string
}

function entriesWithAuthors(db: Queryable, patientId: string) {
  return db
    .selectFrom('medical_entry')
    .leftJoin('account', (join) =>
      join.onRef('account.id', '=', 'medical_entry.author_id').on('account.status', '<>', 'erased'),
    )
    .leftJoin('doctor', 'doctor.id', 'medical_entry.author_doctor_id')
    .leftJoin('medical_entry as later', 'later.corrects', 'medical_entry.id')
    .select([
      'medical_entry.id',
      'medical_entry.kind',
      'medical_entry.content',
      'medical_entry.takes_back as takesBack',
      'medical_entry.author_side as side',
      sql<string | null>`coalesce(doctor.name, account.name)`.as('authorName'),
      'doctor.id as doctorId',
      'medical_entry.recorded_at as recordedAt',
      'medical_entry.corrects',
      'later.id as correctedBy',
    ])
    .where('medical_entry.patient_id', '=', patientId)
}

/** The patient's entries before `before`, newest first: those that hold, or with what was corrected. */
export async function entriesNewestFirst(
  db: Queryable,
  options: {
    patientId: string
    kind: EntryKind | null
    withCorrected: boolean
    before: EntryPosition | null
    rowsMax: number
  },
): Promise<EntryRow[]> {
  const { patientId, kind, withCorrected, before, rowsMax } = options
  let query = entriesWithAuthors(db, patientId)
    .orderBy('medical_entry.recorded_at', 'desc')
    .orderBy('medical_entry.id', 'desc')
    .limit(rowsMax)
  if (kind !== null) query = query.where('medical_entry.kind', '=', kind)
  if (!withCorrected)
    query = query.where('later.id', 'is', null).where('medical_entry.takes_back', '=', false)
  if (before !== null)
    query = query.where(
      sql<SqlBool>`(medical_entry.recorded_at, medical_entry.id)
        < (${formatUtc(before.recordedAt)}::timestamptz, ${before.id}::uuid)`,
    )
  return query.execute()
}

/** All entries of the patient, with what was corrected, oldest first. */
export async function entriesOldestFirst(db: Queryable, patientId: string): Promise<EntryRow[]> {
  return entriesWithAuthors(db, patientId)
    .orderBy('medical_entry.recorded_at')
    .orderBy('medical_entry.id')
    .execute()
}

/** The entry, if it is the patient's. */
export async function entryById(
  db: Queryable,
  { patientId, id }: { patientId: string; id: string },
): Promise<EntryRow | undefined> {
  return entriesWithAuthors(db, patientId).where('medical_entry.id', '=', id).executeTakeFirst()
}

/** How many entries that side has written for the patient, whatever became of them. */
export async function countEntries(
  db: Queryable,
  { patientId, side }: { patientId: string; side: Side },
): Promise<number> {
  const { count } = await db
    .selectFrom('medical_entry')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('patient_id', '=', patientId)
    .where('author_side', '=', side)
    .executeTakeFirstOrThrow()
  return count
}

/** The constraint medical_entry_corrected_once refuses a second correction of one entry. */
export async function insertEntry(
  db: Queryable,
  entry: {
    id: string
    patientId: string
    kind: EntryKind
    content: Buffer | null
    takesBack: boolean
    authorId: string
    /** The profile of a doctor who writes as such. */
    authorDoctorId: string | null
    side: Side
    recordedAt: Instant
    corrects: string | null
  },
): Promise<void> {
  await db
    .insertInto('medical_entry')
    .values({
      id: entry.id,
      patient_id: entry.patientId,
      kind: entry.kind,
      content: entry.content,
      takes_back: entry.takesBack,
      author_id: entry.authorId,
      author_doctor_id: entry.authorDoctorId,
      author_side: entry.side,
      recorded_at: formatUtc(entry.recordedAt),
      corrects: entry.corrects,
    })
    .execute()
}

/** The next entries with content in the order of their ids. */
export async function sealedEntriesAfter(
  db: Queryable,
  { afterId, rowsMax }: { afterId: string | null; rowsMax: number },
): Promise<{ id: string; sealed: Buffer }[]> {
  let query = db
    .selectFrom('medical_entry')
    .select(['id', 'content as sealed'])
    .where('content', 'is not', null)
    .$narrowType<{ sealed: Buffer }>()
    .orderBy('id')
    .limit(rowsMax)
  if (afterId !== null) query = query.where('id', '>', afterId)
  return query.execute()
}

/** Puts content that was sealed anew in the place of the former, where that still stands. */
export async function replaceSealedEntries(
  db: Queryable,
  changes: readonly { id: string; sealed: Buffer; resealed: Buffer }[],
): Promise<number> {
  const { numAffectedRows } = await sql`
    update medical_entry set content = fresh.resealed
    from unnest(${changes.map(({ id }) => id)}::uuid[], ${changes.map(({ sealed }) => sealed)}::bytea[],
      ${changes.map(({ resealed }) => resealed)}::bytea[]) as fresh (id, sealed, resealed)
    where medical_entry.id = fresh.id and medical_entry.content = fresh.sealed`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** What the sealed entries begin with, once each: by that it is known which keys they need. */
export async function sealsOfEntries(db: Queryable, bytes: number): Promise<Buffer[]> {
  const rows = await db
    .selectFrom('medical_entry')
    .select(sql<Buffer>`substring(content from 1 for ${bytes}::integer)`.as('head'))
    .distinct()
    .where('content', 'is not', null)
    .execute()
  return rows.map(({ head }) => head)
}
