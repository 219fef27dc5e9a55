// `node bench/limits.ts`: what the limits cost a request. Asks one server in turns for the same small answer,
// with and without a limit, and prints the median of many rounds in microseconds a request.

import { Agent, get } from 'node:http'
import { createTestServer } from '#src/http/test-server.ts'
import type { App } from '#src/http/server.ts'
import type { LimitName } from '#src/http/limit-classes.ts'

const [rounds, requests] = [60, 500]

function route(app: App, path: string, limit: LimitName): void {
  const schema = { summary: path, tags: ['pets'] }
  app.get(path, { config: { audience: 'public', limit }, schema }, async () => ({ fine: true }))
}

const { app } = await createTestServer({
  env: { LOG_LEVEL: 'silent' },
  routes(api) {
    route(api, '/with', 'read')
    route(api, '/without', 'none')
  },
})
const origin = await app.listen({ port: 0, host: '127.0.0.1' })
const agent = new Agent({ keepAlive: true, maxSockets: 16 })

function ask(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${origin}/api/v1${path}`, { agent }, (answer) => {
      answer.resume()
      answer.on('end', resolve)
    }).on('error', reject)
  })
}

/** Microseconds a request, of many at once. */
async function round(path: string): Promise<number> {
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: requests }, () => ask(path)))
  return ((performance.now() - startedAt) / requests) * 1000
}

const times: Record<string, number[]> = { '/without': [], '/with': [] }
for (let number = 0; number < rounds; number += 1)
  for (const [path, taken] of Object.entries(times)) taken.push(await round(path))
for (const [path, taken] of Object.entries(times)) {
  const median = taken.toSorted((one, other) => one - other)[rounds / 2]!
  console.log(
    `${path.slice(1)} a limit: ${median.toFixed(1)} µs, ${Math.round(1e6 / median)} requests/s`,
  )
}
agent.destroy()
await app.close()
