import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import pg from 'pg'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  dayNumberOf,
  formatInstant,
  formatUtc,
  localDateOf,
  localDateTimeOf,
  resolveWallTime,
  weekdayOf,
  type LocalDate,
} from '#src/kernel/time.ts'
import { call, makeNetwork, scheduleVersionOf, type Network } from '#test/support/network.ts'
import { book, makePatient, openEveryDay } from '#test/support/patient.ts'
import { onlyWaiter, whileHeld } from '#test/support/race-blocker.ts'
import { slowOpenSlots } from '#test/support/slow-open-slots.ts'
import { testVisita } from '#test/support/visita.ts'
import { confirmationOf, visitsLeftOutside, type OpenHours } from './affected.ts'

const minute = 60_000

// ── Which visits fall outside ────────────────────────────────────────────────────────────────────

function anyHoursAround(change: LocalDate): fc.Arbitrary<OpenHours> {
  const anyDate = fc.integer({ min: -2, max: 3 }).map((days) => addDays(change, days))
  const anyMinutes = {
    clinicId: fc.constantFrom('here', 'here', 'elsewhere'),
    fromMinute: fc.nat(95).map((quarters) => quarters * 15),
    toMinute: fc.integer({ min: 0, max: 96 }).map((quarters) => quarters * 15),
    visitTypeIds: fc.constantFrom<string[] | null>(null, null, ['visit'], ['other']),
  }
  return fc.record({
    hours: fc.array(
      fc.record({
        ...anyMinutes,
        weekday: anyDate.map(weekdayOf),
        validFrom: fc.option(anyDate, { freq: 1 }),
        validUntil: fc.option(anyDate, { freq: 1 }),
      }),
      { maxLength: 6 },
    ),
    openings: fc.array(fc.record({ ...anyMinutes, opensOn: anyDate }), { maxLength: 2 }),
  })
}

function anyChangeIn(timeZone: string, date: LocalDate) {
  const around = resolveWallTime(timeZone, dayNumberOf(date), 0)
  const anyVisit = fc
    .record({
      clinicId: fc.constantFrom('here', 'elsewhere', 'foreign'),
      visitTypeId: fc.constantFrom('visit', 'other'),
      from: fc.integer({ min: -200, max: 300 }),
      durationMinutes: fc.constantFrom(5, 30, 90),
    })
    .map(({ from, durationMinutes, ...visit }) => {
      const startsAt = around + from * 15 * minute
      return { ...visit, durationMinutes, startsAt, endsAt: startsAt + durationMinutes * minute }
    })
  const before = anyHoursAround(date)
  return fc
    .record({
      before,
      // Often only a little different.
      after: fc.oneof(anyHoursAround(date), fc.constant<OpenHours | null>(null)),
      kept: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      visits: fc.array(anyVisit, { minLength: 4, maxLength: 12 }),
    })
    .map(({ before: old, after, kept, visits }) => ({
      timeZone,
      date,
      before: old,
      after: after ?? {
        hours: old.hours.filter((_, index) => kept[index]),
        openings: old.openings.filter((_, index) => kept[index + 2]),
      },
      visits: visits.map((visit, index) => ({ ...visit, id: `visit-${index}` })),
    }))
}

const anyChange = fc
  .constantFrom(
    ['Europe/Paris', '2026-10-25'],
    ['America/New_York', '2027-03-14'],
    ['Pacific/Apia', '2011-12-30'],
  )
  .chain(([timeZone = '', date = '']) => anyChangeIn(timeZone, date))

/** Whether a visit could begin then, by a look at every minute. */
function fits(
  { hours, openings }: OpenHours,
  timeZone: string,
  visit: { clinicId: string; visitTypeId: string; startsAt: number; durationMinutes: number },
): boolean {
  const date = localDateOf(visit.startsAt, timeZone)
  const starts = slowOpenSlots({
    schedule: { hours, openings, timeOff: [], paused: false },
    clinic: { clinicId: visit.clinicId, timeZone, closures: [] },
    visitType: {
      id: visit.visitTypeId,
      durationMinutes: visit.durationMinutes,
      bufferBeforeMinutes: 0,
      bufferAfterMinutes: 0,
      stepMinutes: 1,
    },
    from: date,
    to: date,
    claims: [],
    rooms: null,
    fullDates: [],
    earliest: visit.startsAt,
    latest: visit.startsAt + 1,
  })
  return starts.has(visit.startsAt)
}

