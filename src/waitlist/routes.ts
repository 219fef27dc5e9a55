import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { idempotentRequest } from '#src/booking/idempotency.ts'
import { answerWith, conflict } from '#src/booking/routes.ts'
import { AppointmentSchema, BookingHeaders } from '#src/booking/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, InstantPosition, NoContent, Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import type { RefusalCode } from '#src/kernel/errors.ts'
import { refuseOffer, takeOffer, type AnswerInput } from './answers.ts'
import { leaveWaitlist, listEntries, readEntry } from './entries.ts'
import { joinWaitlist } from './join.ts'
import {
  EntriesQuery,
  NewWaitlistEntrySchema,
  OfferAnswerSchema,
  presentEntry,
  WaitlistEntrySchema,
} from './schemas.ts'

const tags = ['waitlist']
const params = Type.Object({ id: Id })
const PositionSchema = Type.Object({ createdAt: InstantPosition, id: Id })
const answerRefusals: RefusalCode[] = [
  'hold-expired',
  'wrong-state',
  'not-allowed',
  'idempotency-key-reused',
]

export function waitlistRoutes(app: App): void {
  app.post(
    '/waitlist',
    {
      config: {
        audience: 'signed-in',
        refusals: [
          'not-found',
          'not-allowed',
          'not-offered',
          'wrong-state',
          'conflict',
          'idempotency-key-reused',
        ],
      },
      schema: {
        operationId: 'joinWaitlist',
        summary: 'Wait for an earlier time',
        description:
          'Of a visit that is requested or confirmed; or for a first visit. Open times that suit are ' +
          'offered one at a time, each held for 20 minutes: to those who name a doctor before those who ' +
          'name a specialty, then to those who wait longest. By day only, and never while whoever freed ' +
          'the time can still undo that.',
        tags,
        headers: BookingHeaders,
        body: ref(NewWaitlistEntrySchema),
        response: { 201: ref(WaitlistEntrySchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const keyed = idempotentRequest({
        header: request.headers['idempotency-key'],
        accountId: context.actor.accountId,
        route: 'POST /waitlist',
        body: request.body,
      })
      const entry = await joinWaitlist(context, request.body, keyed)
      reply.code(201).header('location', `/api/v1/waitlist/${entry.id}`)
      return presentEntry(entry)
    },
  )

  app.get(
    '/waitlist',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'listWaitlist',
        summary: 'The waitlist as far as it concerns the caller, longest waiting first',
        description:
          'Patients see their own entries, staff those of their visits and of whom patients wait for, ' +
          'and those to which their times are offered.',
        tags,
        querystring: EntriesQuery,
        response: { 200: Page(ref(WaitlistEntrySchema)) },
      },
    },
    async (request) => {
      const page = readPage(request.query, PositionSchema)
      const rows = await listEntries(signedIn(request), { ...page, filter: request.query })
      return pageOf(rows, {
        limit: page.limit,
        present: presentEntry,
        positionOf: (row) => ({ createdAt: row.created_at, id: row.id }),
      })
    },
  )

  app.get(
    '/waitlist/:id',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getWaitlistEntry',
        summary: 'One entry of the waitlist',
        tags,
        params,
        response: { 200: ref(WaitlistEntrySchema) },
      },
    },
    async (request) => presentEntry(await readEntry(signedIn(request), request.params.id)),
  )

  app.delete(
    '/waitlist/:id',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        operationId: 'leaveWaitlist',
        summary: 'Leave the waitlist; a time that is offered is let go',
        tags,
        params,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await leaveWaitlist(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )

  answerRoutes(app)
}

function answerRoutes(app: App): void {
  app.post(
    '/waitlist/:id/take',
    {
      config: {
        audience: 'signed-in',
        refusals: [...answerRefusals, 'slot-taken', 'patient-busy'],
      },
      schema: {
        operationId: 'takeWaitlistOffer',
        summary: 'Take the offered time',
        description:
          'Moves the visit there; its id stays, and the notice for changes does not bind. Without a ' +
          'visit, books it. Answers the visit.',
        tags,
        params,
        headers: BookingHeaders,
        body: ref(OfferAnswerSchema),
        response: { 200: ref(AppointmentSchema), 409: conflict },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const input = answerInput(request, 'take', context.actor.accountId)
      return answerWith(context, reply, await takeOffer(context, request.params.id, input))
    },
  )

  app.post(
    '/waitlist/:id/refuse',
    {
      config: { audience: 'signed-in', refusals: answerRefusals },
      schema: {
        operationId: 'refuseWaitlistOffer',
        summary: 'Refuse the offered time and wait on',
        description: 'The time is free at once, and is not offered to this entry again.',
        tags,
        params,
        headers: BookingHeaders,
        body: ref(OfferAnswerSchema),
        response: { 200: ref(WaitlistEntrySchema) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const { id } = request.params
      const input = answerInput(request, 'refuse', context.actor.accountId)
      return presentEntry(await refuseOffer(context, id, input))
    },
  )
}

function answerInput(
  request: FastifyRequest<{ Params: { id: string }; Body: { appointmentId?: string } | undefined }>,
  command: 'take' | 'refuse',
  accountId: string,
): AnswerInput {
  const key = request.headers['idempotency-key']
  return {
    appointmentId: request.body?.appointmentId ?? null,
    request: idempotentRequest({
      header: Array.isArray(key) ? key[0] : key,
      accountId,
      route: `POST /waitlist/${request.params.id}/${command}`,
      body: request.body,
    }),
  }
}
