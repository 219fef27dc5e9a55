import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { after, test } from 'node:test'
import {
  startMailServer,
  type MailServer,
  type MailServerOptions,
} from '#test/support/mail-server.ts'
import { Undeliverable, type Mail, type MailSender } from './delivery.ts'
import { isAddress, messageIdOf, senderOf } from './mailbox-address.ts'
import { createSmtpSender } from './smtp.ts'

const closing: (() => void | Promise<void>)[] = []

after(async () => {
  for (const close of closing.toReversed()) await close()
})

async function mailServer(options?: MailServerOptions): Promise<MailServer> {
  const server = await startMailServer(options)
  closing.push(() => server.close())
  return server
}

function senderTo(
  url: string,
  { limit = 5000, from = 'Praxis Lindenhof <visits@lindenhof.example.org>' } = {},
): MailSender {
  const sender = createSmtpSender({ url, from, limit })
  closing.push(() => sender.close())
  return sender
}

const calendar = [
  'BEGIN:VCALENDAR',
  'METHOD:REQUEST',
  'SUMMARY:Besuch bei Dr. Müller',
  'END:VCALENDAR',
]
  .map((line) => `${line}\r\n`)
  .join('')

function mail(change: Partial<Mail> = {}): Mail {
  return {
    id: '0199a3c0-0000-7000-8000-000000000001',
    to: { name: 'Anna Berg', address: 'anna@example.org' },
    replyTo: { name: 'Empfang', address: 'empfang@lindenhof.example.org' },
    subject: 'Your visit on Tuesday',
    text: 'You are expected.\n',
    html: '<p>You are <b>expected</b>.</p>',
    calendar: null,
    ...change,
  }
}

async function failureOf(sending: Promise<unknown>): Promise<Error> {
  try {
    await sending
  } catch (error) {
    if (error instanceof Error) return error
  }
  return assert.fail('it was sent')
}

/** The headers of a mail's parts in their order, unfolded. */
function partTypes(raw: string): string[] {
  const unfolded = raw.replaceAll(/\r\n[ \t]+/g, ' ')
  return [...unfolded.matchAll(/^Content-Type: (.*)$/gim)].map(([, value]) => value!)
}

test('a mail arrives whole: sender, answer address, text, HTML, and that no person wrote it', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url)
  const accepted = await sender.send(mail())
  assert.deepEqual(accepted, { providerId: 'test-1' })
  const [arrived] = await server.next(1)
  const { email, envelope, raw } = arrived!
  assert.deepEqual(envelope, { from: 'visits@lindenhof.example.org', to: ['anna@example.org'] })
  assert.deepEqual(email.from, {
    name: 'Praxis Lindenhof',
    address: 'visits@lindenhof.example.org',
  })
  assert.deepEqual(email.to, [{ name: 'Anna Berg', address: 'anna@example.org' }])
  assert.deepEqual(email.replyTo, [{ name: 'Empfang', address: 'empfang@lindenhof.example.org' }])
  assert.equal(email.subject, 'Your visit on Tuesday')
  assert.equal(email.text?.trim(), 'You are expected.')
  assert.equal(email.html?.trim(), '<p>You are <b>expected</b>.</p>')
  assert.equal(email.attachments.length, 0)
  assert.match(raw, /^Auto-Submitted: auto-generated\r$/m)
  assert.ok(!Number.isNaN(Date.parse(email.date ?? '')))
  assert.equal(sender.deliveryOf, null)
})

test('a mail that is sent twice has one Message-ID, another mail another one', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url)
  await sender.send(mail())
  await sender.send(mail({ subject: 'Sent again after a crash' }))
  await sender.send(mail({ id: 'other' }))
  const ids = (await server.next(3)).map(({ email }) => email.messageId)
  const [first] = ids
  assert.equal(first, '<0199a3c0-0000-7000-8000-000000000001@lindenhof.example.org>')
  assert.deepEqual(ids, [first, first, '<other@lindenhof.example.org>'])
})

