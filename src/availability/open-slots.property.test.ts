import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { overlaps } from '#src/kernel/interval.ts'
import type { Interval } from '#src/kernel/interval.ts'
import {
  addDays,
  localDateOf,
  resolveWallTime,
  dayNumberOf,
  spanOfDates,
  weekdayOf,
} from '#src/kernel/time.ts'
import { slowOpenSlots } from '#test/support/slow-open-slots.ts'
import type { SlowSearch } from '#test/support/slow-open-slots.ts'
import { checkStart, cutsOf, openStarts, windowsOf } from './open-slots.ts'
import type { SlotSearch, WeeklyHours } from './open-slots.ts'

const minute = 60_000
const day = 86_400_000

/** Gaps of an hour, half an hour, a midnight and a whole day, and the dates they happened on. */
const zones = [
  'America/New_York',
  'Europe/Paris',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Pacific/Apia',
]

function changeDates(timeZone: string, fromYear: number, toYear: number): string[] {
  const dates: string[] = []
  let zoned = Temporal.ZonedDateTime.from(`${fromYear}-01-01T00:00Z[${timeZone}]`)
  for (;;) {
    const next = zoned.getTimeZoneTransition('next')
    if (next === null || next.year > toYear) return dates
    dates.push(next.toPlainDate().toString())
    zoned = next
  }
}

const anyVisitType = fc.record({
  id: fc.constant('visit'),
  durationMinutes: fc.constantFrom(5, 15, 20, 30, 45, 60, 180),
  bufferBeforeMinutes: fc.constantFrom(0, 0, 5, 15),
  bufferAfterMinutes: fc.constantFrom(0, 0, 10, 30),
  stepMinutes: fc.constantFrom(null, null, 5, 15, 25, 60, 90),
})
/** Mostly around the hours in which clocks change. */
const anyMinute = fc.oneof(
  { weight: 4, arbitrary: fc.nat(20).map((quarters) => quarters * 15) },
  { weight: 2, arbitrary: fc.integer({ min: 84, max: 95 }).map((quarters) => quarters * 15) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1439 }) },
)
const anyHoursMinutes = {
  clinicId: fc.constantFrom('here', 'here', 'here', 'elsewhere'),
  fromMinute: anyMinute,
  toMinute: fc.oneof(anyMinute, fc.constant(1440)),
  visitTypeIds: fc.constantFrom<readonly string[] | null>(
    null,
    null,
    ['visit', 'other'],
    ['other'],
    [],
  ),
}

function anyInterval(around: number): fc.Arbitrary<Interval> {
  return fc
    .record({ from: fc.integer({ min: -500, max: 800 }), length: fc.integer({ min: 1, max: 30 }) })
    .map(({ from, length }) => ({
      startsAt: around + from * 10 * minute,
      endsAt: around + (from + length) * 10 * minute,
    }))
}

/** Hours without a gap for weeks, with or without a beginning. */
function anyHoursAroundTheClock(change: string): fc.Arbitrary<WeeklyHours[]> {
  const anyBeginning = fc.option(fc.integer({ min: -20, max: 1 }), { freq: 2 })
  return anyBeginning.map((days) =>
    [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
      clinicId: 'here',
      weekday,
      fromMinute: 0,
      toMinute: 1440,
      validFrom: days === null ? null : addDays(change, days),
      validUntil: null,
      visitTypeIds: null,
    })),
  )
}

function anySearch(timeZone: string, change: string): fc.Arbitrary<SlowSearch> {
  const around = resolveWallTime(timeZone, dayNumberOf(change), 0)
  const anyDistance = fc.oneof(fc.integer({ min: -1, max: 1 }), fc.integer({ min: -3, max: 4 }))
  const anyDate = anyDistance.map((days) => addDays(change, days))
  const anyHours = fc.record({
    ...anyHoursMinutes,
    weekday: fc.integer({ min: -2, max: 2 }).map((days) => weekdayOf(addDays(change, days))),
    validFrom: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, anyDate),
    validUntil: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, anyDate),
  })
  const anyClosure = fc
    .record({
      startsOn: anyDate,
      startMinute: anyMinute,
      days: fc.nat(1),
      endMinute: fc.oneof(anyMinute, fc.constant(1440)),
    })
    .map(({ startsOn, startMinute, days, endMinute }) => ({
      startsOn,
      startMinute,
      endsOn: addDays(startsOn, days),
      endMinute,
    }))
  const anyClaims = fc.array(anyInterval(around), { maxLength: 8 })
  const anyEarliest = fc.integer({ min: -3 * day, max: day }).map((offset) => around + offset)
  const anyLatest = fc.integer({ min: day / 2, max: 6 * day }).map((offset) => around + offset)
  return fc
    .record({
      hours: fc.oneof(
        { weight: 8, arbitrary: fc.array(anyHours, { minLength: 2, maxLength: 12 }) },
        { weight: 1, arbitrary: anyHoursAroundTheClock(change) },
      ),
      openings: fc.array(fc.record({ ...anyHoursMinutes, opensOn: anyDate }), { maxLength: 3 }),
      timeOff: fc.array(anyInterval(around), { maxLength: 2 }),
      paused: fc.integer({ min: 0, max: 30 }).map((number) => number === 0),
      closures: fc.array(anyClosure, { maxLength: 2 }),
      visitType: anyVisitType,
      from: fc.integer({ min: -2, max: 1 }).map((days) => addDays(change, days)),
      days: fc.nat(3),
      claims: anyClaims,
      rooms: fc.option(fc.array(anyClaims, { maxLength: 3 }), { freq: 2 }),
      fullDates: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        fc.array(anyDate, { maxLength: 2 }),
      ),
      earliest: fc.oneof(
        { weight: 2, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
        anyEarliest,
      ),
      latest: fc.oneof({ weight: 2, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }, anyLatest),
    })
    .map(({ hours, openings, timeOff, paused, closures, from, days, ...others }) => {
      const schedule = { hours, openings, timeOff, paused }
      const clinic = { clinicId: 'here', timeZone, closures }
      return Object.assign(others, { schedule, clinic, from, to: addDays(from, days) })
    })
}

