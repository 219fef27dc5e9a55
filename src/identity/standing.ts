// The standing of an account: whether it may sign in, and as what. Changed by admins alone. Each change
// acts with its commit on every process, since requests read the account and sockets hear of the event.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import type { Transact } from '#src/events/events.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import { deleteOpenAccountLinks } from './account-link-queries.ts'
import { endSessions } from './sessions.ts'
import {
  lockAccountAndAdmins,
  revokeInvitationsOf,
  updateRole,
  updateStatus,
  type StandingRow,
} from './standing-queries.ts'

type Standing = Pick<StandingRow, 'role' | 'status'>

/**
 * Ends the account's sessions and links and lets it start no other session, until it is enabled. The open
 * invitations that it made are revoked, since who has one would come in by it. False when it was disabled
 * before.
 *
 * @throws NotFound, Refusal `conflict` for the last active admin, `wrong-state` for one that was erased.
 */
export async function disableAccount(
  context: Context,
  tx: Transact,
  accountId: string,
): Promise<boolean> {
  const { status } = await lockStanding(tx, accountId, 'leave')
  if (status === 'disabled') return false
  await updateStatus(tx.db, { accountId, status: 'disabled' })
  await deleteOpenAccountLinks(tx.db, accountId)
  await endSessions(context, tx, { accountId })
  await revokeInvitations(context, tx, accountId)
  await note(context, tx, { accountId, action: 'account.disable' })
  tx.append({ type: 'account.disabled', subjects: { accountId } })
  return true
}

/**
 * Lets a disabled account sign in again. False when it is active.
 *
 * @throws NotFound, Refusal `wrong-state` for one that was erased.
 */
export async function enableAccount(
  context: Context,
  tx: Transact,
  accountId: string,
): Promise<boolean> {
  const { status } = await lockStanding(tx, accountId, 'stay')
  if (status === 'active') return false
  await updateStatus(tx.db, { accountId, status: 'active' })
  await note(context, tx, { accountId, action: 'account.enable' })
  tx.append({ type: 'account.enabled', subjects: { accountId } })
  return true
}

/**
 * Makes it an account of another role and ends its sessions: one that began with less proof must not go on
 * with more rights. Answers the role before, null when it has this role already. What belongs to the
 * roles, such as memberships, is the caller's matter.
 *
 * @throws NotFound, Refusal `conflict` for the last active admin, `wrong-state` for one that was erased.
 */
export async function assignRole(
  context: Context,
  tx: Transact,
  { accountId, role }: { accountId: string; role: Role },
): Promise<Role | null> {
  const former = await lockStanding(tx, accountId, role === 'admin' ? 'stay' : 'leave')
  if (former.role === role) return null
  await updateRole(tx.db, { accountId, role })
  await endSessions(context, tx, { accountId })
  if (former.role === 'admin') await revokeInvitations(context, tx, accountId)
  await note(context, tx, {
    accountId,
    action: 'account.assign-role',
    details: { role, formerRole: former.role },
  })
  tx.append({ type: 'account.role-changed', subjects: { accountId } })
  return former.role
}

/**
 * The account, locked until the transaction ends. With `leave`, refuses for the last active admin.
 *
 * @throws NotFound, Refusal `conflict`, `wrong-state` for one that was erased.
 */
export async function lockStanding(
  tx: Transact,
  accountId: string,
  admin: 'stay' | 'leave',
): Promise<Standing> {
  const rows = await lockAccountAndAdmins(tx.db, accountId)
  const account = rows.find(({ id }) => id === accountId)
  if (account === undefined) throw new NotFound('account')
  if (account.status === 'erased')
    throw new Refusal('wrong-state', 'This account was erased, so there is nobody to change.')
  const isActiveAdmin = account.role === 'admin' && account.status === 'active'
  if (admin === 'leave' && isActiveAdmin && rows.length === 1)
    throw new Refusal('conflict', 'This is the last admin. Make somebody else an admin first.')
  return account
}

async function revokeInvitations(context: Context, tx: Transact, accountId: string): Promise<void> {
  const ids = await revokeInvitationsOf(tx.db, { accountId, now: context.clock() })
  for (const id of ids)
    await record(context, tx.db, {
      action: 'invitation.revoke',
      subjectType: 'invitation',
      subjectId: id,
    })
}

function note(
  context: Context,
  tx: Transact,
  entry: { accountId: string; action: string; details?: Record<string, unknown> },
): Promise<void> {
  const { accountId, action, details = {} } = entry
  return record(context, tx.db, { action, subjectType: 'account', subjectId: accountId, details })
}
