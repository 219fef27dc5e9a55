// `node bench/sign-in-times.ts`: whether the time of an answer tells which accounts there are. Sends
// requests about known and unknown e-mail addresses by turns, 200 of each, to a Visita of its own, and
// prints their medians and lower quarters, and how far one moves by chance alone: that of one half of the
// unknown ones from that of the other half.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createApp, openRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'

const tries = 200
const password = 'four wet herons wait'

/** A request about an e-mail address, which must be answered with the status whether it is known or not. */
interface Case {
  name: string
  path: string
  status: number
  body: (email: string) => object
  /** What is done to the known account beforehand. */
  prepare?: (runtime: Runtime, accountId: string) => Promise<unknown>
}

const wrongPassword = {
  path: '/auth/login',
  status: 401,
  body: (email: string) => ({ email, password: 'not the password' }),
}

const cases: Case[] = [
  { ...wrongPassword, name: 'sign-in, wrong password' },
  {
    ...wrongPassword,
    name: 'sign-in, right password of a disabled account',
    body: (email) => ({ email, password }),
    prepare: ({ db }, id) =>
      db.updateTable('account').set({ status: 'disabled' }).where('id', '=', id).execute(),
  },
  {
    ...wrongPassword,
    name: 'sign-in, wrong password of an account with a second factor',
    prepare: ({ db }, id) =>
      db
        .insertInto('second_factor')
        .values({
          account_id: id,
          secret: Buffer.from('none'),
          created_at: '2026-01-01Z',
          confirmed_at: '2026-01-01Z',
        })
        .execute(),
  },
  {
    name: 'forgotten password',
    path: '/auth/forgot-password',
    status: 202,
    body: (email) => ({ email }),
  },
]

const directory = await mkdtemp(join(tmpdir(), 'visita-bench-'))
const config = loadConfig({
  envFile: null,
  env: { DATA_DIR: directory, RATE_LIMIT_FACTOR: '1000' },
})
const opened = await openRuntime({
  config,
  log: pino({ level: 'silent' }),
  embedded: { ephemeral: true, durable: false },
})
const { runtime } = opened
const app = await createApp(runtime)
try {
  for (const one of cases) await measure(one)
} finally {
  await app.close()
  await opened.close()
  await rm(directory, { recursive: true, force: true })
}

async function measure({ name, path, status, body, prepare }: Case): Promise<void> {
  const email = `${newId()}@example.org`
  const registered = await send(app, '/auth/register', { email, password, name: 'Anna Berg' })
  await prepare?.(runtime, registered.json().account.id)
  const times = { known: [] as number[], unknown: [] as number[] }
  // The first ones warm up.
  for (let round = -20; round < tries; round += 1) {
    const order =
      round % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
    for (const kind of order) {
      const request = body(kind === 'known' ? email : `${newId()}@example.org`)
      const began = performance.now()
      const answer = await send(app, path, request)
      const took = performance.now() - began
      if (answer.statusCode !== status) throw new Error(`${name}: ${answer.body}`)
      if (round >= 0) times[kind].push(took)
    }
  }
  const isEven = (_: number, index: number) => index % 2 === 0
  const even = times.unknown.filter(isEven)
  const odd = times.unknown.filter((time, index) => !isEven(time, index))
  for (const [what, share] of [
    ['median', 0.5],
    ['lower quarter', 0.25],
  ] as const) {
    const [known, unknown] = [at(share, times.known), at(share, times.unknown)]
    const chance = Math.abs(at(share, even) - at(share, odd))
    console.log(
      `${name}, ${what}: ${known.toFixed(2)} ms known, ${unknown.toFixed(2)} ms unknown, ` +
        `${(known - unknown).toFixed(2)} ms apart (${chance.toFixed(2)} ms by chance)`,
    )
  }
}

function send(to: App, path: string, body: object) {
  return to.inject({ method: 'POST', url: `/api/v1${path}`, payload: body })
}

/** The time that this share of them does not reach. */
function at(share: number, times: number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * share)] ?? 0
}
