// What people are told by mail and by text message: what everyone is, and what they chose instead. In
// the app everyone with an account finds everything. Pure.

import type { NotificationKind } from '#src/db/tables.ts'
import type { Side } from './facts.ts'

/** A channel that someone can switch on and off. */
export type ChosenChannel = 'email' | 'sms'

/** What someone chose for one kind and channel. */
export interface Preference {
  kind: NotificationKind
  channel: ChosenChannel
  wanted: boolean
}

/** The kinds that everyone decides about for themselves. */
export const choosableKinds = [
  'requested',
  'confirmed',
  'declined',
  'moved',
  'cancelled',
  'reminder',
  'waitlist_offer',
  'delay',
  'message',
] as const satisfies readonly NotificationKind[]

export type ChoosableKind = (typeof choosableKinds)[number]

/** Of what staff are mailed unless they choose otherwise; patients are mailed of everything. */
const mailedByDefault: Record<Exclude<Side, 'patient'>, ReadonlySet<NotificationKind>> = {
  doctor: new Set(['requested', 'moved', 'cancelled', 'message']),
  desk: new Set(),
}

/** What is of use only at once, and so goes to the phone as well. */
const textedByDefault: ReadonlySet<NotificationKind> = new Set(['waitlist_offer', 'delay'])

/** What goes to the phone of a patient who has no e-mail address. */
const textedInsteadOfMail: ReadonlySet<NotificationKind> = new Set([
  'moved',
  'cancelled',
  'reminder',
])

/** Whether someone may decide not to be told: not of what concerns their account or a link they need. */
export function isChoosable(kind: NotificationKind): kind is ChoosableKind {
  return choosableKinds.some((choosable) => choosable === kind)
}

/** Whether someone who has both addresses is told of this kind by this channel. */
export function wants(
  preferences: readonly Preference[],
  { kind, side, channel }: { kind: NotificationKind; side: Side; channel: ChosenChannel },
): boolean {
  if (!isChoosable(kind)) return channel === 'email'
  return chosen(preferences, kind, channel) ?? isDefault({ kind, side, channel })
}

/**
 * By which ways someone is told, mail first. Empty when nothing but the app is left. A patient without
 * an e-mail address gets by text message what cannot wait for the next look into a letter box.
 */
export function channelsFor(options: {
  kind: NotificationKind
  side: Side
  preferences: readonly Preference[]
  hasEmail: boolean
  hasPhone: boolean
  smsIsSetUp: boolean
}): ChosenChannel[] {
  const { kind, side, preferences, hasEmail, hasPhone, smsIsSetUp } = options
  const byMail = hasEmail && wants(preferences, { kind, side, channel: 'email' })
  const insteadOfMail = side === 'patient' && !hasEmail && textedInsteadOfMail.has(kind)
  const bySms =
    hasPhone &&
    smsIsSetUp &&
    (wants(preferences, { kind, side, channel: 'sms' }) ||
      (insteadOfMail && chosen(preferences, kind, 'sms') === undefined))
  return [...(byMail ? ['email' as const] : []), ...(bySms ? ['sms' as const] : [])]
}

function chosen(
  preferences: readonly Preference[],
  kind: NotificationKind,
  channel: ChosenChannel,
): boolean | undefined {
  return preferences.find((one) => one.kind === kind && one.channel === channel)?.wanted
}

function isDefault(options: {
  kind: NotificationKind
  side: Side
  channel: ChosenChannel
}): boolean {
  const { kind, side, channel } = options
  if (channel === 'sms') return side === 'patient' && textedByDefault.has(kind)
  return side === 'patient' || mailedByDefault[side].has(kind)
}
