import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { statuses } from '#src/booking/appointment-state.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { changeToTell, type VisitState } from './told.ts'

const doctorId = 'doctor'
const clinicId = 'clinic'

function at(status: AppointmentStatus, change: Partial<VisitState> = {}): VisitState {
  return {
    version: 1,
    status,
    startsAt: 0,
    endsAt: 1,
    doctorId,
    clinicId,
    mode: 'in_person',
    ...change,
  }
}

function toPatient(told: VisitState | null, now: VisitState) {
  return changeToTell({ side: 'patient', subjectId: 'patient', told, now })
}

function toDoctor(told: VisitState | null, now: VisitState) {
  return changeToTell({ side: 'doctor', subjectId: doctorId, told, now })
}

function toDesk(told: VisitState | null, now: VisitState) {
  return changeToTell({ side: 'desk', subjectId: clinicId, told, now })
}

test('a new visit is told as what it is', () => {
  assert.equal(toPatient(null, at('requested')), 'requested')
  assert.equal(toPatient(null, at('confirmed')), 'confirmed')
  assert.equal(toDoctor(null, at('confirmed')), 'confirmed')
})

test('an answer to a request is told', () => {
  assert.equal(toPatient(at('requested'), at('confirmed')), 'confirmed')
  assert.equal(toPatient(at('requested'), at('declined')), 'declined')
  assert.equal(toPatient(at('requested'), at('expired')), 'declined')
})

test('another time, length, doctor, clinic or way to meet is told as a move, whatever else changed', () => {
  for (const change of [
    { startsAt: 5 },
    { endsAt: 2 },
    { doctorId: 'other' },
    { clinicId: 'other' },
    { mode: 'video' as const },
  ]) {
    assert.equal(toPatient(at('confirmed'), at('confirmed', change)), 'moved')
    assert.equal(toPatient(at('requested'), at('confirmed', change)), 'moved')
    assert.equal(toPatient(at('confirmed'), at('requested', change)), 'moved')
  }
})

test('whoever was never told of a visit is not told of its end', () => {
  for (const status of ['cancelled', 'declined', 'expired'] as const)
    assert.equal(toPatient(null, at(status)), null)
})

test('whoever was told of its end is told when it takes place after all', () => {
  assert.equal(toPatient(at('cancelled'), at('confirmed')), 'confirmed')
  assert.equal(toPatient(at('declined'), at('requested')), 'requested')
})

test('what happens at the clinic is told to nobody', () => {
  for (const status of ['held', 'arrived', 'with_doctor', 'completed', 'no_show'] as const)
    for (const told of [null, at('requested'), at('confirmed'), at('cancelled')]) {
      assert.equal(toPatient(told, at(status)), null)
      assert.equal(toDoctor(told, at(status)), null)
      assert.equal(toDesk(told, at(status)), null)
    }
})

test('a doctor hears that a visit went to a colleague, and of nothing else about it', () => {
  const elsewhere = { doctorId: 'other' }
  assert.equal(toDoctor(at('confirmed'), at('confirmed', elsewhere)), 'moved')
  assert.equal(toDoctor(at('confirmed'), at('cancelled', elsewhere)), 'moved')
  assert.equal(toDoctor(at('confirmed', elsewhere), at('cancelled', elsewhere)), null)
  assert.equal(toDoctor(null, at('confirmed', elsewhere)), null)
  assert.equal(toDoctor(at('confirmed', elsewhere), at('confirmed')), 'confirmed')
})

test('the desk hears of requests at its clinic, and again when they are at another time', () => {
  assert.equal(toDesk(null, at('requested')), 'requested')
  assert.equal(toDesk(at('requested'), at('requested')), null)
  assert.equal(toDesk(at('requested'), at('requested', { startsAt: 5 })), 'requested')
  assert.equal(toDesk(at('confirmed'), at('requested')), 'requested')
  assert.equal(toDesk(null, at('requested', { clinicId: 'other' })), null)
  assert.equal(toDesk(null, at('confirmed')), null)
})

const state = fc.record({
  version: fc.nat(),
  status: fc.constantFrom(...statuses),
  startsAt: fc.constantFrom(0, 5),
  endsAt: fc.constantFrom(8, 9),
  mode: fc.constantFrom('in_person' as const, 'video' as const),
  doctorId: fc.constantFrom(doctorId, 'other'),
  clinicId: fc.constantFrom(clinicId, 'elsewhere'),
})
const side = fc.constantFrom('patient' as const, 'doctor' as const, 'desk' as const)

test('what someone knows already is not told again', () => {
  fc.assert(
    fc.property(side, state, (which, now) => {
      const subjectId = { patient: 'patient', doctor: doctorId, desk: clinicId }[which]
      assert.equal(changeToTell({ side: which, subjectId, told: now, now }), null)
    }),
  )
})

test('patients know of every visit ahead how it stands: told or unchanged', () => {
  fc.assert(
    fc.property(fc.option(state), state, (told, now) => {
      fc.pre(now.status === 'confirmed' || now.status === 'requested')
      const isKnown =
        told !== null &&
        !['held', 'cancelled', 'declined', 'expired'].includes(told.status) &&
        told.startsAt === now.startsAt &&
        told.endsAt === now.endsAt &&
        told.mode === now.mode &&
        told.doctorId === now.doctorId &&
        told.clinicId === now.clinicId &&
        (told.status === now.status || (now.status === 'confirmed' && told.status !== 'requested'))
      assert.equal(toPatient(told, now) === null, isKnown)
    }),
  )
})
