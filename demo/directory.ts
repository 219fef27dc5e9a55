// The demo's clinics, doctors and people as rows, with the dates that are relative to today.

import { hashPassword } from '#src/identity/passwords.ts'
import type { Queryable } from '#src/db/connect.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  formatUtc,
  localDateOf,
  resolveLocal,
  type Instant,
  type LocalDate,
} from '#src/kernel/time.ts'
import {
  clinics,
  specialties,
  visitTypes,
  type ClinicKey,
  type DemoVisitType,
  type SpecialtyCode,
  type VisitTypeKey,
} from './clinics.ts'
import { doctors, type DemoDoctor } from './doctors.ts'
import { childOf } from './family.ts'
import { dateOf, minuteOf, validityOf } from './relative-dates.ts'
import { emailOf, type DemoPatient } from './patients.ts'
import { insertRows } from './queries.ts'
import { signIns, type SignIn } from './sign-ins.ts'

/** The ids that were given, and who acts where. */
export interface Directory {
  clinicIds: Record<ClinicKey, string>
  visitTypeIds: Record<VisitTypeKey, string>
  doctors: (DemoDoctor & { id: string; accountId: string | null })[]
  /** With the account that manages the record, and what it is to the patient. */
  patients: (DemoPatient & {
    id: string
    accountId: string | null
    relation?: 'self' | 'parent'
  })[]
  /** The account of the front desk, where it has one. */
  deskAccountIds: Partial<Record<ClinicKey, string>>
}

export interface Account extends SignIn {
  id: string
  passwordHash: string
}

/** The accounts with their passwords hashed, which is slow: before any transaction. */
export async function prepareAccounts(): Promise<Account[]> {
  return Promise.all(
    signIns.map(async (signIn) =>
      Object.assign({ id: newId(), passwordHash: await hashPassword(signIn.password) }, signIn),
    ),
  )
}

/** How long ago the network was set up, in days: before the first visit was booked. */
export const ageDays = 60

/** Writes everything but visits. */
export async function writeDirectory(
  db: Queryable,
  options: { accounts: readonly Account[]; patients: readonly DemoPatient[]; now: Instant },
): Promise<Directory> {
  const { accounts, now } = options
  const createdAt = formatUtc(now - ageDays * 86_400_000)
  const directory: Directory = {
    clinicIds: idsOf(clinics),
    visitTypeIds: idsOf(visitTypes),
    doctors: doctors.map((doctor) => {
      const account = accounts.find(({ role, name }) => role === 'doctor' && name === doctor.name)
      return Object.assign({ id: newId(), accountId: account?.id ?? null }, doctor)
    }),
    patients: [
      ...ownPatients(accounts, now),
      ...childOf(accounts, now),
      ...options.patients.map(withoutAccount),
    ],
    deskAccountIds: Object.fromEntries(
      accounts.filter(({ role }) => role === 'front_desk').map(({ clinic, id }) => [clinic, id]),
    ),
  }
  await writeAccounts(db, accounts, createdAt)
  await writeClinics(db, directory, { now, createdAt })
  await writeDoctors(db, directory, { now, createdAt })
  await writePatients(db, directory, createdAt)
  await insertRows(
    db,
    'membership',
    Object.entries(directory.deskAccountIds).map(([clinic, accountId]) => ({
      account_id: accountId,
      clinic_id: directory.clinicIds[clinic as ClinicKey],
      role: 'front_desk' as const,
      created_at: createdAt,
    })),
  )
  return directory
}

function idsOf<Key extends string>(things: Record<Key, unknown>): Record<Key, string> {
  // The keys are those of the argument.
  return Object.fromEntries(Object.keys(things).map((key) => [key, newId()])) as Record<Key, string>
}

function withoutAccount(patient: DemoPatient) {
  return { ...patient, id: newId(), accountId: null }
}

function ownPatients(accounts: readonly Account[], now: Instant): Directory['patients'] {
  return accounts
    .filter(({ role }) => role === 'patient')
    .map(({ id, name, phone, email, clinic = 'berlin' }, index) => ({
      id: newId(),
      accountId: id,
      name,
      phone,
      email,
      dateOfBirth: addDays(localDateOf(now, clinics[clinic].timeZone), -(31 + 7 * index) * 365),
      isChild: false,
      clinic,
    }))
}

