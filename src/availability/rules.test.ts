import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { parseInstant, type Instant } from '#src/kernel/time.ts'
import { hoursRows, type WeeklyHoursInput } from './hours.ts'
import { openingErrors } from './openings.ts'
import type { ScheduledDoctor } from './schedule.ts'
import { readTimeOff } from './time-off.ts'

const paris = '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003'
const apia = '019a9b5e-2b04-7e90-b3d2-51c8a7f6e004'
const elsewhere = '019a9b5e-2b04-7e90-b3d2-51c8a7f6e005'
const consultation = '019a9b5e-2f77-7a35-9c0e-0b44d1e8f215'
const otherVisit = '019a9b5e-2f77-7a35-9c0e-0b44d1e8f216'

const doctor: ScheduledDoctor = {
  id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
  scheduleVersion: 1,
  clinics: [
    { id: paris, timeZone: 'Europe/Paris' },
    { id: apia, timeZone: 'Pacific/Apia' },
  ],
  visitTypeIds: [consultation],
}
const rule: WeeklyHoursInput = { clinicId: paris, weekday: 1, from: '09:00', to: '17:00' }

function at(text: string): Instant {
  return parseInstant(text) ?? assert.fail(text)
}

function pointersOf(work: () => unknown): string[] {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof InvalidRequest)
    const { errors } = error.members
    assert.ok(Array.isArray(errors))
    return errors.map(({ pointer }) => String(pointer))
  }
  return []
}

test('each rule that does not fit the doctor is pointed at, in one answer', () => {
  const hours = [
    rule,
    { ...rule, clinicId: elsewhere },
    { ...rule, from: '24:00', to: '08:00' },
    { ...rule, from: '08:00', to: '08:00' },
    { ...rule, visitTypeIds: [consultation, otherVisit] },
    { ...rule, validFrom: '2026-05-02', validUntil: '2026-05-01' },
  ]
  assert.deepEqual(
    pointersOf(() => hoursRows(hours, doctor)),
    [
      '/hours/1/clinicId',
      '/hours/2/from',
      '/hours/3/to',
      '/hours/4/visitTypeIds/1',
      '/hours/5/validUntil',
    ],
  )
})

test('a whole day, a night and a day that ends at midnight are hours', () => {
  const stretches = [
    { from: '00:00', to: '24:00' },
    { from: '22:00', to: '06:00' },
    { from: '09:00', to: '00:00' },
    { from: '09:00', to: '24:00' },
  ]
  const rows = hoursRows(
    stretches.map((stretch) => Object.assign({}, rule, stretch)),
    doctor,
  )
  assert.deepEqual(
    rows.map((row) => [row.from_minute, row.to_minute]),
    [
      [0, 1440],
      [1320, 360],
      [540, 0],
      [540, 1440],
    ],
  )
})

test('a very wrong week names its first twenty mistakes', () => {
  const hours = Array.from({ length: 200 }, () => ({ ...rule, clinicId: elsewhere }))
  assert.equal(pointersOf(() => hoursRows(hours, doctor)).length, 20)
})

test('an opening is of today or later, on the calendar of its clinic', () => {
  const opening = { clinicId: apia, date: '2026-11-24', from: '09:00', to: '12:00' }
  // In Apia it is the 24th already, in Paris the 23rd still.
  const now = at('2026-11-23T12:00:00Z')
  const faults = (date: string, clinicId: string) =>
    openingErrors({ ...opening, date, clinicId }, { doctor, now }).map(({ pointer }) => pointer)
  assert.deepEqual(faults('2026-11-23', apia), ['/date'])
  assert.deepEqual(faults('2026-11-24', apia), [])
  assert.deepEqual(faults('2026-11-23', paris), [])
  assert.deepEqual(faults('2029-11-20', paris), [])
  assert.deepEqual(faults('2030-11-24', paris), ['/date'])
})

test('an opening on a date that the clinic’s zone skips is refused', () => {
  const opening = { clinicId: apia, date: '2011-12-30', from: '09:00', to: '12:00' }
  const [error] = openingErrors(opening, { doctor, now: at('2011-12-29T12:00:00Z') })
  assert.equal(error?.detail, '/date must be a date that exists in Pacific/Apia.')
})

test('an opening’s mistakes are pointed at from the body itself', () => {
  const opening = { clinicId: elsewhere, date: '2026-11-24', from: '09:00', to: '09:00' }
  const errors = openingErrors(opening, { doctor, now: at('2026-11-23T12:00:00Z') })
  assert.deepEqual(
    errors.map(({ pointer }) => pointer),
    ['/clinicId', '/to'],
  )
})

test('time off is of any length up to three years, in any offset', () => {
  const now = at('2026-11-24T09:00:00Z')
  const read = (startsAt: string, endsAt: string) => readTimeOff({ startsAt, endsAt }, now)
  assert.deepEqual(read('2026-11-24T10:00:00+05:30', '2026-11-24T10:01:00+01:00'), {
    startsAt: at('2026-11-24T04:30:00Z'),
    endsAt: at('2026-11-24T09:01:00Z'),
  })
  read('2027-01-01T00:00:00Z', '2029-12-31T00:00:00Z')
  for (const [startsAt, endsAt] of [
    ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['2027-01-01T00:00:00+01:00', '2027-01-01T00:00:00+02:00'],
    ['2027-01-01T00:00:00Z', '2030-01-05T00:00:00Z'],
    ['2026-11-23T00:00:00Z', '2026-11-24T09:00:00Z'],
  ] as const)
    assert.deepEqual(
      pointersOf(() => read(startsAt, endsAt)),
      ['/endsAt'],
    )
})
