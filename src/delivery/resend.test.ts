import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startProvider, type Provider } from '#test/support/provider-server.ts'
import { Undeliverable, type Mail } from './delivery.ts'
import { createResendSender } from './resend.ts'

const providers: Provider[] = []

after(async () => {
  for (const provider of providers) await provider.close()
})

async function resend({ limit = 5000 } = {}) {
  const provider = await startProvider()
  providers.push(provider)
  const sender = createResendSender({
    url: provider.url,
    apiKey: 're_sesame_sesame',
    from: '"Praxis, Lindenhof" <visits@lindenhof.example.org>',
    limit,
  })
  return { provider, sender }
}

const mail: Mail = {
  id: '0199a3c0-0000-7000-8000-000000000001',
  to: { name: 'Zoë "Z" Müller, Jr.\r\nBcc: x@y.example', address: 'zoe@example.org' },
  replyTo: { name: '', address: 'empfang@lindenhof.example.org' },
  subject: 'Your visit\r\non Tuesday',
  text: 'You are expected.',
  html: '<p>You are expected.</p>',
  calendar: { method: 'CANCEL', content: 'BEGIN:VCALENDAR\r\nSUMMARY:Müller\r\nEND:VCALENDAR\r\n' },
}

async function failureOf(asking: Promise<unknown>): Promise<Error> {
  try {
    await asking
  } catch (error) {
    if (error instanceof Error) return error
  }
  return assert.fail('it did not fail')
}

test('a mail is handed over once by its id, with its Message-ID and its invitation', async () => {
  const { provider, sender } = await resend()
  provider.answer({ status: 200, body: { id: 're-1' } })
  assert.deepEqual(await sender.send(mail), { providerId: 're-1' })
  const [request] = provider.requests
  assert.equal(`${request!.method} ${request!.path}`, 'POST /emails')
  assert.equal(request!.headers.authorization, 'Bearer re_sesame_sesame')
  assert.equal(request!.headers['idempotency-key'], mail.id)
  assert.match(String(request!.headers['content-type']), /^application\/json/)
  assert.deepEqual(JSON.parse(request!.body), {
    from: 'Praxis Lindenhof <visits@lindenhof.example.org>',
    to: ['Zoë Z Müller Jr. Bcc x y.example <zoe@example.org>'],
    reply_to: ['empfang@lindenhof.example.org'],
    subject: 'Your visit on Tuesday',
    text: 'You are expected.',
    html: '<p>You are expected.</p>',
    headers: {
      'Message-ID': `<${mail.id}@lindenhof.example.org>`,
      'Auto-Submitted': 'auto-generated',
    },
    attachments: [
      {
        filename: 'invite.ics',
        content: Buffer.from(mail.calendar!.content).toString('base64'),
        content_type: 'text/calendar; charset=utf-8; method=CANCEL',
      },
    ],
  })
})

test('without an invitation and an answer address the fields are left out', async () => {
  const { provider, sender } = await resend()
  provider.answer({ status: 200, body: { id: 're-1' } })
  await sender.send({ ...mail, replyTo: null, calendar: null })
  const body = JSON.parse(provider.requests[0]!.body)
  assert.equal('attachments' in body, false)
  assert.equal('reply_to' in body, false)
})

test('a refusal of the mail is for good, one of us or of the moment is not, and none names anybody', async () => {
  const { provider, sender } = await resend()
  const message = 'Invalid `to` field: zoe@example.org'
  const cases = [
    { status: 422, name: 'validation_error', isFinal: true },
    { status: 400, name: 'validation_error', isFinal: true },
    { status: 422, name: 'invalid_to_address', isFinal: true },
    { status: 422, name: 'invalid_from_address', isFinal: false },
    { status: 422, name: 'missing_required_field', isFinal: false },
    { status: 401, name: 'missing_api_key', isFinal: false },
    { status: 403, name: 'validation_error', isFinal: false },
    { status: 404, name: 'not_found', isFinal: false },
    { status: 409, name: 'concurrent_idempotent_requests', isFinal: false },
    { status: 429, name: 'daily_quota_exceeded', isFinal: false },
    { status: 500, name: 'application_error', isFinal: false },
    { status: 503, name: '', isFinal: false },
  ]
  for (const { status, name, isFinal } of cases) {
    provider.answer({ status, body: { name, message } })
    const failure = await failureOf(sender.send(mail))
    assert.equal(failure instanceof Undeliverable, isFinal, `${status} ${name}`)
    assert.match(failure.message, new RegExp(`${status} ${name}`))
    assert.doesNotMatch(failure.message, /zoe|sesame|@/)
  }
})

