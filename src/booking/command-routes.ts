import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { signedIn } from '#src/http/request.ts'
import { Id, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion } from '#src/http/versions.ts'
import type { RefusalCode } from '#src/kernel/errors.ts'
import { isStaffOnly, type Command } from './appointment-state.ts'
import { commandAppointment, type PlainCommand } from './commands.ts'
import { confirmHold, renewHold } from './holds.ts'
import { idempotentRequest } from './idempotency.ts'
import { rescheduleAppointment } from './reschedule.ts'
import { answerWith, conflict } from './routes.ts'
import {
  AppointmentSchema,
  IfMatchHeaders,
  ConfirmHoldSchema,
  DeclineSchema,
  MoveSchema,
  StepHeaders,
  StepSchema,
} from './schemas.ts'
import { undoStep } from './undo.ts'

const tags = ['appointments']
const params = Type.Object({ id: Id })
const stepRefusals: RefusalCode[] = ['wrong-state', 'stale-version', 'idempotency-key-reused']
const timeRefusals: RefusalCode[] = [...stepRefusals, 'slot-taken', 'patient-busy']

export function commandRoutes(app: App): void {
  holdRoutes(app)
  plainRoute(app, 'accept', 'Accept a request')
  declineRoute(app)
  moveRoute(app)
  plainRoute(app, 'cancel', 'Cancel an appointment; cancelling it again changes nothing')
  deleteRoute(app)
  plainRoute(app, 'check-in', 'The patient is there')
  plainRoute(app, 'start', 'The patient is with the doctor')
  plainRoute(app, 'complete', 'The visit is over')
  plainRoute(app, 'no-show', 'The patient did not come')
  plainRoute(
    app,
    'correct',
    'Take back a check-in, a start, a completion or a no-show, however long ago',
  )
  undoRoute(app)
}

/** What every command's request says besides its body. */
function commandInput(
  request: FastifyRequest<{ Params: { id: string } }>,
  command: Command,
  accountId: string,
) {
  const { id } = request.params
  const { 'if-match': ifMatch, 'idempotency-key': key } = request.headers
  return {
    requestedVersion: requestedVersion(ifMatch),
    request: idempotentRequest({
      header: Array.isArray(key) ? key[0] : key,
      accountId,
      route: `POST /appointments/${id}/${command}`,
      body: request.body,
    }),
  }
}

