// The reasons for which a start is refused in plain sentences, without a stack.

import { ConfigRefused } from '#src/config.ts'
import { EmbeddedRefused } from '#src/db/embedded.ts'
import { MigrationRefused } from '#src/db/migrate.ts'
import { Refusal } from '#src/kernel/errors.ts'

/** The start must stop: the message is one sentence that says what to do. */
export class StartRefused extends Error {}

/** Whether the message is meant for the operator and says all there is to say. */
export function isPlainRefusal(error: unknown): error is Error {
  return (
    error instanceof ConfigRefused ||
    error instanceof EmbeddedRefused ||
    error instanceof MigrationRefused ||
    error instanceof StartRefused ||
    error instanceof Refusal
  )
}

/**
 * Refuses arguments where there are none: who names one expects something that would not happen.
 *
 * @throws StartRefused
 */
export function refuseArguments([first]: readonly string[]): void {
  if (first !== undefined)
    throw new StartRefused(
      `"${first}" means nothing here: every setting is a variable of the environment. The other programs are npm run worker and npm run visita.`,
    )
}
