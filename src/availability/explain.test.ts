import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { newId } from '#src/kernel/ids.ts'
import {
  addDays,
  dayNumberOf,
  formatInstant,
  localDateOf,
  resolveWallTime,
  weekdayOf,
  type LocalDate,
} from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, type Network } from '#test/support/network.ts'
import { book, makePatient, openEveryDay } from '#test/support/patient.ts'
import { slowOpenSlots } from '#test/support/slow-open-slots.ts'
import { testVisita } from '#test/support/visita.ts'
import type { Claim } from './board.ts'
import { blockingRule, rulesInOrder, type BlockedBy, type BlockingRule } from './explain.ts'
import { openStartsOf, type Offer } from './open-times.ts'

const minute = 60_000
const day = 86_400_000

interface Question {
  offer: Offer
  now: number
  from: LocalDate
}

const anyQuarter = fc.nat(95).map((quarters) => quarters * 15)

function anyClaim(around: number, timeZone: string): fc.Arbitrary<Claim> {
  return fc
    .record({
      from: fc.integer({ min: -200, max: 400 }),
      length: fc.constantFrom(2, 6, 30, 100),
      appointment: fc.nat(3),
      expires: fc.constantFrom(null, null, null, -1, 1),
    })
    .map(({ from, length, appointment, expires }) => {
      const startsAt = around + from * 15 * minute
      return {
        startsAt,
        endsAt: startsAt + length * 15 * minute,
        expiresAt: expires === null ? null : around + expires * 30 * day,
        appointmentId: `visit-${appointment}`,
        date: localDateOf(startsAt, timeZone),
      }
    })
}

/** A few hours a week, and much that may be in the way of them, about a date on which clocks change. */
function anyQuestionAt(timeZone: string, change: LocalDate): fc.Arbitrary<Question> {
  const around = resolveWallTime(timeZone, dayNumberOf(change), 0)
  const anyDate = fc.integer({ min: -2, max: 3 }).map((days) => addDays(change, days))
  const anyHours = fc
    .record({ date: anyDate, fromMinute: anyQuarter, length: fc.constantFrom(30, 90, 300, 1380) })
    .map(({ date, fromMinute, length }) => ({
      clinicId: 'here',
      weekday: weekdayOf(date),
      fromMinute,
      toMinute: (fromMinute + length) % 1440,
      validFrom: null,
      validUntil: null,
      visitTypeIds: null,
    }))
  const anyCut = fc
    .record({ from: fc.integer({ min: -200, max: 300 }), length: fc.constantFrom(4, 40, 200) })
    .map(({ from, length }) => ({
      startsAt: around + from * 15 * minute,
      endsAt: around + (from + length) * 15 * minute,
    }))
  const anyClosure = fc.record({ date: anyDate, days: fc.nat(2) }).map(({ date, days }) => ({
    startsOn: date,
    startMinute: 0,
    endsOn: addDays(date, days),
    endMinute: 1440,
  }))
  const anyRoom = fc.record({
    id: fc.constant('room'),
    kind: fc.constantFrom('ultrasound', 'gym'),
    claims: fc.array(anyClaim(around, timeZone), { maxLength: 3 }),
  })
  return fc
    .record({
      hours: fc.array(anyHours, { maxLength: 6 }),
      timeOff: fc.array(anyCut, { maxLength: 2 }),
      paused: fc.nat(9).map((number) => number === 0),
      closures: fc.array(anyClosure, { maxLength: 1 }),
      claims: fc.array(anyClaim(around, timeZone), { maxLength: 4 }),
      rooms: fc.array(anyRoom, { maxLength: 2 }),
      roomKind: fc.constantFrom(null, null, 'ultrasound'),
      dailyLimit: fc.constantFrom(null, null, 1, 2),
      noticeMinutesMin: fc.constantFrom(0, 60, 1440, 4320),
      horizonDays: fc.constantFrom(1, 2, 60),
      durationMinutes: fc.constantFrom(15, 30, 60),
      stepMinutes: fc.constantFrom(null, 15, 45),
      now: fc.integer({ min: -400, max: 200 }).map((quarters) => around + quarters * 15 * minute),
    })
    .map((given) => {
      const { hours, timeOff, paused, closures, claims, rooms, now } = given
      const offer: Offer = {
        clinicId: 'here',
        visitTypeId: 'visit',
        viewer: 'patient',
        clinic: {
          scheduleVersion: 1,
          requestLapsesMinutes: 2880,
          calendar: { clinicId: 'here', timeZone, closures },
          rooms,
        },
        visitType: {
          scheduleVersion: 1,
          clinicId: null,
          rule: {
            id: 'visit',
            durationMinutes: given.durationMinutes,
            bufferBeforeMinutes: 0,
            bufferAfterMinutes: 5,
            stepMinutes: given.stepMinutes,
          },
          whoMayBook: 'anyone',
          bookingMode: null,
          roomKind: given.roomKind,
          active: true,
        },
        doctor: {
          id: 'doctor',
          scheduleVersion: 1,
          bookingMode: 'instant',
          acceptingNewPatients: true,
          noticeMinutesMin: given.noticeMinutesMin,
          horizonDays: given.horizonDays,
          dailyLimit: given.dailyLimit,
          clinicIds: ['here'],
          visitTypeIds: ['visit'],
          schedule: { hours, openings: [], timeOff, paused },
          loadedAt: now,
          claims,
          firstOpen: new Map(),
        },
      }
      return { offer, now, from: addDays(change, -1) }
    })
}

