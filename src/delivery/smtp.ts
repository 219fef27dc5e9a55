// Hands mails to an SMTP server (RFC 5321), over connections that are kept open for the next ones.

import { domainToASCII } from 'node:url'
import {
  createTransport,
  type NodemailerError,
  type SendMailOptions,
  type SMTPPoolSentMessageInfo,
} from 'nodemailer'
import { isLoopback } from '#src/kernel/loopback.ts'
import { sendMillisecondsMax, Undeliverable, type Mail, type MailSender } from './delivery.ts'
import { isAddress, messageIdOf, oneLine, senderOf, type Mailbox } from './mailbox-address.ts'

export interface SmtpOptions {
  /** smtp:// or smtps://, as `SMTP_URL` has it. */
  url: string
  /** The sender, as `MAIL_FROM` has it. */
  from: string
  /** The longest that one mail may take, in milliseconds. */
  limit?: number
}

/** A sender over SMTP. What it throws says what happened and holds no address. */
export function createSmtpSender(options: SmtpOptions): MailSender {
  const { url, limit = sendMillisecondsMax } = options
  const from = senderOf(options.from)
  const transport = createTransport({
    pool: true,
    ...connectionOf(new URL(url)),
    // A connection that the server has given up since is replaced at once, a second failure is told.
    maxRequeues: 1,
    disableFileAccess: true,
    disableUrlAccess: true,
    // The limit below ends a sending as a whole; these end a connection on which nothing happens.
    connectionTimeout: limit,
    greetingTimeout: limit,
    dnsTimeout: limit,
    socketTimeout: limit,
  })
  return {
    name: 'SMTP',
    async send(mail) {
      if (!isAddress(mail.to.address))
        throw new Undeliverable('The e-mail address is not one that mail can go to.')
      try {
        const sent = await transport.sendMail({
          ...messageOf(mail, from),
          signal: AbortSignal.timeout(limit),
        })
        return { providerId: providerIdOf(sent) }
      } catch (error) {
        throw refusalOf(failureOf(error))
      }
    },
    deliveryOf: null,
    close() {
      transport.close()
    },
  }
}

/** A password goes over TLS alone, unless the server is this machine or the URL says otherwise. */
function connectionOf(url: URL) {
  const password = decodeURIComponent(url.password)
  const user = decodeURIComponent(url.username)
  const isSecure = url.protocol === 'smtps:'
  const requireTls = url.searchParams.get('requireTLS')
  const host = hostOf(url)
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isSecure ? 465 : 587) : Number(url.port),
    secure: isSecure,
    requireTLS: requireTls === null ? password !== '' && !isLoopback(host) : requireTls === 'true',
    tls: { rejectUnauthorized: url.searchParams.get('tls.rejectUnauthorized') !== 'false' },
    ...(user === '' ? {} : { auth: { user, pass: password } }),
  }
}

/** The host as DNS knows it, in letters of ASCII; an IPv6 address in its brackets. */
function hostOf({ hostname }: URL): string {
  return domainToASCII(decodeURIComponent(hostname))
}

/**
 * The mail by RFC 5322, as one that no person wrote (RFC 3834). An invitation is the last of the
 * alternatives, with its method (RFC 6047, 2.4), and attached for programs that look for a file.
 */
function messageOf(mail: Mail, from: Mailbox): SendMailOptions {
  const { to, replyTo, calendar } = mail
  return {
    messageId: messageIdOf(mail.id, from),
    from: clean(from),
    to: clean(to),
    ...(replyTo !== null && isAddress(replyTo.address) ? { replyTo: clean(replyTo) } : {}),
    // The envelope is written out, so that no header can add to those who get the mail.
    envelope: { from: from.address, to: [to.address] },
    subject: oneLine(mail.subject),
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: mail.text,
    html: mail.html,
    ...(calendar === null
      ? {}
      : {
          icalEvent: { method: calendar.method, filename: 'invite.ics', content: calendar.content },
        }),
  }
}

function clean({ name, address }: Mailbox): Mailbox {
  return { name: oneLine(name), address }
}

/** Under which name the server keeps the mail, where it says so: "250 2.0.0 Ok: queued as 4bXy…". */
function providerIdOf({ serverMessageId, response }: SMTPPoolSentMessageInfo): string | null {
  return serverMessageId ?? /\bqueued as <?([\w.@-]{1,200})/i.exec(response)?.[1] ?? null
}

