import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotId } from '#src/availability/slot-id.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  formatInstant,
  localDateOf,
  parseInstant,
  resolveLocal,
} from '#src/kernel/time.ts'
import { contentOf } from '#test/support/database-content.ts'
import { call, makeNetwork, pointersOf, type Answer } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, type TestPatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const zone = 'Europe/Paris'
const today = localDateOf(runtime.clock(), zone)

function at(date: string, time: string): string {
  const [hour, minute] = time.split(':').map(Number)
  return formatInstant(resolveLocal(zone, date, hour! * 60 + minute!)!, zone)
}

interface Visit {
  id: string
  patient: TestPatient
  startsAt: string
}

const times = ['09:00', '09:30', '10:00', '10:30', '11:00', '11:30', '12:00', '12:30']

/** A doctor with two colleagues of the specialty; all are there every day, 09:00 to 17:00. */
async function makeTeam() {
  const network = await makeNetwork(runtime)
  const { people, clinicId, specialtyId, visitTypeId, clinicVisitTypeId } = network
  await openEveryDay(app, network)
  const colleagueIds: string[] = []
  for (const name of ['Jo Okafor', 'Eva Lind']) {
    const body = {
      name,
      clinicIds: [clinicId],
      specialtyIds: [specialtyId],
      visitTypeIds: [visitTypeId, clinicVisitTypeId],
    }
    const { body: doctor } = await call(app, 'POST /doctors', { as: people.admin, body })
    colleagueIds.push(doctor.id)
    await openWeek(people.admin, doctor.id, [clinicId])
  }
  return { ...network, colleagueIds: colleagueIds.toSorted() }
}

async function openWeek(as: string, doctorId: string, clinicIds: string[]): Promise<void> {
  const hours = clinicIds.flatMap((clinicId, index) =>
    [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
      clinicId,
      weekday,
      from: index === 0 ? '09:00' : '18:00',
      to: index === 0 ? '17:00' : '20:00',
    })),
  )
  const { status } = await call(app, `PUT /doctors/${doctorId}/hours`, { as, body: { hours } })
  assert.equal(status, 200)
}

type Team = Awaited<ReturnType<typeof makeTeam>>

async function bookAt(
  team: Team,
  startsAt: string,
  more: { doctorId?: string; patient?: TestPatient; clinicId?: string; visitTypeId?: string } = {},
): Promise<Visit> {
  const { patient = await makePatient(runtime), ...place } = more
  const { doctorId, visitTypeId } = team
  const wish = { doctorId, visitTypeId, ...place, startsAt, patientId: patient.patientId }
  const { status, body } = await book(app, team.people.admin, wish)
  assert.equal(status, 201, JSON.stringify(body))
  return { id: body.id, patient, startsAt }
}

/** The doctor is away from now until in a week, and has visits in three days. */
async function sickDay() {
  const team = await makeTeam()
  const date = addDays(today, 3)
  const visits: Visit[] = []
  for (const time of times) visits.push(await bookAt(team, at(date, time)))
  const away = { from: at(today, '00:00'), to: at(addDays(today, 7), '00:00') }
  return { ...team, date, visits, away }
}

