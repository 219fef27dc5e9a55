// What a message says, made of facts alone: its subject, one line for the app, a mail as text and as HTML,
// and a text message. Pure.

import type { NotificationKind } from '#src/db/tables.ts'
import type { Facts, Language, Wording } from './facts.ts'
import { htmlOf, textOf, type FactRow, type MailParts } from './mail-frame.ts'
import { arabic } from './wording-ar.ts'
import { german } from './wording-de.ts'
import { english } from './wording-en.ts'
import {
  clip,
  oneLine,
  shown,
  toldOf,
  unlinked,
  wholeMeasure,
  type ButtonPurpose,
  type Label,
  type Phrases,
  type Saying,
  type Told,
  type VisitTexts,
  type VisitTold,
} from './wording-parts.ts'

const phrasesOf: Record<Language, Phrases> = { en: english, de: german, ar: arabic }

/** What the recipient of the facts reads, in the language. */
export function wordingOf(facts: Facts, language: Language): Wording {
  const phrases = phrasesOf[language]
  const told = toldOf(facts, phrases, wholeMeasure)
  const saying = sayingOf(facts.kind, told, phrases)
  const parts = mailOf(facts, { phrases, told, saying })
  return {
    subject: oneLine(saying.subject),
    line: saying.line,
    text: textOf(parts),
    html: htmlOf(parts),
    sms: smsOf(facts, phrases),
  }
}

function sayingOf(kind: NotificationKind, told: Told, phrases: Phrases): Saying {
  if (kind === 'invitation') return phrases.invitation(told.invitedRole)
  if (kind === 'claim_link') return phrases.claimLink
  if (kind === 'account')
    return told.notice === null ? phrases.news : phrases.account[told.notice](told.noticeTold)
  if (!isAboutVisit(told)) return phrases.news
  return (told.side === 'patient' ? phrases.toPatient : phrases.toStaff)[kind](told)
}

function isAboutVisit(told: Told): told is VisitTold {
  return told.visit !== null
}

function mailOf(
  facts: Facts,
  { phrases, told, saying }: { phrases: Phrases; told: Told; saying: Saying },
): MailParts {
  const { direction, locale } = phrases
  const name = unlinked(facts.recipientName)
  const url = shown(facts.publicUrl, direction)
  const isFixed = ['account', 'invitation', 'claim_link'].includes(facts.kind)
  return {
    locale,
    direction,
    comma: phrases.comma,
    sender: told.visit?.clinic ?? 'Visita',
    title: oneLine(saying.subject),
    greeting: phrases.greeting(name === '' ? null : shown(name, direction)),
    paragraphs: [saying.line, ...saying.more],
    facts: isAboutVisit(told) ? rowsOf(facts.kind, told, phrases) : [],
    buttons: linksOf(facts).map(([purpose, href]) => ({
      label: phrases.buttons[purpose],
      href,
    })),
    footer: [
      phrases.sentBy(told.visit?.clinic ?? null),
      isFixed ? phrases.always : phrases.choose(url),
    ],
    footerUrl: facts.publicUrl,
  }
}

/** The first that a message has is the one that it is meant for. */
const buttonOrder = [
  'verify_email',
  'reset_password',
  'change_email',
  'access',
  'offer',
  'claim',
  'invitation',
  'confirm',
  'view',
  'move',
  'cancel',
] as const satisfies ButtonPurpose[]

function linksOf({ links, publicUrl }: Facts): [ButtonPurpose, string][] {
  const there = buttonOrder.flatMap((purpose): [ButtonPurpose, string][] => {
    const href = links[purpose]
    return href === undefined ? [] : [[purpose, href]]
  })
  return there.length > 0 ? there : [['open', publicUrl]]
}

