// An account ends: what it has ahead is called off as its owner would, its records are left, and then it is
// nobody's.

import { randomBytes } from 'node:crypto'
import { record } from '#src/audit/audit.ts'
import { stepOrRefuse, takeStep } from '#src/booking/step.ts'
import type { SignedInContext } from '#src/context.ts'
import { isDatabaseError } from '#src/db/constraints.ts'
import { transact } from '#src/events/events.ts'
import { requirePassword } from '#src/identity/password-change.ts'
import { hashPassword } from '#src/identity/passwords.ts'
import { tryCode, useCode, wrongCode } from '#src/identity/second-factor-codes.ts'
import { factorStateOf } from '#src/identity/second-factor-queries.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import { lockRecordsOf } from '#src/patients/access-queries.ts'
import { leaveWaitlist } from '#src/waitlist/entries.ts'
import { announceRelease } from '#src/waitlist/outcome.ts'
import { removeDoctorWithin } from './doctor-leaving.ts'
import { refuseOpenVisits } from './open-visits.ts'
import { recordErasure } from './patient-erasure.ts'
import {
  doctorOfAccount,
  eraseAccountRow,
  isLastAdmin,
  leavePatients,
  ownRecordsManagedAlone,
  visitsToCancel,
  waitingEntries,
} from './queries.ts'

/** How often what came meanwhile is called off too. */
const triesMax = 5

/**
 * Ends the caller's own account, who shows once more that it is theirs.
 *
 * @throws Refusal `bad-credentials`, `second-factor-needed`, `too-many-requests`, and what `eraseAccount`
 * throws.
 */
export async function endOwnAccount(
  context: SignedInContext,
  { password, code }: { password: string; code?: string },
): Promise<void> {
  await requirePassword(context, password)
  await requireCode(context, code)
  await eraseAccount(context, context.actor.accountId)
}

async function requireCode(context: SignedInContext, code: string | undefined): Promise<void> {
  const { accountId } = context.actor
  if ((await factorStateOf(context.db, accountId)) !== 'in-force') return
  if (code === undefined)
    throw new Refusal(
      'second-factor-needed',
      'The password is right. Send also the code of your second factor.',
    )
  const tried = await tryCode(context, { accountId, code, isConfirmed: true })
  if (tried !== null && (await transact(context, (tx) => useCode(context, tx, tried)))) return
  await record(context, context.db, {
    action: 'account.erase',
    subjectType: 'account',
    subjectId: accountId,
    allowed: false,
  })
  throw wrongCode()
}

/**
 * Erases an account at once, for its holder or for an admin, as whom all of it is on record. Visits ahead of
 * its own record are cancelled, however late, and its waits end. A record with a visit that took place stays
 * with the clinics; one without goes. Records of others go back to the desk. A doctor's profile leaves with
 * the account. Answers false for one that was erased before.
 *
 * @throws VisitsOpen for a doctor with visits ahead, Refusal `conflict` for the last admin and for one whose
 * account goes on booking meanwhile.
 */
export async function eraseAccount(context: SignedInContext, accountId: string): Promise<boolean> {
  const doctorId = await doctorOfAccount(context.db, accountId)
  if (doctorId !== null)
    await refuseOpenVisits(context.db, { whose: { doctorId }, now: context.clock() })
  if (await isLastAdmin(context.db, accountId))
    throw new Refusal('conflict', 'This is the last admin. Make somebody else an admin first.')
  // One that no password has, so that a sign-in with it takes as long as any other.
  const passwordHash = await hashPassword(randomBytes(32).toString('base64url'))
  for (let tries = 1; tries <= triesMax; tries += 1) {
    await callOff(context, accountId)
    const outcome = await tryErasing(context, { accountId, passwordHash })
    if (outcome !== 'visits-open') return outcome === 'erased'
  }
  throw new Refusal('conflict', 'Visits are being booked with this account. Try again in a moment.')
}

/** Ends the waits and cancels the visits of the account's own record. */
async function callOff(context: SignedInContext, accountId: string): Promise<void> {
  const now = context.clock()
  for (const patientId of await ownRecordsManagedAlone(context.db, { accountId, now })) {
    for (const id of await waitingEntries(context.db, { patientId }))
      await unlessGone(leaveWaitlist(context, id))
    for (const id of await visitsToCancel(context.db, { patientId, now }))
      await unlessGone(cancel(context, id))
  }
}

async function unlessGone(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof NotFound)) throw error
  })
}

/** Cancels the visit as its patient, whatever the clinic's notice: nobody will come. */
async function cancel(context: SignedInContext, id: string): Promise<void> {
  await takeStep(context, id, {
    command: 'cancel',
    requestedVersion: null,
    request: null,
    plan(current) {
      if (!['held', 'requested', 'confirmed'].includes(current.status)) return null
      const to = stepOrRefuse('cancel', current, 'patient')?.[0]
      return to === undefined ? null : { to, change: { expires_at: null, cancelled_reason: null } }
    },
  })
}

/** Visits are open when one was booked meanwhile; gone is an account that was erased meanwhile. */
async function tryErasing(
  context: SignedInContext,
  { accountId, passwordHash }: { accountId: string; passwordHash: string },
): Promise<'erased' | 'gone' | 'visits-open'> {
  try {
    const { released, isErased } = await transact(context, async (tx) => {
      // First of all, as whoever gives the account access to somebody does.
      await lockRecordsOf(tx.db, accountId)
      const doctorId = await doctorOfAccount(tx.db, accountId)
      const { released } =
        doctorId === null ? { released: [] } : await removeDoctorWithin(context, tx, doctorId)
      const left = await leavePatients(tx.db, { accountId, now: context.clock() })
      for (const { patientId, outcome, others } of left) {
        for (const id of [accountId, ...others])
          tx.append({ type: 'access.ended', subjects: { accountId: id, patientId } })
        await record(context, tx.db, {
          action: 'access.end',
          subjectType: 'patient',
          subjectId: patientId,
          details: { accountId, outcome, ...(others.length > 0 && { others }) },
        })
        if (outcome === 'erased' || outcome === 'deleted')
          await recordErasure(context, tx, patientId)
      }
      if (!(await eraseAccountRow(tx.db, { accountId, passwordHash })))
        return { released, isErased: false }
      tx.append({ type: 'account.erased', subjects: { accountId } })
      await record(context, tx.db, {
        action: 'account.erase',
        subjectType: 'account',
        subjectId: accountId,
      })
      return { released, isErased: true }
    })
    for (const offer of released) announceRelease(context, offer)
    return isErased ? 'erased' : 'gone'
  } catch (error) {
    if (isDatabaseError(error) && error.constraint === 'patient_visits_open') return 'visits-open'
    throw error
  }
}
