import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spanOfDates } from '#src/kernel/time.ts'
import { hoursOf, interval, searchOf, startsWithOffset, timesOf } from '#test/support/slot-case.ts'
import { checkStart } from './open-slots.ts'

const minute = 60_000

test('a visit ends within the hours, also where the next start would fit', () => {
  const given = { from: '2026-06-01', hours: hoursOf('09:00–10:30') }
  assert.deepEqual(timesOf(given), ['09:00'])
  assert.deepEqual(timesOf({ ...given, visitType: { stepMinutes: 15 } }), [
    '09:00',
    '09:15',
    '09:30',
  ])
  assert.deepEqual(timesOf({ ...given, visitType: { durationMinutes: 91 } }), [])
})

test('time off and closures take times away and shift none', () => {
  const given = { from: '2026-06-01', hours: hoursOf('09:00–13:00') }
  const timeOff = [interval('2026-06-01T08:10:00Z', '2026-06-01T08:20:00Z')]
  assert.deepEqual(timesOf({ ...given, timeOff }), ['09:00', '11:00', '12:00'])
  const lunch = { startsOn: '2026-06-01', startMinute: 660, endsOn: '2026-06-01', endMinute: 720 }
  assert.deepEqual(timesOf({ ...given, closures: [lunch] }), ['09:00', '10:00', '12:00'])
})

test('a holiday closes the date of the clinic, not that of UTC', () => {
  const closures = [
    { startsOn: '2026-07-04', startMinute: 0, endsOn: '2026-07-04', endMinute: 1440 },
  ]
  const timeZone = 'Pacific/Auckland'
  const hours = hoursOf('00:00–01:00')
  const given = { timeZone, hours, closures, from: '2026-07-03', to: '2026-07-05' }
  assert.deepEqual(startsWithOffset(given), [
    '2026-07-03T00:00:00+12:00',
    '2026-07-05T00:00:00+12:00',
  ])
})

test('a claim takes the times that it and the buffers touch, and shifts none', () => {
  const given = { from: '2026-06-01', hours: hoursOf('09:00–13:00') }
  const claims = [interval('2026-06-01T08:30:00Z', '2026-06-01T09:00:00Z')]
  assert.deepEqual(timesOf({ ...given, claims }), ['09:00', '11:00', '12:00'])
  const visitType = { bufferBeforeMinutes: 5, stepMinutes: 60 }
  assert.deepEqual(timesOf({ ...given, claims, visitType }), ['09:00', '12:00'])
})

test('the buffers of two visits add', () => {
  // The claim holds the other visit's ten minutes after it: 10:00 to 10:20 and 10 more.
  const claims = [interval('2026-06-01T08:00:00Z', '2026-06-01T08:30:00Z')]
  const visitType = { durationMinutes: 20, bufferBeforeMinutes: 10, stepMinutes: 10 }
  const given = { from: '2026-06-01', hours: hoursOf('10:00–11:20'), claims, visitType }
  assert.deepEqual(timesOf(given), ['10:40', '10:50', '11:00'])
})

test('buffers may reach past the hours and into time off', () => {
  const visitType = { bufferBeforeMinutes: 15, bufferAfterMinutes: 15, stepMinutes: 60 }
  const timeOff = [interval('2026-06-01T08:00:00Z', '2026-06-01T09:00:00Z')]
  const given = { from: '2026-06-01', hours: hoursOf('09:00–12:00'), visitType }
  assert.deepEqual(timesOf(given), ['09:00', '10:00', '11:00'])
  assert.deepEqual(timesOf({ ...given, timeOff }), ['09:00', '11:00'])
})

test('claims that overlap one another, as overbooked ones do, are all minded', () => {
  const claims = [
    interval('2026-06-01T07:00:00Z', '2026-06-01T10:00:00Z'),
    interval('2026-06-01T07:30:00Z', '2026-06-01T08:00:00Z'),
  ]
  assert.deepEqual(timesOf({ from: '2026-06-01', hours: hoursOf('09:00–13:00'), claims }), [
    '12:00',
  ])
})

test('one room must be free for the whole visit with its buffers', () => {
  const given = { from: '2026-06-01', hours: hoursOf('09:00–12:00') }
  const early = [interval('2026-06-01T07:00:00Z', '2026-06-01T08:30:00Z')]
  const late = [interval('2026-06-01T08:30:00Z', '2026-06-01T09:00:00Z')]
  assert.deepEqual(timesOf({ ...given, rooms: [early] }), ['11:00'])
  assert.deepEqual(timesOf({ ...given, rooms: [early, late] }), ['09:00', '11:00'])
  assert.deepEqual(timesOf({ ...given, rooms: [early, late, []] }), ['09:00', '10:00', '11:00'])
})

test('notice is counted to the first start, the horizon ends before its instant', () => {
  const given = { from: '2026-06-01', hours: hoursOf('09:00–13:00') }
  const earliest = Date.parse('2026-06-01T08:00:00Z')
  assert.deepEqual(timesOf({ ...given, earliest }), ['10:00', '11:00', '12:00'])
  assert.deepEqual(timesOf({ ...given, earliest: earliest + 1 }), ['11:00', '12:00'])
  assert.deepEqual(timesOf({ ...given, latest: earliest }), ['09:00'])
  assert.deepEqual(timesOf({ ...given, latest: earliest + 1 }), ['09:00', '10:00'])
})

test('a start is taken when only claims, rooms or a full day are in the way, else not offered', () => {
  const start = Date.parse('2026-06-01T08:00:00Z')
  const given = { from: '2026-06-01', hours: hoursOf('09:00–13:00') }
  const here = [{ startsAt: start, endsAt: start + minute }]
  assert.equal(checkStart(searchOf(given), start), 'open')
  assert.equal(checkStart(searchOf({ ...given, claims: here }), start), 'taken')
  assert.equal(checkStart(searchOf({ ...given, rooms: [here] }), start), 'taken')
  const fullDays = [spanOfDates('Europe/Paris', '2026-06-01', '2026-06-01')]
  assert.equal(checkStart(searchOf({ ...given, fullDays }), start), 'taken')

  assert.equal(checkStart(searchOf({ ...given, rooms: [] }), start), 'not-offered')
  assert.equal(
    checkStart(searchOf({ ...given, timeOff: here, claims: here }), start),
    'not-offered',
  )
  assert.equal(checkStart(searchOf({ ...given, earliest: start + 1 }), start), 'not-offered')
  assert.equal(checkStart(searchOf({ ...given, latest: start }), start), 'not-offered')
  assert.equal(checkStart(searchOf(given), start + minute), 'not-offered')
  assert.equal(checkStart(searchOf(given), start + 3 * 60 * minute), 'not-offered')
  assert.equal(checkStart({ ...searchOf(given), limit: 0 }, start), 'open')
})

test('a visit or a step that takes no time is an error and not an endless list', () => {
  for (const visitType of [{ stepMinutes: 0 }, { stepMinutes: -5 }, { durationMinutes: 0 }]) {
    assert.throws(() => timesOf({ from: '2026-06-01', visitType }), RangeError)
  }
})
