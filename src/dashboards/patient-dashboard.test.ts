import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call } from '../../test/support/network.ts'
import { book, makePatient, type TestPatient } from '../../test/support/patient.ts'
import { testVisita } from '../../test/support/visita.ts'
import {
  auditOf,
  changeDoctor,
  command,
  contextAt,
  instantOf,
  makeVisit,
  openNetwork,
} from '../../test/support/visits.ts'
import { free, fullNetwork, tomorrowAt, waitWith, workAt } from '../../test/support/waitlist.ts'
import { presentPatientDashboard, readPatientDashboard } from './patient-dashboard.ts'

const { app, runtime } = await testVisita()

const idsOf = (visits: readonly { id: string }[]) => visits.map(({ id }) => id)

function dashboardOf({ patientId }: { patientId: string }, as: string) {
  return call(app, `GET /patients/${patientId}/dashboard`, { as })
}

/** Lets the account of the one see, or do more with, the record of the other. */
async function giveAccess(
  { accountId }: TestPatient,
  { patientId }: { patientId: string },
  access: Partial<Pick<PatientAccessTable, 'scope'>> & { endsAt?: number } = {},
): Promise<void> {
  const now = runtime.clock()
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: patientId,
      relation: 'carer',
      scope: access.scope ?? 'manage',
      created_at: formatUtc(now),
      ends_at: access.endsAt === undefined ? null : formatUtc(access.endsAt),
    })
    .execute()
}

test('the next five visits come soonest first, requests apart, what is over or called off not', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  const visits: string[] = []
  for (const index of [12, 0, 2, 4, 6, 8, 10]) {
    const { body } = await book(app, patient.as, { slotId: network.slots[index]!.id })
    visits.push(body.id)
  }
  await command(patient.as, visits[2]!, 'cancel', { body: {} })
  await changeDoctor(network, { bookingMode: 'on_request' })
  const asked = await book(app, patient.as, { slotId: network.slots[14]!.id })
  const { status, body } = await dashboardOf(patient, patient.as)
  assert.equal(status, 200)
  assert.deepEqual(body.patient, { id: patient.patientId, name: 'Anna Berg' })
  assert.deepEqual(
    idsOf(body.nextVisits),
    [1, 3, 4, 5, 6].map((index) => visits[index]),
  )
  assert.equal(body.nextVisits[0].startsAt, network.slots[0]!.startsAt)
  assert.deepEqual([body.requests.count, idsOf(body.requests.items)], [1, [asked.body.id]])
  const context = await contextAt(patient.as, instantOf(network.slots[4]!.endsAt))
  const later = presentPatientDashboard(
    await readPatientDashboard(context, patient.patientId),
    context.actor,
  )
  assert.deepEqual(
    idsOf(later.nextVisits),
    [4, 5, 6, 0].map((index) => visits[index]),
  )
})

test('what waits on the waitlist is there with its offer', async () => {
  const network = await fullNetwork()
  const waiting = await waitWith(network, 0)
  const { body: before } = await dashboardOf(waiting, waiting.as)
  assert.deepEqual(idsOf(before.waitlist), [waiting.entryId])
  assert.equal(before.waitlist[0].offer, undefined)
  await free(network, 0)
  const offeredAt = await tomorrowAt()
  await workAt(offeredAt)
  const context = await contextAt(waiting.as, offeredAt)
  const offered = presentPatientDashboard(
    await readPatientDashboard(context, waiting.patientId),
    context.actor,
  )
  assert.equal(offered.waitlist[0]?.status, 'offered')
  assert.equal(offered.waitlist[0]?.offer?.slot.startsAt, network.near[0]!.startsAt)
  assert.deepEqual(idsOf(offered.nextVisits), [waiting.visitId])
})

test('unread messages are those about visits of this patient', async () => {
  const network = await openNetwork()
  const one = await makeVisit(network, 0)
  const other = await makeVisit(network, 1)
  await giveAccess(one, other)
  const as = network.people.doctor
  const write = (id: string, text: string) =>
    call(app, `POST /appointments/${id}/messages`, { as, body: { text } })
  await write(one.id, 'Please bring the letter.')
  await write(other.id, 'Please be early.')
  await write(other.id, 'And rested.')
  assert.equal((await dashboardOf(one, one.as)).body.unreadMessages, 1)
  assert.equal((await dashboardOf(other, one.as)).body.unreadMessages, 2)
})

test('the family has who, where and when of the next visit, and never why', async () => {
  const network = await openNetwork()
  const parent = await makeVisit(network, 0)
  const secret = 'Night terrors since the divorce.'
  const child = await makeVisit(network, 3, { reason: secret })
  await book(app, child.as, { slotId: network.slots[5]!.id })
  const without = await makePatient(runtime, 'Zoe Berg')
  const former = await makePatient(runtime, 'Former Berg')
  await giveAccess(parent, child)
  await giveAccess(parent, without, { scope: 'see' })
  await giveAccess(parent, former, { endsAt: runtime.clock() - 1000 })
  const { body } = await dashboardOf(parent, parent.as)
  assert.deepEqual(body.family, [
    {
      id: child.patientId,
      name: 'Anna Berg',
      nextVisit: {
        id: child.id,
        status: 'confirmed',
        startsAt: child.visit.startsAt,
        endsAt: child.visit.endsAt,
        timeZone: 'Europe/Paris',
        doctor: 'Claire Moreau',
        clinic: 'Canal',
      },
    },
    { id: without.patientId, name: 'Zoe Berg' },
  ])
  assert.doesNotMatch(JSON.stringify(body), new RegExp(secret))
  const row = (await auditOf(parent.patientId)).find(
    ({ action }) => action === 'patient.dashboard.read',
  )
  assert.deepEqual(row?.details, {
    ids: [parent.id, child.id],
    family: [child.patientId, without.patientId],
  })
})

test('who has access sees it, be it to look only; others, staff and former ones find nothing', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const looker = await makePatient(runtime)
  const former = await makePatient(runtime)
  await giveAccess(looker, visit, { scope: 'see' })
  await giveAccess(former, visit, { endsAt: runtime.clock() - 1000 })
  const seen = await dashboardOf(visit, looker.as)
  assert.deepEqual([seen.status, idsOf(seen.body.nextVisits)], [200, [visit.id]])
  const { doctor, deskHere, admin } = network.people
  for (const as of [former.as, doctor, deskHere, admin])
    assert.equal((await dashboardOf(visit, as)).status, 404)
  const rows = (await auditOf(visit.patientId)).filter(
    ({ action }) => action === 'patient.dashboard.read',
  )
  assert.deepEqual(
    rows.map(({ allowed }) => allowed),
    [true, false, false, false, false],
  )
})

test('a patient with nothing ahead has an empty dashboard', async () => {
  const patient = await makePatient(runtime)
  const { body } = await dashboardOf(patient, patient.as)
  assert.deepEqual(body, {
    patient: { id: patient.patientId, name: 'Anna Berg' },
    nextVisits: [],
    requests: { count: 0, items: [] },
    waitlist: [],
    unreadMessages: 0,
    family: [],
  })
})
