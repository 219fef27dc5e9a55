import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { inOrder, overlaps, unite } from './interval.ts'
import type { Interval } from './interval.ts'

const anyInterval = fc
  .record({ startsAt: fc.nat(40), length: fc.integer({ min: -2, max: 12 }) })
  .map(({ startsAt, length }) => ({ startsAt, endsAt: startsAt + length }))
const anyIntervals = fc.array(anyInterval, { maxLength: 8 })

function covered(intervals: readonly Interval[]): number[] {
  return Array.from({ length: 60 }, (_, at) => at).filter((at) =>
    intervals.some(({ startsAt, endsAt }) => startsAt <= at && at < endsAt),
  )
}

function assertUnited(intervals: readonly Interval[]): void {
  for (const [index, interval] of intervals.entries()) {
    assert.ok(interval.startsAt < interval.endsAt)
    const previous = intervals[index - 1]
    assert.ok(previous === undefined || previous.endsAt < interval.startsAt)
  }
}

test('uniting covers the same instants with intervals in order that neither overlap nor touch', () => {
  fc.assert(
    fc.property(anyIntervals, (intervals) => {
      const given = structuredClone(intervals)
      const united = unite(intervals)
      assertUnited(united)
      assert.deepEqual(covered(united), covered(intervals))
      assert.deepEqual(intervals, given, 'the list that was given is left alone')
      assert.deepEqual(covered(inOrder(intervals)), covered(intervals))
    }),
  )
})

test('a list that is in order already is not copied', () => {
  const intervals = [
    { startsAt: 1, endsAt: 2 },
    { startsAt: 2, endsAt: 5 },
  ]
  assert.equal(inOrder(intervals), intervals)
})

test('two intervals overlap when they have an instant in common, not when they touch', () => {
  fc.assert(
    fc.property(anyInterval, anyInterval, (one, other) => {
      const common = covered([one]).some((at) => covered([other]).includes(at))
      assert.equal(overlaps(one, other), common)
    }),
  )
})
