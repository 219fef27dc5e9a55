import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredEvent } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { localDateOf, parseInstant } from '#src/kernel/time.ts'
import { makeVisit, openNetwork } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { loadFacts } from './facts.ts'
import { delayOf } from './subscriptions.ts'

const { runtime } = await testVisita()

let queries = 0
const counting = runtime.db.withPlugin({
  transformQuery({ node }) {
    queries += 1
    return node
  },
  transformResult: async ({ result }) => result,
})

test('delays are read together, each with its own visits, and not when nobody listens', async () => {
  const networks = [await openNetwork(), await openNetwork()]
  const visits = await Promise.all(networks.map((network) => makeVisit(network, 0)))
  const ids = networks.map(({ doctorId, clinicId }) => ({ doctorId, clinicId }))
  // The second doctor has no visit at the first clinic, and a clinic may be gone.
  ids.push({ doctorId: ids[1]!.doctorId, clinicId: ids[0]!.clinicId })
  ids.push({ doctorId: newId(), clinicId: newId() })
  const [{ startsAt }] = [networks[0]!.slots[0]!]
  const events = ids.map((subjects, index): StoredEvent => ({
    type: 'delay.set',
    subjects,
    xid: '1',
    seq: String(index),
    origin: newId(),
    actorId: null,
    occurredAt: parseInstant(startsAt)!,
  }))
  const nobody = { clinicIds: new Set<string>(), hasOpenTimes: true, hasAppointments: false }
  assert.equal((await loadFacts(counting, events, nobody)).delays.size, 0)
  assert.equal(queries, 0)
  const date = localDateOf(parseInstant(startsAt)!, 'Europe/Paris')
  const { delays } = await loadFacts(counting, events, { ...nobody, hasAppointments: true })
  assert.equal(queries, 2)
  const told = events.map((event) => delays.get(delayOf(event)))
  assert.deepEqual(
    told.map((delay) => delay?.visits.map(({ appointmentId }) => appointmentId)),
    [[visits[0]!.id], [visits[1]!.id], [], undefined],
  )
  assert.deepEqual(new Set(told.map((delay) => delay?.date)), new Set([date, undefined]))
  const desk = { ...nobody, clinicIds: new Set([ids[1]!.clinicId]) }
  assert.equal((await loadFacts(counting, events, desk)).delays.size, 1)
})
