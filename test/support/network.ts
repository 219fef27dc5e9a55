// A small network of a test's own: clinics, a doctor with visit types, and everyone who may or may
// not touch them, signed in.

import { randomBytes } from 'node:crypto'
import type { Runtime } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'

export interface Network {
  clinicId: string
  otherClinicId: string
  doctorId: string
  specialtyId: string
  /** One of the network, one of the clinic, one of the other clinic. The doctor offers the first two. */
  visitTypeId: string
  clinicVisitTypeId: string
  otherClinicVisitTypeId: string
  /** Authorization headers. */
  people: {
    admin: string
    doctor: string
    otherDoctor: string
    deskHere: string
    deskElsewhere: string
    patient: string
  }
}

/** Makes a network; the doctor works at `clinicId` alone, in Europe/Paris. */
export async function makeNetwork(runtime: Runtime): Promise<Network> {
  const { db } = runtime
  const created_at = formatUtc(runtime.clock())
  const [clinicId, otherClinicId] = [newId(), newId()]
  const [visitTypeId, clinicVisitTypeId, otherClinicVisitTypeId] = [newId(), newId(), newId()]
  const [doctorId, otherDoctorId, specialtyId] = [newId(), newId(), newId()]
  const clinic = { country: 'FR', time_zone: 'Europe/Paris', created_at }
  await db
    .insertInto('clinic')
    .values([
      { ...clinic, id: clinicId, name: 'Canal', city: 'Paris' },
      { ...clinic, id: otherClinicId, name: 'Harbour', city: 'Marseille' },
    ])
    .execute()
  const visitType = { duration_minutes: 30, mode: 'in_person' as const, created_at }
  await db
    .insertInto('visit_type')
    .values([
      { ...visitType, id: visitTypeId, clinic_id: null, name: 'Consultation' },
      { ...visitType, id: clinicVisitTypeId, clinic_id: clinicId, name: 'Echo' },
      { ...visitType, id: otherClinicVisitTypeId, clinic_id: otherClinicId, name: 'Stress test' },
    ])
    .execute()
  await db
    .insertInto('specialty')
    .values({ id: specialtyId, code: `s-${specialtyId}`, name: `Specialty ${specialtyId}` })
    .execute()
  await db
    .insertInto('doctor')
    .values([
      { id: doctorId, name: 'Claire Moreau', languages: ['fr'], created_at },
      { id: otherDoctorId, name: 'Hugo Weber', created_at },
    ])
    .execute()
  const clinicsOfDoctors = [
    { doctor_id: doctorId, clinic_id: clinicId },
    { doctor_id: otherDoctorId, clinic_id: clinicId },
  ]
  await db.insertInto('doctor_clinic').values(clinicsOfDoctors).execute()
  await db
    .insertInto('doctor_visit_type')
    .values([
      { doctor_id: doctorId, visit_type_id: visitTypeId },
      { doctor_id: doctorId, visit_type_id: clinicVisitTypeId },
    ])
    .execute()
  await db
    .insertInto('doctor_specialty')
    .values({ doctor_id: doctorId, specialty_id: specialtyId })
    .execute()
  const people = {
    admin: await signInAs(runtime, { role: 'admin' }),
    doctor: await signInAs(runtime, { role: 'doctor', doctorId }),
    otherDoctor: await signInAs(runtime, { role: 'doctor', doctorId: otherDoctorId }),
    deskHere: await signInAs(runtime, { role: 'front_desk', clinicId }),
    deskElsewhere: await signInAs(runtime, { role: 'front_desk', clinicId: otherClinicId }),
    patient: await signInAs(runtime, { role: 'patient' }),
  }
  return {
    clinicId,
    otherClinicId,
    doctorId,
    specialtyId,
    visitTypeId,
    clinicVisitTypeId,
    otherClinicVisitTypeId,
    people,
  }
}

/** An account of the role with a session; answers the Authorization header. */
export async function signInAs(
  runtime: Runtime,
  who: { role: Role; doctorId?: string; clinicId?: string },
): Promise<string> {
  const { db } = runtime
  const now = runtime.clock()
  const [accountId, sessionId] = [newId(), newId()]
  const created_at = formatUtc(now)
  const { role } = who
  const email = `${accountId}@example.org`
  await db
    .insertInto('account')
    .values({ id: accountId, email, password_hash: 'none', name: 'Someone', role, created_at })
    .execute()
  await db
    .insertInto('session')
    .values({
      id: sessionId,
      account_id: accountId,
      refresh_token_hash: randomBytes(32),
      created_at,
      expires_at: formatUtc(now + 86_400_000),
    })
    .execute()
  if (who.doctorId !== undefined)
    await db
      .updateTable('doctor')
      .set({ account_id: accountId })
      .where('id', '=', who.doctorId)
      .execute()
  if (who.clinicId !== undefined)
    await db
      .insertInto('membership')
      .values({ account_id: accountId, clinic_id: who.clinicId, role: 'front_desk', created_at })
      .execute()
  const { accessToken } = await runtime.tokens.issue({ accountId, sessionId, role, now })
  return `Bearer ${accessToken}`
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export interface Answer {
  status: number
  /** '' when there is none. */
  etag: string
  /** The JSON of the answer, null when it is empty. */
  body: AnswerBody
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects to be there
export type AnswerBody = any

/** Calls the API below /api/v1 as the holder of the Authorization header, or as nobody. */
export async function call(
  app: App,
  request: `${(typeof methods)[number]} ${string}`,
  options: { as?: string | undefined; body?: unknown; ifMatch?: string; key?: string } = {},
): Promise<Answer> {
  const method = methods.find((name) => request.startsWith(`${name} `)) ?? 'GET'
  const answer = await app.inject({
    method,
    url: `/api/v1${request.slice(method.length + 1)}`,
    headers: {
      ...(options.as !== undefined && { authorization: options.as }),
      ...(options.ifMatch !== undefined && { 'if-match': options.ifMatch }),
      ...(options.key !== undefined && { 'idempotency-key': options.key }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(options.body !== undefined && { payload: JSON.stringify(options.body) }),
  })
  return {
    status: answer.statusCode,
    etag: answer.headers.etag ?? '',
    body: answer.body === '' ? null : JSON.parse(answer.body),
  }
}

/** Where the fields are that a problem names. */
export function pointersOf(answer: Answer): string[] {
  return answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)
}

/** The version that bookings of the doctor are checked against. */
export async function scheduleVersionOf(runtime: Runtime, doctorId: string): Promise<number> {
  const row = await runtime.db
    .selectFrom('doctor')
    .select('schedule_version')
    .where('id', '=', doctorId)
    .executeTakeFirstOrThrow()
  return row.schedule_version
}
