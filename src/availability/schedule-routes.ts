import { Type } from 'typebox'
import { ChangeHeaders } from '#src/clinics/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, LocalDateText, Page, ref, InstantPosition } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { presentAffectedVisit } from './affected-visits.ts'
import { presentHours, presentPreview, previewHours, readHours, replaceHours } from './hours.ts'
import { addOpening, listOpenings, presentOpening, removeOpening } from './openings.ts'
import {
  AffectedVisitSchema,
  AffectedVisitsQuery,
  ConfirmationQuery,
  DoctorParams,
  HoursChangeSchema,
  HoursQuery,
  HoursSchema,
  NewHoursSchema,
  NewOpeningSchema,
  NewTimeOffSchema,
  OpeningParams,
  OpeningSchema,
  OpeningsQuery,
  TimeOffParams,
  TimeOffQuery,
  TimeOffSchema,
  TimeOffTakenSchema,
  VisitsAffectedSchema,
} from './schemas-schedule.ts'
import {
  addTimeOff,
  listAffectedVisits,
  listTimeOff,
  presentTimeOff,
  presentTimeOffTaken,
  removeTimeOff,
} from './time-off.ts'

const audience = ['doctor', 'front_desk', 'admin'] as const
const tags = ['open times']
const whose = 'For the doctor, the front desk of one of their clinics, and admins.'

const OpeningPosition = Type.Object({
  opensOn: LocalDateText,
  fromMinute: Type.Integer({ minimum: 0, maximum: 1439 }),
  id: Id,
})
const visitsAffected = {
  description: 'Booked visits would be left outside the hours, and nobody has confirmed that',
  content: { 'application/problem+json': { schema: ref(VisitsAffectedSchema) } },
}

const StartPosition = Type.Object({ startsAt: InstantPosition, id: Id })

export function scheduleRoutes(app: App): void {
  hoursRoutes(app)
  openingRoutes(app)
  timeOffRoutes(app)
}

