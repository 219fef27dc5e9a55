import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addDays, localDateOf, weekdayOf } from '#src/kernel/time.ts'
import { hoursOf, openingOf, searchOf, startsWithOffset, timesOf } from '#test/support/slot-case.ts'
import { openStarts } from './open-slots.ts'

test('hours stay where the wall has them through every change of the clocks, and never drift', () => {
  const expected = ['09:00', '10:00', '11:00', '12:00', '13:00', '14:00', '15:00', '16:00']
  for (const timeZone of ['Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Gaza']) {
    for (let date = '2026-01-01'; date < '2028-01-01'; date = addDays(date, 1)) {
      assert.deepEqual(timesOf({ timeZone, from: date }), expected, `${date} in ${timeZone}`)
    }
  }
})

test('no day is missing west or east of Greenwich', () => {
  for (const timeZone of [
    'Pacific/Pago_Pago',
    'America/Los_Angeles',
    'UTC',
    'Pacific/Kiritimati',
  ]) {
    const starts = openStarts(searchOf({ timeZone, from: '2026-06-01', to: '2026-06-30' }))
    const dates = new Set(starts.map((at) => localDateOf(at, timeZone)))
    assert.equal(dates.size, 30)
    assert.equal(starts.length, 240)
  }
})

test('times whose date in UTC is another one are on the date of the clinic', () => {
  const evening = hoursOf('20:00–23:00', [5])
  assert.deepEqual(
    startsWithOffset({ timeZone: 'America/Los_Angeles', hours: evening, from: '2026-07-10' }),
    ['2026-07-10T20:00:00-07:00', '2026-07-10T21:00:00-07:00', '2026-07-10T22:00:00-07:00'],
  )
  assert.equal(weekdayOf('2026-07-10'), 5)
  const morning = hoursOf('06:00–07:00', [5])
  assert.deepEqual(
    startsWithOffset({ timeZone: 'Asia/Tokyo', hours: morning, from: '2026-07-10' }),
    ['2026-07-10T06:00:00+09:00'],
  )
})

test('a night that loses an hour is an hour shorter, one that gains an hour is longer', () => {
  const night = { timeZone: 'America/New_York', hours: hoursOf('22:00–06:00', [6]) }
  assert.deepEqual(timesOf({ ...night, from: '2026-03-07', to: '2026-03-08' }), [
    '22:00',
    '23:00',
    '00:00',
    '01:00',
    '03:00',
    '04:00',
    '05:00',
  ])
  assert.deepEqual(timesOf({ ...night, from: '2026-10-31', to: '2026-11-01' }), [
    '22:00',
    '23:00',
    '00:00',
    '01:00',
    '01:00',
    '02:00',
    '03:00',
    '04:00',
    '05:00',
  ])
})

test('when clocks go back, hours begin and end at the first of two equal times', () => {
  const given = {
    timeZone: 'America/New_York',
    from: '2026-11-01',
    visitType: { durationMinutes: 30 },
  }
  assert.deepEqual(startsWithOffset({ ...given, hours: hoursOf('00:30–01:30') }), [
    '2026-11-01T00:30:00-04:00',
    '2026-11-01T01:00:00-04:00',
  ])
  assert.deepEqual(startsWithOffset({ ...given, hours: hoursOf('01:30–02:00') }), [
    '2026-11-01T01:30:00-04:00',
    '2026-11-01T01:00:00-05:00',
    '2026-11-01T01:30:00-05:00',
  ])
})

test('hours within the time that clocks skip move forward, and are none when that turns them around', () => {
  const given = {
    timeZone: 'America/New_York',
    from: '2026-03-08',
    visitType: { durationMinutes: 15 },
  }
  assert.deepEqual(timesOf({ ...given, hours: hoursOf('02:15–02:45') }), ['03:15', '03:30'])
  assert.deepEqual(timesOf({ ...given, hours: hoursOf('02:30–03:15') }), [])
  assert.deepEqual(timesOf({ ...given, hours: hoursOf('02:00–03:00') }), [])
  assert.deepEqual(timesOf({ ...given, hours: hoursOf('01:30–02:00') }), ['01:30', '01:45'])
})

test('a gap of half an hour takes half an hour', () => {
  const given = { timeZone: 'Australia/Lord_Howe', hours: hoursOf('01:00–04:00') }
  const visitType = { durationMinutes: 30 }
  assert.deepEqual(timesOf({ ...given, from: '2026-10-04', visitType }), [
    '01:00',
    '01:30',
    '02:30',
    '03:00',
    '03:30',
  ])
})

