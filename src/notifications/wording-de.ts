// What messages say in German. Pure.

import { germanForAccounts } from './account-wording-de.ts'
import type { Phrases, VisitTexts, VisitTold } from './wording-parts.ts'

function at({ day, time }: { day: string; time: string }): string {
  return `${day}, um ${time}\u00a0Uhr`
}

/** 'Ihr Termin', or whose it is. */
function whose({ forWhom }: VisitTold): string {
  return forWhom === null ? 'Ihr Termin' : `Der Termin für ${forWhom}`
}

function forThem({ forWhom }: VisitTold): string {
  return forWhom === null ? '' : ` für ${forWhom}`
}

/** The desk is told with whom the visit is; doctors know. */
function withDoctor({ side, visit }: VisitTold): string {
  return side === 'desk' ? ` bei ${visit.doctor}` : ''
}

function title(text: string, visit: VisitTexts): string {
  return `${text}: ${visit.day}, ${visit.time}\u00a0Uhr`
}

/** ' bei Dr. Moreau, am Standort Canal' for what is different besides the time. */
function elsewhere({ change, visit }: VisitTold): string {
  const parts = [
    change.doctor && ` bei ${visit.doctor}`,
    change.clinic && ` am Standort ${visit.clinic}`,
  ]
  return parts.filter(Boolean).join(',')
}

function moved(told: VisitTold, subject: string): string {
  const { visit, former, change } = told
  const notYet = visit.isRequest ? ' Die neue Zeit ist noch nicht bestätigt.' : ''
  if (former === null) return `${subject} ist nun am ${at(visit)}.${notYet}`
  const place = elsewhere(told)
  if (change.time)
    return `${subject} wurde verlegt: von ${at(former)}, auf ${at(visit)}${place && `, nun${place}`}.${notYet}`
  return `${subject} am ${at(visit)} ${place ? `ist nun${place}` : 'wurde geändert'}.${notYet}`
}

function delayed({ visit, delayMinutes, expectedTime }: VisitTold, subject: string): string {
  return delayMinutes === 0
    ? `Bei ${visit.doctor} gibt es keine Verspätung mehr. ${subject} am ${visit.day} beginnt wie geplant um ${visit.time}\u00a0Uhr.`
    : `Bei ${visit.doctor} kommt es zu etwa ${minutes(delayMinutes)} Verspätung. ${subject} am ${at(visit)} beginnt voraussichtlich gegen ${expectedTime}\u00a0Uhr.`
}

function minutes(count: number): string {
  return count === 1 ? 'einer Minute' : `${count} Minuten`
}

function minutesLate({ delayMinutes }: VisitTold): string {
  if (delayMinutes === 0) return 'Keine Verspätung mehr'
  return delayMinutes === 1
    ? 'Etwa eine Minute Verspätung'
    : `Etwa ${delayMinutes} Minuten Verspätung`
}

function otherTimes(count: number): string {
  if (count === 0) return 'Sie können um eine andere Zeit bitten.'
  return count === 1
    ? 'Die Praxis schlägt eine andere Zeit vor.'
    : `Die Praxis schlägt ${count} andere Zeiten vor.`
}

const roles = {
  doctor: 'als Ärztin oder Arzt',
  front_desk: 'am Empfang',
  admin: 'in der Verwaltung',
}

