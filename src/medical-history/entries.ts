// What is known of a patient's health: entries that are written once. What was wrong is replaced by a
// further entry or taken back by one, and stays to be read.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { isLocalDate } from '#src/kernel/calendar.ts'
import { localDateOf } from '#src/kernel/time.ts'
import { lockPatient } from '#src/patients/queries.ts'
import { openContent, sealContent, type EntryContent, type EntryDetails } from './content.ts'
import { mayCorrect, mayRead, sideOf, type HistorySight, type Side } from './policy.ts'
import {
  countEntries,
  entriesNewestFirst,
  entriesOldestFirst,
  entryById,
  insertEntry,
  type EntryKind,
  type EntryPosition,
  type EntryRow,
} from './queries.ts'
import { findHistorySight } from './sight-queries.ts'

/** An entry, opened. Its content is null where no key at hand opens it. */
export interface MedicalEntry extends Omit<EntryRow, 'content'> {
  content: EntryContent | null
}

export interface NewEntry {
  kind: EntryKind
  text: string
  details?: EntryDetails
}

/** What becomes of an entry: other content, by default under the same kind, or nothing. */
export interface Correction {
  kind?: EntryKind
  text?: string
  details?: EntryDetails
  takeBack?: true
  reason?: string
}

/** How many entries each side may write for a patient, so that nobody fills the disk. */
export const entriesMax = 1000

/** Corrections are taken beyond that, up to as many entries again. */
const entriesAndCorrectionsMax = 2 * entriesMax

/**
 * A page of the history, newest first and one more than `limit` when there are more: what holds, or with
 * what was corrected. That it was read, or asked for in vain, is audited.
 *
 * @throws NotFound for a patient whom the actor may not see, NotAllowed.
 */
export async function readHistory(
  context: SignedInContext,
  patientId: string,
  options: {
    kind: EntryKind | null
    withCorrected: boolean
    before: EntryPosition | null
    limit: number
  },
): Promise<MedicalEntry[]> {
  const { limit, ...which } = options
  return auditRefusals(context, { patientId, action: 'read' }, async () => {
    const { db } = context
    const sight = await withRetry(() => findSight(context, db, patientId))
    if (!mayRead(sight))
      throw new NotAllowed(
        'The medical history is read by the accounts that manage the patient or see to them, and by doctors whom they visit.',
      )
    const rows = await withRetry(() =>
      entriesNewestFirst(db, { ...which, patientId, rowsMax: limit + 1 }),
    )
    const ids = rows.slice(0, limit).map(({ id }) => id)
    await record(context, db, { ...auditOf(patientId, 'read'), details: { ids } })
    return rows.map((row) => opened(context, row))
  })
}

/**
 * Writes an entry for the patient, or as a doctor who treats them.
 *
 * @throws NotFound for a patient whom the actor may not see, NotAllowed, InvalidRequest for details that do
 * not go with the kind, Refusal `conflict` when there are too many entries.
 */
export async function addEntry(
  context: SignedInContext,
  patientId: string,
  entry: NewEntry,
): Promise<MedicalEntry> {
  return auditRefusals(context, { patientId, action: 'add' }, () =>
    transact(context, async (tx) => {
      const sight = await findSight(context, tx.db, patientId)
      const side = sideOf(sight)
      if (side === null) throw notWritten()
      const content = readContent(context, entry)
      await lockPatient(tx.db, patientId)
      await refuseBeyond(tx.db, { patientId, side, rowsMax: entriesMax })
      return write(context, tx, {
        patientId,
        side,
        kind: entry.kind,
        content,
        corrects: null,
        action: 'add',
      })
    }),
  )
}

/**
 * Replaces an entry by another one, or takes it back. The constraint medical_entry_corrected_once lets one
 * of two do so.
 *
 * @throws NotFound for a patient whom the actor may not see or an entry that is not theirs, NotAllowed for
 * an entry of the other side, InvalidRequest, Refusal `conflict` for what was corrected before.
 */
export async function correctEntry(
  context: SignedInContext,
  { patientId, entryId }: { patientId: string; entryId: string },
  correction: Correction,
): Promise<MedicalEntry> {
  return auditRefusals(context, { patientId, action: 'correct' }, () =>
    transact(context, async (tx) => {
      const sight = await findSight(context, tx.db, patientId)
      if (sideOf(sight) === null) throw notWritten()
      await lockPatient(tx.db, patientId)
      const former = await entryById(tx.db, { patientId, id: entryId })
      if (!former) throw new NotFound('entry')
      if (!mayCorrect(sight, former.side))
        throw new NotAllowed(
          former.side === 'doctor'
            ? 'What a doctor wrote is corrected by doctors. Tell yours, or add an entry of your own.'
            : "What was written for the patient is corrected by the patient's side. Add an entry of your own.",
        )
      if (former.takesBack)
        throw new Refusal('conflict', 'This takes another entry back. Add what holds as a new one.')
      const kind = correction.kind ?? former.kind
      const content = readCorrection(context, correction, former.kind)
      const { side } = former
      await refuseBeyond(tx.db, { patientId, side, rowsMax: entriesAndCorrectionsMax })
      return write(context, tx, {
        patientId,
        side,
        kind,
        content,
        corrects: entryId,
        action: 'correct',
      })
    }),
  )
}

