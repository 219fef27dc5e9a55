// The accounts of the network as admins see and change them. What must hold for an account is written in
// identity, for memberships in clinics, for profiles in doctors; here it comes together.

import { record } from '#src/audit/audit.ts'
import { joinFrontDesk, leaveFrontDesk } from '#src/clinics/memberships.ts'
import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import { bindDoctorAccount, releaseDoctorAccount } from '#src/doctors/accounts.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { resetSecondFactor } from '#src/identity/second-factor.ts'
import { endSessions } from '#src/identity/sessions.ts'
import { assignRole, disableAccount, enableAccount, lockStanding } from '#src/identity/standing.ts'
import {
  InvalidRequest,
  invalidField,
  NotFound,
  Refusal,
  type FieldError,
} from '#src/kernel/errors.ts'
import { eraseAccount } from '#src/privacy/account-end.ts'
import { refuseUnlessAdmin } from './policy.ts'
import {
  clinicIdsOfDesk,
  knownClinicIds,
  userById,
  usersAfter,
  type UserFilter,
  type UserRow,
} from './users-queries.ts'

/** The accounts that match, by name; one more than `limit`. */
export async function listUsers(
  context: SignedInContext,
  options: {
    filter: UserFilter
    after: { name: string; id: string } | null
    limit: number
  },
): Promise<UserRow[]> {
  refuseUnlessAdmin(context)
  const { filter, after, limit } = options
  const rows = await withRetry(() =>
    usersAfter(context.db, { filter, after, limit: limit + 1, now: context.clock() }),
  )
  await record(context, context.db, {
    action: 'account.list',
    subjectType: 'account',
    subjectId: null,
    details: { ids: rows.slice(0, limit).map(({ id }) => id) },
  })
  return rows
}

/** @throws NotFound */
export async function readUser(context: SignedInContext, accountId: string): Promise<UserRow> {
  refuseUnlessAdmin(context)
  const row = await withRetry(() => findUser(context, context.db, accountId))
  await record(context, context.db, {
    action: 'account.read',
    subjectType: 'account',
    subjectId: accountId,
  })
  return row
}

async function findUser(
  context: SignedInContext,
  db: Queryable,
  accountId: string,
): Promise<UserRow> {
  const row = await userById(db, { accountId, now: context.clock() })
  if (row === undefined) throw new NotFound('account')
  return row
}

/** Does it in one transaction and answers the account as it is then. */
async function changeUser(
  context: SignedInContext,
  accountId: string,
  work: (tx: Transact) => Promise<unknown>,
): Promise<UserRow> {
  refuseUnlessAdmin(context)
  return transact(context, async (tx) => {
    await work(tx)
    return findUser(context, tx.db, accountId)
  })
}

/**
 * Disables the account: its sessions end at once, and nobody signs in to it.
 *
 * @throws NotFound, Refusal `conflict` for the last active admin, `wrong-state` for one that was erased.
 */
export function disableUser(context: SignedInContext, accountId: string): Promise<UserRow> {
  return changeUser(context, accountId, (tx) => disableAccount(context, tx, accountId))
}

/** @throws NotFound, Refusal `wrong-state` for an account that was erased. */
export function enableUser(context: SignedInContext, accountId: string): Promise<UserRow> {
  return changeUser(context, accountId, (tx) => enableAccount(context, tx, accountId))
}

/**
 * Gives the account another role. What belonged to the former one ends: the front desk's memberships, and
 * that a doctor's profile is the account's; the profile stays, with its hours and visits.
 *
 * @throws NotFound, InvalidRequest, Refusal `conflict` for the last active admin and for a profile that has
 * an account, `wrong-state` for an account that was erased.
 */
export function changeRole(
  context: SignedInContext,
  change: { accountId: string; role: UserRow['role']; doctorId?: string; clinicIds?: string[] },
): Promise<UserRow> {
  const { accountId, role, doctorId, clinicIds } = change
  return changeUser(context, accountId, async (tx) => {
    refuseContradictions(change)
    const former = await assignRole(context, tx, { accountId, role })
    if (former === 'doctor') await releaseDoctorAccount(context, tx, accountId)
    if (former === 'front_desk') await putMemberships(context, tx, { accountId, clinicIds: [] })
    if (clinicIds !== undefined) await putMemberships(context, tx, { accountId, clinicIds })
    if (doctorId !== undefined) await bindProfile(context, tx, { accountId, doctorId })
  })
}

