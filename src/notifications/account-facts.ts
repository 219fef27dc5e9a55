// Reads what the notices of accounts are about: their links, where those go, and the clinic of a front desk.

import type { Runtime } from '#src/context.ts'
import { accountLinkAddress } from '#src/identity/account-links.ts'
import { accessInvitationAddress } from '#src/patients/access-invitations.ts'
import { accountLinksOf, clinicNamesOf, type AccountLinkRow } from './account-facts-queries.ts'
import type { Facts } from './facts.ts'
import { noticeOf } from './notice.ts'
import type { NotificationRow } from './notification.ts'

type Loading = Pick<Runtime, 'db' | 'config' | 'links' | 'clock'>

/** What notices are about, by the ids that their rows name. */
export interface AccountFacts {
  links: Map<string, AccountLinkRow>
  clinicNames: Map<string, string>
}

/** Everything that the rows which are notices need. */
export async function loadAccountFacts(
  { db, clock }: Loading,
  rows: readonly NotificationRow[],
): Promise<AccountFacts> {
  const idsOf = (name: string) =>
    rows.flatMap(({ kind, details }) =>
      kind === 'account' && details[name] !== undefined ? [String(details[name])] : [],
    )
  const [linkIds, clinicIds] = [idsOf('linkId'), idsOf('clinicId')]
  const links = linkIds.length === 0 ? [] : await accountLinksOf(db, { ids: linkIds, now: clock() })
  const clinics = clinicIds.length === 0 ? [] : await clinicNamesOf(db, clinicIds)
  return {
    links: new Map(links.map((link) => [link.id, link])),
    clinicNames: new Map(clinics.map(({ id, name }) => [id, name])),
  }
}

/** What a row says as a notice; all of it null for other rows. */
export function noticeFacts(
  { details, kind }: NotificationRow,
  { clinicNames }: AccountFacts,
): Pick<Facts, 'notice' | 'endsAt' | 'clinicName'> {
  const { notice, endsAt, clinicId } = kind === 'account' ? details : {}
  return {
    notice: noticeOf(notice),
    endsAt: endsAt === undefined ? null : Number(endsAt),
    clinicName: clinicNames.get(String(clinicId)) ?? null,
  }
}

/** The links of a notice, as far as they still open something. */
export function noticeLinks(
  runtime: Loading,
  row: NotificationRow,
  { links }: AccountFacts,
): Facts['links'] {
  if (row.access_invitation_id !== null)
    return { access: accessInvitationAddress(runtime, row.access_invitation_id) }
  const link = links.get(String(row.details['linkId']))
  if (!link?.is_open) return {}
  const { purpose, id: linkId } = link
  return { [purpose]: accountLinkAddress(runtime, { purpose, linkId }) }
}

/**
 * Where a notice goes, where that is not the account's own address: to a new one that is not the account's
 * yet, or to a former one. Those are not greeted by name, since they may be anyone's. Undefined for other
 * rows.
 */
export function noticeAddress(
  { details }: NotificationRow,
  { links }: AccountFacts,
): { name: string; email: string | null } | undefined {
  const notice = noticeOf(details['notice'])
  const link = links.get(String(details['linkId']))
  if (notice === 'change_email') return { name: '', email: link?.email ?? null }
  if (notice === 'email_changed') return { name: '', email: link?.former_email ?? null }
  return undefined
}
