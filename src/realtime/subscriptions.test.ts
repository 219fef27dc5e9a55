import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor } from '#src/context.ts'
import type { StoredEvent, Subjects } from '#src/events/events.ts'
import { createChannels } from './channels.ts'
import { whyNotSubscribe } from './policy.ts'
import type { EventFields, Topic } from './protocol.ts'
import {
  accountsWithOtherRights,
  channelsOf,
  deliveriesOf,
  delayOf,
  visitAt,
  type Facts,
} from './subscriptions.ts'

const nobody: AccountActor = {
  accountId: 'account',
  sessionId: 'session',
  role: 'patient',
  name: 'Anna Berg',
  doctorId: null,
  clinicIds: [],
  ownPatientId: null,
  patientIds: [],
  seenPatientIds: [],
  needsSecondFactor: false,
}
const patient: AccountActor = {
  ...nobody,
  patientIds: ['anna'],
  seenPatientIds: ['anna', 'child'],
}
const doctor: AccountActor = { ...nobody, role: 'doctor', doctorId: 'moreau' }
const desk: AccountActor = { ...nobody, role: 'front_desk', clinicIds: ['canal'] }
const admin: AccountActor = { ...nobody, role: 'admin' }
const noFacts: Facts = { places: new Map(), doctors: new Map(), delays: new Map() }

function eventOf(type: string, subjects: Subjects): StoredEvent {
  return { xid: '7', seq: '1', origin: 'o', actorId: 'someone', occurredAt: 0, type, subjects }
}

/** What a subscription of the actor is told of the event. */
function told(
  actor: AccountActor,
  topic: Topic,
  { event, facts = noFacts }: { event: StoredEvent; facts?: Facts },
): EventFields[] {
  const channels = createChannels<object>()
  channels.add({}, channelsOf(topic, actor))
  const fields: EventFields[] = []
  for (const delivery of deliveriesOf(event, facts))
    channels.tell(delivery, (_, told) => fields.push(told))
  return fields
}

const appointments: Topic = { topic: 'appointments' }
const moved = eventOf('appointment.moved', {
  appointmentId: 'visit',
  version: 3,
  patientId: 'child',
  doctorId: 'weber',
  clinicId: 'harbour',
  formerDoctorId: 'moreau',
  formerClinicId: 'canal',
})
const facts: Facts = {
  ...noFacts,
  places: new Map([
    [visitAt('visit', 3), { clinicId: 'harbour', doctorId: 'weber', date: '2026-12-02' }],
    [visitAt('visit', 2), { clinicId: 'canal', doctorId: 'moreau', date: '2026-12-01' }],
  ]),
}
const whole = {
  event: 'appointment.moved',
  appointmentId: 'visit',
  version: 3,
  patientId: 'child',
  doctorId: 'weber',
  clinicId: 'harbour',
}
const gone = { event: 'appointment.moved', appointmentId: 'visit', version: 3 }

test('a visit is told to its patient and its doctor, and to nobody else', () => {
  assert.deepEqual(told(patient, appointments, { event: moved }), [whole])
  const weber = { ...doctor, doctorId: 'weber' }
  assert.deepEqual(told(weber, appointments, { event: moved }), [whole])
  for (const stranger of [nobody, desk, admin, { ...doctor, doctorId: 'other' }])
    assert.deepEqual(told(stranger, appointments, { event: moved }), [])
})

test('whoever loses a visit is told that it is gone, and not where it went', () => {
  assert.deepEqual(told(doctor, appointments, { event: moved }), [gone])
  const day: Topic = { topic: 'clinic-day', clinicId: 'canal', date: '2026-12-01' }
  for (const actor of [desk, doctor, admin])
    assert.deepEqual(told(actor, day, { event: moved, facts }), [gone])
})

test('a doctor who is the patient too is told once', () => {
  const both = { ...doctor, seenPatientIds: ['child'] }
  assert.deepEqual(told(both, appointments, { event: moved }), [whole])
})

test('a day is told of the visits that come to it and that leave it', () => {
  const days = [
    ['canal', '2026-12-01', 1],
    ['canal', '2026-12-02', 0],
    ['harbour', '2026-12-01', 0],
    ['harbour', '2026-12-02', 1],
  ] as const
  for (const [clinicId, date, count] of days) {
    const topic: Topic = { topic: 'clinic-day', clinicId, date }
    assert.equal(told(admin, topic, { event: moved, facts }).length, count, `${clinicId} ${date}`)
  }
  const topic: Topic = { topic: 'clinic-day', clinicId: 'harbour', date: '2026-12-02' }
  assert.deepEqual(told(doctor, topic, { event: moved, facts }), [], 'of a colleague')
  assert.deepEqual(told(patient, topic, { event: moved, facts }), [])
})

test('a move within a day is told to it once and whole', () => {
  const place = { clinicId: 'canal', doctorId: 'moreau', date: '2026-12-01' }
  const within = {
    ...noFacts,
    places: new Map([2, 3].map((version) => [visitAt('visit', version), place])),
  }
  const event = eventOf('appointment.moved', { ...gone, doctorId: 'moreau', clinicId: 'canal' })
  const topic: Topic = { topic: 'clinic-day', clinicId: 'canal', date: '2026-12-01' }
  for (const actor of [desk, doctor])
    assert.deepEqual(
      told(actor, topic, { event, facts: within }),
      [{ ...gone, doctorId: 'moreau', clinicId: 'canal' }],
      actor.role,
    )
})

