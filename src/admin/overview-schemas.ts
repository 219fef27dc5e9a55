// The overview on the wire.

import { Type, type Static } from 'typebox'
import { statuses } from '#src/booking/appointment-state.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { component, Id, InstantText, LocalDateText, ref } from '#src/http/schema.ts'

export const OverviewQuery = Type.Object({
  date: Type.Optional({
    ...LocalDateText,
    description: 'Of which day the load is, at every clinic; by default its today.',
  }),
})

const Count = Type.Integer({ minimum: 0 })
type ByStatus = Record<AppointmentStatus, typeof Count>
const ByStatus = Type.Object(
  Object.fromEntries(statuses.map((status) => [status, Count])) as ByStatus,
  { description: 'How many visits there are in each status.' },
)
const noVisits = Object.fromEntries(statuses.map((status) => [status, 0]))

const ClinicLoadSchema = component(
  'ClinicLoad',
  Type.Object(
    {
      id: Id,
      name: Type.String(),
      date: LocalDateText,
      visits: ByStatus,
      bookedMinutes: Type.Integer({
        description: 'Of the visits that were not called off, held times included.',
      }),
      byHour: Type.Array(Type.Object({ hour: Type.Integer(), visits: Count }), {
        description: 'How many of them begin in each hour of the day that has any.',
      }),
    },
    {
      examples: [
        {
          id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
          name: 'Clinique du Canal',
          date: '2026-11-24',
          visits: { ...noVisits, confirmed: 2 },
          bookedMinutes: 50,
          byHour: [{ hour: 10, visits: 2 }],
        },
      ],
    },
  ),
)

export const OverviewSchema = component(
  'Overview',
  Type.Object(
    {
      at: InstantText,
      visits: ByStatus,
      clinics: Type.Array(ref(ClinicLoadSchema)),
      requests: Type.Object({
        open: Count,
        oldestAt: Type.Optional({ ...InstantText, description: 'When the oldest was made.' }),
      }),
      noShows: Type.Object({
        onDate: Count,
        last30Days: Count,
        visitsLast30Days: {
          ...Count,
          description: 'Of how many visits that began in the last 30 days and were not called off.',
        },
      }),
      waitlist: Type.Object({ waiting: Count }),
      mails: Type.Object({
        unsent: Count,
        oldestAt: Type.Optional(InstantText),
        failedLastDay: Count,
      }),
      warnings: Type.Array(
        Type.Object({
          code: Type.String({ description: 'Stable, such as doctors-without-hours.' }),
          detail: Type.String(),
          concerns: Type.Optional(
            Type.Array(Type.Object({ id: Id, name: Type.String() }), {
              description: 'The first 10 of the doctors or accounts, by name.',
            }),
          ),
        }),
        { description: 'What somebody should do something about.' },
      ),
    },
    {
      examples: [
        {
          at: '2026-11-24T09:40:00.000Z',
          visits: { ...noVisits, confirmed: 2 },
          clinics: [
            {
              id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
              name: 'Clinique du Canal',
              date: '2026-11-24',
              visits: { ...noVisits, confirmed: 2 },
              bookedMinutes: 50,
              byHour: [{ hour: 10, visits: 2 }],
            },
          ],
          requests: { open: 1, oldestAt: '2026-11-23T16:20:11.000Z' },
          noShows: { onDate: 0, last30Days: 4, visitsLast30Days: 310 },
          waitlist: { waiting: 7 },
          mails: { unsent: 0, failedLastDay: 0 },
          warnings: [
            {
              code: 'doctors-without-hours',
              detail: 'Doctors who can be booked and have no hours: 1.',
              concerns: [{ id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', name: 'Hugo Weber' }],
            },
          ],
        },
      ],
    },
  ),
)
export type OverviewAnswer = Static<typeof OverviewSchema>
