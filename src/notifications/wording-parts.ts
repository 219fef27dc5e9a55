// The parts that messages are made of: facts as cleaned text in the recipient's language, and what a
// language must be able to say of them. Pure.

import type { NotificationKind } from '#src/db/tables.ts'
import type { LinkPurpose } from '#src/identity/link-signer.ts'
import { formatForPeople, zoneNameForPeople, type Instant } from '#src/kernel/time.ts'
import type { Facts, Side, VisitFacts } from './facts.ts'
import type { Notice, NoticeTold } from './notice.ts'

/** The kinds that are about a visit. */
export type VisitKind = Exclude<NotificationKind, 'account' | 'invitation' | 'claim_link'>

/** A link that a message has a button for; `open` is the network's own address. */
export type ButtonPurpose = Exclude<LinkPurpose, 'calendar' | 'refresh'> | 'open'

/** A visit as text, with the times that the clinic's clock shows. */
export interface VisitTexts {
  /** With its weekday and without its year: 'Tuesday 24 November'. */
  day: string
  time: string
  /** With its year. */
  date: string
  /** The zone's name, where the visit needs no journey to the clinic; else null. */
  zoneName: string | null
  doctor: string
  patient: string
  clinic: string
  clinicPhone: string | null
  address: string
  mode: VisitFacts['mode']
  videoLink: string | null
  /** Nobody has accepted it so far. */
  isRequest: boolean
}

/** The facts of one message as text. */
export interface Told {
  side: Side
  visit: VisitTexts | null
  /** The visit as the recipient knew it. */
  former: VisitTexts | null
  /** What is different from `former`. */
  change: { time: boolean; doctor: boolean; clinic: boolean }
  /** The patient's name, where a patient's side is told of someone else's visit; else null. */
  forWhom: string | null
  hasLapsed: boolean
  proposedCount: number
  delayMinutes: number
  /** When the visit is expected to begin, with the delay. */
  expectedTime: string
  heldUntil: { day: string; time: string } | null
  notice: Notice | null
  noticeTold: NoticeTold
  invitedRole: Facts['invitedRole']
}

export type VisitTold = Told & { visit: VisitTexts }

/** What one message says besides its table of facts. */
export interface Saying {
  subject: string
  /** One or two sentences that stand for themselves. */
  line: string
  /** Further sentences of the mail. */
  more: string[]
}

/** The names of rows in the table of facts. */
export type Label =
  | 'when'
  | 'expected'
  | 'heldUntil'
  | 'until'
  | 'present'
  | 'with'
  | 'where'
  | 'forWhom'
  | 'patient'
  | 'phone'

/** One language's whole stock. */
export interface Phrases {
  /** BCP 47, for dates and times. */
  locale: string
  direction: 'ltr' | 'rtl'
  greeting(name: string | null): string
  /** A time of day as it stands alone: '10:40 Uhr'. */
  clock(time: string): string
  /** Stands between the parts of one fact. */
  comma: string
  labels: Record<Label, string>
  video: string
  /** As whoever is called reads it. */
  byPhone: string
  phoneCall: string
  buttons: Record<ButtonPurpose, string>
  /** About a visit, as patients and those who act for them read it. */
  toPatient: Record<VisitKind, (told: VisitTold) => Saying>
  /** About a visit, as its doctor and the desk read it. */
  toStaff: Record<VisitKind, (told: VisitTold) => Saying>
  account: Record<Notice, (told: NoticeTold) => Saying>
  invitation(role: Facts['invitedRole']): Saying
  claimLink: Saying
  /** Of something about which no more is known. */
  news: Saying
  /** Who sent it. */
  sentBy(clinic: string | null): string
  /** How to choose what one is told. */
  choose(url: string): string
  /** Why it cannot be chosen. */
  always: string
}

/** How the texts of a message are to be made: for a text message short, elsewhere whole. */
export interface Measure {
  isShort: boolean
  /** In characters; what is longer is cut at a word. */
  nameLengthMax: number
}

/** For mails and for the list in the app. */
export const wholeMeasure: Measure = { isShort: false, nameLengthMax: Infinity }

const lengths = {
  whole: { weekday: 'long', day: 'numeric', month: 'long' },
  short: { weekday: 'short', day: 'numeric', month: 'short' },
} as const

