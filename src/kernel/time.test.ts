import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  addDays,
  dateOfDayNumber,
  formatForPeople,
  formatInstant,
  formatUtc,
  isDayInZone,
  isTimeZone,
  localDateOf,
  localDateTimeOf,
  parseDatabaseInstant,
  parseInstant,
  resolveLocal,
  resolveWallTime,
  spanOfDates,
  systemClock,
  zoneNameForPeople,
} from './time.ts'
import type { Instant } from './time.ts'

// Hour, half-hour and midnight gaps, skipped and repeated days, Ramadan, two hours at once (Troll),
// an offset of 45 minutes, clocks that go back over midnight (St. John's), a change at the edge of a
// block of years (Buenos Aires, 1935), no changes at all.
const zones = [
  'America/New_York',
  'Europe/Paris',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Pacific/Apia',
  'Africa/Cairo',
  'America/Havana',
  'America/St_Johns',
  'America/Juneau',
  'America/Asuncion',
  'America/Buenos_Aires',
  'Antarctica/Troll',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Manila',
  'Africa/Monrovia',
  'Pacific/Kiritimati',
  'Pacific/Kwajalein',
  'UTC',
]

interface Transition {
  at: Instant
  offsetBefore: number
  offsetAfter: number
}

function transitionsOf(timeZone: string, fromYear: number, toYear: number): Transition[] {
  const transitions: Transition[] = []
  let zoned = Temporal.ZonedDateTime.from(`${fromYear}-01-01T00:00Z[${timeZone}]`)
  for (;;) {
    const next = zoned.getTimeZoneTransition('next')
    if (next === null || next.year > toYear) return transitions
    transitions.push({
      at: next.epochMilliseconds,
      offsetBefore: zoned.offsetNanoseconds / 1e6,
      offsetAfter: next.offsetNanoseconds / 1e6,
    })
    zoned = next
  }
}

function assertResolvesLikeTemporal(timeZone: string, local: number): void {
  const day = Math.floor(local / 86_400_000)
  const minute = Math.floor((local - day * 86_400_000) / 60_000)
  const date = Temporal.PlainDate.from('1970-01-01').add({ days: day })
  const wall = date.toPlainDateTime().add({ minutes: minute })
  const expected = wall.toZonedDateTime(timeZone, { disambiguation: 'compatible' })
  assert.equal(
    resolveWallTime(timeZone, day, minute),
    expected.epochMilliseconds,
    `${wall.toString()} in ${timeZone}`,
  )
  const exists = date.toZonedDateTime(timeZone).toPlainDate().equals(date)
  assert.equal(isDayInZone(timeZone, day), exists, `${date.toString()} in ${timeZone}`)
  assert.equal(
    resolveLocal(timeZone, date.toString(), minute),
    exists ? expected.epochMilliseconds : null,
  )
}

function assertShowsLikeTemporal(timeZone: string, at: Instant): void {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
  assert.equal(localDateTimeOf(at, timeZone), zoned.toPlainDateTime().toString())
  assert.equal(localDateOf(at, timeZone), zoned.toPlainDate().toString())
}

test('around every change of the clocks since 1840, wall times and instants are those of Temporal', () => {
  for (const timeZone of zones) {
    for (const { at, offsetBefore, offsetAfter } of transitionsOf(timeZone, 1840, 2060)) {
      for (const minutes of [-1440, -31, -1, 0, 1, 29, 59, 61, 1440]) {
        assertResolvesLikeTemporal(timeZone, at + offsetBefore + minutes * 60_000)
        assertResolvesLikeTemporal(timeZone, at + offsetAfter + minutes * 60_000)
      }
      for (const milliseconds of [-1000, 0, 1000]) {
        assertShowsLikeTemporal(timeZone, at + milliseconds)
      }
    }
  }
})

test('at any time in any order, wall times and instants are those of Temporal', () => {
  const anyZone = fc.constantFrom(...zones)
  const anyMinute = fc
    .integer({ min: -62_135_000, max: 253_402_000 })
    .map((number) => number * 60_000)
  const anyRecentMinute = fc.integer({ min: 0, max: 40_000_000 }).map((number) => number * 60_000)
  fc.assert(
    fc.property(anyZone, fc.oneof(anyMinute, anyRecentMinute), (timeZone, time) => {
      assertResolvesLikeTemporal(timeZone, time)
      assertShowsLikeTemporal(timeZone, time)
    }),
    { numRuns: 5000 },
  )
})

test('a time that clocks skip moves forward by the gap', () => {
  const at = resolveLocal('Europe/Paris', '2026-03-29', 150)
  assert.equal(at, Date.parse('2026-03-29T03:30:00+02:00'))
})

