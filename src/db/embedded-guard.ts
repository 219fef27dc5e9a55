// Starts the programs of PostgreSQL: freely, or guarded so that they end with this process.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Traces } from './embedded-place.ts'
import { identityOf, type ServerUser } from './embedded-user.ts'

export interface Program {
  file: string
  parameters: string[]
  user: ServerUser
  /** A file descriptor for both outputs, or 'pipe' to read them. */
  output: number | 'pipe'
}

export type StartProgram = (program: Program) => Promise<ChildProcess>

/** Variables of the user such as PGPORT or LANG must not reach the server. */
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Starts a program in a session of its own, which neither Ctrl-C nor our end reaches. */
export async function startFreely(program: Program): Promise<ChildProcess> {
  const child = spawn(program.file, program.parameters, {
    stdio: ['ignore', program.output, program.output],
    detached: true,
    cwd: '/',
    env: environment,
    ...identityOf(program.user),
  })
  await once(child, 'spawn')
  return child
}

export interface Guard {
  start: StartProgram
  /** Removes what the guard was made for, after the programs have ended. */
  finish(): Promise<void>
}

/**
 * Reads the process id of the newest program from its input; the input's end means that its maker is
 * gone, however it went. It then ends that program, waits for its group (what initdb started ends with
 * it, and cleans up), and removes the paths; those that end in a slash only if they are empty.
 */
const guardScript = `
program=
while read -r line; do program=$line; done
tries=0
if [ -n "$program" ]; then
  kill -s QUIT "$program"
  while kill -s 0 -- "-$program" && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL -- "-$program"
fi
for path in "$@"; do
  case $path in
    */) rmdir -- "$path" ;;
    *) tries=0
      until rm -rf -- "$path" || [ "$tries" -ge 100 ]; do sleep 0.05; tries=$((tries + 1)); done ;;
  esac
done
`

/** Waits for the word before it becomes the program, so that no program runs which the guard does not know. */
const gateScript = 'read -r word && [ "$word" = go ] && exec "$@" </dev/null'

/** Starts a guard for a throw-away database, before there is anything to remove. */
export async function startGuard(traces: Traces): Promise<Guard> {
  const paths = [...traces.remove, ...traces.removeIfEmpty.map((path) => `${path}/`)]
  const guard = spawn('/bin/sh', ['-c', guardScript, 'visita-guard', ...paths], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: environment,
  })
  await once(guard, 'spawn')
  const input = guard.stdin
  // A guard that was killed cannot guard, which is no reason to fail.
  input.on('error', () => {})
  guard.unref()
  // The pipe alone must not keep this process from ending.
  if ('unref' in input && typeof input.unref === 'function') input.unref()

  function tell(line: string): Promise<void> {
    return new Promise((resolve) => input.write(`${line}\n`, () => resolve()))
  }

  async function start(program: Program): Promise<ChildProcess> {
    const child = spawn(
      '/bin/sh',
      ['-c', gateScript, 'visita-gate', program.file, ...program.parameters],
      {
        stdio: ['pipe', program.output, program.output],
        detached: true,
        cwd: '/',
        env: environment,
        ...identityOf(program.user),
      },
    )
    await once(child, 'spawn')
    child.stdin!.on('error', () => {})
    await tell(String(child.pid))
    child.stdin!.end('go\n')
    return child
  }

  async function finish(): Promise<void> {
    if (guard.exitCode !== null || guard.signalCode !== null) return
    guard.ref()
    const ended = once(guard, 'exit')
    // The programs have ended, and their ids may be others' by now.
    await tell('')
    input.end()
    await ended
  }

  return { start, finish }
}