async function rebook(
  team: { doctorId: string },
  body: object,
  { as, key }: { as: string; key?: string },
): Promise<Pick<Answer, 'status' | 'body'>> {
  const answer = await app.inject({
    method: 'POST',
    url: `/api/v1/doctors/${team.doctorId}/rebooking`,
    headers: {
      authorization: as,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    payload: JSON.stringify(body),
  })
  return { status: answer.statusCode, body: answer.json() }
}

interface Planned {
  appointment: { id: string; version: number; startsAt: string }
  proposed: { id: string; doctorId: string; startsAt: string } | null
}

function movesOf(plan: Planned[]) {
  return plan.map(({ appointment: { id, version }, proposed }) => ({
    appointmentId: id,
    version,
    slotId: proposed!.id,
  }))
}

async function read(team: Team, { id }: { id: string }) {
  return (await call(app, `GET /appointments/${id}`, { as: team.people.admin })).body
}

async function eventsOf(id: string): Promise<string[]> {
  const rows = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .orderBy('seq')
    .execute()
  return rows.filter(({ subjects }) => subjects.appointmentId === id).map(({ type }) => type)
}

test('a preview has a time for each visit of the doctor and changes nothing', async () => {
  const team = await sickDay()
  const { people, visits, away, colleagueIds } = team
  const before = await contentOf(runtime.db)
  const { status, body } = await rebook(team, away, { as: people.deskHere })
  assert.equal(status, 200)
  assert.deepEqual(await contentOf(runtime.db), before)
  assert.equal(body.unplaced, 0)
  assert.deepEqual(
    body.plan.map((one: Planned) => one.appointment.id),
    visits.map(({ id }) => id),
  )
  assert.equal(body.plan[0].appointment.patient.phone, '+33 1 23 45 67 89')
  for (const { appointment, proposed, alternatives } of body.plan) {
    assert.ok(colleagueIds.includes(proposed.doctorId))
    assert.equal(proposed.startsAt, appointment.startsAt)
    assert.equal(alternatives.length, 3)
  }
  const { details } = await runtime.db
    .selectFrom('audit_entry')
    .select('details')
    .where('action', '=', 'appointment.plan-rebooking')
    .where('subject_id', '=', team.doctorId)
    .executeTakeFirstOrThrow()
  assert.deepEqual(details, { ids: visits.map(({ id }) => id) })
})

test('the moves of a plan are made, each to a time of its own, and the patients are told why', async () => {
  const team = await sickDay()
  const { people, visits, away, colleagueIds } = team
  // One colleague has something else at every other time.
  for (const [index, { startsAt }] of visits.entries())
    if (index % 2 === 0) await bookAt(team, startsAt, { doctorId: colleagueIds[0]! })
  const { body: preview } = await rebook(team, away, { as: people.deskHere })
  const body = { apply: { moves: movesOf(preview.plan) }, reason: 'Dr. Moreau is ill.' }
  const { status, body: answer } = await rebook(team, body, { as: people.deskHere })
  assert.equal(status, 200)
  assert.equal(answer.moved, 8)
  assert.equal(answer.remaining, 0)
  const now = await Promise.all(visits.map((visit) => read(team, visit)))
  assert.equal(new Set(now.map((one) => `${one.doctorId} ${one.startsAt}`)).size, 8)
  assert.deepEqual(new Set(now.map(({ doctorId }) => doctorId)), new Set(colleagueIds))
  for (const [index, one] of now.entries()) {
    assert.equal(one.status, 'confirmed')
    assert.equal(one.sequence, 1)
    assert.equal(one.version, 2)
    assert.equal(one.startsAt, preview.plan[index].proposed.startsAt)
    assert.deepEqual(answer.results[index], {
      appointmentId: one.id,
      outcome: 'moved',
      appointment: one,
    })
    assert.deepEqual(await eventsOf(one.id), ['appointment.confirmed', 'appointment.moved'])
  }
  const history = await call(app, `GET /appointments/${visits[0]!.id}/history`, {
    as: visits[0]!.patient.as,
  })
  assert.equal(history.body.items[1].reason, 'Dr. Moreau is ill.')
  const again = await rebook(team, away, { as: people.deskHere })
  assert.deepEqual(again.body, { plan: [], unplaced: 0, hasMore: false })
})

test('a time that was lost since the preview is reported, and the other visits are moved', async () => {
  const team = await sickDay()
  const { people, visits, away } = team
  const { body: preview } = await rebook(team, away, { as: people.deskHere })
  const lost = preview.plan[2].proposed
  await bookAt(team, lost.startsAt, { doctorId: lost.doctorId })
  await call(app, `POST /appointments/${visits[4]!.id}/cancel`, { as: visits[4]!.patient.as })
  const body = { apply: { moves: movesOf(preview.plan) } }
  const { body: answer } = await rebook(team, body, { as: people.deskHere })
  assert.deepEqual(
    answer.results.map(({ outcome }: { outcome: string }) => outcome),
    ['moved', 'moved', 'slot-taken', 'moved', 'stale-version', 'moved', 'moved', 'moved'],
  )
  assert.equal(answer.moved, 6)
  assert.equal(answer.remaining, 2)
  assert.equal(answer.results[2].alternatives.length, 3)
  const stayed = await read(team, visits[2]!)
  assert.equal(stayed.doctorId, team.doctorId)
  assert.equal(stayed.startsAt, visits[2]!.startsAt)
  assert.equal(stayed.status, 'confirmed')
  assert.equal(stayed.version, 1)
})

test('what is offered for a lost time is not what the other moves took', async () => {
  const team = await makeTeam()
  const date = addDays(today, 3)
  const first = await bookAt(team, at(date, '10:00'))
  const second = await bookAt(team, at(date, '10:30'))
  const third = await bookAt(team, at(date, '11:00'))
  const [colleagueId] = team.colleagueIds
  await bookAt(team, at(date, '10:00'), { doctorId: colleagueId! })
  const move = ({ id }: Visit, time: string, doctorId = colleagueId!) => {
    const { clinicId, visitTypeId } = team
    const startsAt = parseInstant(at(date, time))!
    const slot = slotId({ doctorId, clinicId, visitTypeId, startsAt })
    return { appointmentId: id, version: 1, slotId: slot }
  }
  // The last one goes where the second one still is.
  const moves = [move(third, '10:30', team.doctorId), move(first, '10:00'), move(second, '10:30')]
  const { body } = await rebook(team, { apply: { moves } }, { as: team.people.admin })
  assert.deepEqual(
    body.results.map(({ outcome }: { outcome: string }) => outcome),
    ['moved', 'slot-taken', 'moved'],
  )
  const { alternatives } = body.results[1]
  assert.ok(alternatives.length > 0)
  for (const { startsAt } of alternatives) assert.notEqual(startsAt, at(date, '10:30'))
})

test('no patient is proposed a time at which they are somewhere else', async () => {
  const team = await makeTeam()
  const { people, colleagueIds } = team
  const date = addDays(today, 3)
  const visit = await bookAt(team, at(date, '10:00'))
  await bookAt(await makeTeam(), at(date, '09:30'), { patient: visit.patient })
  await bookAt(team, at(date, '10:00'), { doctorId: colleagueIds[0]! })
  await bookAt(team, at(date, '10:00'), { doctorId: colleagueIds[1]! })
  const away = { from: at(today, '00:00'), to: at(addDays(today, 7), '00:00') }
  const { body: preview } = await rebook(team, away, { as: people.admin })
  assert.equal(preview.plan.length, 1)
  // 09:30 would be as near, and sooner.
  assert.equal(preview.plan[0].proposed.startsAt, at(date, '10:30'))
  const wish = { doctorId: colleagueIds[0]!, startsAt: parseInstant(at(date, '09:30'))! }
  const slot = slotId({ ...wish, clinicId: team.clinicId, visitTypeId: team.visitTypeId })
  const moves = [{ appointmentId: visit.id, version: 1, slotId: slot }]
  const { body: answer } = await rebook(team, { apply: { moves } }, { as: people.admin })
  assert.equal(answer.results[0].outcome, 'patient-busy')
})

test('a repeated request gets the same results and moves nothing twice', async () => {
  const team = await sickDay()
  const { people, visits, away } = team
  const { body: preview } = await rebook(team, away, { as: people.deskHere })
  const lost = preview.plan[2].proposed
  const other = await bookAt(team, lost.startsAt, { doctorId: lost.doctorId })
  const body = { apply: { moves: movesOf(preview.plan) }, reason: 'Ill.' }
  const asKeyed = { as: people.deskHere, key: newId() }
  const [first, twin] = await Promise.all([
    rebook(team, body, asKeyed),
    rebook(team, body, asKeyed),
  ])
  assert.equal(first.body.moved, 7)
  assert.deepEqual(twin.body, first.body)
  for (const [index, visit] of visits.entries())
    assert.equal((await read(team, visit)).version, index === 2 ? 1 : 2)

  // What has been moved once is not moved back by a late repetition, and what was refused may be tried.
  const later = { startsAt: at(addDays(today, 9), '10:00') }
  const path = `POST /appointments/${visits[0]!.id}/reschedule` as const
  assert.equal((await call(app, path, { as: people.admin, body: later })).status, 200)
  await call(app, `POST /appointments/${other.id}/cancel`, { as: people.admin, body: {} })
  const third = await rebook(team, body, asKeyed)
  assert.equal(third.body.moved, 8)
  assert.deepEqual(third.body.results[0], first.body.results[0])
  assert.equal((await read(team, visits[0]!)).startsAt, later.startsAt)

  const changed = { ...body, reason: 'Something else.' }
  const { body: reused } = await rebook(team, changed, asKeyed)
  assert.equal(reused.results[0].outcome, 'idempotency-key-reused')
})

test('a move of a plan can be undone by whoever made it', async () => {
  const team = await sickDay()
  const { people, visits, away } = team
  const { body: preview } = await rebook(team, away, { as: people.deskHere })
  await rebook(team, { apply: { moves: movesOf(preview.plan) } }, { as: people.deskHere })
  const path = `POST /appointments/${visits[0]!.id}/undo` as const
  assert.equal((await call(app, path, { as: people.admin })).status, 403)
  const undone = await call(app, path, { as: people.deskHere })
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
  assert.equal(undone.body.doctorId, team.doctorId)
  assert.equal(undone.body.startsAt, visits[0]!.startsAt)
  assert.equal(undone.body.sequence, 2)
})

test('a move out of a time off can be undone, until somebody else has the time', async () => {
  const team = await sickDay()
  const { people, visits, away } = team
  const { body: timeOff } = await call(app, 'POST /doctors/me/time-off', {
    as: people.doctor,
    body: { startsAt: away.from, endsAt: away.to },
  })
  const { body: preview } = await rebook(team, { timeOffId: timeOff.id }, { as: people.deskHere })
  await rebook(team, { apply: { moves: movesOf(preview.plan) } }, { as: people.deskHere })
  const undo = ({ id }: Visit) =>
    call(app, `POST /appointments/${id}/undo`, { as: people.deskHere })
  const undone = await undo(visits[0]!)
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
  assert.equal(undone.body.doctorId, team.doctorId)
  assert.equal(undone.body.startsAt, visits[0]!.startsAt)
  const { startsAt } = visits[1]!
  const { patientId } = await makePatient(runtime)
  const wish = { doctorId: team.doctorId, visitTypeId: team.visitTypeId, startsAt, patientId }
  const over = { ...wish, overbook: { reason: 'Acute pain.' } }
  assert.equal((await book(app, people.deskHere, over)).status, 201)
  assert.equal((await undo(visits[1]!)).body.type, '/problems/slot-taken')
})

test('a time off is planned around, and what overlaps it alone', async () => {
  const team = await makeTeam()
  const date = addDays(today, 3)
  const inside = await bookAt(team, at(date, '11:30'))
  await bookAt(team, at(date, '09:00'))
  const { body: timeOff } = await call(app, 'POST /doctors/me/time-off', {
    as: team.people.doctor,
    body: { startsAt: at(date, '10:00'), endsAt: at(date, '12:00') },
  })
  const body = { timeOffId: timeOff.id, doctors: 'same' }
  const { body: answer } = await rebook(team, body, { as: team.people.doctor })
  assert.deepEqual(
    answer.plan.map((one: Planned) => one.appointment.id),
    [inside.id],
  )
  assert.equal(answer.plan[0].proposed.startsAt, at(date, '12:00'))
  const none = await rebook(team, { timeOffId: newId() }, { as: team.people.doctor })
  assert.equal(none.status, 404)
  assert.deepEqual(pointersOf(none as Answer), ['/timeOffId'])
})

test('the doctor is proposed no time within an absence that is only named in the request', async () => {
  const team = await sickDay()
  const body = { ...team.away, doctors: 'same' }
  const { body: answer } = await rebook(team, body, { as: team.people.deskHere })
  assert.equal(answer.unplaced, 0)
  for (const { proposed } of answer.plan) {
    assert.equal(proposed.doctorId, team.doctorId)
    assert.ok(parseInstant(proposed.startsAt)! >= parseInstant(team.away.to)!)
  }
  const soon = { ...body, until: addDays(today, 6) }
  const { body: unplaced } = await rebook(team, soon, { as: team.people.deskHere })
  assert.equal(unplaced.unplaced, 8)
  assert.equal(unplaced.plan[0].reason, 'no-open-time')
})

test('a doctor moves visits to their own times, not into the calendars of colleagues', async () => {
  const team = await sickDay()
  const { body: preview } = await rebook(team, team.away, { as: team.people.doctor })
  for (const { proposed } of preview.plan) assert.equal(proposed.doctorId, team.doctorId)
  const { body: desk } = await rebook(team, team.away, { as: team.people.deskHere })
  const body = { apply: { moves: movesOf(desk.plan) } }
  const { body: answer } = await rebook(team, body, { as: team.people.doctor })
  assert.equal(answer.moved, 0)
  assert.equal(answer.results[0].outcome, 'not-allowed')
})

test("only the doctor's staff may plan and move, the front desk at its own clinics", async () => {
  const team = await sickDay()
  const { people, away, clinicId, otherClinicId, doctorId, visits } = team
  const { body: preview } = await rebook(team, away, { as: people.deskHere })
  const moves = movesOf(preview.plan)
  for (const as of [people.deskElsewhere, people.otherDoctor, people.patient])
    for (const body of [away, { apply: { moves } }])
      assert.equal((await rebook(team, body, { as })).status, 403)

  const works = { clinicIds: [clinicId, otherClinicId] }
  await call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body: works })
  await openWeek(people.admin, doctorId, works.clinicIds)
  const elsewhere = await bookAt(team, at(team.date, '18:00'), { clinicId: otherClinicId })
  const { body: theirs } = await rebook(team, away, { as: people.deskElsewhere })
  assert.deepEqual(
    theirs.plan.map((one: Planned) => one.appointment.id),
    [elsewhere.id],
  )
  assert.equal(theirs.plan[0].proposed.doctorId, doctorId)
  const { body: ours } = await rebook(team, away, { as: people.deskHere })
  assert.equal(ours.plan.length, 8)
  const { body: all } = await rebook(team, away, { as: people.admin })
  assert.equal(all.plan.length, 9)

  const named = { appointmentIds: [elsewhere.id, visits[0]!.id] }
  const hidden = await rebook(team, named, { as: people.deskElsewhere })
  assert.equal(hidden.status, 404)
  assert.deepEqual(pointersOf(hidden as Answer), ['/appointmentIds/1'])
  const { body: refused } = await rebook(team, { apply: { moves } }, { as: people.deskElsewhere })
  assert.equal(refused.moved, 0)
  assert.equal(refused.results[0].outcome, 'not-found')
  assert.equal((await read(team, visits[0]!)).version, 1)
  const denied = await runtime.db
    .selectFrom('audit_entry')
    .select('allowed')
    .where('action', '=', 'appointment.reschedule')
    .where('subject_id', '=', visits[0]!.id)
    .execute()
  assert.deepEqual(denied, [{ allowed: false }])
})

