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
const subject = { doctorId: 'doctor', clinicIds: ['north', 'east'] }

test('a schedule is seen and changed by the doctor, the front desk of their clinics and admins alone', () => {
  const allowed: AccountActor[] = [
    { ...someone, role: 'admin' },
    { ...someone, role: 'doctor', doctorId: 'doctor' },
    { ...someone, role: 'front_desk', clinicIds: ['south', 'north'] },
  ]
  const refused = [
    null,
    someone,
    { ...someone, role: 'doctor', doctorId: 'other' },
    { ...someone, role: 'front_desk', clinicIds: ['west'] },
    { ...someone, role: 'patient', doctorId: 'doctor', clinicIds: ['north'] },
  ] as const
  for (const action of ['see-schedule', 'change-schedule'] as const) {
    for (const actor of allowed) assert.equal(may(actor, action, subject), true)
    for (const actor of refused) assert.equal(may(actor, action, subject), false)
  }
})
