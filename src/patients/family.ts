// The people whom an account cares for, and its holder where the account came without a record: it registers
// a record for each, and manages it.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { LocalDate } from '#src/kernel/time.ts'
import { recordsOfOthersMax, tooManyRecords } from './access-invitations.ts'
import { countRecordsOfOthers, lockRecordsOf } from './access-queries.ts'
import { readContact, type ContactInput } from './contact-details.ts'
import { ofAge, readLocale, refuseFutureBirth, seePatient, type Patient } from './patients.ts'
import { insertAccess, insertPatient } from './queries.ts'

export interface NewDependent extends ContactInput {
  name: string
  phone?: string
  email?: string
  /** Needed of a child, whose parents' access ends by it. */
  dateOfBirth?: LocalDate
  /** A BCP 47 language tag. */
  locale?: string
  /** Self once, of an account that has no record of its own. */
  relation: 'self' | 'parent' | 'carer'
}

/**
 * Makes a record of a child or a person cared for, which the account manages. Whether the network knows the
 * person already is not said: that is for the staff who see both.
 *
 * @throws InvalidRequest, Refusal `conflict` for an account that has too many, or a record of its own
 * already.
 */
export async function registerDependent(
  context: SignedInContext,
  input: NewDependent,
): Promise<Patient> {
  const { accountId } = context.actor
  const { relation } = input
  refuseFutureBirth(context, input.dateOfBirth)
  if (relation === 'parent' && input.dateOfBirth === undefined)
    throw invalidField('/dateOfBirth', "A child's /dateOfBirth is required.")
  const person = {
    name: input.name.trim().normalize('NFC'),
    phone: input.phone ?? null,
    email: input.email ?? null,
    dateOfBirth: input.dateOfBirth ?? null,
    locale: readLocale(input.locale ?? null),
    ...readContact(input),
  }
  return transact(context, async (tx) => {
    await lockRecordsOf(tx.db, accountId)
    const createdAt = context.clock()
    if (
      relation !== 'self' &&
      (await countRecordsOfOthers(tx.db, { accountId, now: createdAt })) >= recordsOfOthersMax
    )
      throw tooManyRecords()
    const patientId = newId()
    // Who cares for someone is no registrar: what they may do ends with their access.
    const made = { ...person, id: patientId, registeredBy: null, registeredAtClinicId: null }
    await insertPatient(tx.db, { ...made, createdAt })
    const endsAt = await insertAccess(tx.db, { accountId, patientId, relation, createdAt })
    if (endsAt !== null && endsAt <= createdAt) throw ofAge()
    await record(context, tx.db, {
      action: 'patient.create',
      subjectType: 'patient',
      subjectId: patientId,
      details: { accountId, relation },
    })
    tx.append({ type: 'patient.registered', subjects: { patientId, accountId } })
    const patient = await seePatient(context, tx.db, patientId)
    if (!patient) throw new NotFound('patient')
    return patient
  })
}
