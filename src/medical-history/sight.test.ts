// Who reads and writes a medical history, and what gives a doctor the right to it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountActor } from '#src/context.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  changeDoctor,
  command,
  instantOf,
  makeVisit,
  openNetwork,
  type OpenNetwork,
} from '#test/support/visits.ts'
import { free, fullNetwork, must, tomorrowAt, workAt } from '#test/support/waitlist.ts'
import { findHistorySight } from './sight-queries.ts'

const { app, runtime } = await testVisita()

const dayMilliseconds = 86_400_000

async function statusesOf(as: string, patientId: string): Promise<number[]> {
  const path = `/patients/${patientId}/medical-history`
  const read = await call(app, `GET ${path}`, { as })
  const written = await call(app, `POST ${path}`, { as, body: { kind: 'note', text: 'Seen' } })
  return [read.status, written.status]
}

const none = [404, 404]
const known = [403, 403]
const all = [200, 201]

/** Someone without an account whom the desk registered. */
async function registered(as: string): Promise<string> {
  const body = { name: `Zoë ${newId()}`, dateOfBirth: '1984-07-19', despiteDuplicates: true }
  const answer = await call(app, 'POST /patients', { as, body })
  assert.equal(answer.status, 201)
  return answer.body.id
}

async function walkIn(network: OpenNetwork, as: string, patientId: string): Promise<string> {
  const { doctorId, clinicId, visitTypeId } = network
  const overbook = { reason: 'Stands at the desk.' }
  const answer = await call(app, 'POST /appointments/walk-in', {
    as,
    body: { doctorId, clinicId, visitTypeId, patientId, overbook },
  })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

test('accounts that manage or see a patient read the history, those that manage write it', async () => {
  const patient = await makePatient(runtime)
  const carer = await makePatient(runtime)
  assert.deepEqual(await statusesOf(carer.as, patient.patientId), none)
  const access = { account_id: carer.accountId, patient_id: patient.patientId }
  const scopes = { manage: all, see: [200, 403], book: known }
  for (const [scope, statuses] of Object.entries(scopes) as [
    'book' | 'see' | 'manage',
    number[],
  ][]) {
    await runtime.db
      .insertInto('patient_access')
      .values({
        ...access,
        relation: 'carer',
        scope,
        created_at: formatUtc(runtime.clock()),
        ends_at: formatUtc(runtime.clock() + dayMilliseconds),
      })
      .onConflict((conflict) =>
        conflict.columns(['account_id', 'patient_id']).doUpdateSet({ scope }),
      )
      .execute()
    assert.deepEqual(await statusesOf(carer.as, patient.patientId), statuses, scope)
  }
  await runtime.db
    .updateTable('patient_access')
    .set({ scope: 'manage', ends_at: formatUtc(runtime.clock()) })
    .where('account_id', '=', carer.accountId)
    .where('patient_id', '=', patient.patientId)
    .execute()
  assert.deepEqual(await statusesOf(carer.as, patient.patientId), none)
})

test('no front desk and no admin reads or writes one, whatever they have to do with the patient', async () => {
  const network = await openNetwork()
  const { id, patientId } = await makeVisit(network, 0)
  const { deskHere, deskElsewhere, admin } = network.people
  await command(deskHere, id, 'check-in')
  assert.deepEqual(await statusesOf(deskHere, patientId), known)
  assert.deepEqual(await statusesOf(admin, patientId), known)
  assert.deepEqual(await statusesOf(deskElsewhere, patientId), none)
})

test('a visit that the patient booked gives the doctor the history, and gives it no other doctor', async () => {
  const network = await openNetwork()
  const { id, patientId, as } = await makeVisit(network, 1)
  const { doctor, otherDoctor } = network.people
  assert.deepEqual(await statusesOf(doctor, patientId), all)
  assert.deepEqual(await statusesOf(otherDoctor, patientId), none)
  await command(as, id, 'cancel')
  assert.deepEqual(await statusesOf(doctor, patientId), none)
})

test('a request counts until it is declined or lapses, a held time never', async () => {
  const network = await openNetwork()
  const { doctor } = network.people
  await changeDoctor(network, { bookingMode: 'on_request' })
  runtime.board.doctors.forget(network.doctorId)
  const asked = await makeVisit(network, 2)
  assert.equal(asked.visit.status, 'requested')
  assert.deepEqual(await statusesOf(doctor, asked.patientId), all)
  await runtime.db
    .updateTable('appointment')
    .set({ expires_at: formatUtc(runtime.clock()) })
    .where('id', '=', asked.id)
    .execute()
  assert.notDeepEqual(await statusesOf(doctor, asked.patientId), all)
  const declined = await makeVisit(network, 3)
  await command(doctor, declined.id, 'decline')
  assert.notDeepEqual(await statusesOf(doctor, declined.patientId), all)
  const held = await makeVisit(network, 4, { hold: true })
  assert.notDeepEqual(await statusesOf(doctor, held.patientId), all)
})

test('a doctor who books somebody, receives them and is done with them has no right to the history', async () => {
  const network = await openNetwork()
  const { doctor, deskHere, deskElsewhere } = network.people
  const stranger = await registered(deskElsewhere)
  assert.deepEqual(await statusesOf(doctor, stranger), none)
  const booked = await book(app, doctor, { slotId: network.slots[5]!.id, patientId: stranger })
  assert.equal(booked.status, 201)
  assert.deepEqual(await statusesOf(doctor, stranger), known)
  for (const step of ['check-in', 'start', 'complete'])
    assert.equal((await command(doctor, booked.body.id, step)).status, 200)
  assert.deepEqual(await statusesOf(doctor, stranger), known)

  const another = await registered(deskElsewhere)
  await walkIn(network, doctor, another)
  assert.deepEqual(await statusesOf(doctor, another), known)

  const third = await registered(deskElsewhere)
  const theirs = await book(app, doctor, { slotId: network.slots[6]!.id, patientId: third })
  await command(deskHere, theirs.body.id, 'check-in')
  assert.deepEqual(await statusesOf(doctor, third), all)
})

test('a visit that the desk booked counts from when the patient comes', async () => {
  const network = await openNetwork()
  const { doctor, deskHere } = network.people
  const patientId = await registered(deskHere)
  const { body } = await book(app, deskHere, { slotId: network.slots[7]!.id, patientId })
  assert.deepEqual(await statusesOf(doctor, patientId), known)
  await command(doctor, body.id, 'check-in')
  assert.deepEqual(await statusesOf(doctor, patientId), all)
  const other = await registered(deskHere)
  await walkIn(network, deskHere, other)
  assert.deepEqual(await statusesOf(doctor, other), all)
})

test('a doctor who may book for a patient gets no history by a visit with themselves', async () => {
  const network = await openNetwork()
  const { doctor } = network.people
  const patient = await makePatient(runtime)
  const actor = (await authenticate(runtime, doctor))!
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: actor.accountId,
      patient_id: patient.patientId,
      relation: 'carer',
      scope: 'book',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  const slotId = network.slots[8]!.id
  const { body } = await book(app, doctor, { slotId, patientId: patient.patientId })
  assert.deepEqual(await statusesOf(doctor, patient.patientId), known)
  for (const step of ['check-in', 'start', 'complete']) await command(doctor, body.id, step)
  assert.deepEqual(await statusesOf(doctor, patient.patientId), known)
})

test('a doctor who takes a time of the waitlist for somebody has no right to the history', async () => {
  const network = await fullNetwork()
  const { people, visitTypeId, doctorId } = network
  const { doctor } = people
  const patientId = await registered(people.deskElsewhere)
  const wish = { patientId, doctorId, visitTypeId }
  const entry = await must(call(app, 'POST /waitlist', { as: doctor, body: wish }))
  await free(network, 0)
  await workAt(await tomorrowAt())
  const taken = await must(call(app, `POST /waitlist/${entry.body.id}/take`, { as: doctor }))
  await must(command(doctor, taken.body.id, 'check-in'))
  const steps = await runtime.db
    .selectFrom('appointment_event')
    .select(['actor_id', 'to_status'])
    .where('appointment_id', '=', taken.body.id)
    .orderBy('version')
    .execute()
  // The time was held by nobody's account, which must not pass for a second person.
  assert.deepEqual([steps[0]?.actor_id, steps.at(-1)?.to_status], [null, 'arrived'])
  assert.deepEqual(await statusesOf(doctor, patientId), known)
})

test('the right ends 365 days after the last visit, to the millisecond', async () => {
  const network = await openNetwork()
  const { patientId, visit } = await makeVisit(network, 10)
  const actor = (await authenticate(runtime, network.people.doctor))!
  const sightAt = (now: number) => findHistorySight(runtime.db, { patientId, actor, now })
  const endsAt = instantOf(visit.endsAt)
  assert.equal((await sightAt(endsAt + 365 * dayMilliseconds - 1))?.isTreating, true)
  assert.deepEqual(await sightAt(endsAt + 365 * dayMilliseconds), {
    scope: null,
    isTreating: false,
  })
})

test('the right is that of an account whose role is doctor', async () => {
  const network = await openNetwork()
  const { patientId } = await makeVisit(network, 11)
  const doctor = (await authenticate(runtime, network.people.doctor))!
  const now = runtime.clock()
  const isTreating = async (actor: AccountActor) =>
    (await findHistorySight(runtime.db, { patientId, actor, now }))?.isTreating
  assert.equal(await isTreating(doctor), true)
  for (const role of ['admin', 'front_desk', 'patient'] as const)
    assert.equal(await isTreating({ ...doctor, role }), false)
  const as = await signInAs(runtime, { role: 'doctor' })
  assert.deepEqual(await statusesOf(as, patientId), none)
})
