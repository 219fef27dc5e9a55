import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, InstantPosition, Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import type { RefusalCode } from '#src/kernel/errors.ts'
import {
  appointmentAsAnswered,
  commandAppointment,
  listAppointments,
  presentAppointment,
  readAppointment,
} from './appointment.ts'
import { isStaffOnly, type Command } from './appointment-state.ts'
import { bookAppointment } from './book.ts'
import { idempotentRequest } from './idempotency.ts'
import type { StoredAnswer } from './queries.ts'
import {
  AppointmentSchema,
  AppointmentsQuery,
  BookingConflictSchema,
  BookingHeaders,
  CancellationHeaders,
  StepHeaders,
  StepSchema,
  NewAppointmentSchema,
  type AppointmentAnswer,
} from './schemas.ts'

const tags = ['appointments']
const params = Type.Object({ id: Id })
const PositionSchema = Type.Object({ startsAt: InstantPosition, id: Id })

async function answerWith(
  context: SignedInContext,
  reply: FastifyReply,
  answer: StoredAnswer,
): Promise<AppointmentAnswer> {
  const row = await appointmentAsAnswered(context, answer)
  reply.header('etag', versionTag(row.version))
  return presentAppointment(row)
}

export function appointmentRoutes(app: App): void {
  app.post(
    '/appointments',
    {
      config: {
        audience: 'signed-in',
        refusals: [
          'slot-taken',
          'patient-busy',
          'not-offered',
          'not-allowed',
          'not-found',
          'idempotency-key-reused',
        ],
      },
      schema: {
        operationId: 'bookAppointment',
        summary: 'Book an open time',
        description:
          'Confirmed at once, or requested where the doctor or the visit type wants to be asked. ' +
          'The problem `slot-taken` carries `alternatives` (up to 3 slots of the same doctor) and ' +
          '`otherDoctors` (up to 2, each with a slot).',
        tags,
        headers: BookingHeaders,
        body: ref(NewAppointmentSchema),
        response: {
          201: ref(AppointmentSchema),
          409: {
            description: 'The time is taken, or the patient is somewhere else then',
            content: { 'application/problem+json': { schema: ref(BookingConflictSchema) } },
          },
        },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const keyed = idempotentRequest({
        header: request.headers['idempotency-key'],
        accountId: context.actor.accountId,
        route: 'POST /appointments',
        body: request.body,
      })
      const answer = await bookAppointment(context, request.body, keyed)
      reply.code(201).header('location', `/api/v1/appointments/${answer.id}`)
      return answerWith(context, reply, answer)
    },
  )

  app.get(
    '/appointments',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listAppointments',
        summary: 'The appointments that concern the caller, soonest first',
        description:
          "Patients see their own, doctors theirs, the front desk its clinics', admins all.",
        tags,
        querystring: AppointmentsQuery,
        response: { 200: Page(ref(AppointmentSchema)) },
      },
    },
    async (request) => {
      const { status, ...filter } = request.query
      const page = readPage(request.query, PositionSchema)
      const rows = await listAppointments(signedIn(request), {
        ...page,
        filter: { ...filter, status: status?.split(',') as AppointmentStatus[] | undefined },
      })
      return pageOf(rows, {
        limit: page.limit,
        present: presentAppointment,
        positionOf: (row) => ({ startsAt: row.starts_at, id: row.id }),
      })
    },
  )

  app.get(
    '/appointments/:id',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getAppointment',
        summary: 'One appointment',
        tags,
        params,
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const row = await readAppointment(signedIn(request), request.params.id)
      reply.header('etag', versionTag(row.version))
      return presentAppointment(row)
    },
  )

  commandRoute(app, 'accept', 'Accept a request')
  commandRoute(app, 'decline', 'Decline a request')
  commandRoute(app, 'cancel', 'Cancel an appointment; cancelling it again changes nothing')

  app.delete(
    '/appointments/:id',
    {
      config: { audience: 'signed-in', refusals: changeRefusals },
      schema: {
        operationId: 'deleteAppointment',
        summary: 'Cancel an appointment, like POST …/cancel',
        tags,
        params,
        headers: CancellationHeaders,
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await commandAppointment(context, request.params.id, {
        command: 'cancel',
        reason: null,
        requestedVersion: requestedVersion(request.headers['if-match']),
        request: null,
      })
      return answerWith(context, reply, answer)
    },
  )
}

const changeRefusals: RefusalCode[] = ['wrong-state', 'stale-version', 'idempotency-key-reused']

function commandRoute(app: App, command: Command, summary: string): void {
  app.post(
    `/appointments/:id/${command}`,
    {
      config: {
        audience: 'signed-in',
        refusals: isStaffOnly(command) ? [...changeRefusals, 'not-allowed'] : changeRefusals,
      },
      schema: {
        operationId: `${command}Appointment`,
        summary,
        tags,
        params,
        headers: StepHeaders,
        body: ref(StepSchema),
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const { id } = request.params
      const answer = await commandAppointment(context, id, {
        command,
        reason: request.body?.reason ?? null,
        requestedVersion: requestedVersion(request.headers['if-match']),
        request: idempotentRequest({
          header: request.headers['idempotency-key'],
          accountId: context.actor.accountId,
          route: `POST /appointments/${id}/${command}`,
          body: request.body,
        }),
      })
      return answerWith(context, reply, answer)
    },
  )
}