test('an invitation is the last alternative with its method, and attached as a file (RFC 6047)', async () => {
  for (const method of ['REQUEST', 'CANCEL'] as const) {
    const server = await mailServer()
    const content = calendar.replace('METHOD:REQUEST', `METHOD:${method}`)
    await senderTo(server.url).send(mail({ calendar: { method, content } }))
    const [arrived] = await server.next(1)
    const types = partTypes(arrived!.raw)
    assert.match(types[0]!, /^multipart\/mixed/)
    assert.match(types[1]!, /^multipart\/alternative/)
    assert.match(types[2]!, /^text\/plain/)
    assert.match(types[3]!, /^text\/html/)
    assert.equal(types[4], `text/calendar; charset=utf-8; method=${method}`)
    assert.match(types[5]!, /^application\/ics; name=invite\.ics$/)
    assert.equal(types.length, 6)
    const { attachments } = arrived!.email
    assert.equal(attachments.length, 2)
    const [part, file] = attachments
    // The parser ends the lines of calendars by LF. On the wire they end by CRLF (RFC 5545, 3.1).
    for (const attachment of attachments)
      assert.equal(
        Buffer.from(attachment.content as ArrayBuffer).toString(),
        content.replaceAll('\r\n', '\n'),
      )
    const [, encoded = ''] = /base64\r\n\r\n([^-]*)\r\n--/.exec(arrived!.raw) ?? []
    assert.equal(Buffer.from(encoded, 'base64').toString(), content)
    assert.doesNotMatch(arrived!.raw, /(?<!\r)\n/)
    assert.equal(part?.method, method)
    assert.equal(file?.filename, 'invite.ics')
    assert.equal(file?.disposition, 'attachment')
  }
})

test('names in any script arrive as they are written', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url, { from: '"Клиника, Север" <visits@lindenhof.example.org>' })
  const names = [
    'Zoë Müller-Lüdenscheidt',
    'فاطمة الزهراء',
    '"Doc" O’Neill, Jr. <x@y>',
    '王小明 🦷',
  ]
  for (const name of names)
    await sender.send(
      mail({
        to: { name, address: 'anna@example.org' },
        subject: `Für ${name}`,
        text: `${name}\n`,
        html: `<p dir="auto">${name.replaceAll('<', '&lt;')}</p>`,
      }),
    )
  const arrived = await server.next(names.length)
  for (const [index, { email, envelope, raw }] of arrived.entries()) {
    const name = names[index]!
    assert.deepEqual(email.to, [{ name, address: 'anna@example.org' }])
    assert.equal(email.from?.name, 'Клиника, Север')
    assert.equal(email.subject, `Für ${name}`)
    assert.equal(email.text?.trim(), name)
    assert.deepEqual(envelope.to, ['anna@example.org'])
    const [headers = ''] = raw.split('\r\n\r\n')
    assert.match(headers, /^[\x20-\x7e\r\n]*$/)
    assert.ok(raw.split('\r\n').every((line) => Buffer.byteLength(line) <= 998))
  }
})

test('nothing that is typed into a name or a subject makes a header or a recipient', async () => {
  const server = await mailServer()
  const evil = 'Anna\r\nBcc: all@example.org\r\n\r\n<script>\u2028X: y\0'
  await senderTo(server.url).send(
    mail({
      to: { name: evil, address: 'anna@example.org' },
      replyTo: { name: evil, address: 'a@example.org\r\nCc: b@example.org' },
      subject: evil,
    }),
  )
  const [arrived] = await server.next(1)
  const { email, envelope } = arrived!
  assert.deepEqual(envelope.to, ['anna@example.org'])
  const names = email.headers.map(({ key }) => key).sort()
  assert.deepEqual(names, [
    'auto-submitted',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ])
  assert.equal(email.subject, 'Anna Bcc: all@example.org <script> X: y')
})

test('an address that would be read as more than one is refused before anything is said', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url)
  const addresses = [
    'a@example.org, b@example.org',
    'a@example.org\r\nRCPT TO:<b@example.org>',
    '<a@example.org>',
    'Group: a@example.org;',
    'a b@example.org',
    'a@b@example.org',
    '"a@b"@example.org',
    'nobody',
    '',
  ]
  for (const address of addresses) {
    const failure = await failureOf(sender.send(mail({ to: { name: 'Anna', address } })))
    assert.ok(failure instanceof Undeliverable, address)
    assert.doesNotMatch(failure.message, /example|@/)
  }
  assert.equal(server.received.length, 0)
  assert.ok(isAddress('anna.berg+visits@sub.example.org'))
  assert.ok(isAddress('jörg@bücher.example'))
})

