import { Type, type Static } from 'typebox'
import type { AccountActor } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { component, Id, InstantText, nullable, ref } from '#src/http/schema.ts'
import { formatInstant } from '#src/kernel/time.ts'
import { sides } from './policy.ts'
import type { MessageRow, UnreadThreadRow } from './queries.ts'
import type { ThreadState } from './threads.ts'

const staffRoles = ['doctor', 'front_desk', 'admin'] as const satisfies readonly Role[]
const appointmentIdExample = '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f'

const MessageAuthorSchema = component(
  'MessageAuthor',
  Type.Object(
    {
      name: nullable(
        Type.String({ description: 'Null for an account that is gone: show a former account.' }),
      ),
      role: Type.Optional(
        Type.Enum([...staffRoles], {
          description: 'What the author is now; absent for who wrote for the patient.',
        }),
      ),
    },
    { examples: [{ name: 'Claire Moreau', role: 'doctor' }] },
  ),
)

const messageExample = {
  id: '019a9b62-7d20-7a11-8c3e-1f2a3b4c5d6e',
  side: 'staff',
  author: { name: 'Claire Moreau', role: 'doctor' },
  text: 'Please bring the letter of your last visit.',
  sentAt: '2026-11-20T14:05:09.120+01:00',
  isMine: false,
  isRead: true,
}

export const MessageSchema = component(
  'Message',
  Type.Object(
    {
      id: Id,
      side: Type.Enum([...sides], {
        description: "Written for the patient, or as the visit's doctor or the desk of its clinic.",
      }),
      author: ref(MessageAuthorSchema),
      text: Type.String({ description: 'Plain text; lines end in a newline.' }),
      sentAt: { ...InstantText, description: 'Later than that of each message before it.' },
      isMine: Type.Boolean({ description: 'Whether the caller wrote it.' }),
      isRead: Type.Boolean({
        description: 'Whether anyone of the side that it was written to has read it.',
      }),
    },
    { description: 'A message about an appointment.', examples: [messageExample] },
  ),
)
type MessageAnswer = Static<typeof MessageSchema>

export const NewMessageSchema = component(
  'NewMessage',
  Type.Object(
    {
      text: Type.String({
        minLength: 1,
        pattern: '\\S',
        description:
          'Plain text of one or more lines: 1 to 4000 characters without the space around it. Control ' +
          'characters other than newline and tab are taken out.',
        examples: [messageExample.text],
      }),
    },
    { examples: [{ text: messageExample.text }] },
  ),
)

const state = {
  closesAt: {
    ...InstantText,
    description: 'When writing ends: a midnight some days after the visit, as its clinic says.',
  },
  isOpen: Type.Boolean({
    description:
      'Whether one may write now: before `closesAt`, about what is requested, booked, over or cancelled.',
  }),
  unreadCount: Type.Integer({
    description: 'How many messages of the other side the caller has not marked as read.',
  }),
}
const stateExample = {
  closesAt: '2026-12-09T00:00:00+01:00',
  isOpen: true,
  unreadCount: 1,
}

export const MessagePageSchema = component(
  'MessagePage',
  Type.Object(
    { items: Type.Array(ref(MessageSchema)), nextCursor: nullable(Type.String()), ...state },
    { examples: [{ items: [messageExample], nextCursor: null, ...stateExample }] },
  ),
)

export const MessageStateSchema = component(
  'MessageState',
  Type.Object(state, { examples: [{ ...stateExample, unreadCount: 0 }] }),
)

export const MessagesReadSchema = component(
  'MessagesRead',
  Type.Object(
    {
      until: Type.Optional({
        ...Id,
        description:
          'The newest message that was seen, so that none is marked unseen. Default: all there are.',
      }),
    },
    { examples: [{ until: messageExample.id }] },
  ),
)

export const UnreadMessagesSchema = component(
  'UnreadMessages',
  Type.Object(
    {
      unreadCount: Type.Integer({ description: 'Over all appointments, listed or not.' }),
      threads: Type.Array(
        Type.Object({
          appointmentId: Id,
          unreadCount: Type.Integer(),
          lastMessageAt: InstantText,
          other: Type.Object(
            { name: Type.String() },
            { description: 'The doctor, to the patient; the patient, to staff.' },
          ),
        }),
        { description: 'At most 100, the one last written about first.' },
      ),
    },
    {
      examples: [
        {
          unreadCount: 1,
          threads: [
            {
              appointmentId: appointmentIdExample,
              unreadCount: 1,
              lastMessageAt: messageExample.sentAt,
              other: { name: 'Claire Moreau' },
            },
          ],
        },
      ],
    },
  ),
)

/** The message as the API shows it to the actor, with the offset of the visit's clinic. */
export function presentMessage(
  row: MessageRow,
  { actor, timeZone }: { actor: AccountActor; timeZone: string },
): MessageAnswer {
  const role = row.side === 'staff' ? staffRoles.find((one) => one === row.author_role) : undefined
  return {
    id: row.id,
    side: row.side,
    author: { name: row.author_name, ...(role !== undefined && { role }) },
    text: row.text,
    sentAt: formatInstant(row.sent_at, timeZone),
    isMine: row.author_id === actor.accountId,
    isRead: row.is_read,
  }
}

/** The state of a thread as the API shows it. */
export function presentState({ closesAt, timeZone, isOpen, unreadCount }: ThreadState) {
  return { closesAt: formatInstant(closesAt, timeZone), isOpen, unreadCount }
}

/** What is unread as the API shows it. */
export function presentUnread(rows: readonly UnreadThreadRow[]) {
  return {
    unreadCount: rows[0]?.total_count ?? 0,
    threads: rows.map((row) => ({
      appointmentId: row.appointment_id,
      unreadCount: row.unread_count,
      lastMessageAt: formatInstant(row.last_message_at, row.time_zone),
      other: { name: row.other_name },
    })),
  }
}
