// What each scope of access lets an account do: looking, booking, managing, over the whole API.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, type Answer } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { auditOf, makePatientOf, makeVisit, openNetwork } from '#test/support/visits.ts'

const { app, runtime } = await testVisita()

type Scope = 'see' | 'book' | 'manage'

async function giveAccess(
  accountId: string,
  { patientId, scope }: { patientId: string; scope: Scope },
): Promise<void> {
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: patientId,
      relation: 'carer',
      scope,
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
}

interface Scene {
  as: string
  patient: TestPatient
  /** A visit of the patient that the patient has booked, with a message of the desk. */
  visitId: string
  heldId: string
  slotIds: string[]
  entryId: string
}

/** A network of its own for each action, in which an account has access of the scope. */
async function sceneFor(scope: Scope | null): Promise<Scene> {
  const network = await openNetwork()
  const patient = await makeVisit(network, 0)
  const slotIds = network.slots.map(({ id }) => id)
  const must = async (as: string, line: Parameters<typeof call>[1], body: object) => {
    const answer = await call(app, line, { as, body })
    assert.ok(answer.status < 300, `${line} ${JSON.stringify(answer.body)}`)
    return String(answer.body.id)
  }
  await must(network.people.deskHere, `POST /appointments/${patient.id}/messages`, {
    text: 'Come fasting.',
  })
  const entryId = await must(patient.as, 'POST /waitlist', {
    appointmentId: patient.id,
    from: '22:00',
  })
  const hold = { slotId: slotIds[40], hold: true }
  const heldId = await must(patient.as, 'POST /appointments', hold)
  const other = await makePatient(runtime)
  if (scope !== null) await giveAccess(other.accountId, { patientId: patient.patientId, scope })
  return { as: other.as, patient, visitId: patient.id, heldId, slotIds, entryId }
}

type Act = (scene: Scene) => Promise<Answer>

const step =
  (name: string, body: object = {}): Act =>
  ({ as, visitId }) =>
    call(app, `POST /appointments/${visitId}/${name}`, { as, body })
const ofPatient =
  (method: 'GET' | 'POST' | 'PATCH', rest: string, body?: object): Act =>
  ({ as, patient }) =>
    call(app, `${method} /patients/${patient.patientId}${rest}`, { as, body })

/** Status for no access, see, book and manage. */
const table: Record<string, { act: Act; statuses: string }> = {
  'read the record': { act: ofPatient('GET', ''), statuses: '404 200 200 200' },
  'read the visit': {
    act: ({ as, visitId }) => call(app, `GET /appointments/${visitId}`, { as }),
    statuses: '404 200 200 200',
  },
  'read the steps of the visit': {
    act: ({ as, visitId }) => call(app, `GET /appointments/${visitId}/history`, { as }),
    statuses: '404 200 200 200',
  },
  'read the calendar file': {
    act: async ({ as, visitId }) => {
      const url = `/api/v1/appointments/${visitId}/calendar.ics`
      const { statusCode } = await app.inject({ url, headers: { authorization: as } })
      return { status: statusCode, body: null } as Answer
    },
    statuses: '404 200 200 200',
  },
  'make a calendar feed': {
    act: ({ as, patient: { patientId } }) =>
      call(app, 'POST /calendar-feeds', { as, body: { patientId } }),
    statuses: '404 201 201 201',
  },
  'read the messages': {
    act: ({ as, visitId }) => call(app, `GET /appointments/${visitId}/messages`, { as }),
    statuses: '404 200 200 200',
  },
  'write a message': {
    act: ({ as, visitId }) =>
      call(app, `POST /appointments/${visitId}/messages`, { as, body: { text: 'I come.' } }),
    statuses: '404 403 201 201',
  },
  'mark messages as read': { act: step('messages/read'), statuses: '404 403 200 200' },
  'cancel the visit': { act: step('cancel'), statuses: '404 403 200 200' },
  'delete the visit': {
    act: ({ as, visitId }) => call(app, `DELETE /appointments/${visitId}`, { as }),
    statuses: '404 403 200 200',
  },
  'move the visit': {
    act: (scene) => step('reschedule', { slotId: scene.slotIds[20] })(scene),
    statuses: '404 403 200 200',
  },
  // Who may gets to hear that the booking is nothing to undo.
  'undo a step': { act: step('undo'), statuses: '404 403 409 409' },
  'accept a request': { act: step('accept'), statuses: '404 403 403 403' },
  'renew a hold': {
    act: ({ as, heldId }) => call(app, `POST /appointments/${heldId}/renew-hold`, { as }),
    statuses: '404 403 200 200',
  },
  'book the held time': {
    act: ({ as, heldId }) =>
      call(app, `POST /appointments/${heldId}/confirm-hold`, { as, body: {} }),
    statuses: '404 403 200 200',
  },
  book: {
    act: ({ as, patient: { patientId }, slotIds }) =>
      call(app, 'POST /appointments', { as, body: { slotId: slotIds[30], patientId } }),
    statuses: '404 403 201 201',
  },
  'read the waitlist entry': {
    act: ({ as, entryId }) => call(app, `GET /waitlist/${entryId}`, { as }),
    statuses: '404 200 200 200',
  },
  'leave the waitlist': {
    act: ({ as, entryId }) => call(app, `DELETE /waitlist/${entryId}`, { as }),
    statuses: '404 403 204 204',
  },
  // Who may gets to hear that the visit is on the waitlist already.
  'join the waitlist for a visit': {
    act: ({ as, visitId }) => call(app, 'POST /waitlist', { as, body: { appointmentId: visitId } }),
    statuses: '404 403 409 409',
  },
  'join the waitlist for a first visit': {
    act: async ({ as, visitId, patient }) => {
      const { body } = await call(app, `GET /appointments/${visitId}`, { as: patient.as })
      const { doctorId, visitTypeId } = body
      const { patientId } = patient
      return call(app, 'POST /waitlist', { as, body: { doctorId, visitTypeId, patientId } })
    },
    statuses: '404 403 201 201',
  },
  'read the medical history': {
    act: ofPatient('GET', '/medical-history'),
    statuses: '404 200 403 200',
  },
  'write the medical history': {
    act: ofPatient('POST', '/medical-history', { kind: 'note', text: 'Wears glasses.' }),
    statuses: '404 403 403 201',
  },
  'change the record': {
    act: ofPatient('PATCH', '', { insuranceNumber: '2 84 07 75' }),
    statuses: '404 403 403 200',
  },
  'read who has access': { act: ofPatient('GET', '/access'), statuses: '404 403 403 200' },
  'give access': {
    act: ofPatient('POST', '/access', {
      email: `${newId()}@example.org`,
      relation: 'carer',
      scope: 'see',
    }),
    statuses: '404 403 403 201',
  },
}

