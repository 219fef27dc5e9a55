// What accounts may do with accounts. Everyone may read their own and end their own session.

import type { Actor } from '#src/context.ts'

export type IdentityAction =
  /** Invite a doctor, someone for the front desk, or an admin; see and revoke invitations. */
  'invite'

/** Whether the actor may do it. */
export function may(actor: Actor, action: IdentityAction): boolean {
  return action === 'invite' && actor?.role === 'admin'
}