function hoursRoutes(app: App): void {
  app.get(
    '/doctors/:id/hours',
    {
      config: { audience },
      schema: {
        summary: 'The weekly hours',
        description: `${whose} Everyone reads open times instead: \`GET /doctors/{id}/availability\`. The ETag is the version of the schedule.`,
        tags,
        params: DoctorParams,
        response: { 200: ref(HoursSchema) },
      },
    },
    async (request, reply) => {
      const week = await readHours(signedIn(request), request.params.id)
      return reply.header('etag', versionTag(week.scheduleVersion)).send(presentHours(week))
    },
  )

  app.put(
    '/doctors/:id/hours',
    {
      config: { audience, refusals: ['stale-version', 'visits-affected'] },
      schema: {
        summary: 'Replace the weekly hours',
        description:
          `${whose} The hours before are forgotten. \`to\` at or before \`from\` runs past midnight ` +
          '(22:00 to 06:00), the whole day is 00:00 to 24:00. Booked visits stay; when some that lie ' +
          'within the hours now would be left outside, nothing is saved and the problem ' +
          '`visits-affected` lists them. The same body with its `confirmation` is saved.',
        tags,
        params: DoctorParams,
        querystring: HoursQuery,
        headers: ChangeHeaders,
        body: ref(NewHoursSchema),
        response: { 200: ref(HoursChangeSchema), 409: visitsAffected },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const { hours, confirmation } = request.body
      const asked = {
        doctorKey: request.params.id,
        hours,
        requestedVersion: requestedVersion(request.headers['if-match']),
      }
      if (request.query.dryRun === true) {
        const preview = await previewHours(context, asked)
        return reply
          .header('etag', versionTag(preview.scheduleVersion))
          .send(presentPreview(preview))
      }
      const week = await replaceHours(context, { ...asked, confirmation })
      return reply.header('etag', versionTag(week.scheduleVersion)).send(presentHours(week))
    },
  )
}

function openingRoutes(app: App): void {
  app.get(
    '/doctors/:id/openings',
    {
      config: { audience },
      schema: {
        summary: 'Openings of single dates, by date',
        description: whose,
        tags,
        params: DoctorParams,
        querystring: OpeningsQuery,
        response: { 200: Page(ref(OpeningSchema)) },
      },
    },
    async (request) => {
      const { limit, after } = readPage(request.query, OpeningPosition)
      const rows = await listOpenings(signedIn(request), {
        doctorKey: request.params.id,
        from: request.query.from,
        after,
        limit: limit + 1,
      })
      return pageOf(rows, {
        limit,
        present: presentOpening,
        positionOf: (row) => ({ opensOn: row.opens_on, fromMinute: row.from_minute, id: row.id }),
      })
    },
  )

  app.post(
    '/doctors/:id/openings',
    {
      config: { audience, refusals: ['conflict'] },
      schema: {
        operationId: 'createDoctorOpening',
        summary: 'Open a stretch of one date',
        description: `${whose} It unites with the weekly hours; closures and time off still cut it.`,
        tags,
        params: DoctorParams,
        body: ref(NewOpeningSchema),
        response: { 201: ref(OpeningSchema) },
      },
    },
    async (request, reply) => {
      const row = await addOpening(signedIn(request), {
        doctorKey: request.params.id,
        opening: request.body,
      })
      return reply.code(201).send(presentOpening(row))
    },
  )

  app.delete(
    '/doctors/:id/openings/:openingId',
    {
      config: { audience, refusals: ['visits-affected'] },
      schema: {
        summary: 'Take an opening away',
        description: `${whose} Booked visits stay; when some would be left outside the hours, it takes the \`confirmation\` of the problem that lists them.`,
        tags,
        params: OpeningParams,
        querystring: ConfirmationQuery,
        response: { 204: Type.Null({ description: 'It is gone.' }), 409: visitsAffected },
      },
    },
    async (request, reply) => {
      await removeOpening(signedIn(request), {
        doctorKey: request.params.id,
        openingId: request.params.openingId,
        confirmation: request.query.confirmation,
      })
      return reply.code(204).send(null)
    },
  )
}

function timeOffRoutes(app: App): void {
  app.get(
    '/doctors/:id/time-off',
    {
      config: { audience },
      schema: {
        summary: 'Time off, by its start',
        description: whose,
        tags,
        params: DoctorParams,
        querystring: TimeOffQuery,
        response: { 200: Page(ref(TimeOffSchema)) },
      },
    },
    async (request) => {
      const { limit, after } = readPage(request.query, StartPosition)
      const found = await listTimeOff(signedIn(request), {
        doctorKey: request.params.id,
        from: request.query.from,
        after,
        limit: limit + 1,
      })
      return pageOf(found, {
        limit,
        present: presentTimeOff,
        positionOf: ({ row }) => ({ startsAt: row.starts_at, id: row.id }),
      })
    },
  )

  app.post(
    '/doctors/:id/time-off',
    {
      config: { audience, refusals: ['conflict'] },
      schema: {
        operationId: 'createDoctorTimeOff',
        summary: 'Take the doctor away for a while',
        description: `${whose} From minutes to three years. No visit is booked into it any more; visits that are booked already stay, and are listed as \`affected\`.`,
        tags,
        params: DoctorParams,
        body: ref(NewTimeOffSchema),
        response: { 201: ref(TimeOffTakenSchema) },
      },
    },
    async (request, reply) => {
      const timeOff = await addTimeOff(signedIn(request), {
        doctorKey: request.params.id,
        timeOff: request.body,
      })
      return reply.code(201).send(presentTimeOffTaken(timeOff))
    },
  )

  app.get(
    '/doctors/:id/time-off/:timeOffId/affected',
    {
      config: { audience },
      schema: {
        operationId: 'listVisitsInTimeOff',
        summary: 'The visits that are still to be moved out of a time off, soonest first',
        description: `${whose} Held, requested, confirmed and arrived ones that overlap it; the front desk sees those at its own clinics.`,
        tags,
        params: TimeOffParams,
        querystring: AffectedVisitsQuery,
        response: { 200: Page(ref(AffectedVisitSchema)) },
      },
    },
    async (request) => {
      const { limit, after } = readPage(request.query, StartPosition)
      const visits = await listAffectedVisits(signedIn(request), {
        doctorKey: request.params.id,
        timeOffId: request.params.timeOffId,
        after,
        limit,
      })
      return pageOf(visits, {
        limit,
        present: presentAffectedVisit,
        positionOf: (row) => ({ startsAt: row.starts_at, id: row.id }),
      })
    },
  )

  app.delete(
    '/doctors/:id/time-off/:timeOffId',
    {
      config: { audience },
      schema: {
        summary: 'Take time off back',
        description: whose,
        tags,
        params: TimeOffParams,
        response: { 204: Type.Null({ description: 'It is gone.' }) },
      },
    },
    async (request, reply) => {
      await removeTimeOff(signedIn(request), {
        doctorKey: request.params.id,
        timeOffId: request.params.timeOffId,
      })
      return reply.code(204).send(null)
    },
  )
}
