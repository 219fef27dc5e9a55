// A server that only answers, and a worker beside it that sends what comes of the answers.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atSite } from '#test/crash/running-visita.ts'
import { startMailServer } from '#test/support/mail-server.ts'

test('a worker beside a server sends the mails of what happens there, and both end when told to', async () => {
  const mails = await startMailServer()
  const settings = {
    MAIL_FROM: 'Visita <visits@example.org>',
    SMTP_URL: mails.url,
    BACKGROUND_WORK: 'elsewhere',
    PUBLIC_URL: 'https://visits.example.org',
  }
  try {
    await atSite(async (site) => {
      const server = await site.start()
      const answer = await fetch(`${server.url}/api/v1/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          email: 'anna@example.org',
          password: 'three wet herons',
          name: 'Anna Berg',
          role: 'patient',
        }),
      })
      assert.equal(answer.status, 201)
      assert.equal(mails.received.length, 0, 'the server itself sends nothing')
      const worker = await site.startWorker()
      const [welcome] = await mails.next(1)
      assert.deepEqual(welcome!.envelope.to, ['anna@example.org'])
      assert.equal(await worker.end('SIGTERM'), 0)
      assert.equal(await server.end('SIGTERM'), 0)
    }, settings)
  } finally {
    await mails.close()
  }
})

test('a program that is told what it does not know says so, and starts nothing', async () => {
  const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [program, 'worker'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  const said = await text(child.stderr)
  const [code] = await exit
  assert.equal(code, 1)
  assert.match(said, /^"worker" means nothing here.*npm run worker/)
})
