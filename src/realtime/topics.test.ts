// What sockets are told of what people do with the API, and what not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { transact, type NewEvent } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc, localDateOf, parseInstant } from '#src/kernel/time.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { auditOf, command, makeVisit, openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { listenWith, openSocket, type Message, type TestSocket } from './test-socket.ts'

const { app, runtime } = await testVisita()
const { url } = await listenWith(runtime)

async function append(...events: NewEvent[]): Promise<void> {
  await transact({ ...runtime, actor: null }, async (tx) => {
    for (const event of events) tx.append(event)
  })
}

/** What the socket is told up to a mark that is set now, without the mark. */
async function toldSoFar(client: TestSocket, { accountId }: { accountId: string }) {
  await append({ type: 'notification.marked', subjects: { accountId } })
  const messages: Message[] = []
  for (;;) {
    const message = await client.next()
    if (message.event === 'notification.marked') return messages
    messages.push(message)
  }
}

async function accountOf(as: string): Promise<string> {
  const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
  return bearer!.accountId
}

async function giveAccess(
  { accountId }: { accountId: string },
  { patientId }: { patientId: string },
): Promise<void> {
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: patientId,
      relation: 'carer',
      scope: 'see',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
}

/** A socket of the header's holder that can be asked what it was told. */
async function watch(as: string, topics: Record<string, Record<string, unknown>>) {
  const client = await openSocket(url, as)
  const account = { accountId: await accountOf(as) }
  await client.subscribe('mark', { topic: 'notifications' })
  // What was done before is over once a mark that came after it is told.
  await toldSoFar(client, account)
  for (const [id, topic] of Object.entries(topics))
    assert.equal((await client.subscribe(id, topic)).type, 'subscribed', id)
  return {
    client,
    told: async () =>
      (await toldSoFar(client, account)).map(({ type: _type, cursor: _cursor, ...rest }) => rest),
  }
}

const dayOf = (startsAt: string) => localDateOf(parseInstant(startsAt)!, 'Europe/Paris')

test('a patient and the doctor are told of each step of a visit at once, and others of none', async () => {
  const network = await openNetwork()
  const { people, clinicId, doctorId } = network
  const { as, patientId } = await makePatient(runtime)
  const appointments = { a: { topic: 'appointments' } }
  const patient = await watch(as, appointments)
  const doctor = await watch(people.doctor, appointments)
  const strangers = [
    await watch((await makePatient(runtime)).as, appointments),
    await watch(people.otherDoctor, appointments),
    await watch(people.deskHere, appointments),
    await watch(people.admin, appointments),
  ]
  const { body } = await book(app, as, { slotId: network.slots[0]!.id })
  await command(as, body.id, 'reschedule', { body: { slotId: network.slots[3]!.id } })
  await command(people.deskHere, body.id, 'cancel')
  const ids = { id: 'a', appointmentId: body.id, patientId, doctorId, clinicId }
  const steps = [
    { ...ids, event: 'appointment.confirmed', version: 1 },
    { ...ids, event: 'appointment.moved', version: 2 },
    { ...ids, event: 'appointment.cancelled', version: 3 },
  ]
  assert.deepEqual(await patient.told(), steps)
  assert.deepEqual(await doctor.told(), steps)
  for (const stranger of strangers) assert.deepEqual(await stranger.told(), [])
})

test('a day of a clinic is told of what comes and goes, to its desk, to admins, and to doctors for their own', async () => {
  const network = await openNetwork()
  const { people, clinicId, slots } = network
  const [here, there] = [dayOf(slots[0]!.startsAt), dayOf(slots[20]!.startsAt)]
  const days = {
    here: { topic: 'clinic-day', clinicId, date: here },
    there: { topic: 'clinic-day', clinicId, date: there },
  }
  const desk = await watch(people.deskHere, days)
  const admin = await watch(people.admin, days)
  const doctor = await watch(people.doctor, days)
  const colleague = await watch(people.otherDoctor, days)
  const { id, as } = await makeVisit(network, 0)
  await command(as, id, 'reschedule', { body: { slotId: slots[20]!.id } })
  await command(as, id, 'reschedule', { body: { slotId: slots[21]!.id } })
  const expected = [
    ['here', 'appointment.confirmed', 1],
    ['here', 'appointment.moved', 2],
    ['there', 'appointment.moved', 2],
    ['there', 'appointment.moved', 3],
  ]
  for (const one of [desk, admin, doctor])
    assert.deepEqual(
      (await one.told()).map(({ id, event, version }) => [id, event, version]).toSorted(),
      expected,
    )
  assert.deepEqual(await colleague.told(), [])
})

