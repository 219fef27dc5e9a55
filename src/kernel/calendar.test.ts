import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  addDays,
  dateOfDayNumber,
  dayNumberOf,
  daysBetween,
  formatMinute,
  isLocalDate,
  parseMinute,
  weekdayOf,
} from './calendar.ts'

const anyDay = fc.integer({ min: -719_162, max: 2_932_896 })

test('every date of the years 0001 to 9999 counts as Temporal counts it', () => {
  const epoch = Temporal.PlainDate.from('1970-01-01')
  fc.assert(
    fc.property(anyDay, (day) => {
      const date = epoch.add({ days: day })
      assert.equal(dateOfDayNumber(day), date.toString())
      assert.equal(dayNumberOf(date.toString()), day)
      assert.equal(weekdayOf(date.toString()), date.dayOfWeek)
      assert.ok(isLocalDate(date.toString()))
    }),
    { numRuns: 2000 },
  )
})

test('adding days and counting them undo each other', () => {
  fc.assert(
    fc.property(anyDay, anyDay, (one, other) => {
      const from = dateOfDayNumber(one)
      const to = dateOfDayNumber(other)
      assert.equal(daysBetween(from, to), other - one)
      assert.equal(addDays(from, other - one), to)
    }),
  )
})

test('a text that only looks like a date is none', () => {
  for (const text of [
    '2026-02-29',
    '2100-02-29',
    '2026-04-31',
    '2026-00-10',
    '2026-13-01',
    '2026-01-00',
    '0000-01-01',
    '2026-1-01',
    '2026-01-01T00:00',
    '2026/01/01',
    '+2026-01-01',
    '-026-01-01',
    '２０２６-01-01',
    ' 2026-01-1',
    '',
  ]) {
    assert.equal(isLocalDate(text), false, text)
    assert.throws(() => dayNumberOf(text), RangeError)
  }
  assert.ok(isLocalDate('2024-02-29') && isLocalDate('2000-02-29'))
})

test('a date past the year 9999 is an error, not a date that sorts wrongly', () => {
  assert.throws(() => addDays('9999-12-31', 1), RangeError)
  assert.throws(() => addDays('0001-01-01', -1), RangeError)
})

test('minutes of the day are read and written as HH:MM, midnight at the end as 24:00', () => {
  for (let minute = 0; minute <= 1440; minute += 1) {
    assert.equal(parseMinute(formatMinute(minute)), minute)
  }
  assert.equal(formatMinute(1440), '24:00')
  for (const text of ['24:01', '25:00', '12:60', '9:00', '09.00', '09:0', '09:000', '-1:00', '']) {
    assert.equal(parseMinute(text), null, text)
  }
})
