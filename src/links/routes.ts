import { presentSlot } from '#src/availability/schemas.ts'
import { conflict } from '#src/booking/routes.ts'
import { contextOf } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import type { RefusalCode } from '#src/kernel/errors.ts'
import {
  LinkCancellationSchema,
  LinkConfirmationSchema,
  LinkedVisitSchema,
  LinkMoveSchema,
  LinkOfferAnswerSchema,
  LinkOpenTimesQuerySchema,
  LinkOpenTimesSchema,
  LinkSchema,
} from './schemas.ts'
import {
  answerOfferByLink,
  cancelByLink,
  confirmByLink,
  moveByLink,
  openTimesByLink,
  viewLink,
} from './visit-links.ts'

const tags = ['links']
const linkRefusals: RefusalCode[] = ['invalid-link', 'too-late']
const stepRefusals: RefusalCode[] = [...linkRefusals, 'wrong-state', 'stale-version']

/** All are POSTs, since a token must stand in no URL, and programs that only look follow a GET. */
export function linkRoutes(app: App): void {
  app.post(
    '/links/view',
    {
      config: { audience: 'public', refusals: linkRefusals },
      schema: {
        operationId: 'viewLink',
        summary: 'The visit that a link in a mail is about',
        description:
          'For a link of any purpose; changes nothing. Refused as `too-late` is a link that was good ' +
          'until the visit began, or until an offered time was let go.',
        tags,
        body: ref(LinkSchema),
        response: { 200: ref(LinkedVisitSchema) },
      },
    },
    async (request) => viewLink(contextOf(request), request.body),
  )

  app.post(
    '/links/cancel',
    {
      config: { audience: 'public', refusals: stepRefusals },
      schema: {
        operationId: 'cancelByLink',
        summary: 'Cancel the visit of a link to cancel',
        description: 'Until `changeableUntil`. Cancelling a cancelled visit changes nothing.',
        tags,
        body: ref(LinkCancellationSchema),
        response: { 200: ref(LinkedVisitSchema) },
      },
    },
    async (request) => cancelByLink(contextOf(request), request.body),
  )

  app.post(
    '/links/open-times',
    {
      config: { audience: 'public', refusals: [...linkRefusals, 'wrong-state'] },
      schema: {
        operationId: 'listOpenTimesByLink',
        summary: 'The times to which the visit of a link to move can be moved',
        description:
          'Of the same doctor, clinic and type of visit, on 14 days. Without the times at which the ' +
          'patient has another visit.',
        tags,
        body: ref(LinkOpenTimesQuerySchema),
        response: { 200: ref(LinkOpenTimesSchema) },
      },
    },
    async (request) => {
      const { days, nextOpenDate } = await openTimesByLink(contextOf(request), request.body)
      return {
        days: days.map(({ date, slots }) => ({ date, slots: slots.map(presentSlot) })),
        nextOpenDate,
      }
    },
  )

  app.post(
    '/links/move',
    {
      config: {
        audience: 'public',
        refusals: [...stepRefusals, 'slot-taken', 'patient-busy', 'not-offered', 'not-allowed'],
      },
      schema: {
        operationId: 'moveByLink',
        summary: 'Move the visit of a link to move',
        description:
          'Until `changeableUntil`, with the same doctor and type of visit. Where the doctor wants to be ' +
          'asked, the move is a request.',
        tags,
        body: ref(LinkMoveSchema),
        response: { 200: ref(LinkedVisitSchema), 409: conflict },
      },
    },
    async (request) => moveByLink(contextOf(request), request.body),
  )

  app.post(
    '/links/confirm',
    {
      config: { audience: 'public', refusals: stepRefusals },
      schema: {
        operationId: 'confirmByLink',
        summary: 'Say that one will come to the visit of a link',
        description:
          'It counts for the time that the reminder asked about: of a visit that was moved or called off ' +
          'since, it is refused as `wrong-state`. Saying so again changes nothing.',
        tags,
        body: ref(LinkConfirmationSchema),
        response: { 200: ref(LinkedVisitSchema) },
      },
    },
    async (request) => confirmByLink(contextOf(request), request.body),
  )

  app.post(
    '/links/offer',
    {
      config: {
        audience: 'public',
        refusals: [...stepRefusals, 'slot-taken', 'patient-busy', 'hold-expired'],
      },
      schema: {
        operationId: 'answerOfferByLink',
        summary: 'Take or refuse the time that the waitlist offers by a link',
        description: 'As `POST /waitlist/{id}/take` and `refuse` do.',
        tags,
        body: ref(LinkOfferAnswerSchema),
        response: { 200: ref(LinkedVisitSchema), 409: conflict },
      },
    },
    async (request) => answerOfferByLink(contextOf(request), request.body),
  )
}