const anyQuestion = fc
  .constantFrom(
    ['Europe/Paris', '2026-10-25'],
    ['Australia/Lord_Howe', '2027-04-04'],
    ['Pacific/Apia', '2011-12-30'],
  )
  .chain(([timeZone = '', change = '']) => anyQuestionAt(timeZone, change))

/** Whether the day has an open time without these rules, worked out minute by minute. */
function isOpenWithout(
  rules: ReadonlySet<BlockingRule>,
  { offer, now }: Question,
  date: LocalDate,
): boolean {
  const { doctor, clinic, visitType } = offer
  const { timeZone } = clinic.calendar
  const given = <Value>(rule: BlockingRule, value: Value, otherwise: Value) =>
    rules.has(rule) ? otherwise : value
  const live = doctor.claims.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
  const ownIds = new Set(doctor.claims.map(({ appointmentId }) => appointmentId))
  const rooms = clinic.rooms
    .filter(({ kind }) => kind === visitType.roomKind)
    .map(({ claims }) =>
      claims.filter(
        ({ expiresAt, appointmentId }) =>
          (expiresAt === null || expiresAt > now) &&
          !(rules.has('fully-booked') && ownIds.has(appointmentId)),
      ),
    )
  const byDate = Map.groupBy(live, (claim) => claim.date ?? '')
  const limit = given('daily-limit', doctor.dailyLimit, null) ?? Number.POSITIVE_INFINITY
  const fullDates = [...byDate].filter(([, claims]) => claims.length >= limit)
  const horizon = Temporal.PlainDate.from(localDateOf(now, timeZone))
    .add({ days: doctor.horizonDays + 1 })
    .toZonedDateTime(timeZone).epochMilliseconds
  const notice = given('notice', doctor.noticeMinutesMin, 0) * minute
  const always = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId: 'here',
    weekday,
    fromMinute: 0,
    toMinute: 1440,
    validFrom: null,
    validUntil: null,
    visitTypeIds: null,
  }))
  const judged = slowOpenSlots({
    schedule: {
      hours: given('no-hours', doctor.schedule.hours, always),
      openings: [],
      timeOff: given('time-off', doctor.schedule.timeOff, []),
      paused: given('paused', doctor.schedule.paused, false),
    },
    clinic: { ...clinic.calendar, closures: given('closure', clinic.calendar.closures, []) },
    visitType: visitType.rule,
    from: date,
    to: date,
    claims: given('fully-booked', live, []),
    rooms: visitType.roomKind === null ? null : given('no-room', rooms, null),
    fullDates: fullDates.map(([full]) => full),
    earliest: given('past', now + notice, Number.NEGATIVE_INFINITY),
    latest: given('horizon', horizon, Number.POSITIVE_INFINITY),
  })
  return [...judged.values()].includes('open')
}

