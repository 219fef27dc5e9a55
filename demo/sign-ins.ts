// Who can sign in to the demo. These accounts exist in a demo's database and nowhere else.

import type { Role } from '#src/db/tables.ts'
import type { ClinicKey } from './clinics.ts'

export interface SignIn {
  role: Role
  email: string
  password: string
  /** Also that of the doctor's profile. */
  name: string
  phone: string
  locale: string
  /** Where someone works or is seen; absent for the whole network. */
  clinic?: ClinicKey
}

/** One for all, since there is nothing to protect: it is printed at every start. */
const password = 'look-around-visita'

export const signIns = [
  {
    role: 'admin',
    email: 'admin@demo.example.org',
    password,
    name: 'Kerstin Achenbach',
    phone: '+49 30 23125 900',
    locale: 'de',
  },
  {
    role: 'front_desk',
    email: 'desk.berlin@demo.example.org',
    password,
    name: 'Joost van der Meer',
    phone: '+49 30 23125 100',
    locale: 'de',
    clinic: 'berlin',
  },
  {
    role: 'front_desk',
    email: 'desk.montreal@demo.example.org',
    password,
    name: 'Solène Bouchard',
    phone: '+1 514-555-0100',
    locale: 'fr-CA',
    clinic: 'montreal',
  },
  {
    role: 'doctor',
    email: 'doctor.haddad@demo.example.org',
    password,
    name: 'Amira Haddad',
    phone: '+49 30 23125 111',
    locale: 'de',
    clinic: 'berlin',
  },
  {
    role: 'doctor',
    email: 'doctor.lachance@demo.example.org',
    password,
    name: 'Geneviève Lachance-Tremblay',
    phone: '+1 514-555-0121',
    locale: 'fr-CA',
    clinic: 'montreal',
  },
  {
    role: 'patient',
    email: 'patient@demo.example.org',
    password,
    name: 'Lena Vogelsang',
    phone: '+49 176 040690 01',
    locale: 'de',
    clinic: 'berlin',
  },
  {
    role: 'patient',
    email: 'second.patient@demo.example.org',
    password,
    name: 'Yusuf Demirel',
    phone: '+49 176 040690 02',
    locale: 'tr',
    clinic: 'berlin',
  },
] as const satisfies readonly SignIn[]

/** The admin, whose account tells a demo's database from any other. */
export const admin: SignIn = signIns[0]

/** The patient who books in the example that is printed. */
export const firstPatient: SignIn = signIns[5]
