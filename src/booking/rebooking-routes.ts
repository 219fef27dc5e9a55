import { DoctorParams } from '#src/doctors/schemas.ts'
import { signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { applyRebooking, previewRebooking } from './rebooking.ts'
import { NewRebookingSchema, RebookingSchema } from './rebooking-schemas.ts'
import { BookingHeaders } from './schemas.ts'

export function rebookingRoutes(app: App): void {
  app.post(
    '/doctors/:id/rebooking',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'] },
      schema: {
        operationId: 'rebookVisits',
        summary: 'Plan where the visits of a doctor who is away can go, and move them',
        description:
          'Without `apply` nothing is changed: each visit is proposed the nearest open time that no ' +
          'other visit is proposed and at which its patient is free, with the same doctor or another ' +
          'one of the specialty, where the caller may book. Another doctor weighs as much as a day, ' +
          "another clinic as a week; nobody is to come earlier than planned at less than a day's " +
          'notice. With `apply` the moves are made one by one: one that is refused leaves its visit ' +
          'as it was and does not stop the others. Nothing is cancelled. Send an Idempotency-Key, so ' +
          'that the request can be sent again. Each move can be undone for 60 seconds.',
        tags: ['appointments'],
        params: DoctorParams,
        headers: BookingHeaders,
        body: ref(NewRebookingSchema),
        response: { 200: ref(RebookingSchema) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const doctorKey = request.params.id
      const { apply, reason, ...wish } = request.body
      if (apply === undefined) return previewRebooking(context, { doctorKey, wish })
      return applyRebooking(context, {
        doctorKey,
        moves: apply.moves,
        reason,
        idempotencyKey: request.headers['idempotency-key'],
      })
    },
  )
}