function datesFrom(from: LocalDate): LocalDate[] {
  return [0, 1, 2, 3].map((days) => addDays(from, days))
}

test('the days below are blocked by each of the rules, and some are open', () => {
  const named = new Map<string, number>()
  for (const { offer, now, from } of fc.sample(anyQuestion, { numRuns: 1500, seed: 7 }))
    for (const date of datesFrom(from)) {
      const rule = blockingRule(offer, { date, now }) ?? 'none'
      named.set(rule, (named.get(rule) ?? 0) + 1)
    }
  for (const rule of [...rulesInOrder('2026-01-02', '2026-01-01'), 'none'])
    assert.ok((named.get(rule) ?? 0) > 5, `${rule}: ${named.get(rule)}`)
})

test('a blocked day opens when the rule that is named and those before it are lifted, and no sooner', () => {
  fc.assert(
    fc.property(anyQuestion, (question) => {
      const { offer, now, from } = question
      const { timeZone } = offer.clinic.calendar
      for (const date of datesFrom(from)) {
        const rule = blockingRule(offer, { date, now })
        const isOpen = openStartsOf(offer, { from: date, to: date, now }).length > 0
        assert.equal(rule === null, isOpen, date)
        if (rule === null) continue
        const order = rulesInOrder(date, localDateOf(now, timeZone))
        const before = order.slice(0, order.indexOf(rule))
        assert.ok(!isOpenWithout(new Set(before), question, date), `${date} is open before ${rule}`)
        const isNoDate = timeZone === 'Pacific/Apia' && date === '2011-12-30'
        if (isNoDate) assert.equal(rule, 'no-hours')
        else
          assert.ok(isOpenWithout(new Set([...before, rule]), question, date), `${date}: ${rule}`)
      }
    }),
    { numRuns: 150 },
  )
})

// ── Over HTTP ────────────────────────────────────────────────────────────────────────────────────

const { app, runtime } = await testVisita()
const zone = 'Europe/Paris'
const today = localDateOf(runtime.clock(), zone)
const inAWeek = addDays(today, 7)

interface ExplainedDay {
  date: LocalDate
  slots: unknown[]
  blockedBy?: BlockedBy[]
}

async function explained(
  { doctorId, people }: Network,
  { date = inAWeek, query = '', as = people.doctor } = {},
): Promise<ExplainedDay> {
  const path = `/doctors/${doctorId}/availability?from=${date}&to=${date}&explain=true${query}`
  const { status, body } = await call(app, `GET ${path}`, { as })
  assert.equal(status, 200, JSON.stringify(body))
  return body.days[0]
}

async function change({ people }: Network, path: string, body: object): Promise<void> {
  const { status } = await call(app, `PATCH ${path}`, { as: people.admin, body })
  assert.equal(status, 200)
}

/** The network's doctor with hours from 09:00 to 09:30 on all days but one, for one visit each. */
async function openForOne(network: Network, except: LocalDate | null = null): Promise<void> {
  const weekdays = [1, 2, 3, 4, 5, 6, 7].filter(
    (weekday) => except === null || weekday !== weekdayOf(except),
  )
  const hours = weekdays.map((weekday) => ({
    clinicId: network.clinicId,
    weekday,
    from: '09:00',
    to: '09:30',
  }))
  const body = { hours }
  const put = await call(app, 'PUT /doctors/me/hours', { as: network.people.doctor, body })
  assert.equal(put.status, 200)
}

const nineOClock = formatInstant(resolveWallTime(zone, dayNumberOf(inAWeek), 540), zone)

async function bookAtNine(network: Network): Promise<void> {
  const { as } = await makePatient(runtime)
  const { doctorId, visitTypeId } = network
  const answer = await book(app, as, { doctorId, visitTypeId, startsAt: nineOClock })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
}

/** What makes the day of the rule blocked, and what is said of it. */
const cases: Record<
  BlockingRule,
  { date?: LocalDate; block: (network: Network) => Promise<void>; detail: string }
