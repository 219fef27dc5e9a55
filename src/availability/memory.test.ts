import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from './memory.ts'

/** A memory whose loads end when the test says so. */
function controlled() {
  const loads: { ids: string[]; finish: (values: Record<string, number>) => void }[] = []
  const memory = createMemory<number>(
    (ids) =>
      new Promise((resolve) => {
        loads.push({ ids, finish: (values) => resolve(new Map(Object.entries(values))) })
      }),
  )
  return { memory, loads }
}

test('what is being loaded is not asked for again, and what is known not at all', async () => {
  const { memory, loads } = controlled()
  const first = memory.get(['a', 'b'])
  const second = memory.get(['b', 'c'])
  assert.deepEqual(
    loads.map(({ ids }) => ids),
    [['a', 'b'], ['c']],
  )
  loads[0]!.finish({ a: 1, b: 2 })
  loads[1]!.finish({})
  assert.deepEqual(
    [...(await first)],
    [
      ['a', 1],
      ['b', 2],
    ],
  )
  assert.deepEqual([...(await second)], [['b', 2]])
  await memory.get(['a', 'b'])
  assert.equal(loads.length, 2)
})

test('what is forgotten while it is loaded is loaded again by the next who asks', async () => {
  const { memory, loads } = controlled()
  const early = memory.get(['a'])
  memory.forget('a')
  const late = memory.get(['a'])
  loads[1]!.finish({ a: 2 })
  loads[0]!.finish({ a: 1 })
  assert.equal((await early).get('a'), 1)
  assert.equal((await late).get('a'), 2)
  assert.equal(memory.peek('a'), 2)
})

test('a load that fails is not remembered', async () => {
  let tries = 0
  const memory = createMemory(async () => {
    tries += 1
    if (tries === 1) throw new Error('the database is away')
    return new Map([['a', 1]])
  })
  await assert.rejects(memory.get(['a']), /away/)
  assert.equal((await memory.get(['a'])).get('a'), 1)
})
