// How messages leave Visita: what a mail and a text message are, and what a provider of them can do.

/** A mail that is ready to go. */
export interface Mail {
  /** Names the mail for good: its Message-ID is made of it, so that a second sending can be told. */
  id: string
  to: { name: string; address: string }
  /** Whom an answer goes to. */
  replyTo: { name: string; address: string } | null
  subject: string
  text: string
  html: string
  /** An invitation by RFC 6047: the whole iCalendar object and its method. */
  calendar: { method: 'REQUEST' | 'CANCEL'; content: string } | null
}

export interface TextMessage {
  id: string
  /** E.164, such as +33123456789. */
  to: string
  text: string
}

export interface Accepted {
  /** Under which name the provider knows the message; null when it says none. */
  providerId: string | null
}

/** What the provider says later of a message that it took. */
export type Delivery = 'under-way' | 'delivered' | 'failed'

/** A way out for one kind of message. */
export interface Sender<Message> {
  /** What it is, for operators: "SMTP", "Resend". */
  readonly name: string
  /**
   * Hands the message over, within 30 s.
   *
   * @throws Undeliverable when trying again would be of no use, anything else when it would.
   */
  send(message: Message): Promise<Accepted>
  /** Asks what became of it; null for a provider that cannot tell. */
  readonly deliveryOf: ((providerId: string) => Promise<Delivery>) | null
  close(): void
}

export type MailSender = Sender<Mail>
export type SmsSender = Sender<TextMessage>

/** The ways out of this process; null for one that is not configured. */
export interface Senders {
  mail: MailSender | null
  sms: SmsSender | null
}

/** This message cannot reach its recipient. The reason holds no address. */
export class Undeliverable extends Error {}

/** The longest that handing a message over may take, in milliseconds. */
export const sendMillisecondsMax = 30_000
