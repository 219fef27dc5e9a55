// Hands text messages to a provider that speaks the shape of Twilio's interface
// (https://www.twilio.com/docs/messaging/api/message-resource).

import {
  sendMillisecondsMax,
  Undeliverable,
  type Accepted,
  type Delivery,
  type SmsSender,
} from './delivery.ts'
import { askProvider, notUnderstood, textOf, type Answer } from './provider-http.ts'

export interface SmsOptions {
  /** Where the interface is, without a slash at the end. */
  apiUrl: string
  account: string
  token: string
  /** A number by E.164, or a sender's name. */
  from: string
  /** The longest that one call may take, in milliseconds. */
  limit?: number
}

const provider = 'The provider of text messages'

/**
 * A sender of text messages. What it throws says what happened and holds no number. The interface
 * knows no idempotency: a message that is handed over again arrives again.
 */
export function createSmsSender(options: SmsOptions): SmsSender {
  const { apiUrl, account, token, from, limit = sendMillisecondsMax } = options
  const messages = `${apiUrl}/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages`
  const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`
  return {
    name: 'SMS',
    async send({ to, text }) {
      const answer = await askProvider({
        provider,
        url: `${messages}.json`,
        method: 'POST',
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ To: to, From: from, Body: text }).toString(),
        limit,
      })
      return acceptedBy(answer)
    },
    async deliveryOf(providerId) {
      const answer = await askProvider({
        provider,
        url: `${messages}/${encodeURIComponent(providerId)}.json`,
        method: 'GET',
        headers: { authorization },
        limit,
      })
      return deliveryIn(answer)
    },
    close() {},
  }
}

/**
 * Refusals that speak of this recipient (no number, a short code, out of reach, unsubscribed, no mobile, a
 * landline) or of this text (too long). All others, those without a code among them, speak of our account
 * or sender, or come from somebody in between: they hold for every message until they are put right.
 */
const finalCodes = new Set([21_211, 21_214, 21_217, 21_265, 21_610, 21_614, 21_617, 21_635])

function acceptedBy({ status, fields }: Answer): Accepted {
  const code = typeof fields['code'] === 'number' ? fields['code'] : null
  const reason = code === null ? String(status) : `${status}, code ${code}`
  if (status >= 200 && status < 300) {
    const providerId = textOf(fields['sid'])
    if (providerId === '') throw notUnderstood(provider, status)
    return { providerId }
  }
  if (status === 400 && code !== null && finalCodes.has(code))
    throw new Undeliverable(`${provider} refused the message (${reason}).`)
  if (status >= 400 && status < 500 && status !== 429)
    throw new Error(
      `${provider} refused the request (${reason}): check SMS_ACCOUNT, SMS_TOKEN, SMS_FROM and SMS_API_URL.`,
    )
  throw new Error(`${provider} put the message off (${reason}).`)
}

const deliveries: Record<string, Delivery> = {
  delivered: 'delivered',
  read: 'delivered',
  undelivered: 'failed',
  failed: 'failed',
  canceled: 'failed',
}

/** Everything that is no end yet (accepted, queued, sending, sent) is under way. */
function deliveryIn({ status, fields }: Answer): Delivery {
  if (status >= 200 && status < 300) return deliveries[textOf(fields['status'])] ?? 'under-way'
  throw new Error(`${provider} did not say what became of a message (${status}).`)
}