test('a day whose midnight is skipped begins at one and is not lost', () => {
  const given = { hours: hoursOf('00:00–03:00') }
  assert.deepEqual(timesOf({ ...given, timeZone: 'America/Sao_Paulo', from: '2018-11-04' }), [
    '01:00',
    '02:00',
  ])
  assert.deepEqual(timesOf({ ...given, timeZone: 'America/Havana', from: '2026-03-08' }), [
    '01:00',
    '02:00',
  ])
})

test('a date that the zone skipped has no times, and the night before it goes on', () => {
  const given = { timeZone: 'Pacific/Apia', from: '2011-12-29', to: '2011-12-31' }
  assert.deepEqual(startsWithOffset({ ...given, hours: hoursOf('09:00–10:00') }), [
    '2011-12-29T09:00:00-10:00',
    '2011-12-31T09:00:00+14:00',
  ])
  assert.deepEqual(timesOf({ ...given, hours: hoursOf('22:00–02:00', [4]) }), [
    '22:00',
    '23:00',
    '00:00',
    '01:00',
  ])
  assert.deepEqual(timesOf({ ...given, from: '2011-12-30', to: '2011-12-30' }), [])
  const openings = [openingOf('09:00–10:00', '2011-12-30')]
  assert.deepEqual(timesOf({ ...given, hours: [], openings }), [])
})

test('hours and openings that overlap or touch are one window with one grid', () => {
  const given = { from: '2026-06-01', visitType: { durationMinutes: 45 } }
  const hours = [...hoursOf('09:00–10:00'), ...hoursOf('09:30–11:00')]
  assert.deepEqual(timesOf({ ...given, hours }), ['09:00', '09:45'])
  const openings = [openingOf('11:00–12:00', '2026-06-01')]
  assert.deepEqual(timesOf({ ...given, hours, openings }), ['09:00', '09:45', '10:30', '11:15'])
})

test('hours that touch at midnight are one window, whichever of the two dates is asked for', () => {
  const hours = [...hoursOf('22:00–24:00', [1]), ...hoursOf('00:00–02:00', [2])]
  const visitType = { durationMinutes: 50 }
  assert.deepEqual(timesOf({ hours, visitType, from: '2026-06-01' }), ['22:00', '22:50', '23:40'])
  assert.deepEqual(timesOf({ hours, visitType, from: '2026-06-02' }), ['00:30'])
})

test('hours of different clinics are never one window', () => {
  const [elsewhere] = hoursOf('10:00–11:00', [1])
  assert.ok(elsewhere)
  const hours = [...hoursOf('09:00–10:00', [1]), { ...elsewhere, clinicId: 'another' }]
  assert.deepEqual(timesOf({ hours, from: '2026-06-01', visitType: { durationMinutes: 45 } }), [
    '09:00',
  ])
})

test('hours around the clock have a grid that is the same whenever it is asked for', () => {
  const hours = hoursOf('00:00–24:00')
  const visitType = { durationMinutes: 50 }
  const month = openStarts(searchOf({ hours, visitType, from: '2026-06-01', to: '2026-06-30' }))
  const days: number[] = []
  for (let date = '2026-06-01'; date <= '2026-06-30'; date = addDays(date, 1)) {
    days.push(...openStarts(searchOf({ hours, visitType, from: date })))
  }
  assert.deepEqual(days, month)
  for (const monday of ['2026-06-01', '2026-06-08', '2026-06-29']) {
    assert.equal(timesOf({ hours, visitType, from: monday })[0], '00:00')
  }
})

test('hours hold from their first to their last day, for their visit types, and while not paused', () => {
  const [monday] = hoursOf('09:00–10:00', [1])
  assert.ok(monday)
  const bounded = [{ ...monday, validFrom: '2026-06-08', validUntil: '2026-06-15' }]
  const given = { from: '2026-06-01', to: '2026-06-30' }
  assert.deepEqual(startsWithOffset({ ...given, hours: bounded }), [
    '2026-06-08T09:00:00+02:00',
    '2026-06-15T09:00:00+02:00',
  ])
  const hours = [{ ...monday, visitTypeIds: ['another'] }]
  assert.deepEqual(timesOf({ ...given, hours }), [])
  assert.deepEqual(timesOf({ ...given, paused: true }), [])
})