export const german: Phrases = {
  locale: 'de-DE',
  direction: 'ltr',
  comma: ', ',
  greeting: (name) => (name === null ? 'Guten Tag,' : `Guten Tag ${name},`),
  clock: (time) => `${time}\u00a0Uhr`,
  labels: {
    when: 'Wann',
    expected: 'Beginn etwa',
    heldUntil: 'Reserviert bis',
    until: 'Vorher',
    present: 'Ihre bisherige Zeit',
    with: 'Bei',
    where: 'Wo',
    forWhom: 'Für',
    patient: 'Patient/in',
    phone: 'Telefon',
  },
  video: 'Per Video',
  byPhone: 'Per Telefon: Sie werden angerufen',
  phoneCall: 'Per Telefon',
  buttons: {
    view: 'Termin ansehen',
    cancel: 'Absagen',
    move: 'Auf eine andere Zeit verlegen',
    confirm: 'Ja, ich bin da',
    offer: 'Zeit ansehen und annehmen',
    claim: 'Akte verbinden',
    invitation: 'Einladung annehmen',
    verify_email: 'Adresse bestätigen',
    change_email: 'Diese Adresse verwenden',
    reset_password: 'Neues Passwort wählen',
    access: 'Annehmen',
    open: 'Visita öffnen',
  },
  toPatient: {
    requested: (told) => ({
      subject: title('Ihre Anfrage ist da', told.visit),
      line: `Ihre Anfrage für einen Termin${forThem(told)} bei ${told.visit.doctor} am ${at(told.visit)}, ist angekommen. Sie ist noch nicht bestätigt.`,
      more: ['Sobald sie beantwortet ist, hören Sie von uns.'],
    }),
    confirmed: (told) => ({
      subject: title('Bestätigt', told.visit),
      line: `${whose(told)} bei ${told.visit.doctor} am ${at(told.visit)}, ist bestätigt.`,
      more: ['Wenn es nicht geht, verlegen Sie ihn bitte rechtzeitig oder sagen Sie ab.'],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'Ihre Anfrage ist verfallen' : 'Nicht möglich', told.visit),
      line: told.hasLapsed
        ? `Die Anfrage für einen Termin${forThem(told)} bei ${told.visit.doctor} am ${at(told.visit)}, wurde nicht rechtzeitig beantwortet und ist verfallen.`
        : `Leider ist ein Termin${forThem(told)} bei ${told.visit.doctor} am ${at(told.visit)}, nicht möglich.`,
      more: [otherTimes(told.proposedCount)],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'Verlegt' : 'Geändert', told.visit),
      line: moved(told, `${whose(told)} bei ${(told.former ?? told.visit).doctor}`),
      more: ['Wenn Ihnen das nicht passt, wählen Sie bitte eine andere Zeit oder sagen Sie ab.'],
    }),
    cancelled: (told) => ({
      subject: title('Abgesagt', told.visit),
      line: `${whose(told)} bei ${told.visit.doctor} am ${at(told.visit)}, wurde abgesagt.`,
      more: ['Wenn Sie weiterhin einen Termin brauchen, buchen Sie gern eine andere Zeit.'],
    }),
    reminder: (told) => ({
      subject: title('Erinnerung', told.visit),
      line: `Zur Erinnerung: ${told.forWhom === null ? 'Ihr' : 'Der'} Termin${forThem(told)} bei ${told.visit.doctor} ist am ${at(told.visit)}.`,
      more: [
        'Wenn es nicht geht, verlegen Sie ihn bitte oder sagen Sie ab, damit die Zeit für andere frei wird.',
      ],
    }),
    waitlist_offer: (told) => ({
      subject: title('Eine Zeit ist frei', told.visit),
      line: `Bei ${told.visit.doctor} ist${forThem(told)} eine Zeit frei: ${at(told.visit)}.${told.heldUntil === null ? '' : ` Sie ist bis ${told.heldUntil.day}, ${told.heldUntil.time}\u00a0Uhr, für Sie reserviert.`}`,
      more: [
        told.former === null
          ? 'Wenn Sie sie nicht möchten, brauchen Sie nichts zu tun.'
          : 'Wenn Sie sie nicht möchten, brauchen Sie nichts zu tun und behalten Ihre bisherige Zeit.',
      ],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, whose(told)),
      more: [],
    }),
    message: (told) => ({
      subject: 'Neue Nachricht zu einem Termin',
      line: `Es gibt eine neue Nachricht zu ${told.forWhom === null ? 'Ihrem Termin' : `dem Termin für ${told.forWhom}`} bei ${told.visit.doctor} am ${at(told.visit)}.`,
      more: ['Melden Sie sich an, um sie zu lesen.'],
    }),
  },
  toStaff: {
    requested: (told) => ({
      subject: title('Neue Anfrage', told.visit),
      line: `${told.visit.patient} bittet um einen Termin${withDoctor(told)} am ${at(told.visit)}.`,
      more: ['Bitte antworten Sie, bevor die Anfrage verfällt.'],
    }),
    confirmed: (told) => ({
      subject: title('Neuer Termin', told.visit),
      line: `${told.visit.patient} hat einen Termin${withDoctor(told)} am ${at(told.visit)}.`,
      more: [],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'Anfrage verfallen' : 'Anfrage abgelehnt', told.visit),
      line: told.hasLapsed
        ? `Die Anfrage von ${told.visit.patient} für einen Termin${withDoctor(told)} am ${at(told.visit)}, wurde nicht rechtzeitig beantwortet und ist verfallen.`
        : `Die Anfrage von ${told.visit.patient} für einen Termin${withDoctor(told)} am ${at(told.visit)}, wurde abgelehnt.`,
      more: [],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'Verlegt' : 'Geändert', told.visit),
      line: moved(told, `Der Termin von ${told.visit.patient}`),
      more: [],
    }),
    cancelled: (told) => ({
      subject: title('Abgesagt', told.visit),
      line: `Der Termin von ${told.visit.patient}${withDoctor(told)} am ${at(told.visit)}, wurde abgesagt.`,
      more: [],
    }),
    reminder: (told) => ({
      subject: title('Erinnerung', told.visit),
      line: `Zur Erinnerung: ${told.visit.patient} hat einen Termin${withDoctor(told)} am ${at(told.visit)}.`,
      more: [],
    }),
    waitlist_offer: (told) => ({
      subject: title('Eine Zeit ist angeboten', told.visit),
      line: `Die Zeit${withDoctor(told)} am ${at(told.visit)}, ist ${told.visit.patient} angeboten${told.heldUntil === null ? '' : `, bis ${told.heldUntil.day}, ${told.heldUntil.time}\u00a0Uhr`}.`,
      more: [],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, `Der Termin von ${told.visit.patient}`),
      more: [],
    }),
    message: (told) => ({
      subject: 'Neue Nachricht zu einem Termin',
      line: `Es gibt eine neue Nachricht zum Termin von ${told.visit.patient}${withDoctor(told)} am ${at(told.visit)}.`,
      more: ['Melden Sie sich an, um sie zu lesen.'],
    }),
  },
  account: germanForAccounts,
  invitation: (role) => ({
    subject: 'Sie sind eingeladen',
    line: `Sie sind eingeladen, bei Visita mitzuarbeiten${role === null ? '' : `, ${roles[role]}`}.`,
    more: [
      'Die Einladung gilt einmal. Wenn Sie sie nicht erwartet haben, brauchen Sie nichts zu tun.',
    ],
  }),
  claimLink: {
    subject: 'Ihre Termine online',
    line: 'Ihre Praxis lädt Sie ein, Ihre Termine online zu sehen und zu ändern.',
    more: ['Der Link gilt einmal. Bitte geben Sie ihn nicht weiter.'],
  },
  news: {
    subject: 'Neues zu einem Termin',
    line: 'Es gibt Neues zu einem Termin. Melden Sie sich an, um es zu sehen.',
    more: [],
  },
  sentBy: (clinic) =>
    clinic === null
      ? 'Diese Nachricht wurde von Visita gesendet.'
      : `Diese Nachricht wurde von ${clinic} gesendet.`,
  choose: (url) =>
    `Was Ihnen wie mitgeteilt wird, wählen Sie in Ihrem Konto unter ${url}, oder fragen Sie die Praxis.`,
  always: 'Diese Nachricht erhalten Sie unabhängig davon, was Sie gewählt haben.',
}
