// Patient records: the people who are seen, apart from the accounts that may act for them.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import { canonicalLocale, localeFault } from '#src/identity/accounts.ts'
import { invalidField, NotAllowed, NotFound, type InvalidRequest } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc, localDateOf, type LocalDate } from '#src/kernel/time.ts'
import { isOfAge } from './access-end-queries.ts'
import { recomputeChildEnds } from './access-ends.ts'
import { deleteOpenClaimLink } from './claim-queries.ts'
import { presentContact, readContact, type ContactInput } from './contact-details.ts'
import { may } from './policy.ts'
import {
  findVisiblePatient,
  insertAccess,
  insertPatient,
  lockPatient,
  patientsOfAccount,
  updatePatient,
  type PatientRecord,
  type PatientRow,
  type VisiblePatientRow,
} from './queries.ts'

export type Patient = PatientRow

export interface PatientChange extends ContactInput {
  name?: string
  phone?: string | null
  email?: string | null
  dateOfBirth?: LocalDate | null
  /** A BCP 47 language tag. */
  locale?: string | null
}

/** Adds the account's own patient record, which it may manage. Answers the record's id. */
export async function createOwnPatient(
  context: Context,
  tx: Transact,
  person: { accountId: string; name: string; phone: string | null; email: string },
): Promise<string> {
  const { accountId, name, phone, email } = person
  const patientId = newId()
  const createdAt = context.clock()
  await insertPatient(tx.db, {
    id: patientId,
    name,
    phone,
    email,
    dateOfBirth: null,
    locale: null,
    registeredBy: null,
    registeredAtClinicId: null,
    createdAt,
  })
  await insertAccess(tx.db, { accountId, patientId, relation: 'self', createdAt })
  await record(context, tx.db, {
    action: 'patient.create',
    subjectType: 'patient',
    subjectId: patientId,
    details: { accountId, relation: 'self' },
  })
  tx.append({ type: 'patient.registered', subjects: { patientId } })
  return patientId
}

/** The records the account may act for or see, one more than `limit` when there are further ones. */
export async function listOwnPatients(
  context: SignedInContext,
  { limit, afterId }: { limit: number; afterId: string | null },
): Promise<Patient[]> {
  return patientsOfAccount(context.db, {
    accountId: context.actor.accountId,
    now: context.clock(),
    afterId,
    rowsMax: limit + 1,
  })
}

/** One record; that it was read, or asked for in vain, is audited. Throws NotFound. */
export async function readPatient(context: SignedInContext, patientId: string): Promise<Patient> {
  const patient = await seePatient(context, context.db, patientId)
  await record(context, context.db, {
    action: 'patient.read',
    subjectType: 'patient',
    subjectId: patientId,
    allowed: patient !== undefined,
  })
  if (!patient) throw new NotFound('patient')
  return patient
}

/**
 * Changes a record. Another e-mail address voids the open link to the record, which may have been mailed to
 * the former one. Another date of birth changes when others' accesses end. `requestedVersion` is the version
 * that the change is based on, null for any.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, Refusal `stale-version`.
 */
export async function changePatient(
  context: SignedInContext,
  options: { patientId: string; change: PatientChange; requestedVersion: number | null },
): Promise<Patient> {
  const { patientId, change, requestedVersion } = options
  refuseFutureBirth(context, change.dateOfBirth)
  const locale = readLocale(change.locale)
  const details = readContact(change)
  const visible = await seePatient(context, context.db, patientId)
  if (!visible || !may(context.actor, 'change', visible)) {
    await record(context, context.db, {
      action: 'patient.change',
      subjectType: 'patient',
      subjectId: patientId,
      allowed: false,
    })
    throw visible ? new NotAllowed(whyUnchangeable(visible)) : new NotFound('patient')
  }
  return transact(context, async (tx) => {
    const { db } = tx
    await lockPatient(db, patientId)
    const current = await seePatient(context, db, patientId)
    if (!current || !may(context.actor, 'change', current)) throw new NotFound('patient')
    refuseStale(current.version, requestedVersion)
    // The mail with the link may have gone to a stranger.
    if (current.email !== null && change.email !== undefined && change.email !== current.email)
      await deleteOpenClaimLink(db, patientId)
    await updatePatient(db, patientId, {
      name: change.name?.trim().normalize('NFC'),
      phone: change.phone,
      email: change.email,
      dateOfBirth: change.dateOfBirth,
      locale,
      details,
    })
    if (change.dateOfBirth !== undefined) await moveChildEnds(context, tx, current, change)
    await record(context, db, {
      action: 'patient.change',
      subjectType: 'patient',
      subjectId: patientId,
      details: { fields: Object.keys(change) },
    })
    const changed = await seePatient(context, db, patientId)
    if (!changed) throw new NotFound('patient')
    return changed
  })
}