test('a change of hours affects the visits that fitted before and do not fit after, and no other', () => {
  let affectedSoFar = 0
  fc.assert(
    fc.property(anyChange, ({ timeZone, before, after, visits }) => {
      const clinics = ['here', 'elsewhere'].map((id) => ({ id, timeZone }))
      const found = visitsLeftOutside(visits, { before, after, clinics })
      const expected = visits.filter(
        (visit) =>
          visit.clinicId !== 'foreign' &&
          fits(before, timeZone, visit) &&
          !fits(after, timeZone, visit),
      )
      affectedSoFar += expected.length
      assert.deepEqual(
        found.map(({ id }) => id).toSorted(),
        expected.map(({ id }) => id).toSorted(),
      )
      for (const [index, visit] of found.entries())
        assert.ok(index === 0 || found[index - 1]!.startsAt <= visit.startsAt)
      assert.deepEqual(visitsLeftOutside(visits, { before, after: before, clinics }), [])
    }),
    { numRuns: 200 },
  )
  assert.ok(affectedSoFar > 10, String(affectedSoFar))
})

test('a confirmation stands for exactly the visits and their times, in any order', () => {
  const visit = { id: 'a', startsAt: 1, endsAt: 2, clinicId: 'here', visitTypeId: 'visit' }
  const other = { ...visit, id: 'b' }
  const confirmation = confirmationOf([visit, other])
  assert.equal(confirmationOf([other, visit]), confirmation)
  for (const visits of [
    [visit],
    [other],
    [],
    [visit, { ...other, startsAt: 3 }],
    [visit, other, { ...visit, id: 'c' }],
  ])
    assert.notEqual(confirmationOf(visits), confirmation)
})

// ── Over HTTP ────────────────────────────────────────────────────────────────────────────────────

const { app, runtime, databaseUrl } = await testVisita()
const zone = 'Europe/Paris'
const date = addDays(localDateOf(runtime.clock(), zone), 7)
const textAt = (clock: number) =>
  formatInstant(resolveWallTime(zone, dayNumberOf(date), clock * 60), zone)

/** A confirmed visit at these hours of the date, straight into the database. */
async function addVisit(
  network: Network,
  visit: {
    at: number
    until?: number
    status?: AppointmentStatus
    expiresIn?: number
    clinicId?: string
    email?: string
  },
): Promise<string> {
  const [id, patientId] = [newId(), newId()]
  const now = runtime.clock()
  const created_at = formatUtc(now)
  const startsAt = resolveWallTime(zone, dayNumberOf(date), visit.at * 60)
  const endsAt = resolveWallTime(zone, dayNumberOf(date), (visit.until ?? visit.at + 0.5) * 60)
  await runtime.db
    .insertInto('patient')
    .values({ id: patientId, name: 'Anna Berg', email: visit.email ?? null, created_at })
    .execute()
  await runtime.db
    .insertInto('appointment')
    .values({
      id,
      status: visit.status ?? 'confirmed',
      doctor_id: network.doctorId,
      clinic_id: visit.clinicId ?? network.clinicId,
      patient_id: patientId,
      visit_type_id: network.visitTypeId,
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(endsAt),
      time_zone: zone,
      local_starts_at: localDateTimeOf(startsAt, zone),
      expires_at: visit.expiresIn === undefined ? null : formatUtc(now + visit.expiresIn),
      created_at,
    })
    .execute()
  return id
}

function takeTimeOff({ doctorId }: Network, as: string, from: number, to: number) {
  const body = { startsAt: textAt(from), endsAt: textAt(to) }
  return call(app, `POST /doctors/${doctorId}/time-off`, { as, body })
}

const idsIn = (visits: { appointmentId: string }[]) =>
  visits.map(({ appointmentId }) => appointmentId)

/** The audit rows about visits that were shown because of a change for the doctor, oldest first. */
async function auditOf(doctorId: string): Promise<{ allowed: boolean; ids: unknown }[]> {
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['allowed', 'details'])
    .where('action', '=', 'appointment.list-affected')
    .where('subject_id', '=', doctorId)
    .orderBy('seq')
    .execute()
  return rows.map(({ allowed, details }) => ({ allowed, ids: details['ids'] }))
}

