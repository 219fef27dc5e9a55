// A server that only answers, and a worker beside it that sends what comes of the answers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
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