test('open times tell of the doctor and the clinic alone, and of both doctors of a move', () => {
  const of = (doctorId: string) => told(nobody, { topic: 'open-times', doctorId }, { event: moved })
  const event = 'open-times.changed'
  assert.deepEqual(of('weber'), [{ event, doctorId: 'weber', clinicId: 'harbour' }])
  assert.deepEqual(of('moreau'), [{ event, doctorId: 'moreau', clinicId: 'canal' }])
  assert.deepEqual(of('other'), [])
})

test('open times tell of the steps that take or free a time, and not when patients come and go', () => {
  const topic: Topic = { topic: 'open-times', doctorId: 'moreau' }
  const tellsOf = (name: string, version = 2) => {
    const subjects = { appointmentId: 'visit', version, doctorId: 'moreau', clinicId: 'canal' }
    return told(nobody, topic, { event: eventOf(`appointment.${name}`, subjects) }).length === 1
  }
  for (const name of [
    'held',
    'requested',
    'confirmed',
    'moved',
    'cancelled',
    'declined',
    'expired',
  ])
    assert.ok(tellsOf(name), name)
  assert.ok(tellsOf('undone'))
  for (const name of [
    'arrived',
    'with_doctor',
    'completed',
    'no_show',
    'attendance-confirmed',
    'noted',
  ])
    assert.ok(!tellsOf(name), name)
  assert.ok(tellsOf('arrived', 1), 'a walk-in')
})

test('rules that change are told to the open times of all doctors for whom they count', () => {
  const rules: [StoredEvent, string[]][] = [
    [eventOf('doctor.schedule-changed', { doctorId: 'weber' }), ['weber']],
    [eventOf('clinic.schedule-changed', { clinicId: 'canal' }), ['moreau', 'weber']],
    [eventOf('visit-type.schedule-changed', { visitTypeId: 'echo' }), ['moreau']],
    [eventOf('doctor.changed', { doctorId: 'weber' }), []],
  ]
  const doctors = new Map([
    ['canal', ['moreau', 'weber']],
    ['echo', ['moreau']],
  ])
  for (const [event, concerned] of rules)
    assert.deepEqual(
      ['moreau', 'weber'].filter(
        (doctorId) =>
          told(nobody, { topic: 'open-times', doctorId }, { event, facts: { ...noFacts, doctors } })
            .length === 1,
      ),
      concerned,
      event.type,
    )
})

test('a delay is told to each patient with the visit that it is about, and to the staff once', () => {
  const event = eventOf('delay.set', { doctorId: 'moreau', clinicId: 'canal' })
  const visits = [
    { appointmentId: 'first', patientId: 'anna' },
    { appointmentId: 'second', patientId: 'child' },
    { appointmentId: 'third', patientId: 'other' },
  ]
  const delays = new Map([[delayOf(event), { date: '2026-12-01', visits }]])
  const facts = { ...noFacts, delays }
  assert.deepEqual(
    told(patient, appointments, { event, facts }).map(({ appointmentId }) => appointmentId),
    ['first', 'second'],
  )
  assert.equal(told(doctor, appointments, { event, facts }).length, 1)
  const day: Topic = { topic: 'clinic-day', clinicId: 'canal', date: '2026-12-01' }
  assert.equal(told(desk, day, { event, facts }).length, 1)
  assert.equal(told(desk, { ...day, date: '2026-12-02' }, { event, facts }).length, 0)
})

test('a message is told to its thread without who wrote it, and a notification to its account', () => {
  const event = eventOf('message.sent', {
    appointmentId: 'visit',
    messageId: 'message',
    patientId: 'anna',
    doctorId: 'moreau',
    clinicId: 'canal',
    accountId: 'someone',
  })
  const fields = { event: 'message.sent', appointmentId: 'visit', messageId: 'message' }
  assert.deepEqual(told(patient, { topic: 'thread', appointmentId: 'visit' }, { event }), [fields])
  assert.deepEqual(told(patient, { topic: 'thread', appointmentId: 'other' }, { event }), [])
  assert.deepEqual(told(patient, appointments, { event }), [])
  const added = eventOf('notification.added', { accountId: 'account' })
  assert.deepEqual(told(patient, { topic: 'notifications' }, { event: added }), [
    { event: 'notification.added' },
  ])
  const elsewhere = { ...patient, accountId: 'another' }
  assert.deepEqual(told(elsewhere, { topic: 'notifications' }, { event: added }), [])
})

test('who may subscribe to what', () => {
  const visit = { patientId: 'anna', doctorId: 'moreau', clinicId: 'canal' }
  const thread: Topic = { topic: 'thread', appointmentId: 'visit' }
  const day: Topic = { topic: 'clinic-day', clinicId: 'canal', date: '2026-12-01' }
  const answers = [nobody, patient, doctor, desk, { ...desk, clinicIds: ['harbour'] }, admin].map(
    (actor) => [whyNotSubscribe(actor, thread, visit), whyNotSubscribe(actor, day, null)],
  )
  assert.deepEqual(answers, [
    ['not-found', 'not-allowed'],
    [null, 'not-allowed'],
    [null, null],
    [null, null],
    ['not-found', 'not-allowed'],
    ['not-found', null],
  ])
  assert.equal(whyNotSubscribe(doctor, thread, null), 'not-found')
  for (const topic of [appointments, { topic: 'notifications' } as const])
    assert.equal(whyNotSubscribe(nobody, topic, null), null)
})

test('the accounts whose rights an event may have changed are its maker and whom it names', () => {
  const subjects = { accountId: 'other', patientId: 'anna' }
  for (const type of ['patient.claimed', 'patient.registered', 'access.ended', 'membership.ended'])
    assert.deepEqual(accountsWithOtherRights(eventOf(type, subjects)), ['someone', 'other'], type)
  assert.deepEqual(accountsWithOtherRights(eventOf('appointment.moved', subjects)), [])
})
