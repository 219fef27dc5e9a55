import { Type } from 'typebox'
import { contextOf, signedIn } from '#src/http/request.ts'
import { Id, NoContent, Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { listFeeds, makeFeed, readFeed, revokeFeed } from './feeds.ts'
import { calendarType } from './icalendar.ts'
import { CalendarFeedSchema, NewCalendarFeedSchema, presentFeed } from './schemas.ts'
import { visitFile } from './visit-file.ts'

const tags = ['calendars']
const params = Type.Object({ id: Id })
const calendarText = Type.String({
  description: 'An iCalendar object (RFC 5545).',
  examples: [
    'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Visita//Visita//EN\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n',
  ],
})

/** The routes below /api/v1. */
export function calendarRoutes(app: App): void {
  app.get(
    '/appointments/:id/calendar.ics',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getAppointmentCalendar',
        summary: 'An appointment as a file for a calendar',
        description:
          'Says who, where and when, and never why. The appointment keeps its UID, so that a file read ' +
          'later replaces it.',
        tags,
        params,
        produces: ['text/calendar'],
        response: { 200: calendarText },
      },
    },
    async (request, reply) => {
      const file = await visitFile(signedIn(request), request.params.id)
      return reply
        .type(calendarType)
        .header('content-disposition', 'attachment; filename="visit.ics"')
        .send(file)
    },
  )

  app.post(
    '/calendar-feeds',
    {
      config: { audience: 'signed-in', refusals: ['not-found', 'not-allowed', 'conflict'] },
      schema: {
        operationId: 'makeCalendarFeed',
        summary: 'Make a calendar to which other programs can subscribe',
        description:
          'Of the visits of a doctor, by that doctor, with the initials of the patients; or of a patient, ' +
          'by those who act for them. At most 10 for an account.',
        tags,
        body: ref(NewCalendarFeedSchema),
        response: { 201: ref(CalendarFeedSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const feed = await makeFeed(context, request.body)
      return reply.code(201).send(presentFeed(context, feed))
    },
  )

  app.get(
    '/calendar-feeds',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listCalendarFeeds',
        summary: "The caller's calendar feeds, oldest first",
        tags,
        response: { 200: Page(ref(CalendarFeedSchema)) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const rows = await listFeeds(context)
      return { items: rows.map((row) => presentFeed(context, row)), nextCursor: null }
    },
  )

  app.delete(
    '/calendar-feeds/:id',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'revokeCalendarFeed',
        summary: 'Revoke a calendar feed; nothing is at its address from then on',
        tags,
        params,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await revokeFeed(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}

/** The route at the root, where calendar programs read the feeds. */
export function calendarFeedRoute(app: App): void {
  app.get(
    '/calendar/:name',
    {
      config: { audience: 'public' },
      schema: {
        operationId: 'readCalendarFeed',
        summary: 'A calendar feed, for whoever knows its address',
        description:
          'Visits from 30 days ago on; those that were called off in the last 30 days are marked so.',
        tags,
        params: Type.Object({
          name: Type.String({ description: 'The secret of the feed, and `.ics`.' }),
        }),
        // People add a parameter to make a program that keeps what it has read read again.
        querystring: Type.Object({}, { additionalProperties: true }),
        produces: ['text/calendar'],
        response: { 200: calendarText },
      },
    },
    async (request, reply) => {
      const feed = await readFeed(contextOf(request), request.params.name)
      // Kept by the program that asked alone, which asks again by the ETag.
      return reply.type(calendarType).header('cache-control', 'private, no-cache').send(feed)
    },
  )
}
