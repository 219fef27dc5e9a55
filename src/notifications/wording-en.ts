// What messages say in English. Pure.

import { englishForAccounts } from './account-wording-en.ts'
import type { Phrases, VisitTexts, VisitTold } from './wording-parts.ts'

function at({ day, time }: { day: string; time: string }): string {
  return `${day} at ${time}`
}

function theirs({ forWhom }: VisitTold): string {
  return forWhom === null ? 'your appointment' : `the appointment for ${forWhom}`
}

/** As a sentence begins with it. */
function whose({ forWhom }: VisitTold): string {
  return forWhom === null ? 'Your appointment' : `The appointment for ${forWhom}`
}

function forThem({ forWhom }: VisitTold): string {
  return forWhom === null ? '' : ` for ${forWhom}`
}

/** The desk is told with whom the visit is; doctors know. */
function withDoctor({ side, visit }: VisitTold): string {
  return side === 'desk' ? ` with ${visit.doctor}` : ''
}

function title(text: string, visit: VisitTexts): string {
  return `${text}: ${visit.day}, ${visit.time}`
}

/** ', now with Dr. Moreau, at Canal' for what is different besides the time. */
function elsewhere({ change, visit }: VisitTold): string {
  const parts = [change.doctor && ` with ${visit.doctor}`, change.clinic && ` at ${visit.clinic}`]
  return parts.filter(Boolean).join(',')
}

function moved(told: VisitTold, subject: string): string {
  const { visit, former, change } = told
  const notYet = visit.isRequest ? ' The new time is not confirmed yet.' : ''
  if (former === null) return `${subject} is now on ${at(visit)}.${notYet}`
  const place = elsewhere(told)
  if (change.time)
    return `${subject} has moved from ${at(former)} to ${at(visit)}${place && `, now${place}`}.${notYet}`
  return `${subject} on ${at(visit)} ${place ? `is now${place}` : 'has changed'}.${notYet}`
}

function delayed({ visit, delayMinutes, expectedTime }: VisitTold, subject: string): string {
  return delayMinutes === 0
    ? `${visit.doctor} is on time again. ${subject} on ${visit.day} begins at ${visit.time} as planned.`
    : `${visit.doctor} is running about ${minutes(delayMinutes)} late. ${subject} of ${at(visit)} is expected to begin at about ${expectedTime}.`
}

function minutesLate({ delayMinutes }: VisitTold): string {
  return delayMinutes === 0 ? 'On time again' : `About ${minutes(delayMinutes)} late`
}

function minutes(count: number): string {
  return count === 1 ? '1 minute' : `${count} minutes`
}

function otherTimes(count: number): string {
  if (count === 0) return 'You can ask for another time.'
  return count === 1
    ? 'The clinic proposes another time.'
    : `The clinic proposes ${count} other times.`
}

const roles = {
  doctor: 'as a doctor',
  front_desk: 'at the front desk',
  admin: 'as an administrator',
}

