import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ReadinessCheck } from './health.ts'
import { createTestServer } from './test-server.ts'

test('ready unless a check fails; a warning is shown and stops nothing', async () => {
  let checks: ReadinessCheck[] = [{ name: 'database', status: 'ok', detail: 'It answers.' }]
  const { app } = await createTestServer({ readiness: async () => ({ checks }) })
  const ready = await app.inject('/readyz')
  assert.equal(ready.statusCode, 200)
  assert.deepEqual(ready.json(), { status: 'ok', checks })
  checks = [...checks, { name: 'tz data', status: 'warn', detail: 'The versions differ.' }]
  const warned = await app.inject('/readyz')
  assert.equal(warned.statusCode, 200)
  assert.equal(warned.json<{ status: string }>().status, 'warn')
  checks = [...checks, { name: 'migrations', status: 'fail', detail: 'One is missing.' }]
  const failed = await app.inject('/readyz')
  assert.equal(failed.statusCode, 503)
  assert.equal(failed.json<{ status: string }>().status, 'fail')
  const alive = await app.inject('/healthz')
  assert.deepEqual(alive.json(), { status: 'ok' })
  assert.equal(alive.headers['cache-control'], 'no-store')
  await app.close()
})

test('measurements count requests by route pattern, never by address', async () => {
  const { app } = await createTestServer()
  await app.inject('/api/v1/pets?limit=3')
  await app.inject('/api/v1/pets/canary')
  await app.inject('/canary')
  const { body, headers } = await app.inject('/metrics')
  assert.match(String(headers['content-type']), /^text\/plain/)
  const count = 'http_request_duration_seconds_count'
  assert.ok(body.includes(`${count}{method="GET",route="/api/v1/pets",status="2xx"} 1`), body)
  assert.ok(body.includes(`${count}{method="GET",route="/api/v1/pets/:id",status="4xx"} 1`))
  assert.ok(body.includes(`${count}{method="GET",route="none",status="4xx"} 1`))
  assert.match(body, /^process_cpu_seconds_total /m)
  assert.ok(!body.includes('canary'))
  await app.close()
})