function plainRoute(app: App, command: PlainCommand, summary: string): void {
  const isOpenToPatients = !isStaffOnly(command)
  app.post(
    `/appointments/:id/${command}`,
    {
      config: {
        audience: 'signed-in',
        refusals: [...stepRefusals, 'not-allowed', ...(isOpenToPatients ? lateRefusals : [])],
      },
      schema: {
        operationId: `${nameOf(command)}Appointment`,
        summary,
        ...(command in descriptions && { description: descriptions[command] }),
        tags,
        params,
        headers: StepHeaders,
        body: ref(StepSchema),
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await commandAppointment(context, request.params.id, {
        ...commandInput(request, command, context.actor.accountId),
        command,
        reason: request.body?.reason ?? null,
      })
      return answerWith(context, reply, answer)
    },
  )
}

const lateRefusals: RefusalCode[] = ['too-late']

const descriptions: Partial<Record<PlainCommand, string>> = {
  accept: 'For staff. The time was claimed since the request was made.',
  cancel:
    'Patients until `changeableUntil`, staff at any time; when a patient no longer could, staff must give ' +
    'a `reason`. The time is open again at once.',
  'check-in': 'For staff.',
  'no-show': 'For staff. `correct` makes it a check-in when the patient comes after all.',
  correct: 'For staff. One step back: from the check-in, the start, the completion or the no-show.',
}

/** check-in → checkIn */
function nameOf(command: Command): string {
  return command.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function holdRoutes(app: App): void {
  app.post(
    '/appointments/:id/renew-hold',
    {
      config: {
        audience: 'signed-in',
        refusals: [...stepRefusals, 'not-allowed', 'hold-expired'],
      },
      schema: {
        operationId: 'renewHold',
        summary: 'Keep a held time longer',
        description: 'For 10 more minutes, and at most 15 after it was first held.',
        tags,
        params,
        headers: StepHeaders,
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const input = commandInput(request, 'renew-hold', context.actor.accountId)
      return answerWith(context, reply, await renewHold(context, request.params.id, input))
    },
  )

  app.post(
    '/appointments/:id/confirm-hold',
    {
      config: {
        audience: 'signed-in',
        refusals: [...timeRefusals, 'not-allowed', 'hold-expired'],
      },
      schema: {
        operationId: 'confirmHold',
        summary: 'Book the held time',
        description: 'Confirmed at once, or requested where the doctor wants to be asked.',
        tags,
        params,
        headers: StepHeaders,
        body: ref(ConfirmHoldSchema),
        response: { 200: ref(AppointmentSchema), 409: conflict },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await confirmHold(context, request.params.id, {
        ...commandInput(request, 'confirm-hold', context.actor.accountId),
        reason: request.body?.reason ?? null,
      })
      return answerWith(context, reply, answer)
    },
  )
}

function declineRoute(app: App): void {
  app.post(
    '/appointments/:id/decline',
    {
      config: { audience: 'signed-in', refusals: [...stepRefusals, 'not-allowed'] },
      schema: {
        operationId: 'declineAppointment',
        summary: 'Decline a request, with a reason and other times',
        tags,
        params,
        headers: StepHeaders,
        body: ref(DeclineSchema),
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await commandAppointment(context, request.params.id, {
        ...commandInput(request, 'decline', context.actor.accountId),
        command: 'decline',
        reason: request.body?.reason ?? null,
        proposedSlotIds: request.body?.proposedSlotIds ?? [],
      })
      return answerWith(context, reply, answer)
    },
  )
}

function moveRoute(app: App): void {
  app.post(
    '/appointments/:id/reschedule',
    {
      config: {
        audience: 'signed-in',
        refusals: [...timeRefusals, 'not-offered', 'not-allowed', 'too-late'],
      },
      schema: {
        operationId: 'rescheduleAppointment',
        summary: 'Move an appointment to another time',
        description:
          'Its id stays. The new time is taken and the old one freed at once, or nothing changes. Patients ' +
          'move with the same doctor until `changeableUntil`; where the doctor wants to be asked, the ' +
          'move is a request. Staff move at any time, also to another doctor of the clinic.',
        tags,
        params,
        headers: StepHeaders,
        body: ref(MoveSchema),
        response: { 200: ref(AppointmentSchema), 409: conflict },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await rescheduleAppointment(context, request.params.id, {
        ...commandInput(request, 'reschedule', context.actor.accountId),
        body: request.body,
      })
      return answerWith(context, reply, answer)
    },
  )
}

function deleteRoute(app: App): void {
  app.delete(
    '/appointments/:id',
    {
      config: { audience: 'signed-in', refusals: [...stepRefusals, 'not-allowed', 'too-late'] },
      schema: {
        operationId: 'deleteAppointment',
        summary: 'Cancel an appointment, like POST …/cancel',
        tags,
        params,
        headers: IfMatchHeaders,
        body: ref(StepSchema),
        response: { 200: ref(AppointmentSchema) },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const answer = await commandAppointment(context, request.params.id, {
        command: 'cancel',
        reason: request.body?.reason ?? null,
        requestedVersion: requestedVersion(request.headers['if-match']),
        request: null,
      })
      return answerWith(context, reply, answer)
    },
  )
}

function undoRoute(app: App): void {
  app.post(
    '/appointments/:id/undo',
    {
      config: {
        audience: 'signed-in',
        refusals: [...timeRefusals, 'not-allowed', 'too-late'],
      },
      schema: {
        operationId: 'undoAppointmentStep',
        summary: 'Take the last step back',
        description:
          'By whoever made it, within 60 seconds. A time that the step freed is claimed again; when it is ' +
          'gone, the answer is 409.',
        tags,
        params,
        headers: StepHeaders,
        response: { 200: ref(AppointmentSchema), 409: conflict },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const input = commandInput(request, 'undo', context.actor.accountId)
      return answerWith(context, reply, await undoStep(context, request.params.id, input))
    },
  )
}
