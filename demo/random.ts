// Numbers that look random and are the same on every run, so that everyone sees the same demo.

export interface Random {
  /** At least 0 and less than 1. */
  next(): number
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number
  chance(probability: number): boolean
  pick<Value>(values: readonly [Value, ...Value[]]): Value
  pickFrom<Value>(values: readonly Value[]): Value | undefined
}

/** The generator mulberry32, started with any 32-bit number. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  const random: Random = {
    next() {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    between: (from, to) => from + Math.floor(random.next() * (to - from + 1)),
    chance: (probability) => random.next() < probability,
    pick: (values) => values[random.between(0, values.length - 1)] ?? values[0],
    pickFrom: (values) => values[random.between(0, values.length - 1)],
  }
  return random
}
