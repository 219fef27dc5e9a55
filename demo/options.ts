// What `npm run demo` can be told.

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { StartRefused } from '#src/refusal-at-start.ts'

export interface DemoOptions {
  json: boolean
  help: boolean
  /** 0 takes any free one. */
  port: number
  /** Where the data stays, as an absolute path; null throws it away. */
  dataDirectory: string | null
}

export const usage = `Starts Visita with a made-up network of clinics, to look around and try things out.

  npm run demo                       on port 3000; everything is thrown away at the end
  npm run demo -- --port 3001        on another port; 0 takes any free one
  npm run demo -- --data ./my-demo   keeps the data in this directory and goes on with it next time
  npm run demo -- --json             prints one line of JSON when it is ready, for scripts

It reads neither the environment nor .env, so it never touches another database.`

/** @throws StartRefused with a sentence about what is wrong, and the usage. */
export function readOptions(args: string[]): DemoOptions {
  const { json, help, port, data } = parse(args)
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw refusal(`--port takes a number from 0 to 65535, not "${port}".`)
  if (data === '') throw refusal('--data takes the path of a directory.')
  return {
    json,
    help,
    port: Number(port),
    dataDirectory: data === undefined ? null : resolve(data),
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        port: { type: 'string', short: 'p', default: '3000' },
        data: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error))
  }
}

function refusal(problem: string): StartRefused {
  return new StartRefused(`${problem}\n\n${usage}`)
}
