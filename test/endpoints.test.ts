// Who may call what: each operation as nobody and as everyone else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertDescribed, describedOperations } from './support/described-answers.ts'
import { callers, makeScene, operations, requestOf, sendRequest } from './support/operations.ts'
import { testVisita } from './support/visita.ts'

const { app, runtime } = await testVisita()

/**
 * The status for each caller in the order of `callers`: nobody; the patient; another patient; the
 * doctor; another doctor of the clinic; the front desk of the clinic; that of another clinic; an
 * admin; an admin whose account is disabled, who is nobody. What belongs to a patient is not found by
 * strangers (404); what everyone knows to exist is refused to them (403).
 */
const table: Record<string, string> = {
  'GET /healthz': '200 200 200 200 200 200 200 200 200',
  'GET /readyz': '200 200 200 200 200 200 200 200 200',
  'GET /metrics': '200 200 200 200 200 200 200 200 200',
  'GET /openapi.json': '200 200 200 200 200 200 200 200 200',
  'GET /problems/{code}': '200 200 200 200 200 200 200 200 200',
  'GET /.well-known/jwks.json': '200 200 200 200 200 200 200 200 200',
  // Whoever has the address.
  'GET /calendar/{name}': '200 200 200 200 200 200 200 200 200',

  'POST /api/v1/auth/register': '201 201 201 201 201 201 201 201 201',
  'POST /api/v1/auth/login': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/auth/refresh': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/auth/logout': '204 204 204 204 204 204 204 204 204',
  'GET /api/v1/auth/me': '401 200 200 200 200 200 200 200 401',
  'PATCH /api/v1/auth/me': '401 200 200 200 200 200 200 200 401',
  'POST /api/v1/auth/change-password': '401 204 204 204 204 204 204 204 401',
  'POST /api/v1/auth/forgot-password': '202 202 202 202 202 202 202 202 202',
  // Whoever has the link, signed in or not.
  'POST /api/v1/auth/reset-password': '204 204 204 204 204 204 204 204 204',
  'POST /api/v1/auth/verify-email': '204 204 204 204 204 204 204 204 204',
  'POST /api/v1/auth/verify-email/send': '401 202 202 202 202 202 202 202 401',
  'POST /api/v1/auth/change-email': '401 202 202 202 202 202 202 202 401',
  'POST /api/v1/auth/change-email/confirm': '204 204 204 204 204 204 204 204 204',
  'GET /api/v1/auth/sessions': '401 200 200 200 200 200 200 200 401',
  'DELETE /api/v1/auth/sessions': '401 204 204 204 204 204 204 204 401',
  'DELETE /api/v1/auth/sessions/{id}': '401 204 404 404 404 404 404 404 401',
  'POST /api/v1/auth/second-factor': '401 201 201 201 201 201 201 201 401',
  'POST /api/v1/auth/second-factor/confirm': '401 200 200 200 200 200 200 200 401',
  'POST /api/v1/auth/second-factor/recovery-codes': '401 200 200 200 200 200 200 200 401',
  'POST /api/v1/auth/second-factor/disable': '401 204 204 204 204 204 204 204 401',
  'POST /api/v1/invitations': '401 403 403 403 403 403 403 201 401',
  'GET /api/v1/invitations': '401 403 403 403 403 403 403 200 401',
  'DELETE /api/v1/invitations/{id}': '401 403 403 403 403 403 403 204 401',

  'GET /api/v1/clinics': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/clinics': '401 403 403 403 403 403 403 201 401',
  'GET /api/v1/clinics/{id}': '200 200 200 200 200 200 200 200 200',
  'PATCH /api/v1/clinics/{id}': '401 403 403 403 403 200 403 200 401',
  'GET /api/v1/clinics/{id}/closures': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/clinics/{id}/closures': '401 403 403 403 403 201 403 201 401',
  'POST /api/v1/clinics/{id}/closures/import': '401 403 403 403 403 200 403 200 401',
  'DELETE /api/v1/clinics/{id}/closures/{closureId}': '401 403 403 403 403 204 403 204 401',
  'GET /api/v1/clinics/{id}/rooms': '401 403 403 200 200 200 403 200 401',
  'POST /api/v1/clinics/{id}/rooms': '401 403 403 403 403 201 403 201 401',
  'DELETE /api/v1/clinics/{id}/rooms/{roomId}': '401 403 403 403 403 204 403 204 401',

  'GET /api/v1/visit-types': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/visit-types': '401 403 403 403 403 201 403 201 401',
  'GET /api/v1/visit-types/{id}': '200 200 200 200 200 200 200 200 200',
  'PATCH /api/v1/visit-types/{id}': '401 403 403 403 403 200 403 200 401',
  'GET /api/v1/specialties': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/specialties': '401 403 403 403 403 403 403 201 401',
  'PATCH /api/v1/specialties/{id}': '401 403 403 403 403 403 403 200 401',

  'GET /api/v1/doctors': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/doctors': '401 403 403 403 403 403 403 201 401',
  'GET /api/v1/doctors/{id}': '200 200 200 200 200 200 200 200 200',
  'PATCH /api/v1/doctors/{id}': '401 403 403 200 403 200 403 200 401',
  'GET /api/v1/doctors/{id}/availability': '200 200 200 200 200 200 200 200 200',
  'GET /api/v1/slots': '200 200 200 200 200 200 200 200 200',
  'GET /api/v1/doctors/{id}/hours': '401 403 403 200 403 200 403 200 401',
  'PUT /api/v1/doctors/{id}/hours': '401 403 403 200 403 200 403 200 401',
  'PUT /api/v1/doctors/{id}/delay': '401 403 403 200 403 200 403 200 401',
  'GET /api/v1/doctors/{id}/delays': '401 403 403 200 403 200 403 200 401',
  'GET /api/v1/doctors/{id}/dashboard': '401 403 403 200 403 200 403 200 401',
  'GET /api/v1/doctors/{id}/openings': '401 403 403 200 403 200 403 200 401',
  'POST /api/v1/doctors/{id}/openings': '401 403 403 201 403 201 403 201 401',
  'DELETE /api/v1/doctors/{id}/openings/{openingId}': '401 403 403 204 403 204 403 204 401',
  'GET /api/v1/doctors/{id}/time-off': '401 403 403 200 403 200 403 200 401',
  'POST /api/v1/doctors/{id}/time-off': '401 403 403 201 403 201 403 201 401',
  'DELETE /api/v1/doctors/{id}/time-off/{timeOffId}': '401 403 403 204 403 204 403 204 401',
  'POST /api/v1/doctors/{id}/rebooking': '401 403 403 200 403 200 403 200 401',
  'GET /api/v1/doctors/{id}/time-off/{timeOffId}/affected': '401 403 403 200 403 200 403 200 401',

  'GET /api/v1/patients': '401 200 200 200 200 200 200 200 401',
  'GET /api/v1/patients/{id}/dashboard': '401 200 404 404 404 404 404 404 401',
  'GET /api/v1/patients/{id}': '401 200 404 200 404 200 404 200 401',
  'PATCH /api/v1/patients/{id}': '401 200 404 403 404 403 404 403 401',
  'POST /api/v1/patients/search': '401 403 403 200 200 200 200 200 401',
  // Patients must say what they are to the person.
  'POST /api/v1/patients': '401 422 422 201 201 201 201 201 401',
  'GET /api/v1/patients/{id}/access': '401 200 404 403 404 200 404 200 401',
  'POST /api/v1/patients/{id}/access': '401 201 404 403 404 403 404 403 401',
  'PATCH /api/v1/patients/{id}/access/{accountId}': '401 200 404 403 404 403 404 403 401',
  'DELETE /api/v1/patients/{id}/access/{accountId}': '401 200 404 403 404 403 404 403 401',
  'DELETE /api/v1/patients/{id}/access-invitations/{invitationId}':
    '401 204 404 403 404 403 404 403 401',
  // Only the account of the address that was invited.
  'POST /api/v1/patients/access-invitations/accept': '401 422 200 422 422 422 422 422 401',
  'POST /api/v1/patients/{id}/claim-links': '401 403 403 404 404 201 404 201 401',
  // Those at a desk and admins know the patient, and not the patient's health.
  'GET /api/v1/patients/{id}/medical-history': '401 200 404 200 404 403 404 403 401',
  'POST /api/v1/patients/{id}/medical-history': '401 201 404 201 404 403 404 403 401',
  'POST /api/v1/patients/{id}/medical-history/{entryId}/correct':
    '401 201 404 403 404 403 404 403 401',
  'POST /api/v1/patients/claims': '401 200 200 403 403 403 403 403 401',

  'POST /api/v1/patients/{id}/merge': '401 403 403 403 403 200 404 200 401',

  'GET /api/v1/me/export': '401 200 200 200 200 200 200 200 401',
  // Asked with a wrong password, since the other rows still need the accounts.
  'DELETE /api/v1/me': '401 401 401 401 401 401 401 401 401',
  'DELETE /api/v1/doctors/{id}': '401 403 403 403 403 403 403 204 401',
  'POST /api/v1/admin/patients/{id}/erase': '401 403 403 403 403 403 403 204 401',

  'POST /api/v1/appointments': '401 201 404 201 403 201 403 201 401',
  'POST /api/v1/appointments/walk-in': '401 403 403 201 403 201 403 201 401',
  'GET /api/v1/appointments': '401 200 200 200 200 200 200 200 401',
  'GET /api/v1/appointments/{id}': '401 200 404 200 404 200 404 200 401',
  'PATCH /api/v1/appointments/{id}': '401 403 403 200 404 200 404 200 401',
  'DELETE /api/v1/appointments/{id}': '401 200 404 200 404 200 404 200 401',
  'GET /api/v1/appointments/{id}/calendar.ics': '401 200 404 200 404 200 404 200 401',
  'GET /api/v1/appointments/{id}/history': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/renew-hold': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/confirm-hold': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/accept': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/decline': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/reschedule': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/cancel': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/check-in': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/start': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/complete': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/no-show': '401 403 404 200 404 200 404 200 401',
  'POST /api/v1/appointments/{id}/correct': '401 403 404 200 404 200 404 200 401',
  // Only whoever made the step undoes it.
  'POST /api/v1/appointments/{id}/undo': '401 200 404 403 404 403 404 403 401',

  'POST /api/v1/calendar-feeds': '401 201 404 404 404 404 404 404 401',
  'GET /api/v1/calendar-feeds': '401 200 200 200 200 200 200 200 401',
  'DELETE /api/v1/calendar-feeds/{id}': '401 204 404 404 404 404 404 404 401',

  'POST /api/v1/waitlist': '401 201 404 201 404 201 404 201 401',
  'GET /api/v1/waitlist': '401 200 200 200 200 200 200 200 401',
  'GET /api/v1/waitlist/{id}': '401 200 404 200 404 200 404 200 401',
  'DELETE /api/v1/waitlist/{id}': '401 204 404 204 404 204 404 204 401',
  'POST /api/v1/waitlist/{id}/take': '401 200 404 200 404 200 404 200 401',
  'POST /api/v1/waitlist/{id}/refuse': '401 200 404 200 404 200 404 200 401',

  // Whoever has the link acts as its recipient, signed in or not.
  'POST /api/v1/links/view': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/links/cancel': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/links/open-times': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/links/move': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/links/confirm': '200 200 200 200 200 200 200 200 200',
  'POST /api/v1/links/offer': '200 200 200 200 200 200 200 200 200',

  // Admins do not read what others write to each other.
  'GET /api/v1/appointments/{id}/messages': '401 200 404 200 404 200 404 404 401',
  'POST /api/v1/appointments/{id}/messages': '401 201 404 201 404 201 404 404 401',
  'POST /api/v1/appointments/{id}/messages/read': '401 200 404 200 404 200 404 404 401',
  'GET /api/v1/messages/unread': '401 200 200 200 200 200 200 200 401',

  'GET /api/v1/notifications': '401 200 200 200 200 200 200 200 401',
  'POST /api/v1/notifications/{id}/read': '401 200 404 404 404 404 404 404 401',
  'POST /api/v1/notifications/read': '401 200 200 200 200 200 200 200 401',
  'GET /api/v1/notifications/preferences': '401 200 200 200 200 200 200 200 401',
  'PATCH /api/v1/notifications/preferences': '401 200 200 200 200 200 200 200 401',
  'GET /api/v1/appointments/{id}/notifications': '401 403 403 200 404 200 404 200 401',
  'GET /api/v1/admin/delivery': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/import/doctors': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/import/hours': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/import/patients': '401 403 403 403 403 403 403 200 401',

  'GET /api/v1/admin/users': '401 403 403 403 403 403 403 200 401',
  'GET /api/v1/admin/users/{id}': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/users/{id}/disable': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/users/{id}/enable': '401 403 403 403 403 403 403 200 401',
  'POST /api/v1/admin/users/{id}/erase': '401 403 403 403 403 403 403 204 401',
  'PUT /api/v1/admin/users/{id}/role': '401 403 403 403 403 403 403 200 401',
  'PUT /api/v1/admin/users/{id}/memberships': '401 403 403 403 403 403 403 200 401',
  'DELETE /api/v1/admin/users/{id}/sessions': '401 403 403 403 403 403 403 204 401',
  'DELETE /api/v1/admin/users/{id}/second-factor': '401 403 403 403 403 403 403 204 401',
  'GET /api/v1/admin/overview': '401 403 403 403 403 403 403 200 401',
  'GET /api/v1/admin/appointments.csv': '401 403 403 403 403 403 403 200 401',
  'GET /api/v1/admin/audit': '401 403 403 403 403 403 403 200 401',
  'GET /api/v1/admin/audit.csv': '401 403 403 403 403 403 403 200 401',
  'GET /api/v1/admin/settings': '401 403 403 403 403 403 403 200 401',
  'PATCH /api/v1/admin/settings': '401 403 403 403 403 403 403 200 401',

  'GET /api/v1/realtime': '426 426 426 426 426 426 426 426 426',
}

