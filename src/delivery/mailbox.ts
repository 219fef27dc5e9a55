// A mailbox in memory that takes every mail and text message: where the demo's go, for people to look
// at them.

import type { Clock, Instant } from '#src/kernel/time.ts'
import {
  Undeliverable,
  type Accepted,
  type Mail,
  type Senders,
  type TextMessage,
} from './delivery.ts'
import { isAddress, messageIdOf, oneLine, senderOf, type Mailbox } from './mailbox-address.ts'

export interface ArrivedMail {
  /** Counted from 1 in the order of arrival. */
  number: number
  arrivedAt: Instant
  channel: 'mail'
  /** Those that an SMTP server would have been given. */
  headers: readonly (readonly [name: string, value: string])[]
  mail: Mail
}

export interface ArrivedText {
  number: number
  arrivedAt: Instant
  channel: 'sms'
  message: TextMessage
}

export type Arrived = ArrivedMail | ArrivedText

export interface MemoryMailbox {
  senders: Senders
  /** Newest first. */
  all(): readonly Arrived[]
  /** Undefined when there is none of this number, or no more. */
  find(number: number): Arrived | undefined
}

/** How many messages are kept; older ones go. */
export const keptMax = 500

/** A mailbox that is empty. Mails in it come from `from`, written as MAIL_FROM is. */
export function createMailbox({ clock, from }: { clock: Clock; from: string }): MemoryMailbox {
  const sender = senderOf(from)
  let kept: Arrived[] = []
  let count = 0

  function keep(arrived: Arrived): Accepted {
    kept = [arrived, ...kept.slice(0, keptMax - 1)]
    return { providerId: String(arrived.number) }
  }

  function next() {
    count += 1
    return { number: count, arrivedAt: clock() }
  }

  return {
    senders: {
      mail: {
        name: 'a mailbox in memory',
        async send(mail) {
          if (!isAddress(mail.to.address))
            throw new Undeliverable('The e-mail address is not one that mail can go to.')
          return keep({ ...next(), channel: 'mail', headers: headersOf(mail, sender), mail })
        },
        deliveryOf: async () => 'delivered',
        close() {},
      },
      sms: {
        name: 'a mailbox in memory',
        send: async (message) => keep({ ...next(), channel: 'sms', message }),
        deliveryOf: async () => 'delivered',
        close() {},
      },
    },
    all: () => kept,
    find: (number) => kept.find((arrived) => arrived.number === number),
  }
}

function headersOf(mail: Mail, sender: Mailbox): ArrivedMail['headers'] {
  const { id, to, replyTo, subject } = mail
  return [
    ['From', written(sender)],
    ['To', written(to)],
    ...(replyTo === null ? [] : [['Reply-To', written(replyTo)] as const]),
    ['Subject', oneLine(subject)],
    ['Message-ID', messageIdOf(id, sender)],
    ['Auto-Submitted', 'auto-generated'],
  ]
}

function written({ name, address }: Mailbox): string {
  const plain = oneLine(name)
  return plain === '' ? address : `${plain} <${address}>`
}
