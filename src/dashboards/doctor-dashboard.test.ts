import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weekdayOf } from '#src/kernel/calendar.ts'
import { formatInstant, localDateOf, resolveLocal } from '#src/kernel/time.ts'
import { call, makeNetwork } from '../../test/support/network.ts'
import { testVisita } from '../../test/support/visita.ts'
import {
  auditOf,
  changeDoctor,
  command,
  contextAt,
  contextLater,
  instantOf,
  makeVisit,
  openElsewhere,
  openNetwork,
  type OpenNetwork,
} from '../../test/support/visits.ts'
import { presentDoctorDashboard, readDoctorDashboard } from './doctor-dashboard.ts'

const { app, runtime } = await testVisita()

/** The dashboard of the network's doctor as the holder of the header sees it at an instant. */
async function dashboardAt(network: OpenNetwork, instant: number, as = network.people.doctor) {
  const context = await contextAt(as, instant)
  const dashboard = await readDoctorDashboard(context, network.doctorId)
  return presentDoctorDashboard(dashboard, context.actor)
}

const idsOf = (visits: readonly { id: string }[]) => visits.map(({ id }) => id)
const minutes = (count: number) => count * 60_000

test("today's visits come in order with name, status and delay, the called-off ones not", async () => {
  const network = await openNetwork()
  const [second, first, cancelled] = [
    await makeVisit(network, 2),
    await makeVisit(network, 0),
    await makeVisit(network, 1),
  ]
  const later = await makeVisit(network, 17)
  await command(cancelled.as, cancelled.id, 'cancel', { body: {} })
  const at = instantOf(first.visit.startsAt) - minutes(30)
  const before = await dashboardAt(network, at)
  assert.deepEqual(idsOf(before.today), [first.id, second.id])
  assert.deepEqual(
    before.today.map(({ patient, status }) => [patient.name, status]),
    [
      ['Anna Berg', 'confirmed'],
      ['Anna Berg', 'confirmed'],
    ],
  )
  assert.equal(before.nextVisit?.id, first.id)
  assert.equal(before.today[0]?.startsAt, first.visit.startsAt)
  const after = await dashboardAt(network, instantOf(first.visit.endsAt))
  assert.equal(after.nextVisit?.id, second.id)
  const evening = await dashboardAt(network, instantOf(second.visit.endsAt))
  assert.equal(evening.nextVisit?.id, later.id)
  const date = localDateOf(at, 'Europe/Paris')
  await runtime.db
    .insertInto('delay')
    .values({
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      on_date: date,
      minutes: 25,
      set_by: (await contextLater(network.people.doctor, 0)).actor.accountId,
      set_at: first.visit.startsAt,
    })
    .execute()
  const late = await dashboardAt(network, at)
  assert.deepEqual(
    late.today.map(({ delayMinutes }) => delayMinutes),
    [25, 25],
  )
})

test('the week tells how much of each day is booked and open', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  await makeVisit(network, 1)
  await makeVisit(network, 16)
  const at = instantOf(visit.visit.startsAt) - minutes(60)
  const { week } = await dashboardAt(network, at)
  const first = localDateOf(at, 'Europe/Paris')
  assert.equal(week.length, 7)
  assert.deepEqual(week.slice(0, 3), [
    { date: first, visits: 2, bookedMinutes: 60, openMinutes: 420 },
    { ...week[1]!, visits: 1, bookedMinutes: 30, openMinutes: 450 },
    { ...week[2]!, visits: 0, bookedMinutes: 0, openMinutes: 480 },
  ])
  const noon = await dashboardAt(network, at + minutes(4 * 60))
  assert.deepEqual(noon.week[0], { date: first, visits: 2, bookedMinutes: 60, openMinutes: 300 })
})