> = {
  past: {
    date: addDays(today, -1),
    block: (network) => openForOne(network),
    detail: 'This day is over.',
  },
  paused: {
    block: (network) => change(network, `/doctors/${network.doctorId}`, { status: 'paused' }),
    detail: 'The doctor is paused and takes no bookings.',
  },
  'no-hours': {
    block: (network) => openForOne(network, inAWeek),
    detail: 'The doctor has no hours at this clinic on this day for this type of visit.',
  },
  closure: {
    async block({ clinicId, people }) {
      const body = { startsOn: inAWeek, endsOn: inAWeek, from: '08:00', to: '12:00', name: 'Feast' }
      await call(app, `POST /clinics/${clinicId}/closures`, { as: people.admin, body })
    },
    detail: `The clinic is closed from ${inAWeek} 08:00 to ${inAWeek} 12:00.`,
  },
  'time-off': {
    async block({ people }) {
      const at = (clock: number) =>
        formatInstant(resolveWallTime(zone, dayNumberOf(inAWeek), clock), zone)
      const body = { startsAt: at(8 * 60), endsAt: at(10 * 60) }
      await call(app, 'POST /doctors/me/time-off', { as: people.doctor, body })
    },
    detail: `The doctor is away from ${inAWeek} 08:00 to ${inAWeek} 10:00.`,
  },
  'daily-limit': {
    async block(network) {
      await openEveryDay(app, network)
      await change(network, `/doctors/${network.doctorId}`, { dailyLimit: 1 })
      await bookAtNine(network)
    },
    detail: "The doctor's daily limit of 1 visit is reached.",
  },
  notice: {
    date: addDays(today, 2),
    block: (network) =>
      change(network, `/doctors/${network.doctorId}`, { noticeMinutesMin: 4 * 1440 }),
    detail: 'Patients must book at least 5760 minutes ahead.',
  },
  horizon: {
    block: (network) => change(network, `/doctors/${network.doctorId}`, { horizonDays: 3 }),
    detail: `Patients may book until ${addDays(today, 3)}, 3 days ahead.`,
  },
  'no-room': {
    block: (network) =>
      change(network, `/visit-types/${network.visitTypeId}`, { roomKind: 'ultrasound' }),
    detail: 'The clinic has no room for ultrasound.',
  },
  'fully-booked': {
    block: bookAtNine,
    detail: 'Every time of this day that could be booked is taken.',
  },
  'no-visit-type': {
    async block(network) {
      await change(network, `/visit-types/${network.visitTypeId}`, { whoMayBook: 'staff' })
      await change(network, `/visit-types/${network.clinicVisitTypeId}`, { status: 'retired' })
    },
    detail: 'The doctor has no active visit type that patients may book at this clinic.',
  },
}

for (const [rule, { date = inAWeek, block, detail }] of Object.entries(cases))
  test(`a day that is blocked by ${rule} says so`, async () => {
    const network = await makeNetwork(runtime)
    await change(network, `/visit-types/${network.clinicVisitTypeId}`, { whoMayBook: 'staff' })
    await openForOne(network)
    if (date > today) {
      const open = await explained(network, { date })
      assert.equal(open.slots.length, 1)
      assert.equal(open.blockedBy, undefined)
    }
    await block(network)
    const blocked = await explained(network, { date })
    assert.deepEqual(blocked, {
      date,
      slots: [],
      blockedBy: [{ clinicId: network.clinicId, rule, detail }],
    })
  })

test('a room that the doctor’s own visits fill is no reason, one that others’ fill is', async () => {
  const network = await makeNetwork(runtime)
  const { clinicId, visitTypeId, people } = network
  const room = { name: 'Room 1', kind: 'ultrasound' }
  await call(app, `POST /clinics/${clinicId}/rooms`, { as: people.admin, body: room })
  await change(network, `/visit-types/${visitTypeId}`, { roomKind: 'ultrasound' })
  await openForOne(network)
  const { body: colleague } = await call(app, 'POST /doctors', {
    as: people.admin,
    body: { name: 'Jo Okafor', clinicIds: [clinicId], visitTypeIds: [visitTypeId] },
  })
  const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId,
    weekday,
    from: '09:00',
    to: '09:30',
  }))
  await call(app, `PUT /doctors/${colleague.id}/hours`, { as: people.admin, body: { hours } })
  await bookAtNine(network)
  const query = `&visitTypeId=${visitTypeId}`
  assert.equal((await explained(network, { query })).blockedBy?.[0]?.rule, 'fully-booked')
  const its = { ...network, doctorId: colleague.id }
  const its9 = await explained(its, { query, as: people.deskHere })
  assert.deepEqual(its9.blockedBy, [
    { clinicId, rule: 'no-room', detail: 'No room for ultrasound is free when the doctor is.' },
  ])
})

