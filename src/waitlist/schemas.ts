import { Type, type Static } from 'typebox'
import { presentSlot, slotExample, SlotSchema } from '#src/availability/schemas.ts'
import {
  component,
  Id,
  InstantText,
  LocalDateText,
  MinuteText,
  PageQuery,
  ref,
} from '#src/http/schema.ts'
import { formatInstant, formatMinute } from '#src/kernel/time.ts'
import { entryStatuses, type EntryRow, type HeldOffer } from './queries.ts'

const WaitlistStatusSchema = component(
  'WaitlistStatus',
  Type.Enum([...entryStatuses], {
    description:
      '`offered` while a time is held for the patient; `fulfilled` once one was taken; `ended` by ' +
      'leaving, or when nothing can suit any more.',
    examples: ['waiting'],
  }),
)

const wish = {
  doctorId: Type.Optional({
    ...Id,
    description: 'Whom to see; this or `specialtyId`. Default: the doctor of the visit.',
  }),
  specialtyId: Type.Optional({ ...Id, description: 'Any doctor of it who offers the visit type.' }),
  clinicId: Type.Optional({
    ...Id,
    description:
      'At this clinic only. Default for a first visit by specialty that a front desk asks for: its own.',
  }),
  weekdays: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      minItems: 1,
      maxItems: 7,
      uniqueItems: true,
      description: 'On these days, 1 for Monday to 7 for Sunday.',
      examples: [[1, 3]],
    }),
  ),
  from: Type.Optional({ ...MinuteText, description: "Not before this hour of the clinic's day." }),
  to: Type.Optional({ ...MinuteText, description: 'Over by this hour.' }),
  fromDate: Type.Optional({ ...LocalDateText, description: 'Clinic-local date, inclusive.' }),
  untilDate: Type.Optional({
    ...LocalDateText,
    description: 'Clinic-local date, inclusive. Default for a first visit: in a year.',
  }),
}

export const NewWaitlistEntrySchema = component(
  'NewWaitlistEntry',
  Type.Object(
    {
      appointmentId: Type.Optional({ ...Id, description: 'The visit that is to be earlier.' }),
      patientId: Type.Optional({
        ...Id,
        description: "Without `appointmentId`. Default: the account's own record.",
      }),
      visitTypeId: Type.Optional({
        ...Id,
        description: 'Without `appointmentId`, which kind of visit.',
      }),
      ...wish,
    },
    {
      minProperties: 1,
      description:
        'Either `appointmentId`; or, for someone without a visit, `visitTypeId` and `doctorId` or ' +
        '`specialtyId`.',
      examples: [
        {
          appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
          weekdays: [1, 3],
          from: '08:00',
          to: '12:00',
        },
      ],
    },
  ),
)

const offerExample = {
  appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e10',
  slot: slotExample,
  heldUntil: '2026-11-20T14:25:09+01:00',
}

const WaitlistOfferSchema = component(
  'WaitlistOffer',
  Type.Object(
    {
      appointmentId: {
        ...Id,
        description: 'The appointment by which the time is held; it names the offer.',
      },
      slot: ref(SlotSchema),
      heldUntil: InstantText,
    },
    { examples: [offerExample] },
  ),
)

export const WaitlistEntrySchema = component(
  'WaitlistEntry',
  Type.Object(
    {
      id: Id,
      status: ref(WaitlistStatusSchema),
      patientId: Id,
      appointmentId: Type.Optional({
        ...Id,
        description: 'The visit that is to be earlier, or that has come of the offer.',
      }),
      visitTypeId: Id,
      ...wish,
      createdAt: InstantText,
      offer: Type.Optional(ref(WaitlistOfferSchema)),
    },
    {
      examples: [
        {
          id: '019a9b61-5f10-7d3a-9b21-0c4d8e6f2a11',
          status: 'offered',
          patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
          appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
          visitTypeId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e19',
          doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          weekdays: [1, 3],
          from: '08:00',
          to: '12:00',
          createdAt: '2026-11-18T09:30:00+01:00',
          offer: offerExample,
        },
      ],
    },
  ),
)
type EntryAnswer = Static<typeof WaitlistEntrySchema>

export const OfferAnswerSchema = component(
  'OfferAnswer',
  Type.Object(
    {
      appointmentId: Type.Optional({
        ...Id,
        description:
          'The offer that is meant, as `offer.appointmentId` names it, so that no other one is ' +
          'answered unseen. Default: the one that is held.',
      }),
    },
    { examples: [{ appointmentId: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e10' }] },
  ),
)

export const EntriesQuery = Type.Object({
  status: Type.Optional(
    Type.Enum([...entryStatuses], {
      description: 'Default: `waiting` and `offered`.',
    }),
  ),
  patientId: Type.Optional(Id),
  clinicId: Type.Optional({ ...Id, description: 'What is about visits at this clinic.' }),
  ...PageQuery,
})

/** The entry as the API shows it. */
export function presentEntry(row: EntryRow): EntryAnswer {
  return {
    id: row.id,
    status: row.status,
    patientId: row.patient_id,
    ...(row.appointment_id !== null && { appointmentId: row.appointment_id }),
    visitTypeId: row.visit_type_id,
    ...(row.doctor_id !== null && { doctorId: row.doctor_id }),
    ...(row.specialty_id !== null && { specialtyId: row.specialty_id }),
    ...(row.clinic_id !== null && { clinicId: row.clinic_id }),
    ...(row.weekdays !== null && { weekdays: row.weekdays }),
    ...(row.from_minute !== null && { from: formatMinute(row.from_minute) }),
    ...(row.to_minute !== null && { to: formatMinute(row.to_minute) }),
    ...(row.from_date !== null && { fromDate: row.from_date }),
    ...(row.until_date !== null && { untilDate: row.until_date }),
    createdAt: formatInstant(row.created_at, row.time_zone ?? 'UTC'),
    ...(row.offer !== null && { offer: presentOffer(row.offer) }),
  }
}

function presentOffer(held: HeldOffer): NonNullable<EntryAnswer['offer']> {
  return {
    appointmentId: held.appointment_id,
    slot: presentSlot({
      doctorId: held.doctor_id,
      clinicId: held.clinic_id,
      visitTypeId: held.visit_type_id,
      startsAt: held.starts_at,
      endsAt: held.ends_at,
      timeZone: held.time_zone,
    }),
    heldUntil: formatInstant(held.expires_at, held.time_zone),
  }
}
