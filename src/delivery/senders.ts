// The ways out that a configuration sets up.

import type { Config } from '#src/config.ts'
import type { Senders } from './delivery.ts'
import { createResendSender } from './resend.ts'
import { createSmsSender } from './sms.ts'
import { createSmtpSender } from './smtp.ts'

/** Makes the senders that are configured in full. They connect when they first send. */
export function sendersOf({ mail, sms }: Pick<Config, 'mail' | 'sms'>): Senders {
  return { mail: mailSenderOf(mail), sms: smsSenderOf(sms) }
}

/** With both transports, SMTP is used; the configuration has warned of that. */
function mailSenderOf({ from, smtpUrl, resendApiKey }: Config['mail']): Senders['mail'] {
  if (from === null) return null
  if (smtpUrl !== null) return createSmtpSender({ url: smtpUrl, from })
  return resendApiKey === null ? null : createResendSender({ apiKey: resendApiKey, from })
}

function smsSenderOf({ apiUrl, account, token, from }: Config['sms']): Senders['sms'] {
  if (account === null || token === null || from === null) return null
  return createSmsSender({ apiUrl, account, token, from })
}

/** Gives up their connections. What is being sent at the moment is finished first. */
export function closeSenders({ mail, sms }: Senders): void {
  mail?.close()
  sms?.close()
}