test('every operation of openapi.json says here who may call it, and nothing else does', () => {
  const operationsThere = describedOperations().toSorted()
  assert.deepEqual(Object.keys(table).toSorted(), operationsThere)
  assert.deepEqual(Object.keys(operations).toSorted(), operationsThere)
})

test('every operation answers each caller as the table says, in a way that openapi.json describes', async () => {
  const scene = await makeScene(app, runtime)
  const found: Record<string, string> = {}
  for (const operation of Object.keys(table)) {
    const statuses: number[] = []
    for (const caller of callers) {
      const request = await requestOf(operation, scene)
      // Signing out also ends the session of the header, which the other rows still need.
      const as = operation.endsWith('/logout') ? undefined : scene.as[caller]
      const answer = await sendRequest(app, request, as)
      statuses.push(answer.statusCode)
      assertDescribed(operation, answer)
    }
    found[operation] = statuses.join(' ')
  }
  assert.deepEqual(found, table)
})

test('a token that is not valid opens nothing', async () => {
  const scene = await makeScene(app, runtime)
  const [head, payload, signature] = scene.as.admin?.slice('Bearer '.length).split('.') ?? []
  const forged = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(payload!, 'base64url').toString()), sub: 'admin' }),
  ).toString('base64url')
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
  const headers = [
    'Bearer',
    'Bearer x',
    `Basic ${Buffer.from('admin:admin').toString('base64')}`,
    `Bearer ${head}.${forged}.${signature}`,
    `Bearer ${unsigned}.${payload}.`,
    `Bearer ${head}.${payload}.${signature?.split('').toReversed().join('')}`,
  ]
  for (const [operation, statuses] of Object.entries(table)) {
    if (!statuses.startsWith('401')) continue
    const request = await requestOf(operation, scene)
    for (const header of headers) {
      const { statusCode } = await sendRequest(app, request, header)
      assert.equal(statusCode, 401, `${operation} with ${header}`)
    }
  }
})