function refuseContradictions(change: {
  role: UserRow['role']
  doctorId?: string
  clinicIds?: string[]
}): void {
  const { role, doctorId, clinicIds } = change
  if (role === 'doctor' && doctorId === undefined)
    throw invalidField('/doctorId', 'A doctor needs a profile that has no account yet.')
  if (role !== 'doctor' && doctorId !== undefined)
    throw invalidField('/doctorId', 'Only a doctor has a profile.')
  if (role !== 'front_desk' && clinicIds !== undefined)
    throw invalidField('/clinicIds', 'Only the front desk works at clinics that are named here.')
}

/** An account that has the profile already keeps it. */
async function bindProfile(
  context: SignedInContext,
  tx: Transact,
  { accountId, doctorId }: { accountId: string; doctorId: string },
): Promise<void> {
  const { doctor } = await findUser(context, tx.db, accountId)
  if (doctor?.id === doctorId) return
  if (!(await bindDoctorAccount(context, tx, { doctorId, accountId, clinicId: null })))
    throw new Refusal('conflict', 'There is no such doctor, or the doctor has an account.', {
      errors: [{ in: 'body', pointer: '/doctorId', detail: 'This doctor cannot be given.' }],
    })
}

/**
 * The clinics at whose front desk the account works, in place of those before; none are allowed.
 *
 * @throws NotFound, InvalidRequest, Refusal `wrong-state` unless the account is one of the front desk.
 */
export function changeMemberships(
  context: SignedInContext,
  change: { accountId: string; clinicIds: string[] },
): Promise<UserRow> {
  return changeUser(context, change.accountId, async (tx) => {
    const { role } = await lockStanding(tx, change.accountId, 'stay')
    if (role !== 'front_desk')
      throw new Refusal('wrong-state', 'Only an account of the front desk works at clinics.')
    await putMemberships(context, tx, change)
  })
}

async function putMemberships(
  context: SignedInContext,
  tx: Transact,
  { accountId, clinicIds }: { accountId: string; clinicIds: readonly string[] },
): Promise<void> {
  await refuseUnknownClinics(tx.db, clinicIds)
  const before = await clinicIdsOfDesk(tx.db, accountId)
  for (const clinicId of before)
    if (!clinicIds.includes(clinicId)) await leaveFrontDesk(context, tx, { accountId, clinicId })
  for (const clinicId of clinicIds)
    if (!before.includes(clinicId)) await joinFrontDesk(context, tx, { accountId, clinicId })
}

async function refuseUnknownClinics(db: Queryable, clinicIds: readonly string[]): Promise<void> {
  const known = new Set(await knownClinicIds(db, clinicIds))
  const errors = clinicIds.flatMap((id, index): FieldError[] =>
    known.has(id)
      ? []
      : [{ in: 'body', pointer: `/clinicIds/${index}`, detail: 'There is no such clinic.' }],
  )
  if (errors.length > 0) throw new InvalidRequest(errors)
}

/**
 * Erases the account of somebody who asked for it otherwise than by `DELETE /me`, with all that follows
 * there: visits ahead of its own record are called off, its waits end.
 *
 * @throws NotFound, VisitsOpen, Refusal `conflict` for the admin's own account, and as `eraseAccount`;
 * `wrong-state` for one that was erased.
 */
export async function eraseUser(context: SignedInContext, accountId: string): Promise<void> {
  refuseUnlessAdmin(context)
  if (accountId === context.actor.accountId)
    throw new Refusal('conflict', 'This is your own account, which DELETE /me ends.')
  const { status } = await findUser(context, context.db, accountId)
  if (status === 'erased' || !(await eraseAccount(context, accountId)))
    throw new Refusal('wrong-state', 'This account was erased already.')
}

/** Signs the account out everywhere. Throws NotFound. */
export async function endUserSessions(context: SignedInContext, accountId: string): Promise<void> {
  await changeUser(context, accountId, (tx) => endSessions(context, tx, { accountId }))
}

/** Takes the second factor off an account whose owner has lost it. Throws NotFound. */
export async function resetUserSecondFactor(
  context: SignedInContext,
  accountId: string,
): Promise<void> {
  await changeUser(context, accountId, (tx) => resetSecondFactor(context, tx, accountId))
}
