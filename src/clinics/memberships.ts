// Who works at which clinic's front desk.

import { record } from '#src/audit/audit.ts'
import type { Context } from '#src/context.ts'
import type { Transact } from '#src/events/events.ts'
import { deleteMembership, insertMembership } from './membership-queries.ts'

/** Makes the account one of the clinic's front desk. */
export async function joinFrontDesk(
  context: Context,
  tx: Transact,
  { accountId, clinicId }: { accountId: string; clinicId: string },
): Promise<void> {
  await insertMembership(tx.db, { accountId, clinicId, createdAt: context.clock() })
  await record(context, tx.db, {
    action: 'membership.create',
    subjectType: 'clinic',
    subjectId: clinicId,
    details: { accountId, role: 'front_desk' },
  })
  tx.append({ type: 'membership.added', subjects: { accountId, clinicId } })
}

/** Ends that the account is one of the clinic's front desk. */
export async function leaveFrontDesk(
  context: Context,
  tx: Transact,
  { accountId, clinicId }: { accountId: string; clinicId: string },
): Promise<void> {
  await deleteMembership(tx.db, { accountId, clinicId })
  await record(context, tx.db, {
    action: 'membership.end',
    subjectType: 'clinic',
    subjectId: clinicId,
    details: { accountId, role: 'front_desk' },
  })
  tx.append({ type: 'membership.removed', subjects: { accountId, clinicId } })
}