test('what the server refuses for good is undeliverable, what it puts off is not, and both name nobody', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url)
  const cases = [
    { code: 550, step: 'RCPT TO', isFinal: true },
    { code: 553, step: 'RCPT TO', isFinal: true },
    { code: 554, step: 'DATA', isFinal: true },
    { code: 450, step: 'RCPT TO', isFinal: false },
    { code: 451, step: 'DATA', isFinal: false },
    { code: 452, step: 'RCPT TO', isFinal: false },
    // These speak of us, not of the recipient.
    { code: 530, step: 'RCPT TO', isFinal: false },
    { code: 550, step: 'MAIL FROM', isFinal: false },
    { code: 450, step: 'MAIL FROM', isFinal: false },
  ]
  for (const { code, step, isFinal } of cases) {
    server.refuse((_address, at) => (at === step ? code : null))
    const failure = await failureOf(sender.send(mail()))
    assert.equal(failure instanceof Undeliverable, isFinal, `${code} at ${step}`)
    assert.match(failure.message, new RegExp(String(code)))
    assert.doesNotMatch(failure.message, /@|anna|refused by the test/)
  }
  server.refuse(() => null)
  await sender.send(mail())
  assert.equal(server.received.length, 1)
})

test('one refused recipient does not touch the mails of others, sent at the same time', async () => {
  const server = await mailServer()
  const sender = senderTo(server.url)
  server.refuse((address) => (address.startsWith('gone') ? 550 : null))
  const sendings = Array.from({ length: 30 }, (_, index) => {
    const address = index % 3 === 0 ? `gone${index}@example.org` : `here${index}@example.org`
    return sender.send(mail({ id: `m${index}`, to: { name: '', address } }))
  })
  const results = await Promise.allSettled(sendings)
  for (const [index, { status }] of results.entries())
    assert.equal(status, index % 3 === 0 ? 'rejected' : 'fulfilled')
  assert.equal(server.received.length, 20)
})

test('a server that relays nothing for us is a wrong set-up, not a wrong recipient', async () => {
  const server = await scriptedServer((line) =>
    line.startsWith('RCPT') ? '554 5.7.1 <anna@example.org>: Relay access denied' : undefined,
  )
  const failure = await failureOf(senderTo(server).send(mail()))
  assert.ok(!(failure instanceof Undeliverable))
  assert.equal(
    failure.message,
    'The mail server takes no mail for others from here (554 5.7.1): check the user and password in SMTP_URL.',
  )
})

const replies: [step: 'RCPT TO' | 'DATA', reply: string, isFinal: boolean][] = [
  // Of the recipient or the mail.
  ['RCPT TO', '550 5.1.0 <anna@example.org> unknown', true],
  ['RCPT TO', '550 5.1.1 <anna@relay.example.org>: no mailbox for relay.example.org', true],
  ['RCPT TO', '556 5.1.10 example.org takes no mail', true],
  ['RCPT TO', '550 5.1.6 anna has moved', true],
  ['RCPT TO', '550 5.2.1 mailbox of anna disabled', true],
  ['RCPT TO', '552 5.2.2 mailbox of anna full', true],
  ['RCPT TO', '550-5.1.1 anna does not exist.\r\n550 5.1.1 Learn more', true],
  ['RCPT TO', '550 no anna here', true],
  ['RCPT TO', '553 5.6.7 anna needs SMTPUTF8', true],
  ['DATA', '552 5.3.4 too big for anna', true],
  ['DATA', '554 5.6.0 anna gets no calendars', true],
  ['DATA', '552 too big', true],
  // Of the sender, the client, or what this server lets through.
  ['RCPT TO', '553 5.7.1 <a@b>: Sender address rejected: not owned by user visits', false],
  ['RCPT TO', '550 5.1.0 <a@b>: Sender address rejected: User unknown in virtual table', false],
  ['RCPT TO', '550-Verification failed for <a@b>\r\n550 Sender verify failed', false],
  ['RCPT TO', '554 5.7.1 <host[192.0.2.1]>: Client host rejected: Access denied', false],
  ['RCPT TO', '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus', false],
  ['RCPT TO', '550 5.1.8 Access denied, bad outbound sender', false],
  ['RCPT TO', '501 5.1.7 bad sender address syntax', false],
  ['RCPT TO', '550 5.4.1 Recipient address rejected: Access denied', false],
  ['RCPT TO', '504 5.5.2 <visita>: Helo command rejected: need fully-qualified hostname', false],
  ['RCPT TO', '550 5.7.1 <anna@example.org>... Relaying denied', false],
  ['RCPT TO', '550 relay not permitted', false],
  ['RCPT TO', '550 5.7.54 Unable to relay recipient in non-accepted domain', false],
  ['RCPT TO', '554 no', false],
  ['DATA', '550 5.4.5 Daily user sending limit exceeded', false],
  ['DATA', '550 5.7.26 This mail is unauthenticated (SPF and DKIM)', false],
  ['DATA', '550 5.7.60 Client does not have permissions to send as this sender', false],
  ['DATA', '554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException', false],
  ['DATA', '550 no', false],
]

