// Every operation of the API with a request that is right, for tests that go through all of them.

import assert from 'node:assert/strict'
import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'
import { addDays, formatInstant, localDateOf, resolveLocal } from '#src/kernel/time.ts'
import { call, makeNetwork, type Network } from './network.ts'
import { makePatients, type RacePatient } from './race-network.ts'

export const callers = [
  'nobody',
  'patient',
  'otherPatient',
  'doctor',
  'otherDoctor',
  'deskHere',
  'deskElsewhere',
  'admin',
] as const
export type Caller = (typeof callers)[number]

const zone = 'Europe/Paris'
const password = 'four wet herons wait'

/** A network in which `patient` has a visit with `doctor`, who is there all day. */
export interface Scene extends Network {
  app: App
  runtime: Runtime
  patient: RacePatient
  otherPatient: RacePatient
  /** An Authorization header for each caller; nobody has none. */
  as: Record<Caller, string | undefined>
  /** The e-mail of someone with a password. */
  email: () => Promise<string>
  /** A time that nobody has, as RFC 3339; another one each time. */
  freeTime: () => string
  /** The id of a fresh appointment of the patient, waiting for the doctor's answer. */
  requestedVisit: () => Promise<string>
}

export async function makeScene(app: App, runtime: Runtime): Promise<Scene> {
  const network = await makeNetwork(runtime)
  const { people, clinicId, clinicVisitTypeId, doctorId, visitTypeId } = network
  const [patient, otherPatient] = await makePatients(runtime, 2)
  assert.ok(patient && otherPatient)
  await must(app, `PATCH /visit-types/${clinicVisitTypeId}`, people.admin, {
    bookingMode: 'on_request',
  })
  const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId,
    weekday,
    from: '08:00',
    to: '20:00',
  }))
  await must(app, `PUT /doctors/${doctorId}/hours`, people.admin, { hours })
  let times = 0
  const freeTime = () => {
    times += 1
    const date = addDays(localDateOf(runtime.clock(), zone), 2 + Math.floor(times / 24))
    return formatInstant(resolveLocal(zone, date, 480 + (times % 24) * 30)!, zone)
  }
  const visit = (visitType: string) =>
    must(app, 'POST /appointments', patient.as, {
      doctorId,
      visitTypeId: visitType,
      startsAt: freeTime(),
    })
  await visit(visitTypeId)
  let registered: Promise<string> | undefined
  const register = async () => {
    const email = `${newId()}@example.org`
    await must(app, 'POST /auth/register', undefined, { email, password, name: 'Anna Berg' })
    return email
  }
  return {
    ...network,
    app,
    runtime,
    patient,
    otherPatient,
    as: {
      ...people,
      nobody: undefined,
      patient: patient.as,
      otherPatient: otherPatient.as,
    },
    email: () => (registered ??= register()),
    freeTime,
    requestedVisit: async () => String((await visit(clinicVisitTypeId)).id),
  }
}

