import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { overlaps, type Interval } from '#src/kernel/interval.ts'
import { localDateOf } from '#src/kernel/time.ts'
import { planRebooking, type MovingVisit, type Place, type PlannedVisit } from './rebooking-plan.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** 2026-11-23, a Monday, at 09:00 in Paris. */
const monday = 1_795_420_800_000

const home: Place = {
  doctorId: 'moreau',
  clinicId: 'canal',
  visitTypeId: 'consultation',
  timeZone: 'Europe/Paris',
  durationMinutes: 30,
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 0,
  starts: [],
  rooms: null,
  dailyLimit: null,
}

function visitAt(startsAt: number, more: Partial<MovingVisit> = {}): MovingVisit {
  return {
    id: `visit-${startsAt}`,
    doctorId: 'moreau',
    clinicId: 'canal',
    patientId: `patient-${startsAt}`,
    startsAt,
    endsAt: startsAt + 30 * minute,
    places: [],
    earlierFrom: monday - 30 * day,
    busy: [],
    ...more,
  }
}

/** Where each visit goes, as the doctor and the hours from Monday 09:00 on. */
function wherePlanned(visits: readonly MovingVisit[]): (string | null)[] {
  return planRebooking(visits).map(
    ({ proposed, reason }) =>
      (proposed && `${proposed.place.doctorId} ${(proposed.startsAt - monday) / hour}`) ?? reason,
  )
}

test('the same doctor is kept where another one would be less than a day nearer', () => {
  const own = { ...home, starts: [monday + day] }
  const colleague = { ...home, doctorId: 'okafor', starts: [monday + 1] }
  const places = [colleague, own]
  assert.deepEqual(wherePlanned([visitAt(monday, { places })]), ['moreau 24'])
  const late = { ...home, starts: [monday + day + 2] }
  const at = planRebooking([visitAt(monday, { places: [colleague, late] })])[0]
  assert.equal(at?.proposed?.place.doctorId, 'okafor')
})

test('another clinic is chosen only where it saves more than a week', () => {
  const here = { ...home, starts: [monday + 7 * day] }
  const elsewhere = { ...home, clinicId: 'harbour', starts: [monday + 2 * hour] }
  assert.deepEqual(wherePlanned([visitAt(monday, { places: [here, elsewhere] })]), ['moreau 168'])
  const later = { ...here, starts: [monday + 8 * day] }
  assert.deepEqual(wherePlanned([visitAt(monday, { places: [later, elsewhere] })]), ['moreau 2'])
})

test('nobody is asked to come earlier than planned at short notice', () => {
  const places = [{ ...home, starts: [monday - hour, monday + 5 * hour] }]
  const asked = { places, earlierFrom: monday - hour + 1 }
  assert.deepEqual(wherePlanned([visitAt(monday, asked)]), ['moreau 5'])
  assert.deepEqual(wherePlanned([visitAt(monday, { places })]), ['moreau -1'])
})

test('a visit without a time is told why', () => {
  const places = [{ ...home, starts: [monday + hour] }]
  const busy = [{ startsAt: monday + hour, endsAt: monday + 2 * hour }]
  assert.deepEqual(wherePlanned([visitAt(monday)]), ['not-offered'])
  assert.deepEqual(wherePlanned([visitAt(monday, { places: [home] })]), ['no-open-time'])
  assert.deepEqual(wherePlanned([visitAt(monday, { places, busy })]), ['all-taken'])
  const two = [visitAt(monday, { places }), visitAt(monday + minute, { places })]
  assert.deepEqual(wherePlanned(two), ['moreau 1', 'all-taken'])
})

test("an alternative is nobody else's proposal, and comes after the proposed time", () => {
  const starts = [1, 2, 3, 4, 5, 6].map((hours) => monday + hours * hour)
  const places = [{ ...home, starts }]
  const [first, second] = planRebooking([
    visitAt(monday, { places }),
    visitAt(monday + minute, { places }),
  ])
  const hoursOf = (planned: PlannedVisit | undefined) =>
    planned?.alternatives.map(({ startsAt }) => (startsAt - monday) / hour)
  assert.deepEqual(hoursOf(first), [3, 4, 5])
  assert.deepEqual(hoursOf(second), [3, 4, 5])
})

