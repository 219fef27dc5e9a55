// Events that cannot be told take nobody's rights along.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEventBus, type EventBus, type StoredEvent } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { signInAs } from '#test/support/network.ts'
import { makeVisit, openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { listenWith, openSocket, type TestSocket } from './test-socket.ts'

const { runtime } = await testVisita()

/** A bus whose table is read by the test. */
function openBus(): { events: EventBus; read: (...batch: Partial<StoredEvent>[]) => void } {
  const events = createEventBus()
  let seq = 0
  const position = () => ({ xid: '1', seq: String(seq) })
  events.reading.passOn({ batch: [], position: position(), isEnd: true })
  return {
    events,
    read(...types) {
      const batch = types.map((event) => {
        seq += 1
        const actorId = null
        const occurredAt = runtime.clock()
        return {
          type: '',
          subjects: {},
          origin: newId(),
          actorId,
          occurredAt,
          ...event,
          ...position(),
        }
      })
      events.reading.passOn({ batch, position: position(), isEnd: true })
    },
  }
}

/** The code that the socket is closed with, or what it is told instead. */
function closedOrTold(client: TestSocket): Promise<unknown> {
  return Promise.race([client.closed, client.next()])
}

test('nobody goes on listening to what is not theirs after events that came too fast', async () => {
  const { events, read } = openBus()
  const { url } = await listenWith({ ...runtime, events }, { batchesMax: 2 })
  const network = await openNetwork()
  const { clinicId } = network
  const visit = await makeVisit(network, 0)
  const as = await signInAs(runtime, { role: 'front_desk', clinicId })
  const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
  const { accountId } = bearer!
  const client = await openSocket(url, as)
  const thread = { topic: 'thread', appointmentId: visit.id }
  assert.equal((await client.subscribe('t', thread)).type, 'subscribed')
  await runtime.db.deleteFrom('membership').where('account_id', '=', accountId).execute()
  const noted = { type: 'appointment.noted', subjects: { appointmentId: newId() } }
  // The first is being told, and the loss of the membership waits when there are too many.
  for (let count = 0; count < 2; count += 1) read(noted)
  read({ type: 'membership.ended', subjects: { accountId, clinicId } })
  read(noted)
  assert.equal(await closedOrTold(client), 1013)
  const again = await openSocket(url, as)
  assert.equal((await again.subscribe('t', thread)).code, 'not-found')
  await again.close()
})

test('nobody goes on listening to what is not theirs after events that could not be told', async () => {
  const { events, read } = openBus()
  let isBroken = false
  const db = runtime.db.withPlugin({
    transformQuery({ node }) {
      if (isBroken) throw new Error('broken')
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const { url } = await listenWith({ ...runtime, db, events })
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const { people, doctorId } = network
  const doctor = await openSocket(url, people.doctor)
  const thread = { topic: 'thread', appointmentId: visit.id }
  assert.equal((await doctor.subscribe('t', thread)).type, 'subscribed')
  const bearer = await runtime.tokens.verify(
    people.otherDoctor.slice('Bearer '.length),
    runtime.clock(),
  )
  const other = await runtime.db
    .selectFrom('doctor')
    .select('id')
    .where('account_id', '=', bearer!.accountId)
    .executeTakeFirstOrThrow()
  await runtime.db
    .updateTable('appointment')
    .set({ doctor_id: other.id })
    .where('id', '=', visit.id)
    .execute()
  // Whose the moved visit is cannot be read.
  isBroken = true
  read({
    type: 'appointment.moved',
    subjects: { appointmentId: visit.id, doctorId: other.id, formerDoctorId: doctorId },
  })
  assert.equal(await closedOrTold(doctor), 1013)
  isBroken = false
  const again = await openSocket(url, people.doctor)
  assert.equal((await again.subscribe('t', thread)).code, 'not-found')
  await again.close()
})