async function must(
  app: App,
  request: Parameters<typeof call>[1],
  as: string | undefined,
  body: unknown,
) {
  const answer = await call(app, request, { as, body })
  assert.ok(answer.status < 300, `${request}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

export interface RightRequest {
  /** The path below the root; by default the operation's, with the ids of the scene. */
  path?: ((scene: Scene) => string | Promise<string>) | string
  /** JSON, or text for another content type. */
  body?: ((scene: Scene) => unknown) | Record<string, unknown> | string
  contentType?: string
  /** Someone who may do it. */
  by: Caller
}

export interface Prepared {
  method: string
  url: string
  /** A value to be sent as JSON, or bytes and text to be sent as they are; undefined for none. */
  body: unknown
  contentType: string
  by: Caller
}

/** Sends it with this Authorization header. */
export function sendRequest(app: App, request: Prepared, as: string | undefined) {
  const { method, url, body, contentType } = request
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  return app.inject({
    method: method as 'POST',
    url,
    headers: {
      ...(as !== undefined && { authorization: as }),
      ...(body !== undefined && { 'content-type': contentType }),
    },
    ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
  })
}

/** The request as it is to be sent; what it needs is made, and may be used up by it. */
export async function requestOf(operation: string, scene: Scene): Promise<Prepared> {
  const right = operations[operation]
  assert.ok(right, `test/support/operations.ts has no request for ${operation}`)
  const [method = '', pattern = ''] = operation.split(' ')
  const url = typeof right.path === 'function' ? await right.path(scene) : (right.path ?? pattern)
  return {
    method,
    url,
    body: typeof right.body === 'function' ? await right.body(scene) : right.body,
    contentType: right.contentType ?? 'application/json',
    by: right.by,
  }
}

async function refreshToken({ app, email }: Scene): Promise<{ refreshToken: string }> {
  const body = await must(app, 'POST /auth/login', undefined, { email: await email(), password })
  return { refreshToken: body.refreshToken }
}

const clinic = (rest: string) => (scene: Scene) => `/api/v1/clinics/${scene.clinicId}${rest}`
const doctor = (rest: string) => (scene: Scene) => `/api/v1/doctors/${scene.doctorId}${rest}`
const visitStep = (step: string) => async (scene: Scene) =>
  `/api/v1/appointments/${await scene.requestedVisit()}${step}`

const holidays = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'PRODID:-//Visita//Test//EN',
  'BEGIN:VEVENT',
  'UID:new-year@example.org',
  'DTSTAMP:20260101T000000Z',
  'DTSTART;VALUE=DATE:20300101',
  'SUMMARY:New Year',
  'END:VEVENT',
  'END:VCALENDAR',
  '',
].join('\r\n')

/** By method and path as openapi.json has them. */
export const operations: Record<string, RightRequest> = {
  'GET /healthz': { by: 'nobody' },
  'GET /readyz': { by: 'nobody' },
  'GET /metrics': { by: 'nobody' },
  'GET /openapi.json': { by: 'nobody' },
  'GET /problems/{code}': { path: '/problems/slot-taken', by: 'nobody' },
  'GET /.well-known/jwks.json': { by: 'nobody' },

  'POST /api/v1/auth/register': {
    body: () => ({
      email: `${newId()}@example.org`,
      password,
      name: 'Anna Berg',
      phone: '+33 1 42 68 53 00',
      role: 'patient',
      locale: 'en-GB',
    }),
    by: 'nobody',
  },
  'POST /api/v1/auth/login': {
    body: async ({ email }) => ({ email: await email(), password }),
    by: 'nobody',
  },
  'POST /api/v1/auth/refresh': { body: refreshToken, by: 'nobody' },
  'POST /api/v1/auth/logout': { body: refreshToken, by: 'nobody' },
  'GET /api/v1/auth/me': { by: 'patient' },
  'POST /api/v1/invitations': {
    body: ({ clinicId }) => ({ role: 'front_desk', clinicId, email: 'desk@example.org' }),
    by: 'admin',
  },

  'GET /api/v1/clinics': { by: 'nobody' },
  'POST /api/v1/clinics': {
    body: {
      name: 'Clinique du Canal',
      timeZone: 'Europe/Paris',
      address: { street: '14 quai de Valmy', city: 'Paris', country: 'France' },
      phone: '+33 1 42 68 53 00',
      email: 'canal@example.org',
    },
    by: 'admin',
  },
  'GET /api/v1/clinics/{id}': { path: clinic(''), by: 'nobody' },
  'PATCH /api/v1/clinics/{id}': {
    path: clinic(''),
    body: { phone: '+33 1 42 68 53 01' },
    by: 'admin',
  },
  'GET /api/v1/clinics/{id}/closures': { path: clinic('/closures'), by: 'nobody' },
  'POST /api/v1/clinics/{id}/closures': {
    path: clinic('/closures'),
    body: {
      startsOn: '2030-12-24',
      endsOn: '2030-12-26',
      from: '12:00',
      to: '18:00',
      name: 'Feast',
    },
    by: 'admin',
  },
  'POST /api/v1/clinics/{id}/closures/import': {
    path: clinic('/closures/import'),
    body: holidays,
    contentType: 'text/calendar',
    by: 'admin',
  },
  'DELETE /api/v1/clinics/{id}/closures/{closureId}': {
    async path({ app, clinicId, as }) {
      const body = { startsOn: '2031-01-01', endsOn: '2031-01-01', name: 'Closed' }
      const { id } = await must(app, `POST /clinics/${clinicId}/closures`, as.admin, body)
      return `/api/v1/clinics/${clinicId}/closures/${id}`
    },
    by: 'admin',
  },
  'GET /api/v1/clinics/{id}/rooms': { path: clinic('/rooms'), by: 'admin' },
  'POST /api/v1/clinics/{id}/rooms': {
    path: clinic('/rooms'),
    body: () => ({ name: `Room ${newId()}`, kind: 'ultrasound' }),
    by: 'admin',
  },
  'DELETE /api/v1/clinics/{id}/rooms/{roomId}': {
    async path({ app, clinicId, as }) {
      const body = { name: `Room ${newId()}`, kind: 'ultrasound' }
      const { id } = await must(app, `POST /clinics/${clinicId}/rooms`, as.admin, body)
      return `/api/v1/clinics/${clinicId}/rooms/${id}`
    },
    by: 'admin',
  },

  'GET /api/v1/visit-types': { by: 'nobody' },
  'POST /api/v1/visit-types': {
    body: ({ clinicId }) => ({
      clinicId,
      name: 'First consultation',
      durationMinutes: 30,
      bufferAfterMinutes: 5,
      mode: 'in_person',
    }),
    by: 'admin',
  },
  'GET /api/v1/visit-types/{id}': {
    path: ({ clinicVisitTypeId }) => `/api/v1/visit-types/${clinicVisitTypeId}`,
    by: 'nobody',
  },
  'PATCH /api/v1/visit-types/{id}': {
    path: ({ clinicVisitTypeId }) => `/api/v1/visit-types/${clinicVisitTypeId}`,
    body: { instructions: 'Come fasting.' },
    by: 'admin',
  },
  'GET /api/v1/specialties': { by: 'nobody' },
  'POST /api/v1/specialties': { body: () => ({ name: `Specialty ${newId()}` }), by: 'admin' },
  'PATCH /api/v1/specialties/{id}': {
    path: ({ specialtyId }) => `/api/v1/specialties/${specialtyId}`,
    body: () => ({ name: `Specialty ${newId()}` }),
    by: 'admin',
  },

  'GET /api/v1/doctors': { by: 'nobody' },
  'POST /api/v1/doctors': {
    body: ({ clinicId, specialtyId, visitTypeId }) => ({
      title: 'Dr.',
      name: 'Hugo Weber',
      clinicIds: [clinicId],
      specialtyIds: [specialtyId],
      visitTypeIds: [visitTypeId],
      languages: ['fr'],
    }),
    by: 'admin',
  },
  'GET /api/v1/doctors/{id}': { path: doctor(''), by: 'nobody' },
  'PATCH /api/v1/doctors/{id}': { path: doctor(''), body: { bio: 'Hearts.' }, by: 'doctor' },
  'GET /api/v1/doctors/{id}/availability': { path: doctor('/availability'), by: 'nobody' },
  'GET /api/v1/slots': { by: 'nobody' },
  'GET /api/v1/doctors/{id}/hours': { path: doctor('/hours'), by: 'doctor' },
  'PUT /api/v1/doctors/{id}/hours': {
    path: doctor('/hours'),
    body: ({ clinicId }) => ({
      hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
        clinicId,
        weekday,
        from: '08:00',
        to: '20:00',
      })),
    }),
    by: 'doctor',
  },
  'GET /api/v1/doctors/{id}/openings': { path: doctor('/openings'), by: 'doctor' },
  'POST /api/v1/doctors/{id}/openings': {
    path: doctor('/openings'),
    body: ({ clinicId, runtime }) => ({
      clinicId,
      date: addDays(localDateOf(runtime.clock(), zone), 3),
      from: '21:00',
      to: '22:00',
    }),
    by: 'doctor',
  },
  'DELETE /api/v1/doctors/{id}/openings/{openingId}': {
    async path({ app, runtime, doctorId, clinicId, as }) {
      const date = addDays(localDateOf(runtime.clock(), zone), 3)
      const body = { clinicId, date, from: '21:00', to: '22:00' }
      const { id } = await must(app, `POST /doctors/${doctorId}/openings`, as.admin, body)
      return `/api/v1/doctors/${doctorId}/openings/${id}`
    },
    by: 'doctor',
  },
  'GET /api/v1/doctors/{id}/time-off': { path: doctor('/time-off'), by: 'doctor' },
  'POST /api/v1/doctors/{id}/time-off': {
    path: doctor('/time-off'),
    body: {
      startsAt: '2031-07-01T00:00:00+02:00',
      endsAt: '2031-07-20T00:00:00+02:00',
      note: 'Sea',
    },
    by: 'doctor',
  },
  'DELETE /api/v1/doctors/{id}/time-off/{timeOffId}': {
    async path({ app, doctorId, as }) {
      const body = { startsAt: '2031-08-01T00:00:00Z', endsAt: '2031-08-02T00:00:00Z' }
      const { id } = await must(app, `POST /doctors/${doctorId}/time-off`, as.admin, body)
      return `/api/v1/doctors/${doctorId}/time-off/${id}`
    },
    by: 'doctor',
  },

  'GET /api/v1/patients': { by: 'patient' },
  'GET /api/v1/patients/{id}': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}`,
    by: 'patient',
  },
  'PATCH /api/v1/patients/{id}': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}`,
    body: { phone: '+33 1 42 68 53 02' },
    by: 'patient',
  },

  'POST /api/v1/appointments': {
    body: ({ doctorId, clinicId, visitTypeId, patient, freeTime }) => ({
      doctorId,
      clinicId,
      visitTypeId,
      patientId: patient.patientId,
      startsAt: freeTime(),
      reason: 'Follow-up.',
    }),
    by: 'patient',
  },
  'GET /api/v1/appointments': { by: 'patient' },
  'GET /api/v1/appointments/{id}': { path: visitStep(''), by: 'patient' },
  'DELETE /api/v1/appointments/{id}': { path: visitStep(''), by: 'patient' },
  'POST /api/v1/appointments/{id}/accept': { path: visitStep('/accept'), body: {}, by: 'doctor' },
  'POST /api/v1/appointments/{id}/decline': {
    path: visitStep('/decline'),
    body: { reason: 'Please come in the morning.' },
    by: 'doctor',
  },
  'POST /api/v1/appointments/{id}/cancel': {
    path: visitStep('/cancel'),
    body: { reason: 'I am well again.' },
    by: 'patient',
  },
}
