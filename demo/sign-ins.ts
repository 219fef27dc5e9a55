// Who can sign in to the demo. These accounts exist in a demo's database and nowhere else.

import type { Role } from '#src/db/tables.ts'
import type { ClinicKey } from './clinics.ts'

export interface SignIn {
  role: Role
  email: string
  password: string
  name: string
  /** What the role means here, for people. */
  as: string
  phone: string
  locale: string
  /** Where someone works at the front desk, or is seen as a patient. */
  clinic?: ClinicKey
  /** The name of the doctor whose profile it is. */
  doctor?: string
}

/** One for all, since there is nothing to protect: it is printed at every start. */
const password = 'look-around-visita'

export const signIns = [
  {
    role: 'admin',
    email: 'admin@demo.example.org',
    password,
    name: 'Kerstin Achenbach',
    as: 'admin of the network',
    phone: '+49 30 23125 900',
    locale: 'de',
  },
  {
    role: 'front_desk',
    email: 'desk.berlin@demo.example.org',
    password,
    name: 'Joost van der Meer',
    as: 'front desk in Berlin',
    phone: '+49 30 23125 100',
    locale: 'de',
    clinic: 'berlin',
  },
  {
    role: 'front_desk',
    email: 'desk.montreal@demo.example.org',
    password,
    name: 'Solène Bouchard',
    as: 'front desk in Montréal',
    phone: '+1 514-555-0100',
    locale: 'fr-CA',
    clinic: 'montreal',
  },
  {
    role: 'doctor',
    email: 'doctor.haddad@demo.example.org',
    password,
    name: 'Amira Haddad',
    as: 'cardiologist in Berlin',
    phone: '+49 30 23125 111',
    locale: 'de',
    doctor: 'Amira Haddad',
  },
  {
    role: 'doctor',
    email: 'doctor.lachance@demo.example.org',
    password,
    name: 'Geneviève Lachance-Tremblay',
    as: 'family doctor in Montréal',
    phone: '+1 514-555-0121',
    locale: 'fr-CA',
    doctor: 'Geneviève Lachance-Tremblay',
  },
  {
    role: 'patient',
    email: 'patient@demo.example.org',
    password,
    name: 'Lena Vogelsang',
    as: 'patient in Berlin',
    phone: '+49 176 040690 01',
    locale: 'de',
    clinic: 'berlin',
  },
  {
    role: 'patient',
    email: 'second.patient@demo.example.org',
    password,
    name: 'Yusuf Demirel',
    as: 'second patient in Berlin',
    phone: '+49 176 040690 02',
    locale: 'tr',
    clinic: 'berlin',
  },
] as const satisfies readonly SignIn[]

/** The admin, whose account tells a demo's database from any other. */
export const admin: SignIn = signIns[0]

/** The patient who books in the example that is printed. */
export const firstPatient: SignIn = signIns[5]
