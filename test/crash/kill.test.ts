// What an acknowledged booking is worth when processes are killed under load.

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { openClient } from '#test/support/client.ts'
import { until } from '#test/support/race-servers.ts'
import {
  assertAllThere,
  bookThroughOutage,
  bookUntilGone,
  prepareLoad,
  send,
  type Booking,
} from './booking-load.ts'
import { makeSite, type Site } from './running-visita.ts'

/** How often the application is killed. */
const kills = Number(process.env['CRASH_TEST_KILLS'] ?? 3)
const patientCount = 8
const bookingsBeforeKill = 60
const recoveryMillisecondsMax = 10_000

async function atSite(work: (site: Site) => Promise<void>): Promise<void> {
  const site = await makeSite()
  try {
    await work(site)
  } finally {
    await site.close()
  }
}

test('an application killed under load and started again has every booking it acknowledged, and answers each one sent again alike', async () => {
  await atSite(async (site) => {
    let visita = await site.start()
    const load = await prepareLoad(visita, { patientCount })
    for (let kill = 0; kill < kills; kill += 1) {
      const enough = load.acknowledged.length + bookingsBeforeKill
      const running = bookUntilGone(load, visita.url)
      await until('enough is booked', () => load.acknowledged.length >= enough)
      assert.equal(await visita.end('SIGKILL'), null)
      const lost = await running

      visita = await site.start()
      const client = openClient(visita.url)
      for (const booking of lost) {
        const reply = await send(client, booking)
        assert.equal(reply.status, 201, JSON.stringify(reply.body))
        load.acknowledged.push({ ...booking, reply })
      }
      client.close()
      await assertAllThere(load, visita.url)
    }
    assert.equal(await visita.end('SIGTERM'), 0)
  })
})

test(
  'a database killed under load is started again within 10 s, and has every acknowledged booking',
  { skip: process.env['TEST_DATABASE_URL'] ? 'the server is not ours to kill' : false },
  async () => {
    await atSite(async (site) => {
      const visita = await site.start()
      const load = await prepareLoad(visita, { patientCount })
      let isOver = false
      const running = bookThroughOutage(load, { url: visita.url, isOver: () => isOver })
      await until('enough is booked', () => load.acknowledged.length >= bookingsBeforeKill)
      const before = await site.postmasterPid()
      process.kill(before, 'SIGKILL')
      const killedAt = performance.now()
      // What the old server acknowledged last may still be on its way.
      await until('the old server is gone', async () => {
        const now = await site.postmasterPid().catch(() => before)
        return now !== before
      })
      const restartedAfter = load.acknowledged.length
      await until(
        'bookings go through again',
        () => load.acknowledged.length >= restartedAfter + bookingsBeforeKill,
      )
      assert.ok(performance.now() - killedAt < recoveryMillisecondsMax)
      isOver = true
      await running
      await assertAllThere(load, visita.url)
      assert.equal(await visita.end('SIGTERM'), 0)
    })
  },
)

test('an application told to stop under load answers the requests in flight, and then ends', async () => {
  await atSite(async (site) => {
    const visita = await site.start()
    const load = await prepareLoad(visita, { patientCount })
    const running = bookUntilGone(load, visita.url)
    await until('bookings pour in', () => load.acknowledged.length >= patientCount)

    const inFlight = Array.from({ length: 16 }, (_, index) => load.next(index % patientCount))
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
  { as, key, body }: Booking,
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
