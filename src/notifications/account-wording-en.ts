// What accounts are told of themselves in English. Pure.

import type { Phrases } from './wording-parts.ts'

const notYou = 'If this was not you, please tell the clinic at once.'
const needNothing = 'If this was not you, you need do nothing.'

export const englishForAccounts: Phrases['account'] = {
  welcome: ({ hasLink }) => ({
    subject: 'Welcome',
    line: 'Your account is ready. Sign in to see your appointments.',
    more: [
      ...(hasLink ? ['Please confirm that this is your e-mail address.'] : []),
      'If you did not open an account, you need do nothing.',
    ],
  }),
  record_claimed: () => ({
    subject: 'A record has been connected with your account',
    line: 'The record that a clinic keeps has been connected with your account. You see its appointments now.',
    more: [notYou],
  }),
  session_reused: () => ({
    subject: 'You have been signed out to protect your account',
    line: 'A sign-in of yours was used in two places, so we ended it. Please sign in again.',
    more: ['If someone else may know your password, please change it.'],
  }),
  verify_email: () => ({
    subject: 'Please confirm your e-mail address',
    line: 'Please confirm that this is your e-mail address. The link can be used once, within seven days.',
    more: ['If you did not open an account, you need do nothing.'],
  }),
  reset_password: () => ({
    subject: 'Choose a new password',
    line: 'Someone asked to choose a new password for your account. The link can be used once, within an hour.',
    more: ['If this was not you, you need do nothing: your password stays as it is.'],
  }),
  change_email: () => ({
    subject: 'Confirm your new e-mail address',
    line: 'Someone asked to use this e-mail address for their account. The link can be used once, within 24 hours.',
    more: [needNothing],
  }),
  email_change_asked: () => ({
    subject: 'A change of your e-mail address was asked for',
    line: 'Someone who knows your password asked to use another e-mail address for your account. It changes when the link in the mail to that address is opened.',
    more: ['If this was not you, please change your password at once.'],
  }),
  email_changed: () => ({
    subject: 'Your e-mail address has been changed',
    line: 'Your account has another e-mail address now. Mails go to that one from now on.',
    more: [notYou],
  }),
  password_changed: () => ({
    subject: 'Your password has been changed',
    line: 'The password of your account has been changed, and its other sign-ins have been ended.',
    more: [
      'Calendars in other programs that read your appointments by a secret address go on doing so. You can end each of them among the calendar feeds of your account.',
      notYou,
    ],
  }),
  second_factor_on: () => ({
    subject: 'Your sign-in has a second step now',
    line: 'From now on, signing in to your account takes a code from your app besides the password.',
    more: ['Please keep your recovery codes in a safe place.', notYou],
  }),
  second_factor_off: () => ({
    subject: 'Your sign-in has no second step any more',
    line: 'From now on, signing in to your account takes the password alone.',
    more: [notYou],
  }),
  recovery_code_used: () => ({
    subject: 'A recovery code of yours was used',
    line: 'Someone signed in to your account with one of your recovery codes. It cannot be used again.',
    more: ['If this was not you, please change your password at once.'],
  }),
  second_factor_locked: () => ({
    subject: 'Wrong codes were tried for your account',
    line: 'Someone who knows your password sent several wrong codes. For a while no code of your app is taken; your recovery codes still work.',
    more: ['If this was not you, please change your password at once.'],
  }),
  recovery_codes_renewed: () => ({
    subject: 'You have new recovery codes',
    line: 'New recovery codes have been made for your account. The former ones cannot be used any more, and its other sign-ins have been ended.',
    more: ['If this was not you, please change your password at once.'],
  }),
  calendar_feed_made: () => ({
    subject: 'A calendar feed of your account was made',
    line: 'Whoever has its secret address sees appointments of your account in a calendar of another program, until you end it.',
    more: ['You can end it among the calendar feeds of your account.', notYou],
  }),
  disabled: () => ({
    subject: 'Your account has been disabled',
    line: 'Your account has been disabled, and you cannot sign in any more.',
    more: ['If you think that this is a mistake, please ask the clinic.'],
  }),
  enabled: () => ({
    subject: 'Your account works again',
    line: 'Your account has been opened again. You can sign in with the password that you had.',
    more: [],
  }),
  role_changed: () => ({
    subject: 'What you can do in Visita has changed',
    line: 'Your account has another role now. Sign in to see what you can do.',
    more: [],
  }),
  access_invited: () => ({
    subject: 'You are invited to help with appointments',
    line: 'Someone would like to give you access to the appointments of a patient. The link can be used once.',
    more: [
      'Sign in or open an account to accept it. If you did not expect it, you need do nothing.',
    ],
  }),
  access_granted: () => ({
    subject: 'You have access to more appointments',
    line: 'You have been given access to the appointments of another person. Sign in to see them.',
    more: ['If you did not expect this, please tell the clinic.'],
  }),
  access_ending: ({ lastDay }) => ({
    subject: 'Your access to appointments ends soon',
    line: `Your access to the appointments of another person ends ${lastDay === null ? 'soon' : `on ${lastDay}`}.`,
    more: ['If you still need it then, please ask for it in good time.'],
  }),
  access_ended: () => ({
    subject: 'Your access to appointments has ended',
    line: 'Your access to the appointments of another person has ended.',
    more: ['If you still need it, please ask that person or the clinic.'],
  }),
  membership_added: ({ clinic }) => ({
    subject: 'You work at a front desk now',
    line: `You have been added to the front desk of ${clinic ?? 'a clinic'}.`,
    more: [],
  }),
  membership_removed: ({ clinic }) => ({
    subject: 'You have been taken off a front desk',
    line: `You have been taken off the front desk of ${clinic ?? 'a clinic'}.`,
    more: ['If you think that this is a mistake, please ask an administrator.'],
  }),
}
