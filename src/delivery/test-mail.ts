// One mail to try the configuration with.

import type { Config } from '#src/config.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { Undeliverable } from './delivery.ts'
import { isAddress, senderOf } from './mailbox-address.ts'
import { closeSenders, sendersOf } from './senders.ts'

export interface TestMailResult {
  wasTaken: boolean
  /** For the operator: who took it, or what went wrong and what to check. */
  sentence: string
}

/** Sends a mail to the address by the configured transport. Never throws for a transport that fails. */
export async function sendTestMail(
  config: Pick<Config, 'mail' | 'sms'>,
  address: string,
): Promise<TestMailResult> {
  if (!isAddress(address))
    return {
      wasTaken: false,
      sentence: `"${address}" is no e-mail address, such as you@example.org.`,
    }
  const senders = sendersOf(config)
  const { from, smtpUrl, resendApiKey } = config.mail
  if (senders.mail === null || from === null) {
    const missing = [
      ...(from === null ? ['MAIL_FROM'] : []),
      ...(smtpUrl === null && resendApiKey === null ? ['SMTP_URL or RESEND_API_KEY'] : []),
    ]
    return {
      wasTaken: false,
      sentence: `E-mail is not set up. Set ${missing.join(', and ')}, in the environment or in .env.`,
    }
  }
  const by =
    smtpUrl === null
      ? senders.mail.name
      : `the mail server ${decodeURIComponent(new URL(smtpUrl).host)}`
  try {
    const { providerId } = await senders.mail.send({
      id: newId(),
      to: { name: '', address },
      replyTo: null,
      subject: 'A test mail from Visita',
      text: `This mail shows that Visita can send e-mail as ${from}.\nThere is nothing to do.\n`,
      html: page,
      calendar: null,
    })
    const name = providerId === null ? '' : ` as ${providerId}`
    const domain = senderOf(from).address.split('@').at(-1)
    return {
      wasTaken: true,
      sentence: `The mail to ${address} was taken by ${by}${name}. If it does not arrive, look among the junk mail and check the SPF and DKIM records of ${domain}.`,
    }
  } catch (error) {
    const advice =
      error instanceof Undeliverable ? ' Check the address, and what MAIL_FROM may send.' : ''
    return { wasTaken: false, sentence: `Not sent by ${by}. ${messageOf(error)}${advice}` }
  } finally {
    closeSenders(senders)
  }
}

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A test mail from Visita</title></head>
<body><p>This mail shows that Visita can send e-mail.<br>There is nothing to do.</p></body>
</html>
`
