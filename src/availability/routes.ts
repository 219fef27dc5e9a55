import { Type } from 'typebox'
import { doctorIdOf, doctorsByIds, presentAccountOf, presentDoctor } from '#src/doctors/doctors.ts'
import { DoctorKey } from '#src/doctors/schemas.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { contextOf } from '#src/http/request.ts'
import { Id, InstantPosition, Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import {
  AvailabilityQuery,
  AvailabilitySchema,
  DoctorListItemSchema,
  DoctorsQuery,
  presentSlot,
  SlotSchema,
  SlotsQuery,
} from './schemas.ts'
import { availabilityOf, searchDoctors, searchSlots } from './search.ts'

const SlotPositionSchema = Type.Object({ startsAt: InstantPosition, doctorId: Id, clinicId: Id })
const DoctorPositionSchema = Type.Object({
  firstStart: Type.Union([InstantPosition, Type.Null()]),
  name: Type.String(),
  id: Id,
})

export function availabilityRoutes(app: App): void {
  app.get(
    '/doctors',
    {
      config: { audience: 'public', limit: 'search' },
      schema: {
        operationId: 'listDoctors',
        summary: 'Find doctors, those who are free soonest first',
        description:
          'Each doctor comes with the open times of the first day that has any. With `date`, only ' +
          'doctors who have an open time on that day.',
        tags: ['open times'],
        querystring: DoctorsQuery,
        response: { 200: Page(ref(DoctorListItemSchema)) },
      },
    },
    async (request) => {
      const context = contextOf(request)
      const page = readPage(request.query, DoctorPositionSchema)
      const found = await searchDoctors(context, { ...request.query, ...page })
      const profiles = await doctorsByIds(
        context.db,
        found.slice(0, page.limit).map(({ id }) => id),
      )
      const byId = new Map(profiles.map((profile) => [profile.id, profile]))
      // A doctor may have gone between the two reads.
      const shown = found.filter(({ id }, index) => index >= page.limit || byId.has(id))
      return pageOf(shown, {
        limit: page.limit,
        present: ({ id, firstSlots }) => ({
          ...presentDoctor(byId.get(id)!),
          ...presentAccountOf(byId.get(id)!, context.actor),
          firstOpenTimes: firstSlots.map(presentSlot),
        }),
        positionOf: ({ firstStart, name, id }) => ({ firstStart, name, id }),
      })
    },
  )

  app.get(
    '/doctors/:id/availability',
    {
      config: { audience: 'public', limit: 'search', refusals: ['not-signed-in', 'not-allowed'] },
      schema: {
        operationId: 'getAvailability',
        summary: 'Open times of one doctor, day by day',
        description:
          "Dates are those of the clinic's time zone; days without an open time are listed too. The " +
          "doctor's staff also see times within the notice and beyond the booking horizon. What is only " +
          'for patients whom the doctor has seen before is shown to strangers, and not to patients who ' +
          'are signed in and could not book it. With `explain`, for the staff of the doctor alone, the ' +
          'days are those that patients see, and each day without an open time says which rule is in ' +
          'the way.',
        tags: ['open times'],
        params: Type.Object({ id: DoctorKey }),
        querystring: AvailabilityQuery,
        response: { 200: ref(AvailabilitySchema) },
      },
    },
    async (request) => {
      const context = contextOf(request)
      const doctorId = doctorIdOf(context, request.params.id)
      const { days, nextOpenDate } = await availabilityOf(context, doctorId, request.query)
      return {
        days: days.map((day) => ({ ...day, slots: day.slots.map(presentSlot) })),
        nextOpenDate,
      }
    },
  )

  app.get(
    '/slots',
    {
      config: { audience: 'public', limit: 'search' },
      schema: {
        operationId: 'listSlots',
        summary: 'Open times across doctors, soonest first',
        description: 'Of the doctors who accept new patients.',
        tags: ['open times'],
        querystring: SlotsQuery,
        response: { 200: Page(ref(SlotSchema)) },
      },
    },
    async (request) => {
      const page = readPage(request.query, SlotPositionSchema)
      const slots = await searchSlots(contextOf(request), { ...request.query, ...page })
      return pageOf(slots, {
        limit: page.limit,
        present: presentSlot,
        positionOf: ({ startsAt, doctorId, clinicId }) => ({ startsAt, doctorId, clinicId }),
      })
    },
  )
}
