// Patient records: the people who are seen, apart from the accounts that may act for them.

import { record } from '#src/audit/audit.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import { canonicalLocale, localeFault } from '#src/identity/accounts.ts'
import { invalidField, NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateOf, type LocalDate } from '#src/kernel/time.ts'
import { deleteOpenClaimLink } from './claim-queries.ts'
import { may } from './policy.ts'
import {
  findVisiblePatient,
  insertAccess,
  insertPatient,
  lockPatient,
  patientsOfAccount,
  updatePatient,
  type PatientRow,
} from './queries.ts'

export type Patient = PatientRow

export interface PatientChange {
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
 * the former one. `requestedVersion` is the version that the change is based on, null for any.
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
  const visible = await seePatient(context, context.db, patientId)
  if (!visible || !may(context.actor, 'change', visible)) {
    await record(context, context.db, {
      action: 'patient.change',
      subjectType: 'patient',
      subjectId: patientId,
      allowed: false,
    })
    throw visible
      ? new NotAllowed(
          visible.isManaged
            ? 'Only the accounts that manage this patient may change the record.'
            : 'Ask the front desk that registered or received this patient to change the record.',
        )
      : new NotFound('patient')
  }
  return transact(context, async ({ db }) => {
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
    })
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

/** The record as the API shows it. */
export function presentPatient(patient: Omit<Patient, 'scope'>) {
  const { id, name, phone, email, dateOfBirth, locale, version } = patient
  return {
    id,
    name,
    ...(phone !== null && { phone }),
    ...(email !== null && { email }),
    ...(dateOfBirth !== null && { dateOfBirth }),
    ...(locale !== null && { locale }),
    version,
  }
}