test('a time that clocks show twice is the first of the two', () => {
  const at = resolveLocal('Europe/Paris', '2026-10-25', 150)
  assert.equal(at, Date.parse('2026-10-25T02:30:00+02:00'))
})

test('a date that the zone skipped has no times, and its neighbours touch', () => {
  for (const minute of [0, 600, 1440]) {
    assert.equal(resolveLocal('Pacific/Apia', '2011-12-30', minute), null)
  }
  const end = resolveLocal('Pacific/Apia', '2011-12-29', 1440)
  assert.equal(end, resolveLocal('Pacific/Apia', '2011-12-31', 0))
  assert.equal(end, Date.parse('2011-12-30T10:00:00Z'))
})

test('minutes past 24:00 run into the next day', () => {
  assert.equal(
    resolveLocal('America/New_York', '2026-03-07', 1440 + 180),
    Date.parse('2026-03-08T03:00:00-04:00'),
  )
})

test('the local date west and east of Greenwich is that of the clinic, not of UTC', () => {
  const at = Date.parse('2026-11-24T03:30:00Z')
  assert.equal(localDateOf(at, 'America/Los_Angeles'), '2026-11-23')
  assert.equal(localDateOf(at, 'Pacific/Auckland'), '2026-11-24')
  assert.equal(resolveLocal('America/Los_Angeles', '2026-11-23', 1170), at)
})

test('the span of a date holds every instant that shows it, also when it comes back', () => {
  // At one minute past midnight the clocks of St. John's went back to 23:01 of the day before.
  for (const [timeZone, date] of [
    ['America/St_Johns', '2010-11-06'],
    ['America/St_Johns', '2010-11-07'],
    ['America/Sao_Paulo', '2018-02-17'],
    ['America/Sao_Paulo', '2018-11-04'],
    ['Pacific/Apia', '2011-12-29'],
    ['Europe/Paris', '2026-10-25'],
  ] as const) {
    const shown: Instant[] = []
    const noon = Date.parse(`${date}T12:00:00Z`)
    for (let at = noon - 3 * 86_400_000; at < noon + 3 * 86_400_000; at += 60_000) {
      if (localDateOf(at, timeZone) === date) shown.push(at)
    }
    assert.deepEqual(spanOfDates(timeZone, date, date), {
      startsAt: shown[0],
      endsAt: (shown.at(-1) ?? 0) + 60_000,
    })
  }
})

test('a span of dates ends where the next begins, through blocks of years and into the last one', () => {
  for (const timeZone of ['America/New_York', 'Pacific/Apia', 'UTC']) {
    let date = '1986-12-01'
    for (let days = 0; days < 700; days += 1) {
      const next = addDays(date, 1)
      const { endsAt } = spanOfDates(timeZone, date, date)
      assert.equal(endsAt, spanOfDates(timeZone, next, next).startsAt, date)
      date = next
    }
    const { startsAt, endsAt } = spanOfDates(timeZone, '9999-12-31', '9999-12-31')
    assert.equal(endsAt - startsAt, 86_400_000)
  }
})

test('only IANA zones in their usual spelling are zones', () => {
  for (const name of [...zones, 'Asia/Calcutta', 'US/Eastern', 'Etc/GMT+5', 'Europe/Kyiv']) {
    assert.ok(isTimeZone(name), name)
  }
  for (const name of [
    '+01:00',
    '-05',
    'UTC+1',
    'europe/paris',
    'Europe/Paris ',
    'Europe/Paris[u-ca=iso8601]',
    'Mars/Olympus',
    'Z',
    'CEST',
    '',
    'constructor',
    '2026-01-01T00:00[Europe/Paris]',
  ]) {
    assert.equal(isTimeZone(name), false, name)
    assert.throws(() => localDateOf(0, name), RangeError)
  }
})

test('an instant is written with the offset that its zone has then', () => {
  const at = Date.parse('2026-11-24T09:40:00Z')
  assert.equal(formatInstant(at, 'Europe/Paris'), '2026-11-24T10:40:00+01:00')
  assert.equal(formatInstant(at, 'America/St_Johns'), '2026-11-24T06:10:00-03:30')
  assert.equal(formatInstant(at, 'UTC'), '2026-11-24T09:40:00+00:00')
  assert.equal(formatInstant(at + 7, 'Asia/Kathmandu'), '2026-11-24T15:25:00.007+05:45')
  assert.equal(formatUtc(at), '2026-11-24T09:40:00.000Z')
  assert.equal(localDateTimeOf(at, 'Europe/Paris'), '2026-11-24T10:40:00')
})

