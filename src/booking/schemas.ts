import { Type, type Static } from 'typebox'
import {
  component,
  Id,
  nullable,
  InstantText,
  LocalDateText,
  PageQuery,
  ref,
  Text,
  TimeZoneText,
} from '#src/http/schema.ts'
import { slotExample, SlotSchema } from '#src/availability/schemas.ts'
import { ProblemSchema } from '#src/http/problem-schema.ts'
import { statuses } from './appointment-state.ts'

const AppointmentStatusSchema = component(
  'AppointmentStatus',
  Type.Enum([...statuses], { examples: ['confirmed'] }),
)

const Contact = {
  name: Type.String(),
  phone: Type.Optional(Type.String()),
  email: Type.Optional(Type.String()),
}

export const AppointmentSchema = component(
  'Appointment',
  Type.Object(
    {
      id: Id,
      status: ref(AppointmentStatusSchema),
      startsAt: InstantText,
      endsAt: InstantText,
      timeZone: TimeZoneText,
      doctorId: Id,
      clinicId: Id,
      patientId: Id,
      visitTypeId: Id,
      version: Type.Integer({ description: 'Raised by each change; see If-Match.' }),
      sequence: Type.Integer({
        description: 'Raised by each change of time or status (RFC 5545).',
      }),
      heldUntil: Type.Optional({ ...InstantText, description: 'When a hold runs out.' }),
      answerBy: Type.Optional({ ...InstantText, description: 'When a request lapses.' }),
      isOffer: Type.Optional(
        Type.Boolean({ description: 'A time held for someone on the waitlist; taken there.' }),
      ),
      changeableUntil: Type.Optional({
        ...InstantText,
        description: 'Until when the patient may move or cancel without calling the clinic.',
      }),
      delayMinutes: Type.Optional(
        Type.Integer({ description: 'By how much the doctor runs late that day.' }),
      ),
      reason: Type.Optional(Type.String({ description: "The patient's own words." })),
      cancelledReason: Type.Optional(Type.String()),
      proposedSlots: Type.Optional(
        Type.Array(ref(SlotSchema), {
          description: 'With `declined`: times that were proposed instead.',
        }),
      ),
      isOverbooked: Type.Optional(
        Type.Boolean({ description: 'Put over another visit, or outside the rules, on purpose.' }),
      ),
      overbookedReason: Type.Optional(Type.String({ description: 'Why; for staff only.' })),
      staffNote: Type.Optional(Type.String({ description: 'For staff only.' })),
      createdAt: InstantText,
      doctor: Type.Object({ title: Type.Optional(Type.String()), ...Contact }),
      clinic: Type.Object({
        ...Contact,
        address: Type.Object({
          street: Type.Optional(Type.String()),
          postalCode: Type.Optional(Type.String()),
          city: Type.String(),
          country: Type.String(),
        }),
      }),
      patient: Type.Object(Contact),
      visitType: Type.Object({
        name: Type.String(),
        mode: Type.Enum(['in_person', 'video', 'phone']),
        videoLink: Type.Optional(Type.String()),
        instructions: Type.Optional(Type.String()),
      }),
      room: Type.Optional(Type.Object({ name: Type.String() })),
    },
    {
      examples: [
        {
          id: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
          status: 'confirmed',
          startsAt: '2026-11-24T10:40:00+01:00',
          endsAt: '2026-11-24T11:00:00+01:00',
          timeZone: 'Europe/Paris',
          doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          clinicId: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
          patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
          visitTypeId: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
          version: 1,
          sequence: 0,
          createdAt: '2026-11-20T14:05:09+01:00',
          doctor: { title: 'Dr.', name: 'Claire Moreau', phone: '+33 1 42 68 53 00' },
          clinic: {
            name: 'Clinique du Canal',
            phone: '+33 1 42 68 53 00',
            address: {
              street: '12 quai de Valmy',
              postalCode: '75010',
              city: 'Paris',
              country: 'FR',
            },
          },
          patient: {
            name: 'Anna Berg',
            phone: '+33 6 12 34 56 78',
            email: 'anna.berg@example.org',
          },
          visitType: { name: 'First consultation', mode: 'in_person' },
        },
      ],
    },
  ),
)
export type AppointmentAnswer = Static<typeof AppointmentSchema>

