// The mailbox at /dev/mail, which the demo alone adds to its routes.

import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import type { App } from '#src/http/server.ts'
import { mailboxPage } from './mailbox-page.ts'
import type { ArrivedMail, MemoryMailbox } from './mailbox.ts'

const folder = new URL('mailbox-page/', import.meta.url)

const files = [
  { path: '/dev/mail/mailbox.css', file: 'mailbox.css', type: 'text/css; charset=utf-8' },
  { path: '/dev/mail/mailbox.js', file: 'mailbox.js', type: 'text/javascript; charset=utf-8' },
]

/**
 * What a mail's HTML may do: show its own styles and nothing from elsewhere, run nothing, and open its
 * links in a window of their own. The page around it is of the same origin, so that it can fit the
 * frame to the mail; without scripts in there that goes one way.
 */
const bodyPolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  'sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox',
].join('; ')

const htmlType = 'text/html; charset=utf-8'

const config = { audience: 'public' as const }
const Recipient = Type.Object({ to: Type.Optional(Type.String({ maxLength: 320 })) })
const Numbered = Type.Object({ number: Type.Integer({ minimum: 1 }) })

/** Adds the page and what it is made of. */
export function mailboxRoutes(app: App, mailbox: MemoryMailbox): void {
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder))
    app.get(path, { config, schema: { hide: true } }, async (_request, reply) =>
      reply.type(type).send(content),
    )
  }
  app.get(
    '/dev/mail',
    { config, schema: { hide: true, querystring: Recipient } },
    async ({ query }, reply) =>
      reply
        .type(htmlType)
        .send(mailboxPage({ all: mailbox.all(), to: query.to || null, open: null })),
  )
  app.get(
    '/dev/mail/:number',
    { config, schema: { hide: true, params: Numbered, querystring: Recipient } },
    async ({ params, query }, reply) => {
      const open = mailbox.find(params.number)
      return reply
        .code(open === undefined ? 404 : 200)
        .type(htmlType)
        .send(mailboxPage({ all: mailbox.all(), to: query.to || null, open }))
    },
  )
  app.get(
    '/dev/mail/:number/html',
    { config, schema: { hide: true, params: Numbered } },
    async ({ params }, reply) => {
      const arrived = mailOf(mailbox, params.number)
      return reply
        .code(arrived === undefined ? 404 : 200)
        .header('content-security-policy', bodyPolicy)
        .header('x-frame-options', 'SAMEORIGIN')
        .type(htmlType)
        .send(
          arrived === undefined ? 'This message is not here.' : withLinksAside(arrived.mail.html),
        )
    },
  )
  app.get(
    '/dev/mail/:number/invite.ics',
    { config, schema: { hide: true, params: Numbered } },
    async ({ params }, reply) => {
      const calendar = mailOf(mailbox, params.number)?.mail.calendar
      return calendar
        ? reply
            .header('content-disposition', 'attachment; filename="invite.ics"')
            .type('text/calendar; charset=utf-8')
            .send(calendar.content)
        : reply.code(404).type('text/plain; charset=utf-8').send('There is no invitation here.')
    },
  )
}

function mailOf(mailbox: MemoryMailbox, number: number): ArrivedMail | undefined {
  const arrived = mailbox.find(number)
  return arrived?.channel === 'mail' ? arrived : undefined
}

/** The document with its links opening in a new window, as in a mail program, and not in the frame. */
function withLinksAside(document: string): string {
  const base = '<base target="_blank">'
  const head = /<head(?:\s[^>]*)?>/i
  return head.test(document)
    ? document.replace(head, (opening) => `${opening}${base}`)
    : `<!doctype html>${base}${document}`
}
