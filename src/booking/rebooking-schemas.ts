// The shapes of a rebooking on the wire.

import { Type, type Static } from 'typebox'
import { slotExample, SlotSchema } from '#src/availability/schemas.ts'
import {
  component,
  Id,
  InstantText,
  LocalDateText,
  nullable,
  ref,
  Text,
  TimeZoneText,
} from '#src/http/schema.ts'
import { statuses } from './appointment-state.ts'
import { unplacedReasons } from './rebooking-plan.ts'
import { AppointmentSchema } from './schemas.ts'

/** How a move ended: made, or the code of what refused it. */
export const outcomes = [
  'moved',
  'slot-taken',
  'patient-busy',
  'not-offered',
  'stale-version',
  'wrong-state',
  'too-late',
  'not-found',
  'not-allowed',
  'idempotency-key-reused',
  'busy',
] as const

/** As many visits as one plan has, and as one request moves. */
export const visitsMax = 200

const appointmentId = '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f'
const colleagueSlot = { ...slotExample, doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e20' }

const MoveOfVisitSchema = component(
  'RebookingMove',
  Type.Object(
    {
      appointmentId: Id,
      version: Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description: 'Of the plan: a visit that was changed since then is not moved.',
      }),
      slotId: Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Of the plan, or another.',
      }),
    },
    { examples: [{ appointmentId, version: 1, slotId: slotExample.id }] },
  ),
)

export const NewRebookingSchema = component(
  'NewRebooking',
  Type.Object(
    {
      timeOffId: Type.Optional({
        ...Id,
        description: 'Plan the visits that overlap this time off.',
      }),
      from: Type.Optional({ ...InstantText, description: 'With `to`: plan those in between.' }),
      to: Type.Optional(InstantText),
      appointmentIds: Type.Optional(
        Type.Array(Id, {
          minItems: 1,
          maxItems: visitsMax,
          uniqueItems: true,
          description: 'Plan these visits of the doctor.',
        }),
      ),
      doctors: Type.Optional(
        Type.Enum(['same', 'any'], {
          description:
            'Whether other doctors of the specialty may have the visits too; default `any`.',
          examples: ['any'],
        }),
      ),
      until: Type.Optional({
        ...LocalDateText,
        description: 'The last clinic-local date to look at; default 28 days after the last visit.',
      }),
      apply: Type.Optional(
        Type.Object(
          {
            moves: Type.Array(ref(MoveOfVisitSchema), { minItems: 1, maxItems: visitsMax }),
          },
          { description: 'Make these moves; nothing is planned then.' },
        ),
      ),
      reason: Type.Optional(
        Text(500, {
          description: 'Why the visits are moved; the patients see it.',
          examples: ['Dr. Moreau is ill.'],
        }),
      ),
    },
    {
      minProperties: 1,
      description:
        'To preview: one of `timeOffId`, `from` with `to`, and `appointmentIds`. To make the moves: ' +
        '`apply`.',
      examples: [
        { timeOffId: '019a9b5e-5a92-7f08-b1c7-3e5d80a4c962' },
        {
          apply: { moves: [{ appointmentId, version: 1, slotId: slotExample.id }] },
          reason: 'Dr. Moreau is ill.',
        },
      ],
    },
  ),
)
export type RebookingWish = Static<typeof NewRebookingSchema>
export type MoveOfVisit = Static<typeof MoveOfVisitSchema>

const PlannedVisitSchema = component(
  'RebookingProposal',
  Type.Object(
    {
      appointment: Type.Object({
        id: Id,
        version: Type.Integer({ description: 'To be given back with the move.' }),
        status: Type.Enum([...statuses]),
        startsAt: InstantText,
        endsAt: InstantText,
        timeZone: TimeZoneText,
        doctorId: Id,
        clinicId: Id,
        visitTypeId: Id,
        patient: Type.Object({
          id: Id,
          name: Type.String(),
          phone: Type.Optional(Type.String()),
          email: Type.Optional(Type.String()),
        }),
      }),
      proposed: nullable(SlotSchema),
      alternatives: Type.Array(ref(SlotSchema), {
        description: 'Up to 3 more, nearest first. No other visit is proposed one of them.',
      }),
      reason: Type.Optional(
        Type.Enum([...unplacedReasons, 'wrong-state'], {
          description:
            'Why nothing is proposed: nobody who may have the visit offers its type, there is no ' +
            'open time until then, each one is proposed to another visit or overlaps another of ' +
            'the patient, or the visit cannot be moved as it is.',
        }),
      ),
    },
    {
      description: 'A visit that is to be moved, and the nearest time for it.',
      examples: [
        {
          appointment: {
            id: appointmentId,
            version: 1,
            status: 'confirmed',
            startsAt: '2026-11-24T10:20:00+01:00',
            endsAt: '2026-11-24T10:40:00+01:00',
            timeZone: 'Europe/Paris',
            doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
            clinicId: slotExample.clinicId,
            visitTypeId: slotExample.visitTypeId,
            patient: {
              id: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
              name: 'Anna Berg',
              phone: '+33 6 12 34 56 78',
            },
          },
          proposed: colleagueSlot,
          alternatives: [],
        },
      ],
    },
  ),
)
export type PlannedVisitAnswer = Static<typeof PlannedVisitSchema>

const MoveResultSchema = component(
  'RebookingResult',
  Type.Object(
    {
      appointmentId: Id,
      outcome: Type.Enum([...outcomes], {
        description: 'Anything but `moved` left the visit as it was.',
        examples: ['moved'],
      }),
      detail: Type.Optional(Type.String({ description: 'Why it was not moved.' })),
      appointment: Type.Optional(ref(AppointmentSchema)),
      alternatives: Type.Optional(
        Type.Array(ref(SlotSchema), {
          description: 'With `slot-taken`: up to 3 nearest open times of the same doctor.',
        }),
      ),
    },
    {
      description: 'What became of a move. `appointment` is there when it was made.',
      examples: [
        {
          appointmentId,
          outcome: 'slot-taken',
          detail: 'This time is taken. Choose another one.',
          alternatives: [colleagueSlot],
        },
      ],
    },
  ),
)
export type MoveResultAnswer = Static<typeof MoveResultSchema>

export const RebookingSchema = component(
  'Rebooking',
  Type.Object(
    {
      plan: Type.Optional(
        Type.Array(ref(PlannedVisitSchema), {
          description: 'Without `apply`: soonest first, at most 200.',
        }),
      ),
      hasMore: Type.Optional(
        Type.Boolean({
          description: `Whether there are further visits than the ${visitsMax} that were planned.`,
        }),
      ),
      unplaced: Type.Optional(
        Type.Integer({ description: 'How many visits of the plan have no proposal.' }),
      ),
      results: Type.Optional(
        Type.Array(ref(MoveResultSchema), {
          description: 'With `apply`: of each move, in the order of the request.',
        }),
      ),
      moved: Type.Optional(Type.Integer({ description: 'How many moves were made.' })),
      remaining: Type.Optional(Type.Integer({ description: 'How many moves were not made.' })),
    },
    {
      description: 'A plan that changed nothing, or with `apply` what became of its moves.',
      examples: [{ plan: [], unplaced: 0, hasMore: false }],
    },
  ),
)
export type RebookingAnswer = Static<typeof RebookingSchema>
