// Doctors who are open all day and patients who are signed in, made in a few statements, so that a
// race has many of both.

import { randomBytes } from 'node:crypto'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  formatInstant,
  formatUtc,
  localDateOf,
  resolveLocal,
  type Instant,
  type LocalDate,
} from '#src/kernel/time.ts'
import { signInAs } from './network.ts'

const timeZone = 'Europe/Paris'

/** When the doctors begin and stop, in minutes of the clinic's day. */
export const opensAt = 9 * 60
export const closesAt = 17 * 60

export interface RaceVisitType {
  durationMinutes: number
  bufferBeforeMinutes?: number
  bufferAfterMinutes?: number
  stepMinutes?: number
  roomKind?: string
}

export interface RacePatient {
  accountId: string
  patientId: string
  /** The Authorization header. */
  as: string
}

export interface RaceNetwork {
  clinicId: string
  doctorIds: string[]
  /** In the order they were asked for. */
  visitTypeIds: string[]
  patients: RacePatient[]
  admin: string
  /** A date a week ahead, on which every doctor is open. */
  date: LocalDate
  /** The instant of a minute of that date at the clinic. */
  at: (minute: number) => Instant
  /** The same as RFC 3339. */
  textAt: (minute: number) => string
}

/** All doctors share a specialty and offer all visit types, every day from `opensAt` to `closesAt`. */
export async function makeRaceNetwork(
  runtime: Runtime,
  options: {
    doctors: number
    patients: number
    visitTypes: RaceVisitType[]
    dailyLimit?: number
    rooms?: { kind: string; count: number }
  },
): Promise<RaceNetwork> {
  const { db } = runtime
  const created_at = formatUtc(runtime.clock())
  const clinicId = newId()
  const specialtyId = newId()
  const doctorIds = Array.from({ length: options.doctors }, newId)
  const visitTypeIds = options.visitTypes.map(newId)
  await db
    .insertInto('clinic')
    .values({
      id: clinicId,
      name: 'Race Clinic',
      city: 'Paris',
      country: 'FR',
      time_zone: timeZone,
      created_at,
    })
    .execute()
  await db
    .insertInto('visit_type')
    .values(
      options.visitTypes.map((visitType, index) => ({
        id: visitTypeIds[index]!,
        clinic_id: clinicId,
        name: `Visit ${index}`,
        mode: 'in_person' as const,
        duration_minutes: visitType.durationMinutes,
        buffer_before_minutes: visitType.bufferBeforeMinutes ?? 0,
        buffer_after_minutes: visitType.bufferAfterMinutes ?? 0,
        step_minutes: visitType.stepMinutes ?? null,
        room_kind: visitType.roomKind ?? null,
        created_at,
      })),
    )
    .execute()
  await db
    .insertInto('specialty')
    .values({ id: specialtyId, code: `s-${specialtyId}`, name: `Specialty ${specialtyId}` })
    .execute()
  await db
    .insertInto('doctor')
    .values(
      doctorIds.map((id, index) => ({
        id,
        name: `Doctor ${index}`,
        daily_limit: options.dailyLimit ?? null,
        created_at,
      })),
    )
    .execute()
  await db
    .insertInto('doctor_clinic')
    .values(doctorIds.map((doctor_id) => ({ doctor_id, clinic_id: clinicId })))
    .execute()
  await db
    .insertInto('doctor_specialty')
    .values(doctorIds.map((doctor_id) => ({ doctor_id, specialty_id: specialtyId })))
    .execute()
  await db
    .insertInto('doctor_visit_type')
    .values(
      doctorIds.flatMap((doctor_id) =>
        visitTypeIds.map((visit_type_id) => ({ doctor_id, visit_type_id })),
      ),
    )
    .execute()
  await db
    .insertInto('weekly_hours')
    .values(
      doctorIds.flatMap((doctor_id) =>
        [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
          id: newId(),
          doctor_id,
          clinic_id: clinicId,
          weekday,
          from_minute: opensAt,
          to_minute: closesAt,
        })),
      ),
    )
    .execute()
  const { rooms } = options
  if (rooms)
    await db
      .insertInto('room')
      .values(
        Array.from({ length: rooms.count }, (_, index) => ({
          id: newId(),
          clinic_id: clinicId,
          name: `Room ${index}`,
          kind: rooms.kind,
        })),
      )
      .execute()
  const date = addDays(localDateOf(runtime.clock(), timeZone), 7)
  const at = (minute: number) => resolveLocal(timeZone, date, minute)!
  return {
    clinicId,
    doctorIds,
    visitTypeIds,
    patients: await makePatients(runtime, options.patients),
    admin: await signInAs(runtime, { role: 'admin' }),
    date,
    at,
    textAt: (minute) => formatInstant(at(minute), timeZone),
  }
}

/** Patients with an account each, signed in for a day. */
export async function makePatients(runtime: Runtime, count: number): Promise<RacePatient[]> {
  const { db } = runtime
  const now = runtime.clock()
  const created_at = formatUtc(now)
  const patients = Array.from({ length: count }, () => ({
    accountId: newId(),
    patientId: newId(),
    sessionId: newId(),
  }))
  await db
    .insertInto('account')
    .values(
      patients.map(({ accountId }) => ({
        id: accountId,
        email: `${accountId}@example.org`,
        password_hash: 'none',
        name: 'Racing Patient',
        role: 'patient' as const,
        created_at,
      })),
    )
    .execute()
  await db
    .insertInto('patient')
    .values(
      patients.map(({ patientId }) => ({ id: patientId, name: 'Racing Patient', created_at })),
    )
    .execute()
  await db
    .insertInto('patient_access')
    .values(
      patients.map(({ accountId, patientId }) => ({
        account_id: accountId,
        patient_id: patientId,
        relation: 'self' as const,
        scope: 'manage' as const,
        created_at,
      })),
    )
    .execute()
  await db
    .insertInto('session')
    .values(
      patients.map(({ accountId, sessionId }) => ({
        id: sessionId,
        account_id: accountId,
        refresh_token_hash: randomBytes(32),
        created_at,
        expires_at: formatUtc(now + 86_400_000),
      })),
    )
    .execute()
  return Promise.all(
    patients.map(async ({ accountId, patientId, sessionId }) => {
      const { accessToken } = await runtime.tokens.issue({
        accountId,
        sessionId,
        role: 'patient',
        now,
      })
      return { accountId, patientId, as: `Bearer ${accessToken}` }
    }),
  )
}
