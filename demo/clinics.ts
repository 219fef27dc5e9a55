// The places of the demo and what is done there. Nothing of it exists: the addresses are made up,
// the telephone numbers come from the ranges that are kept free for films, the e-mail addresses from
// a domain that nobody can have.

import type { BookingMode, VisitMode, WhoMayBook } from '#src/db/tables.ts'

export type ClinicKey = 'berlin' | 'hamburg' | 'montreal'

/** The first date with this ISO weekday at least so many days from today. */
export interface ComingDay {
  weekday: number
  daysMin: number
}

export interface DemoClinic {
  name: string
  timeZone: string
  street: string
  postalCode: string
  city: string
  country: string
  phone: string
  email: string
  /** Until how many hours before a visit patients change it by themselves. */
  changeNoticeHours: number
  rooms: { name: string; kind: string }[]
  /** Every year on this 'MM-DD', from `from` ('HH:MM') on where it is not the whole day. */
  holidays: { day: string; name: string; from?: string }[]
  closures: (ComingDay & { name: string; from?: string })[]
}

const germanHolidays = [
  { day: '01-01', name: 'Neujahr' },
  { day: '05-01', name: 'Tag der Arbeit' },
  { day: '10-03', name: 'Tag der Deutschen Einheit' },
  { day: '12-24', name: 'Heiligabend', from: '12:00' },
  { day: '12-25', name: 'Erster Weihnachtstag' },
  { day: '12-26', name: 'Zweiter Weihnachtstag' },
  { day: '12-31', name: 'Silvester', from: '12:00' },
]

export const clinics: Record<ClinicKey, DemoClinic> = {
  berlin: {
    name: 'Praxisklinik Lindenhof',
    timeZone: 'Europe/Berlin',
    street: 'Musterallee 12',
    postalCode: '10000',
    city: 'Berlin',
    country: 'Germany',
    phone: '+49 30 23125 100',
    email: 'empfang@lindenhof.example.org',
    changeNoticeHours: 4,
    rooms: [
      { name: 'Ultrasound 1', kind: 'ultrasound' },
      { name: 'Ultrasound 2', kind: 'ultrasound' },
      { name: 'Stress lab', kind: 'stress-test' },
      { name: 'Treatment room', kind: 'procedure' },
    ],
    holidays: [...germanHolidays, { day: '03-08', name: 'Internationaler Frauentag' }],
    closures: [{ weekday: 3, daysMin: 5, from: '13:00', name: 'Team training' }],
  },
  hamburg: {
    name: 'Poliklinik am Fleet',
    timeZone: 'Europe/Berlin',
    street: 'Beispielufer 7',
    postalCode: '20000',
    city: 'Hamburg',
    country: 'Germany',
    phone: '+49 40 66969 200',
    email: 'empfang@fleet.example.org',
    changeNoticeHours: 0,
    rooms: [
      { name: 'Sonografie', kind: 'ultrasound' },
      { name: 'Eingriffsraum', kind: 'procedure' },
    ],
    holidays: [...germanHolidays, { day: '10-31', name: 'Reformationstag' }],
    closures: [],
  },
  montreal: {
    name: 'Clinique du Belvédère',
    timeZone: 'America/Toronto',
    street: '100, rue de l’Exemple',
    postalCode: 'H0H 0H0',
    city: 'Montréal',
    country: 'Canada',
    phone: '+1 514-555-0100',
    email: 'accueil@belvedere.example.org',
    changeNoticeHours: 24,
    rooms: [
      { name: 'Échographie', kind: 'ultrasound' },
      { name: 'Salle d’intervention', kind: 'procedure' },
    ],
    holidays: [
      { day: '01-01', name: 'Jour de l’An' },
      { day: '06-24', name: 'Fête nationale du Québec' },
      { day: '07-01', name: 'Fête du Canada' },
      { day: '12-25', name: 'Noël' },
      { day: '12-26', name: 'Lendemain de Noël' },
    ],
    closures: [{ weekday: 5, daysMin: 16, name: 'Entretien du bâtiment' }],
  },
}

export const specialties = {
  'general-practice': 'General practice',
  cardiology: 'Cardiology',
  dermatology: 'Dermatology',
  'ear-nose-throat': 'Ear, nose and throat',
  gynaecology: 'Gynaecology',
  neurology: 'Neurology',
  ophthalmology: 'Ophthalmology',
  orthopaedics: 'Orthopaedics',
  paediatrics: 'Paediatrics',
  psychotherapy: 'Psychotherapy',
}

export type SpecialtyCode = keyof typeof specialties

export interface DemoVisitType {
  name: string
  /** The whole network's when absent. */
  clinic?: ClinicKey
  minutes: number
  before?: number
  after?: number
  step?: number
  mode?: VisitMode
  videoLink?: string
  instructions?: string
  whoMayBook?: WhoMayBook
  bookingMode?: BookingMode
  roomKind?: string
  /** How often it is booked, beside the others of a doctor. */
  demand: number
}

/** In this order: of the ones that a doctor offers, the first is booked when none is named. */
export const visitTypes = {
  consultation: {
    name: 'Consultation',
    minutes: 25,
    after: 5,
    instructions: 'Please bring your insurance card and a list of the medicines you take.',
    demand: 5,
  },
  childCheck: {
    name: 'Child check-up',
    minutes: 30,
    after: 5,
    instructions: 'Please bring the vaccination record and the favourite toy.',
    demand: 5,
  },
  session: {
    name: 'Therapy session',
    minutes: 50,
    after: 10,
    bookingMode: 'on_request',
    demand: 5,
  },
  followUp: { name: 'Follow-up', minutes: 15, whoMayBook: 'existing_patients', demand: 4 },
  vaccination: { name: 'Vaccination', minutes: 10, demand: 2 },
  ultrasound: {
    name: 'Ultrasound scan',
    minutes: 30,
    before: 5,
    after: 10,
    roomKind: 'ultrasound',
    instructions: 'Please come with an empty stomach: nothing to eat for six hours before.',
    demand: 2,
  },
  stressTest: {
    name: 'Exercise ECG',
    clinic: 'berlin',
    minutes: 40,
    before: 10,
    after: 10,
    step: 30,
    roomKind: 'stress-test',
    instructions: 'Sports shoes, a towel and something to drink. No coffee on that day.',
    demand: 2,
  },
  procedure: {
    name: 'Minor procedure',
    minutes: 45,
    before: 10,
    after: 15,
    bookingMode: 'on_request',
    roomKind: 'procedure',
    instructions: 'Please have someone bring you home.',
    demand: 1,
  },
  video: {
    name: 'Video consultation',
    minutes: 20,
    mode: 'video',
    videoLink: 'https://video.example.org/visita-demo',
    instructions: 'Open the link five minutes early, in a quiet and well-lit place.',
    demand: 2,
  },
  phone: {
    name: 'Phone call',
    minutes: 10,
    after: 5,
    mode: 'phone',
    instructions: 'We call the number of your record.',
    demand: 1,
  },
  acute: { name: 'Acute visit', minutes: 10, whoMayBook: 'staff', demand: 1 },
} as const satisfies Record<string, DemoVisitType>

export type VisitTypeKey = keyof typeof visitTypes