test('a doctor on leave has nothing open then, and the visits that are still to be moved', async () => {
  const network = await openNetwork()
  const { id, visit } = await makeVisit(network, 0)
  const at = instantOf(visit.startsAt) - minutes(60)
  const away = {
    startsAt: formatInstant(at, 'Europe/Paris'),
    endsAt: formatInstant(at + 3 * 86_400_000 - minutes(8 * 60), 'Europe/Paris'),
  }
  const request = `POST /doctors/${network.doctorId}/time-off` as const
  const answer = await call(app, request, { as: network.people.doctor, body: away })
  assert.equal(answer.status, 201)
  const { today, week } = await dashboardAt(network, at)
  assert.deepEqual(idsOf(today), [id])
  assert.deepEqual(
    week.slice(0, 4).map(({ openMinutes }) => openMinutes),
    [0, 0, 0, 480],
  )
  assert.equal(week[0]?.visits, 1)
})

test('of two clinics in different zones each has its own today', async () => {
  const network = await openNetwork()
  await runtime.db
    .updateTable('clinic')
    .set({ time_zone: 'Pacific/Auckland' })
    .where('id', '=', network.otherClinicId)
    .execute()
  runtime.board.clinics.forget(network.otherClinicId)
  const there = await openElsewhere(network)
  const here = await makeVisit(network, 20)
  const date = here.visit.startsAt.slice(0, 10)
  const slotOn = (day: string) => there.find(({ startsAt }) => startsAt.startsWith(day))!
  const sameDate = await makeVisit({ ...network, slots: [slotOn(date)] }, 0)
  const dateAfter = localDateOf(instantOf(`${date}T00:00:00Z`) + 86_400_000, 'UTC')
  const nextDate = await makeVisit({ ...network, slots: [slotOn(dateAfter)] }, 0)
  // Late in the evening of Paris it is the next day in Auckland.
  const late = resolveLocal('Europe/Paris', date, 23 * 60)!
  const { today, week } = await dashboardAt(network, late)
  assert.deepEqual(idsOf(today), [here.id, nextDate.id])
  assert.deepEqual(
    today.map(({ startsAt, timeZone }) => [startsAt, timeZone]),
    [
      [here.visit.startsAt, 'Europe/Paris'],
      [nextDate.visit.startsAt, 'Pacific/Auckland'],
    ],
  )
  assert.equal(week[0]?.date, date)
  assert.deepEqual(
    week.slice(0, 2).map((day) => day.visits),
    [2, 1],
  )
  // In the morning of that date in Paris it is still the date in Auckland, in the evening.
  const early = await dashboardAt(network, resolveLocal('Europe/Paris', date, 60)!)
  assert.deepEqual(idsOf(early.today), [sameDate.id, here.id])
})

test('on the day on which the clocks go back, today has all its hours', async () => {
  const network = await openNetwork()
  // Far enough ahead for every year that this test runs in.
  const year = Number(localDateOf(runtime.clock(), 'UTC').slice(0, 4)) + 1
  const date = `${year}-10-${31 - (weekdayOf(`${year}-10-31`) % 7)}`
  const visit = await makeVisit(network, 0)
  const startsAt = resolveLocal('Europe/Paris', date, 23 * 60 + 30)!
  const text = formatInstant(startsAt, 'Europe/Paris')
  await runtime.db
    .updateTable('appointment')
    .set({
      starts_at: text,
      ends_at: formatInstant(startsAt + minutes(30), 'Europe/Paris'),
      local_starts_at: text.slice(0, 19),
    })
    .where('id', '=', visit.id)
    .execute()
  const midnight = resolveLocal('Europe/Paris', date, 0)!
  assert.equal(startsAt - midnight, minutes(24 * 60 + 30))
  assert.deepEqual(idsOf((await dashboardAt(network, midnight)).today), [visit.id])
  assert.deepEqual(idsOf((await dashboardAt(network, midnight - minutes(5))).today), [])
  assert.deepEqual(idsOf((await dashboardAt(network, startsAt)).today), [visit.id])
  assert.deepEqual(idsOf((await dashboardAt(network, startsAt + minutes(30))).today), [])
})

test('requests come oldest first, ten of them and how many there are; a lapsed one is none', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const asked: string[] = []
  for (let index = 11; index >= 0; index -= 1) asked.push((await makeVisit(network, index)).id)
  const { body } = await call(app, 'GET /doctors/me/dashboard', { as: network.people.doctor })
  assert.equal(body.requests.count, 12)
  assert.deepEqual(idsOf(body.requests.items), asked.slice(0, 10))
  assert.equal(body.nextVisit, undefined)
  const far = await dashboardAt(network, runtime.clock() + 10 * 86_400_000)
  assert.deepEqual(far.requests, { count: 0, items: [] })
})

