import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statuses } from '#src/booking/appointment-state.ts'
import { parseInstant } from '#src/kernel/time.ts'
import { closesAt, mayWrite, sideOf, whyClosed } from './policy.ts'

const at = (text: string) => parseInstant(text)!

test('writing ends at the midnight after so many days of the clinic’s calendar', () => {
  const cases: [string, string, number, string][] = [
    ['2026-11-24T10:40:00+01:00', 'Europe/Paris', 14, '2026-12-09T00:00:00+01:00'],
    ['2026-11-24T10:40:00+01:00', 'Europe/Paris', 0, '2026-11-25T00:00:00+01:00'],
    // The clocks change in between, so that these are not so many times 24 hours.
    ['2026-10-20T10:40:00+02:00', 'Europe/Paris', 14, '2026-11-04T00:00:00+01:00'],
    // Already the next day in UTC.
    ['2026-11-24T20:40:00-08:00', 'America/Los_Angeles', 1, '2026-11-26T00:00:00-08:00'],
    // A visit until midnight was on the day that ends then.
    ['2026-11-25T00:00:00+01:00', 'Europe/Paris', 0, '2026-11-25T00:00:00+01:00'],
    // There is no midnight on the day after.
    ['2026-09-04T10:00:00-04:00', 'America/Santiago', 1, '2026-09-06T01:00:00-03:00'],
  ]
  for (const [endsAt, timeZone, messagesCloseDays, expected] of cases)
    assert.equal(closesAt({ endsAt: at(endsAt), timeZone, messagesCloseDays }), at(expected))
})

test('what is no visit takes no messages, and a cancelled one does as long as others', () => {
  const visit = { endsAt: at('2026-11-24T10:40:00Z'), timeZone: 'UTC', messagesCloseDays: 1 }
  const closes = at('2026-11-26T00:00:00Z')
  for (const status of statuses) {
    const isNoVisit = status === 'held' || status === 'declined' || status === 'expired'
    const on = { ...visit, status, isOffer: false, isErased: false }
    assert.equal(whyClosed(on, closes - 1), isNoVisit ? status : null)
    assert.equal(whyClosed(on, closes), isNoVisit ? status : 'too-late')
  }
  const offered = { ...visit, status: 'held' as const, isOffer: true, isErased: false }
  assert.equal(whyClosed(offered, 0), 'offered')
  assert.equal(whyClosed({ ...offered, status: 'completed', isErased: true }, 0), 'erased')
})

test('who is patient and staff of a visit writes for the patient', () => {
  const visit = { doctorId: 'd', clinicId: 'c', patientId: 'p' }
  const nobody = { patientIds: [], seenPatientIds: [], doctorId: null, clinicIds: [] }
  assert.equal(sideOf(nobody, visit), null)
  assert.equal(sideOf({ ...nobody, doctorId: 'd' }, visit), 'staff')
  assert.equal(sideOf({ ...nobody, clinicIds: ['b', 'c'] }, visit), 'staff')
  assert.equal(sideOf({ ...nobody, patientIds: ['p'] }, visit), 'patient')
  assert.equal(sideOf({ ...nobody, patientIds: ['p'], doctorId: 'd' }, visit), 'patient')
  assert.equal(sideOf({ ...nobody, patientIds: ['q'], doctorId: 'e' }, visit), null)
})

test('who may only look at a patient reads the messages and writes none, but as staff', () => {
  const visit = { doctorId: 'd', clinicId: 'c', patientId: 'p' }
  const onlooker = { patientIds: [], seenPatientIds: ['p'], doctorId: null, clinicIds: [] }
  assert.equal(sideOf(onlooker, visit), 'patient')
  assert.equal(mayWrite(onlooker, visit), false)
  assert.equal(mayWrite({ ...onlooker, patientIds: ['p'] }, visit), true)
  assert.equal(sideOf({ ...onlooker, doctorId: 'd' }, visit), 'staff')
  assert.equal(mayWrite({ ...onlooker, clinicIds: ['c'] }, visit), true)
  assert.equal(mayWrite({ ...onlooker, seenPatientIds: ['q'] }, visit), false)
})
