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
  listAppointments,
  presentAppointment,
  readAppointment,
} from './appointment.ts'
import { bookAppointment } from './book.ts'
import type { StoredAnswer } from './call-queries.ts'
import { noteOnAppointment } from './commands.ts'
import { historyOf } from './history.ts'
import { idempotentRequest } from './idempotency.ts'
import {
  AppointmentNoteSchema,
  AppointmentSchema,
  AppointmentsQuery,
  BookingConflictSchema,
  BookingHeaders,
  IfMatchHeaders,
  HistorySchema,
  NewAppointmentSchema,
  WalkInSchema,
  type AppointmentAnswer,
} from './schemas.ts'
import { bookWalkIn } from './walk-in.ts'

const tags = ['appointments']
const params = Type.Object({ id: Id })
const bookingRefusals: RefusalCode[] = [
  'slot-taken',
  'patient-busy',
  'not-offered',
  'not-allowed',
  'not-found',
  'idempotency-key-reused',
]
export const conflict = {
  description: 'The time is taken, or the patient is somewhere else then',
  content: { 'application/problem+json': { schema: ref(BookingConflictSchema) } },
}
const PositionSchema = Type.Object({ startsAt: InstantPosition, id: Id })

/** The appointment that a command answered, as the caller may see it. */
export async function answerWith(
  context: SignedInContext,
  reply: FastifyReply,
  answer: StoredAnswer,
): Promise<AppointmentAnswer> {
  const row = await appointmentAsAnswered(context, answer)
  reply.header('etag', versionTag(row.version))
  return presentAppointment(row, context.actor)
}

export function appointmentRoutes(app: App): void {
  app.post(
    '/appointments',
    {
      config: {
        audience: 'signed-in',
        refusals: bookingRefusals,
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
          409: conflict,
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

  app.post(
    '/appointments/walk-in',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'], refusals: bookingRefusals },
      schema: {
        operationId: 'bookWalkIn',
        summary: 'Receive someone who has no appointment',
        description:
          "Books the doctor's next open time of today, without notice, and checks the patient in. With " +
          '`overbook`, this very minute, whatever else there is.',
        tags,
        headers: BookingHeaders,
        body: ref(WalkInSchema),
        response: { 201: ref(AppointmentSchema), 409: conflict },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const keyed = idempotentRequest({
        header: request.headers['idempotency-key'],
        accountId: context.actor.accountId,
        route: 'POST /appointments/walk-in',
        body: request.body,
      })
      const answer = await bookWalkIn(context, request.body, keyed)
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
      const context = signedIn(request)
      const { status, ...filter } = request.query
      const page = readPage(request.query, PositionSchema)
      const rows = await listAppointments(context, {
        ...page,
        filter: { ...filter, status: status?.split(',') as AppointmentStatus[] | undefined },
      })
      return pageOf(rows, {
        limit: page.limit,
        present: (row) => presentAppointment(row, context.actor),
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
      const context = signedIn(request)
      const row = await readAppointment(context, request.params.id)
      reply.header('etag', versionTag(row.version))
      return presentAppointment(row, context.actor)
    },
  )

  app.patch(
    '/appointments/:id',
    {
      config: {
        audience: ['doctor', 'front_desk', 'admin'],
        refusals: ['not-allowed', 'stale-version'],
      },
      schema: {
        operationId: 'noteOnAppointment',
        summary: "Write the staff's note; null removes it",
        description: 'Patients never see it, nor do staff who are the patient.',
        tags,
        params,
        headers: IfMatchHeaders,
        body: ref(AppointmentNoteSchema),
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await noteOnAppointment(context, request.params.id, {
        staffNote: request.body.staffNote,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      return answerWith(context, reply, answer)
    },
  )

  app.get(
    '/appointments/:id/history',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getAppointmentHistory',
        summary: 'Who did what to an appointment, and when',
        tags,
        params,
        response: { 200: ref(HistorySchema) },
      },
    },
    async (request) => ({ items: await historyOf(signedIn(request), request.params.id) }),
  )
}
