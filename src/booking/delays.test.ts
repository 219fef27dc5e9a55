import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addDays, localDateOf } from '#src/kernel/time.ts'
import { call, makeNetwork } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

/** A visit that is booked for tomorrow and then made today's, so that the day is sure to be this one. */
async function visitOfToday(network: Awaited<ReturnType<typeof makeNetwork>>) {
  await openEveryDay(app, network)
  const patient = await makePatient(runtime)
  const [slot] = await openSlots(app, network.doctorId)
  const { body } = await book(app, patient.as, { slotId: slot!.id })
  const today = localDateOf(runtime.clock(), 'Europe/Paris')
  await runtime.db
    .updateTable('appointment')
    .set({ local_starts_at: `${today}T23:00:00` })
    .where('id', '=', body.id)
    .execute()
  return { patient, id: String(body.id), today }
}

test('patients and the desk see on the visits of the day by how much the doctor runs late', async () => {
  const network = await makeNetwork(runtime)
  const { people, doctorId, clinicId } = network
  const { patient, id, today } = await visitOfToday(network)
  const set = await call(app, `PUT /doctors/${doctorId}/delay`, {
    as: people.deskHere,
    body: { minutes: 25 },
  })
  assert.equal(set.status, 200)
  assert.deepEqual([set.body.clinicId, set.body.date, set.body.minutes], [clinicId, today, 25])
  for (const as of [patient.as, people.deskHere, people.doctor])
    assert.equal((await call(app, `GET /appointments/${id}`, { as })).body.delayMinutes, 25)
  const list = await call(app, 'GET /doctors/me/delays', { as: people.doctor })
  assert.deepEqual(
    list.body.items.map(({ minutes }: { minutes: number }) => minutes),
    [25],
  )
  await call(app, 'PUT /doctors/me/delay', { as: people.doctor, body: { minutes: 40 } })
  const later = await call(app, `GET /appointments/${id}`, { as: patient.as })
  assert.equal(later.body.delayMinutes, 40)
})

test('a delay is gone when the doctor is in time again, on other days and once the visit has begun', async () => {
  const network = await makeNetwork(runtime)
  const { people } = network
  const { patient, id, today } = await visitOfToday(network)
  const delayOf = async () =>
    (await call(app, `GET /appointments/${id}`, { as: patient.as })).body.delayMinutes
  const setDelay = (minutes: number) =>
    call(app, 'PUT /doctors/me/delay', { as: people.doctor, body: { minutes } })
  await setDelay(10)
  await setDelay(0)
  assert.equal(await delayOf(), undefined)
  assert.equal(
    (await call(app, 'GET /doctors/me/delays', { as: people.doctor })).body.items.length,
    0,
  )
  await setDelay(10)
  await call(app, `POST /appointments/${id}/check-in`, { as: people.deskHere })
  assert.equal(await delayOf(), 10)
  await call(app, `POST /appointments/${id}/start`, { as: people.doctor })
  assert.equal(await delayOf(), undefined)
  await runtime.db
    .updateTable('appointment')
    .set({ status: 'confirmed', local_starts_at: `${addDays(today, 1)}T09:00:00` })
    .where('id', '=', id)
    .execute()
  assert.equal(await delayOf(), undefined)
})

test('only those who run the doctor’s day at the clinic set the delay there', async () => {
  const { people, doctorId, otherClinicId } = await makeNetwork(runtime)
  const set = (as: string, body: object = { minutes: 5 }) =>
    call(app, `PUT /doctors/${doctorId}/delay`, { as, body })
  for (const as of [people.patient, people.otherDoctor, people.deskElsewhere])
    assert.equal((await set(as)).status, 403)
  const elsewhere = await set(people.admin, { minutes: 5, clinicId: otherClinicId })
  assert.equal(elsewhere.status, 422)
  assert.equal(elsewhere.body.errors[0].pointer, '/clinicId')
  assert.equal((await set(people.admin, { minutes: 721 })).status, 422)
  assert.equal((await set(people.admin)).status, 200)
})
