// Claiming a record: whoever has the link and knows the date of birth may act for the patient.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { isDatabaseError } from '#src/db/constraints.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { hashOfCode } from '#src/identity/codes.ts'
import { countWrongCodes } from '#src/identity/wrong-codes.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import type { Instant, LocalDate } from '#src/kernel/time.ts'
import { recordsOfOthersMax, tooManyRecords } from './access-invitations.ts'
import { accessOf, countRecordsOfOthers, lockRecordsOf } from './access-queries.ts'
import { refuseOwnAccount } from './claim-links.ts'
import {
  consumeClaimLink,
  deletePatient,
  isEmptyRecord,
  lockOwnRecord,
  ownRecordOf,
  tryClaimLink,
} from './claim-queries.ts'
import { seePatient, type Patient } from './patients.ts'
import { insertAccess, lockPatient } from './queries.ts'

export interface ClaimCode {
  code: string
  /** Must be that of the record, when the record has one. */
  dateOfBirth?: LocalDate
}

export interface Claim extends ClaimCode {
  /** What the account's holder is to the patient; self when left out. */
  relation?: PatientAccessTable['relation']
}

/** A link that was open, tried with the right date of birth. */
export interface TriedLink {
  linkId: string
  patientId: string
  /** A JSON Pointer to the code, for refusals. */
  pointer: string
}

/**
 * Lets the account that is signed in manage the record of the link. An own record without a visit or a
 * wait for one makes way for one claimed as self.
 *
 * @throws Refusal `invalid-claim`, `conflict`.
 */
export async function claimPatient(context: SignedInContext, claim: Claim): Promise<Patient> {
  const { accountId } = context.actor
  const relation = claim.relation ?? 'self'
  const link = await tryLink(context, { claim, pointer: '/code' })
  return transact(context, async (tx) => {
    await useLink(context, tx, { link, accountId, relation })
    const patient = await seePatient(context, tx.db, link.patientId)
    if (!patient) throw new NotFound('patient')
    return patient
  })
}

/**
 * Looks for the open link of the code and counts a wrong date of birth or code, whatever becomes of the
 * rest of the request. `pointer` leads to the code in the body.
 *
 * @throws Refusal `invalid-claim`, TooManyRequests.
 */
export async function tryLink(
  context: Context,
  tried: { claim: ClaimCode; pointer: string },
): Promise<TriedLink> {
  return countWrongCodes(context, () => openLinkOf(context, tried))
}

async function openLinkOf(
  context: Context,
  { claim, pointer }: { claim: ClaimCode; pointer: string },
): Promise<TriedLink> {
  const tried = await tryClaimLink(context.db, {
    codeHash: hashOfCode(claim.code),
    dateOfBirth: claim.dateOfBirth ?? null,
    now: context.clock(),
  })
  if (tried?.isRight) return { linkId: tried.linkId, patientId: tried.patientId, pointer }
  await record(context, context.db, {
    action: 'patient.claim',
    subjectType: 'patient',
    subjectId: tried?.patientId ?? null,
    allowed: false,
  })
  throw invalidClaim(pointer)
}

/**
 * Uses the link up and lets the account manage its patient, in one transaction. Of two who do so at
 * once, one gets the record. An account has at most 20 records of others.
 *
 * @throws Refusal `invalid-claim`, `conflict`.
 */
export async function useLink(
  context: Context,
  tx: Transact,
  options: { link: TriedLink; accountId: string; relation: PatientAccessTable['relation'] },
): Promise<void> {
  const { link, accountId, relation } = options
  const { linkId, patientId, pointer } = link
  await lockRecordsOf(tx.db, accountId)
  // Patients before the link, in the order of those who make links, and by their ids, as for merging.
  const ownId = relation === 'self' ? await ownRecordOf(tx.db, accountId) : undefined
  if (ownId !== undefined && ownId < patientId) await lockOwnRecord(tx.db, accountId)
  await lockPatient(tx.db, patientId)
  const createdAt = context.clock()
  if (!(await consumeClaimLink(tx.db, { linkId, accountId, now: createdAt })))
    throw invalidClaim(pointer)
  if (relation === 'self') {
    await refuseOwnAccount(context, tx, patientId)
    await removeEmptyOwnRecord(context, tx, accountId)
  } else await refuseTooManyRecords(tx.db, { accountId, patientId, now: createdAt })
  const endsAt = await insertAccess(tx.db, { accountId, patientId, relation, createdAt })
  if (endsAt !== null && endsAt <= createdAt)
    throw new Refusal(
      'conflict',
      'The patient is of age. Claim the record as theirs, or as a carer.',
    )
  await record(context, tx.db, {
    action: 'patient.claim',
    subjectType: 'patient',
    subjectId: patientId,
    details: { accountId, relation },
  })
  tx.append({ type: 'patient.claimed', subjects: { patientId, accountId } })
}

/** @throws Refusal `conflict` for one record of others more than an account may have. */
async function refuseTooManyRecords(
  db: Queryable,
  key: { accountId: string; patientId: string; now: Instant },
): Promise<void> {
  const isFull = (await countRecordsOfOthers(db, key)) >= recordsOfOthersMax
  if (isFull && !(await accessOf(db, key))) throw tooManyRecords()
}

async function removeEmptyOwnRecord(
  context: Context,
  { db }: Transact,
  accountId: string,
): Promise<void> {
  const patientId = await lockOwnRecord(db, accountId)
  if (patientId === undefined) return
  if (!(await isEmptyRecord(db, { patientId, accountId }))) throw twoRecords()
  await deletePatient(db, patientId).catch((error: unknown) => {
    // What hangs on the patient is unknown here.
    if (isDatabaseError(error) && error.code === '23503') throw twoRecords()
    throw error
  })
  await record(context, db, {
    action: 'patient.delete',
    subjectType: 'patient',
    subjectId: patientId,
  })
}

function twoRecords(): Refusal {
  return new Refusal(
    'conflict',
    'Your account has a record of its own that is in use. Ask the front desk to put the two records together.',
  )
}

/** One sentence for every reason, so that nobody learns which of code and date was right. */
function invalidClaim(pointer: string): Refusal {
  const detail =
    'The code is unknown, used or expired, or the date of birth is not that of the record. Check both, or ask the clinic for a new link.'
  return new Refusal('invalid-claim', detail, { errors: [{ in: 'body', pointer, detail }] })
}
