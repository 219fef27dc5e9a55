// The shapes of visit types on the wire.

import { Type, type Static } from 'typebox'
import { component, Id, nullable, PageQuery, Text } from '#src/http/schema.ts'
import { clinicIdExample, RoomKind, Version } from './schemas.ts'

export const VisitTypeParams = Type.Object({ id: Id })

const VisitTypeName = Text(120, { examples: ['First consultation'] })
const DurationMinutes = Type.Integer({ minimum: 5, maximum: 1440, examples: [30] })
const BufferMinutes = Type.Integer({
  minimum: 0,
  maximum: 240,
  description: "Minutes that the doctor's calendar must be free besides the visit.",
  examples: [5],
})
const StepMinutes = Type.Integer({
  minimum: 5,
  maximum: 1440,
  description: 'How far apart visits can start; duration and buffers together when absent.',
  examples: [30],
})
const Mode = Type.Enum(['in_person', 'video', 'phone'])
const VideoLink = Type.String({
  format: 'uri',
  pattern: '^https://',
  maxLength: 500,
  description: 'Where a video visit takes place. Shown to staff, and to the patient of a visit.',
  examples: ['https://video.example.org/canal'],
})
const Instructions = Text(4000, { examples: ['Please bring earlier findings.'] })
const WhoMayBook = Type.Enum(['anyone', 'existing_patients', 'staff'], {
  description: 'Who may book it: any patient, patients who were seen before, or staff alone.',
})
const VisitBookingMode = Type.Enum(['instant', 'on_request'], {
  description: "Overrides the doctor's own booking mode.",
})
const Status = Type.Enum(['active', 'retired'], {
  description: 'A retired visit type can no longer be booked; booked visits keep it.',
})

const newVisitTypeExample = {
  name: 'First consultation',
  clinicId: clinicIdExample,
  durationMinutes: 30,
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 5,
  mode: 'in_person',
  instructions: 'Please bring earlier findings.',
  whoMayBook: 'anyone',
}

export const VisitTypeSchema = component(
  'VisitType',
  Type.Object(
    {
      id: Id,
      name: VisitTypeName,
      clinicId: Type.Optional({ ...Id, description: 'Absent where the whole network offers it.' }),
      durationMinutes: DurationMinutes,
      bufferBeforeMinutes: BufferMinutes,
      bufferAfterMinutes: BufferMinutes,
      stepMinutes: Type.Optional(StepMinutes),
      mode: Mode,
      videoLink: Type.Optional(VideoLink),
      instructions: Type.Optional(Instructions),
      whoMayBook: WhoMayBook,
      bookingMode: Type.Optional(VisitBookingMode),
      roomKind: Type.Optional(RoomKind),
      status: Status,
      version: Version,
    },
    {
      description: 'A kind of visit: how long it is, where it takes place and who may book it.',
      examples: [
        {
          id: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
          ...newVisitTypeExample,
          status: 'active',
          version: 1,
        },
      ],
    },
  ),
)

export const NewVisitTypeSchema = component(
  'NewVisitType',
  Type.Object(
    {
      name: VisitTypeName,
      clinicId: Type.Optional({
        ...Id,
        description: 'The one clinic that offers it; the whole network when absent (admins).',
      }),
      durationMinutes: DurationMinutes,
      bufferBeforeMinutes: Type.Optional({ ...BufferMinutes, default: 0 }),
      bufferAfterMinutes: Type.Optional({ ...BufferMinutes, default: 0 }),
      stepMinutes: Type.Optional(StepMinutes),
      mode: Type.Optional({ ...Mode, default: 'in_person' }),
      videoLink: Type.Optional(VideoLink),
      instructions: Type.Optional(Instructions),
      whoMayBook: Type.Optional({ ...WhoMayBook, default: 'anyone' }),
      bookingMode: Type.Optional(VisitBookingMode),
      roomKind: Type.Optional({
        ...RoomKind,
        description: 'The kind of room that each visit needs to itself.',
      }),
    },
    { examples: [newVisitTypeExample] },
  ),
)

export const VisitTypeChangeSchema = component(
  'VisitTypeChange',
  Type.Object(
    {
      name: Type.Optional(VisitTypeName),
      durationMinutes: Type.Optional(DurationMinutes),
      bufferBeforeMinutes: Type.Optional(BufferMinutes),
      bufferAfterMinutes: Type.Optional(BufferMinutes),
      stepMinutes: Type.Optional(nullable(StepMinutes)),
      mode: Type.Optional(Mode),
      videoLink: Type.Optional(nullable(VideoLink)),
      instructions: Type.Optional(nullable(Instructions)),
      whoMayBook: Type.Optional(WhoMayBook),
      bookingMode: Type.Optional(nullable(VisitBookingMode)),
      roomKind: Type.Optional(nullable(RoomKind)),
      status: Type.Optional(Status),
    },
    {
      minProperties: 1,
      description:
        'The fields to change; null takes an optional one away. Booked visits keep their length.',
      examples: [{ durationMinutes: 20, stepMinutes: null }],
    },
  ),
)

export const VisitTypesQuery = Type.Object({
  clinicId: Type.Optional({
    ...Id,
    description: "Only the clinic's own visit types and those of the whole network.",
  }),
  doctorId: Type.Optional({ ...Id, description: 'Only those that this doctor offers.' }),
  status: Type.Optional({
    ...Status,
    default: 'active',
    description: 'Retired visit types are listed for staff only.',
  }),
  ...PageQuery,
})

export type NewVisitType = Static<typeof NewVisitTypeSchema>
export type VisitTypeChange = Static<typeof VisitTypeChangeSchema>
export type VisitTypeAnswer = Static<typeof VisitTypeSchema>