function whyUnchangeable({ isErased, isManaged }: VisiblePatientRow): string {
  if (isErased) return 'This person was erased. What is left of the record stays as it is.'
  return isManaged
    ? 'Only the accounts that manage this patient may change the record.'
    : 'Ask the front desk that registered or received this patient to change the record.'
}

/**
 * Lets the ends of others' accesses follow the date of birth.
 *
 * @throws InvalidRequest for who has access to a child and would make it of age, or keep access for good.
 */
async function moveChildEnds(
  context: SignedInContext,
  tx: Transact,
  patient: VisiblePatientRow,
  { dateOfBirth }: PatientChange,
): Promise<void> {
  const { id: patientId, relation } = patient
  const now = context.clock()
  const isAdult = (date: LocalDate) => isOfAge(tx.db, { dateOfBirth: date, now })
  const isBound =
    relation === 'parent' ||
    (relation === 'carer' && patient.dateOfBirth !== null && !(await isAdult(patient.dateOfBirth)))
  if (isBound && dateOfBirth === null)
    throw invalidField('/dateOfBirth', "A child's record needs its /dateOfBirth.")
  if (isBound && typeof dateOfBirth === 'string' && (await isAdult(dateOfBirth))) throw ofAge()
  const moved = await recomputeChildEnds(tx.db, { patientId, now })
  for (const { accountId } of moved)
    tx.append({ type: 'access.changed', subjects: { accountId, patientId } })
}

/** The refusal of a date of birth by which the child of a parent or carer is grown up. */
export function ofAge(): InvalidRequest {
  return invalidField(
    '/dateOfBirth',
    "By /dateOfBirth the person is of age, and access to a child's record has ended.",
  )
}

/** The record, if the actor may see it. */
export function seePatient(context: SignedInContext, db: Queryable, patientId: string) {
  return findVisiblePatient(db, { patientId, actor: context.actor, now: context.clock() })
}

/**
 * The easternmost zone is the first to have a day.
 *
 * @throws InvalidRequest for a date of birth that is still to come, or before 1850.
 */
export function refuseFutureBirth(
  context: Pick<Context, 'clock'>,
  dateOfBirth: LocalDate | null | undefined,
): void {
  if (typeof dateOfBirth !== 'string') return
  if (dateOfBirth > localDateOf(context.clock(), 'Pacific/Kiritimati') || dateOfBirth < '1850')
    throw invalidField('/dateOfBirth', '/dateOfBirth must be in the past, after 1849.')
}

/**
 * The language tag in its canonical form; what is no text stays as it is.
 *
 * @throws InvalidRequest for text that is no BCP 47 tag.
 */
export function readLocale<Absent extends null | undefined>(
  locale: string | Absent,
): string | Absent {
  if (typeof locale !== 'string') return locale
  const canonical = canonicalLocale(locale)
  if (canonical === undefined) throw invalidField('/locale', localeFault)
  return canonical
}

/** The record as the API shows it, with the access of whoever asks if there is one. */
export function presentPatient(
  patient: PatientRecord & Partial<Pick<Patient, 'relation' | 'scope' | 'endsAt'>>,
) {
  const { id, name, phone, email, dateOfBirth, locale, version } = patient
  const { relation = null, scope = null, endsAt = null } = patient
  return {
    id,
    name,
    ...(phone !== null && { phone }),
    ...(email !== null && { email }),
    ...(dateOfBirth !== null && { dateOfBirth }),
    ...(locale !== null && { locale }),
    ...presentContact(patient),
    ...(relation !== null && { relation }),
    ...(scope !== null && { scope }),
    ...(endsAt !== null && { endsAt: formatUtc(endsAt) }),
    version,
  }
}