export const BookingConflictSchema = component(
  'BookingConflict',
  Type.Object(
    {
      ...ProblemSchema.properties,
      alternatives: Type.Optional(
        Type.Array(ref(SlotSchema), {
          description: 'With `slot-taken`: up to 3 nearest open times of the same doctor.',
        }),
      ),
      otherDoctors: Type.Optional(
        Type.Array(
          Type.Object({
            doctor: Type.Object({
              id: Id,
              title: Type.Optional(Type.String()),
              name: Type.String(),
            }),
            slot: ref(SlotSchema),
          }),
          {
            description:
              'With `slot-taken`: the nearest open time of up to 2 other doctors of the specialty.',
          },
        ),
      ),
    },
    {
      additionalProperties: true,
      description: 'Why a time could not be booked, and which ones can be instead.',
      examples: [
        {
          type: '/problems/slot-taken',
          title: 'The time is taken',
          status: 409,
          detail: 'This time is taken. Choose another one.',
          requestId: '019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8',
          alternatives: [slotExample],
          otherDoctors: [
            {
              doctor: {
                id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e20',
                title: 'Dr.',
                name: 'Jo Okafor',
              },
              slot: { ...slotExample, doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e20' },
            },
          ],
        },
      ],
    },
  ),
)

const OverbookingSchema = component(
  'Overbooking',
  Type.Object(
    { reason: Text(500) },
    {
      description:
        'For staff: take the time although it is taken, or outside of hours, notice and limits. The ' +
        "patient's own other visits are still in the way.",
      examples: [{ reason: 'Acute pain, Dr. Moreau agreed.' }],
    },
  ),
)

export const NewAppointmentSchema = component(
  'NewAppointment',
  Type.Object(
    {
      slotId: Type.Optional(
        Type.String({ minLength: 1, maxLength: 200, description: 'A slot as listed.' }),
      ),
      doctorId: Type.Optional({ ...Id, description: 'With `startsAt`, instead of `slotId`.' }),
      startsAt: Type.Optional({ ...InstantText, description: 'With any offset.' }),
      clinicId: Type.Optional({
        ...Id,
        description: 'Default: the clinic that has this time open.',
      }),
      visitTypeId: Type.Optional({ ...Id, description: "Default: the doctor's first visit type." }),
      patientId: Type.Optional({
        ...Id,
        description: "Default: the account's own record. Staff must name the patient.",
      }),
      reason: Type.Optional(Text(1000, { examples: ['Follow-up of the ECG in May.'] })),
      hold: Type.Optional(
        Type.Boolean({
          description:
            'Keep the time for 10 minutes instead of booking it; `confirm-hold` books it. A new hold ' +
            "replaces the patient's other one with the doctor, and so does a booking.",
        }),
      ),
      overbook: Type.Optional(ref(OverbookingSchema)),
    },
    {
      minProperties: 1,
      description: 'Either `slotId`, or `doctorId` and `startsAt`.',
      examples: [
        { slotId: 'AZm_Z5YScM-XtB1eG0o8TgGZv2eWEnDPl7QdXhtKPE8BmL9nlhJwz5e0HV4bSjxPAABp4uXI' },
        { doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17', startsAt: '2026-11-24T10:40:00+01:00' },
      ],
    },
  ),
)

/** Both sides read it. */
const StepReason = Text(500, {
  description:
    'Shown in the history, to the patient too; what is for staff alone is a `staffNote`.',
})

export const MoveSchema = component(
  'AppointmentMove',
  Type.Object(
    {
      slotId: Type.Optional(
        Type.String({ minLength: 1, maxLength: 200, description: 'A slot as listed.' }),
      ),
      doctorId: Type.Optional({ ...Id, description: 'Default: the same; others for staff.' }),
      startsAt: Type.Optional({ ...InstantText, description: 'With any offset.' }),
      clinicId: Type.Optional({
        ...Id,
        description: 'Default: the same; with another doctor, the clinic that has this time open.',
      }),
      visitTypeId: Type.Optional({ ...Id, description: 'Default: the same.' }),
      reason: Type.Optional(StepReason),
      overbook: Type.Optional(ref(OverbookingSchema)),
    },
    {
      minProperties: 1,
      description: 'Either `slotId`, or `startsAt`.',
      examples: [{ startsAt: '2026-11-25T09:20:00+01:00', reason: 'I have to work that day.' }],
    },
  ),
)

export const WalkInSchema = component(
  'WalkIn',
  Type.Object(
    {
      patientId: Id,
      doctorId: Id,
      clinicId: Type.Optional({ ...Id, description: "Default: the caller's." }),
      visitTypeId: Type.Optional({ ...Id, description: "Default: the doctor's first visit type." }),
      reason: Type.Optional(Text(1000)),
      overbook: Type.Optional(ref(OverbookingSchema)),
    },
    {
      examples: [
        {
          patientId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
          doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
        },
      ],
    },
  ),
)

export const DeclineSchema = component(
  'AppointmentDecline',
  Type.Object(
    {
      reason: Type.Optional(Text(500)),
      proposedSlotIds: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
          maxItems: 5,
          uniqueItems: true,
          description: 'Open times that the patient could have instead.',
        }),
      ),
    },
    { examples: [{ reason: 'I am in theatre that day.' }] },
  ),
)

