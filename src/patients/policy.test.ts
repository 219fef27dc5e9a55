import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { may, type PatientSubject } from './policy.ts'

function actorOf(role: Role): AccountActor {
  const ids = { accountId: 'a', sessionId: 's', doctorId: null, clinicIds: [], patientIds: [] }
  return { ...ids, role, name: 'Someone' }
}

const roles = ['patient', 'doctor', 'front_desk', 'admin'] as const

test('a record is kept by those who manage it; while nobody does, by desk, admin and registrar', () => {
  for (const role of roles)
    for (const scope of [null, 'see', 'book', 'manage'] as const)
      for (const isManaged of [true, false])
        for (const isRegisteredByActor of [true, false]) {
          if (scope === 'manage' && !isManaged) continue
          const subject: PatientSubject = { scope, isManaged, isRegisteredByActor }
          const isDesk = role === 'front_desk' || role === 'admin'
          const expected = scope === 'manage' || (!isManaged && (isDesk || isRegisteredByActor))
          const what = JSON.stringify({ role, ...subject })
          assert.equal(may(actorOf(role), 'change', subject), expected, what)
          assert.equal(may(null, 'change', subject), false)
        }
})

test('staff make links to a record, and patients do not', () => {
  const subject: PatientSubject = { scope: 'manage', isManaged: true, isRegisteredByActor: false }
  const allowed = roles.filter((role) => may(actorOf(role), 'make-claim-link', subject))
  assert.deepEqual(allowed, ['doctor', 'front_desk', 'admin'])
  assert.equal(may(null, 'make-claim-link', subject), false)
})