test("a visit of another doctor's is not moved by this one's rebooking", async () => {
  const team = await sickDay()
  const { people, colleagueIds } = team
  const [colleagueId] = colleagueIds
  const foreign = await bookAt(team, at(team.date, '15:00'), { doctorId: colleagueId! })
  const named = await rebook(team, { appointmentIds: [foreign.id] }, { as: people.admin })
  assert.equal(named.status, 404)
  const { body: preview } = await rebook(team, team.away, { as: people.admin })
  const [move] = movesOf(preview.plan)
  const body = { apply: { moves: [{ ...move, appointmentId: foreign.id }] } }
  const { body: answer } = await rebook(team, body, { as: people.admin })
  assert.equal(answer.results[0].outcome, 'not-found')
  assert.equal((await read(team, foreign)).version, 1)
})

test('a visit is named once, by an id of a slot, and the visits of a plan in one way', async () => {
  const team = await sickDay()
  const { people, away, visits } = team
  const { body: preview } = await rebook(team, away, { as: people.admin })
  const [move] = movesOf(preview.plan)
  const wrongs: [object, string][] = [
    [{ apply: { moves: [move, move] } }, '/apply/moves/1/appointmentId'],
    [{ apply: { moves: [{ ...move, slotId: 'soon' }] } }, '/apply/moves/0/slotId'],
    [{ ...away, timeOffId: newId() }, ''],
    [{ doctors: 'any' }, ''],
    [{ from: away.from }, '/to'],
    [{ from: away.to, to: away.from }, '/to'],
    [{ ...away, until: addDays(today, -2) }, '/until'],
  ]
  for (const [body, pointer] of wrongs) {
    const answer = await rebook(team, body, { as: people.admin })
    assert.equal(answer.status, 422)
    assert.deepEqual(pointersOf(answer as Answer), [pointer])
  }
  assert.equal((await read(team, visits[0]!)).version, 1)
})

