// Hands mails to Resend's HTTP interface (https://resend.com/docs/api-reference/emails).

import {
  sendMillisecondsMax,
  Undeliverable,
  type Accepted,
  type Delivery,
  type Mail,
  type MailSender,
} from './delivery.ts'
import { isAddress, messageIdOf, oneLine, senderOf, type Mailbox } from './mailbox-address.ts'
import { askProvider, notUnderstood, textOf, type Answer } from './provider-http.ts'

export interface ResendOptions {
  apiKey: string
  /** The sender, as `MAIL_FROM` has it. */
  from: string
  /** Where the interface is, without a slash at the end. */
  url?: string
  /** The longest that one call may take, in milliseconds. */
  limit?: number
}

/** A sender over Resend. What it throws says what happened and holds no address. */
export function createResendSender(options: ResendOptions): MailSender {
  const { apiKey, from, url = 'https://api.resend.com', limit = sendMillisecondsMax } = options
  const authorization = `Bearer ${apiKey}`
  return {
    name: 'Resend',
    async send(mail) {
      if (!isAddress(mail.to.address))
        throw new Undeliverable('The e-mail address is not one that mail can go to.')
      const answer = await askProvider({
        provider: 'Resend',
        url: `${url}/emails`,
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          // Kept for 24 hours there: a mail that is sent again within them goes out once.
          'idempotency-key': mail.id,
        },
        body: JSON.stringify(requestOf(mail, senderOf(from))),
        limit,
      })
      return acceptedBy(answer)
    },
    async deliveryOf(providerId) {
      const answer = await askProvider({
        provider: 'Resend',
        url: `${url}/emails/${encodeURIComponent(providerId)}`,
        method: 'GET',
        headers: { authorization },
        limit,
      })
      return deliveryIn(answer)
    },
    close() {},
  }
}

function requestOf(mail: Mail, from: Mailbox): Record<string, unknown> {
  const { to, replyTo, calendar } = mail
  return {
    from: written(from),
    to: [written(to)],
    ...(replyTo !== null && isAddress(replyTo.address) ? { reply_to: [written(replyTo)] } : {}),
    subject: oneLine(mail.subject),
    text: mail.text,
    html: mail.html,
    headers: { 'Message-ID': messageIdOf(mail.id, from), 'Auto-Submitted': 'auto-generated' },
    ...(calendar === null
      ? {}
      : {
          attachments: [
            {
              filename: 'invite.ics',
              content: Buffer.from(calendar.content).toString('base64'),
              content_type: `text/calendar; charset=utf-8; method=${calendar.method}`,
            },
          ],
        }),
  }
}

/** "Name <address>", where the name is free of what has a meaning in headers: it cannot be quoted there. */
function written({ name, address }: Mailbox): string {
  const plain = oneLine(name.replaceAll(/[<>()[\],;:\\"@]/g, ' '))
  return plain === '' ? address : `${plain} <${address}>`
}

/**
 * Whether it is the recipient's address that is refused. A `validation_error` can be about any field,
 * and names it in its message: "Invalid `to` field. …". One about the sender stops every mail.
 */
function isOfRecipient({ status, fields }: Answer): boolean {
  const name = textOf(fields['name'])
  if (status !== 400 && status !== 422) return false
  if (name === 'invalid_to_address') return true
  return name === 'validation_error' && /[`'"]to[`'"]/.test(textOf(fields['message']))
}

function acceptedBy(answer: Answer): Accepted {
  const { status, fields } = answer
  if (status >= 200 && status < 300) {
    const providerId = textOf(fields['id'])
    if (providerId === '') throw notUnderstood('Resend', status)
    return { providerId }
  }
  const [name = 'no reason'] = /^\w{1,60}$/.exec(textOf(fields['name'])) ?? []
  // An earlier sending of the same mail was taken; this one differs from it, say by a link's wording.
  if (name === 'invalid_idempotent_request') return { providerId: null }
  if (isOfRecipient(answer))
    throw new Undeliverable(`Resend refused the recipient (${status} ${name}).`)
  if ([400, 401, 403, 422].includes(status))
    throw new Error(
      `Resend refused the request (${status} ${name}): check RESEND_API_KEY, and that the domain of MAIL_FROM is verified there.`,
    )
  throw new Error(`Resend put the mail off (${status} ${name}).`)
}

const deliveries: Record<string, Delivery> = {
  delivered: 'delivered',
  opened: 'delivered',
  clicked: 'delivered',
  complained: 'delivered',
  bounced: 'failed',
  failed: 'failed',
  canceled: 'failed',
  suppressed: 'failed',
}

function deliveryIn({ status, fields }: Answer): Delivery {
  if (status >= 200 && status < 300) return deliveries[textOf(fields['last_event'])] ?? 'under-way'
  // A key that may send and nothing else cannot ask, which is no reason to think of a failure.
  if (textOf(fields['name']) === 'restricted_api_key') return 'under-way'
  throw new Error(`Resend did not say what became of a mail (${status}).`)
}
