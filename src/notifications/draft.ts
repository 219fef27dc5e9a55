// Rows of the ledger before they are written: who is told what, by which channels, and when. Pure but for
// the ids.

import type { NotificationChannel, NotificationKind, NotificationStatus } from '#src/db/tables.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Side } from './facts.ts'
import { channelsFor } from './preferences.ts'
import { sendAt } from './quiet-hours.ts'
import type { RecipientRow } from './recipient-queries.ts'

/** One piece of news, for whoever is to hear it. */
export interface News {
  kind: NotificationKind
  side: Side
  /** Names the news, so that nobody is told it twice by one channel. */
  topic: string
  appointmentId: string | null
  /** The visit's version that is told, and the one that the recipient knew. */
  version: number | null
  formerVersion: number | null
  details: Record<string, string | number>
  /** The earliest time to send it by mail or text message. */
  readyAt: Instant
  /** Before when it must be known, so that quiet hours do not hold it back; null for what can wait. */
  before: Instant | null
  /** Whether quiet hours do not count at all. */
  isUrgent: boolean
  /** From when on it is of no use; null for never. */
  expiresAt: Instant | null
}

export interface Draft {
  id: string
  kind: NotificationKind
  channel: NotificationChannel
  accountId: string | null
  patientId: string | null
  invitationId: string | null
  accessInvitationId: string | null
  side: Side
  appointmentId: string | null
  version: number | null
  formerVersion: number | null
  topic: string
  details: Record<string, string | number>
  status: NotificationStatus
  statusReason: string | null
  queuedAt: Instant
  dueAt: Instant | null
  expiresAt: Instant | null
  sentAt: Instant | null
  readAt: Instant | null
}

type Recipient = Pick<
  RecipientRow,
  'account_id' | 'patient_id' | 'has_email' | 'has_phone' | 'preferences' | 'quiet_hours'
>

/** By which channels the recipient is told; a patient whom nothing reaches keeps a row that says so. */
export function channelsOf(
  recipient: Recipient,
  { kind, side }: Pick<News, 'kind' | 'side'>,
  smsIsSetUp: boolean,
): NotificationChannel[] {
  const channels: NotificationChannel[] = channelsFor({
    kind,
    side,
    preferences: recipient.preferences,
    hasEmail: recipient.has_email,
    hasPhone: recipient.has_phone,
    smsIsSetUp,
  })
  if (recipient.account_id !== null) return ['in_app', ...channels]
  return channels.length > 0 ? channels : ['email']
}

/** The row for one recipient and channel. `isOwn` is news of the recipient's own doing. */
export function draftOf(
  news: News,
  recipient: Recipient,
  { channel, isOwn, now }: { channel: NotificationChannel; isOwn: boolean; now: Instant },
): Draft {
  const draft: Draft = {
    id: newId(),
    kind: news.kind,
    channel,
    accountId: recipient.account_id,
    patientId: recipient.patient_id,
    invitationId: null,
    accessInvitationId: null,
    side: news.side,
    appointmentId: news.appointmentId,
    version: news.version,
    formerVersion: news.formerVersion,
    topic: news.topic,
    details: news.details,
    status: 'queued',
    statusReason: null,
    queuedAt: now,
    dueAt: null,
    expiresAt: news.expiresAt,
    sentAt: null,
    readAt: null,
  }
  // Staff know what they did themselves; patients get a receipt by mail.
  if (isOwn && news.side !== 'patient')
    return { ...draft, status: 'skipped', statusReason: 'own_step' }
  if (channel === 'in_app')
    return { ...draft, status: 'sent', sentAt: now, readAt: isOwn ? now : null }
  if (channel === 'email' && !recipient.has_email)
    return { ...draft, status: 'skipped', statusReason: 'no_address' }
  const readyAt = Math.max(now, news.readyAt)
  // Whoever just did something is awake.
  const quiet = isOwn || news.isUrgent ? null : recipient.quiet_hours
  return { ...draft, dueAt: sendAt({ now: readyAt, quiet, before: news.before }) }
}

/** The rows for one recipient by all channels. */
export function draftsOf(
  news: News,
  recipient: Recipient,
  options: { isOwn: boolean; smsIsSetUp: boolean; now: Instant },
): Draft[] {
  const { isOwn, smsIsSetUp, now } = options
  return channelsOf(recipient, news, smsIsSetUp).map((channel) =>
    draftOf(news, recipient, { channel, isOwn, now }),
  )
}

/** The row for what goes by mail alone: to someone who may have no account, or with a link. */
export function mailOnly(mail: {
  kind: NotificationKind
  topic: string
  accountId?: string
  patientId?: string
  invitationId?: string
  accessInvitationId?: string
  details?: Draft['details']
  expiresAt: Instant
  now: Instant
}): Draft {
  const { kind, topic, details = {}, expiresAt, now } = mail
  return {
    id: newId(),
    kind,
    channel: 'email',
    accountId: mail.accountId ?? null,
    patientId: mail.patientId ?? null,
    invitationId: mail.invitationId ?? null,
    accessInvitationId: mail.accessInvitationId ?? null,
    side: 'patient',
    appointmentId: null,
    version: null,
    formerVersion: null,
    topic,
    details,
    status: 'queued',
    statusReason: null,
    queuedAt: now,
    dueAt: now,
    expiresAt,
    sentAt: null,
    readAt: null,
  }
}
