import { Type, type Static } from 'typebox'
import {
  component,
  Id,
  InstantText,
  LocalDateText,
  PageQuery,
  ref,
  TimeZoneText,
} from '#src/http/schema.ts'
import { doctorExample, DoctorSchema } from '#src/doctors/schemas.ts'
import { blockingRules } from './explain.ts'
import { formatInstant } from '#src/kernel/time.ts'
import type { Slot } from './open-times.ts'
import { slotId } from './slot-id.ts'

const slotFields = {
  id: Type.String({
    description: 'Opaque; give it back as `slotId` to book this time.',
    examples: ['AZm_Z5YScM-XtB1eG0o8TgGZv2eWEnDPl7QdXhtKPE8BmL9nlhJwz5e0HV4bSjxPAABp4uXI'],
  }),
  startsAt: InstantText,
  endsAt: InstantText,
  doctorId: Id,
  clinicId: Id,
  visitTypeId: Id,
  timeZone: TimeZoneText,
}

const blockedByExample = {
  clinicId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e18',
  rule: 'notice' as const,
  detail: 'Patients must book at least 60 minutes ahead.',
}

export const slotExample = {
  id: 'AZm_Z5YScM-XtB1eG0o8TgGZv2eWEnDPl7QdXhtKPE8BmL9nlhJwz5e0HV4bSjxPAABp4uXI',
  startsAt: '2026-11-24T10:40:00+01:00',
  endsAt: '2026-11-24T11:00:00+01:00',
  doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  clinicId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e18',
  visitTypeId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e19',
  timeZone: 'Europe/Paris',
}

export const SlotSchema = component(
  'Slot',
  Type.Object(slotFields, {
    description: 'An open time of one doctor at one clinic for one type of visit.',
    examples: [slotExample],
  }),
)
type SlotAnswer = Static<typeof SlotSchema>

/** The slot as the API shows it, with the clinic's offset. */
export function presentSlot(slot: Slot): SlotAnswer {
  return {
    id: slotId(slot),
    startsAt: formatInstant(slot.startsAt, slot.timeZone),
    endsAt: formatInstant(slot.endsAt, slot.timeZone),
    doctorId: slot.doctorId,
    clinicId: slot.clinicId,
    visitTypeId: slot.visitTypeId,
    timeZone: slot.timeZone,
  }
}

const BlockedBySchema = component(
  'BlockedBy',
  Type.Object(
    {
      clinicId: Id,
      rule: Type.Enum([...blockingRules], {
        description:
          'The widest rule in the way: once it and all narrower ones are lifted, the day has open ' +
          'times. From wide to narrow: `past` for a day that is over, `paused`, `no-hours`, `past` ' +
          'today, `closure`, `time-off`, `daily-limit`, `notice`, `horizon`, `no-room`, ' +
          '`fully-booked`. `no-visit-type` where patients can book nothing at the clinic.',
      }),
      detail: Type.String({ description: 'A sentence for the staff.' }),
    },
    {
      description: 'Why a day has no open time at a clinic.',
      examples: [blockedByExample],
    },
  ),
)

export const AvailabilitySchema = component(
  'Availability',
  Type.Object(
    {
      days: Type.Array(
        Type.Object({
          date: LocalDateText,
          slots: Type.Array(ref(SlotSchema)),
          blockedBy: Type.Optional(
            Type.Array(ref(BlockedBySchema), {
              description:
                "With `explain`, on days without an open time: one for each of the doctor's clinics " +
                'asked about whose staff the caller is.',
            }),
          ),
        }),
      ),
      nextOpenDate: Type.Union([LocalDateText, Type.Null()], {
        description: 'The first date after `to` with an open time, or null.',
      }),
    },
    {
      examples: [
        {
          days: [
            { date: '2026-11-24', slots: [slotExample] },
            { date: '2026-11-25', slots: [] },
          ],
          nextOpenDate: '2026-11-26',
        },
      ],
    },
  ),
)

export const AvailabilityQuery = Type.Object({
  from: Type.Optional({ ...LocalDateText, description: 'Clinic-local date; default today.' }),
  to: Type.Optional({
    ...LocalDateText,
    description:
      'Clinic-local date, inclusive, so that there are at most 62 days; default 13 days after `from`.',
  }),
  visitTypeId: Type.Optional({ ...Id, description: "Default: the doctor's first visit type." }),
  clinicId: Type.Optional({ ...Id, description: "Default: all of the doctor's clinics." }),
  explain: Type.Optional(
    Type.Boolean({
      description: "Say why nothing is free. For the doctor's staff alone.",
      examples: [true],
    }),
  ),
})

const searchFields = {
  specialty: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'Id, code or name of a specialty.',
      examples: ['cardiology'],
    }),
  ),
  clinicId: Type.Optional(Id),
  visitTypeId: Type.Optional(Id),
  language: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
      description: 'BCP 47 tag of a language the doctor speaks.',
      examples: ['fr'],
    }),
  ),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: "Part of the doctor's name, of a specialty, or of a clinic's name or city.",
      examples: ['okafor'],
    }),
  ),
}

export const SlotsQuery = Type.Object({
  ...searchFields,
  from: Type.Optional({ ...LocalDateText, description: 'Clinic-local date; default today.' }),
  to: Type.Optional({
    ...LocalDateText,
    description:
      'Clinic-local date, inclusive, so that there are at most 62 days; default 13 days after `from`.',
  }),
  ...PageQuery,
})

export const DoctorsQuery = Type.Object({
  ...searchFields,
  date: Type.Optional({
    ...LocalDateText,
    description: 'Only doctors with an open time on this clinic-local date.',
  }),
  from: Type.Optional({
    ...LocalDateText,
    description: 'First open times are looked for from this clinic-local date on; default today.',
  }),
  ...PageQuery,
})

export const DoctorListItemSchema = component(
  'DoctorWithOpenTimes',
  Type.Object(
    {
      ...DoctorSchema.properties,
      firstOpenTimes: Type.Array(ref(SlotSchema), {
        description: 'Up to 4 times of the first day that has any, within the next 62 days.',
      }),
    },
    { examples: [{ ...doctorExample, firstOpenTimes: [slotExample] }] },
  ),
)
