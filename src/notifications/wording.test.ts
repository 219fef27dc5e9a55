import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { NotificationKind } from '#src/db/tables.ts'
import type { LinkPurpose } from '#src/identity/link-signer.ts'
import { parseInstant } from '#src/kernel/time.ts'
import { languages, type Facts, type Side, type VisitFacts, type Wording } from './facts.ts'
import { linkNotices, notices } from './notice.ts'
import { clip, unlinked } from './wording-parts.ts'
import { smsLengthMax, wordingOf } from './wording.ts'

const kinds: Record<NotificationKind, null> = {
  requested: null,
  confirmed: null,
  declined: null,
  moved: null,
  cancelled: null,
  reminder: null,
  waitlist_offer: null,
  delay: null,
  message: null,
  account: null,
  invitation: null,
  claim_link: null,
}
const allKinds = Object.keys(kinds) as NotificationKind[]
const sides = ['patient', 'doctor', 'desk'] as const satisfies Side[]
const withoutVisit = new Set<NotificationKind>(['account', 'invitation', 'claim_link'])
const purposes = [
  'view',
  'cancel',
  'move',
  'confirm',
  'offer',
  'claim',
  'invitation',
  'verify_email',
  'reset_password',
  'change_email',
  'access',
] as const

const startsAt = parseInstant('2026-11-24T10:40:00+01:00')!
const hour = 3_600_000

const visit: VisitFacts = {
  status: 'confirmed',
  startsAt,
  endsAt: startsAt + hour / 2,
  timeZone: 'Europe/Paris',
  doctorName: 'Dr. Claire Moreau',
  patientName: 'Léa Berg',
  clinicName: 'Clinique du Canal',
  clinicPhone: '+33 1 42 68 53 00',
  clinicAddress: '14 quai de Valmy, 75010 Paris',
  mode: 'in_person',
  videoLink: null,
}

function link(purpose: LinkPurpose): string {
  return `https://visits.example.org/visit#${purpose}.${'x'.repeat(65)}`
}

function factsOf(kind: NotificationKind, side: Side, change: Partial<Facts> = {}): Facts {
  const isAboutVisit = !withoutVisit.has(kind)
  return {
    kind,
    side,
    recipientName: 'Anna Berg',
    visit: isAboutVisit ? visit : null,
    formerVisit:
      kind === 'moved' || kind === 'waitlist_offer'
        ? { ...visit, startsAt: startsAt + 50 * hour, doctorName: 'Dr. Hugo Weber' }
        : null,
    isOwnVisit: true,
    hasLapsed: false,
    proposedCount: 0,
    delayMinutes: kind === 'delay' ? 25 : 0,
    heldUntil: kind === 'waitlist_offer' ? startsAt - 47 * hour : null,
    notice: kind === 'account' ? 'welcome' : null,
    endsAt: kind === 'account' ? startsAt : null,
    clinicName: kind === 'account' ? visit.clinicName : null,
    invitedRole: kind === 'invitation' ? 'doctor' : null,
    publicUrl: 'https://visits.example.org',
    links: Object.fromEntries(purposes.map((purpose) => [purpose, link(purpose)])),
    ...change,
  }
}

/** What differs among the messages of a kind, besides names and times. */
const variants: Partial<Facts>[] = [
  {},
  { isOwnVisit: false },
  { formerVisit: null },
  { formerVisit: visit },
  { formerVisit: { ...visit, clinicName: 'Harbour', doctorName: 'Dr. Hugo Weber' } },
  { hasLapsed: true },
  ...[1, 2, 3, 11].map((proposedCount) => ({ proposedCount })),
  ...[0, 1, 2, 3, 45, 100].map((delayMinutes) => ({ delayMinutes })),
  ...notices.map((notice) => ({ notice })),
  { notice: 'access_ending', endsAt: null },
  { notice: 'membership_added', clinicName: null },
  { notice: 'membership_removed', clinicName: null },
  { notice: null },
  { invitedRole: 'front_desk' },
  { invitedRole: 'admin' },
  { invitedRole: null },
  { visit: null },
  { heldUntil: null },
  { links: {} },
  {
    visit: { ...visit, status: 'requested' },
    formerVisit: { ...visit, startsAt: startsAt - hour },
  },
  { visit: { ...visit, mode: 'phone', clinicPhone: null, clinicAddress: '' } },
  { visit: { ...visit, mode: 'video' } },
  { visit: { ...visit, mode: 'video', videoLink: 'https://meet.example.org/r?a=1&b=2' } },
]

