import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as settled } from 'node:timers/promises'
import { Refusal } from '#src/kernel/errors.ts'
import { createTurns } from './turns.ts'

function isBusy(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'busy'
}

test('no more run at once than allowed, and those who wait come in their order', async () => {
  const turns = createTurns({ atOnceMax: 2, workMilliseconds: 1, waitMillisecondsMax: 1000 })
  const started: number[] = []
  const works = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
  const results = works.map((work, index) =>
    turns.take(async () => {
      started.push(index)
      await work.promise
      return index
    }),
  )
  await settled()
  assert.deepEqual(started, [0, 1])
  for (const [index, work] of works.entries()) {
    work.resolve()
    await results[index]
    await settled()
    assert.equal(started.length, Math.min(index + 3, 6))
  }
  assert.deepEqual(await Promise.all(results), [0, 1, 2, 3, 4, 5])
  assert.deepEqual(started, [0, 1, 2, 3, 4, 5])
})

test('who would wait too long is turned away, and nobody else', async () => {
  const turns = createTurns({ atOnceMax: 1, workMilliseconds: 100, waitMillisecondsMax: 250 })
  const work = Promise.withResolvers<void>()
  const running = [1, 2, 3].map(() => turns.take(() => work.promise))
  await assert.rejects(
    turns.take(async () => {}),
    isBusy,
  )
  work.resolve()
  await Promise.all(running)
  await turns.take(async () => {})
})

test('work that fails gives its place to the next', async () => {
  const turns = createTurns({ atOnceMax: 1, workMilliseconds: 1, waitMillisecondsMax: 1000 })
  const failing = turns.take(async () => {
    throw new Error('no')
  })
  const next = turns.take(async () => 'yes')
  await assert.rejects(failing, /no/)
  assert.equal(await next, 'yes')
})