test('time off answers with the visits that overlap it, soonest first, and cancels none', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, clinicId, visitTypeId, people } = network
  const late = await addVisit(network, { at: 13.5, status: 'requested', expiresIn: 60 * minute })
  const early = await addVisit(network, { at: 9.75, email: 'anna.berg@example.org' })
  const arrived = await addVisit(network, { at: 11, status: 'arrived' })
  const held = await addVisit(network, { at: 12, status: 'held', expiresIn: minute })
  await addVisit(network, { at: 12.5, status: 'held', expiresIn: -minute })
  await addVisit(network, { at: 12.5, status: 'requested', expiresIn: -minute })
  for (const status of ['cancelled', 'declined', 'expired', 'completed', 'no_show'] as const)
    await addVisit(network, { at: 11, status })
  await addVisit(network, { at: 9.5 })
  await addVisit(network, { at: 14 })
  const { status, body } = await takeTimeOff(network, people.doctor, 10, 14)
  assert.equal(status, 201)
  const all = [early, arrived, held, late]
  assert.deepEqual(idsIn(body.affected), all)
  assert.equal(body.affectedCount, 4)
  const patientId = body.affected[0].patient.id
  assert.deepEqual(body.affected[0], {
    appointmentId: early,
    status: 'confirmed',
    startsAt: textAt(9.75),
    endsAt: textAt(10.25),
    timeZone: zone,
    clinicId,
    visitTypeId,
    version: 1,
    patient: { id: patientId, name: 'Anna Berg', email: 'anna.berg@example.org' },
  })
  const statuses = await runtime.db
    .selectFrom('appointment')
    .select('status')
    .where('id', 'in', all)
    .orderBy('starts_at')
    .execute()
  assert.deepEqual(
    statuses.map((row) => row.status),
    ['confirmed', 'arrived', 'held', 'requested'],
  )
  assert.deepEqual(await auditOf(doctorId), [{ allowed: true, ids: all }])
})

test('what is still to be moved out of a time off can be read again, in pages', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, people } = network
  const visits = []
  for (const at of [10, 10, 11, 12]) visits.push(await addVisit(network, { at }))
  const { body } = await takeTimeOff(network, people.doctor, 10, 14)
  const path = `/doctors/me/time-off/${body.id}/affected`
  const read = async (query: string) =>
    (await call(app, `GET ${path}${query}`, { as: people.doctor })).body
  const first = await read('?limit=1')
  const rest = await read(`?limit=3&cursor=${first.nextCursor}`)
  assert.deepEqual([...first.items, ...rest.items], body.affected)
  assert.equal(rest.nextCursor, null)
  await runtime.db
    .updateTable('appointment')
    .set({ status: 'cancelled' })
    .where('id', '=', visits[2]!)
    .execute()
  assert.deepEqual(idsIn((await read('')).items), [visits[0], visits[1], visits[3]])
  const foreign = await call(app, `GET /doctors/${doctorId}/time-off/${body.id}/affected`, {
    as: people.otherDoctor,
  })
  assert.equal(foreign.status, 403)
  const unknown = await call(app, `GET /doctors/me/time-off/${newId()}/affected`, {
    as: people.doctor,
  })
  assert.equal(unknown.status, 404)
  assert.deepEqual(
    (await auditOf(doctorId)).map(({ allowed, ids }) => [allowed, (ids as unknown[]).length]),
    [
      [true, 4],
      [true, 1],
      [true, 3],
      [true, 3],
      [false, 0],
      [false, 0],
    ],
  )
})

test('the front desk is shown the visits at its own clinics and counts them all', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, clinicId, otherClinicId, people } = network
  const clinicIds = [clinicId, otherClinicId]
  await call(app, `PATCH /doctors/${doctorId}`, { as: people.admin, body: { clinicIds } })
  const here = await addVisit(network, { at: 10 })
  const there = await addVisit(network, { at: 11, clinicId: otherClinicId })
  const taken = await takeTimeOff(network, people.deskHere, 9, 14)
  assert.deepEqual(idsIn(taken.body.affected), [here])
  assert.equal(taken.body.affectedCount, 2)
  for (const [who, ids] of [
    ['deskHere', [here]],
    ['deskElsewhere', [there]],
    ['admin', [here, there]],
  ] as const) {
    const path = `/doctors/${doctorId}/time-off/${taken.body.id}/affected`
    const { body } = await call(app, `GET ${path}`, { as: people[who] })
    assert.deepEqual(idsIn(body.items), ids)
  }
})

test('more than two hundred visits are counted, and the first two hundred listed', async () => {
  const network = await makeNetwork(runtime)
  const visits = []
  for (let index = 0; index < 203; index += 1)
    visits.push(await addVisit(network, { at: 10 + index / 120 }))
  const { body } = await takeTimeOff(network, network.people.doctor, 9, 14)
  assert.equal(body.affectedCount, 203)
  assert.deepEqual(idsIn(body.affected), visits.slice(0, 200))
})