test('every instant that can be read can be written in every zone, and read again', () => {
  const bound = {
    min: Date.parse('0001-01-01T00:00Z'),
    max: Date.parse('9999-12-31T23:59:59.999Z'),
  }
  const anyInstant = fc.oneof(
    fc.integer(bound),
    fc.constantFrom(bound.min, bound.max),
    fc.integer({ min: 0, max: 4e12 }),
  )
  fc.assert(
    fc.property(anyInstant, fc.constantFrom(...zones), (at, timeZone) => {
      assert.equal(parseInstant(formatInstant(at, timeZone)), at)
      assert.equal(parseInstant(formatUtc(at)), at)
      assert.equal(parseDatabaseInstant(formatUtc(at).replace('T', ' ').replace('Z', '+00')), at)
      assert.match(localDateOf(at, timeZone), /^\d{4}-\d\d-\d\d$/v)
    }),
    { numRuns: 2000 },
  )
})

test('an instant is read with any offset, and fractions of a millisecond are cut off', () => {
  const at = Date.parse('2026-11-24T09:40:00Z')
  for (const text of [
    '2026-11-24T10:40:00+01:00',
    '2026-11-24t09:40:00z',
    '2026-11-24T09:40:00-00:00',
    '2026-11-23T10:40:00-23:00',
    '2026-11-25T09:39:00.000+23:59',
    '2026-11-24T09:40:00.000999Z',
  ]) {
    assert.equal(parseInstant(text), at, text)
  }
  assert.equal(parseInstant('2026-11-24T09:40:00.5Z'), at + 500)
})

test('a text that is no RFC 3339 instant, or names a time that does not exist, is refused', () => {
  for (const text of [
    '2026-11-24',
    '2026-11-24T10:40',
    '2026-11-24T10:40Z',
    '2026-11-24T10:40:00',
    '2026-11-24 10:40:00Z',
    '2026-02-29T10:40:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T10:60:00Z',
    '2016-12-31T23:59:60Z',
    '2026-11-24T10:40:61Z',
    '2026-11-24T10:40:00+24:00',
    '2026-11-24T10:40:00+01:60',
    '2026-11-24T10:40:00+0100',
    '2026-11-24T10:40:00+01',
    '2026-11-24T10:40:00,5Z',
    '2026-11-24T10:40:00.Z',
    '2026-11-24T10:40:00Z\n',
    ' 2026-11-24T10:40:00Z',
    '+002026-11-24T10:40:00Z',
    '0000-11-24T10:40:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    `2026-11-24T10:40:00.${'0'.repeat(50)}Z`,
    '2026-11-24T10:40:00+01:00[Europe/Paris]',
    'now',
    '',
  ]) {
    assert.equal(parseInstant(text), null, text)
  }
})

test('instants are read as PostgreSQL prints them', () => {
  assert.equal(parseDatabaseInstant('2026-11-24 09:40:00+00'), Date.parse('2026-11-24T09:40:00Z'))
  assert.equal(
    parseDatabaseInstant('2026-11-24 09:40:00.123456+00'),
    Date.parse('2026-11-24T09:40:00.123Z'),
  )
  assert.equal(
    parseDatabaseInstant('2026-11-24 15:10:00.5+05:30'),
    Date.parse('2026-11-24T09:40:00.5Z'),
  )
  for (const text of ['infinity', '-infinity', '2026-11-24T09:40:00Z', '']) {
    assert.throws(() => parseDatabaseInstant(text), RangeError)
  }
})

test('the clock tells milliseconds since 1970', () => {
  const before = Date.now()
  const now = systemClock()
  assert.ok(now >= before && now <= Date.now())
  assert.equal(dateOfDayNumber(Math.floor(now / 86_400_000)), localDateOf(now, 'UTC'))
})

test('people read the date and time that the clinic’s clock shows, in their language', () => {
  const at = Date.parse('2026-11-24T23:40:00Z')
  const parts = {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
  } as const
  const read = (language: string, timeZone: string) =>
    formatForPeople(at, { timeZone, language, parts })
  assert.match(read('en-GB', 'Europe/Paris'), /^Wednesday,? 25 November at 00:40$/)
  assert.match(read('de-DE', 'America/New_York'), /^Dienstag, 24\. November um 18:40$/)
  assert.match(read('ar', 'Asia/Kolkata'), /الأربعاء.*25.*نوفمبر.*5:10 ص/)
  assert.equal(
    zoneNameForPeople(at, { timeZone: 'Europe/Paris', language: 'en-GB' }),
    'Central European Time',
  )
  const winter = zoneNameForPeople(at, { timeZone: 'Europe/Paris', language: 'de-DE' })
  const summer = Date.parse('2026-07-24T10:00:00Z')
  assert.equal(zoneNameForPeople(summer, { timeZone: 'Europe/Paris', language: 'de-DE' }), winter)
})
