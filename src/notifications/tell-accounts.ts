// Tells accounts of what happened to them, and mails the links that were made for them.

import type { Runtime } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { StoredEvent } from '#src/events/queries.ts'
import type { Instant } from '#src/kernel/time.ts'
import {
  accessEndsOf,
  accessInvitationsToTell,
  accountLinksOf,
  type AccountLinkRow,
} from './account-facts-queries.ts'
import { draftsOf, mailOnly, type Draft } from './draft.ts'
import type { Notice } from './notice.ts'
import { accountSide } from './recipient-queries.ts'

type Working = Pick<Runtime, 'clock' | 'senders'>

/** After a week, as when no mail was set up, nobody wants to hear of it any more. */
const staleMilliseconds = 7 * 86_400_000

/** What an account is told of an event that names it. */
const noticeOfEvent: Record<string, Notice> = {
  'account.registered': 'welcome',
  'account.password-changed': 'password_changed',
  'account.email-changed': 'email_changed',
  'account.second-factor-on': 'second_factor_on',
  'account.second-factor-off': 'second_factor_off',
  'account.second-factor-locked': 'second_factor_locked',
  'account.recovery-code-used': 'recovery_code_used',
  'account.recovery-codes-renewed': 'recovery_codes_renewed',
  'account.calendar-feed-made': 'calendar_feed_made',
  'account.disabled': 'disabled',
  'account.enabled': 'enabled',
  'account.role-changed': 'role_changed',
  'session.reused': 'session_reused',
  'patient.claimed': 'record_claimed',
  'access.granted': 'access_granted',
  'access.ending': 'access_ending',
  'access.ended': 'access_ended',
  'membership.added': 'membership_added',
  'membership.removed': 'membership_removed',
}

/** Who takes or gives up an access knows so; what concerns the safety of an account is told all the same. */
const notOfOwnDoing: ReadonlySet<Notice> = new Set(['access_granted', 'access_ended'])

interface Concerned {
  accountId: string
  notice: Notice
  /** Names the news, so that nobody is told it twice. */
  key: string
  details: Record<string, string | number>
}

/** Accounts hear of what happened to them, by mail and in the app. */
export async function draftsOfAccounts(
  { clock, senders }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const now = clock()
  const concerned = [
    ...(await withEnds(db, events.flatMap(concernedBy))),
    ...(await askedForNewEmail(db, events, now)),
  ]
  if (concerned.length === 0) return []
  const accounts = await accountSide(
    db,
    concerned.map(({ accountId }) => accountId),
  )
  return concerned.flatMap(({ accountId, notice, key, details }) =>
    accounts
      .filter((account) => account.subject_id === accountId)
      .filter((account) => account.is_active || notice === 'disabled')
      .flatMap((recipient) =>
        draftsOf(
          {
            kind: 'account',
            side: 'patient',
            topic: `account:${notice}:${key}`,
            appointmentId: null,
            version: null,
            formerVersion: null,
            details: { notice, ...details },
            readyAt: now,
            before: null,
            isUrgent: true,
            expiresAt: now + staleMilliseconds,
          },
          recipient,
          { isOwn: false, smsIsSetUp: senders.sms !== null, now },
        ),
      ),
  )
}

function concernedBy({ type, subjects, seq, actorId }: StoredEvent): Concerned[] {
  const notice = noticeOfEvent[type]
  const { accountId, accountLinkId, clinicId, patientId } = subjects
  if (notice === undefined || accountId === undefined) return []
  if (notOfOwnDoing.has(notice) && actorId === accountId) return []
  // Whoever registers by an invitation for a front desk is welcomed, and knows of it.
  if (notice === 'membership_added' && actorId === null) return []
  const details = {
    ...(accountLinkId !== undefined && { linkId: accountLinkId }),
    ...(notice.startsWith('membership') && clinicId !== undefined && { clinicId }),
    ...(notice === 'access_ending' && patientId !== undefined && { patientId }),
  }
  return [{ accountId, notice, key: seq, details }]
}

/** With the time at which each access ends that is about to; what has got no end meanwhile is left out. */
async function withEnds(db: Queryable, all: readonly Concerned[]): Promise<Concerned[]> {
  const ending = all.flatMap(({ notice, accountId, details: { patientId } }) =>
    notice === 'access_ending' ? [{ accountId, patientId: String(patientId) }] : [],
  )
  const ends = ending.length === 0 ? [] : await accessEndsOf(db, ending)
  return all.flatMap((one) => {
    if (one.notice !== 'access_ending') return [one]
    const { accountId, details } = one
    const end = ends.find(
      (access) => access.account_id === accountId && access.patient_id === details['patientId'],
    )
    return end ? [{ ...one, details: { endsAt: end.ends_at } }] : []
  })
}

/** The present address of an account is told that another one is to take its place. */
async function askedForNewEmail(
  db: Queryable,
  events: readonly StoredEvent[],
  now: Instant,
): Promise<Concerned[]> {
  const links = await linksMade(db, events, now)
  return links
    .filter(({ purpose }) => purpose === 'change_email')
    .map(({ id, account_id: accountId }) => ({
      accountId,
      notice: 'email_change_asked',
      key: id,
      details: {},
    }))
}

/** A link that was made for an account is mailed to the address that it is for. */
export async function draftsOfAccountLinks(
  { clock }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const now = clock()
  const links = await linksMade(db, events, now)
  return links
    .filter((link) => link.is_open)
    .map(({ id, account_id: accountId, purpose: notice, expires_at: expiresAt }) =>
      mailOnly({
        kind: 'account',
        topic: `account:${notice}:${id}`,
        accountId,
        details: { notice, linkId: id },
        expiresAt,
        now,
      }),
    )
}

async function linksMade(
  db: Queryable,
  events: readonly StoredEvent[],
  now: Instant,
): Promise<AccountLinkRow[]> {
  const ids = idsOf(events, 'account.link-made', 'accountLinkId')
  return ids.length === 0 ? [] : accountLinksOf(db, { ids, now })
}

/** Whoever is offered an access by an address gets the link there. */
export async function draftsOfAccessInvitations(
  { clock }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const ids = idsOf(events, 'access.invited', 'accessInvitationId')
  if (ids.length === 0) return []
  const now = clock()
  const invitations = await accessInvitationsToTell(db, { ids, now })
  return invitations.map(({ id, expires_at: expiresAt }) =>
    mailOnly({
      kind: 'account',
      topic: `access:${id}`,
      accessInvitationId: id,
      details: { notice: 'access_invited' },
      expiresAt,
      now,
    }),
  )
}

function idsOf(
  events: readonly StoredEvent[],
  type: string,
  subject: 'accountLinkId' | 'accessInvitationId',
): string[] {
  return events.flatMap((event) => (event.type === type ? (event.subjects[subject] ?? []) : []))
}
