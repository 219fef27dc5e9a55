// What a notification says, as facts for the wording: who, where and when. Never why: no reason, no
// visit type, no specialty and no note is among them, so that no wording can tell them.

import type { LinkPurpose } from '#src/identity/link-signer.ts'
import type { NotificationKind, AppointmentStatus, VisitMode } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { Notice } from './notice.ts'

/** The languages that people are written to in. */
export const languages = ['en', 'de', 'ar'] as const
export type Language = (typeof languages)[number]

/** As whom someone is told. */
export type Side = 'patient' | 'doctor' | 'desk'

export interface VisitFacts {
  status: AppointmentStatus
  startsAt: Instant
  endsAt: Instant
  timeZone: string
  /** With the title: "Dr. Claire Moreau". */
  doctorName: string
  patientName: string
  clinicName: string
  clinicPhone: string | null
  /** In one line. */
  clinicAddress: string
  mode: VisitMode
  videoLink: string | null
}

export interface Facts {
  kind: NotificationKind
  side: Side
  /** Whom the message goes to. */
  recipientName: string
  /** The visit as it is told; null where there is none (account, invitation, claim_link). */
  visit: VisitFacts | null
  /** The visit as the recipient knew it, for one that was moved or called off. */
  formerVisit: VisitFacts | null
  /** The patient is the recipient, not a child or someone cared for. */
  isOwnVisit: boolean
  /** A request that nobody answered in time is told as declined. */
  hasLapsed: boolean
  /** How many other times the clinic proposes with a decline. */
  proposedCount: number
  /** Of a delay; 0 for in time again. */
  delayMinutes: number
  /** Until when an offered time is held. */
  heldUntil: Instant | null
  /** What an account is told of. */
  notice: Notice | null
  /** When the access ends that an account is told of. */
  endsAt: Instant | null
  /** The clinic whose front desk an account is told of. */
  clinicName: string | null
  /** The role that an invitation is for. */
  invitedRole: 'doctor' | 'front_desk' | 'admin' | null
  /** The network's own address, for "sign in". */
  publicUrl: string
  /** Whole addresses by what they are good for. */
  links: Partial<Record<LinkPurpose, string>>
}

/** What the recipient reads. */
export interface Wording {
  /** One line, of the mail and of the list in the app. */
  subject: string
  /** One or two sentences, in the app's list and as the text of an SMS with a link at its end. */
  line: string
  /** The whole mail as plain text. */
  text: string
  /** The whole mail as an HTML document with its styles inline. */
  html: string
  /** At most 320 characters. */
  sms: string
}
