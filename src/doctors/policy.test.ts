import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor } from '#src/context.ts'
import { may } from './policy.ts'

const someone: AccountActor = {
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
const admin: AccountActor = { ...someone, role: 'admin' }
const self: AccountActor = { ...someone, role: 'doctor', doctorId: 'doctor' }
const otherDoctor: AccountActor = { ...self, doctorId: 'other' }
const deskHere: AccountActor = { ...someone, role: 'front_desk', clinicIds: ['south', 'north'] }
const deskElsewhere: AccountActor = { ...deskHere, clinicIds: ['west'] }
const subject = { doctorId: 'doctor', clinicIds: ['north', 'east'] }

test('a profile is changed by the doctor, the front desk of their clinics and admins alone', () => {
  for (const actor of [admin, self, deskHere]) assert.equal(may(actor, 'edit', subject), true)
  for (const actor of [null, someone, otherDoctor, deskElsewhere])
    assert.equal(may(actor, 'edit', subject), false)
})

test('a doctor who works nowhere is changed by no front desk', () => {
  assert.equal(may(deskHere, 'edit', { doctorId: 'doctor', clinicIds: [] }), false)
})

test('doctors are added and placed by admins alone', () => {
  for (const action of ['create', 'place'] as const) {
    assert.equal(may(admin, action, action === 'create' ? null : subject), true)
    for (const actor of [null, someone, self, otherDoctor, deskHere, deskElsewhere])
      assert.equal(may(actor, action, subject), false)
  }
})

test('an account that was a doctor and is a patient now changes no profile', () => {
  assert.equal(may({ ...self, role: 'patient' }, 'edit', subject), false)
})