/** The table of facts of a visit: when, with whom, where, for whom. */
function rowsOf(kind: NotificationKind, told: VisitTold, phrases: Phrases): FactRow[] {
  const { visit, former, change, side } = told
  const isOff = kind === 'cancelled' || kind === 'declined'
  const isMoved = kind === 'moved' && former !== null
  const row = (label: Label, ...values: string[]): FactRow => ({
    label: phrases.labels[label],
    values,
    href: null,
  })
  const isWithTold = side !== 'doctor' || (isMoved && change.doctor)
  const isHeld = kind === 'waitlist_offer'
  return [
    row('when', whenOf(visit, phrases)),
    ...(isMoved ? [row('until', ...formerOf(told, former, phrases))] : []),
    ...(isHeld && told.heldUntil
      ? [
          row(
            'heldUntil',
            `${told.heldUntil.day}${phrases.comma}${phrases.clock(told.heldUntil.time)}`,
          ),
        ]
      : []),
    ...(isHeld && former ? [row('present', whenOf(former, phrases))] : []),
    ...(kind === 'delay' && told.delayMinutes > 0
      ? [row('expected', phrases.clock(told.expectedTime))]
      : []),
    ...(isWithTold ? [row('with', visit.doctor)] : []),
    ...(isOff ? [] : [whereOf(visit, side, phrases)]),
    ...(side !== 'patient' ? [row('patient', visit.patient)] : []),
    ...(told.forWhom === null ? [] : [row('forWhom', told.forWhom)]),
    ...(side === 'patient' && visit.clinicPhone !== null
      ? [{ ...row('phone', visit.clinicPhone), href: callTo(visit.clinicPhone) }]
      : []),
  ]
}

function whenOf(visit: VisitTexts, phrases: Phrases): string {
  const zone = visit.zoneName === null ? '' : ` (${visit.zoneName})`
  return `${visit.date}${phrases.comma}${phrases.clock(visit.time)}${zone}`
}

/** Where a visit was before, as far as it was elsewhere. */
function formerOf({ change }: VisitTold, former: VisitTexts, phrases: Phrases): string[] {
  const { doctor, clinic } = change
  return [
    whenOf(former, phrases),
    ...(doctor ? [former.doctor] : []),
    ...(clinic ? [former.clinic] : []),
  ]
}

function whereOf(visit: VisitTexts, side: Facts['side'], phrases: Phrases): FactRow {
  const { mode, videoLink } = visit
  const label = phrases.labels.where
  if (mode === 'in_person')
    return {
      label,
      values: [visit.clinic, visit.address].filter((part) => part !== ''),
      href: null,
    }
  if (mode === 'phone')
    return { label, values: [side === 'patient' ? phrases.byPhone : phrases.phoneCall], href: null }
  return videoLink === null
    ? { label, values: [phrases.video], href: null }
    : { label, values: [phrases.video, shown(videoLink, phrases.direction)], href: videoLink }
}

function callTo(phone: string): string | null {
  const digits = phone.replaceAll(/[^+\d]/gv, '')
  return /^\+?\d{3,20}$/v.test(digits) ? `tel:${digits}` : null
}

// ── Text messages ────────────────────────────────────────────────────────────────────────────────

/** The most characters of a text message. */
export const smsLengthMax = 320

/** How long names may be; the longest that fits is taken. */
const nameLengths = [60, 40, 24, 12, 6]

/**
 * Who writes, the line and the first link, in at most 320 characters. Names are cut where it is too long,
 * in the end the sentence, and never the link; one that would leave no room for words is left out.
 */
function smsOf(facts: Facts, phrases: Phrases): string {
  const href = linksOf(facts)[0]?.[1] ?? ''
  const link = href.length > smsLengthMax - 120 ? '' : ` ${href}`
  const lengthMax = smsLengthMax - link.length
  let text = ''
  for (const nameLengthMax of nameLengths) {
    const told = toldOf(facts, phrases, { isShort: true, nameLengthMax })
    const { line } = sayingOf(facts.kind, told, phrases)
    text = told.visit === null ? `Visita: ${line}` : `${told.visit.clinic}: ${line}`
    if (text.length <= lengthMax) break
  }
  // A phone has no use for spaces that keep words together, and they cost twice as much to send.
  return `${clip(text, lengthMax).replaceAll('\u00a0', ' ')}${link}`
}