export const AppointmentNoteSchema = component(
  'AppointmentNote',
  Type.Object(
    { staffNote: nullable(Text(2000)) },
    { examples: [{ staffNote: 'Needs the ground floor.' }] },
  ),
)

export const ConfirmHoldSchema = component(
  'HoldConfirmation',
  Type.Object(
    { reason: Type.Optional(Text(1000, { description: "The patient's own words." })) },
    { examples: [{ reason: 'Follow-up of the ECG in May.' }] },
  ),
)

const historyStepExample = {
  version: 2,
  at: '2026-11-20T14:05:09+01:00',
  command: 'reschedule',
  from: 'confirmed',
  to: 'confirmed',
  startsAt: '2026-11-25T09:20:00+01:00',
  endsAt: '2026-11-25T09:40:00+01:00',
  doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  clinicId: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
  visitTypeId: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
  by: { role: 'patient', name: 'Anna Berg' },
  reason: 'I have to work that day.',
}

const HistoryStepSchema = component(
  'AppointmentHistoryStep',
  Type.Object(
    {
      version: Type.Integer({ description: 'That the step led to.' }),
      at: InstantText,
      command: Type.String({ examples: ['book'] }),
      from: Type.Optional(ref(AppointmentStatusSchema)),
      to: ref(AppointmentStatusSchema),
      startsAt: InstantText,
      endsAt: InstantText,
      doctorId: Id,
      clinicId: Id,
      visitTypeId: Id,
      by: Type.Object({
        role: Type.Enum(['patient', 'doctor', 'front_desk', 'admin', 'system']),
        name: Type.Optional(Type.String()),
      }),
      reason: Type.Optional(Type.String()),
      overbooked: Type.Optional(Type.Boolean()),
      overbookedReason: Type.Optional(Type.String({ description: 'For staff only.' })),
    },
    {
      examples: [historyStepExample],
    },
  ),
)
export type HistoryStepAnswer = Static<typeof HistoryStepSchema>

export const HistorySchema = component(
  'AppointmentHistory',
  Type.Object(
    { items: Type.Array(ref(HistoryStepSchema), { description: 'Oldest first.' }) },
    { examples: [{ items: [historyStepExample] }] },
  ),
)

export const StepSchema = component(
  'AppointmentStep',
  Type.Object(
    { reason: Type.Optional(StepReason) },
    { examples: [{ reason: 'I have found an earlier time.' }] },
  ),
)

export const AppointmentsQuery = Type.Object({
  from: Type.Optional({ ...LocalDateText, description: 'Clinic-local date, inclusive.' }),
  to: Type.Optional({ ...LocalDateText, description: 'Clinic-local date, inclusive.' }),
  status: Type.Optional(
    Type.String({
      pattern: `^(${statuses.join('|')})(,(${statuses.join('|')}))*$`,
      description: 'One status, or several with commas between them.',
      examples: ['requested,confirmed'],
    }),
  ),
  doctorId: Type.Optional(Id),
  patientId: Type.Optional(Id),
  clinicId: Type.Optional(Id),
  ...PageQuery,
})

const idempotencyKey = Type.Optional(
  Type.String({
    description:
      'Makes it safe to send the request again: the same key with the same body to the same path gets ' +
      'the same answer for 24 hours. A key is of the account alone.',
    examples: ['"4d1c9a3e-2f6d"'],
  }),
)
const ifMatch = Type.Optional(
  Type.String({
    description: 'The ETag of the version that the change is based on; 412 when it has moved on.',
    examples: ['"1"'],
  }),
)

export const BookingHeaders = Type.Object({ 'idempotency-key': idempotencyKey })
export const StepHeaders = Type.Object({ 'idempotency-key': idempotencyKey, 'if-match': ifMatch })
export const IfMatchHeaders = Type.Object({ 'if-match': ifMatch })
