// The page at /dev/mail: what is in the demo's mailbox, and one message of it.

import { formatForPeople, formatUtc } from '#src/kernel/time.ts'
import type { Arrived, ArrivedMail, ArrivedText } from './mailbox.ts'
import { html, linked, nothing, type Markup } from './markup.ts'

export interface MailboxView {
  /** Newest first. */
  all: readonly Arrived[]
  /** Only what went to this address or number is listed. */
  to: string | null
  /** The message that is open; null for none, undefined for one that is not there. */
  open: Arrived | null | undefined
}

/** The whole page. */
export function mailboxPage({ all, to, open }: MailboxView): string {
  const listed = to === null ? all : all.filter((arrived) => recipientOf(arrived).key === to)
  const title = open ? titleOf(open) : 'Mailbox'
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${title} – Visita demo</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/dev/mail/mailbox.css" />
        <script src="/dev/mail/mailbox.js" type="module"></script>
        ${open === null ? html`<noscript><meta http-equiv="refresh" content="5" /></noscript>` : nothing}
      </head>
      <body class="${stateOf({ all, open })}">
        <header>
          <p class="brand"><a href="/dev/mail">Visita</a></p>
          <p class="place">Mailbox of the demo</p>
          ${filterOf(all, to)}
        </header>
        <div class="panes">
          <nav id="messages" aria-label="Messages">${listOf(listed, { to, open })}</nav>
          <main id="message">${paneOf({ open, to, isEmpty: all.length === 0 })}</main>
        </div>
      </body>
    </html> `
  return page.markup
}

/** What a screen with room for one thing shows: the list, or the message beside it. */
function stateOf({ all, open }: Pick<MailboxView, 'all' | 'open'>): string {
  if (open !== null) return 'reading'
  return all.length === 0 ? 'empty' : 'listing'
}

function filterOf(all: readonly Arrived[], to: string | null): Markup {
  const recipients = new Map<string, { name: string; count: number }>()
  for (const arrived of all) {
    const { key, name } = recipientOf(arrived)
    recipients.set(key, { name, count: (recipients.get(key)?.count ?? 0) + 1 })
  }
  if (to !== null && !recipients.has(to)) recipients.set(to, { name: to, count: 0 })
  const options = [...recipients].map(
    ([key, { name, count }]) =>
      html`<option value="${key}" ${key === to ? html` selected` : nothing}>
        ${name === key ? name : `${name} · ${key}`} (${count})
      </option>`,
  )
  return html`<form id="filter" action="/dev/mail" role="search">
    <label for="to">To</label>
    <select id="to" name="to">
      <option value="">Everyone (${all.length})</option>
      ${options}
    </select>
    <button type="submit">Show</button>
  </form>`
}

function listOf(
  listed: readonly Arrived[],
  { to, open }: Pick<MailboxView, 'to' | 'open'>,
): Markup {
  if (listed.length === 0)
    return html`<p>${to === null ? 'No messages yet.' : `No messages to ${to}.`}</p>`
  return html`<ol>
    ${listed.map(
      (arrived) =>
        html`<li>
          <a
            href="${addressOf(arrived, to)}"
            ${arrived.number === open?.number ? html` aria-current="page"` : nothing}
          >
            <span class="who"><bdi>${recipientOf(arrived).name}</bdi></span>
            ${timeOf(arrived)}
            <span class="subject"><bdi>${titleOf(arrived)}</bdi></span>
            ${arrived.channel === 'sms' ? html`<span class="mark">Text message</span>` : nothing}
            ${calendarOf(arrived) === null ? nothing : html`<span class="mark">Calendar</span>`}
          </a>
        </li> `,
    )}
  </ol>`
}

function addressOf({ number }: Arrived, to: string | null): string {
  return `/dev/mail/${number}${to === null ? '' : `?to=${encodeURIComponent(to)}`}`
}

function paneOf({ open, to, isEmpty }: Omit<MailboxView, 'all'> & { isEmpty: boolean }): Markup {
  if (open === null)
    return html`<div class="hint">
      <h1>${isEmpty ? 'Nothing has been sent yet' : 'Choose a message'}</h1>
      <p>
        All that this demo sends by e-mail and SMS arrives here, and nowhere else. Book, move or
        cancel a visit: the message comes about a minute later, when the step can no longer be
        undone.
      </p>
    </div>`
  const back = html`<p class="back">
    <a href="/dev/mail${to === null ? '' : `?to=${encodeURIComponent(to)}`}">All messages</a>
  </p>`
  if (open === undefined)
    return html`${back}
      <div class="hint">
        <h1>This message is not here</h1>
        <p>The mailbox keeps the newest 500, and forgets all when the demo stops.</p>
      </div>`
  return html`${back} ${open.channel === 'mail' ? mailPane(open) : textPane(open)}`
}

function mailPane(arrived: ArrivedMail): Markup {
  const { number, mail, headers } = arrived
  const calendar = calendarOf(arrived)
  return html`<article>
    <h1><bdi>${titleOf(arrived)}</bdi></h1>
    <dl class="envelope">
      ${headers
        .filter(([name]) => ['From', 'To', 'Reply-To'].includes(name))
        .map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      <div>
        <dt>Arrived</dt>
        <dd>${timeOf(arrived)}</dd>
      </div>
    </dl>
    <iframe
      id="body"
      src="/dev/mail/${number}/html"
      height="640"
      title="The message"
      sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    ></iframe>
    <details>
      <summary>As plain text</summary>
      <pre dir="auto">${linked(mail.text)}</pre>
    </details>
    ${
      calendar === null
        ? nothing
        : html`<details>
            <summary>Calendar: ${calendar.method}</summary>
            <p><a href="/dev/mail/${number}/invite.ics" download>Download invite.ics</a></p>
            <pre>${calendar.content}</pre>
          </details>`
    }
    <details>
      <summary>Headers</summary>
      <pre>${headers.map(([name, value]) => `${name}: ${value}`).join('\n')}</pre>
    </details>
  </article>`
}

function textPane(arrived: ArrivedText): Markup {
  const { to, text } = arrived.message
  return html`<article>
    <h1>Text message</h1>
    <dl class="envelope">
      <div>
        <dt>To</dt>
        <dd>${to}</dd>
      </div>
      <div>
        <dt>Arrived</dt>
        <dd>${timeOf(arrived)}</dd>
      </div>
    </dl>
    <p class="bubble" dir="auto">${linked(text)}</p>
    <p class="count">${Array.from(text).length} characters</p>
  </article>`
}

function calendarOf(arrived: Arrived) {
  return arrived.channel === 'mail' ? arrived.mail.calendar : null
}

function titleOf(arrived: Arrived): string {
  return arrived.channel === 'mail' ? arrived.mail.subject : arrived.message.text
}

/** Whom it went to: by which they are told apart, and what they are called. */
function recipientOf(arrived: Arrived): { key: string; name: string } {
  if (arrived.channel === 'sms') return { key: arrived.message.to, name: arrived.message.to }
  const { name, address } = arrived.mail.to
  return { key: address, name: name === '' ? address : name }
}

/** In the time of this machine, which is that of whoever looks at its demo. */
function timeOf({ arrivedAt }: Arrived): Markup {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const shown = formatForPeople(arrivedAt, {
    timeZone,
    language: 'en-GB',
    parts: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  })
  return html`<time datetime="${formatUtc(arrivedAt)}">${shown}</time>`
}