/** What is known of a failure. The server's text is left out of it, because it names people. */
interface Failure {
  /** The library's (EAUTH, EENVELOPE …). */
  code: string
  /** The code of the system beneath it, such as ECONNREFUSED; else the library's. */
  cause: string
  /** What was being said, such as "RCPT TO". */
  command: string
  /** The server's reply as its codes (RFC 5321, RFC 3463), such as "550 5.1.1"; empty without one. */
  reply: string
  /** The server said that it relays nothing for us: the set-up is wrong, and not the recipient. */
  isRelayDenied: boolean
  /** The server said that it does not know the sender. */
  isSenderRefused: boolean
}

/** "Relay access denied" (Postfix), "Relaying denied" (Sendmail), "relay not permitted" (Exim). */
const ofRelaying =
  /\brelay(?:ing)? (?:access )?denied|\brelay(?:ing)? not (?:permitted|allowed)|\b(?:unable|not permitted) to relay\b/i

/** "Sender address rejected" (Postfix), "Sender verify failed" (Exim). */
const ofSender = /\bsender (?:address rejected|verify failed)/i

function failureOf(error: unknown): Failure {
  const { code, originalCode, command, response } = error as Partial<NodemailerError>
  const text = response ?? ''
  const [, basic, enhanced] = /^(\d{3})(?:[ -](\d\.\d{1,3}\.\d{1,3}))?/.exec(text) ?? []
  return {
    code: code ?? 'ESOCKET',
    cause: originalCode ?? code ?? 'an unknown error',
    command: command ?? '',
    reply: [basic, enhanced].filter((part) => part !== undefined).join(' '),
    isRelayDenied: ofRelaying.test(text),
    isSenderRefused: ofSender.test(text),
  }
}

/**
 * The replies that speak of this recipient or this mail, by what they answer. An enhanced code (RFC 3463)
 * says of whom: a bad address (5.1), its mailbox (5.2), the size or content of the mail (5.3.4, 5.6). All
 * others, such as 5.7.1 for the policy of the server, come for the sender and for us too, since Postfix
 * refuses those in its reply to RCPT TO. Where there is none, the reply code (RFC 5321, 4.2.3) must do.
 */
const finalReplies: Record<string, RegExp> = {
  'RCPT TO': /^(?:55[0-3]|5\d\d 5\.(?:1\.(?:[0-36]|10)|2\.[0-3]|3\.4|6\.\d+))$/,
  DATA: /^(?:55[24]|5\d\d 5\.(?:1\.(?:[0-36]|10)|3\.4|6\.\d+))$/,
}

/** Codes of Node and OpenSSL for a peer that cannot be trusted, or does not speak TLS. */
const ofCertificates = /CERT|SSL|TLS|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO$/

/**
 * The failure as it is thrown. Only what the server refuses for good of this recipient or this mail is
 * undeliverable: what concerns us, such as a password, a sender or a blocked address, stops all mails,
 * which go once that is put right.
 */
function refusalOf(failure: Failure): Error {
  const { code, cause, command, reply, isRelayDenied, isSenderRefused } = failure
  const isPermanent = reply.startsWith('5')
  if (isPermanent && (isRelayDenied || reply.startsWith('530')))
    return new Error(
      `The mail server takes no mail for others from here (${reply}): check the user and password in SMTP_URL.`,
    )
  if (isPermanent && (isSenderRefused || command === 'MAIL FROM'))
    return new Error(`The mail server refused the sender (${reply}): check MAIL_FROM.`)
  if (finalReplies[command]?.test(reply)) {
    const what = command === 'RCPT TO' ? 'recipient' : 'message'
    return new Undeliverable(`The mail server refused the ${what} (${reply}).`)
  }
  if (code === 'EAUTH')
    return new Error(
      `The mail server refused the sign-in (${reply || cause}): check the user and password in SMTP_URL.`,
    )
  if (code === 'ETLS' || ofCertificates.test(cause))
    return new Error(
      `No encrypted connection to the mail server can be made (${reply || cause}): check the host and port in SMTP_URL, and the certificate there.`,
    )
  if (isPermanent && command in finalReplies)
    return new Error(
      `The mail server refused the mail (${reply}): check MAIL_FROM, and what may be sent from here with the user in SMTP_URL.`,
    )
  if (reply !== '') return new Error(`The mail server put the mail off (${reply}).`)
  if (code === 'EABORT' || code === 'ETIMEDOUT')
    return new Error('The mail server did not answer in time.')
  return new Error(
    `The mail server cannot be reached (${cause}): check the host and port in SMTP_URL.`,
  )
}
