// The shapes of clinics, their closures and rooms on the wire.

import { Type, type Static } from 'typebox'
import {
  component,
  Email,
  Id,
  LocalDateText,
  MinuteText,
  nullable,
  PageQuery,
  PhoneText,
  Text,
  TimeZoneText,
} from '#src/http/schema.ts'

/** Headers of a change that may be refused when the record has moved on. */
export const ChangeHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      description: 'The ETag of the version that the change is based on; 412 when it has moved on.',
      examples: ['"3"'],
    }),
  ),
})

export const ClinicParams = Type.Object({ id: Id })
export const ClosureParams = Type.Object({ id: Id, closureId: Id })
export const RoomParams = Type.Object({ id: Id, roomId: Id })

export const Version = Type.Integer({
  minimum: 1,
  description: 'Raised by each change; see If-Match.',
})
export const clinicIdExample = '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003'

// ── Clinics ──────────────────────────────────────────────────────────────────────────────────────

const ClinicName = Text(120, { examples: ['Clinique du Canal'] })
const Street = Text(200, { examples: ['14 quai de Valmy'] })
const PostalCode = Text(20, { examples: ['75010'] })
const City = Text(100, { examples: ['Paris'] })
const Country = Text(100, { examples: ['France'] })
const ClinicTimeZone = {
  ...TimeZoneText,
  description: 'The IANA time zone that hours and dates at the clinic are meant in.',
}

const ChangeNotice = Type.Integer({
  minimum: 0,
  maximum: 525_600,
  description:
    'Until how many minutes before a visit patients move or cancel it by themselves; 0 until it begins.',
  examples: [1440],
})
const RequestLapses = Type.Integer({
  minimum: 15,
  maximum: 43_200,
  description: 'How many minutes a request waits for its answer, at most until the visit begins.',
  examples: [2880],
})

const ReminderMinutes = Type.Array(Type.Integer({ minimum: 15, maximum: 20_160 }), {
  maxItems: 4,
  uniqueItems: true,
  description:
    'How many minutes before a visit its patient is reminded, the earliest first; may be none.',
  examples: [[2880, 120]],
})
const MessagesClose = Type.Integer({
  minimum: 0,
  maximum: 365,
  description:
    'Until how many days after a visit patient and staff may write to each other about it; 0 for its own day.',
  examples: [14],
})

const Address = Type.Object({
  street: Type.Optional(Street),
  postalCode: Type.Optional(PostalCode),
  city: City,
  country: Country,
})

const newClinicExample = {
  name: 'Clinique du Canal',
  timeZone: 'Europe/Paris',
  address: { street: '14 quai de Valmy', postalCode: '75010', city: 'Paris', country: 'France' },
  phone: '+33 1 42 68 53 00',
  email: 'accueil@canal.example.org',
}

const newClinicFields = {
  name: ClinicName,
  timeZone: ClinicTimeZone,
  address: Address,
  phone: Type.Optional(PhoneText),
  email: Type.Optional(Email),
  changeNoticeMinutesMin: Type.Optional({ ...ChangeNotice, default: 0 }),
  requestLapsesMinutes: Type.Optional({ ...RequestLapses, default: 2880 }),
  reminderMinutes: Type.Optional({ ...ReminderMinutes, default: [2880, 120] }),
  messagesCloseDays: Type.Optional({ ...MessagesClose, default: 14 }),
}

export const ClinicSchema = component(
  'Clinic',
  Type.Object(
    {
      id: Id,
      ...newClinicFields,
      changeNoticeMinutesMin: ChangeNotice,
      requestLapsesMinutes: RequestLapses,
      reminderMinutes: ReminderMinutes,
      messagesCloseDays: MessagesClose,
      version: Version,
    },
    {
      description: 'A place where doctors see patients.',
      examples: [
        {
          id: clinicIdExample,
          ...newClinicExample,
          changeNoticeMinutesMin: 1440,
          requestLapsesMinutes: 2880,
          reminderMinutes: [2880, 120],
          messagesCloseDays: 14,
          version: 1,
        },
      ],
    },
  ),
)

export const NewClinicSchema = component(
  'NewClinic',
  Type.Object(newClinicFields, { examples: [newClinicExample] }),
)