/** All entries of the patient with what was corrected, oldest first. Asks nobody's leave. */
export async function medicalHistoryOf(
  context: Pick<Context, 'vault' | 'log'>,
  db: Queryable,
  patientId: string,
): Promise<MedicalEntry[]> {
  const rows = await entriesOldestFirst(db, patientId)
  return rows.map((row) => opened(context, row))
}

async function findSight(
  { actor, clock }: SignedInContext,
  db: Queryable,
  patientId: string,
): Promise<HistorySight> {
  const sight = await findHistorySight(db, { patientId, actor, now: clock() })
  if (!sight) throw new NotFound('patient')
  return sight
}

async function write(
  context: SignedInContext,
  tx: Transact,
  entry: {
    patientId: string
    side: Side
    kind: EntryKind
    content: EntryContent
    corrects: string | null
    action: 'add' | 'correct'
  },
): Promise<MedicalEntry> {
  const { patientId, side, kind, content, corrects, action } = entry
  const id = newId()
  await insertEntry(tx.db, {
    id,
    patientId,
    kind,
    content: sealContent(context.vault, id, content),
    takesBack: content.text === undefined,
    authorId: context.actor.accountId,
    authorDoctorId: side === 'doctor' ? context.actor.doctorId : null,
    side,
    recordedAt: context.clock(),
    corrects,
  })
  tx.append({ type: 'medical-history.changed', subjects: { patientId } })
  await record(context, tx.db, {
    ...auditOf(patientId, action),
    details: { entryId: id, side, ...(corrects !== null && { corrects }) },
  })
  const row = await entryById(tx.db, { patientId, id })
  return opened(context, row!)
}

async function refuseBeyond(
  db: Queryable,
  { patientId, side, rowsMax }: { patientId: string; side: Side; rowsMax: number },
): Promise<void> {
  if ((await countEntries(db, { patientId, side })) < rowsMax) return
  throw new Refusal(
    'conflict',
    `This history has ${rowsMax} entries of your side, which is as many as it may have.`,
  )
}

const detailsOfKind: Record<EntryKind, readonly (keyof EntryDetails)[]> = {
  condition: ['since'],
  allergy: ['since', 'reaction', 'severity'],
  medicine: ['since', 'dose'],
  note: [],
}

/** @throws InvalidRequest for details of another kind, and a beginning that is no date or still to come. */
function readContent(context: Pick<Context, 'clock'>, entry: NewEntry): EntryContent {
  const { kind, text, details = {} } = entry
  for (const name of Object.keys(details) as (keyof EntryDetails)[])
    if (!detailsOfKind[kind].includes(name))
      throw invalidField(`/details/${name}`, `/details/${name} does not go with the kind ${kind}.`)
  refuseWrongBeginning(context, details.since)
  const { reaction, dose, ...rest } = details
  const kept = {
    ...rest,
    ...(reaction !== undefined && { reaction: clean(reaction) }),
    ...(dose !== undefined && { dose: clean(dose) }),
  }
  return { text: clean(text), ...(Object.keys(kept).length > 0 && { details: kept }) }
}

/** @throws InvalidRequest for a correction that both replaces and takes back, or neither. */
function readCorrection(
  context: Pick<Context, 'clock'>,
  correction: Correction,
  formerKind: EntryKind,
): EntryContent {
  const { kind = formerKind, text, details, takeBack, reason } = correction
  const why = reason === undefined ? {} : { reason: clean(reason) }
  if (takeBack === undefined) {
    if (text === undefined)
      throw invalidField('/text', '/text must be there, or takeBack to take the entry back.')
    return { ...readContent(context, { kind, text, ...(details && { details }) }), ...why }
  }
  if (text !== undefined || details !== undefined || correction.kind !== undefined)
    throw invalidField(
      '/takeBack',
      '/takeBack takes the entry back: only reason may stand beside it.',
    )
  return why
}

/** The easternmost zone is the first to have a day. */
function refuseWrongBeginning({ clock }: Pick<Context, 'clock'>, since: string | undefined): void {
  if (since === undefined) return
  const today = localDateOf(clock(), 'Pacific/Kiritimati')
  const isDate = since.length < 10 || isLocalDate(since)
  if (!isDate || since < '1850' || since > today)
    throw invalidField('/details/since', '/details/since must be in the past, after 1849.')
}

function clean(text: string): string {
  return text.trim().normalize('NFC')
}

function opened(context: Pick<Context, 'vault' | 'log'>, row: EntryRow): MedicalEntry {
  const { content: _content, ...rest } = row
  return { ...rest, content: openContent(context, row) }
}

function notWritten(): NotAllowed {
  return new NotAllowed(
    'The medical history is written by the accounts that manage the patient, and by doctors whom they visit.',
  )
}

function auditOf(patientId: string, action: 'read' | 'add' | 'correct') {
  return {
    action: `medical-history.${action}`,
    subjectType: 'patient',
    subjectId: patientId,
  }
}

/** Runs `work`, and writes down who was not let in, apart from what was not done. */
async function auditRefusals<Result>(
  context: SignedInContext,
  { patientId, action }: { patientId: string; action: 'read' | 'add' | 'correct' },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...auditOf(patientId, action), allowed: false })
    throw error
  }
}
