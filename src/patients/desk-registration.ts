// People without an account: staff register them when they phone or walk in.

import { record, recordAll } from '#src/audit/audit.ts'
import { practiceClinicIds } from '#src/clinics/access.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { LocalDate } from '#src/kernel/time.ts'
import { noContact, readContact, type ContactInput } from './contact-details.ts'
import { readLocale, refuseFutureBirth } from './patients.ts'
import { insertPatients, type PatientRecord } from './queries.ts'
import {
  likelyDuplicates,
  lockLikelySame,
  type CandidateRow,
  type PersonTyped,
} from './search-queries.ts'

export interface NewPatient extends ContactInput {
  name: string
  phone?: string
  email?: string
  dateOfBirth?: LocalDate
  /** A BCP 47 language tag. */
  locale?: string
  /** Where the person is registered; without it, the only clinic of the one who registers. */
  clinicId?: string
  /** Makes the record although the network seems to know the person. */
  despiteDuplicates?: true
}

const candidatesMax = 5

/**
 * Makes a record that no account manages yet.
 *
 * @throws InvalidRequest, NotAllowed, Refusal `possible-duplicates`. The constraint patient_registered_at_clinic
 * refuses an unknown clinic.
 */
export async function registerPatient(
  context: SignedInContext,
  input: NewPatient,
): Promise<PatientRecord> {
  const patient = readNewPatient(context, input)
  const clinicId = await clinicOf(context, input.clinicId)
  const candidates = await transact(context, async (tx) => {
    // Two who register one person at once come one after the other, so the second finds the first.
    await lockLikelySame(tx.db, patient)
    const found = input.despiteDuplicates ? [] : await duplicatesOf(context, tx, patient)
    if (found.length === 0)
      await writeNewPatients(context, tx, [
        { patient, clinicId, despiteDuplicates: input.despiteDuplicates === true },
      ])
    else
      await record(context, tx.db, {
        action: 'patient.create',
        subjectType: 'patient',
        subjectId: null,
        allowed: false,
        details: { ...(clinicId !== null && { clinicId }), found: found.map(({ id }) => id) },
      })
    return found
  })
  if (candidates.length > 0) throw possibleDuplicates(candidates)
  return patient
}

/**
 * The record that the input makes, with an id.
 *
 * @throws InvalidRequest
 */
export function readNewPatient(
  context: Pick<SignedInContext, 'clock'>,
  input: NewPatient,
): PatientRecord {
  refuseFutureBirth(context, input.dateOfBirth)
  return {
    id: newId(),
    name: input.name.trim().normalize('NFC'),
    phone: input.phone ?? null,
    email: input.email ?? null,
    dateOfBirth: input.dateOfBirth ?? null,
    locale: readLocale(input.locale ?? null),
    ...noContact,
    ...readContact(input),
    version: 1,
  }
}

/** A record that nobody was found to be likely the same as, or that is made all the same. */
export interface PatientToWrite {
  patient: PatientRecord
  clinicId: string | null
  despiteDuplicates: boolean
}

/** Writes new records, hundreds at most. */
export async function writeNewPatients(
  context: SignedInContext,
  tx: Transact,
  records: readonly PatientToWrite[],
): Promise<void> {
  const createdAt = context.clock()
  const registeredBy = context.actor.accountId
  await insertPatients(
    tx.db,
    records.map(({ patient, clinicId }) => ({
      ...patient,
      registeredBy,
      registeredAtClinicId: clinicId,
      createdAt,
    })),
  )
  for (const { patient, clinicId } of records) {
    const subjects = { patientId: patient.id, ...(clinicId !== null && { clinicId }) }
    tx.append({ type: 'patient.registered', subjects })
  }
  await recordAll(
    context,
    tx.db,
    records.map(({ patient, clinicId, despiteDuplicates }) => ({
      action: 'patient.create',
      subjectType: 'patient',
      subjectId: patient.id,
      details: {
        ...(clinicId !== null && { clinicId }),
        ...(despiteDuplicates && { despiteDuplicates: true }),
      },
    })),
  )
}

function duplicatesOf(
  { actor, clock }: SignedInContext,
  { db }: Transact,
  person: PersonTyped,
): Promise<CandidateRow[]> {
  return likelyDuplicates(db, { person, actor, now: clock(), rowsMax: candidatesMax })
}

function possibleDuplicates(candidates: readonly CandidateRow[]): Refusal {
  return new Refusal(
    'possible-duplicates',
    'Someone who is known already looks like this person. Use that record, or register again despite it.',
    { candidates: candidates.map(presentCandidate) },
  )
}

function presentCandidate(candidate: CandidateRow) {
  const { id, name, dateOfBirth, phoneEndsWith, hasAccount } = candidate
  return {
    id,
    ...(name !== null && { name }),
    ...(dateOfBirth !== null && { dateOfBirth }),
    ...(phoneEndsWith !== null && { phoneEndsWith }),
    hasAccount,
  }
}

/** Staff register at their own clinics, admins at any or none. */
async function clinicOf(
  context: SignedInContext,
  wanted: string | undefined,
): Promise<string | null> {
  const { actor } = context
  if (actor.role === 'admin') return wanted ?? null
  const own = actor.role === 'doctor' ? await practiceClinicIds(context) : actor.clinicIds
  if (own.length === 0) {
    await record(context, context.db, {
      action: 'patient.create',
      subjectType: 'patient',
      subjectId: null,
      allowed: false,
    })
    throw new NotAllowed('Who works at no clinic registers nobody.')
  }
  if (wanted === undefined) {
    const [only, ...others] = own
    if (only !== undefined && others.length === 0) return only
    throw invalidField('/clinicId', '/clinicId must name the one of your clinics that registers.')
  }
  if (!own.includes(wanted))
    throw invalidField('/clinicId', '/clinicId must be one of your clinics.')
  return wanted
}