export const ClinicChangeSchema = component(
  'ClinicChange',
  Type.Object(
    {
      name: Type.Optional(ClinicName),
      timeZone: Type.Optional(ClinicTimeZone),
      address: Type.Optional(
        Type.Object(
          {
            street: Type.Optional(nullable(Street)),
            postalCode: Type.Optional(nullable(PostalCode)),
            city: Type.Optional(City),
            country: Type.Optional(Country),
          },
          { minProperties: 1 },
        ),
      ),
      phone: Type.Optional(nullable(PhoneText)),
      email: Type.Optional(nullable(Email)),
      changeNoticeMinutesMin: Type.Optional(ChangeNotice),
      requestLapsesMinutes: Type.Optional(RequestLapses),
      reminderMinutes: Type.Optional(ReminderMinutes),
      messagesCloseDays: Type.Optional(MessagesClose),
    },
    {
      minProperties: 1,
      description:
        'The fields to change; null takes an optional one away. The front desk changes phone and e-mail alone.',
      examples: [{ phone: '+33 1 42 68 53 01', address: { street: null } }],
    },
  ),
)

export const ClinicsQuery = Type.Object({
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: "Part of the clinic's name or city, in any case.",
      examples: ['canal'],
    }),
  ),
  city: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'The whole name of the city, in any case.',
      examples: ['Paris'],
    }),
  ),
  ...PageQuery,
})

// ── Closures ─────────────────────────────────────────────────────────────────────────────────────

const closureFields = {
  startsOn: { ...LocalDateText, description: 'The first date that is closed, at the clinic.' },
  endsOn: { ...LocalDateText, description: 'The last date that is closed, inclusive.' },
  from: Type.Optional({
    ...MinuteText,
    description: 'When it begins on the first date; the whole day when absent.',
  }),
  to: Type.Optional({
    ...MinuteText,
    description: 'When it ends on the last date; the whole day when absent.',
  }),
  name: Text(200, { examples: ['Christmas'] }),
}
const closureExample = {
  startsOn: '2026-12-24',
  endsOn: '2026-12-26',
  from: '12:00',
  name: 'Christmas',
}

export const ClosureSchema = component(
  'Closure',
  Type.Object(
    { id: Id, clinicId: Id, ...closureFields },
    {
      description: 'A time in which a clinic is closed and nothing can be booked there.',
      examples: [
        {
          id: '019a9b5e-5d10-7b3a-8e44-90b1c2d3e4f5',
          clinicId: clinicIdExample,
          ...closureExample,
        },
      ],
    },
  ),
)

export const NewClosureSchema = component(
  'NewClosure',
  Type.Object(closureFields, { examples: [closureExample] }),
)

export const ClosuresQuery = Type.Object({
  from: Type.Optional({
    ...LocalDateText,
    description: 'Only closures that reach this date or a later one.',
  }),
  to: Type.Optional({
    ...LocalDateText,
    description: 'Only closures that begin on this date or an earlier one.',
  }),
  ...PageQuery,
})

export const HolidayImportSchema = component(
  'HolidayImport',
  Type.Object(
    {
      imported: Type.Integer({
        description: 'How many closures were added, or changed because the file has.',
      }),
      unchanged: Type.Integer({
        description: 'How many were there already, from this file or an earlier one.',
      }),
      skipped: Type.Array(Type.Object({ summary: Type.String(), reason: Type.String() }), {
        description: 'The events that were left out, or taken in part, and why.',
      }),
    },
    {
      examples: [
        {
          imported: 11,
          unchanged: 0,
          skipped: [{ summary: 'Summer party', reason: 'is cancelled' }],
        },
      ],
    },
  ),
)

// ── Rooms ────────────────────────────────────────────────────────────────────────────────────────

const RoomName = Text(120, { examples: ['Room 3'] })
export const RoomKind = Text(60, { examples: ['ultrasound'] })

export const RoomSchema = component(
  'Room',
  Type.Object(
    { id: Id, name: RoomName, kind: RoomKind },
    {
      description: 'A room or a device that one visit at a time can use.',
      examples: [
        { id: '019a9b5e-6e21-7c05-a1d9-3b4c5d6e7f80', name: 'Room 3', kind: 'ultrasound' },
      ],
    },
  ),
)

export const NewRoomSchema = component(
  'NewRoom',
  Type.Object(
    { name: RoomName, kind: RoomKind },
    {
      description: 'Visit types that name this `kind` as their `roomKind` need such a room.',
      examples: [{ name: 'Room 3', kind: 'ultrasound' }],
    },
  ),
)

export type NewClinic = Static<typeof NewClinicSchema>
export type ClinicChange = Static<typeof ClinicChangeSchema>
export type ClinicAnswer = Static<typeof ClinicSchema>
export type NewClosure = Static<typeof NewClosureSchema>
export type ClosureAnswer = Static<typeof ClosureSchema>
export type HolidayImport = Static<typeof HolidayImportSchema>
export type NewRoom = Static<typeof NewRoomSchema>
export type RoomAnswer = Static<typeof RoomSchema>