for (const [what, { act, statuses }] of Object.entries(table))
  test(`who may ${what}: ${statuses} for no access, see, book and manage`, async () => {
    const found: number[] = []
    for (const scope of [null, 'see', 'book', 'manage'] as const)
      found.push((await act(await sceneFor(scope))).status)
    assert.equal(found.join(' '), statuses)
  })

test('what an onlooker tries to do changes nothing and is on record', async () => {
  const scene = await sceneFor('see')
  const { as, visitId, patient } = scene
  for (const tried of [step('cancel'), step('reschedule', { slotId: scene.slotIds[9] })])
    assert.equal((await tried(scene)).status, 403)
  const { body } = await call(app, `GET /appointments/${visitId}`, { as: patient.as })
  assert.deepEqual([body.status, body.version], ['confirmed', 1])
  const denied = (await auditOf(visitId)).filter(({ allowed }) => !allowed)
  assert.deepEqual(
    denied.map(({ action }) => action),
    ['appointment.cancel', 'appointment.reschedule'],
  )
  const { items } = (await call(app, 'GET /appointments', { as })).body
  assert.deepEqual(
    items.map(({ id }: { id: string }) => id).toSorted(),
    [visitId, scene.heldId].toSorted(),
  )
  assert.equal((await call(app, 'GET /waitlist', { as })).body.items.length, 1)
  const unread = await call(app, 'GET /messages/unread', { as })
  assert.deepEqual(unread.body, { unreadCount: 0, threads: [] })
})

test('staff who may look at a relative act on their visits as staff, and see no notes of colleagues', async () => {
  const network = await openNetwork()
  const { people } = network
  await makePatientOf(people.deskHere)
  const visit = await makeVisit(network, 0)
  const note = { staffNote: 'Complains a lot.' }
  const request = `PATCH /appointments/${visit.id}` as const
  assert.equal((await call(app, request, { as: people.doctor, body: note })).status, 200)
  const bearer = await runtime.tokens.verify(people.deskHere.slice(7), runtime.clock())
  const seen = () => call(app, `GET /appointments/${visit.id}`, { as: people.deskHere })
  assert.equal((await seen()).body.staffNote, note.staffNote)
  await giveAccess(bearer!.accountId, { patientId: visit.patientId, scope: 'see' })
  assert.equal((await seen()).body.staffNote, undefined)
  assert.equal((await call(app, request, { as: people.deskHere, body: note })).status, 403)
  const checkedIn = `POST /appointments/${visit.id}/check-in` as const
  assert.equal((await call(app, checkedIn, { as: people.deskHere, body: {} })).status, 200)
})
