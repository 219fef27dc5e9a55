// Going on after a cursor: nothing is left out and nothing told twice, whatever is committed meanwhile.

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { createEventBus, transact } from '#src/events/events.ts'
import { currentCursor, eventsAfter, insertEvents, type Cursor } from '#src/events/queries.ts'
import { newId } from '#src/kernel/ids.ts'
import { makeNetwork } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { makeVisit, openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { encodeCursor } from './cursor.ts'
import { realtimeLimits } from './limits.ts'
import { createReplays } from './replay.ts'
import type { Subscription } from './subscription.ts'
import { listenWith, openSocket, type TestSocket } from './test-socket.ts'

const { runtime } = await testVisita()
const { db } = runtime

/** Notes of visits of the patient, committed together; as another process would if `elsewhere`. */
async function note({ patientId }: TestPatient, count: number, elsewhere = false): Promise<void> {
  const events = elsewhere ? createEventBus() : runtime.events
  await transact({ ...runtime, events, actor: null }, async (tx) => {
    for (let made = 0; made < count; made += 1)
      tx.append({ type: 'appointment.noted', subjects: { appointmentId: newId(), patientId } })
  })
}

/** All events of the patient after the cursor, as the table has them. */
async function storedAfter(cursor: Cursor, { patientId }: TestPatient) {
  const found = []
  for (let at = cursor; ;) {
    const batch = await eventsAfter(db, at, 500)
    const last = batch.at(-1)
    if (!last) return found
    found.push(...batch.filter(({ subjects }) => subjects.patientId === patientId))
    at = last
  }
}

/** The visits of the events that the socket is told, up to that of the last visit. */
async function toldUntil(client: TestSocket, last: string): Promise<string[]> {
  const messages = await client.until(({ appointmentId }) => appointmentId === last)
  return messages.map(({ type, appointmentId }) => (type === 'event' ? appointmentId : type))
}

test('between replay and stream there is no gap and no repetition, while others commit', async () => {
  const { url } = await listenWith(runtime, { accountSocketsMax: 1000, replayedMax: 100_000 })
  const patient = await makePatient(runtime)
  const { patientId } = patient
  // Someone watches the day of a clinic, so that telling the events takes a query each time.
  const { clinicId, people } = await makeNetwork(runtime)
  const desk = await openSocket(url, people.deskHere)
  await desk.subscribe('d', { topic: 'clinic-day', clinicId, date: '2026-12-01' })
  const start = await currentCursor(db)
  await note(patient, 450)
  const writing = { isOver: false }
  const insert = (count: number) => ({
    origin: newId(),
    actorId: null,
    occurredAt: runtime.clock(),
    events: Array.from({ length: count }, () => ({
      type: 'appointment.noted',
      subjects: { appointmentId: newId(), patientId, clinicId, version: 1 },
    })),
  })
  // Transactions that overlap, so that lower numbers commit after higher ones.
  const write = async (pauses: number) => {
    for (let round = 0; !writing.isOver; round += 1) {
      await db.transaction().execute(async (tx) => {
        await insertEvents(tx, insert(1 + (round % 3)))
        for (let pause = 0; pause < pauses * (round % 5); pause += 1) await setImmediate()
        await insertEvents(tx, insert(1))
      })
      if (round % 2 === 0) runtime.events.hurry()
    }
  }
  const writers = [0, 1, 5, 20].map(write)
  const rounds: { client: TestSocket; after: Cursor }[] = []
  for (let round = 0; round < 60; round += 1) {
    const known = await storedAfter(start, patient)
    const after = round % 6 === 0 ? start : known[Math.floor((known.length * round) / 60)]!
    const client = await openSocket(url, patient.as)
    const answer = await client.subscribe('a', {
      topic: 'appointments',
      after: encodeCursor(after),
    })
    assert.deepEqual(answer, { type: 'subscribed', id: 'a', cursor: encodeCursor(after) })
    rounds.push({ client, after })
  }
  writing.isOver = true
  await Promise.all(writers)
  await note(patient, 1)
  const all = (await storedAfter(start, patient)).map((event) => ({
    cursor: encodeCursor(event),
    appointmentId: event.subjects.appointmentId!,
  }))
  for (const [index, { client, after }] of rounds.entries()) {
    const told = await toldUntil(client, all.at(-1)!.appointmentId)
    const from = all.findIndex(({ cursor }) => cursor === encodeCursor(after)) + 1
    const expected = all.slice(from).map(({ appointmentId }) => appointmentId)
    assert.equal(told.length, expected.length, `round ${index}`)
    assert.deepEqual(told, expected, `round ${index}`)
    await client.close()
  }
  await desk.close()
})

test('who comes back with the last cursor is told what happened meanwhile, on another server too', async () => {
  const patient = await makePatient(runtime)
  const { url } = await listenWith(runtime)
  const first = await openSocket(url, patient.as)
  await first.subscribe('a', { topic: 'appointments' })
  await note(patient, 2)
  await first.next()
  const { cursor } = await first.next()
  await first.close()
  await note(patient, 3, true)
  const elsewhere = await listenWith(runtime)
  const second = await openSocket(elsewhere.url, patient.as)
  await second.subscribe('a', { topic: 'appointments', after: cursor })
  const missed = [await second.next(), await second.next(), await second.next()]
  assert.deepEqual(
    missed.map(({ event }) => event),
    ['appointment.noted', 'appointment.noted', 'appointment.noted'],
  )
  await note(patient, 1)
  assert.equal((await second.next()).type, 'event')
  await second.close()
})

test('the cursors of ready, pong and an event lead on without repetition', async () => {
  const patient = await makePatient(runtime)
  const { url } = await listenWith(runtime)
  const client = await openSocket(url, null)
  client.send({ type: 'authenticate', accessToken: patient.as.slice('Bearer '.length) })
  const ready = await client.next()
  await client.subscribe('a', { topic: 'appointments', after: ready.cursor })
  await note(patient, 1)
  const event = await client.next()
  client.send({ type: 'ping' })
  const pong = await client.next()
  for (const { cursor } of [event, pong]) {
    client.send({ type: 'unsubscribe', id: 'a' })
    assert.equal((await client.next()).type, 'unsubscribed')
    await client.subscribe('a', { topic: 'appointments', after: cursor })
    await note(patient, 1)
    assert.equal((await client.next()).type, 'event')
    client.send({ type: 'ping' })
    assert.equal((await client.next()).type, 'pong')
  }
  await client.close()
})

test('a cursor that is too old, or that the database has not come to, makes the client load afresh', async () => {
  const patient = await makePatient(runtime)
  const start = encodeCursor(await currentCursor(db))
  await note(patient, 500)
  const ahead = encodeCursor({ xid: '900000000000', seq: '1' })
  const narrow = [
    { limits: { replayedMax: 100 }, after: start },
    { limits: { scannedMax: 100 }, after: start },
    { limits: {}, after: ahead },
  ]
  for (const { limits, after } of narrow) {
    const { url } = await listenWith(runtime, limits)
    const client = await openSocket(url, patient.as)
    await client.subscribe('a', { topic: 'appointments', after })
    const messages = await client.until(({ type }) => type === 'reset')
    assert.ok(messages.length <= 201)
    const { cursor } = messages.at(-1)
    await note(patient, 1)
    const next = await client.next()
    assert.equal(next.type, 'event', 'it goes on from there')
    await client.subscribe('b', { topic: 'notifications', after: cursor })
    await client.close()
  }
})

test('a day is told again as it was told', async () => {
  const network = await openNetwork()
  const { people, clinicId, slots } = network
  const { url } = await listenWith(runtime)
  const date = slots[0]!.startsAt.slice(0, 10)
  const start = encodeCursor(await currentCursor(db))
  const visits = [await makeVisit(network, 0), await makeVisit(network, 1)]
  await makeVisit(network, 30)
  const desk = await openSocket(url, people.deskHere)
  await desk.subscribe('d', { topic: 'clinic-day', clinicId, date, after: start })
  const told = [await desk.next(), await desk.next()]
  assert.deepEqual(
    told.map(({ appointmentId }) => appointmentId),
    visits.map(({ id }) => id),
  )
  visits.push(await makeVisit(network, 2))
  assert.equal((await desk.next()).appointmentId, visits[2]!.id)
  await desk.close()
})

test('who missed little does not wait for those who missed much', async () => {
  const start = await currentCursor(db)
  const [greedy, modest] = [await makePatient(runtime), await makePatient(runtime)]
  for (let part = 0; part < 10; part += 1) await note(greedy, 200, true)
  const after = await currentCursor(db)
  await note(modest, 2, true)
  const [last] = (await storedAfter(after, modest)).slice(-1)
  const finished: string[] = []
  const told: string[] = []
  const allFinished = Promise.withResolvers<void>()
  const subscriptionOf = (id: string, { patientId }: TestPatient): Subscription => ({
    id,
    topic: { topic: 'appointments' },
    visit: null,
    channels: [`patient/${patientId}`],
    from: last!,
    waiting: [],
    send: () => {},
  })
  const replays = createReplays({
    runtime,
    limits: { ...realtimeLimits, replayedMax: 100_000 },
    tell: ({ id }) => void told.push(id),
    finish({ id }, outcome) {
      assert.equal(outcome, 'replayed')
      finished.push(id)
      if (finished.length === 4) allFinished.resolve()
    },
  })
  for (const id of ['a', 'b', 'c'])
    replays.add(subscriptionOf(id, greedy), { after: start, until: last! })
  replays.add(subscriptionOf('modest', modest), { after, until: last! })
  await allFinished.promise
  assert.equal(finished[0], 'modest')
  // Each of the others has had one reading of 200 events before.
  assert.ok(told.lastIndexOf('modest') < 700, `${told.lastIndexOf('modest')}`)
  assert.equal(told.filter((id) => id === 'modest').length, 2)
  for (const id of ['a', 'b', 'c']) assert.equal(told.filter((one) => one === id).length, 2000)
})