test('a field that is not the recipient costs no mail its sending, nor does a proxy in between', async () => {
  const { provider, sender } = await resend()
  for (const field of ['from', 'reply_to', 'headers']) {
    const body = {
      name: 'validation_error',
      message: `Invalid \`${field}\` field. Write it to us.`,
    }
    provider.answer({ status: 422, body })
    const failure = await failureOf(sender.send(mail))
    assert.ok(!(failure instanceof Undeliverable), field)
    assert.match(failure.message, /check RESEND_API_KEY, and that the domain of MAIL_FROM/)
  }
  for (const status of [400, 413, 422, 502]) {
    provider.answer({ status, body: '<html>The plain HTTP request was sent to …</html>' })
    assert.ok(!((await failureOf(sender.send(mail))) instanceof Undeliverable), String(status))
  }
  provider.answer({ status: 400, body: { name: 'zoe@example.org is unknown' } })
  assert.match(
    (await failureOf(sender.send(mail))).message,
    /refused the request \(400 no reason\)/,
  )
})

test('an answer of success counts only with the id of the mail', async () => {
  const { provider, sender } = await resend()
  for (const body of ['<html>Sign in to this network</html>', '', {}, { id: 1 }, 'null']) {
    provider.answer({ status: 200, body })
    const failure = await failureOf(sender.send(mail))
    assert.ok(!(failure instanceof Undeliverable))
    assert.equal(failure.message, 'Resend answered something that is not understood (200).')
  }
})

test('an answer that never ends is left after its first 64 kB', async () => {
  const { provider, sender } = await resend()
  provider.answer({ status: 200, endless: true })
  const failure = await failureOf(sender.send(mail))
  assert.equal(failure.message, 'Resend answered something that is not understood (200).')
  // What the buffers of two sockets hold may be on its way.
  assert.ok((await provider.left()) < 16_000_000)
})

test('a mail that was taken before and reads differently now counts as taken', async () => {
  const { provider, sender } = await resend()
  provider.answer({ status: 409, body: { name: 'invalid_idempotent_request' } })
  assert.deepEqual(await sender.send(mail), { providerId: null })
})

test('no redirect is followed, since it would take the key elsewhere', async () => {
  const { provider, sender } = await resend()
  const { provider: other } = await resend()
  provider.answer({ status: 307, headers: { location: `${other.url}/emails` } })
  const failure = await failureOf(sender.send(mail))
  assert.ok(!(failure instanceof Undeliverable))
  assert.match(failure.message, /^Resend cannot be reached/)
  assert.equal(other.requests.length, 0)
})

test('an interface that never answers costs no more than the limit, one that is gone is told as such', async () => {
  const { provider, sender } = await resend({ limit: 150 })
  provider.answer(null)
  assert.equal((await failureOf(sender.send(mail))).message, 'Resend did not answer in time.')
  const asking = failureOf(sender.deliveryOf!('re-1'))
  assert.equal((await asking).message, 'Resend did not answer in time.')
  await provider.close()
  const gone = await failureOf(sender.send(mail))
  assert.match(gone.message, /^Resend cannot be reached \([A-Z_]+\)\.$/)
})

test('what became of a mail is told by its last event', async () => {
  const { provider, sender } = await resend()
  const events = {
    sent: 'under-way',
    queued: 'under-way',
    delivery_delayed: 'under-way',
    'something new': 'under-way',
    delivered: 'delivered',
    opened: 'delivered',
    clicked: 'delivered',
    complained: 'delivered',
    bounced: 'failed',
    failed: 'failed',
    suppressed: 'failed',
  }
  for (const [lastEvent, delivery] of Object.entries(events)) {
    provider.answer({ status: 200, body: { last_event: lastEvent } })
    assert.equal(await sender.deliveryOf!('re/1?x'), delivery, lastEvent)
  }
  const { method, path, headers } = provider.requests[0]!
  assert.equal(`${method} ${path}`, 'GET /emails/re%2F1%3Fx')
  assert.equal(headers.authorization, 'Bearer re_sesame_sesame')
  provider.answer({ status: 401, body: { name: 'restricted_api_key' } })
  assert.equal(await sender.deliveryOf!('re-1'), 'under-way')
  provider.answer({ status: 500 })
  await failureOf(sender.deliveryOf!('re-1'))
})

test('an address that is none is refused before anything is sent', async () => {
  const { provider, sender } = await resend()
  const to = { name: '', address: 'a@example.org, b@example.org' }
  assert.ok((await failureOf(sender.send({ ...mail, to }))) instanceof Undeliverable)
  assert.equal(provider.requests.length, 0)
})
