// The shapes of notifications, choices and the ledger on the wire.

import { Type, type Static } from 'typebox'
import {
  component,
  Id,
  InstantText,
  MinuteText,
  nullable,
  PageQuery,
  PersonName,
  ref,
  TimeZoneText,
} from '#src/http/schema.ts'
import { languages } from './facts.ts'
import { choosableKinds } from './preferences.ts'

const NotificationKindSchema = component(
  'NotificationKind',
  Type.Enum([...choosableKinds, 'account', 'invitation', 'claim_link'], {
    description: 'What someone is told of.',
    examples: ['reminder'],
  }),
)

const notificationExample = {
  id: '019a9b62-7a11-7e20-8c4d-9b3a2f1e0d5c',
  kind: 'moved',
  title: 'Moved: Friday 27 November, 11:40',
  text:
    'Your appointment with Dr. Claire Moreau has moved from Tuesday 24 November at 10:40 ' +
    'to Friday 27 November at 11:40.',
  createdAt: '2026-11-20T09:12:44+01:00',
  appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
} as const

export const NotificationSchema = component(
  'Notification',
  Type.Object(
    {
      id: Id,
      kind: ref(NotificationKindSchema),
      title: Type.String({ description: "In the account's language, as is the text." }),
      text: Type.String(),
      createdAt: InstantText,
      readAt: Type.Optional(InstantText),
      appointmentId: Type.Optional({ ...Id, description: 'The visit that it is about.' }),
    },
    {
      examples: [notificationExample],
    },
  ),
)
export type NotificationAnswer = Static<typeof NotificationSchema>

const unreadCount = Type.Integer({
  minimum: 0,
  description: 'Of all notifications, not of this page.',
  examples: [3],
})

export const NotificationPageSchema = component(
  'NotificationPage',
  Type.Object(
    {
      items: Type.Array(ref(NotificationSchema)),
      nextCursor: nullable(Type.String()),
      unreadCount,
    },
    {
      examples: [{ items: [notificationExample], nextCursor: null, unreadCount: 1 }],
    },
  ),
)

export const NotificationsQuery = Type.Object({
  unread: Type.Optional(Type.Boolean({ description: 'Only those that have not been read.' })),
  ...PageQuery,
})

export const ReadUntilSchema = component(
  'ReadUntil',
  Type.Object(
    {
      until: Type.Optional({
        ...Id,
        description: 'The newest that was seen; it and all older ones are read. Default: all.',
      }),
    },
    { examples: [{ until: '019a9b62-7a11-7e20-8c4d-9b3a2f1e0d5c' }] },
  ),
)

export const UnreadNotificationsSchema = component(
  'UnreadNotifications',
  Type.Object({ unreadCount }, { examples: [{ unreadCount: 0 }] }),
)

// ── Choices ──────────────────────────────────────────────────────────────────────────────────────

const kind = Type.Enum([...choosableKinds], { examples: ['reminder'] })
const language = Type.Enum([...languages], {
  description: 'In which messages are written.',
  examples: ['de'],
})
const QuietHoursSchema = component(
  'QuietHours',
  Type.Object(
    {
      from: MinuteText,
      to: { ...MinuteText, description: 'Before `from`, of the next morning.' },
      timeZone: TimeZoneText,
    },
    {
      description:
        'What is ready within them is mailed and texted at their end; at once where it would be ' +
        'too late then.',
      examples: [{ from: '22:00', to: '07:00', timeZone: 'Europe/Paris' }],
    },
  ),
)

const choicesExample = {
  kinds: choosableKinds.map((one) => ({
    kind: one,
    email: true,
    sms: one === 'waitlist_offer' || one === 'delay',
  })),
  quietHours: { from: '22:00', to: '07:00', timeZone: 'Europe/Paris' },
  language: 'de',
} as const

export const NotificationChoicesSchema = component(
  'NotificationChoices',
  Type.Object(
    {
      kinds: Type.Array(
        Type.Object({
          kind,
          email: Type.Boolean(),
          sms: Type.Boolean({ description: 'Where the account has a phone number.' }),
        }),
        {
          description:
            'What the account is told of by mail and text message, besides the app. What concerns ' +
            'the account itself cannot be switched off and is not listed.',
        },
      ),
      quietHours: nullable(QuietHoursSchema),
      language,
    },
    { examples: [choicesExample] },
  ),
)
export type ChoicesAnswer = Static<typeof NotificationChoicesSchema>

