// The shapes of doctors and specialties on the wire.

import { Type, type Static } from 'typebox'
import {
  component,
  Email,
  Id,
  nullable,
  PersonName,
  PhoneText,
  ref,
  Text,
} from '#src/http/schema.ts'

/** A doctor's id, or `me` for the caller's own profile. */
export const DoctorKey = Type.String({
  pattern: '^(?:me|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$',
  description: "A doctor's id, or `me` for the profile of the doctor who is signed in.",
  examples: ['019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'],
})

export const DoctorParams = Type.Object({ id: DoctorKey })
export const SpecialtyParams = Type.Object({ id: Id })

const SpecialtyCode = Type.String({
  pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$',
  maxLength: 60,
  description: 'Lower-case words joined by hyphens; stable, for addresses and filters.',
  examples: ['cardiology'],
})
const SpecialtyName = Text(120, { examples: ['Cardiology'] })

const specialtyExample = {
  id: '019a9b5e-3a10-7c44-8f21-6d2b9e0c7a51',
  code: 'cardiology',
  name: 'Cardiology',
}

export const SpecialtySchema = component(
  'Specialty',
  Type.Object(
    { id: Id, code: SpecialtyCode, name: SpecialtyName },
    { description: 'A field of medicine that patients search by.', examples: [specialtyExample] },
  ),
)

export const NewSpecialtySchema = component(
  'NewSpecialty',
  Type.Object(
    { code: Type.Optional(SpecialtyCode), name: SpecialtyName },
    { examples: [{ name: 'Cardiology' }] },
  ),
)

export const SpecialtyChangeSchema = component(
  'SpecialtyChange',
  Type.Object(
    { code: Type.Optional(SpecialtyCode), name: Type.Optional(SpecialtyName) },
    { minProperties: 1, examples: [{ name: 'Cardiology and angiology' }] },
  ),
)

const DoctorClinicSchema = component(
  'DoctorClinic',
  Type.Object(
    { id: Id, name: Type.String(), city: Type.String(), timeZone: Type.String() },
    {
      description: 'A clinic that a doctor works at.',
      examples: [
        {
          id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
          name: 'Clinique du Canal',
          city: 'Paris',
          timeZone: 'Europe/Paris',
        },
      ],
    },
  ),
)

const DoctorVisitTypeSchema = component(
  'DoctorVisitType',
  Type.Object(
    {
      id: Id,
      name: Type.String(),
      durationMinutes: Type.Integer(),
      mode: Type.Enum(['in_person', 'video', 'phone']),
    },
    {
      description: 'A kind of visit that a doctor offers.',
      examples: [
        {
          id: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
          name: 'First consultation',
          durationMinutes: 30,
          mode: 'in_person',
        },
      ],
    },
  ),
)

const Title = Text(40, { examples: ['Dr.'] })
const Designation = Text(120, { examples: ['Senior consultant'] })
const Bio = Text(4000, { examples: ['Heart rhythm and prevention, in Paris since 2011.'] })
const Languages = Type.Array(
  Type.String({ minLength: 2, maxLength: 35, description: 'A BCP 47 tag.', examples: ['fr'] }),
  { maxItems: 30, description: 'Languages the doctor speaks with patients, as BCP 47 tags.' },
)
const Status = Type.Enum(['bookable', 'paused'], {
  description: 'A paused doctor is listed and has no open times.',
})
const ShownStatus = Type.Enum(['bookable', 'paused', 'left'], {
  description:
    'A paused doctor is listed and has no open times; one who left is shown to admins alone.',
})
const BookingMode = Type.Enum(['instant', 'on_request'], {
  description: 'Whether a booking is confirmed at once or waits for the doctor.',
})
const NoticeMinutesMin = Type.Integer({
  minimum: 0,
  maximum: 525_600,
  description: 'How many minutes ahead a visit must be booked at least.',
  examples: [60],
})
const HorizonDays = Type.Integer({
  minimum: 1,
  maximum: 730,
  description: 'How many days ahead visits can be booked at most.',
  examples: [90],
})
const DailyLimit = Type.Integer({
  minimum: 1,
  maximum: 500,
  description: 'How many visits a day at most; no limit when absent.',
  examples: [16],
})

function idsOf(what: string, idsMax: number) {
  return Type.Array(Id, { maxItems: idsMax, uniqueItems: true, description: what })
}

