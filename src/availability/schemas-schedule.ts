// The shapes of a doctor's hours, openings and time off on the wire.

import { Type, type Static } from 'typebox'
import { DoctorKey } from '#src/doctors/schemas.ts'
import {
  component,
  Id,
  InstantText,
  LocalDateText,
  MinuteText,
  PageQuery,
  ref,
  Text,
  TimeZoneText,
} from '#src/http/schema.ts'
import { ProblemSchema } from '#src/http/problem-schema.ts'

export const DoctorParams = Type.Object({ id: DoctorKey })
export const OpeningParams = Type.Object({ id: DoctorKey, openingId: Id })
export const TimeOffParams = Type.Object({ id: DoctorKey, timeOffId: Id })

export const OpeningsQuery = Type.Object({
  from: Type.Optional({
    ...LocalDateText,
    description:
      'Openings on this date or later; default: yesterday, as one may run past midnight.',
  }),
  ...PageQuery,
})
export const TimeOffQuery = Type.Object({
  from: Type.Optional({
    ...InstantText,
    description: 'Time off that ends after this instant; default: now.',
  }),
  ...PageQuery,
})

export const AffectedVisitsQuery = Type.Object({ ...PageQuery })

const clinicId = { ...Id, description: "One of the doctor's clinics." }
const from = {
  ...MinuteText,
  description: "Wall time of the clinic's zone, 00:00 to 23:59.",
  examples: ['09:00'],
}
const to = {
  ...MinuteText,
  description: 'Wall time, up to 24:00. One at or before `from` is on the next day.',
  examples: ['17:00'],
}
const visitTypeIds = Type.Array(Id, {
  minItems: 1,
  maxItems: 50,
  uniqueItems: true,
  description: 'For these visit types of the doctor alone; for all of them when absent.',
})

const exampleIds = {
  clinicId: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
  visitTypeIds: ['019a9b5e-2f77-7a35-9c0e-0b44d1e8f215'],
}
const affectedExample = {
  appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
  status: 'confirmed',
  startsAt: '2026-12-21T10:40:00+01:00',
  endsAt: '2026-12-21T11:00:00+01:00',
  timeZone: 'Europe/Paris',
  clinicId: exampleIds.clinicId,
  visitTypeId: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
  version: 1,
  patient: {
    id: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
    name: 'Anna Berg',
    phone: '+33 6 12 34 56 78',
  },
}
const confirmationExample = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
const hoursExample = { clinicId: exampleIds.clinicId, weekday: 1, from: '09:00', to: '17:00' }

/** How many rules a doctor's week may have. */
export const weeklyHoursMax = 200

export const WeeklyHoursSchema = component(
  'WeeklyHours',
  Type.Object(
    {
      clinicId,
      weekday: Type.Integer({
        minimum: 1,
        maximum: 7,
        description: 'ISO 8601: 1 is Monday, 7 is Sunday. Of a night, the day it begins.',
        examples: [1],
      }),
      from,
      to,
      validFrom: Type.Optional({ ...LocalDateText, description: 'The first date they hold.' }),
      validUntil: Type.Optional({ ...LocalDateText, description: 'The last date they hold.' }),
      visitTypeIds: Type.Optional(visitTypeIds),
    },
    {
      description: 'Hours that come again each week, half-open: a visit may end at `to`.',
      examples: [hoursExample],
    },
  ),
)

export const HoursSchema = component(
  'Hours',
  Type.Object(
    {
      hours: Type.Array(ref(WeeklyHoursSchema), {
        maxItems: weeklyHoursMax,
        description: 'All of them. Where they overlap they unite.',
      }),
    },
    { description: "A doctor's week.", examples: [{ hours: [hoursExample] }] },
  ),
)

export const AffectedVisitSchema = component(
  'AffectedVisit',
  Type.Object(
    {
      appointmentId: Id,
      status: Type.Enum([
        'held',
        'requested',
        'confirmed',
        'arrived',
        'with_doctor',
        'completed',
        'no_show',
        'cancelled',
        'declined',
        'expired',
      ]),
      startsAt: InstantText,
      endsAt: InstantText,
      timeZone: TimeZoneText,
      clinicId: Id,
      visitTypeId: Id,
      version: Type.Integer({ description: 'For If-Match, when it is moved or cancelled.' }),
      patient: Type.Object({
        id: Id,
        name: Type.String(),
        phone: Type.Optional(Type.String()),
        email: Type.Optional(Type.String()),
      }),
    },
    {
      description:
        'A visit that a change of the schedule leaves without its time. It stays booked.',
      examples: [affectedExample],
    },
  ),
)

