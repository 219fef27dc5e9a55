import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importCsv } from '../../test/support/csv.ts'
import { call, makeNetwork, scheduleVersionOf } from '../../test/support/network.ts'
import { testVisita } from '../../test/support/visita.ts'
import { makeVisit, openElsewhere, openNetwork } from '../../test/support/visits.ts'

const { app, runtime } = await testVisita()

const header = 'doctor;clinic;weekday;from;to;validFrom;validUntil;visitTypes'

async function hoursOf(as: string, doctorId: string) {
  const { body } = await call(app, `GET /doctors/${doctorId}/hours`, { as })
  return body.hours
}

test("all lines about a doctor make the doctor's week, and other doctors keep theirs", async () => {
  const [{ doctorId, clinicId, visitTypeId, people }, other] = [
    await makeNetwork(runtime),
    await makeNetwork(runtime),
  ]
  const as = people.admin
  const kept = [{ clinicId: other.clinicId, weekday: 1, from: '09:00', to: '17:00' }]
  for (const [id, hours] of [
    [other.doctorId, kept],
    [doctorId, [{ clinicId, weekday: 7, from: '10:00', to: '11:00' }]],
  ] as const)
    await call(app, `PUT /doctors/${id}/hours`, { as, body: { hours } })
  const text = [
    header,
    `${doctorId};${clinicId};monday;9:00;12:30;;;Consultation`,
    `${doctorId.toUpperCase()};${clinicId};TUE;22:00:00;06:00;2027-01-01;2027-06-30;`,
    `${doctorId};${clinicId};3;00:00;24:00;;;`,
  ].join('\n')
  const { status, body } = await importCsv(app, 'hours', { as, text })
  assert.deepEqual([status, body.made, body.changed, body.unchanged], [200, 0, 1, 0])
  assert.deepEqual(await hoursOf(as, doctorId), [
    { clinicId, weekday: 1, from: '09:00', to: '12:30', visitTypeIds: [visitTypeId] },
    {
      clinicId,
      weekday: 2,
      from: '22:00',
      to: '06:00',
      validFrom: '2027-01-01',
      validUntil: '2027-06-30',
    },
    { clinicId, weekday: 3, from: '00:00', to: '24:00' },
  ])
  assert.deepEqual(await hoursOf(as, other.doctorId), kept)
})

test('the same week again, in another order, changes nothing and raises no version', async () => {
  const { doctorId, clinicId, people } = await makeNetwork(runtime)
  const as = people.admin
  const lines = ['1;09:00;12:00', '1;14:00;17:00', '4;09:00;12:00'].map(
    (rest) => `${doctorId};${clinicId};${rest};;;`,
  )
  const first = await importCsv(app, 'hours', { as, text: [header, ...lines].join('\n') })
  assert.deepEqual([first.body.made, first.body.changed], [1, 0])
  const version = await scheduleVersionOf(runtime, doctorId)
  const text = [header, ...lines.toReversed()].join('\n')
  const again = await importCsv(app, 'hours', { as, text })
  assert.deepEqual([again.body.made, again.body.changed, again.body.unchanged], [0, 0, 1])
  assert.equal(await scheduleVersionOf(runtime, doctorId), version)
})

test('what is wrong with a line is told by its column, by the rules of hours', async () => {
  const { doctorId, clinicId, otherClinicId, otherClinicVisitTypeId, people } =
    await makeNetwork(runtime)
  const as = people.admin
  const text = [
    header,
    `nobody;${clinicId};1;09:00;10:00;;;`,
    `${doctorId};Canale;1;09:00;10:00;;;`,
    `${doctorId};${clinicId};Someday;09:00;10:00;;;`,
    `${doctorId};${clinicId};8;09:00;10:00;;;`,
    `${doctorId};${clinicId};1;nine;25:00;;;`,
    `${doctorId};${clinicId};1;;10:00;2027-02-30;;`,
    `${doctorId};${clinicId};1;09:00;10:00;;;Nothing|${otherClinicVisitTypeId}`,
  ].join('\n')
  const { body } = await importCsv(app, 'hours?dryRun=true', { as, text })
  assert.deepEqual(
    body.problems.map(({ line, column }: { line: number; column: string }) => [line, column]),
    [
      [2, 'doctor'],
      [3, 'clinic'],
      [4, 'weekday'],
      [5, 'weekday'],
      [6, 'from'],
      [6, 'to'],
      [7, 'from'],
      [7, 'validFrom'],
      [8, 'visitTypes'],
      [8, 'visitTypes'],
    ],
  )
  const ofDoctor = [
    header,
    `${doctorId};${otherClinicId};1;09:00;10:00;;;`,
    `${doctorId};${clinicId};1;10:00;10:00;;;`,
    `${doctorId};${clinicId};2;24:00;10:00;;;`,
    `${doctorId};${clinicId};2;09:00;10:00;2027-06-30;2027-01-01;`,
  ].join('\n')
  const checked = await importCsv(app, 'hours?dryRun=true', { as, text: ofDoctor })
  assert.deepEqual(
    checked.body.problems.map(
      ({ line, column, detail }: { line: number; column: string; detail: string }) => [
        line,
        column,
        detail.split(' ')[0],
      ],
    ),
    [
      [2, 'clinic', 'clinic'],
      [3, 'to', 'to'],
      [4, 'from', 'from'],
      [5, 'validUntil', 'validUntil'],
    ],
  )
  assert.deepEqual(await hoursOf(as, doctorId), [])
})

