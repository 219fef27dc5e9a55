import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor, Actor } from '#src/context.ts'
import { may, type ClinicAction } from './policy.ts'

const patient: AccountActor = {
  accountId: 'account',
  sessionId: 'session',
  role: 'patient',
  name: 'Someone',
  doctorId: null,
  clinicIds: [],
  ownPatientId: 'patient',
  patientIds: ['patient'],
  seenPatientIds: ['patient'],
  needsSecondFactor: false,
}
const admin: AccountActor = { ...patient, role: 'admin' }
const doctor: AccountActor = { ...patient, role: 'doctor', doctorId: 'doctor' }
const deskHere: AccountActor = { ...patient, role: 'front_desk', clinicIds: ['south', 'north'] }
const deskElsewhere: AccountActor = { ...deskHere, clinicIds: ['west'] }
const everyone: Actor[] = [null, patient, doctor, deskHere, deskElsewhere, admin]
const here = { clinicId: 'north' }

function whoMay(action: ClinicAction, subject: Parameters<typeof may>[2]): Actor[] {
  return everyone.filter((actor) => may(actor, action, subject))
}

test('clinics are added and moved by admins alone', () => {
  assert.deepEqual(whoMay('create-clinic', null), [admin])
  assert.deepEqual(whoMay('edit-clinic', here), [admin])
})

test('the front desk changes what belongs to its own clinic, and no other', () => {
  for (const action of [
    'edit-clinic-contact',
    'edit-closures',
    'edit-rooms',
    'edit-visit-types',
  ] as const)
    assert.deepEqual(whoMay(action, here), [deskHere, admin], action)
})

test('visit types of the whole network are changed by admins alone and seen by all staff', () => {
  assert.deepEqual(whoMay('edit-visit-types', { clinicId: null }), [admin])
  assert.deepEqual(whoMay('see-visit-types-as-staff', { clinicId: null }), [
    doctor,
    deskHere,
    deskElsewhere,
    admin,
  ])
})

test('a doctor sees the rooms and staff-only visit types of the clinics they work at', () => {
  for (const action of ['see-rooms', 'see-visit-types-as-staff'] as const) {
    assert.deepEqual(whoMay(action, here), [deskHere, admin], action)
    assert.ok(may(doctor, action, { ...here, practiceClinicIds: ['north'] }), action)
    assert.ok(!may(doctor, action, { ...here, practiceClinicIds: ['west'] }), action)
  }
})

test('a front desk account that became a patient may do nothing for its old clinic', () => {
  const former: AccountActor = { ...deskHere, role: 'patient' }
  assert.ok(!may(former, 'edit-closures', here))
  assert.ok(!may(former, 'see-rooms', here))
})