test('unread messages are those that the reader has not read, none for an admin', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  for (const text of ['One.', 'Two.'])
    await call(app, `POST /appointments/${visit.id}/messages`, { as: visit.as, body: { text } })
  const { doctor, deskHere, admin } = network.people
  const unread = async (as: string) =>
    (await call(app, `GET /doctors/${network.doctorId}/dashboard`, { as })).body.unreadMessages
  assert.deepEqual([await unread(doctor), await unread(deskHere), await unread(admin)], [2, 2, 0])
  await call(app, `POST /appointments/${visit.id}/messages/read`, { as: doctor, body: {} })
  assert.deepEqual([await unread(doctor), await unread(deskHere)], [0, 2])
})

test('who waits for the doctor is counted', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 5)
  const { status } = await call(app, 'POST /waitlist', {
    as: visit.as,
    body: { appointmentId: visit.id },
  })
  assert.equal(status, 201)
  const { body } = await call(app, 'GET /doctors/me/dashboard', { as: network.people.doctor })
  assert.equal(body.waiting, 1)
})

test('a desk sees what is at its own clinics, and nobody else sees anything', async () => {
  const network = await openNetwork()
  const there = await openElsewhere(network)
  const here = await makeVisit(network, 0)
  const elsewhere = await makeVisit({ ...network, slots: [there[0]!] }, 0)
  const at = instantOf(here.visit.startsAt) - minutes(60)
  const { doctor, deskHere, deskElsewhere, admin, otherDoctor, patient } = network.people
  const seen = async (as: string) => idsOf((await dashboardAt(network, at, as)).today)
  assert.deepEqual(await seen(deskHere), [here.id])
  assert.deepEqual(await seen(deskElsewhere), [elsewhere.id])
  for (const as of [doctor, admin]) assert.deepEqual(await seen(as), [here.id, elsewhere.id])
  const ofDesk = await dashboardAt(network, at, deskHere)
  assert.deepEqual([ofDesk.week[0]?.visits, ofDesk.week[0]?.openMinutes], [1, 450])
  const request = `GET /doctors/${network.doctorId}/dashboard` as const
  for (const as of [otherDoctor, patient])
    assert.equal((await call(app, request, { as })).status, 403)
  const rows = (await auditOf(network.doctorId)).filter(
    ({ action }) => action === 'doctor.dashboard.read',
  )
  assert.deepEqual(
    rows.map(({ allowed }) => allowed),
    [true, true, true, true, true, false],
  )
  assert.deepEqual(rows[0]?.details, { ids: [here.id] })
})

test('a doctor with no clinic, hours or visits has an empty dashboard', async () => {
  const { people } = await makeNetwork(runtime)
  const { body: doctor } = await call(app, 'POST /doctors', {
    as: people.admin,
    body: { name: 'Nobody Yet' },
  })
  const answer = await call(app, `GET /doctors/${doctor.id}/dashboard`, { as: people.admin })
  assert.equal(answer.status, 200)
  const { week, ...rest } = answer.body
  assert.deepEqual(rest, {
    doctorId: doctor.id,
    today: [],
    requests: { count: 0, items: [] },
    unreadMessages: 0,
    waiting: 0,
  })
  assert.deepEqual(
    week.map(({ visits, openMinutes }: { visits: number; openMinutes: number }) => [
      visits,
      openMinutes,
    ]),
    Array.from({ length: 7 }, () => [0, 0]),
  )
})

test('a dashboard takes the same few queries however many visits there are', async () => {
  const network = await openNetwork()
  for (const index of [0, 1, 2, 3]) await makeVisit(network, index)
  const context = await contextAt(network.people.doctor, instantOf(network.slots[0]!.startsAt))
  let queries = 0
  const db = context.db.withPlugin({
    transformQuery({ node }) {
      queries += 1
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const dashboard = await readDoctorDashboard({ ...context, db }, 'me')
  assert.equal(dashboard.today.length, 4)
  assert.ok(queries <= 6, `${queries} queries`)
})
