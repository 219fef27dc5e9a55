import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseInstant } from '#src/kernel/time.ts'
import { fits, isOver } from './wish.ts'

const at = (text: string) => parseInstant(text)!
const anything = {
  weekdays: null,
  from_minute: null,
  to_minute: null,
  from_date: null,
  until_date: null,
  visit_starts_at: null,
}

/** A slot of half an hour in Paris. */
function slotAt(text: string) {
  const startsAt = at(text)
  const ids = { doctorId: 'd', clinicId: 'c', visitTypeId: 'v' }
  return { ...ids, startsAt, endsAt: startsAt + 30 * 60_000, timeZone: 'Europe/Paris' }
}

test('a time suits when it is earlier, on the days and dates, and within the hours to its end', () => {
  // A Tuesday.
  const slot = slotAt('2026-11-24T10:40:00+01:00')
  assert.ok(fits(anything, slot))
  const cases: [Partial<Parameters<typeof fits>[0]>, boolean][] = [
    [{ visit_starts_at: slot.startsAt + 1 }, true],
    [{ visit_starts_at: slot.startsAt }, false],
    [{ weekdays: [1, 2] }, true],
    [{ weekdays: [3] }, false],
    [{ from_date: '2026-11-24', until_date: '2026-11-24' }, true],
    [{ from_date: '2026-11-25' }, false],
    [{ until_date: '2026-11-23' }, false],
    [{ from_minute: 640, to_minute: 670 }, true],
    [{ from_minute: 641 }, false],
    [{ to_minute: 669 }, false],
  ]
  for (const [wish, expected] of cases)
    assert.equal(fits({ ...anything, ...wish }, slot), expected, JSON.stringify(wish))
})

test("days and hours are those of the clinic's calendar and clock", () => {
  const slot = slotAt('2026-11-24T23:30:00Z')
  assert.ok(fits({ ...anything, weekdays: [3], from_minute: 30, to_minute: 60 }, slot))
  assert.ok(!fits({ ...anything, weekdays: [2] }, slot))
  // What runs past midnight is over by no hour of its day.
  assert.ok(!fits({ ...anything, to_minute: 1440 }, slotAt('2026-11-24T23:45:00+01:00')))
})

test('a wait is over when its visit is under way, off for longer than that can be undone, or its dates have passed', () => {
  const now = at('2026-11-24T10:40:00+01:00')
  const entry = {
    ...anything,
    visit_status: 'confirmed' as const,
    visit_starts_at: now + 86_400_000,
    visit_changed_at: now - 30_000,
    time_zone: 'Europe/Paris',
  }
  const asked = { now, patienceMilliseconds: 60_000 }
  const cases: [Partial<Parameters<typeof isOver>[0]>, boolean][] = [
    [{}, false],
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