const anyInterval = fc
  .record({ from: fc.integer({ min: -40, max: 60 }), length: fc.integer({ min: 1, max: 6 }) })
  .map(({ from, length }) => ({
    startsAt: monday + from * 30 * minute,
    endsAt: monday + (from + length) * 30 * minute,
  }))

const anyPlace: fc.Arbitrary<Place> = fc.record({
  doctorId: fc.constantFrom('moreau', 'okafor', 'weber'),
  clinicId: fc.constantFrom('canal', 'canal', 'harbour'),
  visitTypeId: fc.constant('consultation'),
  timeZone: fc.constant('Europe/Paris'),
  durationMinutes: fc.constantFrom(20, 30, 60),
  bufferBeforeMinutes: fc.constantFrom(0, 0, 10),
  bufferAfterMinutes: fc.constantFrom(0, 0, 15),
  starts: fc
    .uniqueArray(fc.integer({ min: -90, max: 200 }), { maxLength: 25 })
    .map((tens) => tens.map((ten) => monday + ten * 10 * minute).sort((one, other) => one - other)),
  rooms: fc.option(
    fc
      .array(fc.array(anyInterval, { maxLength: 3 }), { maxLength: 2 })
      .map((rooms) => rooms.map((claims, index) => ({ id: `room-${index}`, claims }))),
    { freq: 2 },
  ),
  dailyLimit: fc.option(
    fc.record({
      visitsMax: fc.integer({ min: 1, max: 3 }),
      visitsOn: fc.constant(new Map([[localDateOf(monday, 'Europe/Paris'), 1]])),
    }),
    { freq: 2 },
  ),
})

const anyVisits: fc.Arbitrary<MovingVisit[]> = fc
  .uniqueArray(anyPlace, {
    maxLength: 5,
    selector: ({ doctorId, clinicId }) => `${doctorId} ${clinicId}`,
  })
  .chain((places) =>
    fc
      .array(
        fc.record({
          start: fc.integer({ min: 0, max: 40 }),
          patientId: fc.constantFrom('anna', 'ben', 'cleo', 'dan', 'eve'),
          places: fc.subarray(places),
          earlierFrom: fc.constantFrom(monday - 30 * day, monday, monday + 2 * hour),
          busy: fc.array(anyInterval, { maxLength: 2 }),
        }),
        { maxLength: 10 },
      )
      .map((visits) =>
        visits.map(({ start, ...visit }, index) =>
          visitAt(monday + start * 15 * minute, { id: `visit-${index}`, ...visit }),
        ),
      ),
  )

interface Choice {
  place: Place
  startsAt: number
}

function wholeOf({ place, startsAt }: Choice): Interval {
  const { bufferBeforeMinutes, durationMinutes, bufferAfterMinutes } = place
  return {
    startsAt: startsAt - bufferBeforeMinutes * minute,
    endsAt: startsAt + (durationMinutes + bufferAfterMinutes) * minute,
  }
}

function timeOf({ place, startsAt }: Choice): Interval {
  return { startsAt, endsAt: startsAt + place.durationMinutes * minute }
}

const roomKindOf = ({ place }: Choice) => JSON.stringify(place.rooms)

/** Whether each choice of one kind of rooms can have one of its own, tried in order of the plan. */
function haveRooms(choices: readonly Choice[]): boolean {
  const given: { id: string; kind: string; during: Interval }[] = []
  return choices.every((choice) => {
    if (choice.place.rooms === null) return true
    const during = wholeOf(choice)
    const free = choice.place.rooms.find(
      ({ id, claims }) =>
        !claims.some((claim) => overlaps(claim, during)) &&
        !given.some((one) => one.id === id && overlaps(one.during, during)),
    )
    if (free) given.push({ id: free.id, kind: roomKindOf(choice), during })
    return free !== undefined
  })
}

