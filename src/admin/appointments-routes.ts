import { Type } from 'typebox'
import { AppointmentsQuery } from '#src/booking/schemas.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, InstantPosition } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { appointmentPositionOf, exportAppointments } from './appointments-export.ts'
import { csvAnswer } from './csv.ts'
import { sendCsv } from './csv-answer.ts'

const PositionSchema = Type.Object({ startsAt: InstantPosition, id: Id })

export function appointmentExportRoutes(app: App): void {
  app.get(
    '/admin/appointments.csv',
    {
      config: { audience: ['admin'], limit: 'heavy' },
      schema: {
        operationId: 'exportAppointments',
        summary: 'All appointments as CSV, soonest first',
        description:
          'With the filters of `GET /appointments`, and without the reasons and notes. At most 10,000 ' +
          'rows; the header Link with `rel="next"` has the address of the rest. A cell that begins as a ' +
          "formula does is given a ' before it.",
        tags: ['admin'],
        querystring: Type.Omit(AppointmentsQuery, ['limit']),
        response: { 200: csvAnswer },
      },
    },
    async (request, reply) => {
      const { status, cursor: _cursor, ...filter } = request.query
      const { after } = readPage(request.query, PositionSchema)
      const file = await exportAppointments(signedIn(request), {
        filter: { ...filter, status: status?.split(',') as AppointmentStatus[] | undefined },
        after,
      })
      return sendCsv(request, reply, {
        name: 'appointments',
        file,
        positionOf: appointmentPositionOf,
      })
    },
  )
}
