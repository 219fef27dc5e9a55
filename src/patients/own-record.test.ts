// What becomes of the record that an account made when it claims another one, and waits for a visit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, type Answer } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)

/** A person that the desk registered, and the code of a link to the record. */
async function claimable(): Promise<{ id: string; code: string }> {
  const as = network.people.deskHere
  const body = { name: `Anna ${newId()}`, despiteDuplicates: true }
  const { id } = (await call(app, 'POST /patients', { as, body })).body
  const { code } = (await call(app, `POST /patients/${id}/claim-links`, { as })).body
  return { id, code }
}

function claim(as: string, code: string): Promise<Answer> {
  return call(app, 'POST /patients/claims', { as, body: { code } })
}

test('an own record whose waiting is over makes way, and one that still waits stays', async () => {
  for (const status of ['waiting', 'fulfilled', 'ended'] as const) {
    const { id, code } = await claimable()
    const { as, patientId } = await makePatient(runtime)
    await runtime.db
      .insertInto('waitlist_entry')
      .values({
        id: newId(),
        patient_id: patientId,
        visit_type_id: network.visitTypeId,
        doctor_id: network.doctorId,
        status,
        created_at: formatUtc(runtime.clock()),
      })
      .execute()
    const answer = await claim(as, code)
    assert.equal(answer.status, status === 'waiting' ? 409 : 200, status)
    const ownId = (await call(app, 'GET /auth/me', { as })).body.patientId
    assert.equal(ownId, status === 'waiting' ? patientId : id)
  }
})

test('a wait that begins while the own record makes way is refused, or keeps the record', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { code } = await claimable()
    const { as, patientId } = await makePatient(runtime)
    const { doctorId, visitTypeId } = network
    const body = { patientId, doctorId, visitTypeId }
    const [waited, claimed] = await Promise.all([
      call(app, 'POST /waitlist', { as, body }),
      claim(as, code),
    ])
    const entries = await runtime.db
      .selectFrom('waitlist_entry')
      .select('id')
      .where('patient_id', '=', patientId)
      .execute()
    assert.equal(entries.length, waited.status === 201 ? 1 : 0)
    assert.equal(claimed.status, waited.status === 201 ? 409 : 200)
  }
})