const affected = Type.Array(ref(AffectedVisitSchema), {
  description: 'Soonest first, at most 200.',
})
const affectedCount = Type.Integer({ description: 'Of all of them, also those not listed.' })
const confirmation = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'The `confirmation` of a `visits-affected` that listed these visits.',
  examples: [confirmationExample],
})

export const ConfirmationQuery = Type.Object({ confirmation: Type.Optional(confirmation) })

export const HoursQuery = Type.Object({
  dryRun: Type.Optional(
    Type.Boolean({
      description: 'Save nothing; answer which visits would be left outside.',
      examples: [true],
    }),
  ),
})

export const NewHoursSchema = component(
  'NewHours',
  Type.Object(
    { ...HoursSchema.properties, confirmation: Type.Optional(confirmation) },
    { examples: [{ hours: [hoursExample] }] },
  ),
)

export const HoursChangeSchema = component(
  'HoursChange',
  Type.Object(
    {
      ...HoursSchema.properties,
      affected: Type.Optional({
        ...affected,
        description: 'With `dryRun`: soonest first, at most 200.',
      }),
      affectedCount: Type.Optional(affectedCount),
    },
    {
      description: "A doctor's week as it is now, or with `dryRun` as it would be.",
      examples: [{ hours: [hoursExample] }],
    },
  ),
)

export const VisitsAffectedSchema = component(
  'VisitsAffected',
  Type.Object(
    { ...ProblemSchema.properties, affected, affectedCount, confirmation },
    {
      additionalProperties: true,
      description: 'Nothing was saved, since visits that are booked would lie outside the hours.',
      examples: [
        {
          type: '/problems/visits-affected',
          title: 'Booked visits would be left outside the hours',
          status: 409,
          detail:
            '1 booked visit would lie outside the hours. Nothing was saved: look at them, and send the confirmation to go on.',
          requestId: '019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8',
          affected: [affectedExample],
          affectedCount: 1,
          confirmation: confirmationExample,
        },
      ],
    },
  ),
)

const openingFields = {
  clinicId,
  date: { ...LocalDateText, description: "A date of the clinic's zone, today or later." },
  from,
  to,
  visitTypeIds: Type.Optional(visitTypeIds),
}
const openingExample = { ...exampleIds, date: '2026-11-28', from: '09:00', to: '13:00' }

export const OpeningSchema = component(
  'Opening',
  Type.Object(
    { id: Id, ...openingFields },
    {
      description: 'Hours of one date, besides the weekly ones.',
      examples: [{ id: '019a9b5e-51d0-7b6e-8a44-9f3c27d6b0e1', ...openingExample }],
    },
  ),
)

export const NewOpeningSchema = component(
  'NewOpening',
  Type.Object(openingFields, { examples: [openingExample] }),
)

const timeOffFields = {
  startsAt: InstantText,
  endsAt: {
    ...InstantText,
    description: 'The first instant the doctor is back; in the future, within three years.',
  },
  note: Type.Optional(
    Text(500, {
      description: 'For the doctor and the staff; never shown to patients.',
      examples: ['Conference in Lyon'],
    }),
  ),
}
const timeOffExample = {
  startsAt: '2026-12-21T00:00:00+01:00',
  endsAt: '2027-01-04T00:00:00+01:00',
  note: 'Winter holidays',
}

export const TimeOffSchema = component(
  'TimeOff',
  Type.Object(
    { id: Id, ...timeOffFields },
    {
      description:
        "When a doctor is away, at all of their clinics; instants with the offset of the zone of the doctor's first clinic.",
      examples: [{ id: '019a9b5e-5a92-7f08-b1c7-3e5d80a4c962', ...timeOffExample }],
    },
  ),
)

export const NewTimeOffSchema = component(
  'NewTimeOff',
  Type.Object(timeOffFields, { examples: [timeOffExample] }),
)

export const TimeOffTakenSchema = component(
  'TimeOffTaken',
  Type.Object(
    { id: Id, ...timeOffFields, affected, affectedCount },
    {
      description:
        'Time off, and the visits that overlap it: they stay booked until someone moves or cancels them. The front desk is shown those at its own clinics; `affectedCount` has them all.',
      examples: [
        {
          id: '019a9b5e-5a92-7f08-b1c7-3e5d80a4c962',
          ...timeOffExample,
          affected: [affectedExample],
          affectedCount: 1,
        },
      ],
    },
  ),
)

export type AffectedVisitAnswer = Static<typeof AffectedVisitSchema>
export type HoursChangeAnswer = Static<typeof HoursChangeSchema>
export type TimeOffTakenAnswer = Static<typeof TimeOffTakenSchema>
export type HoursAnswer = Static<typeof HoursSchema>
export type OpeningAnswer = Static<typeof OpeningSchema>
export type TimeOffAnswer = Static<typeof TimeOffSchema>
