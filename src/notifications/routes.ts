// What an account is told, what it wants to be told, and whether others were.

import { Type } from 'typebox'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { contextOf, signedIn } from '#src/http/request.ts'
import { Id, InstantPosition, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { changeChoices, readChoices } from './choices.ts'
import { listLedger, readDelivery } from './ledger.ts'
import { listNotifications, markAllRead, markRead } from './list.ts'
import {
  DeliverySchema,
  LedgerEntrySchema,
  NotificationChoicesChangeSchema,
  NotificationChoicesSchema,
  NotificationPageSchema,
  NotificationsQuery,
  ReadUntilSchema,
  UnreadNotificationsSchema,
} from './schemas.ts'

const tags = ['notifications']
const params = Type.Object({ id: Id })
const PositionSchema = Type.Object({ queuedAt: InstantPosition, id: Id })

export function notificationRoutes(app: App): void {
  app.get(
    '/notifications',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listNotifications',
        summary: 'What the account was told, newest first',
        description:
          'Times in titles and texts are those of the clinic. Reading marks nothing as read.',
        tags,
        querystring: NotificationsQuery,
        response: { 200: ref(NotificationPageSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query, PositionSchema)
      const { rows, unreadCount, present } = await listNotifications(signedIn(request), {
        ...page,
        isUnread: request.query.unread ?? false,
      })
      const positionOf = ({ queued_at, id }: (typeof rows)[number]) => ({ queuedAt: queued_at, id })
      return { ...pageOf(rows, { limit: page.limit, present, positionOf }), unreadCount }
    },
  )

  app.post(
    '/notifications/:id/read',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'markNotificationRead',
        summary: 'Mark a notification as read',
        tags,
        params,
        response: { 200: ref(UnreadNotificationsSchema) },
      },
    },
    async (request) => ({ unreadCount: await markRead(signedIn(request), request.params.id) }),
  )

  app.post(
    '/notifications/read',
    {
      config: { audience: 'signed-in', refusals: ['not-found'] },
      schema: {
        operationId: 'markNotificationsRead',
        summary: 'Mark all notifications as read, or all up to one',
        tags,
        body: ref(ReadUntilSchema),
        response: { 200: ref(UnreadNotificationsSchema) },
      },
    },
    async (request) => ({ unreadCount: await markAllRead(signedIn(request), request.body) }),
  )

  choiceRoutes(app)
  ledgerRoutes(app)
}

function choiceRoutes(app: App): void {
  app.get(
    '/notifications/preferences',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getNotificationPreferences',
        summary: 'What the account is told of, how, and when not',
        tags,
        response: { 200: ref(NotificationChoicesSchema) },
      },
    },
    async (request) => readChoices(signedIn(request)),
  )

  app.patch(
    '/notifications/preferences',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'changeNotificationPreferences',
        summary: 'Change what the account is told of, how, and when not',
        description: 'What is left out stays as it is; `quietHours: null` ends them.',
        tags,
        body: ref(NotificationChoicesChangeSchema),
        response: { 200: ref(NotificationChoicesSchema) },
      },
    },
    async (request) => changeChoices(signedIn(request), request.body),
  )
}

function ledgerRoutes(app: App): void {
  app.get(
    '/appointments/:id/notifications',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'], refusals: ['not-allowed'] },
      schema: {
        operationId: 'listAppointmentNotifications',
        summary: 'Whom an appointment was told to, when and how, oldest first',
        tags,
        params,
        response: { 200: Type.Object({ items: Type.Array(ref(LedgerEntrySchema)) }) },
      },
    },
    async (request) => ({ items: await listLedger(signedIn(request), request.params.id) }),
  )

  app.get(
    '/admin/delivery',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'getDelivery',
        summary: 'How messages leave, what waits, and what is wrong',
        tags: ['admin'],
        response: { 200: ref(DeliverySchema) },
      },
    },
    async (request) => readDelivery(contextOf(request)),
  )
}
