import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Schedule, WeeklyHours } from '#src/availability/windows.ts'
import { addDays, parseInstant } from '#src/kernel/time.ts'
import { openMinutes } from './open-minutes.ts'

const clinicId = 'here'
const daily = (fromMinute: number, toMinute: number, visitTypeIds: string[] | null = null) =>
  [1, 2, 3, 4, 5, 6, 7].map((weekday): WeeklyHours => ({
    clinicId,
    weekday,
    fromMinute,
    toMinute,
    validFrom: null,
    validUntil: null,
    visitTypeIds,
  }))

function open(
  schedule: Partial<Schedule>,
  options: {
    from: string
    days?: number
    now?: string
    timeZone?: string
    claims?: [string, string][]
    closed?: string
  },
): number[] {
  const { from, days = 1, now = '2020-01-01T00:00:00Z', timeZone = 'Europe/Berlin' } = options
  const closures =
    options.closed === undefined
      ? []
      : [{ startsOn: options.closed, startMinute: 0, endsOn: options.closed, endMinute: 1440 }]
  return openMinutes(
    {
      schedule: { hours: [], openings: [], timeOff: [], paused: false, ...schedule },
      calendar: { clinicId, timeZone, closures },
      visitTypeIds: ['one', 'two'],
      claims: (options.claims ?? []).map(([startsAt, endsAt]) => ({
        startsAt: parseInstant(startsAt)!,
        endsAt: parseInstant(endsAt)!,
        expiresAt: null,
        appointmentId: 'visit',
        date: null,
      })),
    },
    {
      dates: Array.from({ length: days }, (_, index) => addDays(from, index)),
      now: parseInstant(now)!,
    },
  )
}

test('a day on which the clocks change is as long as it is', () => {
  const hours = daily(0, 1440)
  assert.deepEqual(open({ hours }, { from: '2027-03-27', days: 3 }), [1440, 1380, 1440])
  assert.deepEqual(open({ hours }, { from: '2026-10-24', days: 3 }), [1440, 1500, 1440])
  assert.deepEqual(open({ hours: daily(60, 360) }, { from: '2027-03-28' }), [240])
})

test('hours past midnight count for the dates that they are on', () => {
  assert.deepEqual(open({ hours: daily(1320, 120) }, { from: '2026-11-24', days: 2 }), [240, 240])
})

test('what is booked, closed, off or past is not open, and overlaps count once', () => {
  const hours = daily(540, 1020)
  const at = (clock: string) => `2026-11-24T${clock}:00+01:00`
  const claims: [string, string][] = [
    [at('08:30'), at('09:30')],
    [at('12:00'), at('13:00')],
  ]
  assert.deepEqual(open({ hours }, { from: '2026-11-24', claims }), [480 - 30 - 60])
  const timeOff = [{ startsAt: parseInstant(at('12:30'))!, endsAt: parseInstant(at('14:00'))! }]
  assert.deepEqual(open({ hours, timeOff }, { from: '2026-11-24', claims }), [480 - 30 - 120])
  assert.deepEqual(open({ hours }, { from: '2026-11-24', days: 2, closed: '2026-11-25' }), [480, 0])
  assert.deepEqual(open({ hours }, { from: '2026-11-24', now: at('16:20') }), [40])
  assert.deepEqual(open({ hours, paused: true }, { from: '2026-11-24' }), [0])
})

test('hours for several types of visit count once, those for none of the doctor not at all', () => {
  const hours = [...daily(540, 720, ['one']), ...daily(600, 780, ['two']), ...daily(0, 60, ['x'])]
  assert.deepEqual(open({ hours }, { from: '2026-11-24' }), [240])
})

test('a doctor without hours has nothing open', () => {
  assert.deepEqual(open({}, { from: '2026-11-24', days: 7 }), [0, 0, 0, 0, 0, 0, 0])
})