export const english: Phrases = {
  locale: 'en-GB',
  direction: 'ltr',
  comma: ', ',
  greeting: (name) => (name === null ? 'Hello,' : `Hello ${name},`),
  clock: (time) => time,
  labels: {
    when: 'When',
    expected: 'Expected to begin',
    heldUntil: 'Held until',
    until: 'Before',
    present: 'Your time so far',
    with: 'With',
    where: 'Where',
    forWhom: 'For',
    patient: 'Patient',
    phone: 'Phone',
  },
  video: 'By video',
  byPhone: 'By phone: you will be called',
  phoneCall: 'By phone',
  buttons: {
    view: 'See the appointment',
    cancel: 'Cancel',
    move: 'Move to another time',
    confirm: 'Yes, I will be there',
    offer: 'See and take this time',
    claim: 'Connect the record',
    invitation: 'Accept the invitation',
    verify_email: 'Confirm the address',
    change_email: 'Use this address',
    reset_password: 'Choose a new password',
    access: 'Accept',
    open: 'Open Visita',
  },
  toPatient: {
    requested: (told) => ({
      subject: title('We have your request', told.visit),
      line: `Your request for an appointment${forThem(told)} with ${told.visit.doctor} on ${at(told.visit)} has arrived. It is not confirmed yet.`,
      more: ['You will hear from us as soon as it is answered.'],
    }),
    confirmed: (told) => ({
      subject: title('Confirmed', told.visit),
      line: `${whose(told)} with ${told.visit.doctor} on ${at(told.visit)} is confirmed.`,
      more: ['If you cannot make it, please move or cancel it in good time.'],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'Your request has lapsed' : 'Not possible', told.visit),
      line: told.hasLapsed
        ? `The request for an appointment${forThem(told)} with ${told.visit.doctor} on ${at(told.visit)} was not answered in time and has lapsed.`
        : `We are sorry: an appointment${forThem(told)} with ${told.visit.doctor} on ${at(told.visit)} is not possible.`,
      more: [otherTimes(told.proposedCount)],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'Moved' : 'Changed', told.visit),
      line: moved(told, `${whose(told)} with ${(told.former ?? told.visit).doctor}`),
      more: ['If this does not suit you, please choose another time or cancel.'],
    }),
    cancelled: (told) => ({
      subject: title('Cancelled', told.visit),
      line: `${whose(told)} with ${told.visit.doctor} on ${at(told.visit)} has been cancelled.`,
      more: ['If you still need an appointment, you can book another time.'],
    }),
    reminder: (told) => ({
      subject: title('Reminder', told.visit),
      line: `A reminder: ${theirs(told)} with ${told.visit.doctor} is on ${at(told.visit)}.`,
      more: [
        'If you cannot make it, please move or cancel it, so that someone else can have the time.',
      ],
    }),
    waitlist_offer: (told) => ({
      subject: title('A time is free', told.visit),
      line: `A time with ${told.visit.doctor} is free${forThem(told)} on ${at(told.visit)}.${told.heldUntil === null ? '' : ` We hold it until ${told.heldUntil.time} on ${told.heldUntil.day}.`}`,
      more: [
        told.former === null
          ? 'If you do not want it, you need do nothing.'
          : 'If you do not want it, you need do nothing, and keep the time that you have.',
      ],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, whose(told)),
      more: [],
    }),
    message: (told) => ({
      subject: 'A new message about an appointment',
      line: `There is a new message about ${theirs(told)} with ${told.visit.doctor} on ${at(told.visit)}.`,
      more: ['Sign in to read it.'],
    }),
  },
  toStaff: {
    requested: (told) => ({
      subject: title('New request', told.visit),
      line: `${told.visit.patient} asks for an appointment${withDoctor(told)} on ${at(told.visit)}.`,
      more: ['Please answer before the request lapses.'],
    }),
    confirmed: (told) => ({
      subject: title('New appointment', told.visit),
      line: `${told.visit.patient} has an appointment${withDoctor(told)} on ${at(told.visit)}.`,
      more: [],
    }),
    declined: (told) => ({
      subject: title(told.hasLapsed ? 'Request lapsed' : 'Request declined', told.visit),
      line: told.hasLapsed
        ? `Nobody answered the request of ${told.visit.patient} for an appointment${withDoctor(told)} on ${at(told.visit)} in time. It has lapsed.`
        : `The request of ${told.visit.patient} for an appointment${withDoctor(told)} on ${at(told.visit)} was declined.`,
      more: [],
    }),
    moved: (told) => ({
      subject: title(told.change.time ? 'Moved' : 'Changed', told.visit),
      line: moved(told, `The appointment of ${told.visit.patient}`),
      more: [],
    }),
    cancelled: (told) => ({
      subject: title('Cancelled', told.visit),
      line: `The appointment of ${told.visit.patient}${withDoctor(told)} on ${at(told.visit)} has been cancelled.`,
      more: [],
    }),
    reminder: (told) => ({
      subject: title('Reminder', told.visit),
      line: `A reminder: ${told.visit.patient} has an appointment${withDoctor(told)} on ${at(told.visit)}.`,
      more: [],
    }),
    waitlist_offer: (told) => ({
      subject: title('A time is offered', told.visit),
      line: `The time${withDoctor(told)} on ${at(told.visit)} is offered to ${told.visit.patient}${told.heldUntil === null ? '' : ` until ${told.heldUntil.time} on ${told.heldUntil.day}`}.`,
      more: [],
    }),
    delay: (told) => ({
      subject: title(minutesLate(told), told.visit),
      line: delayed(told, `The appointment of ${told.visit.patient}`),
      more: [],
    }),
    message: (told) => ({
      subject: 'A new message about an appointment',
      line: `There is a new message about the appointment of ${told.visit.patient}${withDoctor(told)} on ${at(told.visit)}.`,
      more: ['Sign in to read it.'],
    }),
  },
  account: englishForAccounts,
  invitation: (role) => ({
    subject: 'You are invited',
    line: `You are invited to join ${role === null ? 'Visita' : `Visita ${roles[role]}`}.`,
    more: ['The invitation can be used once. If you did not expect it, you need do nothing.'],
  }),
  claimLink: {
    subject: 'See your appointments online',
    line: 'Your clinic invites you to see and change your appointments online.',
    more: ['The link can be used once. Please do not pass it on.'],
  },
  news: {
    subject: 'There is news about an appointment',
    line: 'There is news about an appointment. Sign in to see it.',
    more: [],
  },
  sentBy: (clinic) =>
    clinic === null ? 'This message was sent by Visita.' : `This message was sent by ${clinic}.`,
  choose: (url) =>
    `What you are told of, and how, you choose in your account at ${url}, or by asking the clinic.`,
  always: 'You get this message whatever you have chosen to be told of.',
}
