// Names and addresses as they may stand in the header of a mail, whatever was typed into them.

import { domainToASCII } from 'node:url'

export interface Mailbox {
  name: string
  address: string
}

/** The sender of MAIL_FROM in its parts: an address, or a name and an address in <>. */
export function senderOf(from: string): Mailbox {
  const [, name = '', address = from] = /^(.*?)\s*<([^<>]*)>$/u.exec(from) ?? []
  return { name: name.replace(/^"(.*)"$/u, '$1').trim(), address }
}

/**
 * The Message-ID (RFC 5322, 3.6.4) of a mail, with its brackets: the same each time that it is sent, so
 * that whoever receives it twice can tell.
 */
export function messageIdOf(id: string, from: Mailbox): string {
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  return `<${id}@${domainToASCII(domain) || 'localhost'}>`
}

/** The text on one line: line breaks and other control characters would begin a header of their own. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
}

/** Whether this is the address of one person, and nothing that a mail server would read as more. */
export function isAddress(text: string): boolean {
  return /^[^\s\p{Cc}<>()[\],;:\\"@]+@[^\s\p{Cc}<>()[\],;:\\"@]+$/u.test(text) && text.length <= 320
}
