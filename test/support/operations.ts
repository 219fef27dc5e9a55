// Every operation of the API with a request that is right, for tests that go through all of them.

import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'
import { hashPassword } from '#src/identity/passwords.ts'
import { startSession } from '#src/identity/sessions.ts'
import { newId } from '#src/kernel/ids.ts'
import { addDays, formatInstant, localDateOf, resolveLocal } from '#src/kernel/time.ts'
import type { VisitPurpose } from '#src/links/address.ts'
import { offerOpenTimes } from '#src/waitlist/offers.ts'
import { mailAbout, wordOf } from './links.ts'
import { writeNotification } from './notifications.ts'
import { tokenOfSomeone } from './account.ts'
import { call, makeNetwork, signInAs, type Network } from './network.ts'
import { makePatients, type RacePatient } from './race-network.ts'
import { accountsOf, givePassword, giveSecondFactor, takeSecondFactors } from './signing-in.ts'

export const callers = [
  'nobody',
  'patient',
  'otherPatient',
  'doctor',
  'otherDoctor',
  'deskHere',
  'deskElsewhere',
  'admin',
  'disabled',
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
      disabled: await disabledAdmin(runtime),
    },
    email: () => (registered ??= register()),
    freeTime,
    requestedVisit: async () => String((await visit(clinicVisitTypeId)).id),
  }
}

/** The Authorization header of an admin who was signed in when the account was disabled. */
async function disabledAdmin(runtime: Runtime): Promise<string> {
  const as = await signInAs(runtime, { role: 'admin' })
  await runtime.db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', decodeJwt(as.slice('Bearer '.length)).sub!)
    .execute()
  return as
}

