import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { may, type PatientSubject } from './policy.ts'

function actorOf(role: Role): AccountActor {
  const ids = {
    accountId: 'a',
    sessionId: 's',
    doctorId: null,
    clinicIds: [],
    ownPatientId: null,
    patientIds: [],
    seenPatientIds: [],
    needsSecondFactor: false,
  }
  return { ...ids, role, name: 'Someone' }
}

function subjectOf(known: Partial<PatientSubject>): PatientSubject {
  const nothing = { isManaged: false, isSeenInFull: false, isRegisteredByActor: false }
  return { scope: null, isVouchedFor: false, isErased: false, ...nothing, ...known }
}

const roles = ['patient', 'doctor', 'front_desk', 'admin'] as const

test('a record is kept by those who manage it; while nobody does, by desk, admin and registrar', () => {
  for (const role of roles)
    for (const scope of [null, 'see', 'book', 'manage'] as const)
      for (const bits of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const isManaged = (bits & 1) > 0
        const isRegisteredByActor = (bits & 2) > 0
        const isSeenInFull = (bits & 4) > 0
        if (scope === 'manage' && !isManaged) continue
        const subject = subjectOf({ scope, isManaged, isRegisteredByActor, isSeenInFull })
        const isDesk = role === 'front_desk' || role === 'admin'
        const expected =
          scope === 'manage' || (!isManaged && isSeenInFull && (isDesk || isRegisteredByActor))
        const what = JSON.stringify({ role, ...subject })
        assert.equal(may(actorOf(role), 'change', subject), expected, what)
        assert.equal(may(null, 'change', subject), false)
      }
})

test('staff who can vouch for the person make links while nobody manages the record, admins always', () => {
  for (const isManaged of [true, false])
    for (const isVouchedFor of [true, false]) {
      const subject = subjectOf({ isManaged, isVouchedFor, isSeenInFull: true })
      const allowed = roles.filter((role) => may(actorOf(role), 'make-claim-link', subject))
      const expected = isVouchedFor && !isManaged ? ['doctor', 'front_desk', 'admin'] : ['admin']
      assert.deepEqual(allowed, expected, JSON.stringify(subject))
      assert.equal(may(null, 'make-claim-link', subject), false)
    }
})