test('a booking that is under way when time off is taken is in its answer', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, people } = network
  const watcher = new pg.Client({ connectionString: databaseUrl })
  await watcher.connect()
  try {
    // As book_appointment does: the rules are locked, the visit is written, nothing is committed yet.
    let finish: (() => Promise<unknown>) | undefined
    const id = await addVisit(network, { at: 20 })
    await whileHeld(
      async (booking) => {
        await booking.query('select from doctor where id = $1 for share', [doctorId])
        const times = [id, textAt(10), textAt(10.5)]
        await booking.query(
          'update appointment set starts_at = $2, ends_at = $3 where id = $1',
          times,
        )
        finish = () => booking.query('commit')
      },
      async (bookingPid) => {
        const taking = takeTimeOff(network, people.doctor, 9, 12)
        await onlyWaiter(watcher, bookingPid)
        await finish?.()
        const { status, body } = await taking
        assert.equal(status, 201)
        assert.deepEqual(idsIn(body.affected), [id])
        assert.equal(body.affectedCount, 1)
      },
    )
  } finally {
    await watcher.end()
  }
})

test('no visit in a time off is missing from its answer, while bookings pour in', async () => {
  for (let round = 0; round < 2; round += 1) {
    const network = await makeNetwork(runtime)
    const { doctorId, visitTypeId, people } = network
    await openEveryDay(app, network)
    const patients = await Promise.all(Array.from({ length: 16 }, () => makePatient(runtime)))
    const booking = patients.map(async ({ as }, index) => {
      const startsAt = textAt(9 + index / 2)
      const answer = await book(app, as, { doctorId, visitTypeId, startsAt })
      return { id: String(answer.body.id), status: answer.status }
    })
    await Promise.race(booking)
    const taken = await takeTimeOff(network, people.doctor, 9, 17)
    const booked = (await Promise.all(booking)).filter(({ status }) => status === 201)
    assert.ok(booked.length > 0)
    assert.deepEqual(idsIn(taken.body.affected).toSorted(), booked.map(({ id }) => id).toSorted())
    assert.equal(taken.body.affectedCount, booked.length)
  }
})

// ── Hours and openings ───────────────────────────────────────────────────────────────────────────

function hoursOf({ clinicId }: Network, from: string, to: string) {
  return [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ clinicId, weekday, from, to }))
}

/** A doctor from 09:00 to 17:00 with visits at 09:00, 13:00 and, overbooked, 18:00. */
async function bookedNetwork() {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const visits = {
    morning: await addVisit(network, { at: 9 }),
    midday: await addVisit(network, { at: 13 }),
    evening: await addVisit(network, { at: 18 }),
  }
  const { people } = network
  const put = (
    hours: object[],
    { query = '', ...more }: { query?: string; confirmation?: string } = {},
  ) => call(app, `PUT /doctors/me/hours${query}`, { as: people.doctor, body: { hours, ...more } })
  const read = async () => (await call(app, 'GET /doctors/me/hours', { as: people.doctor })).body
  return { network, visits, put, read }
}

test('hours that leave a booked visit outside are saved only by whoever has seen which', async () => {
  const { network, visits, put, read } = await bookedNetwork()
  const { doctorId } = network
  const before = await read()
  const version = await scheduleVersionOf(runtime, doctorId)
  const hours = hoursOf(network, '10:00', '17:00')
  const refused = await put(hours)
  assert.equal(refused.status, 409)
  assert.equal(refused.body.type, '/problems/visits-affected')
  assert.deepEqual(idsIn(refused.body.affected), [visits.morning])
  assert.equal(refused.body.affectedCount, 1)
  assert.deepEqual(await read(), before)
  assert.equal(await scheduleVersionOf(runtime, doctorId), version)

  assert.equal((await put(hours, { confirmation: 'something' })).status, 409)
  const { confirmation } = refused.body
  const saved = await put(hours, { confirmation })
  assert.equal(saved.status, 200)
  assert.deepEqual(saved.body, { hours })
  assert.deepEqual(await read(), { hours })
  // The refusals leave their audit rows though they saved nothing.
  const ids = [visits.morning]
  assert.deepEqual(
    await auditOf(doctorId),
    [ids, ids, ids].map((shown) => ({ allowed: true, ids: shown })),
  )
  // What lies outside now is not the next change's doing.
  assert.equal((await put(hoursOf(network, '12:00', '17:00'))).status, 200)
})