async function must(
  app: App,
  request: Parameters<typeof call>[1],
  as: string | undefined,
  body?: unknown,
) {
  const answer = await call(app, request, { as, body })
  assert.ok(answer.status < 300, `${request}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

export interface RightRequest {
  /** The path below the root; by default the operation's, with the ids of the scene. */
  path?: ((scene: Scene) => string | Promise<string>) | string
  /** What follows the question mark, where the operation needs a query. */
  query?: string
  /** JSON, or text for another content type. */
  body?: ((scene: Scene) => unknown) | Record<string, unknown> | string
  contentType?: string
  /** Someone who may do it. */
  by: Caller
}

export interface Prepared {
  method: string
  url: string
  /** Sent unless the URL has a query of its own; empty for none. */
  query: string
  /** A value to be sent as JSON, or bytes and text to be sent as they are; undefined for none. */
  body: unknown
  contentType: string
  by: Caller
}

/** Sends it with this Authorization header. */
export function sendRequest(app: App, request: Prepared, as: string | undefined) {
  const { method, url, query, body, contentType } = request
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  return app.inject({
    method: method as 'POST',
    url: query === '' || url.includes('?') ? url : `${url}?${query}`,
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
    query: right.query ?? '',
    body: typeof right.body === 'function' ? await right.body(scene) : right.body,
    contentType: right.contentType ?? 'application/json',
    by: right.by,
  }
}

async function refreshToken({ app, email }: Scene): Promise<{ refreshToken: string }> {
  const body = await must(app, 'POST /auth/login', undefined, { email: await email(), password })
  return { refreshToken: body.refreshToken }
}

/** The id of someone without an account whom the front desk here has just registered. */
async function personAtTheDesk({ app, as }: Scene): Promise<string> {
  const body = { name: 'Anna Berg', dateOfBirth: '1984-07-19', despiteDuplicates: true }
  return String((await must(app, 'POST /patients', as.deskHere, body)).id)
}

/** The token of an invitation by which one patient lets the account of another one book. */
async function accessToken(
  { app, runtime }: Pick<Scene, 'app' | 'runtime'>,
  { of, to }: { of: RacePatient; to: RacePatient },
): Promise<string> {
  const email = `${to.accountId}@example.org`
  const body = { email, relation: 'carer', scope: 'book' }
  const { id } = await must(app, `POST /patients/${of.patientId}/access`, of.as, body)
  return runtime.links.tokenOf('access', id)
}

/** The path of the access of someone new to the patient. */
async function accessOfCarer({ app, runtime, patient }: Scene): Promise<string> {
  const [carer] = await makePatients(runtime, 1)
  assert.ok(carer)
  const token = await accessToken({ app, runtime }, { of: patient, to: carer })
  await must(app, 'POST /patients/access-invitations/accept', carer.as, { token })
  return `/api/v1/patients/${patient.patientId}/access/${carer.accountId}`
}

/** The password of everyone in the scene, who has no second factor. */
async function givenPassword({ runtime, as }: Scene): Promise<{ password: string }> {
  const accountIds = accountsOf(Object.values(as))
  await givePassword(runtime, { accountIds, password })
  await takeSecondFactors(runtime, accountIds)
  return { password }
}

/** The password of everyone in the scene, who has a second factor, and its code. */
async function givenFactor(scene: Scene): Promise<{ password: string; code: string }> {
  const accountIds = accountsOf(Object.values(scene.as))
  await givenPassword(scene)
  return {
    password,
    code: await giveSecondFactor(scene.runtime, { accountIds, isConfirmed: true }),
  }
}

const clinic = (rest: string) => (scene: Scene) => `/api/v1/clinics/${scene.clinicId}${rest}`
const doctor = (rest: string) => (scene: Scene) => `/api/v1/doctors/${scene.doctorId}${rest}`
const visitStep = (step: string) => async (scene: Scene) =>
  `/api/v1/appointments/${await scene.requestedVisit()}${step}`

/** The path of a step after others that the front desk here, or else `by`, has taken. */
const visitStepAfter =
  (earlier: string[], step: string, by: Caller = 'deskHere') =>
  async (scene: Scene) => {
    const path = `/appointments/${await scene.requestedVisit()}`
    for (const one of earlier) await must(scene.app, `POST ${path}/${one}`, scene.as[by], {})
    return `/api/v1${path}/${step}`
  }

/** The path of a visit about which the patient and the doctor have written. */
const writtenAbout = (rest: string) => async (scene: Scene) => {
  const path = `/appointments/${await scene.requestedVisit()}`
  for (const as of [scene.as.patient, scene.as.doctor])
    await must(scene.app, `POST ${path}/messages`, as, { text: 'Until then.' })
  return `/api/v1${path}${rest}`
}

/** The path of a step of a time that the patient holds. */
const heldStep = (step: string) => async (scene: Scene) => {
  const { app, as, doctorId, visitTypeId, freeTime } = scene
  const body = { doctorId, visitTypeId, startsAt: freeTime(), hold: true }
  const { id } = await must(app, 'POST /appointments', as.patient, body)
  return `/api/v1/appointments/${id}/${step}`
}

/** Takes the patient off the waitlist, on which nobody has many entries. */
async function leaveWaitlist({ app, as }: Scene): Promise<void> {
  const { items } = await must(app, 'GET /waitlist', as.patient)
  for (const { id } of items as { id: string }[])
    await must(app, `DELETE /waitlist/${id}`, as.patient)
}

/** The path of a fresh entry of the patient, for whom nothing suits. */
const waiting = (rest: string) => async (scene: Scene) => {
  await leaveWaitlist(scene)
  const appointmentId = await scene.requestedVisit()
  const wish = { appointmentId, from: '22:00' }
  const { id } = await must(scene.app, 'POST /waitlist', scene.as.patient, wish)
  return `/api/v1/waitlist/${id}${rest}`
}

let offers = 0

/** The path of a fresh entry of the patient, with an offer weeks after all free times of the scene. */
const offered = (rest: string) => async (scene: Scene) => {
  await leaveWaitlist(scene)
  const { app, runtime, as, doctorId, visitTypeId } = scene
  const today = localDateOf(runtime.clock(), zone)
  const half = offers++ % 200
  const date = addDays(today, 75 + Math.floor(half / 24))
  const { id: appointmentId } = await must(app, 'POST /appointments', as.patient, {
    doctorId,
    visitTypeId,
    startsAt: formatInstant(resolveLocal(zone, date, 480 + (half % 24) * 30)!, zone),
  })
  const wish = { appointmentId, fromDate: addDays(today, 60) }
  const { id } = await must(app, 'POST /waitlist', as.patient, wish)
  const noon = resolveLocal(zone, addDays(today, 1), 720)!
  await offerOpenTimes({ ...runtime, clock: () => noon })
  return `/api/v1/waitlist/${id}${rest}`
}

/** A calendar feed of the patient; there may be few. */
async function calendarFeed({ app, as, patient }: Scene): Promise<{ id: string; url: string }> {
  const { items } = await must(app, 'GET /calendar-feeds', as.patient)
  const { patientId } = patient
  return items[0] ?? must(app, 'POST /calendar-feeds', as.patient, { patientId })
}

/** The token of a link in a mail to the patient about a visit that the clinic has confirmed. */
const linkTo = (purpose: VisitPurpose) => async (scene: Scene) => {
  const { app, runtime, as, patient } = scene
  const appointmentId = await scene.requestedVisit()
  await must(app, `POST /appointments/${appointmentId}/accept`, as.deskHere, {})
  const { accountId } = patient
  return { token: wordOf(runtime, purpose, await mailAbout(runtime, { appointmentId, accountId })) }
}

/** The token of a link in a mail to the patient about a time that the waitlist offers. */
async function linkToOffer(scene: Scene): Promise<{ token: string }> {
  const { app, runtime, as, patient } = scene
  const entry = await must(
    app,
    `GET ${(await offered('')(scene)).slice('/api/v1'.length)}`,
    as.patient,
  )
  const { accountId } = patient
  const { appointmentId } = entry.offer
  return { token: wordOf(runtime, 'offer', await mailAbout(runtime, { appointmentId, accountId })) }
}

/** The path of someone of the front desk, who does nothing else here. */
const deskAccount = (rest: string) => async (scene: Scene) => {
  const { runtime, clinicId } = scene
  const as = await signInAs(runtime, { role: 'front_desk', clinicId })
  return `/api/v1/admin/users/${decodeJwt(as.slice('Bearer '.length)).sub}${rest}`
}

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
  'GET /api/v1/realtime': { by: 'nobody' },

  'GET /healthz': { by: 'nobody' },
  'GET /readyz': { by: 'nobody' },
  'GET /metrics': { by: 'nobody' },
  'GET /openapi.json': { by: 'nobody' },
  'GET /problems/{code}': { path: '/problems/slot-taken', by: 'nobody' },
  'GET /.well-known/jwks.json': { by: 'nobody' },
  'GET /calendar/{name}': {
    path: async (scene) => new URL((await calendarFeed(scene)).url).pathname,
    by: 'nobody',
  },

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
  'PATCH /api/v1/auth/me': {
    body: { name: 'Anna Berg', phone: '+33 1 42 68 53 00', locale: 'en-GB' },
    by: 'patient',
  },
  'POST /api/v1/auth/change-password': {
    body: async (scene) => ({
      ...(await givenPassword(scene)),
      newPassword: 'nine dry otters nap',
    }),
    by: 'patient',
  },
  'POST /api/v1/auth/forgot-password': {
    body: async ({ email }) => ({ email: await email() }),
    by: 'nobody',
  },
  'POST /api/v1/auth/reset-password': {
    body: async () => ({
      token: await tokenOfSomeone('reset_password'),
      password: 'nine dry otters nap',
    }),
    by: 'nobody',
  },
  'POST /api/v1/auth/verify-email': {
    body: async () => ({ token: await tokenOfSomeone('verify_email') }),
    by: 'nobody',
  },
  'POST /api/v1/auth/verify-email/send': { by: 'patient' },
  'POST /api/v1/auth/change-email': {
    body: async (scene) => ({
      ...(await givenPassword(scene)),
      email: `${newId()}@example.org`,
    }),
    by: 'patient',
  },
  'POST /api/v1/auth/change-email/confirm': {
    body: async () => ({ token: await tokenOfSomeone('change_email') }),
    by: 'nobody',
  },
  'GET /api/v1/auth/sessions': { query: 'limit=5', by: 'patient' },
  // Those with which the other operations are tried are needed on.
  'DELETE /api/v1/auth/sessions': { query: 'except=current', by: 'patient' },
  'DELETE /api/v1/auth/sessions/{id}': {
    async path({ runtime, patient: { accountId } }) {
      const { sessionId } = await startSession(runtime, runtime.db, { accountId, role: 'patient' })
      return `/api/v1/auth/sessions/${sessionId}`
    },
    by: 'patient',
  },
  'POST /api/v1/auth/second-factor': { body: givenPassword, by: 'patient' },
  'POST /api/v1/auth/second-factor/confirm': {
    async body({ runtime, as }) {
      const accountIds = accountsOf(Object.values(as))
      return { code: await giveSecondFactor(runtime, { accountIds, isConfirmed: false }) }
    },
    by: 'patient',
  },
  'POST /api/v1/auth/second-factor/recovery-codes': { body: givenFactor, by: 'patient' },
  'POST /api/v1/auth/second-factor/disable': { body: givenFactor, by: 'patient' },
  'POST /api/v1/invitations': {
    body: ({ clinicId }) => ({ role: 'front_desk', clinicId, email: 'desk@example.org' }),
    by: 'admin',
  },
  'GET /api/v1/invitations': { query: 'status=open&limit=5', by: 'admin' },
  'DELETE /api/v1/invitations/{id}': {
    async path({ app, as }) {
      const { id } = await must(app, 'POST /invitations', as.admin, { role: 'admin' })
      return `/api/v1/invitations/${id}`
    },
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
  'PUT /api/v1/doctors/{id}/delay': {
    path: doctor('/delay'),
    body: { minutes: 25 },
    by: 'doctor',
  },
  'GET /api/v1/doctors/{id}/delays': { path: doctor('/delays'), by: 'doctor' },
  'GET /api/v1/doctors/{id}/dashboard': { path: doctor('/dashboard'), by: 'doctor' },
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
  'GET /api/v1/doctors/{id}/time-off/{timeOffId}/affected': {
    async path({ app, doctorId, as }) {
      const body = { startsAt: '2031-09-01T00:00:00Z', endsAt: '2031-09-02T00:00:00Z' }
      const { id } = await must(app, `POST /doctors/${doctorId}/time-off`, as.admin, body)
      return `/api/v1/doctors/${doctorId}/time-off/${id}/affected`
    },
    by: 'doctor',
  },
  'POST /api/v1/doctors/{id}/rebooking': {
    path: doctor('/rebooking'),
    body: { from: '2031-07-01T00:00:00+02:00', to: '2031-07-02T00:00:00+02:00' },
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
  'GET /api/v1/patients/{id}/dashboard': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}/dashboard`,
    by: 'patient',
  },
  'GET /api/v1/patients/{id}': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}`,
    by: 'patient',
  },
  'PATCH /api/v1/patients/{id}': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}`,
    body: { phone: '+33 1 42 68 53 02' },
    by: 'patient',
  },
  'POST /api/v1/patients/search': { body: { q: 'anna' }, by: 'deskHere' },
  'POST /api/v1/patients': {
    body: () => ({
      name: `Anna ${newId()}`,
      phone: '+33 1 42 68 53 00',
      email: `${newId()}@example.org`,
      dateOfBirth: '1984-07-19',
      despiteDuplicates: true,
    }),
    by: 'deskHere',
  },
  'GET /api/v1/patients/{id}/medical-history': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}/medical-history`,
    by: 'patient',
  },
  'POST /api/v1/patients/{id}/medical-history': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}/medical-history`,
    body: { kind: 'allergy', text: 'Penicillin', details: { reaction: 'Rash', since: '2019' } },
    by: 'patient',
  },
  'POST /api/v1/patients/{id}/medical-history/{entryId}/correct': {
    async path({ app, as, patient }) {
      const path = `/patients/${patient.patientId}/medical-history`
      const { id } = await must(app, `POST ${path}`, as.patient, { kind: 'note', text: 'Asthma' })
      return `/api/v1${path}/${id}/correct`
    },
    body: { kind: 'condition', text: 'Asthma', details: { since: '2004-03' }, reason: 'Misfiled' },
    by: 'patient',
  },
  'GET /api/v1/patients/{id}/access': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}/access`,
    by: 'patient',
  },
  'POST /api/v1/patients/{id}/access': {
    path: ({ patient }) => `/api/v1/patients/${patient.patientId}/access`,
    body: {
      email: 'marie.berg@example.org',
      relation: 'carer',
      scope: 'book',
      endsAt: '2031-07-01T00:00:00+02:00',
    },
    by: 'patient',
  },
  'PATCH /api/v1/patients/{id}/access/{accountId}': {
    path: accessOfCarer,
    body: { scope: 'see', endsAt: '2031-07-01T00:00:00+02:00' },
    by: 'patient',
  },
  'DELETE /api/v1/patients/{id}/access/{accountId}': { path: accessOfCarer, by: 'patient' },
  'DELETE /api/v1/patients/{id}/access-invitations/{invitationId}': {
    async path({ app, patient }) {
      const path = `/patients/${patient.patientId}`
      const body = { email: 'leo.berg@example.org', relation: 'carer', scope: 'see' }
      const { id } = await must(app, `POST ${path}/access`, patient.as, body)
      return `/api/v1${path}/access-invitations/${id}`
    },
    by: 'patient',
  },
  'POST /api/v1/patients/access-invitations/accept': {
    async body({ app, runtime, otherPatient }) {
      const [inviting] = await makePatients(runtime, 1)
      assert.ok(inviting)
      return { token: await accessToken({ app, runtime }, { of: inviting, to: otherPatient }) }
    },
    by: 'otherPatient',
  },
  'POST /api/v1/patients/{id}/claim-links': {
    path: async (scene) => `/api/v1/patients/${await personAtTheDesk(scene)}/claim-links`,
    body: {},
    by: 'deskHere',
  },
  'POST /api/v1/patients/claims': {
    async body(scene) {
      const path = `/patients/${await personAtTheDesk(scene)}/claim-links`
      const { code } = await must(scene.app, `POST ${path}`, scene.as.deskHere, {})
      return { code, dateOfBirth: '1984-07-19', relation: 'carer' }
    },
    by: 'patient',
  },

  'POST /api/v1/patients/{id}/merge': {
    path: async (scene) => `/api/v1/patients/${await personAtTheDesk(scene)}/merge`,
    body: async (scene) => ({ duplicateId: await personAtTheDesk(scene) }),
    by: 'deskHere',
  },
  'GET /api/v1/me/export': { by: 'patient' },
  'DELETE /api/v1/me': {
    // With the right password there would be nobody left to ask anything else.
    async body({ runtime, as }) {
      const accountIds = Object.values(as).flatMap((header) =>
        header === undefined ? [] : [decodeJwt(header.slice('Bearer '.length)).sub!],
      )
      await runtime.db
        .updateTable('account')
        .set({ password_hash: await hashPassword(password) })
        .where('id', 'in', accountIds)
        .execute()
      return { password: 'not the right one' }
    },
    by: 'patient',
  },
  'DELETE /api/v1/doctors/{id}': {
    async path({ app, as }) {
      const { id } = await must(app, 'POST /doctors', as.admin, { name: 'Hugo Weber' })
      return `/api/v1/doctors/${id}`
    },
    by: 'admin',
  },
  'POST /api/v1/admin/patients/{id}/erase': {
    path: async (scene) => `/api/v1/admin/patients/${await personAtTheDesk(scene)}/erase`,
    by: 'admin',
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
  'POST /api/v1/appointments/walk-in': {
    async body({ runtime, doctorId, clinicId, visitTypeId }) {
      const [someone] = await makePatients(runtime, 1)
      return {
        patientId: someone?.patientId,
        doctorId,
        clinicId,
        visitTypeId,
        reason: 'A cut.',
        overbook: { reason: 'It bleeds.' },
      }
    },
    by: 'deskHere',
  },
  'GET /api/v1/appointments': { by: 'patient' },
  'GET /api/v1/appointments/{id}': { path: visitStep(''), by: 'patient' },
  'PATCH /api/v1/appointments/{id}': {
    path: visitStep(''),
    body: { staffNote: 'Needs the ground floor.' },
    by: 'deskHere',
  },
  'DELETE /api/v1/appointments/{id}': { path: visitStep(''), by: 'patient' },
  'GET /api/v1/appointments/{id}/calendar.ics': { path: visitStep('/calendar.ics'), by: 'patient' },
  'GET /api/v1/appointments/{id}/history': { path: visitStep('/history'), by: 'patient' },
  'POST /api/v1/appointments/{id}/renew-hold': {
    path: heldStep('renew-hold'),
    body: {},
    by: 'patient',
  },
  'POST /api/v1/appointments/{id}/confirm-hold': {
    path: heldStep('confirm-hold'),
    body: { reason: 'Follow-up.' },
    by: 'patient',
  },
  'POST /api/v1/appointments/{id}/accept': { path: visitStep('/accept'), body: {}, by: 'doctor' },
  'POST /api/v1/appointments/{id}/decline': {
    path: visitStep('/decline'),
    body: { reason: 'Please come in the morning.' },
    by: 'doctor',
  },
  'POST /api/v1/appointments/{id}/reschedule': {
    path: visitStep('/reschedule'),
    body: ({ freeTime }) => ({ startsAt: freeTime(), reason: 'I have to work then.' }),
    by: 'patient',
  },
  'POST /api/v1/appointments/{id}/cancel': {
    path: visitStep('/cancel'),
    body: { reason: 'I am well again.' },
    by: 'patient',
  },
  'POST /api/v1/appointments/{id}/check-in': {
    path: visitStepAfter(['accept'], 'check-in'),
    body: {},
    by: 'deskHere',
  },
  'POST /api/v1/appointments/{id}/start': {
    path: visitStepAfter(['accept', 'check-in'], 'start'),
    body: {},
    by: 'doctor',
  },
  'POST /api/v1/appointments/{id}/complete': {
    path: visitStepAfter(['accept', 'check-in', 'start'], 'complete'),
    body: {},
    by: 'doctor',
  },
  'POST /api/v1/appointments/{id}/no-show': {
    path: visitStepAfter(['accept'], 'no-show'),
    body: {},
    by: 'deskHere',
  },
  'POST /api/v1/appointments/{id}/correct': {
    path: visitStepAfter(['accept', 'no-show'], 'correct'),
    body: { reason: 'She was in the wrong room.' },
    by: 'deskHere',
  },
  'POST /api/v1/appointments/{id}/undo': {
    path: visitStepAfter(['cancel'], 'undo', 'patient'),
    body: {},
    by: 'patient',
  },

  'POST /api/v1/calendar-feeds': {
    body: ({ patient }) => ({ patientId: patient.patientId }),
    by: 'patient',
  },
  'GET /api/v1/calendar-feeds': { by: 'patient' },
  'DELETE /api/v1/calendar-feeds/{id}': {
    path: async (scene) => `/api/v1/calendar-feeds/${(await calendarFeed(scene)).id}`,
    by: 'patient',
  },

  'POST /api/v1/waitlist': {
    body: async (scene) => {
      await leaveWaitlist(scene)
      const appointmentId = await scene.requestedVisit()
      const { clinicId } = scene
      return { appointmentId, clinicId, weekdays: [1, 3], from: '22:00', to: '23:00' }
    },
    by: 'patient',
  },
  'GET /api/v1/waitlist': { by: 'patient' },
  'GET /api/v1/waitlist/{id}': { path: waiting(''), by: 'patient' },
  'DELETE /api/v1/waitlist/{id}': { path: waiting(''), by: 'patient' },
  'POST /api/v1/waitlist/{id}/take': { path: offered('/take'), body: {}, by: 'patient' },
  'POST /api/v1/waitlist/{id}/refuse': { path: offered('/refuse'), body: {}, by: 'patient' },

  'POST /api/v1/links/view': { body: linkTo('view'), by: 'nobody' },
  'POST /api/v1/links/cancel': {
    body: async (scene) => ({ ...(await linkTo('cancel')(scene)), version: 2 }),
    by: 'nobody',
  },
  'POST /api/v1/links/open-times': {
    body: async (scene) => ({
      ...(await linkTo('move')(scene)),
      from: localDateOf(scene.runtime.clock(), zone),
    }),
    by: 'nobody',
  },
  'POST /api/v1/links/move': {
    async body(scene) {
      const link = await linkTo('move')(scene)
      // After all free times of the scene, and before those that are offered.
      const from = addDays(localDateOf(scene.runtime.clock(), zone), 40)
      const asked = { ...link, from }
      const { days } = await must(scene.app, 'POST /links/open-times', undefined, asked)
      const slots = days.flatMap(({ slots }: { slots: { id: string }[] }) => slots)
      return { ...link, slotId: slots.at(-1).id, version: 2 }
    },
    by: 'nobody',
  },
  'POST /api/v1/links/confirm': { body: linkTo('confirm'), by: 'nobody' },
  'POST /api/v1/links/offer': {
    body: async (scene) => ({ ...(await linkToOffer(scene)), answer: 'take' }),
    by: 'nobody',
  },

  'GET /api/v1/appointments/{id}/messages': { path: writtenAbout('/messages'), by: 'patient' },
  'POST /api/v1/appointments/{id}/messages': {
    path: visitStep('/messages'),
    body: { text: 'Shall I bring the letter?' },
    by: 'patient',
  },
  'POST /api/v1/appointments/{id}/messages/read': {
    path: writtenAbout('/messages/read'),
    body: {},
    by: 'patient',
  },
  'GET /api/v1/messages/unread': { by: 'patient' },

  'GET /api/v1/notifications': { by: 'patient' },
  'POST /api/v1/notifications/{id}/read': {
    path: async ({ runtime, patient: { accountId } }) =>
      `/api/v1/notifications/${await writeNotification(runtime, { account_id: accountId })}/read`,
    body: {},
    by: 'patient',
  },
  'POST /api/v1/notifications/read': { body: {}, by: 'patient' },
  'GET /api/v1/notifications/preferences': { by: 'patient' },
  'PATCH /api/v1/notifications/preferences': {
    body: {
      kinds: [{ kind: 'reminder', email: true, sms: true }],
      quietHours: { from: '22:00', to: '07:00', timeZone: zone },
      language: 'en',
    },
    by: 'patient',
  },
  'GET /api/v1/appointments/{id}/notifications': {
    async path(scene) {
      const appointmentId = await scene.requestedVisit()
      const { accountId } = scene.patient
      await mailAbout(scene.runtime, { appointmentId, accountId, address: 'anna@example.org' })
      return `/api/v1/appointments/${appointmentId}/notifications`
    },
    by: 'deskHere',
  },
  'GET /api/v1/admin/delivery': { by: 'admin' },
  'POST /api/v1/admin/import/doctors': {
    body: () => `name;title\nImported ${newId()};Dr.`,
    contentType: 'text/csv',
    by: 'admin',
  },
  'POST /api/v1/admin/import/hours': {
    // The hours that the doctor has.
    body: ({ doctorId, clinicId }) =>
      ['doctor;clinic;weekday;from;to']
        .concat([1, 2, 3, 4, 5, 6, 7].map((day) => `${doctorId};${clinicId};${day};08:00;20:00`))
        .join('\n'),
    contentType: 'text/csv',
    by: 'admin',
  },
  'POST /api/v1/admin/import/patients': {
    body: () => `name;dateOfBirth\nImported ${newId()};1984-07-19`,
    contentType: 'text/csv',
    by: 'admin',
  },
  'GET /api/v1/admin/users': { query: 'q=anna&status=active', by: 'admin' },
  'GET /api/v1/admin/users/{id}': { path: deskAccount(''), by: 'admin' },
  'POST /api/v1/admin/users/{id}/disable': {
    path: deskAccount('/disable'),
    body: {},
    by: 'admin',
  },
  'POST /api/v1/admin/users/{id}/enable': { path: deskAccount('/enable'), body: {}, by: 'admin' },
  'POST /api/v1/admin/users/{id}/erase': { path: deskAccount('/erase'), body: {}, by: 'admin' },
  'PUT /api/v1/admin/users/{id}/role': {
    path: deskAccount('/role'),
    body: { role: 'patient' },
    by: 'admin',
  },
  'PUT /api/v1/admin/users/{id}/memberships': {
    path: deskAccount('/memberships'),
    body: ({ otherClinicId }) => ({ clinicIds: [otherClinicId] }),
    by: 'admin',
  },
  'DELETE /api/v1/admin/users/{id}/sessions': { path: deskAccount('/sessions'), by: 'admin' },
  'DELETE /api/v1/admin/users/{id}/second-factor': {
    path: deskAccount('/second-factor'),
    by: 'admin',
  },
  'GET /api/v1/admin/overview': { by: 'admin' },
  'GET /api/v1/admin/appointments.csv': { by: 'admin' },
  'GET /api/v1/admin/audit': { query: 'allowed=true&limit=5', by: 'admin' },
  'GET /api/v1/admin/audit.csv': { query: 'subjectType=settings', by: 'admin' },
  'GET /api/v1/admin/settings': { by: 'admin' },
  // As it is by default: all tests have the one network.
  'PATCH /api/v1/admin/settings': { body: { keepEventsDays: 90 }, by: 'admin' },
}