test('an absence since the year 1 is as good as one since today', async () => {
  const team = await sickDay()
  const away = { ...team.away, from: '0001-01-01T00:00:00Z' }
  const { status, body } = await rebook(team, away, { as: team.people.admin })
  assert.equal(status, 200)
  assert.equal(body.plan.length, team.visits.length)
})

test('whoever waits already is only moved when named, and can be seen at once', async () => {
  const team = await makeTeam()
  const { people } = team
  const visit = await bookAt(team, at(addDays(today, 1), '10:00'))
  const cancelled = await bookAt(team, at(addDays(today, 1), '11:00'))
  const step = (command: string, { id }: Visit) =>
    call(app, `POST /appointments/${id}/${command}`, { as: people.admin, body: {} })
  await step('check-in', visit)
  await step('cancel', cancelled)
  const away = { from: at(today, '00:00'), to: at(addDays(today, 7), '00:00') }
  const { body: plan } = await rebook(team, away, { as: people.admin })
  assert.deepEqual(plan, { plan: [], unplaced: 0, hasMore: false })
  const named = { appointmentIds: [cancelled.id, visit.id] }
  const { body } = await rebook(team, named, { as: people.admin })
  assert.equal(body.unplaced, 1)
  assert.equal(body.plan[0].appointment.status, 'arrived')
  assert.equal(body.plan[0].proposed.startsAt, at(addDays(today, 1), '09:30'))
  assert.equal(body.plan[1].reason, 'wrong-state')
})