async function writeAccounts(
  db: Queryable,
  accounts: readonly Account[],
  createdAt: string,
): Promise<void> {
  const rows = accounts.map(({ id, email, passwordHash, name, phone, locale, role }) => ({
    id,
    email,
    password_hash: passwordHash,
    name,
    phone,
    locale,
    role,
    created_at: createdAt,
  }))
  await insertRows(db, 'account', rows)
}

interface Moment {
  now: Instant
  createdAt: string
}

async function writeClinics(
  db: Queryable,
  { clinicIds, visitTypeIds }: Directory,
  { now, createdAt }: Moment,
): Promise<void> {
  const entries = entriesOf(clinics)
  await insertRows(
    db,
    'clinic',
    entries.map(([key, clinic]) => ({
      id: clinicIds[key],
      name: clinic.name,
      time_zone: clinic.timeZone,
      street: clinic.street,
      postal_code: clinic.postalCode,
      city: clinic.city,
      country: clinic.country,
      phone: clinic.phone,
      email: clinic.email,
      change_notice_minutes_min: clinic.changeNoticeHours * 60,
      created_at: createdAt,
    })),
  )
  await insertRows(
    db,
    'room',
    entries.flatMap(([key, { rooms }]) =>
      rooms.map((room) => ({ ...room, id: newId(), clinic_id: clinicIds[key] })),
    ),
  )
  await insertRows(
    db,
    'closure',
    entries.flatMap(([key]) => closureRows(key, clinicIds[key], now)),
  )
  await insertRows(
    db,
    'visit_type',
    entriesOf<VisitTypeKey, DemoVisitType>(visitTypes).map(([key, visitType]) => ({
      id: visitTypeIds[key],
      clinic_id: visitType.clinic === undefined ? null : clinicIds[visitType.clinic],
      name: visitType.name,
      duration_minutes: visitType.minutes,
      buffer_before_minutes: visitType.before ?? 0,
      buffer_after_minutes: visitType.after ?? 0,
      step_minutes: visitType.step ?? null,
      mode: visitType.mode ?? 'in_person',
      video_link: visitType.videoLink ?? null,
      instructions: visitType.instructions ?? null,
      who_may_book: visitType.whoMayBook ?? 'anyone',
      booking_mode: visitType.bookingMode ?? null,
      room_kind: visitType.roomKind ?? null,
      created_at: createdAt,
    })),
  )
}

/** The holidays from last month to the end of next year, and the closures that are coming. */
function closureRows(key: ClinicKey, clinicId: string, now: Instant) {
  const { timeZone, holidays, closures } = clinics[key]
  const today = localDateOf(now, timeZone)
  const year = Number(today.slice(0, 4))
  const yearly = [year - 1, year, year + 1].flatMap((ofYear) =>
    holidays.map(({ day, name, from }) => ({ date: `${ofYear}-${day}`, name, from })),
  )
  const coming = closures.map(({ name, from, ...day }) => ({
    date: dateOf(day, today),
    name,
    from,
  }))
  return [...yearly, ...coming]
    .filter(({ date }) => date > addDays(today, -ageDays))
    .map(({ date, name, from }) => ({
      id: newId(),
      clinic_id: clinicId,
      starts_on: date,
      start_minute: minuteOf(from ?? '00:00'),
      ends_on: date,
      end_minute: 1440,
      name,
    }))
}

