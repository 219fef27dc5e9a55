import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, type Network } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { clinicById } from './clinic-queries.ts'

const body = { name: 'Room 3', kind: 'ultrasound' }

async function scheduleVersion(runtime: Runtime, clinicId: string): Promise<number> {
  return (await clinicById(runtime.db, clinicId))!.schedule_version
}

async function bookIn(runtime: Runtime, network: Network, roomId: string): Promise<void> {
  const now = runtime.clock()
  const patientId = newId()
  const created_at = formatUtc(now)
  await runtime.db
    .insertInto('patient')
    .values({ id: patientId, name: 'Someone', created_at })
    .execute()
  await runtime.db
    .insertInto('appointment')
    .values({
      id: newId(),
      status: 'cancelled',
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      patient_id: patientId,
      visit_type_id: network.visitTypeId,
      room_id: roomId,
      starts_at: created_at,
      ends_at: formatUtc(now + 1_800_000),
      time_zone: 'Europe/Paris',
      local_starts_at: created_at.slice(0, 19),
      created_at,
    })
    .execute()
}

test('rooms are changed by admins and the front desk of their clinic alone', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, otherClinicId, people } = await makeNetwork(runtime)
  const path = `/clinics/${clinicId}/rooms`
  assert.equal((await call(app, `POST ${path}`, { body })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await call(app, `POST ${path}`, { as, body })).status, 403)
  for (const as of [people.admin, people.deskHere]) {
    const before = await scheduleVersion(runtime, clinicId)
    const added = await call(app, `POST ${path}`, { as, body })
    assert.equal(added.status, 201)
    assert.deepEqual(added.body, { id: added.body.id, ...body })
    assert.equal(await scheduleVersion(runtime, clinicId), before + 1)

    const room = `${path}/${added.body.id}`
    assert.equal((await call(app, `DELETE ${room}`)).status, 401)
    for (const other of [people.patient, people.doctor, people.deskElsewhere])
      assert.equal((await call(app, `DELETE ${room}`, { as: other })).status, 403)
    const elsewhere = `DELETE /clinics/${otherClinicId}/rooms/${added.body.id}` as const
    assert.equal((await call(app, elsewhere, { as: people.admin })).status, 404)
    assert.equal((await call(app, `DELETE ${room}`, { as })).status, 204)
    assert.equal(await scheduleVersion(runtime, clinicId), before + 2)
    assert.equal((await call(app, `DELETE ${room}`, { as })).status, 404)
  }
})

test('rooms are seen by those who work at the clinic', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, otherClinicId, people } = await makeNetwork(runtime)
  await call(app, `POST /clinics/${clinicId}/rooms`, { as: people.admin, body })
  const see = (id: string, as: string) => call(app, `GET /clinics/${id}/rooms`, { as })
  for (const as of [people.admin, people.deskHere, people.doctor])
    assert.equal((await see(clinicId, as)).body.items[0].name, body.name)
  for (const as of [people.patient, people.deskElsewhere])
    assert.equal((await see(clinicId, as)).status, 403)
  assert.equal((await see(otherClinicId, people.doctor)).status, 403)
  assert.equal((await call(app, `GET /clinics/${clinicId}/rooms`)).status, 401)
  assert.equal((await see(newId(), people.admin)).status, 404)
})

test('a clinic has one room of a name', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, otherClinicId, people } = await makeNetwork(runtime)
  const as = people.admin
  assert.equal((await call(app, `POST /clinics/${clinicId}/rooms`, { as, body })).status, 201)
  assert.equal((await call(app, `POST /clinics/${clinicId}/rooms`, { as, body })).status, 409)
  assert.equal((await call(app, `POST /clinics/${otherClinicId}/rooms`, { as, body })).status, 201)
})

test('a room that a visit refers to is kept', async () => {
  const { app, runtime } = await testVisita()
  const network = await makeNetwork(runtime)
  const path = `/clinics/${network.clinicId}/rooms`
  const as = network.people.deskHere
  const added = await call(app, `POST ${path}`, { as, body })
  await bookIn(runtime, network, added.body.id)
  const refused = await call(app, `DELETE ${path}/${added.body.id}`, { as })
  assert.equal(refused.status, 409)
  assert.equal(refused.body.type, '/problems/conflict')
  assert.equal((await call(app, `GET ${path}`, { as })).body.items.length, 1)
})
