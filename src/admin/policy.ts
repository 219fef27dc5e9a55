// Who may do what concerns the network as a whole: admins all of it, and nobody else any. Pure.

import type { SignedInContext } from '#src/context.ts'
import { NotAllowed } from '#src/kernel/errors.ts'

/** @throws NotAllowed for everyone but admins. */
export function refuseUnlessAdmin({ actor }: Pick<SignedInContext, 'actor'>): void {
  if (actor.role !== 'admin') throw new NotAllowed()
}