async function writeDoctors(
  db: Queryable,
  { doctors, clinicIds, visitTypeIds }: Directory,
  { now, createdAt }: Moment,
): Promise<void> {
  const specialtyIds = idsOf(specialties)
  await insertRows(
    db,
    'specialty',
    entriesOf<SpecialtyCode, string>(specialties).map(([code, name]) => ({
      id: specialtyIds[code],
      code,
      name,
    })),
  )
  await insertRows(
    db,
    'doctor',
    doctors.map((doctor, index) => ({
      id: doctor.id,
      account_id: doctor.accountId,
      title: doctor.title ?? null,
      name: doctor.name,
      designation: doctor.designation ?? null,
      languages: doctor.languages,
      phone: extensionOf(homeOf(doctor), 11 + index),
      email: doctor.email ?? emailOf(doctor.name),
      bio: doctor.bio ?? null,
      accepting_new_patients: doctor.acceptingNewPatients ?? true,
      status: doctor.status ?? 'bookable',
      booking_mode: doctor.bookingMode ?? 'instant',
      notice_minutes_min: doctor.noticeMinutes ?? 60,
      horizon_days: doctor.horizonDays ?? 90,
      daily_limit: doctor.dailyLimit ?? null,
      created_at: createdAt,
    })),
  )
  await insertRows(
    db,
    'doctor_specialty',
    doctors.flatMap(({ id, specialties }) =>
      specialties.map((code) => ({ doctor_id: id, specialty_id: specialtyIds[code] })),
    ),
  )
  await insertRows(
    db,
    'doctor_clinic',
    doctors.flatMap((doctor) =>
      clinicsOf(doctor).map((key) => ({ doctor_id: doctor.id, clinic_id: clinicIds[key] })),
    ),
  )
  await insertRows(
    db,
    'doctor_visit_type',
    doctors.flatMap((doctor) =>
      doctor.visitTypes.map((key) => ({ doctor_id: doctor.id, visit_type_id: visitTypeIds[key] })),
    ),
  )
  const idsOfVisitTypes = (keys: readonly VisitTypeKey[] | undefined) =>
    keys?.map((key) => visitTypeIds[key]) ?? null
  await insertRows(
    db,
    'weekly_hours',
    doctors.flatMap((doctor) =>
      doctor.hours.flatMap((hours) =>
        hours.weekdays.map((weekday) => ({
          id: newId(),
          doctor_id: doctor.id,
          clinic_id: clinicIds[hours.clinic],
          weekday,
          from_minute: minuteOf(hours.from),
          to_minute: minuteOf(hours.to),
          ...validityOf(hours.valid, localDateOf(now, clinics[hours.clinic].timeZone)),
          visit_type_ids: idsOfVisitTypes(hours.visitTypes),
        })),
      ),
    ),
  )
  await insertRows(
    db,
    'opening',
    doctors.flatMap((doctor) =>
      (doctor.openings ?? []).map(({ clinic, from, to, visitTypes, ...day }) => ({
        id: newId(),
        doctor_id: doctor.id,
        clinic_id: clinicIds[clinic],
        opens_on: dateOf(day, localDateOf(now, clinics[clinic].timeZone)),
        from_minute: minuteOf(from),
        to_minute: minuteOf(to),
        visit_type_ids: idsOfVisitTypes(visitTypes),
      })),
    ),
  )
  await insertRows(
    db,
    'time_off',
    doctors.flatMap((doctor) => timeOffRows(doctor, now)),
  )
}

function timeOffRows(doctor: Directory['doctors'][number], now: Instant) {
  const { timeZone } = clinics[homeOf(doctor)]
  const today = localDateOf(now, timeZone)
  const midnight = (date: LocalDate) => formatUtc(resolveLocal(timeZone, date, 0) ?? now)
  return (doctor.timeOff ?? []).map(({ firstDay, lastDay, note }) => ({
    id: newId(),
    doctor_id: doctor.id,
    starts_at: midnight(addDays(today, firstDay)),
    ends_at: midnight(addDays(today, lastDay + 1)),
    note,
  }))
}

async function writePatients(
  db: Queryable,
  { patients }: Directory,
  createdAt: string,
): Promise<void> {
  await insertRows(
    db,
    'patient',
    patients.map(({ id, name, phone, email, dateOfBirth }) => ({
      id,
      name,
      phone,
      email,
      date_of_birth: dateOfBirth,
      created_at: createdAt,
    })),
  )
  await insertRows(
    db,
    'patient_access',
    patients.flatMap(({ id, accountId, relation = 'self' }) =>
      accountId === null
        ? []
        : [
            {
              account_id: accountId,
              patient_id: id,
              relation,
              scope: 'manage' as const,
              created_at: createdAt,
            },
          ],
    ),
  )
}

function entriesOf<Key extends string, Value>(record: Record<Key, Value>): [Key, Value][] {
  // The keys are those of the argument.
  return Object.entries(record) as [Key, Value][]
}

/** The clinics of a doctor, the one with the first hours first. */
export function clinicsOf({ hours }: DemoDoctor): ClinicKey[] {
  return [...new Set(hours.map(({ clinic }) => clinic))]
}

function homeOf(doctor: DemoDoctor): ClinicKey {
  return clinicsOf(doctor)[0] ?? 'berlin'
}

function extensionOf(clinic: ClinicKey, extension: number): string {
  return `${clinics[clinic].phone.slice(0, -2)}${extension}`
}
