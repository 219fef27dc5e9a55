import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startProvider, type Provider } from '#test/support/provider-server.ts'
import { Undeliverable, type TextMessage } from './delivery.ts'
import { toE164 } from './phone.ts'
import { createSmsSender } from './sms.ts'

const providers: Provider[] = []

after(async () => {
  for (const provider of providers) await provider.close()
})

async function twilio({ limit = 5000 } = {}) {
  const provider = await startProvider()
  providers.push(provider)
  const sender = createSmsSender({
    apiUrl: `${provider.url}/api/laml`,
    account: 'AC0123456789',
    token: 'sesame-sesame-sesame',
    from: 'Lindenhof',
    limit,
  })
  return { provider, sender }
}

const message: TextMessage = {
  id: 'm1',
  to: '+4915112345678',
  text: 'Ihr Termin: Di 24.11. 10:40 & bitte pünktlich. موعدك https://visits.example.org/visit#a.b',
}

async function failureOf(asking: Promise<unknown>): Promise<Error> {
  try {
    await asking
  } catch (error) {
    if (error instanceof Error) return error
  }
  return assert.fail('it did not fail')
}

test('a text message arrives at the provider as it was written', async () => {
  const { provider, sender } = await twilio()
  provider.answer({ status: 201, body: { sid: 'SM1', status: 'queued' } })
  assert.deepEqual(await sender.send(message), { providerId: 'SM1' })
  const [request] = provider.requests
  assert.equal(
    `${request!.method} ${request!.path}`,
    'POST /api/laml/2010-04-01/Accounts/AC0123456789/Messages.json',
  )
  const credentials = String(request!.headers.authorization).replace('Basic ', '')
  assert.equal(Buffer.from(credentials, 'base64').toString(), 'AC0123456789:sesame-sesame-sesame')
  assert.equal(request!.headers['content-type'], 'application/x-www-form-urlencoded')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request!.body)), {
    To: '+4915112345678',
    From: 'Lindenhof',
    Body: message.text,
  })
})

test('a number that takes no messages is undeliverable, a wrong set-up or a busy provider is not', async () => {
  const { provider, sender } = await twilio()
  const cases = [
    { status: 400, code: 21_211, isFinal: true },
    { status: 400, code: 21_610, isFinal: true },
    { status: 400, code: 21_614, isFinal: true },
    { status: 400, code: 21_617, isFinal: true },
    { status: 400, code: 21_635, isFinal: true },
    // The sender, the regions of the account.
    { status: 400, code: 21_606, isFinal: false },
    { status: 400, code: 21_408, isFinal: false },
    // Something new.
    { status: 400, code: 21_999, isFinal: false },
    { status: 401, code: 20_003, isFinal: false },
    { status: 403, code: 20_005, isFinal: false },
    { status: 404, code: 20_404, isFinal: false },
    { status: 429, code: 20_429, isFinal: false },
    { status: 500, code: 20_500, isFinal: false },
  ]
  for (const { status, code, isFinal } of cases) {
    provider.answer({ status, body: { code, message: `no ${message.to}`, status } })
    const failure = await failureOf(sender.send(message))
    assert.equal(failure instanceof Undeliverable, isFinal, `${status} ${code}`)
    assert.match(failure.message, new RegExp(`${status}, code ${code}`))
    assert.doesNotMatch(failure.message, /4915112345678|sesame/)
  }
})

test('an answer from somebody in between gives up no text message and counts for none', async () => {
  const { provider, sender } = await twilio()
  provider.answer({ status: 400, body: '<html>The plain HTTP request was sent to …</html>' })
  const refused = await failureOf(sender.send(message))
  assert.ok(!(refused instanceof Undeliverable))
  assert.match(refused.message, /\(400\): check SMS_ACCOUNT/)
  for (const body of ['<html>Sign in to this network</html>', {}]) {
    provider.answer({ status: 200, body })
    assert.equal(
      (await failureOf(sender.send(message))).message,
      'The provider of text messages answered something that is not understood (200).',
    )
  }
})

test('no redirect is followed, and an interface that never answers costs no more than the limit', async () => {
  const { provider, sender } = await twilio({ limit: 150 })
  const { provider: other } = await twilio()
  provider.answer({ status: 308, headers: { location: other.url } })
  assert.match((await failureOf(sender.send(message))).message, /cannot be reached/)
  assert.equal(other.requests.length, 0)
  provider.answer(null)
  const silent = await failureOf(sender.send(message))
  assert.ok(!(silent instanceof Undeliverable))
  assert.equal(silent.message, 'The provider of text messages did not answer in time.')
})

test('what became of a text message is told by its status', async () => {
  const { provider, sender } = await twilio()
  const statuses = {
    accepted: 'under-way',
    queued: 'under-way',
    sending: 'under-way',
    sent: 'under-way',
    'something new': 'under-way',
    delivered: 'delivered',
    undelivered: 'failed',
    failed: 'failed',
  }
  for (const [status, delivery] of Object.entries(statuses)) {
    provider.answer({ status: 200, body: { sid: 'SM1', status } })
    assert.equal(await sender.deliveryOf!('SM1'), delivery, status)
  }
  const { method, path } = provider.requests[0]!
  assert.equal(
    `${method} ${path}`,
    'GET /api/laml/2010-04-01/Accounts/AC0123456789/Messages/SM1.json',
  )
  provider.answer({ status: 404 })
  await failureOf(sender.deliveryOf!('SM1'))
})

const numbers: [phone: string, country: string | null, expected: string | null][] = [
  ['+33 1 42 68 53 00', null, '+33142685300'],
  ['0033 1 42 68 53 00', null, '+33142685300'],
  ['+33 1 42 68 53 00', 'Germany', '+33142685300'],
  ['030 / 23125-100', 'Germany', '+493023125100'],
  ['030 23125 100', 'Deutschland', '+493023125100'],
  ['030 23125 100', 'de', '+493023125100'],
  ['(514) 555-0100', 'Canada', '+15145550100'],
  ['01 42 68 53 00', ' FRANCE ', '+33142685300'],
  ['0151 2345678', 'Österreich', '+431512345678'],
  ['07911 123456', 'United Kingdom', '+447911123456'],
  ['07911 123456', 'UK', '+447911123456'],
  ['٠٥٠ ١٢٣ ٤٥٦٧', 'المملكة العربية السعودية', '+966501234567'],
  ['030 23125 100', null, null],
  ['030 23125 100', 'Utopia', null],
  ['no number', 'DE', null],
  ['12', 'DE', null],
  ['', 'DE', null],
]

test('a number is read as people of its country write it, and never guessed', async () => {
  for (const [phone, country, expected] of numbers)
    assert.equal(await toE164(phone, country), expected, `${phone} in ${country}`)
})