test('a visit booked after the list was shown makes a new list', async () => {
  const { network, visits, put } = await bookedNetwork()
  const hours = hoursOf(network, '10:00', '17:00')
  const { confirmation } = (await put(hours)).body
  const more = await addVisit(network, { at: 9.5 })
  const again = await put(hours, { confirmation })
  assert.equal(again.status, 409)
  assert.deepEqual(idsIn(again.body.affected), [visits.morning, more])
  assert.notEqual(again.body.confirmation, confirmation)
  await runtime.db
    .updateTable('appointment')
    .set({ status: 'cancelled' })
    .where('id', '=', more)
    .execute()
  assert.equal((await put(hours, { confirmation: again.body.confirmation })).status, 409)
  assert.equal((await put(hours, { confirmation })).status, 200)
})

test('a booking and a change of hours at once: the visit is refused, or someone is told of it', async () => {
  for (let round = 0; round < 6; round += 1) {
    const network = await makeNetwork(runtime)
    const { doctorId, visitTypeId, people } = network
    await openEveryDay(app, network)
    const { as } = await makePatient(runtime)
    const [booked, put] = await Promise.all([
      book(app, as, { doctorId, visitTypeId, startsAt: textAt(9) }),
      call(app, 'PUT /doctors/me/hours', {
        as: people.doctor,
        body: { hours: hoursOf(network, '12:00', '17:00') },
      }),
    ])
    assert.deepEqual(
      put.status === 200 ? [422] : [201, 409],
      put.status === 200 ? [booked.status] : [booked.status, put.status],
    )
    if (put.status === 409) assert.deepEqual(idsIn(put.body.affected), [booked.body.id])
  }
})

test('a dry run answers which visits would be left outside, and saves nothing', async () => {
  const { network, visits, put, read } = await bookedNetwork()
  const before = await read()
  const version = await scheduleVersionOf(runtime, network.doctorId)
  const dry = (from: string, to: string) =>
    put(hoursOf(network, from, to), { query: '?dryRun=true' })
  const outside = await dry('14:00', '19:00')
  assert.equal(outside.status, 200)
  assert.deepEqual(outside.body.hours, hoursOf(network, '14:00', '19:00'))
  assert.deepEqual(idsIn(outside.body.affected), [visits.morning, visits.midday])
  assert.equal(outside.body.affectedCount, 2)
  const none = await dry('08:00', '17:00')
  assert.deepEqual(none.body, {
    hours: hoursOf(network, '08:00', '17:00'),
    affected: [],
    affectedCount: 0,
  })
  assert.deepEqual(await read(), before)
  assert.equal(await scheduleVersionOf(runtime, network.doctorId), version)
  const stranger = await call(app, `PUT /doctors/${network.doctorId}/hours?dryRun=true`, {
    as: network.people.otherDoctor,
    body: { hours: [] },
  })
  assert.equal(stranger.status, 403)
  const odd = await put([{ ...hoursOf(network, '09:00', '09:00')[0] }], { query: '?dryRun=true' })
  assert.equal(odd.status, 422)
})

test('hours for other visit types alone leave a visit outside; a hold that ran out and the past do not count', async () => {
  const { network, visits, put } = await bookedNetwork()
  const { clinicVisitTypeId } = network
  await addVisit(network, { at: 10, status: 'held', expiresIn: -minute })
  await addVisit(network, { at: 10 - 24 * 14 })
  const held = await addVisit(network, { at: 11, status: 'held', expiresIn: minute })
  const hours = hoursOf(network, '09:00', '17:00').map((rule) => ({
    ...rule,
    visitTypeIds: [clinicVisitTypeId],
  }))
  const { body } = await put(hours)
  assert.deepEqual(idsIn(body.affected), [visits.morning, held, visits.midday])
})

test('an opening keeps its visit inside, and goes only when someone has seen that', async () => {
  const { network, visits, put } = await bookedNetwork()
  const { clinicId, people } = network
  const open = async (from: string, to: string) => {
    const body = { clinicId, date, from, to }
    return (await call(app, 'POST /doctors/me/openings', { as: people.doctor, body })).body.id
  }
  const id = await open('08:00', '10:00')
  const other = await open('20:00', '21:00')
  assert.equal((await put(hoursOf(network, '12:00', '17:00'))).status, 200)
  const remove = (opening: string, query = '') =>
    call(app, `DELETE /doctors/me/openings/${opening}${query}`, { as: people.doctor })
  assert.equal((await remove(other)).status, 204)
  const refused = await remove(id)
  assert.equal(refused.status, 409)
  assert.deepEqual(idsIn(refused.body.affected), [visits.morning])
  assert.equal((await remove(id)).status, 409)
  assert.equal((await remove(id, `?confirmation=${refused.body.confirmation}`)).status, 204)
  assert.equal((await remove(id)).status, 404)
})