function anySearchIn(timeZone: string, fromYear = 2012, toYear = 2030): fc.Arbitrary<SlowSearch> {
  const anyChange = fc.constantFrom(...changeDates(timeZone, fromYear, toYear))
  const skipped = timeZone === 'Pacific/Apia' ? [fc.constant('2011-12-30')] : []
  return fc.oneof(anyChange, ...skipped).chain((change) => anySearch(timeZone, change))
}

const anySearchAnywhere = fc.constantFrom(...zones).chain((timeZone) => anySearchIn(timeZone))

function slotSearchOf(search: SlowSearch): SlotSearch {
  const { schedule, clinic, visitType, from, to, claims, rooms, earliest, latest } = search
  const span = spanOfDates(clinic.timeZone, from, to)
  return {
    windows: windowsOf(schedule, clinic, visitType.id, from, to),
    // A visit that begins within the dates may last beyond them.
    cuts: cutsOf(schedule, clinic, { startsAt: span.startsAt, endsAt: span.endsAt + day }),
    claims,
    rooms,
    fullDays: search.fullDates.map((date) => spanOfDates(clinic.timeZone, date, date)),
    visitType,
    earliest,
    latest,
  }
}

function readable(timeZone: string, starts: Iterable<number>): string[] {
  return Array.from(starts, (at) =>
    Temporal.Instant.fromEpochMilliseconds(at).toString({ timeZone }),
  )
}

function openOf(judged: Map<number, 'open' | 'taken'>): number[] {
  return [...judged].filter(([, answer]) => answer === 'open').map(([at]) => at)
}

test('the searches below try something: open and taken times, rooms, and hours around a change', () => {
  const tried = { open: 0, taken: 0, rooms: 0, change: 0, weeks: 0 }
  for (const search of fc.sample(anySearchAnywhere, 500)) {
    const slots = slotSearchOf(search)
    const open = openStarts(slots)
    const all = openStarts({ ...slots, claims: [], rooms: null, fullDays: [] })
    const offsets = new Set(readable(search.clinic.timeZone, open).map((text) => text.slice(-6)))
    if (open.length > 0) tried.open += 1
    if (all.length > open.length) tried.taken += 1
    if (open.length > 0 && search.rooms !== null) tried.rooms += 1
    if (offsets.size > 1) tried.change += 1
    if (slots.windows.some(({ startsAt, endsAt }) => endsAt - startsAt > 7 * day)) tried.weeks += 1
  }
  for (const [what, times] of Object.entries(tried)) assert.ok(times > 10, `${what}: ${times}`)
})

for (const timeZone of zones) {
  test(`open times in ${timeZone} are those that Temporal and a look at every minute find`, () => {
    fc.assert(
      fc.property(anySearchIn(timeZone), (search) => {
        const expected = openOf(slowOpenSlots(search))
        const found = openStarts(slotSearchOf(search))
        assert.deepEqual(readable(timeZone, found), readable(timeZone, expected))
      }),
      { numRuns: 300 },
    )
  })
}

test('open times are right where clocks went back over midnight and dates came twice', () => {
  const anyDates = anySearchIn('America/St_Johns', 2008, 2011)
  fc.assert(
    fc.property(anyDates, (given) => {
      const search = { ...given, fullDates: [] }
      const found = openStarts(slotSearchOf(search)).filter((at) => {
        const date = localDateOf(at, 'America/St_Johns')
        return date >= search.from && date <= search.to
      })
      assert.deepEqual(
        readable('America/St_Johns', found),
        readable('America/St_Johns', openOf(slowOpenSlots(search))),
      )
    }),
    { numRuns: 80 },
  )
})