export const doctorExample = {
  id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  title: 'Dr.',
  name: 'Claire Moreau',
  designation: 'Senior consultant',
  specialties: [specialtyExample],
  languages: ['fr', 'en'],
  phone: '+33 1 42 68 53 00',
  email: 'claire.moreau@example.org',
  bio: 'Heart rhythm and prevention, in Paris since 2011.',
  clinics: [
    {
      id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003',
      name: 'Clinique du Canal',
      city: 'Paris',
      timeZone: 'Europe/Paris',
    },
  ],
  visitTypes: [
    {
      id: '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215',
      name: 'First consultation',
      durationMinutes: 30,
      mode: 'in_person',
    },
  ],
  acceptingNewPatients: true,
  status: 'bookable',
  bookingMode: 'instant',
  noticeMinutesMin: 60,
  horizonDays: 90,
  dailyLimit: 16,
  version: 3,
}

export const DoctorSchema = component(
  'Doctor',
  Type.Object(
    {
      id: Id,
      title: Type.Optional(Title),
      name: PersonName,
      designation: Type.Optional(Designation),
      specialties: Type.Array(ref(SpecialtySchema)),
      languages: Languages,
      phone: Type.Optional(PhoneText),
      email: Type.Optional(Email),
      bio: Type.Optional(Bio),
      clinics: Type.Array(ref(DoctorClinicSchema)),
      visitTypes: Type.Array(ref(DoctorVisitTypeSchema)),
      acceptingNewPatients: Type.Boolean(),
      status: ShownStatus,
      bookingMode: BookingMode,
      noticeMinutesMin: NoticeMinutesMin,
      horizonDays: HorizonDays,
      dailyLimit: Type.Optional(DailyLimit),
      accountId: Type.Optional({
        ...Id,
        description: 'Whose profile it is; shown to admins alone, absent when it has no account.',
      }),
      version: Type.Integer({ minimum: 1, description: 'Raised by each change; see If-Match.' }),
    },
    { description: "A doctor's public profile.", examples: [doctorExample] },
  ),
)

const settings = {
  languages: Type.Optional(Languages),
  acceptingNewPatients: Type.Optional(Type.Boolean()),
  status: Type.Optional(Status),
  bookingMode: Type.Optional(BookingMode),
  noticeMinutesMin: Type.Optional(NoticeMinutesMin),
  horizonDays: Type.Optional(HorizonDays),
  specialtyIds: Type.Optional(idsOf('The specialties the doctor has.', 50)),
  clinicIds: Type.Optional(idsOf('The clinics the doctor works at.', 100)),
  visitTypeIds: Type.Optional(
    idsOf(
      "The visit types the doctor offers: the network's or those of the doctor's clinics.",
      100,
    ),
  ),
}

export const NewDoctorSchema = component(
  'NewDoctor',
  Type.Object(
    {
      title: Type.Optional(Title),
      name: PersonName,
      designation: Type.Optional(Designation),
      phone: Type.Optional(PhoneText),
      email: Type.Optional(Email),
      bio: Type.Optional(Bio),
      dailyLimit: Type.Optional(DailyLimit),
      ...settings,
    },
    {
      description: 'A new profile. Lists that are left out are empty.',
      examples: [
        {
          title: 'Dr.',
          name: 'Claire Moreau',
          specialtyIds: ['019a9b5e-3a10-7c44-8f21-6d2b9e0c7a51'],
          clinicIds: ['019a9b5e-2b04-7e90-b3d2-51c8a7f6e003'],
          visitTypeIds: ['019a9b5e-2f77-7a35-9c0e-0b44d1e8f215'],
          languages: ['fr', 'en'],
        },
      ],
    },
  ),
)

export const DoctorChangeSchema = component(
  'DoctorChange',
  Type.Object(
    {
      title: Type.Optional(nullable(Title)),
      name: Type.Optional(PersonName),
      designation: Type.Optional(nullable(Designation)),
      phone: Type.Optional(nullable(PhoneText)),
      email: Type.Optional(nullable(Email)),
      bio: Type.Optional(nullable(Bio)),
      dailyLimit: Type.Optional(nullable(DailyLimit)),
      ...settings,
    },
    {
      minProperties: 1,
      description:
        'The fields to change; null takes an optional one away, a list replaces the whole list.',
      examples: [{ status: 'paused', dailyLimit: null }],
    },
  ),
)

export type NewDoctor = Static<typeof NewDoctorSchema>
export type DoctorChange = Static<typeof DoctorChangeSchema>
export type DoctorAnswer = Static<typeof DoctorSchema>
