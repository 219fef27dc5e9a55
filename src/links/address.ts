// The addresses of the links in mails. What is behind the fragment is in visit-links.ts.

import { publicUrlAt } from '#src/config.ts'
import type { Context } from '#src/context.ts'
import type { LinkPurpose } from '#src/identity/link-signer.ts'

/** What a link in a mail about a visit is good for. */
export const visitPurposes = ['view', 'cancel', 'move', 'confirm', 'offer'] as const
export type VisitPurpose = Extract<LinkPurpose, (typeof visitPurposes)[number]>

/**
 * The whole address by which the recipient of a notification gets to the visit that it is about. The
 * token stands in the fragment, which browsers don't send: it gets into no log.
 */
export function linkTo(
  context: Pick<Context, 'config' | 'links'>,
  purpose: VisitPurpose,
  notificationId: string,
): string {
  const token = context.links.tokenOf(purpose, notificationId)
  return `${publicUrlAt(context.config, context.config.port)}/visit#${purpose}.${token}`
}