export const NotificationChoicesChangeSchema = component(
  'NotificationChoicesChange',
  Type.Object(
    {
      kinds: Type.Optional(
        Type.Array(
          Type.Object({
            kind,
            email: Type.Optional(Type.Boolean()),
            sms: Type.Optional(Type.Boolean()),
          }),
          { maxItems: 50, description: 'Kinds that are left out stay as they are.' },
        ),
      ),
      quietHours: Type.Optional(nullable(QuietHoursSchema)),
      language: Type.Optional(language),
    },
    {
      minProperties: 1,
      examples: [{ kinds: [{ kind: 'reminder', sms: true }], quietHours: null }],
    },
  ),
)

// ── The ledger ───────────────────────────────────────────────────────────────────────────────────

const instant = (description: string) => Type.Optional({ ...InstantText, description })

export const LedgerEntrySchema = component(
  'NotificationRecord',
  Type.Object(
    {
      id: Id,
      kind: ref(NotificationKindSchema),
      channel: Type.Enum(['in_app', 'email', 'sms']),
      recipient: Type.Object({
        name: Type.Optional(PersonName),
        side: Type.Enum(['patient', 'doctor', 'desk'], { description: 'As whom they were told.' }),
      }),
      status: Type.Enum(['queued', 'sent', 'delivered', 'failed', 'skipped', 'withdrawn'], {
        description:
          '`sent` once a server or provider has taken it, `delivered` where the provider says so; ' +
          '`skipped` for what was not to be sent, `withdrawn` for what was no longer true.',
      }),
      statusReason: Type.Optional(
        Type.String({
          description: "Why it failed, waits or was skipped: a code, or the provider's words.",
        }),
      ),
      queuedAt: InstantText,
      sentAt: instant('When it was handed over.'),
      deliveredAt: instant('When it was known to have arrived.'),
      failedAt: instant('When it was given up.'),
      readAt: instant('In the app.'),
      confirmedAt: instant('When the recipient answered by its link that they will come.'),
      address: Type.Optional(
        Type.String({ description: 'Where it went, in part.', examples: ['a…@example.org'] }),
      ),
    },
    {
      examples: [
        {
          id: '019a9b62-7a11-7e20-8c4d-9b3a2f1e0d5c',
          kind: 'reminder',
          channel: 'email',
          recipient: { name: 'Anna Berg', side: 'patient' },
          status: 'sent',
          queuedAt: '2026-11-22T10:40:00+01:00',
          sentAt: '2026-11-22T10:40:01+01:00',
          confirmedAt: '2026-11-22T11:05:37+01:00',
          address: 'a…@example.org',
        },
      ],
    },
  ),
)
export type LedgerEntryAnswer = Static<typeof LedgerEntrySchema>

const DeliveryChannelSchema = component(
  'DeliveryChannel',
  Type.Object(
    {
      transport: nullable(
        Type.String({ description: 'By what it is sent; null when nothing is set up.' }),
      ),
      waiting: Type.Integer({ minimum: 0, description: 'Also what waits for quiet hours to end.' }),
      oldestWaitingAt: Type.Optional(InstantText),
      failedLastDay: Type.Integer({ minimum: 0 }),
    },
    { examples: [{ transport: 'SMTP', waiting: 0, failedLastDay: 0 }] },
  ),
)

export const DeliverySchema = component(
  'Delivery',
  Type.Object(
    {
      email: ref(DeliveryChannelSchema),
      sms: ref(DeliveryChannelSchema),
      warnings: Type.Array(Type.String(), { description: 'Sentences for whoever runs Visita.' }),
    },
    {
      examples: [
        {
          email: { transport: 'SMTP', waiting: 0, failedLastDay: 0 },
          sms: { transport: null, waiting: 0, failedLastDay: 0 },
          warnings: [],
        },
      ],
    },
  ),
)
export type DeliveryAnswer = Static<typeof DeliverySchema>
