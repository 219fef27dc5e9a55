// The shapes of links in mails on the wire.

import { Type, type Static } from 'typebox'
import { SlotSchema, slotExample } from '#src/availability/schemas.ts'
import { statuses } from '#src/booking/appointment-state.ts'
import {
  component,
  InstantText,
  LocalDateText,
  nullable,
  ref,
  TimeZoneText,
} from '#src/http/schema.ts'
import { visitPurposes } from './address.ts'

const tokenExample = 'view.AZ-rQxEQcbObQv4a0kV1hgkQ5cYb8m2Zt9sXn0LrWf3DqJvE7hUoPiKyTgBaVxMwHs_c'

const token = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'What stands after the # of the link.',
  examples: [tokenExample],
})

const version = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 2_147_483_647,
    description:
      'Of the visit as it was shown. If it has changed since, the answer is stale-version; the same ' +
      'request with the same version is answered once.',
    examples: [3],
  }),
)

export const LinkSchema = component(
  'Link',
  Type.Object({ token }, { examples: [{ token: tokenExample }] }),
)

export const LinkCancellationSchema = component(
  'LinkCancellation',
  Type.Object({ token, version }, { examples: [{ token: tokenExample, version: 3 }] }),
)

export const LinkConfirmationSchema = component(
  'LinkConfirmation',
  Type.Object({ token, version }, { examples: [{ token: tokenExample, version: 3 }] }),
)

export const LinkMoveSchema = component(
  'LinkMove',
  Type.Object(
    {
      token,
      slotId: Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'One of the open times.',
        examples: [slotExample.id],
      }),
      version,
    },
    { examples: [{ token: tokenExample, slotId: slotExample.id, version: 3 }] },
  ),
)

export const LinkOfferAnswerSchema = component(
  'LinkOfferAnswer',
  Type.Object(
    { token, answer: Type.Enum(['take', 'refuse']) },
    { examples: [{ token: tokenExample, answer: 'take' }] },
  ),
)

export const LinkOpenTimesQuerySchema = component(
  'LinkOpenTimesQuery',
  Type.Object(
    {
      token,
      from: Type.Optional({ ...LocalDateText, description: 'By default today at the clinic.' }),
    },
    { examples: [{ token: tokenExample, from: '2026-11-24' }] },
  ),
)

export const LinkOpenTimesSchema = component(
  'LinkOpenTimes',
  Type.Object(
    {
      days: Type.Array(Type.Object({ date: LocalDateText, slots: Type.Array(ref(SlotSchema)) }), {
        description:
          'Fourteen days, those without an open time too; none from a date that cannot be booked yet.',
      }),
      nextOpenDate: {
        ...nullable(LocalDateText),
        description: 'The next date after them that has an open time.',
      },
    },
    {
      examples: [
        { days: [{ date: '2026-11-24', slots: [slotExample] }], nextOpenDate: '2026-12-08' },
      ],
    },
  ),
)

export const LinkedVisitSchema = component(
  'LinkedVisit',
  Type.Object(
    {
      purpose: Type.Enum([...visitPurposes], { description: 'The one thing that the link does.' }),
      expiresAt: { ...InstantText, description: 'Until when it does.' },
      canConfirm: Type.Optional(
        Type.Boolean({
          description:
            'With `confirm`: whether the visit still takes place at the time asked about.',
        }),
      ),
      confirmedAt: Type.Optional({
        ...InstantText,
        description: 'With `confirm`: when the patient said that they will come then.',
      }),
      offer: Type.Optional(
        Type.Object(
          {
            status: Type.Enum(['open', 'taken', 'refused']),
            heldUntil: InstantText,
            insteadOf: Type.Optional({
              ...InstantText,
              description: 'When the visit begins that would be moved to the offered time.',
            }),
          },
          { description: 'With `offer`: the appointment is the offered time.' },
        ),
      ),
      appointment: Type.Object({
        status: Type.Enum([...statuses]),
        version: Type.Integer(),
        startsAt: InstantText,
        endsAt: InstantText,
        timeZone: TimeZoneText,
        mode: Type.Enum(['in_person', 'video', 'phone']),
        doctor: Type.Object({ title: Type.Optional(Type.String()), name: Type.String() }),
        clinic: Type.Object({
          name: Type.String(),
          phone: Type.Optional(Type.String()),
          address: Type.Object({
            street: Type.Optional(Type.String()),
            postalCode: Type.Optional(Type.String()),
            city: Type.String(),
            country: Type.String(),
          }),
        }),
        patient: Type.Object({ firstName: Type.String() }),
        changeableUntil: Type.Optional({
          ...InstantText,
          description: 'Until when the patient may move or cancel without calling the clinic.',
        }),
        canCancel: Type.Boolean({ description: 'Whether the patient may still cancel it.' }),
        canMove: Type.Boolean({ description: 'Whether the patient may still move it.' }),
      }),
    },
    {
      description:
        'A visit as far as a link in a mail shows it: who, where and when. Never why, and of the patient ' +
        'the first name alone.',
      examples: [
        {
          purpose: 'cancel',
          expiresAt: '2026-11-24T10:40:00+01:00',
          appointment: {
            status: 'confirmed',
            version: 3,
            startsAt: '2026-11-24T10:40:00+01:00',
            endsAt: '2026-11-24T11:00:00+01:00',
            timeZone: 'Europe/Paris',
            mode: 'in_person',
            doctor: { title: 'Dr.', name: 'Claire Moreau' },
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
            patient: { firstName: 'Anna' },
            changeableUntil: '2026-11-23T10:40:00+01:00',
            canCancel: true,
            canMove: true,
          },
        },
      ],
    },
  ),
)
export type LinkedVisitAnswer = Static<typeof LinkedVisitSchema>