test('what booking says of a start agrees with the list, on the grid and off it', () => {
  fc.assert(
    fc.property(anySearchAnywhere, (search) => {
      const judged = slowOpenSlots(search)
      const slots = slotSearchOf(search)
      const listed = new Set(openStarts(slots))
      const asked = new Set([...judged.keys()].flatMap((at) => [at, at - minute, at + 1]))
      const span = spanOfDates(search.clinic.timeZone, search.from, search.to)
      for (let at = span.startsAt - 60 * minute; at < span.endsAt + 60 * minute; at += 5 * minute) {
        asked.add(at)
      }
      for (const at of asked) {
        const answer = checkStart(slots, at)
        assert.equal(answer, judged.get(at) ?? 'not-offered', readable('UTC', [at]).join(''))
        assert.equal(answer === 'open', listed.has(at))
      }
    }),
    { numRuns: 120 },
  )
})

test('no open time is outside its window, in a cut, or within a claim and the buffers', () => {
  fc.assert(
    fc.property(anySearchAnywhere, (search) => {
      const slots = slotSearchOf(search)
      const { durationMinutes, bufferBeforeMinutes, bufferAfterMinutes } = search.visitType
      for (const startsAt of openStarts(slots)) {
        const visit = { startsAt, endsAt: startsAt + durationMinutes * minute }
        const claim = {
          startsAt: startsAt - bufferBeforeMinutes * minute,
          endsAt: visit.endsAt + bufferAfterMinutes * minute,
        }
        assert.ok(
          slots.windows.some(
            (window) => window.startsAt <= startsAt && visit.endsAt <= window.endsAt,
          ),
        )
        assert.ok(!slots.cuts.some((cut) => overlaps(cut, visit)))
        assert.ok(!slots.claims.some((taken) => overlaps(taken, claim)))
        assert.ok(
          slots.rooms?.some((room) => !room.some((taken) => overlaps(taken, claim))) ?? true,
        )
        assert.ok(startsAt >= search.earliest && startsAt < search.latest)
        const date = localDateOf(startsAt, search.clinic.timeZone)
        assert.ok(date >= search.from && date <= search.to)
        assert.ok(!search.fullDates.includes(date))
      }
    }),
    { numRuns: 400 },
  )
})

test('cuts, claims, rooms, notice and horizon take times away and never shift the others', () => {
  fc.assert(
    fc.property(anySearchAnywhere, (search) => {
      const slots = slotSearchOf(search)
      const unhindered = {
        ...slots,
        cuts: [],
        claims: [],
        rooms: null,
        fullDays: [],
        earliest: Number.NEGATIVE_INFINITY,
        latest: Number.POSITIVE_INFINITY,
      }
      const all = new Set(openStarts(unhindered))
      const { visitType } = search
      const step =
        (visitType.stepMinutes ??
          visitType.bufferBeforeMinutes +
            visitType.durationMinutes +
            visitType.bufferAfterMinutes) * minute
      for (const start of openStarts(slots)) assert.ok(all.has(start))
      for (const start of all) {
        assert.ok(slots.windows.some((window) => (start - window.startsAt) % step === 0))
      }
    }),
    { numRuns: 200 },
  )
})

test('each date by itself has the times that it has in a longer list', () => {
  fc.assert(
    fc.property(anySearchAnywhere, (search) => {
      const together = openStarts(slotSearchOf(search))
      const single: number[] = []
      for (let date = search.from; date <= search.to; date = addDays(date, 1)) {
        single.push(...openStarts(slotSearchOf({ ...search, from: date, to: date })))
      }
      assert.deepEqual(single, together)
    }),
    { numRuns: 200 },
  )
})

test('the order in which hours, openings, cuts, claims and rooms are given does not matter', () => {
  fc.assert(
    fc.property(anySearchAnywhere, (search) => {
      const { schedule, clinic } = search
      const turned = {
        ...search,
        schedule: {
          ...schedule,
          hours: schedule.hours.toReversed(),
          openings: schedule.openings.toReversed(),
          timeOff: schedule.timeOff.toReversed(),
        },
        clinic: { ...clinic, closures: clinic.closures.toReversed() },
        claims: search.claims.toReversed(),
        rooms: search.rooms?.toReversed().map((claims) => claims.toReversed()) ?? null,
      }
      const inOneOrder = openStarts(slotSearchOf(search))
      assert.deepEqual(openStarts(slotSearchOf(turned)), inOneOrder)
      const sorted = search.claims.toSorted((one, other) => one.startsAt - other.startsAt)
      assert.deepEqual(openStarts({ ...slotSearchOf(search), claims: sorted }), inOneOrder)
    }),
    { numRuns: 200 },
  )
})

test('a limit gives the first of the times', () => {
  fc.assert(
    fc.property(anySearchAnywhere, fc.nat(5), (search, limit) => {
      const slots = slotSearchOf(search)
      assert.deepEqual(openStarts({ ...slots, limit }), openStarts(slots).slice(0, limit))
    }),
    { numRuns: 100 },
  )
})
