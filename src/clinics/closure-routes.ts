import { Type } from 'typebox'
import { contextOf, signedIn } from '#src/http/request.ts'
import { Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import {
  addClosure,
  importHolidays,
  listClosures,
  presentClosure,
  removeClosure,
} from './closures.ts'
import {
  ClinicParams,
  ClosureParams,
  ClosureSchema,
  ClosuresQuery,
  HolidayImportSchema,
  NewClosureSchema,
} from './schemas.ts'

const fileBytesMax = 1024 * 1024

export function closureRoutes(app: App): void {
  app.get(
    '/clinics/:id/closures',
    {
      config: { audience: 'public' },
      schema: {
        summary: 'When a clinic is closed, soonest first',
        tags: ['clinics'],
        params: ClinicParams,
        querystring: ClosuresQuery,
        response: { 200: Page(ref(ClosureSchema)) },
      },
    },
    async (request) => listClosures(contextOf(request), request.params.id, request.query),
  )

  app.post(
    '/clinics/:id/closures',
    {
      config: { audience: ['front_desk', 'admin'] },
      schema: {
        summary: 'Close a clinic for a time',
        description:
          "By an admin or the clinic's front desk. Nothing can be booked in it from then on; visits that are booked already stay.",
        tags: ['clinics'],
        params: ClinicParams,
        body: ref(NewClosureSchema),
        response: { 201: ref(ClosureSchema) },
      },
    },
    async (request, reply) => {
      const clinicId = request.params.id
      const row = await addClosure(signedIn(request), clinicId, request.body)
      return reply.code(201).send(presentClosure(row))
    },
  )

  app.post(
    '/clinics/:id/closures/import',
    {
      bodyLimit: fileBytesMax,
      config: { limit: 'heavy', audience: ['front_desk', 'admin'] },
      schema: {
        summary: 'Close a clinic on the holidays of an iCalendar file',
        description:
          "By an admin or the clinic's front desk. A date in the file is that date at the clinic; a time is converted to the clinic's time zone. Holidays that return each year on their date are taken for this year and the next 3, other repetitions with their first time. The same file again changes nothing. At most 1 MiB and 2000 events.",
        tags: ['clinics'],
        consumes: ['text/calendar'],
        params: ClinicParams,
        body: Type.String({
          description: 'An iCalendar file (RFC 5545) in UTF-8.',
          examples: [
            'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:christmas@example.org\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
          ],
        }),
        response: { 200: ref(HolidayImportSchema) },
      },
    },
    async (request) => importHolidays(signedIn(request), request.params.id, request.body),
  )

  app.delete(
    '/clinics/:id/closures/:closureId',
    {
      config: { audience: ['front_desk', 'admin'] },
      schema: {
        summary: 'Remove a closure',
        description: "By an admin or the clinic's front desk.",
        tags: ['clinics'],
        params: ClosureParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id, closureId } = request.params
      await removeClosure(signedIn(request), { clinicId: id, closureId })
      return reply.code(204).send(null)
    },
  )
}