/** Why the visits may not all be where they were put, or null. */
function conflictIn(made: readonly { visit: MovingVisit; choice: Choice }[]): string | null {
  for (const [index, one] of made.entries()) {
    if (one.visit.busy.some((busy) => overlaps(busy, timeOf(one.choice)))) return 'busy'
    for (const other of made.slice(index + 1)) {
      const isSameDoctor = one.choice.place.doctorId === other.choice.place.doctorId
      if (isSameDoctor && overlaps(wholeOf(one.choice), wholeOf(other.choice))) return 'doctor'
      const isSamePatient = one.visit.patientId === other.visit.patientId
      if (isSamePatient && overlaps(timeOf(one.choice), timeOf(other.choice))) return 'patient'
    }
    const { place } = one.choice
    const date = localDateOf(one.choice.startsAt, place.timeZone)
    const onDate = made.filter(
      ({ choice }) =>
        choice.place.doctorId === place.doctorId &&
        choice.place.dailyLimit !== null &&
        localDateOf(choice.startsAt, choice.place.timeZone) === date,
    )
    const before = place.dailyLimit?.visitsOn.get(date) ?? 0
    const isLast = onDate.at(-1) === one
    if (isLast && place.dailyLimit && before + onDate.length > place.dailyLimit.visitsMax)
      return 'daily limit'
  }
  return haveRooms(made.map(({ choice }) => choice)) ? null : 'room'
}

function made(plan: readonly PlannedVisit[]) {
  return plan.flatMap(({ visit, proposed }) =>
    proposed ? [{ visit, choice: { place: proposed.place, startsAt: proposed.startsAt } }] : [],
  )
}

function distanceOf(visit: MovingVisit, { place, startsAt }: Choice): number {
  return (
    Math.abs(startsAt - visit.startsAt) +
    (place.doctorId === visit.doctorId ? 0 : day) +
    (place.clinicId === visit.clinicId ? 0 : 7 * day)
  )
}

test('a plan puts no doctor, patient or room into two places, and no doctor beyond the limit', () => {
  fc.assert(
    fc.property(anyVisits, (visits) => {
      assert.equal(conflictIn(made(planRebooking(visits))), null)
    }),
    { numRuns: 500 },
  )
})

test('each visit in turn gets the nearest time that is left, as a slow search finds it', () => {
  fc.assert(
    fc.property(anyVisits, (visits) => {
      const plan = planRebooking(visits)
      const before: { visit: MovingVisit; choice: Choice }[] = []
      for (const { visit, proposed } of plan) {
        const possible = visit.places
          .flatMap((place) => place.starts.map((startsAt): Choice => ({ place, startsAt })))
          .filter(({ startsAt }) => startsAt >= Math.min(visit.startsAt, visit.earlierFrom))
          .filter((choice) => conflictIn([...before, { visit, choice }]) === null)
        const nearest = Math.min(...possible.map((choice) => distanceOf(visit, choice)))
        assert.equal(proposed ? distanceOf(visit, proposed) : Number.POSITIVE_INFINITY, nearest)
        if (proposed) before.push({ visit, choice: proposed })
      }
    }),
    { numRuns: 500 },
  )
})

test('an alternative could take the place of its proposal in the plan', () => {
  fc.assert(
    fc.property(anyVisits, (visits) => {
      const plan = planRebooking(visits)
      for (const { visit, alternatives } of plan)
        for (const choice of alternatives) {
          const others = made(plan).filter((one) => one.visit !== visit)
          const room = { ...choice.place, rooms: null }
          const withoutRooms = others.map((one) => ({
            ...one,
            choice: { ...one.choice, place: { ...one.choice.place, rooms: null } },
          }))
          assert.equal(
            conflictIn([...withoutRooms, { visit, choice: { ...choice, place: room } }]),
            null,
          )
        }
    }),
  )
})

test('a plan is the same in whichever order visits and places come', () => {
  fc.assert(
    fc.property(anyVisits, (visits) => {
      const shape = (plan: PlannedVisit[]) =>
        plan.map(({ visit, proposed, alternatives, reason }) => [
          visit.id,
          reason,
          ...[proposed, ...alternatives].map(
            (one) => one && `${one.place.doctorId} ${one.place.clinicId} ${one.startsAt}`,
          ),
        ])
      const turned = visits
        .map((visit) => ({ ...visit, places: visit.places.toReversed() }))
        .toReversed()
      assert.deepEqual(shape(planRebooking(turned)), shape(planRebooking(visits)))
    }),
  )
})