test('of namesakes the one who works at the clinic is meant', async () => {
  const one = await makeNetwork(runtime)
  const two = await makeNetwork(runtime)
  const as = one.people.admin
  const text = `${header}\nClaire Moreau;${two.clinicId};1;09:00;10:00;;;`
  const { status } = await importCsv(app, 'hours', { as, text })
  assert.equal(status, 200)
  assert.equal((await hoursOf(as, two.doctorId)).length, 1)
  assert.equal((await hoursOf(as, one.doctorId)).length, 0)
  const nowhere = `${header}\nClaire Moreau;${two.otherClinicId};1;09:00;10:00;;;`
  const refused = await importCsv(app, 'hours', { as, text: nowhere })
  assert.equal(refused.status, 422)
  assert.match(refused.body.problems[0].detail, /called "Claire Moreau": give the e-mail/)
})

test('visits that would lie outside are a problem of the doctor, unless it is meant', async () => {
  const network = await openNetwork()
  const { doctorId, clinicId, people } = network
  const as = people.admin
  const { id } = await makeVisit(network, 0)
  const before = await hoursOf(as, doctorId)
  const text = `${header}\n${doctorId};${clinicId};1;03:00;04:00;;;`
  for (const query of ['?dryRun=true', '']) {
    const { body } = await importCsv(app, `hours${query}`, { as, text })
    assert.equal(body.problemCount, 1)
    assert.deepEqual([body.problems[0].line, body.problems[0].column], [2, 'doctor'])
    assert.match(body.problems[0].detail, /^1 booked visit of the doctor would lie outside/)
    assert.doesNotMatch(JSON.stringify(body), /Anna Berg/)
  }
  assert.deepEqual(await hoursOf(as, doctorId), before)
  const { status, body } = await importCsv(app, 'hours?despiteAffected=true', { as, text })
  assert.deepEqual([status, body.changed], [200, 1])
  assert.equal((await hoursOf(as, doctorId)).length, 1)
  const visit = await call(app, `GET /appointments/${id}`, { as })
  assert.equal(visit.body.status, 'confirmed')
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select('details')
    .where('subject_id', '=', doctorId)
    .where('action', '=', 'appointment.list-affected')
    .execute()
  assert.deepEqual(rows.at(-1)?.details, { ids: [id] })
})

test('one doctor with a problem keeps the weeks of all from being written', async () => {
  const one = await openNetwork()
  const two = await makeNetwork(runtime)
  const as = one.people.admin
  await makeVisit(one, 0)
  const text = [
    header,
    `${two.doctorId};${two.clinicId};1;09:00;10:00;;;`,
    `${one.doctorId};${one.clinicId};1;03:00;04:00;;;`,
  ].join('\n')
  const { status } = await importCsv(app, 'hours', { as, text })
  assert.equal(status, 422)
  assert.deepEqual(await hoursOf(as, two.doctorId), [])
})

test('the week replaces the hours at all clinics of the doctor', async () => {
  const network = await openNetwork()
  await openElsewhere(network)
  const { doctorId, clinicId, people } = network
  const as = people.admin
  const text = `${header}\n${doctorId};${clinicId};5;09:00;17:00;;;`
  await importCsv(app, 'hours', { as, text })
  assert.deepEqual(await hoursOf(as, doctorId), [
    { clinicId, weekday: 5, from: '09:00', to: '17:00' },
  ])
})

test('thousands of names that are not there are told in time', async () => {
  const { clinicId, people } = await makeNetwork(runtime)
  const lines = Array.from(
    { length: 5000 },
    (_, index) => `${String(index).repeat(10)} Nobody;${clinicId};1;09:00;10:00;;;`,
  )
  const text = [header, ...lines].join('\n')
  const { body } = await importCsv(app, 'hours?dryRun=true', { as: people.admin, text })
  assert.deepEqual([body.problemCount, body.problems.length], [5000, 1000])
  assert.match(body.problems[0].detail, /is no doctor; the nearest known is "/)
  assert.match(body.problems[999].detail, /is no doctor\.$/)
})
