import { Type } from 'typebox'
import { ChangeHeaders } from '#src/clinics/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, LocalDateText, Page, ref, InstantPosition } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { presentHours, readHours, replaceHours } from './hours.ts'
import { addOpening, listOpenings, presentOpening, removeOpening } from './openings.ts'
import {
  DoctorParams,
  HoursSchema,
  NewOpeningSchema,
  NewTimeOffSchema,
  OpeningParams,
  OpeningSchema,
  OpeningsQuery,
  TimeOffParams,
  TimeOffQuery,
  TimeOffSchema,
} from './schemas-schedule.ts'
import { addTimeOff, listTimeOff, presentTimeOff, removeTimeOff } from './time-off.ts'

const audience = ['doctor', 'front_desk', 'admin'] as const
const tags = ['open times']
const whose = 'For the doctor, the front desk of one of their clinics, and admins.'

const OpeningPosition = Type.Object({
  opensOn: LocalDateText,
  fromMinute: Type.Integer({ minimum: 0, maximum: 1439 }),
  id: Id,
})
const TimeOffPosition = Type.Object({ startsAt: InstantPosition, id: Id })

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
      config: { audience, refusals: ['stale-version'] },
      schema: {
        summary: 'Replace the weekly hours',
        description: `${whose} The hours before are forgotten; booked visits stay. \`to\` at or before \`from\` runs past midnight (22:00 to 06:00), the whole day is 00:00 to 24:00.`,
        tags,
        params: DoctorParams,
        headers: ChangeHeaders,
        body: ref(HoursSchema),
        response: { 200: ref(HoursSchema) },
      },
    },
    async (request, reply) => {
      const week = await replaceHours(signedIn(request), {
        doctorKey: request.params.id,
        hours: request.body.hours,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
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
      config: { audience },
      schema: {
        summary: 'Take an opening away',
        description: `${whose} Booked visits stay.`,
        tags,
        params: OpeningParams,
        response: { 204: Type.Null({ description: 'It is gone.' }) },
      },
    },
    async (request, reply) => {
      await removeOpening(signedIn(request), {
        doctorKey: request.params.id,
        openingId: request.params.openingId,
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
      const { limit, after } = readPage(request.query, TimeOffPosition)
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
        description: `${whose} From minutes to three years. No visit is booked into it any more; visits that are booked already stay.`,
        tags,
        params: DoctorParams,
        body: ref(NewTimeOffSchema),
        response: { 201: ref(TimeOffSchema) },
      },
    },
    async (request, reply) => {
      const timeOff = await addTimeOff(signedIn(request), {
        doctorKey: request.params.id,
        timeOff: request.body,
      })
      return reply.code(201).send(presentTimeOff(timeOff))
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
