// What an account is told of itself: by mail and in the app, whatever it chose to be told of. Pure.

/** Each is one thing that happened, or one link that was asked for. */
export const notices = [
  'welcome',
  'record_claimed',
  'session_reused',
  'verify_email',
  'reset_password',
  'change_email',
  'email_change_asked',
  'email_changed',
  'password_changed',
  'second_factor_on',
  'second_factor_off',
  'second_factor_locked',
  'recovery_code_used',
  'recovery_codes_renewed',
  'calendar_feed_made',
  'disabled',
  'enabled',
  'role_changed',
  'access_invited',
  'access_granted',
  'access_ending',
  'access_ended',
  'membership_added',
  'membership_removed',
] as const

export type Notice = (typeof notices)[number]

/** Those that bring a link and are of no use without it. */
export const linkNotices = ['verify_email', 'reset_password', 'change_email'] as const

/** The notice of a row's details; null when it is none. */
export function noticeOf(value: string | number | undefined): Notice | null {
  return notices.find((notice) => notice === value) ?? null
}

/** What a notice says besides its name, as text. */
export interface NoticeTold {
  /** There is a button in the mail to confirm the address with. */
  hasLink: boolean
  /** The day on which something ends, with its year. */
  lastDay: string | null
  clinic: string | null
}
