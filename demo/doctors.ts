// The 24 doctors of the demo, each different in a way that somebody will ask about.

import type { BookingMode } from '#src/db/tables.ts'
import type { ClinicKey, ComingDay, SpecialtyCode, VisitTypeKey } from './clinics.ts'

export interface DemoHours {
  clinic: ClinicKey
  /** ISO 8601: 1 is Monday. */
  weekdays: number[]
  from: string
  to: string
  visitTypes?: VisitTypeKey[]
  /** Whether they end with this month, or begin with the next. */
  valid?: 'until-month-ends' | 'from-next-month'
}

export interface DemoDoctor {
  title?: string
  name: string
  designation?: string
  specialties: SpecialtyCode[]
  languages: string[]
  bio?: string
  /** Where it cannot be made of the name. */
  email?: string
  hours: DemoHours[]
  visitTypes: VisitTypeKey[]
  openings?: (ComingDay & {
    clinic: ClinicKey
    from: string
    to: string
    visitTypes?: VisitTypeKey[]
  })[]
  /** In days from today, both included. */
  timeOff?: { firstDay: number; lastDay: number; note: string }[]
  /** How much of the time is booked at the busiest, 0 to 1. */
  demand: number
  acceptingNewPatients?: false
  status?: 'paused'
  bookingMode?: BookingMode
  noticeMinutes?: number
  horizonDays?: number
  dailyLimit?: number
}

const weekdays = [1, 2, 3, 4, 5]
const dr = 'Dr. med.'