test('who may not see a day or a thread is refused, which leaves a trace', async () => {
  const network = await openNetwork()
  const { people, clinicId, slots } = network
  const { id, as } = await makeVisit(network, 0)
  const day = { topic: 'clinic-day', clinicId, date: dayOf(slots[0]!.startsAt) }
  const thread = { topic: 'thread', appointmentId: id }
  const other = (await makePatient(runtime)).as
  const answers: [as: string, day: string, thread: string][] = [
    [as, 'not-allowed', 'subscribed'],
    [other, 'not-allowed', 'not-found'],
    [people.doctor, 'subscribed', 'subscribed'],
    [people.otherDoctor, 'subscribed', 'not-found'],
    [people.deskHere, 'subscribed', 'subscribed'],
    [people.deskElsewhere, 'not-allowed', 'not-found'],
    [people.admin, 'subscribed', 'not-found'],
  ]
  for (const [who, ofDay, ofThread] of answers) {
    const client = await openSocket(url, who)
    const found = [await client.subscribe('d', day), await client.subscribe('t', thread)]
    assert.deepEqual(
      found.map(({ type, code }) => code ?? type),
      [ofDay, ofThread],
    )
    const nothing = await client.subscribe('x', { topic: 'thread', appointmentId: newId() })
    assert.equal(nothing.code, 'not-found')
    await client.close()
  }
  const traces = (await auditOf(id)).filter(({ action }) => action === 'realtime.thread')
  assert.deepEqual(
    traces.map(({ allowed }) => allowed),
    answers.map(([, , ofThread]) => ofThread === 'subscribed'),
  )
  const ofDay = (await auditOf(clinicId)).filter(({ action }) => action === 'realtime.clinic-day')
  assert.deepEqual(
    ofDay.map(({ allowed }) => allowed),
    answers.map(([, answer]) => answer === 'subscribed'),
  )
})

test('open times are told to anyone with an account, with the doctor and the clinic alone', async () => {
  const network = await openNetwork()
  const { people, clinicId, doctorId, slots, visitTypeId } = network
  const viewer = await watch((await makePatient(runtime)).as, {
    o: { topic: 'open-times', doctorId },
  })
  const changed = { id: 'o', event: 'open-times.changed', doctorId }
  const { as, id } = await makeVisit(network, 2)
  assert.deepEqual(await viewer.told(), [{ ...changed, clinicId }])
  await command(as, id, 'cancel')
  assert.deepEqual(await viewer.told(), [{ ...changed, clinicId }])
  const { startsAt, endsAt } = slots[5]!
  const changes: [Parameters<typeof call>[1], unknown, Record<string, unknown>][] = [
    [`POST /doctors/${doctorId}/time-off`, { startsAt, endsAt }, changed],
    [
      `POST /clinics/${clinicId}/closures`,
      { startsOn: '2031-01-01', endsOn: '2031-01-01', name: 'Closed' },
      { ...changed, clinicId },
    ],
    [`PATCH /visit-types/${visitTypeId}`, { durationMinutes: 20 }, changed],
  ]
  for (const [request, body, expected] of changes) {
    const { status } = await call(app, request, { as: people.admin, body })
    assert.ok(status < 300, request)
    assert.deepEqual(await viewer.told(), [expected], request)
  }
})

test('the messages of a visit are told to those who take part', async () => {
  const network = await openNetwork()
  const { id: appointmentId, as } = await makeVisit(network, 0)
  const thread = { t: { topic: 'thread', appointmentId } }
  const patient = await watch(as, thread)
  const desk = await watch(network.people.deskHere, thread)
  const { status, body } = await call(app, `POST /appointments/${appointmentId}/messages`, {
    as,
    body: { text: 'Shall I bring the letter?' },
  })
  assert.equal(status, 201)
  const messageId = body.id
  const told = [{ id: 't', event: 'message.sent', appointmentId, messageId }]
  assert.deepEqual(await patient.told(), told)
  assert.deepEqual(await desk.told(), told)
})

test('who loses a visit to a colleague is told no more of its messages', async () => {
  const network = await openNetwork()
  const { people, doctorId } = network
  const { id: appointmentId, as } = await makeVisit(network, 0)
  const thread = { t: { topic: 'thread', appointmentId } }
  const doctor = await watch(people.doctor, thread)
  const patient = await watch(as, thread)
  const other = await runtime.db
    .selectFrom('doctor')
    .select('id')
    .where('account_id', '=', await accountOf(people.otherDoctor))
    .executeTakeFirstOrThrow()
  await runtime.db
    .updateTable('appointment')
    .set({ doctor_id: other.id })
    .where('id', '=', appointmentId)
    .execute()
  const subjects = { appointmentId, doctorId: other.id, formerDoctorId: doctorId, version: 2 }
  await append(
    { type: 'appointment.moved', subjects },
    { type: 'message.sent', subjects: { appointmentId, messageId: newId() } },
  )
  assert.deepEqual(await doctor.told(), [
    { id: 't', code: 'not-found', detail: 'This is not yours to see any more.' },
  ])
  assert.deepEqual(
    (await patient.told()).map(({ event }) => event),
    ['message.sent'],
  )
})