test('only a reply about this recipient or this mail gives it up, not one about us', async () => {
  let [step, reply] = replies[0]!
  const server = await scriptedServer((line) =>
    (step === 'RCPT TO' ? line.startsWith('RCPT') : line === '.') ? reply : undefined,
  )
  const sender = senderTo(server)
  for (const [nextStep, nextReply, isFinal] of replies) {
    step = nextStep
    reply = nextReply
    const failure = await failureOf(sender.send(mail()))
    assert.equal(failure instanceof Undeliverable, isFinal, `${reply} at ${step}`)
    assert.ok(failure.message.includes(reply.slice(0, 3)), failure.message)
    assert.doesNotMatch(failure.message, /anna|@/)
  }
})

test('a refusal of the sender, the sign-in or the client says what to check', async () => {
  const told = {
    '550 5.1.0 <a@b>: Sender address rejected: User unknown': /refused the sender .* MAIL_FROM\.$/,
    '530 5.7.57 Client not authenticated': /no mail for others .* user and password in SMTP_URL\.$/,
    '554 5.7.1 Client host rejected':
      /refused the mail .* MAIL_FROM, and what may be sent from here/,
  }
  let reply = ''
  const server = await scriptedServer((line) => (line.startsWith('RCPT') ? reply : undefined))
  const sender = senderTo(server)
  for (const [next, expected] of Object.entries(told)) {
    reply = next
    assert.match((await failureOf(sender.send(mail()))).message, expected)
  }
})

test('a server with a name beyond ASCII is looked up as DNS knows it', async () => {
  const server = await mailServer()
  const { port } = new URL(server.url)
  // Its letters are those of "localhost" in their full-width forms.
  await senderTo(`smtp://ｌｏｃａｌｈｏｓｔ:${port}`).send(mail())
  assert.equal(server.received.length, 1)
})

test('the reason keeps the codes of the reply and not its text, which names people', async () => {
  const server = await scriptedServer((line) =>
    line.startsWith('RCPT') ? '550 5.1.1 <anna@example.org>: Anna Berg is unknown here' : undefined,
  )
  const failure = await failureOf(senderTo(server).send(mail()))
  assert.ok(failure instanceof Undeliverable)
  assert.equal(failure.message, 'The mail server refused the recipient (550 5.1.1).')
})

test('a server that is not there, or hangs up at once, is a failure for now', async () => {
  const server = await mailServer()
  await server.close()
  const refused = await failureOf(senderTo(server.url).send(mail()))
  assert.ok(!(refused instanceof Undeliverable))
  assert.match(refused.message, /cannot be reached \(ECONNREFUSED\)/)

  const rude = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
  closing.push(() => void rude.close())
  const { port } = rude.address() as AddressInfo
  const dropped = await failureOf(senderTo(`smtp://127.0.0.1:${port}`).send(mail()))
  assert.ok(!(dropped instanceof Undeliverable))
  assert.match(dropped.message, /^The mail server cannot be reached/)
})

test('a server that takes the connection and never answers costs no more than the limit', async () => {
  const silent = await scriptedServer(() => undefined, { greets: false })
  const started = process.hrtime.bigint()
  const failure = await failureOf(senderTo(silent, { limit: 200 }).send(mail()))
  assert.ok(!(failure instanceof Undeliverable))
  assert.equal(failure.message, 'The mail server did not answer in time.')
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n)
})

test('a server that trickles its answers costs no more than the limit, nor do the mails behind it', async () => {
  const trickling = await scriptedServer(
    (line, socket) => {
      if (!line.startsWith('RCPT')) return undefined
      const timer = setInterval(() => socket.write('250-still thinking\r\n'), 20)
      socket.on('close', () => clearInterval(timer))
      return ''
    },
    { greets: true },
  )
  const started = process.hrtime.bigint()
  const sender = senderTo(trickling, { limit: 300 })
  const results = await Promise.allSettled(
    Array.from({ length: 12 }, (_, index) => sender.send(mail({ id: `m${index}` }))),
  )
  assert.ok(results.every(({ status }) => status === 'rejected'))
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n)
})