test('a plan keeps daily limits and rooms, so that all of its moves can be made', async () => {
  const team = await makeTeam()
  const { people, clinicId, clinicVisitTypeId, colleagueIds } = team
  const admin = people.admin
  await call(app, `POST /clinics/${clinicId}/rooms`, {
    as: admin,
    body: { name: 'Echo', kind: 'ultrasound' },
  })
  await call(app, `PATCH /visit-types/${clinicVisitTypeId}`, {
    as: admin,
    body: { roomKind: 'ultrasound' },
  })
  await call(app, `PATCH /doctors/${colleagueIds[0]}`, { as: admin, body: { dailyLimit: 2 } })
  const date = addDays(today, 3)
  for (const time of times.slice(0, 6))
    await bookAt(team, at(date, time), { visitTypeId: clinicVisitTypeId })
  await bookAt(team, at(date, '15:00'), { doctorId: colleagueIds[0]! })
  await bookAt(team, at(date, '09:00'), { doctorId: colleagueIds[1]! })
  const away = { from: at(today, '00:00'), to: at(addDays(today, 7), '00:00') }
  const { body: preview } = await rebook(team, away, { as: admin })
  assert.equal(preview.unplaced, 0)
  const starts = preview.plan.map((one: Planned) => one.proposed!.startsAt)
  assert.equal(new Set(starts).size, 6)
  const first = preview.plan.filter((one: Planned) => one.proposed!.doctorId === colleagueIds[0])
  const onDate = first.filter((one: Planned) => one.proposed!.startsAt.startsWith(date))
  assert.equal(onDate.length, 1)
  const body = { apply: { moves: movesOf(preview.plan) } }
  assert.equal((await rebook(team, body, { as: admin })).body.moved, 6)
})

