// The shapes of dashboards on the wire.

import { Type, type Static } from 'typebox'
import { AppointmentSchema } from '#src/booking/schemas.ts'
import { DoctorKey } from '#src/doctors/schemas.ts'
import { component, Id, InstantText, LocalDateText, ref, TimeZoneText } from '#src/http/schema.ts'
import { WaitlistEntrySchema } from '#src/waitlist/schemas.ts'

export const DoctorDashboardParams = Type.Object({ id: DoctorKey })
export const PatientDashboardParams = Type.Object({ id: Id })

const count = (description: string) => Type.Integer({ minimum: 0, description })

const visits = (description: string) => Type.Array(ref(AppointmentSchema), { description })

/** The first example of a component. */
function exampleOf(schema: object): unknown {
  return 'examples' in schema && Array.isArray(schema.examples) ? schema.examples[0] : undefined
}

const visitExample = exampleOf(AppointmentSchema)
const dayExample = { date: '2026-11-24', visits: 9, bookedMinutes: 270, openMinutes: 150 }

const DayLoadSchema = component(
  'DayLoad',
  Type.Object(
    {
      date: {
        ...LocalDateText,
        description: 'As each clinic has it, also where they are in several time zones.',
      },
      visits: count('That take place, took place or were missed, and requests.'),
      bookedMinutes: Type.Number({ minimum: 0, description: 'Of these visits, without buffers.' }),
      openMinutes: count(
        'Of the hours, from now on, that no visit with its buffers, time off or closure takes.',
      ),
    },
    { description: 'How much of a day of a doctor is booked.', examples: [dayExample] },
  ),
)

export const DoctorDashboardSchema = component(
  'DoctorDashboard',
  Type.Object(
    {
      doctorId: Id,
      today: visits(
        "Today's, on each clinic's own calendar, in order; without those that were called off.",
      ),
      nextVisit: Type.Optional({
        ...ref(AppointmentSchema),
        description: 'The first one that is to be seen yet; absent when there is none.',
      }),
      requests: Type.Object({
        count: count('Of all that wait for an answer.'),
        items: visits('The oldest first, at most 10.'),
      }),
      week: Type.Array(ref(DayLoadSchema), { description: 'Seven days from today on.' }),
      unreadMessages: count(
        "About the doctor's visits, that the caller may read and has not read.",
      ),
      waiting: count('People on the waitlist for the doctor, or with a visit to be earlier.'),
    },
    {
      description:
        "What concerns a doctor now; for a front desk, at its own clinics. Instants have each clinic's offset.",
      examples: [
        {
          doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          today: [visitExample],
          nextVisit: visitExample,
          requests: { count: 0, items: [] },
          week: [dayExample],
          unreadMessages: 2,
          waiting: 3,
        },
      ],
    },
  ),
)

const relativeExample = {
  id: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b9',
  name: 'Mia Berg',
  nextVisit: {
    id: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e11',
    status: 'confirmed',
    startsAt: '2026-11-26T15:20:00+01:00',
    endsAt: '2026-11-26T15:40:00+01:00',
    timeZone: 'Europe/Paris',
    doctor: 'Dr. Hugo Weber',
    clinic: 'Clinique du Canal',
  },
}

const RelativeSchema = component(
  'Relative',
  Type.Object(
    {
      id: { ...Id, description: 'The patient record.' },
      name: Type.String(),
      nextVisit: Type.Optional(
        Type.Object(
          {
            id: { ...Id, description: 'The appointment.' },
            status: Type.Enum(['requested', 'confirmed', 'arrived', 'with_doctor']),
            startsAt: InstantText,
            endsAt: InstantText,
            timeZone: TimeZoneText,
            doctor: Type.String(),
            clinic: Type.String(),
          },
          { description: 'The next visit or request: who, where and when, never why.' },
        ),
      ),
    },
    {
      description: 'Another record that the account has access to.',
      examples: [relativeExample],
    },
  ),
)

export const PatientDashboardSchema = component(
  'PatientDashboard',
  Type.Object(
    {
      patient: Type.Object({ id: Id, name: Type.String() }),
      nextVisits: visits('Soonest first, at most 5.'),
      requests: Type.Object({
        count: count("Of all that wait for the doctor's answer."),
        items: visits('Soonest first, at most 5.'),
      }),
      waitlist: Type.Array(ref(WaitlistEntrySchema), {
        description: 'Where the patient waits, with the times that are offered; at most 20.',
      }),
      unreadMessages: count(
        "About the patient's visits, that the caller has not read; 0 for who may only look.",
      ),
      family: Type.Array(ref(RelativeSchema), {
        description: 'The other records that the account has access to, by name; at most 50.',
      }),
    },
    {
      description: "What is ahead of a patient. Instants have each clinic's offset.",
      examples: [
        {
          patient: { id: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2', name: 'Anna Berg' },
          nextVisits: [visitExample],
          requests: { count: 0, items: [] },
          waitlist: [exampleOf(WaitlistEntrySchema)],
          unreadMessages: 1,
          family: [relativeExample],
        },
      ],
    },
  ),
)

export type DoctorDashboardAnswer = Static<typeof DoctorDashboardSchema>
export type PatientDashboardAnswer = Static<typeof PatientDashboardSchema>
