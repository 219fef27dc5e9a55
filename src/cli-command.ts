// What the commands of the command line have in common: what they are given, and how they open the database.

import { openRuntime, type OpenRuntime } from '#src/app.ts'
import type { Config } from '#src/config.ts'

export interface Options {
  email?: string
  name?: string
  expect?: string[]
  'drop-unused'?: boolean
}

/** What a command is given: the configuration, its options, and what follows its name. */
export interface Given {
  config: () => Config
  options: Options
  rest: readonly string[]
  /** Writes what was asked for, to standard output. */
  print: (text: string) => void
  /** Writes a sentence for the operator, to standard error. */
  tell: (sentence: string) => void
}

/** Answers the exit code: 0 when it was done, 1 when it could not be, 2 when it was asked for wrongly. */
export type Command = (given: Given) => Promise<number>

/** Opens the database as a server does, beside those that run, and closes it after the work. */
export async function withRuntime<Result>(
  { config, tell }: Given,
  work: (opened: OpenRuntime) => Promise<Result>,
): Promise<Result> {
  const opened = await openRuntime({
    config: config(),
    say: tell,
  })
  try {
    return await work(opened)
  } finally {
    await opened.close()
  }
}

/** The one argument of the command; null, after saying so, when there is none or more. */
export function onlyArgument(
  { rest, tell }: Given,
  { usage, what }: { usage: string; what: string },
): string | null {
  const [argument, ...more] = rest
  if (argument !== undefined && more.length === 0) return argument
  tell(`Name ${what}: npm run visita -- ${usage}`)
  return null
}