test('a day on which the clocks change is the whole of that day, and no more', async () => {
  // The one after next, which is never tomorrow.
  const transition = Temporal.Instant.fromEpochMilliseconds(runtime.clock())
    .toZonedDateTimeISO(zone)
    .getTimeZoneTransition('next')!
    .getTimeZoneTransition('next')!
  const date = transition.toPlainDate().toString()
  const team = await makeTeam()
  const { people, clinicId, doctorId } = team
  const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId,
    weekday,
    from: '00:00',
    to: '24:00',
  }))
  await call(app, `PUT /doctors/${doctorId}/hours`, { as: people.admin, body: { hours } })
  const first = await bookAt(team, at(date, '00:00'))
  const last = await bookAt(team, at(date, '23:30'))
  await bookAt(team, at(addDays(date, -1), '23:30'))
  await bookAt(team, at(addDays(date, 1), '00:00'))
  const away = { from: at(date, '00:00'), to: at(addDays(date, 1), '00:00') }
  assert.notEqual(away.from.slice(-6), away.to.slice(-6))
  const { body } = await rebook(team, { ...away, doctors: 'same' }, { as: people.admin })
  assert.deepEqual(
    body.plan.map((one: Planned) => one.appointment.id),
    [first.id, last.id],
  )
  const [before, after] = body.plan.map((one: Planned) => one.proposed!.startsAt)
  assert.equal(before, at(addDays(date, -1), '23:00'))
  assert.equal(after, at(addDays(date, 1), '00:30'))
  const moves = movesOf(body.plan)
  const { body: answer } = await rebook(team, { apply: { moves } }, { as: people.admin })
  assert.equal(answer.moved, 2)
})