const berlin: DemoDoctor[] = [
  {
    title: dr,
    name: 'Amira Haddad',
    designation: 'Senior consultant',
    specialties: ['cardiology'],
    languages: ['de', 'ar', 'en', 'fr'],
    bio: 'Heart rhythm and prevention. Video visits on Wednesday evenings for those who work.',
    hours: [
      { clinic: 'berlin', weekdays, from: '08:00', to: '12:30' },
      { clinic: 'berlin', weekdays: [1, 2, 4], from: '14:00', to: '17:00' },
      { clinic: 'berlin', weekdays: [3], from: '18:00', to: '20:00', visitTypes: ['video'] },
    ],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'stressTest', 'video', 'acute'],
    demand: 0.75,
  },
  {
    title: dr,
    name: 'Johannes Oehlenschläger',
    specialties: ['cardiology'],
    languages: ['de', 'da', 'en'],
    bio: 'In Berlin at the beginning of the week, in Hamburg at its end.',
    hours: [
      { clinic: 'berlin', weekdays: [1, 2], from: '08:30', to: '16:00' },
      { clinic: 'hamburg', weekdays: [4, 5], from: '09:00', to: '15:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'stressTest'],
    demand: 0.6,
  },
  {
    title: 'Prof. Dr. med.',
    name: 'Ljudmyla Kowaltschuk',
    designation: 'Head of neurology',
    specialties: ['neurology'],
    languages: ['de', 'uk', 'ru'],
    bio: 'Headache and movement disorders. Answers each request in person, within two days.',
    hours: [{ clinic: 'berlin', weekdays: [2, 4], from: '09:00', to: '14:00' }],
    visitTypes: ['consultation', 'followUp'],
    bookingMode: 'on_request',
    noticeMinutes: 2880,
    demand: 0.6,
  },
  {
    title: dr,
    name: 'Jürgen Weiß',
    specialties: ['general-practice'],
    languages: ['de'],
    bio: 'Takes his time: at most eight visits a day.',
    hours: [{ clinic: 'berlin', weekdays: [1, 2, 3, 4], from: '09:00', to: '16:00' }],
    visitTypes: ['consultation', 'followUp', 'phone', 'acute'],
    dailyLimit: 8,
    demand: 0.9,
  },
  {
    title: dr,
    name: 'Şule Öztürk',
    specialties: ['general-practice'],
    languages: ['tr', 'de', 'en'],
    bio: 'Early mornings, and a long Thursday.',
    hours: [
      { clinic: 'berlin', weekdays, from: '07:00', to: '12:00' },
      { clinic: 'berlin', weekdays: [4], from: '15:00', to: '20:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'vaccination', 'video', 'phone', 'acute'],
    noticeMinutes: 30,
    demand: 0.7,
  },
  {
    title: dr,
    name: 'Priya Raghunathan',
    specialties: ['paediatrics'],
    languages: ['de', 'en', 'ta'],
    hours: [
      { clinic: 'berlin', weekdays, from: '08:00', to: '12:00' },
      { clinic: 'berlin', weekdays: [1, 4], from: '14:30', to: '18:00' },
    ],
    visitTypes: ['childCheck', 'followUp', 'vaccination', 'phone', 'acute'],
    demand: 0.65,
  },
  {
    title: dr,
    name: 'Karl-Theodor Freiherr von Hohenlinden-Waldstätten',
    designation: 'Consultant emeritus',
    specialties: ['dermatology'],
    languages: ['de', 'la'],
    bio: 'Sees the patients he has known for decades, and takes no new ones.',
    hours: [{ clinic: 'berlin', weekdays: [3, 4], from: '10:00', to: '13:00' }],
    visitTypes: ['consultation', 'followUp'],
    acceptingNewPatients: false,
    demand: 0.5,
  },
  {
    title: dr,
    name: 'Nguyễn Thị Minh Châu',
    specialties: ['dermatology'],
    languages: ['vi', 'de', 'en'],
    hours: [
      { clinic: 'berlin', weekdays: [1, 2, 3, 5], from: '09:00', to: '15:00' },
      { clinic: 'berlin', weekdays: [6], from: '09:00', to: '13:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'procedure', 'video'],
    openings: [{ weekday: 7, daysMin: 3, clinic: 'berlin', from: '10:00', to: '13:00' }],
    demand: 0.55,
  },
  {
    title: dr,
    name: 'Tomasz Wiśniewski',
    specialties: ['orthopaedics'],
    languages: ['pl', 'de', 'en'],
    hours: [{ clinic: 'berlin', weekdays, from: '13:00', to: '19:00' }],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'procedure'],
    timeOff: [{ firstDay: 9, lastDay: 22, note: 'Holiday' }],
    demand: 0.6,
  },
  {
    title: dr,
    name: 'Eszter Szabó-Lakatos',
    specialties: ['gynaecology'],
    languages: ['hu', 'de', 'en'],
    hours: [
      { clinic: 'berlin', weekdays: [1, 3, 5], from: '08:00', to: '14:00' },
      { clinic: 'berlin', weekdays: [2, 4], from: '12:00', to: '18:00', valid: 'until-month-ends' },
      { clinic: 'berlin', weekdays: [2, 4], from: '08:00', to: '13:00', valid: 'from-next-month' },
    ],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'acute'],
    demand: 0.6,
  },
  {
    title: 'Dipl.-Psych.',
    name: 'Ruth Abendroth',
    specialties: ['psychotherapy'],
    languages: ['de', 'he', 'en'],
    bio: 'Sessions in the evening. The first three are for finding out whether we can work together.',
    hours: [{ clinic: 'berlin', weekdays: [1, 2, 3, 4], from: '16:00', to: '21:00' }],
    visitTypes: ['session', 'video'],
    horizonDays: 42,
    demand: 0.8,
  },
]

const hamburg: DemoDoctor[] = [
  {
    title: dr,
    name: 'Fiete Harmsen',
    specialties: ['general-practice'],
    languages: ['de', 'nds'],
    bio: 'On parental leave.',
    hours: [{ clinic: 'hamburg', weekdays, from: '08:00', to: '13:00' }],
    visitTypes: ['consultation', 'followUp', 'phone'],
    status: 'paused',
    demand: 0,
  },
  {
    title: dr,
    name: 'Mehmet Yıldırım',
    specialties: ['general-practice'],
    languages: ['tr', 'de', 'ku'],
    bio: 'By day at the Fleet, and on two nights a week by video until two in the morning.',
    hours: [
      { clinic: 'hamburg', weekdays: [1, 3, 5], from: '09:00', to: '15:00' },
      { clinic: 'hamburg', weekdays: [5, 6], from: '20:00', to: '02:00', visitTypes: ['video'] },
    ],
    visitTypes: ['consultation', 'followUp', 'vaccination', 'video'],
    noticeMinutes: 15,
    demand: 0.6,
  },
  {
    title: dr,
    name: 'Soraya Karimi',
    specialties: ['ophthalmology'],
    languages: ['fa', 'de', 'en'],
    hours: [{ clinic: 'hamburg', weekdays: [1, 2, 3, 4], from: '08:30', to: '14:30' }],
    visitTypes: ['consultation', 'followUp', 'procedure'],
    demand: 0.65,
  },
  {
    title: dr,
    name: 'Björn Sjöström',
    specialties: ['orthopaedics'],
    languages: ['sv', 'de', 'en'],
    bio: 'Knees and shoulders. Every Friday in Berlin.',
    hours: [
      { clinic: 'hamburg', weekdays: [1, 2, 3], from: '10:00', to: '18:00' },
      { clinic: 'berlin', weekdays: [5], from: '10:00', to: '17:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'video'],
    demand: 0.5,
  },
  {
    title: dr,
    name: 'Kwame Boateng',
    specialties: ['ear-nose-throat'],
    languages: ['en', 'de', 'tw'],
    hours: [
      { clinic: 'hamburg', weekdays, from: '08:00', to: '12:00' },
      { clinic: 'hamburg', weekdays: [2, 4], from: '14:00', to: '18:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'procedure', 'acute'],
    timeOff: [{ firstDay: 2, lastDay: 2, note: 'Congress' }],
    demand: 0.65,
  },
  {
    title: 'Dott.ssa',
    name: 'Giulia Ferraris',
    specialties: ['paediatrics'],
    languages: ['it', 'de'],
    hours: [
      { clinic: 'hamburg', weekdays: [1, 2, 4, 5], from: '08:30', to: '13:30' },
      { clinic: 'hamburg', weekdays: [6], from: '09:00', to: '12:00', visitTypes: ['vaccination'] },
    ],
    visitTypes: ['childCheck', 'followUp', 'vaccination', 'acute'],
    horizonDays: 30,
    demand: 0.6,
  },
  {
    title: dr,
    name: 'Anneliese Brückner-Zimmermann',
    specialties: ['gynaecology'],
    languages: ['de', 'en'],
    bio: 'The desk keeps her calendar: she does not use computers.',
    hours: [{ clinic: 'hamburg', weekdays: [1, 2, 3, 4], from: '09:00', to: '17:00' }],
    visitTypes: ['consultation', 'followUp', 'ultrasound'],
    timeOff: [{ firstDay: -3, lastDay: 4, note: 'Sick leave' }],
    demand: 0.55,
  },
]

const montreal: DemoDoctor[] = [
  {
    title: 'Dre',
    name: 'Geneviève Lachance-Tremblay',
    specialties: ['general-practice'],
    languages: ['fr', 'en'],
    bio: 'Médecine familiale, de la naissance au grand âge.',
    hours: [
      { clinic: 'montreal', weekdays, from: '08:00', to: '12:00' },
      { clinic: 'montreal', weekdays: [1, 3], from: '13:00', to: '17:00' },
    ],
    visitTypes: ['consultation', 'followUp', 'vaccination', 'phone', 'acute'],
    demand: 0.75,
  },
  {
    title: 'Dr.',
    name: 'Samuel Adeyemi-Okafor',
    specialties: ['cardiology'],
    languages: ['en', 'yo', 'fr'],
    hours: [{ clinic: 'montreal', weekdays: [1, 2, 4], from: '09:00', to: '17:00' }],
    visitTypes: ['consultation', 'followUp', 'ultrasound', 'video'],
    demand: 0.55,
  },
  {
    title: 'Dr.',
    name: 'ليلى المنصوري',
    email: 'leila.mansouri@example.org',
    bio: 'Leïla Mansouri. Peau, cheveux, ongles ; en arabe, en français et en anglais.',
    specialties: ['dermatology'],
    languages: ['ar', 'fr', 'en'],
    hours: [{ clinic: 'montreal', weekdays: [2, 3, 5], from: '10:00', to: '18:00' }],
    visitTypes: ['consultation', 'followUp', 'procedure', 'video'],
    openings: [{ weekday: 6, daysMin: 4, clinic: 'montreal', from: '09:00', to: '12:00' }],
    demand: 0.6,
  },
  {
    title: 'Dr.',
    name: 'Mei-Ling Chow 周美玲',
    specialties: ['ophthalmology'],
    languages: ['zh', 'yue', 'en'],
    hours: [{ clinic: 'montreal', weekdays, from: '12:00', to: '17:30' }],
    visitTypes: ['consultation', 'followUp', 'procedure'],
    demand: 0.5,
  },
  {
    title: 'Dr.',
    name: 'Ignacio Etxeberria Goikoetxea',
    specialties: ['neurology'],
    languages: ['es', 'eu', 'fr'],
    hours: [{ clinic: 'montreal', weekdays: [1, 3, 4], from: '08:30', to: '15:30' }],
    visitTypes: ['consultation', 'followUp', 'video'],
    demand: 0.55,
  },
  {
    title: 'Ph. D.',
    name: 'Hannah Weiss-Goldberg',
    specialties: ['psychotherapy'],
    languages: ['en', 'fr'],
    bio: 'By video alone, also in the evening.',
    hours: [
      { clinic: 'montreal', weekdays: [1, 2, 3, 4], from: '10:00', to: '14:00' },
      { clinic: 'montreal', weekdays: [2, 4], from: '17:00', to: '21:00' },
    ],
    visitTypes: ['video'],
    noticeMinutes: 1440,
    horizonDays: 60,
    demand: 0.6,
  },
]

export const doctors: readonly DemoDoctor[] = [...berlin, ...hamburg, ...montreal]
