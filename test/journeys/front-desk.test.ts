// The front desk's week: someone without an account phones, the doctor falls ill, the day comes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, type Answer } from '#test/support/network.ts'
import { openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

function succeeded(answer: Answer) {
  assert.ok(answer.status < 300, JSON.stringify(answer.body))
  return answer.body
}

test('someone without an account phones, is booked, claims the record, is moved when the doctor falls ill, and is seen', async () => {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const { doctorId } = network
  const { deskHere: desk, doctor } = network.people
  const as = async (who: string, line: Parameters<typeof call>[1], body?: object) =>
    succeeded(await call(app, line, { as: who, ...(body && { body }) }))

  // She is not known yet, and then she is.
  const found = await as(desk, 'POST /patients/search', { q: 'okonkwo', phone: '0151 23456789' })
  assert.equal(found.items.length, 0)
  const person = { name: 'Zoë Okonkwo', phone: '+49 151 23456789', dateOfBirth: '1991-02-28' }
  const { id: patientId } = await as(desk, 'POST /patients', person)
  const again = await call(app, 'POST /patients', { as: desk, body: person })
  assert.equal(again.body.type, '/problems/possible-duplicates')
  assert.equal(again.body.candidates[0].id, patientId)

  // She is booked, and handed a link to her record.
  const slots = await openSlots(app, doctorId)
  const visit = await as(desk, 'POST /appointments', { slotId: slots[4]!.id, patientId })
  await as(desk, `PATCH /appointments/${visit.id}`, { staffNote: 'Prefers the morning.' })
  const { code } = await as(desk, `POST /patients/${patientId}/claim-links`)
  const { accessToken, account } = succeeded(
    await call(app, 'POST /auth/register', {
      body: {
        email: `${newId()}@example.org`,
        password: 'four wet herons wait',
        name: 'Zoë Okonkwo',
        claim: { code, dateOfBirth: '1991-02-28' },
      },
    }),
  )
  assert.equal(account.patientId, patientId)
  const zoe = `Bearer ${accessToken}`
  const [mine] = (await as(zoe, 'GET /appointments')).items
  assert.equal(mine.id, visit.id)
  assert.equal(mine.staffNote, undefined)

  // The doctor falls ill: the visit is listed, planned and moved, by the same id.
  const day = visit.startsAt.slice(0, 10)
  const { affected, affectedCount } = await as(doctor, 'POST /doctors/me/time-off', {
    startsAt: `${day}T00:00:00Z`,
    endsAt: `${day}T23:59:00Z`,
  })
  assert.equal(affectedCount, 1)
  assert.equal(affected[0].appointmentId, visit.id)
  const away = { from: `${day}T00:00:00Z`, to: `${day}T23:59:00Z` }
  const { plan } = await as(desk, `POST /doctors/${doctorId}/rebooking`, away)
  const [{ appointment, proposed }] = plan
  const move = { appointmentId: visit.id, version: appointment.version, slotId: proposed.id }
  const { moved } = await as(desk, `POST /doctors/${doctorId}/rebooking`, {
    ...away,
    apply: { moves: [move] },
    reason: 'Dr. Moreau is ill.',
  })
  assert.equal(moved, 1)
  const after = await as(zoe, `GET /appointments/${visit.id}`)
  assert.equal(after.startsAt, proposed.startsAt)
  assert.ok(after.sequence > mine.sequence)

  // The day comes.
  for (const [who, command, status] of [
    [desk, 'check-in', 'arrived'],
    [doctor, 'start', 'with_doctor'],
    [doctor, 'complete', 'completed'],
  ] as const)
    assert.equal((await as(who, `POST /appointments/${visit.id}/${command}`)).status, status)
  const history = await as(zoe, `GET /appointments/${visit.id}/history`)
  assert.deepEqual(
    history.items.map(({ command }: { command: string }) => command),
    ['book', 'reschedule', 'check-in', 'start', 'complete'],
  )
  assert.equal(history.items[1].reason, 'Dr. Moreau is ill.')
  assert.equal(history.items[0].by.name, undefined)

  // The doctor books the follow-up.
  const next = (await openSlots(app, doctorId)).at(-1)!
  const followUp = await as(doctor, 'POST /appointments', { slotId: next.id, patientId })
  assert.equal(followUp.status, 'confirmed')
})
