import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '#src/config.ts'
import { closeSenders, sendersOf } from './senders.ts'

function namesFor(env: Record<string, string>): [mail: string | null, sms: string | null] {
  const senders = sendersOf(loadConfig({ env, envFile: null }))
  closeSenders(senders)
  return [senders.mail?.name ?? null, senders.sms?.name ?? null]
}

const from = { MAIL_FROM: 'visits@example.org' }
const smtp = { SMTP_URL: 'smtp://127.0.0.1:1' }
const resend = { RESEND_API_KEY: 're_0123456789' }
const sms = { SMS_ACCOUNT: 'AC0123', SMS_TOKEN: '0123456789abcdef', SMS_FROM: 'Lindenhof' }

test('a way out is there when all of it is configured, and not before', () => {
  assert.deepEqual(namesFor({}), [null, null])
  assert.deepEqual(namesFor(from), [null, null])
  assert.deepEqual(namesFor({ ...smtp, ...resend }), [null, null])
  assert.deepEqual(namesFor({ ...from, ...smtp }), ['SMTP', null])
  assert.deepEqual(namesFor({ ...from, ...resend }), ['Resend', null])
  assert.deepEqual(namesFor({ ...from, ...smtp, ...resend }), ['SMTP', null])
  for (const name of Object.keys(sms))
    assert.deepEqual(namesFor({ ...sms, [name]: '' }), [null, null])
  assert.deepEqual(namesFor({ ...from, ...resend, ...sms }), ['Resend', 'SMS'])
})