test('STARTTLS is used when it is offered, and an untrusted certificate stops the mail', async () => {
  const server = await mailServer({ offersTls: true })
  const refused = await failureOf(senderTo(server.url).send(mail()))
  assert.ok(!(refused instanceof Undeliverable))
  assert.match(refused.message, /^No encrypted connection to the mail server can be made/)
  assert.equal(server.received.length, 0)

  const smtps = server.url.replace('smtp:', 'smtps:')
  const unspoken = await failureOf(senderTo(smtps).send(mail()))
  assert.match(unspoken.message, /^No encrypted connection to the mail server can be made/)

  await senderTo(`${server.url}?tls.rejectUnauthorized=false`).send(mail())
  const [arrived] = await server.next(1)
  assert.equal(arrived!.isEncrypted, true)
})

test('without STARTTLS a mail goes in the clear, unless the URL insists on it', async () => {
  const server = await mailServer()
  await senderTo(server.url).send(mail())
  const [arrived] = await server.next(1)
  assert.equal(arrived!.isEncrypted, false)

  const refused = await failureOf(senderTo(`${server.url}?requireTLS=true`).send(mail()))
  assert.match(refused.message, /^No encrypted connection to the mail server can be made/)
  assert.equal(server.received.length, 1)
})

test('who signs in is let in, and a wrong password is a failure for now that says what to check', async () => {
  const server = await mailServer({ login: { user: 'visits', password: 'p@ss/word' } })
  await senderTo(server.url).send(mail())
  const [arrived] = await server.next(1)
  assert.equal(arrived!.user, 'visits')

  const wrong = server.url.replace(encodeURIComponent('p@ss/word'), 'sesame')
  const refused = await failureOf(senderTo(wrong).send(mail()))
  assert.ok(!(refused instanceof Undeliverable))
  assert.match(refused.message, /^The mail server refused the sign-in \(535.*SMTP_URL/)
  assert.doesNotMatch(refused.message, /sesame/)
})

test('connections are kept for the next mails, and given up in the end', async () => {
  let connections = 0
  const server = await scriptedServer(() => undefined, {
    onConnection: () => {
      connections += 1
    },
  })
  const sender = createSmtpSender({ url: server, from: 'visits@lindenhof.example.org' })
  for (let index = 0; index < 5; index += 1) await sender.send(mail())
  assert.equal(connections, 1)
  sender.close()
  const closed = await failureOf(sender.send(mail()))
  assert.ok(!(closed instanceof Undeliverable))
})

test('a connection that the server gave up in the meantime costs no mail its sending', async () => {
  const connections: Socket[] = []
  const server = await scriptedServer(() => undefined, {
    onConnection: (socket) => void connections.push(socket),
  })
  const sender = senderTo(server)
  await sender.send(mail())
  const [first] = connections
  const closed = once(first!, 'close')
  first!.destroy()
  await closed
  await sender.send(mail())
  assert.equal(connections.length, 2)
})

test('a sender is read as MAIL_FROM writes it, and a domain of any script makes an ASCII Message-ID', () => {
  assert.deepEqual(senderOf('a@b.example'), { name: '', address: 'a@b.example' })
  assert.deepEqual(senderOf('<a@b.example>'), { name: '', address: 'a@b.example' })
  assert.deepEqual(senderOf('North Clinics <a@b.example>'), {
    name: 'North Clinics',
    address: 'a@b.example',
  })
  assert.deepEqual(senderOf('"Clinic, North" <a@b.example>'), {
    name: 'Clinic, North',
    address: 'a@b.example',
  })
  const idn = messageIdOf('m1', { name: '', address: 'praxis@bücher.example' })
  assert.equal(idn, '<m1@xn--bcher-kva.example>')
})

/**
 * A mail server of a few lines that answers each command as `answer` says: a reply, an empty text for
 * silence, undefined for what a server says as a rule.
 */
async function scriptedServer(
  answer: (line: string, socket: Socket) => string | undefined,
  {
    greets = true,
    onConnection = () => {},
  }: { greets?: boolean; onConnection?: (socket: Socket) => void } = {},
): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    onConnection(socket)
    sockets.add(socket)
    let isMessage = false
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (greets) socket.write('220 test\r\n')
    let rest = ''
    socket.on('data', (chunk) => {
      rest += chunk.toString()
      const lines = rest.split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (isMessage && line !== '.') continue
        const isEnd = isMessage
        isMessage = line === 'DATA'
        const usual = line === 'DATA' ? '354 go on' : '250 ok'
        const reply = answer(line, socket) ?? (isEnd ? '250 kept' : usual)
        if (greets && reply !== '') socket.write(`${reply}\r\n`)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
}