function eachMessage(
  change: Partial<Facts>,
  look: (wording: Wording, facts: Facts, where: string) => void,
): void {
  for (const kind of allKinds)
    for (const side of sides)
      for (const language of languages) {
        const facts = factsOf(kind, side, change)
        const where = `${kind} to ${side} in ${language} with ${JSON.stringify(change)}`
        look(wordingOf(facts, language), facts, where)
      }
}

/** What a person reads of an HTML document: its text, without head and markup. */
function readable(html: string): string {
  return html
    .replace(/<head>[^]*<\/head>/v, '')
    .replaceAll(/<br>/gv, '\n')
    .replaceAll(/<\/?a\b[^>]*>/gv, '')
    .replaceAll(/<[^>]*>/gv, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

const inOneLine = (text: string) => text.replaceAll(/\s+/gv, ' ').trim()

test('every kind has words for every side in every language, with nothing left open', () => {
  for (const variant of variants)
    eachMessage(variant, (wording, _facts, where) => {
      const read = { ...wording, html: readable(wording.html) }
      for (const [name, text] of Object.entries(read)) {
        assert.ok(text.trim().length > 5, `${name} of ${where}`)
        assert.doesNotMatch(
          text,
          /undefined|\bnull\b|NaN|\[object|Infinity|\$\{|\{\{|\bfalse\b|,\s*,|\.\.(?!\.)|،\s*،|\s[,.،]/,
          `${name} of ${where}`,
        )
      }
    })
})

test('a subject is one line of at most 90 characters, without control characters or names', () => {
  for (const variant of variants)
    eachMessage(variant, ({ subject }, _facts, where) => {
      assert.doesNotMatch(subject, /\p{Cc}/v, where)
      assert.ok(subject.length <= 90, `${subject.length}: ${where}`)
      assert.doesNotMatch(subject, /Berg|Moreau|Weber/, where)
    })
})

test('the mail says the same as text and as HTML', () => {
  for (const variant of variants)
    eachMessage(variant, ({ text, html, subject, line }, facts, where) => {
      const seen = inOneLine(readable(html))
      // Values that have lines of their own in HTML stand in one line in the text.
      const parts = text
        .split(/:?\n|[:,،] /v)
        .map(inOneLine)
        .filter((part) => !/^(?:--|https:\/\/visits.*)?$/v.test(part))
      for (const part of parts) assert.ok(seen.includes(part), `"${part}" of ${where}`)
      assert.ok(seen.includes(inOneLine(line)) && seen.includes(inOneLine(subject)), where)
      const hrefs = new Set(
        [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&')),
      )
      for (const [href] of text.matchAll(/https:\S+[\w=]/g)) assert.ok(hrefs.has(href), where)
      for (const href of Object.values(facts.links)) assert.ok(text.includes(href), where)
    })
})

test('when, with whom and where are in every mail about a visit that takes place', () => {
  for (const kind of ['requested', 'confirmed', 'moved', 'reminder', 'waitlist_offer'] as const) {
    for (const [language, when] of [
      ['en', 'Tuesday, 24 November 2026, 10:40'],
      ['de', 'Dienstag, 24. November 2026, 10:40\u00a0Uhr'],
      ['ar', 'الثلاثاء، 24 نوفمبر 2026، 10:40\u00a0ص'],
    ] as const) {
      const { text } = wordingOf(factsOf(kind, 'patient'), language)
      for (const fact of [when, visit.doctorName, visit.clinicName, visit.clinicAddress])
        assert.ok(text.includes(fact), `${fact} of ${kind} in ${language}`)
    }
  }
})

test('a visit by video is told with its link and the name of the zone', () => {
  const videoLink = 'https://meet.example.org/r?a=1&b=2'
  const facts = factsOf('reminder', 'patient', { visit: { ...visit, mode: 'video', videoLink } })
  const { text, html } = wordingOf(facts, 'de')
  assert.ok(text.includes(videoLink))
  assert.match(text, /10:40\u00a0Uhr \(Mitteleuropäische Zeit\)/)
  assert.match(html, /href="https:\/\/meet\.example\.org\/r\?a=1&amp;b=2"/)
  const script = { ...visit, mode: 'video' as const, videoLink: 'javascript:alert(1)' }
  const asText = wordingOf(factsOf('reminder', 'patient', { visit: script }), 'de').html
  assert.doesNotMatch(asText, /href="javascript:/)
})

test('a move tells the old time and the new one, and what else is different', () => {
  const facts = factsOf('moved', 'patient')
  const { line, text } = wordingOf(facts, 'en')
  assert.equal(
    line,
    'Your appointment with Dr. Hugo Weber has moved from Thursday 26 November at 12:40 to Tuesday 24 November at 10:40, now with Dr. Claire Moreau.',
  )
  assert.match(text, /Before: Thursday, 26 November 2026, 12:40, Dr\. Hugo Weber/)
  const sameTime = { ...visit, doctorName: 'Dr. Hugo Weber' }
  assert.match(
    wordingOf({ ...facts, formerVisit: sameTime }, 'en').line,
    /on Tuesday 24 November at 10:40 is now with Dr\. Claire Moreau\.$/,
  )
})

test('what was called off is told at the time that the recipient knew', () => {
  const formerVisit = { ...visit, startsAt: startsAt - 24 * hour }
  for (const kind of ['cancelled', 'declined'] as const)
    assert.match(
      wordingOf(factsOf(kind, 'patient', { formerVisit }), 'en').line,
      /Monday 23 November at 10:40/,
    )
})

test('a notice says what happened to the account, names nobody else, and brings its link', () => {
  for (const notice of notices)
    for (const language of languages) {
      const where = `${notice} in ${language}`
      const wording = wordingOf(factsOf('account', 'patient', { notice, links: {} }), language)
      assert.doesNotMatch(Object.values(wording).join(' '), /Léa|Moreau|10:40/, where)
      assert.ok(wording.text.includes('https://visits.example.org'), where)
    }
  for (const notice of linkNotices) {
    const facts = factsOf('account', 'patient', { notice, links: { [notice]: link(notice) } })
    for (const language of languages) {
      const { text, html, line } = wordingOf(facts, language)
      assert.ok(text.includes(link(notice)) && html.includes(link(notice)), notice)
      // The list in the app has no links, and nobody else must read one there.
      assert.doesNotMatch(line, /https/)
    }
  }
  const ending = factsOf('account', 'patient', { notice: 'access_ending' })
  assert.match(wordingOf(ending, 'en').line, /ends on 24 November 2026\.$/)
  assert.match(wordingOf(ending, 'de').line, /endet am 24\. November 2026\.$/)
  const welcome = factsOf('account', 'patient', { notice: 'welcome', links: {} })
  assert.doesNotMatch(wordingOf(welcome, 'en').text, /confirm/)
})

test('someone who cares for a patient reads whose visit it is, and a patient reads of no one else', () => {
  for (const kind of allKinds.filter((one) => !withoutVisit.has(one)))
    for (const language of languages) {
      const own = wordingOf(factsOf(kind, 'patient'), language)
      const other = wordingOf(factsOf(kind, 'patient', { isOwnVisit: false }), language)
      assert.doesNotMatch(Object.values(own).join(' '), /Léa/, `${kind} in ${language}`)
      assert.match(other.text, /Léa Berg/, `${kind} in ${language}`)
      for (const side of ['doctor', 'desk'] as const)
        assert.match(wordingOf(factsOf(kind, side), language).line, /Léa Berg|Claire Moreau/)
    }
})

test('a text message has at most 320 characters and its link whole, however long names are', () => {
  const long = 'Maximiliane-Theodora von Hohenzollern-Sigmaringen zu Württemberg '
    .repeat(2)
    .slice(0, 120)
  const names = { doctorName: long, patientName: long, clinicName: long, clinicAddress: long }
  const longer = {
    recipientName: long,
    isOwnVisit: false,
    visit: { ...visit, ...names, status: 'requested' as const },
    formerVisit: {
      ...visit,
      ...names,
      startsAt: startsAt + 50 * hour,
      doctorName: `X${long}`,
      clinicName: `Y${long}`,
    },
  }
  for (const links of [{ view: link('view') }, { view: `${link('view')}${'y'.repeat(60)}` }])
    eachMessage({ ...longer, links }, ({ sms }, { kind }, where) => {
      const time = kind === 'cancelled' || kind === 'declined' ? '12:40' : '10:40'
      assert.ok(sms.length <= smsLengthMax, `${sms.length}: ${where}`)
      assert.ok(withoutVisit.has(kind) || sms.includes(time), `${sms}: ${where}`)
      assert.ok(sms.endsWith(` ${links.view}`), where)
      assert.doesNotMatch(sms, /[\p{Cc}\u00a0]/v)
    })
  eachMessage(
    { links: { view: `https://example.org/${'z'.repeat(300)}` } },
    ({ sms }, _, where) => {
      assert.ok(sms.length <= smsLengthMax && !sms.includes('https'), where)
    },
  )
})

test('nothing that someone wrote is markup, turns the text round, or breaks the line of a subject', () => {
  const nasty = fc.oneof(
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onmouseover='alert(1)",
      '&lt;b&gt;',
      'a\r\nBcc: x@example.org',
      '\u202egnp.exe\u202c \u2066x',
      '\0\u0085\u2028\u2029',
      '',
    ),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  const tags = (html: string) =>
    html.match(/<[a-z!/][^>]*>/gi)?.map((tag) => tag.split(/[ >]/, 1)[0])
  fc.assert(
    fc.property(
      fc.record({ name: nasty, patient: nasty, doctor: nasty, clinic: nasty, street: nasty }),
      fc.constantFrom(...allKinds.filter((kind) => !withoutVisit.has(kind))),
      fc.constantFrom(...sides),
      fc.constantFrom(...languages),
      ({ name, patient, doctor, clinic, street }, kind, side, language) => {
        const named = (one: string) => ({
          recipientName: `N${one}`,
          isOwnVisit: false,
          visit: {
            ...visit,
            patientName: `P${one && patient}`,
            doctorName: `D${one && doctor}`,
            clinicName: `C${one && clinic}`,
            clinicAddress: `S${one && street}`,
          },
          formerVisit: null,
        })
        const wording = wordingOf(factsOf(kind, side, named(`a${name}`)), language)
        const plain = wordingOf(factsOf(kind, side, named('')), language)
        assert.deepEqual(tags(wording.html), tags(plain.html))
        assert.doesNotMatch(wording.subject, /[\p{Cc}\u2028\u2029]/v)
        assert.doesNotMatch(Object.values(wording).join(''), /[\u202a-\u202e\u2066\u2067]/v)
        assert.doesNotMatch(wording.text.replaceAll('\n', ''), /\p{Cc}/v)
        assert.ok(wording.sms.length <= smsLengthMax)
      },
    ),
    { numRuns: 500 },
  )
})

test('a name cannot bring a link of its own into a mail', () => {
  for (const name of [
    'Win https://evil.example/now',
    'www.evil.example',
    'mail me@evil.example',
    'evil。com/x',
  ])
    assert.doesNotMatch(unlinked(name), /\/|@|\p{L}[.。]\p{L}/v, name)
  assert.equal(unlinked("Dr. Anne-Marie O'Neill  Berg"), "Dr. Anne-Marie O'Neill Berg")
  const { text } = wordingOf(
    factsOf('account', 'patient', { recipientName: 'https://evil.example' }),
    'en',
  )
  assert.doesNotMatch(text, /evil\.example/)
  const patientName = 'https://evil.example'
  const toDoctor = wordingOf(
    factsOf('requested', 'doctor', { visit: { ...visit, patientName } }),
    'en',
  )
  assert.doesNotMatch(Object.values(toDoctor).join(' '), /evil\.example/)
})

test('what is cut keeps whole words and whole characters, and never grows', () => {
  assert.equal(clip('Clinique du Canal', 12), 'Clinique du…')
  assert.equal(clip('Canal', 5), 'Canal')
  assert.equal(clip('👩‍⚕️👩‍⚕️', 6), '👩‍⚕️…')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 30 }), (text, max) => {
      const cut = clip(text, max)
      assert.ok(cut.length <= max && cut.isWellFormed())
      assert.ok(cut === text || cut.endsWith('…'))
    }),
  )
})

test('text that runs the other way is kept apart from the words around it', () => {
  const { line } = wordingOf(factsOf('confirmed', 'patient'), 'ar')
  assert.match(line, /\u2068Dr\. Claire Moreau\u2069/)
  const { text } = wordingOf(
    factsOf('confirmed', 'doctor', { visit: { ...visit, patientName: 'ليلى حداد' } }),
    'en',
  )
  assert.match(text, /\u2068ليلى حداد\u2069 has an appointment/)
  assert.match(wordingOf(factsOf('confirmed', 'patient'), 'ar').html, /<html lang="ar" dir="rtl">/)
})

test('the words of messages have no place for anything about health', () => {
  const files = [
    'facts',
    'mail-frame',
    'wording-parts',
    'wording-en',
    'wording-de',
    'wording-ar',
    'wording',
    'notice',
    'account-facts',
    'account-wording-en',
    'account-wording-de',
    'account-wording-ar',
  ]
  const words =
    /special(?!s)|visit.?type|diagnos|symptom|illness|disease|treatment|medic|health|instruction|staff.?note|\bnote\b|\breason|Fachrichtung|Grund|Beschwerde|Behandlung|Untersuchung|Krank|Notiz|Diagnose|سبب|تشخيص|أعراض|مرض|علاج|فحص|تخصص|ملاحظة/iu
  for (const file of files) {
    const source = readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8')
    // The facts say in a comment what is not among them, and have a room that no wording uses.
    const looked = file === 'facts' ? source.replaceAll(/\/\/.*/g, '') : source
    assert.doesNotMatch(looked, words, file)
  }
})
