// Which invitations there are, and taking one back.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import {
  invitationExists,
  invitationsNewestFirst,
  revokeUnused,
  type InvitationPosition,
  type InvitationStatus,
  type ListedInvitation,
} from './invitation-list-queries.ts'
import { may } from './policy.ts'

/** A page of the invitations, newest first, with one more than `limit` when there are more. Never a code. */
export async function listInvitations(
  context: SignedInContext,
  page: { status: InvitationStatus | null; limit: number; after: InvitationPosition | null },
): Promise<ListedInvitation[]> {
  if (!may(context.actor, 'invite')) throw new NotAllowed()
  const now = context.clock()
  return withRetry(() =>
    invitationsNewestFirst(context.db, { ...page, limit: page.limit + 1, now }),
  )
}

/**
 * Takes an invitation back: its code opens nothing any more.
 *
 * @throws NotFound, NotAllowed, Refusal `wrong-state` for one that somebody has used.
 */
export async function revokeInvitation(context: SignedInContext, id: string): Promise<void> {
  if (!may(context.actor, 'invite')) throw new NotAllowed()
  await transact(context, async ({ db }) => {
    if (!(await revokeUnused(db, { id, now: context.clock() }))) {
      if (!(await invitationExists(db, id))) throw new NotFound('invitation')
      throw new Refusal(
        'wrong-state',
        'This invitation has been used. Disable the account that came of it instead.',
      )
    }
    await record(context, db, {
      action: 'invitation.revoke',
      subjectType: 'invitation',
      subjectId: id,
    })
  })
}
