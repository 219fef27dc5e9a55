// Messages between patients and staff about an appointment.

import { Type } from 'typebox'
import { idempotentRequest } from '#src/booking/idempotency.ts'
import { BookingHeaders } from '#src/booking/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, InstantPosition, PageQuery, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { sendMessage } from './messages.ts'
import {
  MessagePageSchema,
  MessageSchema,
  MessagesReadSchema,
  MessageStateSchema,
  NewMessageSchema,
  presentMessage,
  presentState,
  presentUnread,
  UnreadMessagesSchema,
} from './schemas.ts'
import { listUnread, markRead, readThread } from './threads.ts'

const tags = ['messages']
const params = Type.Object({ id: Id })
const PositionSchema = Type.Object({ sentAt: InstantPosition })

export function messageRoutes(app: App): void {
  app.get(
    '/appointments/:id/messages',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listMessages',
        summary: 'The messages about an appointment, newest first',
        description:
          "For the patient's accounts, the doctor, and the front desk of the clinic; admins read nobody's " +
          'messages. Reading marks nothing as read.',
        tags,
        params,
        querystring: Type.Object(PageQuery),
        response: { 200: ref(MessagePageSchema) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const { limit, after } = readPage(request.query, PositionSchema)
      const before = after?.sentAt ?? null
      const { messages, state } = await readThread(context, request.params.id, { before, limit })
      const { actor } = context
      const page = pageOf(messages, {
        limit,
        present: (row) => presentMessage(row, { actor, timeZone: state.timeZone }),
        positionOf: (row) => ({ sentAt: row.sent_at }),
      })
      return { ...page, ...presentState(state) }
    },
  )

  app.post(
    '/appointments/:id/messages',
    {
      config: {
        audience: 'signed-in',
        refusals: ['not-allowed', 'wrong-state', 'too-late', 'idempotency-key-reused'],
      },
      schema: {
        operationId: 'sendMessage',
        summary: 'Write a message about an appointment to the other side',
        description:
          'About what is requested, booked, over or cancelled, until `closesAt`. What was declined or has ' +
          'lapsed, is held or offered takes no messages.',
        tags,
        params,
        headers: BookingHeaders,
        body: ref(NewMessageSchema),
        response: { 201: ref(MessageSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const { actor } = context
      const { id } = request.params
      const keyed = idempotentRequest({
        header: request.headers['idempotency-key'],
        accountId: actor.accountId,
        route: `POST /appointments/${id}/messages`,
        body: request.body,
      })
      const { text } = request.body
      const { message, timeZone } = await sendMessage(context, id, { text, request: keyed })
      return reply.code(201).send(presentMessage(message, { actor, timeZone }))
    },
  )

  app.post(
    '/appointments/:id/messages/read',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        operationId: 'markMessagesRead',
        summary: 'Mark the messages about an appointment as read',
        description: 'Up to the message that is named. What was marked once stays marked.',
        tags,
        params,
        body: ref(MessagesReadSchema),
        response: { 200: ref(MessageStateSchema) },
      },
    },
    async (request) =>
      presentState(await markRead(signedIn(request), request.params.id, request.body)),
  )

  app.get(
    '/messages/unread',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listUnreadMessages',
        summary: 'The appointments with messages that the caller has not read',
        description:
          "The patient's accounts' own, the doctor's, those of the front desk's clinics; to an admin only " +
          'what is their own. What closed more than 30 days ago is left out.',
        tags,
        response: { 200: ref(UnreadMessagesSchema) },
      },
    },
    async (request) => presentUnread(await listUnread(signedIn(request))),
  )
}