test('the days are those that patients see, though it is staff who ask', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, people } = network
  await openForOne(network)
  await change(network, `/doctors/${doctorId}`, { horizonDays: 3 })
  const path = `/doctors/${doctorId}/availability?from=${inAWeek}&to=${inAWeek}`
  const plain = await call(app, `GET ${path}`, { as: people.doctor })
  assert.equal(plain.body.days[0].slots.length, 1)
  assert.ok(!('blockedBy' in plain.body.days[0]))
  assert.equal((await explained(network)).slots.length, 0)
})

test('of several clinics each says why, to those who are staff there', async () => {
  const network = await makeNetwork(runtime)
  const { doctorId, clinicId, otherClinicId, people } = network
  await openForOne(network, inAWeek)
  await change(network, `/doctors/${doctorId}`, { clinicIds: [clinicId, otherClinicId] })
  const body = { startsOn: inAWeek, endsOn: inAWeek, name: 'Feast' }
  await call(app, `POST /clinics/${otherClinicId}/closures`, { as: people.admin, body })
  const reasons = async (as: string, query = '') =>
    (await explained(network, { as, query })).blockedBy
      ?.map((reason) => [reason.clinicId, reason.rule])
      .toSorted()
  const both = [
    [clinicId, 'no-hours'],
    [otherClinicId, 'no-hours'],
  ].toSorted()
  assert.deepEqual(await reasons(people.doctor), both)
  assert.deepEqual(await reasons(people.admin), both)
  assert.deepEqual(await reasons(people.deskHere), [[clinicId, 'no-hours']])
  assert.deepEqual(await reasons(people.doctor, `&clinicId=${otherClinicId}`), [
    [otherClinicId, 'no-hours'],
  ])
  const foreign = `/doctors/${doctorId}/availability?explain=true&clinicId=${otherClinicId}`
  assert.equal((await call(app, `GET ${foreign}`, { as: people.deskHere })).status, 403)
  // Open at one clinic, the day is open.
  const opening = { clinicId, date: inAWeek, from: '14:00', to: '15:00' }
  await call(app, 'POST /doctors/me/openings', { as: people.doctor, body: opening })
  assert.equal(await reasons(people.doctor), undefined)
})

test('only the doctor, the desk of their clinics and admins are told why', async () => {
  const { doctorId, people } = await makeNetwork(runtime)
  const path = `/doctors/${doctorId}/availability` as const
  const statusFor = async (as: string | undefined, query: string) =>
    (await call(app, `GET ${path}?${query}`, { as })).status
  for (const who of ['doctor', 'deskHere', 'admin'] as const)
    assert.equal(await statusFor(people[who], 'explain=true'), 200, who)
  for (const who of ['patient', 'otherDoctor', 'deskElsewhere'] as const) {
    assert.equal(await statusFor(people[who], 'explain=true'), 403, who)
    assert.equal(await statusFor(people[who], 'explain=false'), 200, who)
  }
  assert.equal(await statusFor(undefined, 'explain=true'), 401)
  assert.equal(await statusFor(undefined, 'explain=false'), 200)
  const unknown = `/doctors/${newId()}/availability?explain=true`
  assert.equal((await call(app, `GET ${unknown}`, { as: people.admin })).status, 404)
  const odd = await call(app, `GET ${path}?explain=why`, { as: people.doctor })
  assert.deepEqual(pointersOf(odd), ['/explain'])
})

test('a doctor who works nowhere has days without times and no clinic to blame', async () => {
  const network = await makeNetwork(runtime)
  await change(network, `/doctors/${network.doctorId}`, { clinicIds: [] })
  assert.deepEqual(await explained(network), { date: inAWeek, slots: [], blockedBy: [] })
})