/** The facts as text in the language. What was called off is told as the recipient knew it. */
export function toldOf(facts: Facts, phrases: Phrases, measure: Measure): Told {
  const isOff = facts.kind === 'cancelled' || facts.kind === 'declined'
  const visit = isOff ? (facts.formerVisit ?? facts.visit) : facts.visit
  const textsOf = (one: VisitFacts | null) =>
    one === null ? null : visitTexts(one, phrases, measure)
  const now = textsOf(visit)
  const former = textsOf(facts.formerVisit)
  const before = facts.formerVisit
  const at = (instant: Instant, timeZone: string) => dayAndTime(instant, timeZone, phrases, measure)
  return {
    side: facts.side,
    visit: now,
    former,
    change: {
      time: visit !== null && before !== null && visit.startsAt !== before.startsAt,
      doctor: now !== null && former !== null && now.doctor !== former.doctor,
      clinic: now !== null && former !== null && now.clinic !== former.clinic,
    },
    forWhom: now === null || facts.isOwnVisit || facts.side !== 'patient' ? null : now.patient,
    hasLapsed: facts.hasLapsed,
    proposedCount: facts.proposedCount,
    delayMinutes: facts.delayMinutes,
    expectedTime:
      visit === null ? '' : at(visit.startsAt + facts.delayMinutes * 60_000, visit.timeZone).time,
    heldUntil:
      visit === null || facts.heldUntil === null ? null : at(facts.heldUntil, visit.timeZone),
    notice: facts.notice,
    noticeTold: noticeTold(facts, phrases, measure),
    invitedRole: facts.invitedRole,
  }
}

function noticeTold(facts: Facts, phrases: Phrases, measure: Measure): NoticeTold {
  const { endsAt, clinicName, links } = facts
  const { direction, locale } = phrases
  const parts = { day: 'numeric', month: 'long', year: 'numeric' } as const
  return {
    hasLink: links.verify_email !== undefined,
    // What ends on someone's birthday ends at midnight of UTC.
    lastDay:
      endsAt === null
        ? null
        : formatForPeople(endsAt, { timeZone: 'UTC', language: locale, parts }),
    clinic:
      clinicName === null ? null : shown(oneLine(clinicName), direction, measure.nameLengthMax),
  }
}

function visitTexts(visit: VisitFacts, phrases: Phrases, measure: Measure): VisitTexts {
  const { timeZone, startsAt } = visit
  const { direction, locale } = phrases
  const text = (value: string) => shown(oneLine(value), direction, measure.nameLengthMax)
  const parts = { ...lengths.whole, year: 'numeric' } as const
  return {
    ...dayAndTime(startsAt, timeZone, phrases, measure),
    date: formatForPeople(startsAt, { timeZone, language: locale, parts }),
    zoneName:
      visit.mode === 'in_person'
        ? null
        : zoneNameForPeople(startsAt, { timeZone, language: locale }),
    doctor: text(visit.doctorName),
    patient: shown(unlinked(visit.patientName), direction, measure.nameLengthMax),
    clinic: text(visit.clinicName),
    clinicPhone: visit.clinicPhone === null ? null : text(visit.clinicPhone),
    address: text(visit.clinicAddress),
    mode: visit.mode,
    videoLink: visit.videoLink === null ? null : oneLine(visit.videoLink),
    isRequest: visit.status === 'requested',
  }
}

function dayAndTime(at: Instant, timeZone: string, phrases: Phrases, { isShort }: Measure) {
  const language = phrases.locale
  const parts = isShort ? lengths.short : lengths.whole
  return {
    day: formatForPeople(at, { timeZone, language, parts }),
    time: formatForPeople(at, {
      timeZone,
      language,
      parts: { hour: 'numeric', minute: '2-digit' },
    }).replaceAll(/\s/gv, '\u00a0'),
  }
}

/** The text in one line without control characters, and without those that turn the direction of others. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029\s]+/gv, ' ')
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gv, '')
    .trim()
}

/**
 * A person's name in one line that no program takes for an address: anyone can register with any name
 * and any e-mail address, and must not be able to send links to others in the clinic's name.
 */
export function unlinked(name: string): string {
  const apart = oneLine(name)
    .replaceAll(/[\/\\@]/gv, ' ')
    .replaceAll(/(?<=\S)[.:。．｡](?=\S)/gv, '$& ')
  return oneLine(apart)
}

/** The text, cut at a word where it is longer, kept apart from text that runs the other way. */
export function shown(
  text: string,
  direction: Phrases['direction'],
  lengthMax: number = Infinity,
): string {
  const cut = clip(text, lengthMax)
  const runsAlong =
    direction === 'rtl' ? /^[\p{Script=Arabic}\s]*$/v : /^[^\p{Script=Arabic}\p{Script=Hebrew}]*$/v
  return runsAlong.test(cut) ? cut : `\u2068${cut}\u2069`
}

/** The text in at most so many characters, the last of them '…' where it is longer. */
export function clip(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  let piece = ''
  for (const { segment } of graphemes.segment(text)) {
    if (piece.length + segment.length >= lengthMax) break
    piece += segment
  }
  const endsWithWord = /^\s/v.test(text.slice(piece.length))
  const atWord = endsWithWord ? piece : piece.replace(/\s+\S*$/v, '')
  return `${(atWord.length > lengthMax / 2 ? atWord : piece).trimEnd()}…`
}

const graphemes = new Intl.Segmenter()
