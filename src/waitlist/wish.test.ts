import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseInstant } from '#src/kernel/time.ts'
import { isOver, minuteOfDay, suitsDate, suitsHours } from './wish.ts'

const at = (text: string) => parseInstant(text)!
const anything = {
  weekdays: null,
  from_minute: null,
  to_minute: null,
  from_date: null,
  until_date: null,
}

test('a date suits when it is one of the days and dates', () => {
  const tuesday = { date: '2026-11-24', weekday: 2 }
  const cases: [Partial<Parameters<typeof suitsDate>[0]>, boolean][] = [
    [{}, true],
    [{ weekdays: [1, 2] }, true],
    [{ weekdays: [3] }, false],
    [{ from_date: '2026-11-24', until_date: '2026-11-24' }, true],
    [{ from_date: '2026-11-25' }, false],
    [{ until_date: '2026-11-23' }, false],
  ]
  for (const [wish, expected] of cases)
    assert.equal(suitsDate({ ...anything, ...wish }, tuesday), expected, JSON.stringify(wish))
})

test('hours suit when the whole visit lies within them', () => {
  const visit = { fromMinute: 640, durationMinutes: 30 }
  const cases: [Partial<Parameters<typeof suitsHours>[0]>, boolean][] = [
    [{}, true],
    [{ from_minute: 640, to_minute: 670 }, true],
    [{ from_minute: 641 }, false],
    [{ to_minute: 669 }, false],
  ]
  for (const [wish, expected] of cases)
    assert.equal(suitsHours({ ...anything, ...wish }, visit), expected, JSON.stringify(wish))
  // What runs past midnight is over by no hour of its day.
  const late = { fromMinute: 1425, durationMinutes: 30 }
  assert.ok(!suitsHours({ ...anything, to_minute: 1440 }, late))
})

test("hours are those of the clinic's clock", () => {
  assert.equal(minuteOfDay(at('2026-11-24T23:30:00Z'), 'Europe/Paris'), 30)
})

test('a wait is over when its visit is under way, off for longer than that can be undone, its dates have passed, or there is a first visit', () => {
  const now = at('2026-11-24T10:40:00+01:00')
  const entry = {
    ...anything,
    has_visit: false,
    visit_status: 'confirmed' as const,
    visit_starts_at: now + 86_400_000,
    visit_changed_at: now - 30_000,
    time_zone: 'Europe/Paris',
  }
  const asked = { now, patienceMilliseconds: 60_000 }
  const cases: [Partial<Parameters<typeof isOver>[0]>, boolean][] = [
    [{}, false],
    [{ has_visit: true }, true],
    [{ visit_status: 'cancelled' }, false],
    [{ visit_status: 'cancelled', visit_changed_at: now - 60_001 }, true],
    [{ visit_status: 'completed', visit_changed_at: now - 60_001 }, true],
    [{ visit_starts_at: now }, true],
    [{ until_date: '2026-11-24' }, false],
    [{ until_date: '2026-11-23' }, true],
    [{ from_date: '2026-11-25' }, false],
    [{ from_date: '2026-11-26' }, true],
    [{ visit_status: null, visit_starts_at: null, visit_changed_at: null }, false],
    [
      { visit_status: null, visit_starts_at: null, time_zone: null, until_date: '2026-11-22' },
      true,
    ],
  ]
  for (const [values, expected] of cases)
    assert.equal(isOver({ ...entry, ...values }, asked), expected, JSON.stringify(values))
})
