import { Type, type Static } from 'typebox'
import type { Context } from '#src/context.ts'
import { DoctorKey } from '#src/doctors/schemas.ts'
import { component, Id, InstantText } from '#src/http/schema.ts'
import { formatInstant } from '#src/kernel/time.ts'
import { feedAddress } from './feeds.ts'
import type { FeedRow } from './queries.ts'

export const NewCalendarFeedSchema = component(
  'NewCalendarFeed',
  Type.Object(
    {
      doctorId: Type.Optional({
        ...DoctorKey,
        description: "`me`, or the id of the caller's own profile.",
        examples: ['me'],
      }),
      patientId: Type.Optional({
        ...Id,
        description: 'Of the caller, or of someone for whom they act.',
      }),
    },
    {
      minProperties: 1,
      description: 'Whose visits are in it: `doctorId` or `patientId`.',
      examples: [{ patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2' }],
    },
  ),
)

export const CalendarFeedSchema = component(
  'CalendarFeed',
  Type.Object(
    {
      id: Id,
      url: Type.String({
        format: 'uri',
        description:
          'What a calendar program subscribes to. Whoever knows it reads the calendar, until the feed ' +
          'is revoked.',
        examples: [
          'https://visits.example.org/calendar/AZqbXkxSfRyaPi9tC4xOFw3q8rY5o0cX1vB2nM4kL6jH8gF0dS2aP4oI6uY8tR0eW.ics',
        ],
      }),
      doctorId: Type.Optional(Id),
      patientId: Type.Optional(Id),
      createdAt: InstantText,
      lastReadAt: Type.Optional({
        ...InstantText,
        description: 'When a program last read it; absent when none has.',
      }),
    },
    {
      examples: [
        {
          id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          url: 'https://visits.example.org/calendar/AZqbXkxSfRyaPi9tC4xOFw3q8rY5o0cX1vB2nM4kL6jH8gF0dS2aP4oI6uY8tR0eW.ics',
          patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
          createdAt: '2026-11-18T08:30:00+00:00',
          lastReadAt: '2026-11-20T13:05:09+00:00',
        },
      ],
    },
  ),
)

/** The feed with its address. It is of no clinic, so its times are in UTC. */
export function presentFeed(
  context: Pick<Context, 'config' | 'links'>,
  row: FeedRow,
): Static<typeof CalendarFeedSchema> {
  return {
    id: row.id,
    url: feedAddress(context, row.id),
    ...(row.doctor_id !== null && { doctorId: row.doctor_id }),
    ...(row.patient_id !== null && { patientId: row.patient_id }),
    createdAt: formatInstant(row.created_at, 'UTC'),
    ...(row.read_at !== null && { lastReadAt: formatInstant(row.read_at, 'UTC') }),
  }
}
