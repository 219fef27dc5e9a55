// The client of the guide, as it stands there, against a server.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { transact } from '#src/events/events.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { listenWith } from './test-socket.ts'

const { runtime } = await testVisita()

interface LiveUpdates {
  url: string
  subscriptions: Record<string, Record<string, unknown>>
  accessToken: () => Promise<string | null>
  load: (id: string) => void
  changed: (id: string, event: { event: string }) => void
}

/** The first function of the guide's code. */
async function readClient(): Promise<(options: LiveUpdates) => void> {
  const guide = readFileSync('docs/guides/live-updates.md', 'utf8')
  const code = /```js\n(?<code>.*?^\}$)/ms.exec(guide)!.groups!['code']!
  const url = `data:text/javascript,${encodeURIComponent(code)}`
  const { openLiveUpdates } = (await import(url)) as {
    openLiveUpdates: (options: LiveUpdates) => void
  }
  return openLiveUpdates
}

/** A way to the server that can be cut. */
async function openWay(url: string) {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
    }
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const way = new URL(url)
  way.port = String(address.port)
  return {
    url: way.href,
    cut() {
      for (const socket of open) socket.destroy()
      open.clear()
    },
    close: () => server.close(),
  }
}

test("the guide's client comes back when offline and when cut off, and misses nothing", async () => {
  const openLiveUpdates = await readClient()
  const { as, accountId } = await makePatient(runtime)
  const { url } = await listenWith(runtime)
  const way = await openWay(url)
  const told: string[] = []
  let arrived = () => {}
  const nextTold = () =>
    new Promise<void>((resolve) => {
      arrived = resolve
    })
  const note = (text: string) => {
    told.push(text)
    arrived()
  }
  const append = (type: string) =>
    transact({ ...runtime, actor: null }, async (tx) =>
      tx.append({ type, subjects: { accountId } }),
    )
  let tokens = 0
  const loaded = nextTold()
  openLiveUpdates({
    url: way.url,
    subscriptions: { bell: { topic: 'notifications' } },
    async accessToken() {
      tokens += 1
      if (tokens === 1) throw new Error('offline')
      if (tokens < 4) return as.slice('Bearer '.length)
      note('signed out')
      return null
    },
    load: (id) => note(`load ${id}`),
    changed: (_, { event }) => note(event),
  })
  await loaded
  const first = nextTold()
  await append('notification.first')
  await first
  const missed = nextTold()
  way.cut()
  await append('notification.missed')
  await missed
  const signedOut = nextTold()
  way.cut()
  await signedOut
  way.close()
  assert.deepEqual(told, ['load bell', 'notification.first', 'notification.missed', 'signed out'])
})
