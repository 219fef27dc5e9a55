// A mail server on loopback that keeps what it is given, read by a parser that is not ours.

import { once } from 'node:events'
import PostalMime, { type Email } from 'postal-mime'
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerEnvelope,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server'

/** A mail that arrived. */
export interface ParsedMail {
  /** As it came over the wire. */
  raw: string
  /** Where the envelope says it comes from and goes to, whatever its headers say. */
  envelope: { from: string; to: string[] }
  /** It came over an encrypted connection. */
  isEncrypted: boolean
  /** Whom the sender signed in as. */
  user: string | null
  /** What the parser makes of it. */
  email: Email
}

/** Where a refusal can happen. */
export type RefusalStep = 'MAIL FROM' | 'RCPT TO' | 'DATA'

/** Answers the SMTP code to refuse with (550, 451 …), or null to accept. */
export type Refuse = (address: string, step: RefusalStep) => number | null

export interface MailServer {
  /** For SMTP_URL. */
  url: string
  /** All mails so far, in the order in which they were acknowledged. */
  received: ParsedMail[]
  /** The next mails that no earlier call has answered, once there are so many. Fails after 10 s. */
  next(count: number): Promise<ParsedMail[]>
  /** From now on, refuses what this says. */
  refuse(decide: Refuse): void
  close(): Promise<void>
}

export interface MailServerOptions {
  /** Offers STARTTLS, with a certificate that nobody trusts. */
  offersTls?: boolean
  /** Who must sign in; nobody when it is left out. */
  login?: { user: string; password: string }
  /** 0 takes any free one. */
  port?: number
}

const waitMillisecondsMax = 10_000

/** Starts a mail server on a free port of 127.0.0.1. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { offersTls = false, login, port = 0 } = options
  const received: ParsedMail[] = []
  const arrival = new EventTarget()
  let refuse: Refuse = () => null
  let handedOut = 0

  async function take(
    stream: SMTPServerDataStream,
    { envelope, secure, user }: SMTPServerSession,
    done: (error?: Error | null, answer?: string) => void,
  ): Promise<void> {
    try {
      const raw = await read(stream)
      const { from, to } = addressesOf(envelope)
      const refused = refusalOf(refuse(to[0] ?? '', 'DATA'))
      if (refused !== null) return done(refused)
      const email = await PostalMime.parse(raw)
      const name = typeof user === 'string' ? user : null
      received.push({ raw, envelope: { from, to }, isEncrypted: secure, user: name, email })
      arrival.dispatchEvent(new Event('mail'))
      return done(null, `Ok: queued as test-${received.length}`)
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)))
    }
  }

  const server = new SMTPServer({
    ...withSignIn(login),
    disabledCommands: [...(offersTls ? [] : ['STARTTLS']), ...(login ? [] : ['AUTH'])],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onMailFrom: ({ address }, _session, done) => done(refusalOf(refuse(address, 'MAIL FROM'))),
    onRcptTo: ({ address }, _session, done) => done(refusalOf(refuse(address, 'RCPT TO'))),
    onData: (stream, session, done) => void take(stream, session, done),
  })
  // A sender that is killed breaks its connection, which is no fault of the server.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  const credentials = login ? `${login.user}:${encodeURIComponent(login.password)}@` : ''
  return {
    url: `smtp://${credentials}127.0.0.1:${address.port}`,
    received,
    async next(count) {
      const limit = AbortSignal.timeout(waitMillisecondsMax)
      const [from, to] = [handedOut, handedOut + count]
      handedOut = to
      while (received.length < to)
        await once(arrival, 'mail', { signal: limit }).catch(() => {
          throw new Error(`${received.length - from} of ${count} mails came.`)
        })
      return received.slice(from, to)
    },
    refuse(decide) {
      refuse = decide
    },
    async close() {
      for (const { _socket: socket } of server.connections) socket.destroy()
      await new Promise<void>((resolve) => server.close(resolve))
    },
  }
}

function withSignIn(login: MailServerOptions['login']): SMTPServerOptions {
  if (login === undefined) return { authOptional: true }
  return {
    onAuth({ username, password }, _session, done) {
      if (username === login.user && password === login.password) done(null, { user: username })
      else done(Object.assign(new Error('wrong name or password'), { responseCode: 535 }))
    },
  }
}

function refusalOf(code: number | null): Error | null {
  if (code === null) return null
  return Object.assign(new Error('refused by the test'), { responseCode: code })
}

function addressesOf({ mailFrom, rcptTo }: SMTPServerEnvelope): { from: string; to: string[] } {
  return {
    from: mailFrom === false ? '' : mailFrom.address,
    to: rcptTo.map(({ address }) => address),
  }
}

async function read(stream: SMTPServerDataStream): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