test('the thread of a visit stays open to the patient whose record is merged into another', async () => {
  const network = await openNetwork()
  const { people } = network
  const { id: appointmentId, as, patientId, accountId } = await makeVisit(network, 0)
  const thread = { t: { topic: 'thread', appointmentId } }
  const patient = await watch(as, thread)
  const former = await makePatient(runtime)
  await giveAccess(former, { patientId })
  const onlooker = await watch(former.as, thread)
  const registered = await call(app, 'POST /patients', {
    as: people.deskHere,
    body: { name: `Anna ${newId()}` },
  })
  const request = `POST /patients/${registered.body.id}/merge` as const
  const merged = await call(app, request, { as: people.admin, body: { duplicateId: patientId } })
  assert.equal(merged.status, 200, JSON.stringify(merged.body))
  const message = { type: 'message.sent', subjects: { appointmentId, messageId: newId() } }
  await append(message)
  for (const client of [patient, onlooker])
    assert.deepEqual(
      (await client.told()).map(({ event, code }) => event ?? code),
      ['message.sent'],
    )
  const key = { accountId, patientId: registered.body.id }
  await runtime.db
    .deleteFrom('patient_access')
    .where('account_id', '=', accountId)
    .where('patient_id', '=', key.patientId)
    .execute()
  await append({ type: 'access.ended', subjects: key }, message)
  assert.deepEqual(
    (await patient.told()).map(({ code }) => code),
    ['not-found'],
  )
})

test('a record that is added while the socket is open is told of from then on', async () => {
  const { as, accountId } = await makePatient(runtime)
  const client = await watch(as, { a: { topic: 'appointments' } })
  const patientId = newId()
  const created_at = formatUtc(runtime.clock())
  await runtime.db
    .insertInto('patient')
    .values({ id: patientId, name: 'Ben Berg', phone: null, created_at })
    .execute()
  const noted = { type: 'appointment.noted', subjects: { appointmentId: newId(), patientId } }
  await append(noted)
  assert.deepEqual(await client.told(), [])
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: patientId,
      relation: 'parent',
      scope: 'manage',
      created_at,
    })
    .execute()
  await append({ type: 'patient.claimed', subjects: { patientId, accountId } }, noted)
  assert.equal((await client.told()).length, 1)
  await runtime.db.deleteFrom('patient_access').where('patient_id', '=', patientId).execute()
  await append({ type: 'access.ended', subjects: { patientId, accountId } }, noted)
  assert.deepEqual(await client.told(), [])
})

test('a desk that someone left is told to them no more', async () => {
  const network = await openNetwork()
  const { clinicId } = network
  const as = await signInAs(runtime, { role: 'front_desk', clinicId })
  const accountId = await accountOf(as)
  const date = dayOf(network.slots[0]!.startsAt)
  const client = await watch(as, { d: { topic: 'clinic-day', clinicId, date } })
  await runtime.db.deleteFrom('membership').where('account_id', '=', accountId).execute()
  await append({ type: 'membership.ended', subjects: { accountId, clinicId } })
  await makeVisit(network, 0)
  assert.deepEqual(
    (await client.told()).map(({ id, code }) => [id, code]),
    [['d', 'not-allowed']],
  )
})

test('a delay is told to the patients of the day, the doctor and the desk', async () => {
  const network = await openNetwork()
  const { people, clinicId, doctorId } = network
  const today = localDateOf(runtime.clock(), 'Europe/Paris')
  const { id, as } = await makeVisit(network, 0)
  const waiting = await watch(as, { a: { topic: 'appointments' } })
  const desk = await watch(people.deskHere, {
    d: { topic: 'clinic-day', clinicId, date: today },
  })
  // The visit is tomorrow at the earliest, so it is made one of today.
  await runtime.db
    .updateTable('appointment')
    .set({ starts_at: formatUtc(runtime.clock()) })
    .where('id', '=', id)
    .execute()
  const answer = await call(app, `PUT /doctors/${doctorId}/delay`, {
    as: people.deskHere,
    body: { minutes: 20 },
  })
  assert.equal(answer.status, 200)
  const told = (await waiting.told()).find(({ event }) => event === 'delay.set')
  assert.equal(told?.appointmentId, id)
  assert.equal((await desk.told()).length, 1)
})
