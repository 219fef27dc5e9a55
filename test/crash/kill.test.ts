// What an acknowledged step of an appointment is worth when processes are killed under load.

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { until } from '#test/support/race-servers.ts'
import {
  acknowledged,
  askAgain,
  assertAllThere,
  bookingApart,
  prepareLoad,
  runLoad,
} from './booking-load.ts'
import { atSite } from './running-visita.ts'

/** How often the application and the database are killed. */
const kills = Number(process.env['CRASH_TEST_KILLS'] ?? 3)
const databaseKills = Number(process.env['CRASH_TEST_DATABASE_KILLS'] ?? 1)
const clientCount = Number(process.env['CRASH_TEST_CLIENTS'] ?? 16)
const stepsBeforeKill = 60
const recoveryMillisecondsMax = 10_000

test('an application killed while people book, hold, move and cancel, and started again, has every step that it acknowledged and none by half, and answers each request sent again alike', async (t) => {
  await atSite(async (site) => {
    let visita = await site.start()
    const mix = await prepareLoad(site, { clients: clientCount })
    let lost = 0
    for (let kill = 0; kill < kills; kill += 1) {
      const enough = acknowledged(mix) + stepsBeforeKill
      const running = runLoad(mix, visita.url, () => false)
      await until('enough is done', () => acknowledged(mix) >= enough)
      assert.equal(await visita.end('SIGKILL'), null)
      await running
      lost += mix.lost.length

      visita = await site.start()
      await askAgain(mix, visita.url)
      await assertAllThere(mix, site, visita.url)
    }
    t.diagnostic(`${kills} kills, ${acknowledged(mix)} steps, ${lost} requests asked again`)
    assert.equal(await visita.end('SIGTERM'), 0)
  })
})

test(
  'a database killed while people book, hold, move and cancel is started again within 10 s, and has every acknowledged step and none by half',
  { skip: process.env['TEST_DATABASE_URL'] ? 'the server is not ours to kill' : false },
  async (t) => {
    await atSite(async (site) => {
      const visita = await site.start()
      const mix = await prepareLoad(site, { clients: clientCount })
      let slowest = 0
      for (let kill = 0; kill < databaseKills; kill += 1) {
        let isOver = false
        const running = runLoad(mix, visita.url, () => isOver)
        const enough = acknowledged(mix) + stepsBeforeKill
        await until('enough is done', () => acknowledged(mix) >= enough)
        const before = await site.postmasterPid()
        process.kill(before, 'SIGKILL')
        const killedAt = performance.now()
        // What the old server acknowledged last may still be on its way.
        await until('the old server is gone', async () => {
          const now = await site.postmasterPid().catch(() => before)
          return now !== before
        })
        const restartedAfter = acknowledged(mix)
        await until(
          'steps go through again',
          () => acknowledged(mix) >= restartedAfter + stepsBeforeKill,
        )
        slowest = Math.max(slowest, performance.now() - killedAt)
        isOver = true
        await running
        await assertAllThere(mix, site, visita.url)
      }
      t.diagnostic(
        `${databaseKills} kills, ${acknowledged(mix)} steps; after ${Math.round(slowest)} ms at most they went on`,
      )
      assert.ok(slowest < recoveryMillisecondsMax)
      assert.equal(await visita.end('SIGTERM'), 0)
    })
  },
)

test('an application told to stop under load answers the requests in flight, and then ends', async () => {
  await atSite(async (site) => {
    const visita = await site.start()
    const mix = await prepareLoad(site, { clients: clientCount })
    const running = runLoad(mix, visita.url, () => false)
    await until('steps pour in', () => acknowledged(mix) >= clientCount)

    const inFlight = Array.from({ length: 16 }, (_, index) => bookingApart(mix, index))
    const begun = await Promise.all(inFlight.map((booking) => begin(visita.url, booking)))
    const ended = visita.end('SIGTERM')
    await until('it has heard the signal', () => visita.said().includes('Stopping (SIGTERM)'))
    const statuses = await Promise.all(begun.map((finish) => finish()))
    assert.deepEqual(
      statuses,
      begun.map(() => 201),
    )
    assert.equal(await ended, 0)
    await running
  })
})

/** Sends the head of a request, waits until the server has taken it, and answers how to end it. */
async function begin(
  url: string,
  { as, key, body }: ReturnType<typeof bookingApart>,
): Promise<() => Promise<number | undefined>> {
  const text = JSON.stringify(body)
  const sent = request(`${url}/api/v1/appointments`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: as,
      'idempotency-key': key,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      // The server answers this when it has read the head.
      expect: '100-continue',
    },
  })
  const failed = new Promise<never>((_, reject) => {
    sent.on('error', reject)
  })
  failed.catch(() => {})
  sent.flushHeaders()
  await Promise.race([
    failed,
    new Promise<void>((resolve) => {
      sent.once('continue', resolve)
    }),
  ])
  return () =>
    Promise.race([
      failed,
      new Promise<number | undefined>((resolve) => {
        sent.once('response', (answer) => {
          answer.resume()
          answer.once('end', () => resolve(answer.statusCode))
        })
        sent.end(text)
      }),
    ])
}
