// How an account becomes a doctor's: it gets the profile it was invited for, or a new one.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import type { Transact } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { addClinic, bindAccount, releaseAccount } from './account-queries.ts'
import { insertDoctor } from './queries.ts'

/**
 * Makes the account the one of a doctor who is there already, and adds the clinic, if any. False
 * when the doctor is gone or has an account by now.
 */
export async function bindDoctorAccount(
  context: Context,
  tx: Transact,
  options: { doctorId: string; accountId: string; clinicId: string | null },
): Promise<boolean> {
  const { doctorId, accountId, clinicId } = options
  if (!(await bindAccount(tx.db, { doctorId, accountId }))) return false
  if (clinicId !== null) await addClinic(tx.db, { doctorId, clinicId })
  tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, {
    action: 'doctor.bind-account',
    subjectType: 'doctor',
    subjectId: doctorId,
    details: { accountId, ...(clinicId !== null && { clinicId }) },
  })
  return true
}

/**
 * Takes the profile away from an account that is a doctor's no longer. The profile stays as it is, with its
 * hours and visits, for the front desk to manage and for another account to be bound to.
 */
export async function releaseDoctorAccount(
  context: Context,
  tx: Transact,
  accountId: string,
): Promise<void> {
  const doctorId = await releaseAccount(tx.db, accountId)
  if (doctorId === null) return
  await record(context, tx.db, {
    action: 'doctor.release-account',
    subjectType: 'doctor',
    subjectId: doctorId,
    details: { accountId },
  })
}

/**
 * Adds the profile of a doctor who has just registered. Answers its id. The account's e-mail address
 * and phone stay out of it: a profile is public, and the doctor decides what patients are shown.
 */
export async function createDoctorOfAccount(
  context: Context,
  tx: Transact,
  doctor: {
    accountId: string
    name: string
    clinicId: string | null
  },
): Promise<string> {
  const { accountId, name, clinicId } = doctor
  const doctorId = newId()
  await insertDoctor(tx.db, {
    id: doctorId,
    account_id: accountId,
    name,
    created_at: formatUtc(context.clock()),
  })
  if (clinicId !== null) await addClinic(tx.db, { doctorId, clinicId })
  tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, {
    action: 'doctor.create',
    subjectType: 'doctor',
    subjectId: doctorId,
    details: { accountId },
  })
  return doctorId
}
